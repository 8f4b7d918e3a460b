"""Clients of the newest MCP revision: `mcp` 2 and `fastmcp` 4.

That revision knows no sessions. Without one named in the address the clients fall back to the handshake.
"""

import asyncio

import fastmcp
import mcp
import pytest

TOOLS = "conformance-tools"


def counted(first):
    return [first + step for step in range(3)]


def test_without_a_session_they_shake_hands_and_get_one(conformance):
    async def play():
        async with mcp.Client(conformance.env(TOOLS) + "/mcp") as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            counts = [(await client.call_tool("count", {})).structured_content["result"] for _ in range(3)]
            return names, counts

    names, counts = asyncio.run(play())
    assert {"add", "greet", "count"} <= names and not names & {"reset", "step", "state", "close"}
    assert counts == counted(1), "the session keeps its state"


def test_with_a_session_they_act_in_it(conformance):
    with conformance.http(TOOLS) as http:
        session = http.post("/reset", json={"seed": 1}).headers["x-session-id"]
        url = f"{conformance.env(TOOLS)}/mcp?session_id={session}"

        async def play():
            counts = []
            async with mcp.Client(url) as client:
                counts.append((await client.call_tool("count", {})).structured_content["result"])
            async with fastmcp.Client(url) as client:
                counts.append((await client.call_tool("count", {})).data)
            return counts

        assert asyncio.run(play()) == [1, 2]
        assert http.get("/state", params={"session_id": session}).json()["step_count"] == 2


def test_failures_are_results_of_the_tool(conformance):
    async def play():
        async with fastmcp.Client(conformance.env(TOOLS) + "/mcp") as client:
            assert (await client.call_tool("add", {"a": 2, "b": 3})).data == 5
            for name, arguments in (("nope", {}), ("add", {"a": "x", "b": 1}), ("add", {})):
                with pytest.raises(fastmcp.exceptions.ToolError):
                    await client.call_tool(name, arguments)

    asyncio.run(play())
