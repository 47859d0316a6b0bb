"""A second verifier of packages, written from docs/evidence-format.md alone. It shares nothing with Carnet: Python, and Ed25519 from
`cryptography`. It checks the archive, the manifest, checkpoints, completeness, leaves, sessions, calls, heartbeats, approvals as leaves
show them, disclosures, frames, slots and the state. It does not compute reports again, decide again, or judge witnesses and time
stamps.

    second.py VKEY-FILE PACKAGE...    a line `PACKAGE: faults` for each; status 0 if there are none"""

import base64
import hashlib
import io
import json
import re
import struct
import sys
import zipfile

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CLOCK = 300
MOST = 2**53 - 1
WHY = {"outside-period", "outside-filter", "restricted", "erased", "key-missing"}
TYPES = {
    "cell.genesis": "key region region_known", "gw.start": "every version", "gw.stop": "why", "gap": "from to why",
    "heartbeat": "every", "session.open": "", "session.close": "leaves calls why", "call.decision": "", "call.outcome": "",
    "call.orphan": "why", "approval.request": "why quorum until", "approval.vote": "why grant", "approval.consume": "why",
    "approval.expire": "why", "breakglass.open": "why", "breakglass.review": "why", "policy.activate": "hash result",
    "config.change": "hash result", "admin.read": "why", "key.create": "why", "key.destroy": "why", "erasure.request": "why",
    "erasure.done": "why", "hold.set": "why", "hold.release": "why", "restrict.set": "why", "restrict.release": "why",
    "export.made": "hash why", "period.close": "from to", "retention.prune": "to why", "witness.change": "hash why",
    "anchor": "hash to why",
}
MEMBERS = set("_sd _sd_alg bl ep gs kr n of ow ps t ty v x".split())


class Wrong(Exception):
    """A fault that ends a step."""


def sha(data):
    return hashlib.sha256(data).digest()


def leaf_hash(leaf):
    return sha(b"\0" + leaf)


def node(left, right):
    return sha(b"\1" + left + right)


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_url64(text, length=None):
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text):
        raise ValueError(text)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if url64(data) != text or length not in (None, len(data)):
        raise ValueError(text)
    return data


def canonical(value):
    """RFC 8785, for what a leaf can hold."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def strict(data):
    """JSON without duplicate members, fractions and big numbers."""

    def pairs(items):
        out = dict(items)
        if len(out) != len(items):
            raise ValueError("member twice")
        return out

    def refuse(text):
        raise ValueError(text)

    return json.loads(data.decode(), object_pairs_hook=pairs, parse_float=refuse, parse_constant=refuse)


class Frontier:
    """The roots of the whole subtrees, largest first."""

    def __init__(self, size, hashes):
        if len(hashes) != bin(size).count("1"):
            raise ValueError("frontier")
        self.size, self.hashes = size, list(hashes)

    def push(self, hash):
        size = self.size
        while size & 1:
            hash, size = node(self.hashes.pop(), hash), size >> 1
        self.hashes.append(hash)
        self.size += 1

    def root(self):
        if not self.hashes:
            return sha(b"")
        *rest, root = self.hashes
        for left in reversed(rest):
            root = node(left, root)
        return root


def consistent(old, new, proof, before, after):
    """RFC 9162, section 2.1.4.2."""
    if old == 0 or old == new:
        return not proof and (old == 0 or before == after)
    path = ([before] if old & (old - 1) == 0 else []) + proof
    if not path or old > new:
        return False
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for hash in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(hash, fr), node(hash, sr)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, hash)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == before and sr == after


def read_archive(data):
    """The files of an archive, if its bytes are what this module would write for them."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        files = [(i, archive.read(i)) for i in archive.infolist()]
    except Exception as e:
        raise Wrong("archive-malformed") from e
    names = [i.filename.lower() for i, _ in files]
    if len(set(names)) != len(names):
        raise Wrong("archive-name-twice")
    for name in (i.filename for i, _ in files):
        parts = name.split("/")
        if len(name) > 200 or not re.fullmatch(r"[A-Za-z0-9._/-]+", name) or any(p == "" or p[0] == "." for p in parts):
            raise Wrong("archive-unsafe-name")
    if any(i.compress_type != 0 or i.flag_bits != 0 for i, _ in files):
        raise Wrong("archive-compressed")
    small = all(i.file_size < 2**32 - 1 and i.header_offset < 2**32 - 1 for i, _ in files) and len(files) < 65535
    if small and written(files) != data:
        raise Wrong("archive-headers-differ")
    return {i.filename: content for i, content in files}


