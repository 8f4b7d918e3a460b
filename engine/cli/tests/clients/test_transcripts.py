"""Exchanges that were recorded with the stock server, played again with ours.

`transcripts/*.jsonl` hold what was sent and what came back; `transcripts/differences.yaml` holds every answer that differs
on purpose, with the reason. All else must be the same: keys, values, codes, order, close codes. Only sentences for people
(`msg`, `message`, `description`) may have other words.
"""

import asyncio
import contextlib
import json
import pathlib

import httpx
import pytest
import websockets
import yaml
from conftest import Server

FOLDER = pathlib.Path(__file__).parent / "transcripts"
DIFFERENCES = yaml.safe_load((FOLDER / "differences.yaml").read_text(encoding="utf-8"))
WORDS = {"msg", "message", "description", "title", "readme_content", "error"}
"""Keys whose texts are for people."""
OURS = set(DIFFERENCES["keys"])
"""Keys that our answers have besides."""
SERVERS = {
    "triage": ("triage",),
    "small": ("triage", "--max-sessions", "2"),
    "pair": ("triage", "--max-sessions", "2"),
    "fresh": ("triage",),
    "running": ("triage",),
    "production": ("triage", "--mode", "production"),
    "tools": ("tools",),
    "broken": ("triage",),
}
BASES = {"broken": "/envs/nowhere"}


def recorded(name):
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


@pytest.fixture(scope="module")
def servers():
    running = {name: Server(f"scenarios/conformance/{pack}", *args) for name, (pack, *args) in SERVERS.items()}
    # A step over HTTP goes on with the episode that a reset has begun.
    with running["running"].http() as http:
        assert http.post("/reset", json={"seed": 1}).status_code == 200
    yield running
    for server in running.values():
        assert server.stop() == 0


def differing(kind, name):
    return DIFFERENCES[kind].get(name, {})


def named_ones(values):
    return isinstance(values, list) and len(values) > 0 and all(isinstance(one, dict) and "name" in one for one in values)


def remaining(difference, lines):
    """The lines that the differences do not explain."""
    return [line for line in lines if not any(part in line for part in difference.get("ignore", []))]


def compare(expected, actual, at=""):
    """The differences between two answers, one line each."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        lines = [f"{at}.{key} is missing" for key in expected.keys() - actual.keys()]
        lines += [f"{at}.{key} is new" for key in actual.keys() - expected.keys() - OURS]
        for key in expected.keys() & actual.keys():
            both_told = isinstance(expected[key], str) and isinstance(actual[key], str)
            if key != "metadata" and not (key in WORDS and both_told):
                lines += compare(expected[key], actual[key], f"{at}.{key}")
        return lines
    if named_ones(expected) and named_ones(actual):
        # Our packs may have more tools than the recorded environment.
        found = {one["name"]: one for one in actual}
        return [line for one in expected for line in compare(one, found.get(one["name"]), f"{at}[{one['name']}]")]
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        return [line for at_, pair in enumerate(zip(expected, actual)) for line in compare(*pair, f"{at}[{at_}]")]
    if expected == "<any>" or (expected == "<id>" and isinstance(actual, str)):
        return []
    same = expected == actual and (isinstance(expected, bool) == isinstance(actual, bool))
    return [] if same else [f"{at}: {expected!r} was recorded, {actual!r} came"]


@named(recorded("http.jsonl"))
def test_http(servers, case, request):
    server, base = servers[case["server"]], BASES.get(case["server"], "")
    difference = differing("http", case["name"])
    expected = {**case["answer"], **difference.get("answer", {})}
    headers = {"content-type": case["content_type"]} if "content_type" in case else {}
    with httpx.Client(base_url=server.url, follow_redirects=False) as http:
        body = case.get("body")
        answer = http.request(case["method"], base + case["path"], headers=headers, content=body.encode() if body is not None else None)
    actual = {key: answer.headers.get(key, "") for key in ("allow", "content-type", "location") if key in expected}
    actual["status"] = answer.status_code
    if expected.get("json") is not None:
        actual["json"] = answer.json()
    wanted = {key: expected[key] for key in actual}
    if case["name"] in DIFFERENCES["shape_only"]:
        wanted["json"], actual["json"] = sorted(wanted["json"]), sorted(set(actual["json"]) & set(wanted["json"]))
    assert remaining(difference, compare(wanted, actual)) == []


class Actor:
    """Plays the lines of one script: sockets by their letters, and requests."""

    def __init__(self, server, base):
        self.server, self.base = server, base
        self.sockets, self.session = {}, "<id>"
        self.problems = []

    def filled(self, text):
        return text.replace("<id>", self.session)

    def check(self, at, expected, actual):
        self.problems += [f"line {at}: {line}" for line in compare(expected, actual)]

    def learn(self, answer):
        result = (answer.get("data") if answer.get("type") == "mcp" else answer).get("result") or {}
        if isinstance(result, dict):
            self.session = result.get("session_id", self.session)

    async def line(self, at, who, verb, *rest):
        if verb == "open":
            url = self.server.url.replace("http", "ws") + self.base + self.filled(rest[0])
            self.sockets[who] = await websockets.connect(url, proxy=None)
        elif verb == "post":
            path, body, expected = rest
            async with httpx.AsyncClient(base_url=self.server.url) as http:
                answer = (await http.post(self.base + path, content=self.filled(body), headers={"content-type": "application/json"})).json()
            self.learn(answer)
            self.check(at, expected, answer)
        elif verb == "say":
            text = self.filled(rest[0])
            frame = text.removeprefix("BINARY b'").removesuffix("'").encode() if text.startswith("BINARY") else text
            # A socket that is refused may be closed before anything is said; what it was told is heard all the same.
            with contextlib.suppress(websockets.ConnectionClosed):
                await self.sockets[who].send(frame)
        elif verb == "hear":
            answer = json.loads(await asyncio.wait_for(self.sockets[who].recv(), 20))
            self.learn(answer)
            self.check(at, rest[0], answer)
        elif verb == "close":
            await self.sockets[who].close()
        elif verb == "closed":
            with pytest.raises(websockets.ConnectionClosed):
                await asyncio.wait_for(self.sockets[who].recv(), 20)
            self.check(at, rest[0], self.sockets[who].close_code)


@named(recorded("sockets.jsonl"))
def test_sockets(servers, case):
    difference = differing("sockets", case["name"])
    changed = {int(at): line for at, line in difference.get("lines", {}).items()}

    async def play():
        actor = Actor(servers[case["server"]], BASES.get(case["server"], ""))
        try:
            for at, line in enumerate(case["script"]):
                line = changed.get(at, line)
                if line is not None:
                    await actor.line(at, *line)
        finally:
            for socket in actor.sockets.values():
                await socket.close()
        return actor.problems

    assert remaining(difference, asyncio.run(play())) == []


def test_every_difference_has_a_reason_and_a_case():
    for kind, file in (("http", "http.jsonl"), ("sockets", "sockets.jsonl")):
        names = {case["name"] for case in recorded(file)}
        for name, difference in DIFFERENCES[kind].items():
            assert name in names, f"{name} was never recorded"
            assert len(difference["why"]) > 20, name
