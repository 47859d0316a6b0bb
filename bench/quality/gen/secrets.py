"""Secrets as they stand in code, configuration, logs and shells, and clean text of the same looks. All are made up."""

import base64
import hashlib
import json

from .marks import T, V

ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def r(rng, n, of=ALNUM):
    return "".join(rng.choice(of) for _ in range(n))


def password(rng):
    return rng.choice((
        lambda: r(rng, rng.randrange(10, 20)) + rng.choice("!#%+") + r(rng, 2),
        lambda: rng.choice(("Winter", "Mond", "Tiger", "Kaffee", "Sunny")) + rng.choice("-_!.") + rng.choice(("Falke", "river", "Stein", "Luna")) + r(rng, 3, "0123456789"),
        lambda: r(rng, rng.randrange(12, 24)),
    ))()


def jwt(rng):
    b = lambda o: base64.urlsafe_b64encode(json.dumps(o).encode()).decode().rstrip("=")
    return b({"alg": "HS256", "typ": "JWT"}) + "." + b({"sub": r(rng, 10), "iat": 1600000000 + rng.randrange(10**8)}) + "." + r(rng, 43, ALNUM + "-_")


def pem(rng, kind="RSA PRIVATE KEY"):
    body = base64.b64encode(bytes(rng.randrange(256) for _ in range(300))).decode()
    return f"-----BEGIN {kind}-----\n" + "\n".join(body[i : i + 64] for i in range(0, len(body), 64)) + f"\n-----END {kind}-----"