def written(files):
    """The archive of files, as the page says that it is laid out."""
    out, directory = b"", b""
    for info, content in files:
        name, at = info.filename.encode(), len(out)
        common = struct.pack("<HHHHIIIHH", 0, 0, 0, 0x21, info.CRC, len(content), len(content), len(name), 0)
        out += b"PK\3\4" + struct.pack("<H", 10) + common + name + content
        directory += b"PK\1\2" + struct.pack("<HH", 3 << 8 | 30, 10) + common
        directory += struct.pack("<HHHII", 0, 0, 0, 0o100644 << 16, at) + name
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(directory), len(out), 0)
    return out + directory + b"PK\5\6" + end


class Package:
    def __init__(self, data, vkey=None):
        self.faults = []
        self.data, self.vkey = data, vkey

    def fault(self, name):
        if name not in self.faults:
            self.faults.append(name)

    def check(self):
        try:
            self.files = read_archive(self.data)
            self.key()
            self.manifest()
            self.checkpoints()
            self.records()
        except Wrong as wrong:
            self.fault(str(wrong))
        return self.faults

    # The verifier key, C2SP signed-note: <name>+<id in hex>+<base64 of 0x01 and the key>.
    def key(self):
        text = self.vkey or self.files.get("trust/vkey", b"").decode(errors="replace")
        try:
            self.name, number, public = text.strip().split("+", 2)
            public = base64.b64decode(public, validate=True)
            self.id = sha(self.name.encode() + b"\n" + public)[:4]
            assert public[0] == 1 and len(public) == 33 and self.id.hex() == number
        except (ValueError, AssertionError, IndexError) as e:
            raise Wrong("key-unusable") from e
        self.text, self.public = text.strip(), Ed25519PublicKey.from_public_bytes(public[1:])

    def signed(self, signature, message):
        try:
            self.public.verify(signature, message)
            return True
        except InvalidSignature:
            return False

    def manifest(self):
        if not {"manifest.json", "manifest.dsse.json"} <= set(self.files):
            raise Wrong("manifest-missing")
        said = self.files["manifest.json"]
        try:
            envelope = strict(self.files["manifest.dsse.json"])
            self.stated = strict(said)
            assert canonical(self.stated) + b"\n" == said
            kind, (signature,) = envelope["payloadType"], envelope["signatures"]
            payload = base64.b64decode(envelope["payload"], validate=True)
            raw = base64.b64decode(signature["sig"], validate=True)
            assert kind == "application/vnd.in-toto+json" and payload == said
            assert signature["keyid"] == f"{self.name}+{self.id.hex()}"
            predicate = self.stated["predicate"]
            assert predicate["format"] == "carnet-package/1"
            listed = {s["name"]: s["digest"]["sha256"] for s in self.stated["subject"]}
            self.lo, self.hi = predicate["range"]["from"], predicate["range"]["to"]
        except (ValueError, KeyError, TypeError, AssertionError) as e:
            raise Wrong("manifest-malformed") from e
        pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
        if not self.signed(raw, pae):
            self.fault("manifest-signature")
        if predicate["origin"] != self.name or predicate["key"] != self.text:
            self.fault("manifest-wrong")
        there = {n: hashlib.sha256(c).hexdigest() for n, c in self.files.items() if not n.startswith("manifest.")}
        for name in listed.keys() - there.keys():
            self.fault("file-missing")
        for name in there.keys() - listed.keys():
            self.fault("file-unlisted")
        if any(listed[n] != there[n] for n in listed.keys() & there.keys()):
            self.fault("file-altered")

    def checkpoint(self, name):
        """Size and root of a signed checkpoint."""
        if name not in self.files:
            raise Wrong("checkpoint-missing")
        try:
            text, signatures = self.files[name].decode().split("\n\n")
            origin, size, root = (text + "\n").removesuffix("\n").split("\n")
            size, root = int(size), base64.b64decode(root, validate=True)
            assert len(root) == 32
        except (ValueError, AssertionError) as e:
            raise Wrong("checkpoint-malformed") from e
        good = False
        for line in signatures.splitlines():
            found = re.fullmatch(r"— (\S+) ([A-Za-z0-9+/]+={0,2})", line)
            if not found or len(found[2]) % 4:
                raise Wrong("checkpoint-malformed")
            raw = base64.b64decode(found[2])
            good |= found[1] == self.name and raw[:4] == self.id and self.signed(raw[4:], text.encode() + b"\n")
        if not good:
            raise Wrong("checkpoint-signature")
        if origin != self.name:
            raise Wrong("checkpoint-origin")
        return size, root

    def checkpoints(self):
        """Both ends, the frontier, the proof between them."""
        size, self.root = self.checkpoint("log/checkpoint.end")
        start = (0, sha(b"")) if self.lo == 0 else self.checkpoint("log/checkpoint.start")
        if size != self.hi or start[0] != self.lo:
            self.fault("manifest-wrong")
        try:
            told = strict(self.files["log/frontier.start.json"])
            self.tree = Frontier(told["size"], [from_url64(h, 32) for h in told["hashes"]])
            assert self.tree.size == self.lo and self.tree.root() == start[1]
        except (ValueError, KeyError, TypeError, AssertionError) as e:
            raise Wrong("frontier-wrong") from e
        try:
            old, new, *proof = self.files["log/consistency.txt"].decode().splitlines()
            proof = [base64.b64decode(p, validate=True) for p in proof]
            assert (old, new) == (f"old {start[0]}", f"new {size}")
            assert consistent(start[0], size, proof, start[1], self.root)
        except (ValueError, KeyError, AssertionError):
            self.fault("consistency-wrong")

    def stream(self, name, bad, must, may={}):  # noqa: B006
        """Lines of a stream by their index, ascending, with the members that it has."""
        out, last = {}, -1
        for line in self.files.get(name, b"").splitlines(keepends=True):
            try:
                value = strict(line)
                assert line.endswith(b"\n") and value["i"] > last
                assert {"i", *must} <= value.keys() <= {"i", *must, *may} and type(value["i"]) is int
                assert all(type(value.get(member)) is kind for member, kind in must.items())
                assert all(type(value[member]) is kind for member, kind in may.items() if member in value)
            except (ValueError, KeyError, TypeError, AssertionError):
                self.fault(bad)
                continue
            last = value["i"]
            out[last] = value
        return out

    def records(self):
        leaves = self.leaves()
        disclosed = self.stream("disclosures.jsonl", "disclosure-malformed", {"d": list})
        frames = self.stream("frames/frames.jsonl", "frame-malformed", {"frame": str})
        withheld = self.stream("withheld.jsonl", "withheld-malformed", {}, {"d": str, "f": str, "names": list})
        for stream, name in ((disclosed, "disclosure"), (frames, "frame"), (withheld, "withheld")):
            if stream.keys() - self.indexes:
                self.fault(f"{name}-unreferenced")
        Sessions(self, leaves)
        heartbeats(self, [leaf for _, leaf, _ in leaves])
        approvals(self, leaves)
        self.slots(leaves, disclosed, frames, withheld)
        for kind, member, ending in (("policies", "p", "json"), ("configuration", "c", "json"), ("build", "b", "json"),
                                     ("jurisdictions", "j", "txt")):
            for hash in {leaf["ep"][member] for _, leaf, _ in leaves}:
                hash = from_url64(hash, 32)
                content = self.files.get(f"state/{kind}/{hash.hex()}.{ending}")
                if content is None:
                    self.fault("state-missing")
                elif sha(content) != hash:
                    self.fault("state-altered")

    def leaves(self):
        """Every leaf of the range, in its order, folds to the root of the end."""
        out, due, newest = [], self.lo, 0
        seen = []
        for line in self.files.get("log/leaves.jsonl", b"").splitlines():
            try:
                found = re.fullmatch(rb'\{"h":"([^"]*)","i":(0|[1-9]\d*),"leaf":(.*)\}', line)
                hash, index, leaf = from_url64(found[1].decode(), 32), int(found[2]), found[3]
            except (ValueError, TypeError):
                self.fault("leaf-malformed")
                continue
            seen.append(index)
            if leaf_hash(leaf) != hash:
                self.fault("leaf-altered")
            self.tree.push(leaf_hash(leaf))
            try:
                value = strict(leaf)
                form(value, leaf)
            except (ValueError, KeyError, TypeError, AssertionError):
                self.fault("leaf-malformed")
                continue
            if value["t"] + CLOCK < newest:
                self.fault("time-backwards")
            newest = max(newest, value["t"])
            genesis = value["ty"] == "cell.genesis"
            if genesis != (index == 0):
                self.fault("genesis-missing")
            elif genesis and value["x"].get("key") != self.text:
                self.fault("genesis-key")
            out.append((index, value, leaf_hash(leaf)))
        want, self.indexes = set(range(self.lo, self.hi)), set(seen)
        if seen and max(seen) < self.hi - 1 or not seen:
            self.fault("truncated")
        if {i for i in want - set(seen) if seen and i < max(seen)}:
            self.fault("leaf-omitted")
        if len(set(seen)) != len(seen) or set(seen) - want:
            self.fault("leaf-inserted")
        elif seen != sorted(seen):
            self.fault("leaf-reordered")
        if self.tree.root() != self.root:
            self.fault("root-mismatch")
        return out

    def slots(self, leaves, disclosed, frames, withheld):
        counts = dict.fromkeys(("leaves", "disclosed", "frames", "withheld", "erased"), 0)
        erased, destroyed = [], set()
        for index, leaf, _ in leaves:
            counts["leaves"] += 1
            kept = withheld.get(index, {})
            if not {kept[letter] for letter in "df" if letter in kept} <= WHY:
                self.fault("withheld-malformed")
            facts = self.facts(index, leaf, disclosed, kept)
            counts["disclosed"] += index in disclosed
            if index in frames:
                counts["frames"] += 1
                hash = facts.get("frame")
                if hash is None:
                    self.fault("frame-unreferenced")
                elif hash != url64(sha(frames[index]["frame"].encode())):
                    self.fault("frame-altered")
            slots = {blob["k"].rsplit("/", 1)[-1]: blob["k"] for blob in leaf.get("bl", [])}
            if {"d", "f"} & kept.keys() - slots.keys():
                self.fault("withheld-unreferenced")
            for letter, reference in slots.items():
                here = bool(facts) if letter == "d" else index in frames
                why = kept.get(letter)
                if here and why:
                    self.fault("withheld-malformed")
                elif not here and not why:
                    self.fault("slot-unaccounted")
                elif why == "key-missing":
                    self.fault("key-missing")
                elif why == "erased":
                    counts["erased"] += 1
                    erased.append(set(reference.rsplit("/", 2)[0].split(".")))
                elif why:
                    counts["withheld"] += 1
            if leaf["ty"] == "key.destroy":
                destroyed |= set(leaf.get("kr", []))
        if any(not keys & destroyed for keys in erased):
            self.fault("erased-without-key-destroy")
        if counts != self.stated["predicate"]["counts"]:
            self.fault("count-wrong")

    def facts(self, index, leaf, disclosed, kept):
        """What is disclosed of a leaf, by name."""
        facts, digests = {}, leaf.get("_sd", [])
        if index not in disclosed:
            return facts
        names = list(kept.get("names", []))
        for one in disclosed[index]["d"]:
            if url64(sha(one.encode())) not in digests:
                self.fault("disclosure-unreferenced")
            try:
                salt, name, value = json.loads(from_url64(one))
                names.append(name)
                facts[name] = value
            except (ValueError, TypeError):
                self.fault("disclosure-malformed")
        if len(set(names)) != len(names):
            self.fault("disclosure-malformed")
        if facts.get("count") != len(names):
            self.fault("disclosure-missing")
        return facts


