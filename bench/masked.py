#!/usr/bin/env python3
"""masked.py [--bin PATH] [--rounds N] [--secs S] [--bytes N]: what masking a large result costs.

The gateway of carnet.yaml three times: with every class disabled, so that nothing is looked for; with patterns and keys; and as
it is by default, with names too. Each forwards the same results in turn, and CPU time (utime+stime) per call is sampled. What
masking adds is the difference within a round. Records have a value to hide for each 25 bytes or so, as JSON in a text and as
structured content; a catalogue and prose have none.

Needs `cargo build --release -p mcpload -p mcp-upstream` here, and a gateway. Prints a Markdown table."""
import argparse, os, re, shutil, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.request

from cells import HERE, UP, Process, load

PORT = 9500
CLASSES = re.findall(r'^    [A-Z_]+ = \d+, "(\w+)"', open(f"{HERE}/../crates/model/src/class.rs").read(), re.M)
MODES = [("nothing looked for", f"masking: {{ disable: [{', '.join(CLASSES)}] }}\n"), ("patterns and keys", "masking: { names: keys }\n"),
         ("with names", "")]
KINDS = [("records in a text", "--shape text"), ("records, structured", "--shape structured"),
         ("catalogue in a text", "--shape catalogue"), ("prose", "--shape prose")]


def write(folder, masking):
    text = open(f"{HERE}/carnet.yaml").read().replace("./policies", f"{HERE}/policies").replace("./run/data", "./data")
    path = f"{folder}/carnet.yaml"
    open(path, "w").write(text + masking)
    return path


def up(url, process):
    for _ in range(150):
        try:
            urllib.request.urlopen(url, timeout=2).read()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.p.poll() is not None:
                break
            time.sleep(0.2)
    sys.exit(f"{url} does not answer")


def measure(o, masking):
    """CPU milliseconds per call for each kind."""
    folder = tempfile.mkdtemp()
    gateway = Process([o.bin, "serve", "--config", write(folder, masking)], 0)
    try:
        up(f"http://127.0.0.1:{PORT}/healthz", gateway)
        return [load(f"http://127.0.0.1:{PORT}/mcp/bench", f"--kind rows:{o.bytes} {args}", 4, o.secs, [gateway])["cpu_us"][0] / 1000
                for _, args in KINDS]
    finally:
        gateway.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bin", default=f"{HERE}/../target/release/carnet")
    ap.add_argument("--rounds", type=int, default=3), ap.add_argument("--secs", type=float, default=3)
    ap.add_argument("--bytes", type=int, default=1 << 20)
    o = ap.parse_args()
    o.bin = os.path.abspath(o.bin)
    if not os.environ.get("BENCH_NETNS"):
        os.environ["BENCH_NETNS"] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable] + sys.argv)
    os.makedirs(f"{HERE}/run", exist_ok=True)
    subprocess.run([sys.executable, f"{HERE}/make_token.py", f"{HERE}/run"], check=True)
    upstream = Process([f"{HERE}/target/release/mcp-upstream", "--listen", f"127.0.0.1:{UP}", "--jwks", f"{HERE}/run/jwks.json"], 1)
    try:
        up(f"http://127.0.0.1:{UP}/health", upstream)
        rounds = [[measure(o, masking) for _, masking in MODES] for _ in range(o.rounds)]
    finally:
        upstream.stop()
    print(f"CPU milliseconds per call, {o.bytes} bytes, median of {o.rounds} rounds; in brackets what masking adds\n")
    print("| | " + " | ".join(name for name, _ in MODES) + " |\n|" + "---|" * (len(MODES) + 1))
    for k, (kind, _) in enumerate(KINDS):
        cells = []
        for m in range(len(MODES)):
            cost = statistics.median(r[m][k] for r in rounds)
            more = statistics.median(r[m][k] - r[0][k] for r in rounds)
            cells.append(f"{cost:.1f}" + (f" ({more:+.1f})" if m else ""))
        print(f"| {kind} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
