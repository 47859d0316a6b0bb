"""Packages as one forges them who holds the key of the log: files are changed, the manifest is signed anew.

    forge.py PACKAGE SEED OUT       writes OUT/<what>.carnet for each way; SEED is the key, in hex
    forge.py PACKAGE SEED VKEY-FILE --bits STEP
                                    turns one bit at every STEP-th byte of what is not computed from records, and prints how often
                                    the second verifier says what; status 1 if it once says nothing"""

import base64
import collections
import hashlib
import json
import os
import sys
import zipfile

import second
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LEAVES, FACTS, FRAMES = "log/leaves.jsonl", "disclosures.jsonl", "frames/frames.jsonl"
KIND = "application/vnd.in-toto+json"


def sign(files, secret):
    """The archive of these files with a manifest over them."""
    files = dict(files)
    stated = json.loads(files.pop("manifest.json"))
    del files["manifest.dsse.json"]
    name, number, _ = files["trust/vkey"].decode().split("+", 2)
    subject = [{"digest": {"sha256": hashlib.sha256(c).hexdigest()}, "name": n} for n, c in sorted(files.items())]
    payload = second.canonical(stated | {"subject": subject}) + b"\n"
    pae = b"DSSEv1 %d %s %d %s" % (len(KIND), KIND.encode(), len(payload), payload)
    signature = {"keyid": f"{name}+{number}", "sig": base64.b64encode(secret.sign(pae)).decode()}
    envelope = {"payload": base64.b64encode(payload).decode(), "payloadType": KIND, "signatures": [signature]}
    files |= {"manifest.json": payload, "manifest.dsse.json": json.dumps(envelope, separators=(",", ":")).encode() + b"\n"}
    out = []
    for name, content in sorted(files.items()):
        info = zipfile.ZipInfo(name)
        info.CRC = zipfile.crc32(content)
        out.append((info, content))
    return second.written(out)


def lines(name, change):
    """A change of the lines of a file."""

    def apply(files):
        all = files[name].splitlines(keepends=True)
        change(all)
        files[name] = b"".join(all)

    return apply


def swap(all, a, b):
    all[a], all[b] = all[b], all[a]


def replace(all, n, old, new):
    assert old in all[n]
    all[n] = all[n].replace(old, new)


def facts(change):
    """A change of the disclosures of the first record that has any."""

    def apply(all):
        line = json.loads(all[0])
        change(line["d"])
        all[0] = second.canonical(line) + b"\n"

    return lines(FACTS, apply)


def another_value(d):
    """Under the old salt."""
    salt, name, _ = json.loads(second.from_url64(d[0]))
    d[0] = second.url64(second.canonical([salt, name, "x"]))


def swap_facts(all):
    """Facts of two records, each under the other's index."""
    first, other = json.loads(all[0]), json.loads(all[2])
    first["d"], other["d"] = other["d"], first["d"]
    all[0], all[2] = (second.canonical(line) + b"\n" for line in (first, other))


def count(files):
    stated = json.loads(files["manifest.json"])
    stated["predicate"]["counts"]["withheld"] += 1
    files["manifest.json"] = second.canonical(stated) + b"\n"


def states(change):
    def apply(files):
        for name in [n for n in files if n.startswith("state/policies/")]:
            change(files, name)

    return apply


WAYS = {
    "nothing": lambda files: None,
    "omit": lines(LEAVES, lambda all: all.pop(4)),
    "truncate": lines(LEAVES, lambda all: all.pop()),
    "reorder": lines(LEAVES, lambda all: swap(all, 4, 5)),
    "replace": lines(LEAVES, lambda all: replace(all, 4, b"call.outcome", b"call.orphan")),
    "insert": lines(LEAVES, lambda all: all.insert(4, all[3])),
    "an unknown type": lines(LEAVES, lambda all: replace(all, 4, b"call.outcome", b"call.comeout")),
    "another order of members": lines(LEAVES, lambda all: replace(all, 1, b'"ty":"gw.start","v":"carnet/1"', b'"v":"carnet/1","ty":"gw.start"')),
    "swap facts": lines(FACTS, swap_facts),
    "another value": facts(another_value),
    "a fact left out": facts(lambda d: d.pop(0)),
    "a fact twice": facts(lambda d: d.append(d[0])),
    "all facts left out": lines(FACTS, lambda all: all.pop(0)),
    "a frame changed": lines(FRAMES, lambda all: replace(all, 0, b"EMAIL", b"IBAN")),
    "a frame left out": lines(FRAMES, lambda all: all.pop(0)),
    "a frame of no record": lines(FRAMES, lambda all: all.append(b'{"frame":"{}","i":99}\n')),
    "withheld and there": lambda files: files.update({"withheld.jsonl": b'{"d":"outside-filter","i":3}\n'}),
    "withheld for no reason of the list": lambda files: files.update({"withheld.jsonl": b'{"d":"x","i":3}\n'}),
    "a count": count,
    "no state": states(lambda files, name: files.pop(name)),
    "another state": states(lambda files, name: files.update({name: b"{}"})),
    "no end": lambda files: files.pop("log/checkpoint.end"),
    "another frontier": lambda files: files.update({"log/frontier.start.json": b'{"hashes":[],"size":1}\n'}),
    "another proof": lambda files: files.update({"log/consistency.txt": files["log/consistency.txt"] + base64.b64encode(bytes(32)) + b"\n"}),
}


def bits(files, secret, vkey, step):
    """One bit at a time, each file signed as it is then."""
    said, silent = collections.Counter(), 0
    for name, content in files.items():
        if not name.startswith(("log/", "state/", "frames/", "disclosures", "withheld")):
            continue
        for at in range(0, len(content), step):
            changed = content[:at] + bytes([content[at] ^ 1 << at % 7]) + content[at + 1 :]
            found = second.Package(sign(files | {name: changed}, secret), vkey).check()
            said.update(found)
            if not found:
                silent += 1
                print(f"nothing is said of byte {at} of {name}")
    print(*(f"{fault} {n}" for fault, n in sorted(said.items())), sep="\n")
    return 1 if silent else 0


def main(package, seed, where, *words):
    files = second.read_archive(open(package, "rb").read())
    secret = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    if words:
        return bits(files, secret, open(where).read(), int(words[1]))
    for what, change in WAYS.items():
        changed = dict(files)
        change(changed)
        with open(os.path.join(where, f"{what}.carnet"), "wb") as out:
            out.write(sign(changed, secret))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
