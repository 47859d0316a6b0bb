#!/bin/sh
# Asks all others for all sets and scores them: run.sh WORK. Not part of CI: it installs what it compares with.
set -eu
here=$(cd "$(dirname "$0")" && pwd); work=$1; sets=$(ls "$here"/../sets/*/*.jsonl); root=$here/../../..
[ -d "$work/venv" ] || { python3 -m venv "$work/venv"; "$work/venv/bin/pip" install -q -r "$here/requirements.txt"; }
for tool in presidio presidio-all contextforge; do "$work/venv/bin/python" "$here/ask.py" $tool "$work/$tool" $sets; done
CARGO_TARGET_DIR="$work/target" cargo build --release --quiet --features redact-core --manifest-path "$here/crates/Cargo.toml"
for tool in leakguard llm-pii-redact redact-core; do "$work/target/release/others" $tool "$work/$tool" $sets; done
cd "$root" && cargo xtask score --beside "$work"
