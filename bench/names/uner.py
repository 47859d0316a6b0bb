"""A file of Universal NER as sentences for `carnet scan --jsonl`, or, with its answers, what it found of people, places and organisations.

    python3 uner.py FILE.iob2 > sentences.jsonl
    carnet scan --jsonl < sentences.jsonl > found.jsonl
    python3 uner.py FILE.iob2 found.jsonl
"""

import json
import sys

KINDS = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}


def sentences(path):
    for block in open(path, encoding="utf-8").read().split("\n\n"):
        text, spans, at = "", [], 0
        for line in block.splitlines():
            if line.startswith("# text = "):
                text = line[9:]
            if not line or line.startswith("#"):
                continue
            _, word, tag = line.split("\t")[:3]
            start = max(text.find(word, at), at)
            at = start + len(word)
            if tag.startswith("B-"):
                spans.append([KINDS.get(tag[2:], tag[2:]), start, at])
            elif tag.startswith("I-") and spans:
                spans[-1][2] = at
        if text:
            yield text, [tuple(s) for s in spans]


def f1(right_found, found, right_labels, labels):
    p, r = right_found / max(found, 1), right_labels / max(labels, 1)
    return f"precision {p:.3f} recall {r:.3f} F1 {2 * p * r / max(p + r, 1e-9):.3f}"


rows = list(sentences(sys.argv[1]))
if len(sys.argv) < 3:
    for n, (text, _) in enumerate(rows):
        print(json.dumps({"id": n, "text": text}, ensure_ascii=False))
    sys.exit()
answers = {a["id"]: a["entities"] for a in map(json.loads, open(sys.argv[2], encoding="utf-8"))}
for kind in KINDS.values():
    exact = labels = found = touched = touching = 0
    for n, (_, spans) in enumerate(rows):
        want = [s[1:] for s in spans if s[0] == kind]
        got = [(e["start"], e["end"]) for e in answers[n] if e["type"] == kind]
        exact += len(set(want) & set(got))
        labels, found = labels + len(want), found + len(got)
        touched += sum(any(a < y and x < b for x, y in got) for a, b in want)
        touching += sum(any(a < y and x < b for x, y in want) for a, b in got)
    print(f"{kind:12} {labels} labels, {found} found; exact {f1(exact, found, exact, labels)}; overlapping {f1(touching, found, touched, labels)}")
