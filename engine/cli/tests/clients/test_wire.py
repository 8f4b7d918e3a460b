"""What clients find on the wire, route by route and mode by mode, against packs as small as they can be.

Upstream tests its own server in process with environments of a few lines; these ask the same of the binary, over sockets.
"""

import concurrent.futures
import json
import time

import pytest
from openenv import GenericEnvClient
from websockets.sync.client import connect

ECHO, TOOLS, SLOW = "conformance-echo", "conformance-tools", "conformance-slow"


@pytest.fixture(scope="module")
def production():
    from conftest import Server

    running = Server("scenarios/conformance", "--mode", "production")
    yield running
    assert running.stop() == 0


@pytest.fixture(params=["simulation", "production"])
def either(request, conformance, production):
    """The same packs in either mode."""
    return production if request.param == "production" else conformance


class Socket:
    """A socket that asks and hears JSON."""

    def __init__(self, server, name, path="/ws"):
        self.url = server.env(name).replace("http", "ws", 1) + path

    def __enter__(self):
        self.socket = connect(self.url).__enter__()
        return self

    def __exit__(self, *reason):
        return self.socket.__exit__(*reason)

    def ask(self, message):
        self.socket.send(message if isinstance(message, str) else json.dumps(message))
        return json.loads(self.socket.recv(timeout=20))

    def rpc(self, method, **params):
        """A request that is wrapped, as on `/ws`."""
        reply = self.ask({"type": "mcp", "data": request(method, **params)})
        assert reply["type"] == "mcp"
        return reply["data"]


def request(method, id=1, **params):
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": params}


def rpc(http, method, **params):
    answer = http.post("/mcp", json=request(method, **params))
    assert answer.status_code == 200
    body = answer.json()
    assert body["jsonrpc"] == "2.0" and ("result" in body) != ("error" in body)
    return body


@pytest.mark.parametrize(("method", "path"), [("POST", "/reset"), ("POST", "/step"), ("GET", "/state")])
def test_production_has_no_way_to_steer_an_episode(production, conformance, method, path):
    body = {"json": {"action": {"message": "hello"}} if path == "/step" else {}} if method == "POST" else {}
    with production.http(ECHO) as http:
        assert http.request(method, path, **body).status_code in (404, 405)
    with conformance.http(ECHO) as http:
        assert http.request(method, path, **body).status_code == 200


def test_both_modes_tell_what_the_environment_is(either):
    with either.http(ECHO) as http:
        assert http.get("/health").json()["status"] == "healthy"
        assert {"action", "observation", "state"} <= set(http.get("/schema").json())
        assert http.get("/metadata").json()["name"] == ECHO
        paths = http.get("/openapi.json").json()["paths"]
    steering = {"/reset", "/step", "/state"} & set(paths)
    with either.http(ECHO) as http:
        there = http.get("/state").status_code == 200
    assert len(steering) == (3 if there else 0)


def test_an_episode_over_http(conformance):
    with conformance.http(ECHO) as http:
        begun = http.post("/reset", json={"seed": 42, "episode_id": "wire"}).json()
        assert begun["observation"]["response"] == "The echo is ready." and (begun["reward"], begun["done"]) == (None, False)
        told = http.post("/step", json={"action": {"message": "hi"}}).json()
        assert told["observation"]["response"] == "hi" and told["reward"] == pytest.approx(0.2)
        state = http.get("/state").json()
        assert (state["episode_id"], state["step_count"]) == ("wire", 1)


def test_a_first_step_begins_an_episode(conformance):
    with conformance.http(ECHO) as http:
        assert http.post("/step", json={"action": {"message": "hi"}}).json()["observation"]["response"] == "hi"
        assert http.get("/state").json()["step_count"] == 1
    with Socket(conformance, ECHO) as socket:
        told = socket.ask({"type": "step", "data": {"message": "hi"}})
        assert told["type"] == "observation" and told["data"]["observation"]["response"] == "hi"


def test_an_episode_over_the_socket(either):
    with Socket(either, ECHO) as socket:
        begun = socket.ask({"type": "reset", "data": {"episode_id": "wire"}})
        assert begun["type"] == "observation" and begun["data"]["observation"]["response"] == "The echo is ready."
        told = socket.ask({"type": "step", "data": {"message": "hello"}})
        assert told["data"]["observation"]["response"] == "hello" and told["data"]["done"] is False
        state = socket.ask({"type": "state"})
        assert state["type"] == "state" and state["data"]["step_count"] == 1


