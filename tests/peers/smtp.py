"""A mail server (aiosmtpd) on a free port: prints `ready PORT`, then a JSON line for each mail: envelope, headers, text. Recipients that begin with
`gone` are refused for good, those that begin with `busy` are told to come again the first two times."""
import asyncio, email, json, sys
from collections import Counter
from email import policy

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self):
        self.asked = Counter()

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.asked[address] += 1
        if address.startswith("gone"):
            return "550 5.1.1 nobody of this name"
        if address.startswith("busy") and self.asked[address] < 3:
            return "451 4.3.0 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=policy.default)
        line = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "headers": dict(mail.items()), "text": mail.get_content()}
        print(json.dumps(line), flush=True)
        return "250 OK"


async def main():
    handler = Handler()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    print(f"ready {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


sys.exit(asyncio.run(main()))