HEX, UP = "0123456789abcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
VENDOR = {
    "aws_key": lambda g: "AKIA" + r(g, 16, UP), "github": lambda g: g.choice(("ghp_", "gho_", "ghs_")) + r(g, 36), "github_fine": lambda g: "github_pat_" + r(g, 22) + "_" + r(g, 59),
    "gitlab": lambda g: "glpat-" + r(g, 20, ALNUM + "-_"), "slack": lambda g: "xoxb-" + r(g, 12, "0123456789") + "-" + r(g, 12, "0123456789") + "-" + r(g, 24),
    "slack_hook": lambda g: "https://hooks.slack.com/services/T" + r(g, 8, UP) + "/B" + r(g, 8, UP) + "/" + r(g, 24), "stripe": lambda g: g.choice(("sk_live_", "rk_live_")) + r(g, 24),
    "gcp": lambda g: "AIza" + r(g, 35, ALNUM + "-_"), "sendgrid": lambda g: "SG." + r(g, 22, ALNUM + "-_") + "." + r(g, 43, ALNUM + "-_"), "npm": lambda g: "npm_" + r(g, 36),
    "pypi": lambda g: "pypi-AgEIcHlwaS5vcmc" + r(g, 70, ALNUM + "-_"), "openai": lambda g: "sk-proj-" + r(g, 48, ALNUM + "-_"), "anthropic": lambda g: "sk-ant-api03-" + r(g, 93, ALNUM + "-_") + "AA",
    "huggingface": lambda g: "hf_" + r(g, 34, ALNUM[:52]), "digitalocean": lambda g: "dop_v1_" + r(g, 64, HEX), "telegram": lambda g: r(g, 9, "123456789") + ":AA" + r(g, 33, ALNUM + "-_"),
    "shopify": lambda g: "shpat_" + r(g, 32, HEX), "twilio": lambda g: "SK" + r(g, 32, HEX), "mailchimp": lambda g: r(g, 32, HEX) + "-us" + g.choice(("6", "12")), "vault": lambda g: "hvs." + r(g, 92, ALNUM + "-_"),
    "docker": lambda g: "dckr_pat_" + r(g, 27, ALNUM + "-_"), "doppler": lambda g: "dp.pt." + r(g, 43), "postman": lambda g: "PMAK-" + r(g, 24, HEX) + "-" + r(g, 34, HEX), "linear": lambda g: "lin_api_" + r(g, 40),
    "databricks": lambda g: "dapi" + r(g, 32, HEX), "grafana": lambda g: "glsa_" + r(g, 32) + "_" + r(g, 8, HEX), "age": lambda g: "AGE-SECRET-KEY-1" + r(g, 58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "discord_hook": lambda g: "https://discord.com/api/webhooks/" + r(g, 18, "123456789") + "/" + r(g, 68, ALNUM + "-_"), "azure_storage": lambda g: base64.b64encode(bytes(g.randrange(256) for _ in range(64))).decode(),
    "airtable": lambda g: "pat" + r(g, 14) + "." + r(g, 64, HEX), "notion": lambda g: "ntn_" + r(g, 46), "sentry": lambda g: "sntrys_eyJpYXQiOjE2" + r(g, 60), "planetscale": lambda g: "pscale_tkn_" + r(g, 43, ALNUM + "-_"),
}

S = lambda value, sub=None: V("SECRET", value, subtype=sub)


def vendor(g):
    name = g.choice(list(VENDOR))
    return name, VENDOR[name](g)


def positive_dev(g):
    name, token = vendor(g)
    if name == "azure_storage":
        return T("DefaultEndpointsProtocol=https;AccountName=store", r(g, 4, HEX), ";AccountKey=", S(token, name), ";EndpointSuffix=core.windows.net")
    t, pw = S(token, name), S(password(g), "password")
    return g.choice((
        lambda: T("export ", name.upper(), "_TOKEN=", t, "\nmake deploy\n"),
        lambda: T("const client = new Client({ apiKey: '", t, "', retries: 3 });"),
        lambda: T("curl -s -H 'Authorization: Bearer ", t, "' https://api.example.com/v1/items"),
        lambda: T('{"env":"prod","credentials":{"token":"', t, '"},"timeout":30}'),
        lambda: T("2026-03-01T10:00:00Z INFO using key ", t, " for region eu-west-1"),
        lambda: T("[default]\naws_access_key_id = ", S("AKIA" + r(g, 16, UP), "aws_key"), "\naws_secret_access_key = ", S(r(g, 40, ALNUM + "/+"), "aws_secret"), "\n"),
        lambda: T("DATABASE_URL=postgres://app:", pw, "@db.internal:5432/orders"),
        lambda: T("spring:\n  datasource:\n    username: app\n    password: ", pw, "\n"),
        lambda: T("db_password = \"", pw, "\"\ndb_host = \"", V("IP_ADDRESS", "10.0.0.5", optional=True), "\""),
        lambda: T("mysql -u root --password=", pw, " -h db"),
        lambda: T("Authorization: Basic ", S(base64.b64encode(("svc:" + password(g)).encode()).decode(), "basic"), "\nAccept: */*"),
        lambda: T("Cookie: sid=", S(jwt(g), "jwt"), "; theme=dark"),
        lambda: T("cert:\n", S(pem(g, g.choice(("RSA PRIVATE KEY", "PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"))), "private_key"), "\n"),
        lambda: T("mongodb+srv://reader:", pw, "@cluster0.ab1cd.mongodb.net/shop"),
        lambda: T("client_secret: ", S(r(g, g.choice((32, 40))), "oauth"), "\ngrant_type: client_credentials"),
        lambda: T("The admin password is ", pw, " - please change it."),
        lambda: T("//registry.npmjs.org/:_authToken=", S("npm_" + r(g, 36), "npm")),
    ))()


def positive_test(g):
    name, token = vendor(g)
    if name == "azure_storage":
        return T("storage.account_key=", S(token, name))
    t, pw = S(token, name), S(password(g), "password")
    return g.choice((
        lambda: T("SECRET_", name.upper(), ": \"", t, "\" # rotate in May"),
        lambda: T("let mut req = http.get(url).header(\"X-Api-Key\", \"", t, "\");"),
        lambda: T("<add key=\"", name, "Key\" value=\"", t, "\" />"),
        lambda: T("warn: request failed, token=", t, " status=401"),
        lambda: T("amqps://worker:", pw, "@mq.example.net:5671/jobs"),
        lambda: T("redis://:", pw, "@cache-1:6379/0"),
        lambda: T("jdbc:sqlserver://sql1;databaseName=hr;user=sa;password=", pw, ";encrypt=true"),
        lambda: T("machine git.example.org login bot password ", pw),
        lambda: T("services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: ", pw, "\n      POSTGRES_DB: app\n"),
        lambda: T("passwd: '", pw, "'\n"),
        lambda: T("$env:API_SECRET = \"", S(r(g, 36), "secret"), "\""),
        lambda: T("sshpass -p '", pw, "' ssh deploy@host"),
        lambda: T("{\"jwt\":\"", S(jwt(g), "jwt"), "\",\"expires_in\":3600}"),
        lambda: T("Passwort für das WLAN: ", pw),
        lambda: T("set-cookie: session=", S(r(g, 44, ALNUM + "-_"), "session"), "; HttpOnly; Secure"),
        lambda: T("private_key = \"", S(pem(g, "PRIVATE KEY").replace("\n", "\\n"), "private_key"), "\""),
        lambda: T("refresh_token=", S(r(g, 64, ALNUM + "-_"), "oauth"), "&grant_type=refresh_token"),
    ))()


def clean_synthetic(g, n):
    sha = lambda k: hashlib.sha256(str(g.random()).encode()).hexdigest()[:k]
    b64 = lambda k: base64.b64encode(bytes(g.randrange(256) for _ in range(k))).decode()
    return g.choice((
        lambda: "password = os.environ[\"DB_PASSWORD\"]\ntoken = get_token(client)\n",
        lambda: "api_key: ${API_KEY}\npassword: <your password>\nsecret: \"{{ vault.secret }}\"\n",
        lambda: f"commit {sha(40)}\nDate:   Mon Mar 3 10:00:00 2025\n\n    Bump version to {n.version()}\n",
        lambda: f"\"node_modules/left-pad\": {{\n  \"version\": \"{n.version()}\",\n  \"integrity\": \"sha512-{b64(64)}\"\n}}",
        lambda: f"name = \"serde\"\nversion = \"{n.version()}\"\nchecksum = \"{sha(64)}\"\n",
        lambda: f"{sha(64)}  dist/app-{n.version()}.tar.gz\n{sha(64)}  dist/app-{n.version()}.zip\n",
        lambda: "request_id=" + n.uuid() + " trace_id=" + sha(32) + " span_id=" + sha(16) + " status=200",
        lambda: f"<img src=\"data:image/png;base64,iVBORw0KGgo{b64(120)}\">",
        lambda: "!function(e,t){\"object\"==typeof exports?module.exports=t():e.lib=t()}(this,function(){var n=1e3,r=Math.max;return{a:n,b:r,c:function(e){return e.split(\"\").reverse().join(\"\")}}});",
        lambda: "def check_password(user, password):\n    return hmac.compare_digest(hash(password), user.password_hash)\n",
        lambda: "CREATE TABLE users (id BIGINT PRIMARY KEY, password_hash VARCHAR(255) NOT NULL, api_token_id UUID);",
        lambda: f"docker pull registry.example.com/app@sha256:{sha(64)}",
        lambda: f"ETag: \"{sha(32)}\"\nLast-Modified: Mon, 03 Mar 2025 10:00:00 GMT\nContent-Length: 48213",
        lambda: "The token count was 4096 and the password policy asks for twelve characters. Secrets are rotated monthly.",
        lambda: "if (!password) { throw new Error('password is required'); }\nconst secretName = 'prod/db';\n",
        lambda: f"{{\"etag\":\"{sha(40)}\",\"cursor\":\"{n.uuid()}\",\"next_page_token\":null,\"total_tokens\":1532}}",
        lambda: "type Credentials = { username: string; password: string; token?: string };",
        lambda: f"terraform: module.db.aws_db_instance.main[\"{n.uuid()}\"]: Refreshing state... [id=db-{sha(20)}]",
        lambda: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + b64(32)[:43] + " deploy@host",
        lambda: "-----BEGIN CERTIFICATE-----\n" + b64(90) + "\n-----END CERTIFICATE-----",
    ))()
