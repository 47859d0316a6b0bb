"""Opens the tunnels of a capture: FOLDER (of capture.py) PORT KEYS (as SSLKEYLOGFILE) OUT.

Each direction of each connection with PORT is decrypted (TLS 1.3, RFC 8446) and read as HTTP/2 (RFC 9113); for each, OUT has
a file of the same name: all headers, as names and values, then the bodies, each whole. Records of the handshake that are
encrypted, certificates among them, are written as they are. What cannot be opened is an error, but for what was cut off
in the middle of a record. Prints how many connections and records there were.
"""

import os
import re
import struct
import sys

import hpack
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

folder, port, keys, out = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
SUITES = {0x1301: (AESGCM, SHA256, 16), 0x1302: (AESGCM, SHA384, 32), 0x1303: (ChaCha20Poly1305, SHA256, 32)}
secrets = {}
for line in open(keys):
    name, random, secret = line.split()
    secrets[(name, bytes.fromhex(random))] = bytes.fromhex(secret)


def derive(hash, secret, label, length):
    label = b"tls13 " + label
    info = struct.pack("!HB", length, len(label)) + label + b"\0"
    return HKDFExpand(hash(), length, info).derive(secret)


def records(data):
    at = 0
    while at + 5 <= len(data):
        kind, length = data[at], struct.unpack("!H", data[at + 3 : at + 5])[0]
        if at + 5 + length > len(data):
            return
        yield kind, data[at : at + 5], data[at + 5 : at + 5 + length]
        at += 5 + length


class Keys:
    def __init__(self, suite, secret):
        self.suite, self.secret, self.sequence = suite, secret, 0
        aead, hash, size = suite
        self.aead, self.iv = aead(derive(hash, secret, b"key", size)), derive(hash, secret, b"iv", 12)

    def open(self, head, sealed):
        nonce = bytes(a ^ b for a, b in zip(self.iv, b"\0\0\0\0" + struct.pack("!Q", self.sequence)))
        clear = self.aead.decrypt(nonce, sealed, head).rstrip(b"\0")
        self.sequence += 1
        return clear[-1], clear[:-1]

    def next(self):
        hash = self.suite[1]
        return Keys(self.suite, derive(hash, self.secret, b"traffic upd", hash.digest_size))


def opened(data, who, random, suite):
    """The handshake's messages and the application's bytes of one direction."""
    current = Keys(suite, secrets[(f"{who}_HANDSHAKE_TRAFFIC_SECRET", random)])
    application = Keys(suite, secrets[(f"{who}_TRAFFIC_SECRET_0", random)])
    handshake, clear, count = bytearray(), bytearray(), 0
    for kind, head, body in records(data):
        if kind != 23:
            continue
        try:
            inner, plain = current.open(head, body)
        except InvalidTag:
            # The handshake is over: from here on the keys of the application.
            current, application = application, None
            inner, plain = current.open(head, body)
        count += 1
        if inner == 23:
            clear += plain
        elif inner == 22:
            handshake += plain
            if application is None and plain[:1] == b"\x18":
                current = current.next()
    return handshake, clear, count


def frames(data):
    at = 0
    while at + 9 <= len(data):
        length = int.from_bytes(data[at : at + 3], "big")
        kind, flags, stream = data[at + 3], data[at + 4], int.from_bytes(data[at + 5 : at + 9], "big")
        yield kind, flags, stream, bytes(data[at + 9 : at + 9 + length])
        at += 9 + length


def http2(data):
    """Headers and bodies in clear, and how many there were."""
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    data = data[len(preface) :] if data.startswith(preface) else data
    decoder, block, bodies, text = hpack.Decoder(), b"", {}, []
    decoder.max_header_list_size = 1 << 20
    for kind, flags, stream, body in frames(data):
        if kind == 0:
            bodies.setdefault(stream, bytearray()).extend(body)
        elif kind in (1, 9):
            if kind == 1 and flags & 8:
                body = body[1 : len(body) - body[0]]
            if kind == 1 and flags & 32:
                body = body[5:]
            block += body
            if flags & 4:
                text += [f"{name}: {value}" for name, value in decoder.decode(block)]
                block = b""
        else:
            # Settings, pings, windows, ends of streams and of the connection: with whatever text they bring.
            text.append(body.decode("latin-1"))
    return "\n".join(text).encode("latin-1", "replace") + b"\n\n" + b"\n".join(bytes(b) for b in bodies.values())


def random_of(data):
    for kind, _, body in records(data):
        return kind == 22 and body[0] in (1, 2) and body[6:38]


connections = total = 0
for name in sorted(os.listdir(folder)):
    if name.count("_") != 3:
        continue
    source, destination, *rest = name.split("_")
    if int(rest[0].split("-")[1]) != port:
        continue
    ports = rest[0].split("-")
    answer = f"{destination}_{source}_{ports[1]}-{ports[0]}_{rest[1]}"
    sent = open(os.path.join(folder, name), "rb").read()
    got = open(os.path.join(folder, answer), "rb").read() if os.path.exists(os.path.join(folder, answer)) else b""
    hello = next(iter(records(got)), None)
    if hello is None or hello[0] != 22:
        # No connection came about: nothing but the greeting may have been sent.
        if any(kind == 23 for kind, _, _ in records(sent)):
            sys.exit(f"{name} cannot be opened")
        continue
    body = hello[2]
    suite = SUITES[struct.unpack("!H", body[39 + body[38] : 41 + body[38]])[0]]
    random = bytes(random_of(sent))
    if ("CLIENT_TRAFFIC_SECRET_0", random) not in secrets:
        sys.exit(f"no key for {name}")
    connections += 1
    for file, data, who in ((name, sent, "CLIENT"), (answer, got, "SERVER")):
        handshake, clear, count = opened(data, who, random, suite)
        total += count
        with open(os.path.join(out, file), "wb") as f:
            f.write(http2(clear) + b"\n\n" + bytes(handshake))
print(f"opened {connections} connections, {total} records", flush=True)
