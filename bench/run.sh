#!/usr/bin/env bash
# run.sh [options of run.py]: builds everything, makes a key set and a token, measures, prints the tables.
# Needs nginx (apt-get install nginx-light; done here when it is missing and may be) and root for a network namespace
# (or --no-netns).
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v nginx >/dev/null; then
  apt-get install -y -q --no-install-recommends nginx-light >/dev/null || { echo "nginx is missing: apt-get install nginx-light" >&2; exit 1; }
fi
cargo build --quiet --release -p mcpload -p mcp-upstream
(cd .. && cargo build --quiet --profile dist -p carnet)
mkdir -p run
python3 make_token.py run
out=run/$(date +%Y%m%d-%H%M%S).jsonl
python3 run.py suite.toml "$out" "$@"
python3 table.py "$out"
python3 ratios.py "$out"
