"""Twenty ways to spell a value so that a plain reader does not see it."""

import base64
import gzip
import json
import urllib.parse

from .marks import T, V

FULL = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in map(chr, range(0x21, 0x7F))})
HOMO = str.maketrans("aceopxyABCEHKMOPTX", "асеорхуАВСЕНКМОРТХ")


def digits(base):
    return str.maketrans("0123456789", "".join(chr(base + i) for i in range(10)))


def between(s, c, every=1):
    return "".join(ch + (c if (i + 1) % every == 0 and i + 1 < len(s) else "") for i, ch in enumerate(s))


def b64(s):
    return base64.b64encode(s.encode()).decode()


WAYS = {
    "full_width": lambda s: s.translate(FULL),
    "arabic_digits": lambda s: s.translate(digits(0x660)),
    "devanagari_digits": lambda s: s.translate(digits(0x966)),
    "math_digits": lambda s: s.translate(digits(0x1D7CE)),
    "zero_width": lambda s: between(s, "\u200b"),
    "soft_hyphen": lambda s: between(s, "\u00ad", 3),
    "bidi": lambda s: "\u202a" + between(s, "\u200e", 4) + "\u202c",
    "homoglyph": lambda s: s.translate(HOMO),
    "nbsp": lambda s: s.replace(" ", "\u00a0") if " " in s else between(s, "\u2060", 4),
    "thin_space": lambda s: s.replace(" ", "\u2009").replace("-", "\u2011"),
    "percent": lambda s: "".join("%%%02X" % b for b in s.encode()),
    "percent_twice": lambda s: urllib.parse.quote("".join("%%%02X" % b for b in s.encode())),
    "html_decimal": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "html_hex": lambda s: "".join(f"&#x{ord(c):x};" for c in s),
    "unicode_escape": lambda s: "".join(f"\\u{ord(c):04x}" for c in s),
    "base64": b64,
    "base64url": lambda s: base64.urlsafe_b64encode(("user: " + s + " ok?~").encode()).decode().rstrip("="),
    "hex": lambda s: s.encode().hex(),
    "base64_twice": lambda s: b64(b64(s)),
    "gzip_base64": lambda s: base64.b64encode(gzip.compress(s.encode(), mtime=0)).decode(),
    "json_in_string": lambda s: json.dumps(json.dumps({"v": s})),
    "data_uri": lambda s: "data:text/plain;base64," + b64(s),
}


def values(p, rng):
    """Values that need no word beside them."""
    return [p.email, p.phone("int"), p.card, V("IBAN_CODE", p.iban(True).value), V("IP_ADDRESS", p.f.ipv4_public()), V("SECRET", "AKIA" + "".join(rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16)))]


CARRIERS_DEV = ["{v}", "see {v} please", "contact={v}; ok"]
CARRIERS_TEST = ["-> {v}", "value: {v}\nend", "({v})"]