def form(leaf, data):
    """A leaf of carnet/1, in its one form."""
    assert leaf["v"] == "carnet/1" and not leaf.keys() - MEMBERS and canonical(leaf) == data and len(data) < 65536
    assert leaf["ty"] in TYPES and not set(leaf.get("x", {})) - set(TYPES[leaf["ty"]].split())
    assert ("_sd" in leaf) == (leaf.get("_sd_alg") == "sha-256") and leaf.get("ow", True) is True
    assert all(leaf.get(member, [0]) for member in ("_sd", "bl", "kr", "x")) and len(leaf.get("bl", [])) <= 2
    digests = [from_url64(digest, 32) for digest in leaf.get("_sd", [])]
    assert digests == sorted(digests) and set(leaf["ep"]) == set("bcjp")
    for hash in leaf["ep"].values():
        from_url64(hash, 32)
    for blob in leaf.get("bl", []):
        assert set(blob) == {"h", "k"} and from_url64(blob["h"], 32)
    from_url64(leaf["gs"], 16)
    numbers = [leaf["n"], leaf["t"], leaf.get("of", 0), *(x for x in leaf.get("x", {}).values() if not isinstance(x, str))]
    assert all(type(n) is int and 0 <= n <= MOST for n in numbers)
    assert ("ps" in leaf) == (leaf["n"] != 0) and ("ow" not in leaf or leaf["ty"] == "call.decision")
    assert "of" in leaf or leaf["ty"] not in ("call.outcome", "call.orphan")


