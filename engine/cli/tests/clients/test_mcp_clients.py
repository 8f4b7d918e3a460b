"""MCP clients that shake hands: `mcp` 1, `fastmcp` 3, and OpenEnv's own."""

import asyncio
import time

import fastmcp
import httpx
import pytest
from fastmcp.exceptions import ToolError
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client
from openenv.core.mcp_client import MCPToolClient

TOOLS = "conformance-tools"
RESERVED = {"reset", "step", "state", "close", "get_state"}


def test_mcp_lists_and_calls_tools(conformance):
    async def play():
        async with streamable_http_client(conformance.env(TOOLS) + "/mcp") as (read, write, session_id):
            async with ClientSession(read, write) as session:
                hello = await session.initialize()
                assert hello.serverInfo.name == TOOLS and hello.capabilities.tools is not None
                assert session_id(), "the session has an id"
                await session.send_ping()
                tools = {tool.name: tool for tool in (await session.list_tools()).tools}
                assert not RESERVED & set(tools)
                assert tools["add"].inputSchema["properties"]["a"]["type"] == "integer"
                added = await session.call_tool("add", {"a": 2, "b": 40})
                assert added.structuredContent == {"result": 42} and added.content[0].text == "42" and not added.isError
                counts = [(await session.call_tool("count", {})).structuredContent["result"] for _ in range(3)]
                assert counts == [1, 2, 3], "one client plays one episode"
                wrong = await session.call_tool("add", {"a": "x"})
                assert wrong.isError

    asyncio.run(play())


def test_fastmcp_lists_and_calls_tools(conformance):
    async def play():
        async with fastmcp.Client(conformance.env(TOOLS) + "/mcp") as client:
            assert await client.ping()
            assert {"add", "greet"} <= {tool.name for tool in await client.list_tools()}
            assert (await client.call_tool("add", {"a": 1, "b": 2})).data == 3
            for name in ("nope", "reset", "close"):
                with pytest.raises(ToolError, match=f"Unknown tool: '{name}'"):
                    await client.call_tool(name, {})

    asyncio.run(play())


def test_an_environment_of_items_is_played_by_its_action(server):
    async def play():
        async with fastmcp.Client(server.env("email-ops") + "/mcp") as client:
            (tool,) = await client.list_tools()
            assert tool.inputSchema["required"] == ["type"]
            first = await client.call_tool(tool.name, {"type": "archive"})
            with pytest.raises(ToolError):
                await client.call_tool(tool.name, {"type": "burn"})
            return first

    assert not asyncio.run(play()).is_error


def test_openenvs_own_client_shares_one_session_between_socket_and_tools(conformance):
    async def play():
        async with MCPToolClient(base_url=conformance.env(TOOLS)) as client:
            await client.reset(seed=1, episode_id="shared")
            names = {tool.name for tool in await client.list_tools()}
            assert {"add", "greet", "count"} <= names and not RESERVED & names
            assert await client.call_tool("add", a=2, b=3) == 5
            assert [await client.call_tool("count") for _ in range(2)] == [1, 2]
            for name, arguments in (("nope", {}), ("add", {"a": "x", "b": 1}), ("add", {})):
                with pytest.raises(RuntimeError):
                    await client.call_tool(name, **arguments)
            state = await client.state()
            assert state.episode_id == "shared"

    asyncio.run(play())


def test_sessions_count_against_the_capacity_and_end_with_delete_or_rest(start):
    small = start("scenarios/conformance", "--max-sessions", "1", "--idle-timeout", "1")
    url = small.env(TOOLS) + "/mcp"
    headers = {"accept": "application/json, text/event-stream"}
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
    }
    tools = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    with httpx.Client(headers=headers, timeout=30) as http:
        first = http.post(url, json=hello)
        session = {"mcp-session-id": first.headers["mcp-session-id"]}
        full = http.post(url, json=hello).json()["error"]
        assert full["code"] == -32000 and full["data"] == {"active_sessions": 1, "max_sessions": 1}
        done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert http.post(url, json=done, headers=session).status_code == 202
        assert http.post(url, json=tools, headers=session).json()["result"]["tools"]
        assert http.get(url, headers=session).status_code == 405, "nothing is sent unasked"
        assert http.delete(url, headers=session).status_code == 204
        assert http.post(url, json=tools, headers=session).status_code == 404
        assert http.delete(url, headers=session).status_code == 404

        second = http.post(url, json=hello)
        session = {"mcp-session-id": second.headers["mcp-session-id"]}
        for _ in range(200):
            if "mcp-session-id" in http.post(url, json=hello).headers:
                break
            time.sleep(0.1)
        assert http.post(url, json=tools, headers=session).status_code == 404, "it rested and was ended"


def test_pages_of_other_origins_are_refused(conformance):
    with conformance.http(TOOLS) as http:
        headers = {"accept": "application/json, text/event-stream", "origin": "http://evil.example"}
        refused = http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers)
    assert refused.status_code == 403 and refused.json()["detail"]


def test_a_client_that_names_a_session_acts_in_it_and_cannot_end_it(conformance):
    with conformance.http(TOOLS) as http:
        session = http.post("/reset", json={"seed": 1}).headers["x-session-id"]

        async def play():
            async with fastmcp.Client(f"{conformance.env(TOOLS)}/mcp?session_id={session}") as client:
                return [(await client.call_tool("count", {})).data for _ in range(2)]

        assert asyncio.run(play()) == [1, 2]
        assert http.get("/state", params={"session_id": session}).json()["step_count"] == 2
        unknown = http.post(
            "/mcp?session_id=none", json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
            headers={"accept": "application/json, text/event-stream"},
        )
        assert unknown.status_code == 404


def test_the_error_of_an_unsupported_method_is_told(conformance):
    async def play():
        async with streamable_http_client(conformance.env(TOOLS) + "/mcp") as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                with pytest.raises(McpError):
                    await session.list_prompts()

    asyncio.run(play())