def test_tools_are_listed_over_every_entrance_without_a_reset(either):
    with either.http(TOOLS) as http:
        lists = [rpc(http, "tools/list")["result"]["tools"]]
    with Socket(either, TOOLS) as socket:
        lists.append(socket.rpc("tools/list")["result"]["tools"])
    with Socket(either, TOOLS, "/mcp") as socket:
        lists.append(socket.ask(request("tools/list"))["result"]["tools"])
    assert lists[0] == lists[1] == lists[2]
    assert {tool["name"] for tool in lists[0]} >= {"add", "greet"}
    assert all(tool["description"] and "inputSchema" in tool for tool in lists[0])
    # What steers an episode is never a tool.
    assert not {"reset", "step", "state", "close"} & {tool["name"] for tool in lists[0]}


def test_tools_are_called_over_every_entrance_without_a_reset(either):
    add = {"name": "add", "arguments": {"a": 5, "b": 3}}
    with either.http(TOOLS) as http:
        results = [rpc(http, "tools/call", **add)["result"]]
    with Socket(either, TOOLS) as socket:
        results.append(socket.rpc("tools/call", **add)["result"])
    with Socket(either, TOOLS, "/mcp") as socket:
        results.append(socket.ask(request("tools/call", **add))["result"])
    assert [result["data"] for result in results] == [8, 8, 8]
    # A call is no step that pays.
    assert not any({"reward", "done"} & set(result) for result in results)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("not json", -32700),
        ("[]", -32700),
        ({"id": 1, "method": "tools/list"}, -32600),
        ({"jsonrpc": "1.0", "id": 1, "method": "tools/list"}, -32600),
        (request("tools/sing"), -32601),
        (request("tools/call", arguments={}), -32602),
        (request("tools/call", name="gone", arguments={}), -32603),
        (request("openenv/session/close"), -32602),
        (request("openenv/session/close", session_id="gone"), -32602),
    ],
)
def test_what_fails_has_a_code_and_nothing_else(either, body, code):
    text = body if isinstance(body, str) else json.dumps(body)
    with either.http(TOOLS) as http:
        answer = http.post("/mcp", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    told = answer.json()
    assert told["error"]["code"] == code and told["error"]["message"] and "result" not in told
    with Socket(either, TOOLS, "/mcp") as socket:
        told = socket.ask(text)
        # On a socket of its own every caller has a session; the rest is the same, and the socket stays.
        assert told["error"]["code"] == code or body == request("openenv/session/close")
        assert socket.ask(request("tools/list", id=9))["id"] == 9


@pytest.mark.parametrize("id", [0, 7, "seven", None])
def test_the_id_of_a_request_comes_back(either, id):
    with either.http(TOOLS) as http:
        assert http.post("/mcp", json=request("tools/list", id=id)).json()["id"] == id
    with Socket(either, TOOLS) as socket:
        assert socket.ask({"type": "mcp", "data": request("tools/list", id=id)})["data"]["id"] == id


def test_a_session_is_opened_remembers_and_ends_once(either):
    with either.http(TOOLS) as http:
        session = rpc(http, "openenv/session/create")["result"]["session_id"]
        count = {"name": "count", "arguments": {}, "session_id": session}
        assert [rpc(http, "tools/call", **count)["result"]["data"] for _ in range(2)] == [1, 2]
        assert rpc(http, "openenv/session/close", session_id=session)["result"]["closed"] is True
        for method, params in (("openenv/session/close", {"session_id": session}), ("tools/call", count)):
            error = rpc(http, method, **params)["error"]
            assert error["code"] == -32602 and session in error["message"]


def test_a_socket_is_a_session_and_names_itself(either):
    with Socket(either, TOOLS) as socket:
        names = {socket.rpc("openenv/session/create")["result"]["session_id"] for _ in range(2)}
        assert len(names) == 1
        counts = [socket.rpc("tools/call", name="count", arguments={})["result"]["data"] for _ in range(2)]
        assert counts == [1, 2]


def test_calls_and_steps_take_turns_on_one_socket(conformance):
    with Socket(conformance, TOOLS) as socket:
        socket.ask({"type": "reset", "data": {}})
        assert socket.rpc("tools/call", name="count", arguments={})["result"]["data"] == 1
        told = socket.ask({"type": "step", "data": {"type": "call_tool", "tool_name": "count", "arguments": {}}})
        assert told["data"]["observation"]["result"]["data"] == 2
        listed = socket.ask({"type": "step", "data": {"type": "list_tools"}})
        assert listed["data"]["observation"]["tools"]
        assert socket.ask({"type": "state"})["data"]["step_count"] == 3


def test_a_session_that_is_closed_while_a_tool_works_answers_both(conformance):
    with conformance.http(SLOW) as http, concurrent.futures.ThreadPoolExecutor() as pool:
        session = rpc(http, "openenv/session/create")["result"]["session_id"]
        wait = {"name": "wait", "arguments": {"wait_seconds": 0.5}, "session_id": session}
        with conformance.http(SLOW) as other:
            working = pool.submit(rpc, other, "tools/call", **wait)
            closed = rpc(http, "openenv/session/close", session_id=session)
            # Each gets a whole answer, whichever comes first.
            assert {"result", "error"} & set(working.result(20)) and {"result", "error"} & set(closed)


def test_a_trainer_finds_tools_by_the_schemas_title_and_reads_what_to_do(conformance):
    """As `verifiers` does: it lists tools before the reset, and only for these titles."""
    with conformance.http(TOOLS) as http:
        assert http.get("/schema").json()["action"]["title"] in {"Action", "CallToolAction", "ListToolsAction"}
    with GenericEnvClient(base_url=conformance.env(TOOLS)).sync() as env:
        tools = env.step({"type": "list_tools"}).observation["tools"]
        assert {"add", "greet"} <= {tool["name"] for tool in tools}
        assert env.reset(seed=1).observation["instructions"] == "Let the tools add 40 and 2."
        assert env.step({"type": "call_tool", "tool_name": "add", "arguments": {"a": 40}}).observation["result"]["data"] == 42


def test_a_slip_of_a_model_does_not_end_its_rollout(start):
    mine = start("scenarios/email-ops", "--invalid-actions", "2")
    with GenericEnvClient(base_url=mine.url).sync() as env:
        first = env.reset(task_id="email-triage-easy", seed=3).observation["current_email"]
        for left in (1, 0):
            told = env.step({"type": "burn", "why": 1})
            assert (told.done, told.reward) == (False, 0) and told.observation["current_email"] == first
            error = told.observation["error"]
            assert error["actions_left"] == left and len(error["errors"]) == 2 and "burn" in json.dumps(error)
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.step({"type": "burn"})
        while not (told := env.step({"type": "archive"})).done:
            pass
        assert 0 <= told.metadata["score"] <= 1


def test_an_episode_that_rested_for_too_long_says_so(start):
    mine = start("scenarios/email-ops", "--idle-timeout", "1")
    with GenericEnvClient(base_url=mine.url).sync() as env:
        env.reset(seed=1)
        time.sleep(3)
        # It connects again by itself, and would step in another episode.
        with pytest.raises(RuntimeError, match="the session rested for more than 1 s and ended; send reset"):
            env.step({"type": "archive"})
        assert not env.reset(seed=1).done
    with mine.http() as http:
        session = http.post("/reset", json={"seed": 1}).json()["metadata"]["session_id"]
        for _ in range(100):
            # Looking at a session does not use it.
            if http.get(f"/sessions/{session}").status_code == 404:
                break
            time.sleep(0.1)
        told = http.post("/step", json={"action": {"type": "archive"}})
        assert told.status_code == 404 and "rested for more than 1 s" in told.json()["detail"]
    with connect(f"{mine.url.replace('http', 'ws', 1)}/ws?session_id={session}") as socket:
        told = json.loads(socket.recv(timeout=20))["data"]
    assert told["code"] == "SESSION_ERROR" and "rested for more than 1 s" in told["message"]


def test_an_agent_over_mcp_reads_its_task_and_what_there_is_to_see(server, conformance):
    hello = request(
        "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "t", "version": "1"}
    )
    headers = {"accept": "application/json, text/event-stream"}
    for running, name, expected in (
        (conformance, TOOLS, "Let the tools add 40 and 2."),
        (server, "email-ops", '"current_email":{"id":"m-'),
    ):
        with running.http(name) as http:
            told = http.post("/mcp", json=hello, headers=headers).json()["result"]
        assert expected in told["instructions"], told
