#!/usr/bin/env python3
"""ratios.py OUT.jsonl: gateway CPU per call in multiples of nginx in the same run (median over rounds), against the aim."""
import json, statistics, sys

AIM = {"echo": 4, "rows16k": 6, "rows16k-struct": 6, "rows16k-sse": 6, "rows256k": 9, "rows256k-struct": 9, "rows1m": 9}
rows = [json.loads(line) for line in open(sys.argv[1])]
cpu = lambda peer, kind: [r["peer_cpu_us"] for r in rows if r["peer"] == peer and r["kind"] == kind and "failed" not in r]
peers = [p for p in dict.fromkeys(r["peer"] for r in rows) if p not in ("direct", "nginx")]
print("\n### CPU per call in multiples of nginx\n\n| kind | nginx µs | " + " | ".join(f"{p} µs | × nginx" for p in peers) + " | aim |")
print("|---|---|" + "---|---|" * len(peers) + "---|")
for kind in dict.fromkeys(r["kind"] for r in rows):
    floor = cpu("nginx", kind)
    if not floor:
        continue
    floor = statistics.median(floor)
    cells = []
    for peer in peers:
        mine = cpu(peer, kind)
        cells += [f"{statistics.median(mine):.0f}", f"{statistics.median(mine) / floor:.1f}"] if mine else ["–", "–"]
    print(f"| {kind} | {floor:.0f} | " + " | ".join(cells) + f" | {AIM.get(kind, '')} |")
