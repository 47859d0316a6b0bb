#!/usr/bin/env python3
"""make_token.py DIR: a fresh ES256 key; writes DIR/jwks.json (its public half) and DIR/token (an access token for the bench).

Needs nothing but the openssl command. The key itself is thrown away."""
import base64, hashlib, json, re, subprocess, sys, tempfile, time

def b64(b):
    return base64.urlsafe_b64encode(b).rstrip(b"=").decode()

def der_ints(der):
    """The two integers of an ECDSA signature, 32 bytes each."""
    out, i = b"", 2
    for _ in range(2):
        n = der[i + 1]
        out += der[i + 2:i + 2 + n].lstrip(b"\0").rjust(32, b"\0")
        i += 2 + n
    return out

out = sys.argv[1]
with tempfile.NamedTemporaryFile() as key:
    run = lambda *a, **k: subprocess.run(["openssl", *a], check=True, capture_output=True, **k).stdout
    run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key.name)
    public = run("ec", "-in", key.name, "-pubout", "-outform", "DER")[-64:]
    kid = b64(hashlib.sha256(public).digest()[:12])
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(public[:32]), "y": b64(public[32:]), "alg": "ES256", "use": "sig", "kid": kid}
    json.dump({"keys": [jwk]}, open(f"{out}/jwks.json", "w"))
    now = int(time.time())
    claims = {"iss": "https://issuer.bench.example", "aud": "https://gateway.bench.example", "sub": "bench", "client_id": "mcpload",
              "groups": ["analysts"], "iat": now, "nbf": now, "exp": now + 86400, "jti": "bench"}
    head = {"alg": "ES256", "typ": "at+jwt", "kid": kid}
    body = ".".join(b64(json.dumps(p).encode()) for p in (head, claims))
    open(f"{out}/token", "w").write(body + "." + b64(der_ints(run("dgst", "-sha256", "-sign", key.name, input=body.encode()))))
