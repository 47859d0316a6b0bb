"""What the two Python drivers share: the job, and the steps (see job.mjs for their form)."""

import json
import sys

job = json.loads(sys.argv[1])

SAMPLED = {"role": "assistant", "model": "none", "stopReason": "endTurn", "content": {"type": "text", "text": "Paris"}}
ELICITED = {
    "action": "accept",
    "content": {"username": "tester", "email": "tester@example.org", "name": "tester", "ok": True, "confirm": True, "value": "v", "context": "c", "color": "red"},
}


def plain(result):
    return result.model_dump(mode="json", by_alias=True, exclude_none=True) if hasattr(result, "model_dump") else result


def say(line):
    print(json.dumps(line), flush=True)


async def sessions(one):
    """A session with each reach; one that cannot be opened has the line `connect`."""
    for number, reach in enumerate(job["reaches"]):
        opened = []
        try:
            await one(reach, number, opened)
        except Exception as e:
            # What an SDK throws after the last step, while it takes its own tasks down, is no outcome.
            if not opened:
                say({"do": "connect", "reach": number, "error": {"code": None, "message": why(e)}})


def why(e):
    """The innermost reason: task groups wrap it."""
    while getattr(e, "exceptions", None):
        e = e.exceptions[0]
    return f"{type(e).__name__}: {e}"


async def run(client, hello, number, opened):
    opened.append(True)
    methods = {
        "tools/list": lambda s: client.list_tools(),
        "tools/call": lambda s: client.call_tool(s["name"], s.get("arguments") or {}),
        "resources/list": lambda s: client.list_resources(),
        "resources/templates/list": lambda s: client.list_resource_templates(),
        "resources/read": lambda s: client.read_resource(s["uri"]),
        "prompts/list": lambda s: client.list_prompts(),
        "prompts/get": lambda s: client.get_prompt(s["name"], s.get("arguments") or {}),
        "ping": lambda s: client.send_ping(),
    }
    for step in job["steps"]:
        line = {"do": step["do"], "reach": number}
        try:
            if step["do"] == "info":
                line["result"] = {"server": plain(hello.serverInfo if hello else client.server_info)}
            else:
                line["result"] = plain(await methods[step["do"]](step))
        except Exception as e:  # whatever the SDK throws is the step's outcome
            fault = getattr(e, "error", None)
            line["error"] = {"code": getattr(fault, "code", None), "message": getattr(fault, "message", None) or f"{type(e).__name__}: {e}"}
        say(line)
