#!/usr/bin/env python3
"""cells.py [--bin PATH] [--rounds N] [--secs S] [--only calls,many]: what a front costs.

calls: one cell is reached by its own listener and by a front, in turn, with the same load. CPU time (utime+stime, every
process by itself) per call: what the front adds is front + cell behind it - cell alone, in one round. And how much of the
direct throughput a tunnel gives for results of 1 MiB.

many: 50 cells with 20 servers each, real processes, behind one front: how long until all have joined, how much memory the
front takes, and what a call through it costs in the front, beside one cell with one server.

Needs `cargo build --release -p mcpload -p mcp-upstream` here, and a gateway. Prints Markdown tables."""
import argparse, http.client, json, os, shutil, signal, statistics, subprocess, sys, tempfile, threading, time

from run import TICK, stat

HERE = os.path.dirname(os.path.abspath(__file__))
UP, FRONT, CELL, TUNNEL, ADMIN = 9100, 9600, 9601, 9602, 9603
KINDS = [("echo", "--kind echo", 16), ("echo@500", "--kind echo --rate 500", 16), ("rows16k", "--kind rows:16384", 16),
         ("rows1m", "--kind rows:1048576", 4)]


def sh(*argv, cwd=None):
    subprocess.run(argv, cwd=cwd, check=True, capture_output=True)


