"""Drives a server with the Python SDK 1.30 (job and lines as in job.mjs)."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

from job import ELICITED, SAMPLED, job, run, sessions


async def sample(_context, _params):
    return types.CreateMessageResult(**SAMPLED)


async def elicit(_context, _params):
    return types.ElicitResult(**ELICITED)


async def roots(_context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///fixture", name="fixture")])


@asynccontextmanager
async def streams(reach):
    headers = reach.get("headers") or {}
    if reach["transport"] == "http":
        async with streamablehttp_client(reach["url"], headers=headers) as (read, write, _):
            yield read, write
    elif reach["transport"] == "sse":
        async with sse_client(reach["url"], headers=headers) as (read, write):
            yield read, write
    else:
        command, *args = reach["command"]
        with open(os.devnull, "w") as nowhere:
            async with stdio_client(StdioServerParameters(command=command, args=args, env=dict(os.environ)), errlog=nowhere) as (read, write):
                yield read, write


async def one(reach, number, opened):
    async with streams(reach) as (read, write):
        async with ClientSession(read, write, sampling_callback=sample, elicitation_callback=elicit, list_roots_callback=roots) as client:
            hello = await client.initialize()
            # A result is shown as it came, whatever schema the tool promised: comparing is the test's work.
            client._validate_tool_result = lambda *_: asyncio.sleep(0)
            await run(client, hello, number, opened)


sys.exit(asyncio.run(sessions(one)))
