"""Drives a server with the Python SDK 2.3, which asks `server/discover` first and falls back (job and lines as in job.mjs)."""

import asyncio
import os
import sys

import mcp_types as types
from mcp.client import Client
from mcp.client.sse import sse_client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client

from job import ELICITED, SAMPLED, job, run, sessions


async def sample(_context, _params):
    return types.CreateMessageResult(**SAMPLED)


async def elicit(_context, _params):
    return types.ElicitResult(**ELICITED)


async def roots(_context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///fixture", name="fixture")])


def transport(reach):
    headers = reach.get("headers") or {}
    if reach["transport"] == "http":
        return streamable_http_client(reach["url"], http_client=create_mcp_http_client(headers=headers))
    if reach["transport"] == "sse":
        return sse_client(reach["url"], headers=headers)
    command, *args = reach["command"]
    return stdio_client(StdioServerParameters(command=command, args=args, env=dict(os.environ)), errlog=open(os.devnull, "w"))


async def one(reach, number, opened):
    mode = job.get("mode") or "auto"
    async with Client(transport(reach), mode=mode, sampling_callback=sample, elicitation_callback=elicit, list_roots_callback=roots) as client:
        client.session._validate_tool_result = lambda *_: asyncio.sleep(0)
        await run(client, None, number, opened)


sys.exit(asyncio.run(sessions(one)))