def certificates(folder, names):
    """A root, and a certificate for 127.0.0.1 with its key for each name."""
    sh("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=root", cwd=folder)
    with open(f"{folder}/ext", "w") as f:
        f.write("subjectAltName=IP:127.0.0.1\n")
    for n in names:
        sh("openssl", "req", "-newkey", "ed25519", "-nodes", "-keyout", f"{n}.key", "-out", f"{n}.csr", "-subj", f"/CN={n}", cwd=folder)
        sh("openssl", "x509", "-req", "-in", f"{n}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "ext", "-out", f"{n}.pem", cwd=folder)
    sh("openssl", "genpkey", "-algorithm", "ed25519", "-out", "assertions.key", cwd=folder)
    sh("openssl", "pkey", "-in", "assertions.key", "-pubout", "-out", "assertions.pub", cwd=folder)


def fingerprint(binary, folder, name):
    return subprocess.run([binary, "cell", "fingerprint", f"{folder}/{name}.pem"], check=True, capture_output=True, text=True).stdout.strip()


def identity():
    base = open(f"{HERE}/carnet.yaml").read()
    return base[base.index("identity:"):base.index("policies:")]


def write_cell(folder, name, servers, listener=None):
    listeners = f"listeners:\n  - address: 127.0.0.1:{listener}\n" if listener else "listeners: []\n"
    lines = "".join(f"  {s}:\n    url: http://127.0.0.1:{UP}/mcp\n    region: de\n    limits: {{ response_body: 16MiB, concurrency: 256 }}\n" for s in servers)
    # The set of policies is written for a server of this name.
    more = ""
    if servers != ["bench"]:
        more = ", ./more.cedar"
        open(f"{folder}/more.cedar", "w").write('@id("call-echo") permit (principal in Group::"analysts", action == Action::"tools/call", resource) when { resource.name == "echo" };\n')
    text = (f"version: 1\ncell: {{ name: {name}, region: de }}\ndata: ./{name}-data\n{listeners}{identity()}policies: [{HERE}/policies{more}]\n"
            f"servers:\n{lines}front:\n  address: 127.0.0.1:{TUNNEL}\n  name: front\n  certificate: ./{name}.pem\n  key: file:./{name}.key\n"
            f"  ca: ./ca.pem\n  assertions: ./assertions.pub\nlimits: {{ response_body: 16MiB }}\ntelemetry: {{ log: {{ level: warn, format: json }} }}\n")
    path = f"{folder}/{name}.yaml"
    open(path, "w").write(text)
    return path


def write_front(binary, folder, cells):
    rows = "".join(f"  {n}: {{ certificate: \"{fingerprint(binary, folder, n)}\", region: de, servers: [{', '.join(s)}] }}\n" for n, s in cells.items())
    text = (f"version: 1\nname: front\nregion: de\ndata: ./front-data\nlisteners:\n  - address: 127.0.0.1:{FRONT}\n{identity()}"
            f"assertions: file:./assertions.key\ntunnel:\n  address: 127.0.0.1:{TUNNEL}\n  tls: {{ certificate: ./front.pem, key: \"file:./front.key\", client_ca: ./ca.pem }}\n"
            f"admin: {{ address: \"127.0.0.1:{ADMIN}\" }}\ntelemetry: {{ log: {{ level: warn, format: json }} }}\ncells:\n{rows}")
    path = f"{folder}/front.yaml"
    open(path, "w").write(text)
    return path


class Process:
    def __init__(self, argv, cpus=None, mark=None):
        argv = (["taskset", "-c", str(cpus)] if cpus is not None else []) + argv
        self.p = subprocess.Popen(argv, stderr=subprocess.PIPE if mark else subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True)
        if mark:
            said = ""
            for line in self.p.stderr:
                said += line
                if mark in line:
                    break
            else:
                sys.exit(f"{argv}: {said}")
            # What it still says must not fill the pipe.
            threading.Thread(target=lambda: [None for _ in self.p.stderr], daemon=True).start()

    def cpu(self):
        return stat(self.p.pid)[1]

    def memory(self):
        for line in open(f"/proc/{self.p.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024

    def stop(self):
        if self.p.poll() is None:
            self.p.send_signal(signal.SIGTERM)
            try:
                self.p.wait(40)
            except subprocess.TimeoutExpired:
                self.p.kill()
                self.p.wait()


def ready(names):
    """The front's view of its cells; waits until each of these has two connections. Gives seconds."""
    begin = time.monotonic()
    while time.monotonic() - begin < 300:
        try:
            c = http.client.HTTPConnection("127.0.0.1", ADMIN, timeout=5)
            c.request("GET", "/readyz")
            cells = json.loads(c.getresponse().read())["cells"]
            if all(cells[n]["connections"] >= 2 for n in names):
                return time.monotonic() - begin
        except (OSError, ValueError, KeyError):
            pass
        time.sleep(0.05)
    sys.exit("the cells did not join")


def load(url, args, conns, secs, processes):
    """One run of the load generator: its own result, and CPU microseconds per call of each process."""
    argv = [f"{HERE}/target/release/mcpload", "--url", url, "--secs", str(secs), "--warmup", "0.8", "--conns", str(conns),
            "--token-file", f"{HERE}/run/token", *args.split()]
    p = subprocess.Popen(["taskset", "-c", "1", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    marks = {}
    for line in p.stderr:
        if line.strip() in ("MEASURE", "DONE"):
            marks[line.strip()] = (time.monotonic(), [x.cpu() for x in processes])
    out = p.stdout.read()
    p.wait()
    r = json.loads(out.strip().splitlines()[-1])
    if r["errors"] or not r["requests"]:
        sys.exit(f"{url}: {r}")
    (t0, a), (t1, b) = marks["MEASURE"], marks["DONE"]
    n = r["requests"] * (t1 - t0) / r["secs"]
    r["cpu_us"] = [(y - x) / n * 1e6 for x, y in zip(a, b)]
    return r


def calls(o, folder):
    certificates(folder, ["front", "eu"])
    front = Process([o.bin, "front", "--config", write_front(o.bin, folder, {"eu": ["bench"]})], 0, "carnet: ready")
    cell = Process([o.bin, "cell", "join", "--config", write_cell(folder, "eu", ["bench"], CELL)], 0, "carnet: ready")
    rows = {}
    try:
        ready(["eu"])
        for _ in range(o.rounds):
            for name, args, conns in KINDS:
                direct = load(f"http://127.0.0.1:{CELL}/mcp/bench", args, conns, o.secs, [cell, front])
                through = load(f"http://127.0.0.1:{FRONT}/mcp/bench", args, conns, o.secs, [cell, front])
                rows.setdefault(name, []).append((direct, through))
                d, t = direct["cpu_us"], through["cpu_us"]
                print(f"{name:<10} cell alone {d[0]:7.1f}  cell behind {t[0]:7.1f}  front {t[1]:7.1f}  rps {direct['rps']:.0f} / {through['rps']:.0f}", file=sys.stderr, flush=True)
    finally:
        cell.stop()
        front.stop()
    print("| kind | cell alone µs | cell behind µs | front µs | front adds µs | direct req/s | through req/s | through / direct |")
    print("|---|---|---|---|---|---|---|---|")
    for name, pairs in rows.items():
        m = lambda f: statistics.median(f(d, t) for d, t in pairs)
        added = m(lambda d, t: t["cpu_us"][0] + t["cpu_us"][1] - d["cpu_us"][0])
        print(f"| {name} | {m(lambda d, t: d['cpu_us'][0]):.0f} | {m(lambda d, t: t['cpu_us'][0]):.0f} | {m(lambda d, t: t['cpu_us'][1]):.0f} | {added:.0f} "
              f"| {m(lambda d, t: d['rps']):.0f} | {m(lambda d, t: t['rps']):.0f} | {m(lambda d, t: t['rps'] / d['rps']):.2f} |")


def many(o, folder, cells=50, servers=20):
    names = [f"c{i:02}" for i in range(cells)]
    certificates(folder, ["front", *names])
    owned = {n: [f"{n}-s{j:02}" for j in range(servers)] for n in names}
    front = Process([o.bin, "front", "--config", write_front(o.bin, folder, owned)], 0, "carnet: ready")
    empty = front.memory()
    running = []
    try:
        for n in names:
            running.append(Process([o.bin, "cell", "join", "--config", write_cell(folder, n, owned[n])], None, "carnet: ready"))
        ready(names)
        joined = front.memory()
        # A front that is started again: all are joined anew.
        front.stop()
        begin = time.monotonic()
        front = Process([o.bin, "front", "--config", f"{folder}/front.yaml"], 0, "carnet: ready")
        ready(names)
        again = time.monotonic() - begin
        cost = []
        for n in (names[0], names[-1]):
            r = load(f"http://127.0.0.1:{FRONT}/mcp/{owned[n][-1]}", "--kind echo", 16, o.secs, [front])
            cost.append(r["cpu_us"][0])
        total = sum(p.memory() for p in running)
        print(f"| {cells} cells, {cells * servers} servers | |\n|---|---|")
        print(f"| front, no cell yet / all joined / after calls | {empty:.0f} / {joined:.0f} / {front.memory():.0f} MiB |")
        print(f"| all cells together | {total:.0f} MiB, {total / cells:.1f} each |")
        print(f"| all joined again after the front was started again | {again:.1f} s |")
        print(f"| front, CPU per small call to the first and last cell | {cost[0]:.0f}, {cost[1]:.0f} µs |")
    finally:
        for p in running:
            p.p.send_signal(signal.SIGTERM)
        for p in running:
            p.stop()
        front.stop()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bin", default=f"{HERE}/../target/dist/carnet")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--secs", type=float, default=3)
    ap.add_argument("--only", default="calls,many")
    o = ap.parse_args()
    o.bin = os.path.abspath(o.bin)
    # In a network namespace of its own, with a loopback device and nothing else.
    if not os.environ.get("BENCH_NETNS"):
        os.environ["BENCH_NETNS"] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable] + sys.argv)
    os.makedirs(f"{HERE}/run", exist_ok=True)
    sh(sys.executable, f"{HERE}/make_token.py", f"{HERE}/run")
    up = Process([f"{HERE}/target/release/mcp-upstream", "--listen", f"127.0.0.1:{UP}", "--jwks", f"{HERE}/run/jwks.json"], 1)
    time.sleep(0.5)
    try:
        for what in o.only.split(","):
            with tempfile.TemporaryDirectory() as folder:
                {"calls": calls, "many": many}[what](o, folder)
    finally:
        up.stop()


if __name__ == "__main__":
    main()