class Sessions:
    """Counters, links, stated counts; and each call with its one outcome."""

    def __init__(self, package, leaves):
        self.package, self.open, self.over = package, {}, set()
        self.start, stopped = None, False
        for index, leaf, hash in leaves:
            self.leaf(index, leaf, hash)
            if leaf["ty"] == "gw.start":
                self.start = index
            stopped = leaf["ty"] == "gw.stop"
        waiting = [at for session in self.open.values() for at in session["waiting"]]
        if any(stopped or self.start is not None and at < self.start for at in waiting):
            package.fault("decision-without-outcome")

    def leaf(self, index, leaf, hash):
        gs, fault, lo = leaf["gs"], self.package.fault, self.package.lo
        if gs not in self.open:
            before = lo > 0 and leaf["n"] > 0 and gs not in self.over
            next, last = (leaf["n"], leaf.get("ps")) if before else (0, None)
            self.open[gs] = dict(next=next, last=last, calls=0, waiting=set(), before=before)
        session = self.open[gs]
        if leaf["n"] != session["next"]:
            fault("session-counter-gap")
        elif leaf.get("ps") != session["last"]:
            fault("session-link-broken")
        session.update(next=leaf["n"] + 1, last=url64(hash))
        if leaf["ty"] == "call.decision":
            session["calls"] += 1
            if "ow" not in leaf:
                session["waiting"].add(index)
        if leaf["ty"] in ("call.outcome", "call.orphan") and not (leaf["of"] < lo and session["before"]):
            if leaf["of"] not in session["waiting"]:
                fault("outcome-without-decision")
            session["waiting"].discard(leaf["of"])
        if leaf["ty"] in ("session.close", "gw.stop"):
            self.close(gs, leaf)

    def close(self, gs, leaf):
        session, fault = self.open.pop(gs), self.package.fault
        self.over.add(gs)
        stated = leaf.get("x", {})
        if stated.get("leaves", session["next"]) != session["next"]:
            fault("session-count-wrong")
        if not session["before"] and stated.get("calls", session["calls"]) != session["calls"]:
            fault("session-count-wrong")
        if session["waiting"]:
            fault("decision-without-outcome")


