"""Tokens with the stock client, and what is said without them."""

import httpx
import pytest
from conftest import Server
from openenv import GenericEnvClient

ORCHESTRATOR = "orchestrator-0123456789"
AGENT = "agent-0123456789abcdef"


@pytest.fixture
def guarded(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# who may do what\norchestrator {ORCHESTRATOR}\nagent {AGENT}\n")
    running = Server("scenarios/email-ops", "--tokens", tokens, "--log", "json")
    yield running
    assert running.stop() == 0


def play(server, token):
    headers = {"Authorization": f"Bearer {token}"} if token else None
    with GenericEnvClient(base_url=server.url, headers=headers).sync() as client:
        client.reset(task_id="email-triage-easy", seed=1)
        return client.state()["step_count"]


def test_the_stock_client_sends_its_token_as_a_header(guarded):
    assert play(guarded, ORCHESTRATOR) == 0
    for token in (None, AGENT, ORCHESTRATOR + "x"):
        with pytest.raises(ConnectionError):
            play(guarded, token)
    guarded.stop()
    log = "".join(guarded.errors)
    assert "stopping" in log and ORCHESTRATOR not in log and AGENT not in log


def test_an_agent_uses_tools_and_nothing_else(guarded):
    client = httpx.Client(base_url=guarded.url, headers={"authorization": f"Bearer {AGENT}"})
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert client.post("/mcp", json=call).status_code == 200
    for method, path in [("POST", "/reset"), ("POST", "/step"), ("GET", "/state"), ("GET", "/metrics"), ("POST", "/grader")]:
        assert client.request(method, path).status_code == 403, path


def test_listening_wider_without_tokens_is_warned_about():
    running = Server("scenarios/email-ops", "--host", "0.0.0.0")
    assert running.stop() == 0
    assert "".join(running.errors).startswith("warning: there are no tokens")
