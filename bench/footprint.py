#!/usr/bin/env python3
"""footprint.py [--bin PATH] [--sessions N] [--policies N[,N...]]: start-up time, memory at many open sessions, and CPU
time per small call as sessions, log size and policies grow. Uses the folder `run` that run.sh makes (key set, token);
starts the bench's upstream and the gateway itself, on loopback. One JSON line a measurement."""
import argparse, http.client, json, os, shutil, subprocess, sys, tempfile, time

TICK = os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.abspath(__file__))


def cpu(pid):
    f = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(f[11]) + int(f[12])) / TICK


def memory(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024


class Client:
    """One connection and, after `open`, one session."""

    def __init__(self, token):
        self.c = http.client.HTTPConnection("127.0.0.1", 9500)
        self.h = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream",
                  "Authorization": f"Bearer {token}"}

    def post(self, message):
        self.c.request("POST", "/mcp/bench", json.dumps(message), self.h)
        r = self.c.getresponse()
        body = r.read()
        if r.status not in (200, 202):
            sys.exit(f"status {r.status}: {body[:200]}")
        return r

    def open(self):
        r = self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "footprint", "version": "1"}}})
        self.h["Mcp-Session-Id"] = r.getheader("mcp-session-id")
        self.h["MCP-Protocol-Version"] = "2025-06-18"
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def echo(self, n):
        self.post({"jsonrpc": "2.0", "id": n, "method": "tools/call",
                   "params": {"name": "echo", "arguments": {"message": "hello"}}})


def start(binary, folder, policies):
    """The gateway on a fresh folder with this many policies beside the bench's own; seconds until it is ready."""
    shutil.copytree(f"{HERE}/policies", f"{folder}/policies")
    more = [f'@id("more-{i}") permit (principal in Group::"team-{i}", action == Action::"tools/call", '
            f'resource == Tool::"bench.tool_{i}");' for i in range(policies)]
    open(f"{folder}/policies/more.cedar", "w").write("\n".join(more))
    config = open(f"{HERE}/carnet.yaml").read().replace("./run/data", f"{folder}/data").replace("./policies", f"{folder}/policies")
    open(f"{folder}/carnet.yaml", "w").write(config)
    begin = time.monotonic()
    p = subprocess.Popen([binary, "serve", "--config", f"{folder}/carnet.yaml"], stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if "carnet: ready" in line:
            return p, time.monotonic() - begin
    sys.exit("the gateway did not start")


def per_call(pid, clients, calls=3000):
    for c in clients[:8]:
        c.echo(1)
    before = cpu(pid)
    for i in range(calls):
        clients[i % min(8, len(clients))].echo(i)
    return (cpu(pid) - before) / calls * 1e6


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--bin", default=f"{HERE}/../target/dist/carnet")
    ap.add_argument("--sessions", type=int, default=1000)
    ap.add_argument("--policies", default="0,100,1000")
    o = ap.parse_args()
    token = open(f"{HERE}/run/token").read().strip()
    upstream = subprocess.Popen([f"{HERE}/target/release/mcp-upstream", "--listen", "127.0.0.1:9100", "--jwks", f"{HERE}/run/jwks.json"],
                                stderr=subprocess.DEVNULL)
    gateway = None
    try:
        time.sleep(0.3)
        for policies in map(int, o.policies.split(",")):
            folder = tempfile.mkdtemp(prefix="carnet-footprint")
            gateway, ready = start(o.bin, folder, policies)
            out = {"policies": policies, "ready_ms": round(ready * 1e3, 1), "idle_mib": memory(gateway.pid)}
            clients = [Client(token).open() for _ in range(8)]
            out["cpu_us_8_sessions"] = round(per_call(gateway.pid, clients), 1)
            if policies == 0:
                # Beyond the first eight a session keeps no connection: what is measured is the session.
                for _ in range(o.sessions - 8):
                    Client(token).open().c.close()
                out["sessions"] = o.sessions
                out["mib_at_sessions"] = memory(gateway.pid)
                out["cpu_us_at_sessions"] = round(per_call(gateway.pid, clients), 1)
                for _ in range(5):
                    per_call(gateway.pid, clients)
                out["cpu_us_after_15000_more_calls"] = round(per_call(gateway.pid, clients), 1)
            print(json.dumps(out), flush=True)
            gateway.terminate()
            gateway.wait()
            if policies == 0:
                gateway, ready = subprocess.Popen([o.bin, "serve", "--config", f"{folder}/carnet.yaml"], stderr=subprocess.PIPE, text=True), 0
                begin = time.monotonic()
                for line in gateway.stderr:
                    if "carnet: ready" in line:
                        break
                print(json.dumps({"ready_again_ms": round((time.monotonic() - begin) * 1e3, 1)}), flush=True)
                gateway.terminate()
                gateway.wait()
            shutil.rmtree(folder)
    finally:
        for p in (gateway, upstream):
            if p and p.poll() is None:
                p.terminate()


if __name__ == "__main__":
    main()
