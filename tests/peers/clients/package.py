"""Checks a package of Carnet with programs that know nothing of Carnet: zipfile, securesystemslib and in-toto-attestation for the
manifest, scitt-cose for the tree, sd-jwt for disclosures. Usage: package.py PACKAGE [CHANGE], where CHANGE damages
what is checked. Prints one word for each check that holds, and what failed."""

import base64, hashlib, io, json, sys, zipfile

from google.protobuf import json_format
from in_toto_attestation.v1 import statement, statement_pb2
from scitt_cose import merkle
from sd_jwt.common import SDJWTCommon
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

package, change = sys.argv[1], (sys.argv[2:] or [""])[0]
archive = zipfile.ZipFile(package)
assert archive.testzip() is None
files = {name: archive.read(name) for name in archive.namelist()}


def lines(name):
    return [json.loads(line) for line in files[name].splitlines()]


def url64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def swap(data, at=None):
    at = len(data) // 2 if at is None else at
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def key():
    name, number, public = files["trust/vkey"].decode().strip().split("+", 2)
    raw = base64.b64decode(public)[1:]
    return SSlibKey(f"{name}+{number}", "ed25519", "ed25519", {"public": raw.hex()})


def manifest():
    envelope = Envelope.from_dict(json.loads(files["manifest.dsse.json"]))
    if change == "manifest":
        envelope.payload = swap(envelope.payload)
    envelope.verify([key()], 1)
    said = json_format.Parse(envelope.payload, statement_pb2.Statement())
    statement.Statement.copy_from_pb(said).validate()
    assert envelope.payload == files["manifest.json"]
    listed = {s.name: s.digest["sha256"] for s in said.subject}
    assert set(listed) == set(files) - {"manifest.json", "manifest.dsse.json"}
    for name, digest in listed.items():
        data = swap(files[name]) if change == "file" and name == "log/leaves.jsonl" else files[name]
        assert hashlib.sha256(data).hexdigest() == digest, name


def leaves():
    out = []
    for line in files["log/leaves.jsonl"].splitlines():
        assert json.loads(line)["i"] == len(out)
        out.append(line[line.index(b',"leaf":') + 8 : -1])
    return out


def checkpoint(name):
    origin, size, root = files[name].decode().split("\n")[:3]
    return int(size), base64.b64decode(root).hex()


def inclusion():
    size, root = checkpoint("log/checkpoint.end")
    entries = [leaf.hex() for leaf in leaves()]
    if change == "inclusion":
        entries[3] = swap(leaves()[3]).hex()
    assert len(entries) == size
    assert merkle.merkle_root(entries) == root
    for index in range(size):
        proof = merkle.inclusion_proof(entries, index)
        assert merkle.verify_inclusion(entries[index], index, size, proof, root)


def consistency():
    """The proof that the package carries, against roots that are computed here."""
    old, new, *proof = files["log/consistency.txt"].decode().splitlines()
    old, new = int(old.split()[1]), int(new.split()[1])
    size, root = checkpoint("log/checkpoint.end")
    assert (old > 0, new) == (True, size)
    before, before_root = checkpoint("log/checkpoint.start")
    assert before == old
    proof = [base64.b64decode(line).hex() for line in proof]
    if change == "consistency":
        proof[0] = swap(bytes.fromhex(proof[0])).hex()
    assert merkle.verify_consistency(before_root, root, old, new, proof)


def disclosures():
    digests = {}
    for line in lines("log/leaves.jsonl"):
        digests[line["i"]] = line["leaf"].get("_sd", [])
    common, seen = SDJWTCommon("compact"), 0
    for line in lines("disclosures.jsonl"):
        for one in line["d"]:
            salt, name, value = json.loads(url64(one))
            if change == "disclosure" and name == "decision":
                one = base64.urlsafe_b64encode(json.dumps([salt, name, "deny"]).encode()).decode().rstrip("=")
            assert common._b64hash(one.encode("ascii")) in digests[line["i"]], name
            seen += 1
    assert seen > 0


checks = [manifest, disclosures]
checks.append(consistency if "log/checkpoint.start" in files else inclusion)
failed = False
for check in checks:
    try:
        check()
        print(check.__name__)
    except Exception as e:  # noqa: BLE001
        failed = True
        print(f"not {check.__name__}: {type(e).__name__}")
sys.exit(1 if failed else 0)