def heartbeats(package, leaves):
    """A silence of more than twice the promise has a gap that covers it, before its end or before the next sign."""
    every, last, silence, gap = 0, None, None, None
    signs = [leaf for leaf in leaves if leaf["ty"] in ("gw.start", "heartbeat", "gw.stop", "gap")]
    newest = max((leaf["t"] for leaf in leaves), default=0)
    for leaf in signs + [{"ty": "end", "t": newest}]:
        ty, t, x = leaf["ty"], leaf["t"], leaf.get("x", {})
        if ty == "gap":
            gap = (x["from"], x["to"])
        else:
            if silence:
                package.fault("heartbeat-gap")
            silence = (last, t, 2 * every) if last is not None and every and t - last > 2 * every else None
        if silence and gap and gap[0] <= silence[0] + silence[2] and gap[1] + silence[2] >= silence[1]:
            silence = gap = None
        if silence and ty in ("heartbeat", "gw.stop", "end"):
            package.fault("heartbeat-gap")
            silence = None
        if ty in ("gw.start", "heartbeat"):
            every, last = x.get("every", every), t
        elif ty == "gw.stop":
            last = None


def approvals(package, leaves):
    """As leaves alone show them."""
    asked = {}
    for index, leaf, _ in leaves:
        ty, of, x = leaf["ty"], leaf.get("of"), leaf.get("x", {})
        if ty == "approval.request":
            asked[index] = dict(quorum=x.get("quorum", 1), until=x.get("until", MOST), votes=0, broken=None, end=None)
        if ty not in ("approval.vote", "approval.consume", "approval.expire", "breakglass.open", "breakglass.review"):
            continue
        request = asked.get(of)
        if request is None:
            if of is None or of >= package.lo:
                package.fault("approval-without-request")
        elif ty == "breakglass.review":
            if request["broken"] != "open":
                package.fault("approval-without-request")
            request["broken"] = "reviewed"
        elif request["end"]:
            twice = request["end"] == "used" and ty == "approval.consume"
            package.fault("approval-used-twice" if twice else "approval-after-end")
        elif ty == "approval.vote":
            request["votes"] += x.get("why") == "approve"
            if "grant" in x:
                known = asked.get(x["grant"])
                if x["grant"] < package.lo or known and known["votes"] >= known["quorum"]:
                    request["votes"] = max(request["votes"], request["quorum"])
                else:
                    package.fault("approval-without-quorum")
        elif ty == "breakglass.open":
            request["broken"] = "open"
        elif ty == "approval.expire":
            request["end"] = "ended"
        else:
            request["end"] = "used"
            if request["votes"] < request["quorum"] and not request["broken"]:
                package.fault("approval-without-quorum")
            if leaf["t"] > request["until"]:
                package.fault("approval-expired")


def main(vkey, *packages):
    found = {name: Package(open(name, "rb").read(), open(vkey).read()).check() for name in packages}
    for name, faults in found.items():
        print(f"{name}:", *faults)
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
