"""The HTTP surface: sessions, envelopes, errors, and the routes beside OpenEnv's."""

import time

import pytest

EASY = {"task_id": "email-triage-easy", "seed": 4}


@pytest.fixture
def http(start):
    """A server of its own, so that id-less episodes of other tests do not count."""
    with start("scenarios", "--environment", "email-ops").http() as client:
        yield client


def test_an_episode_without_an_id_goes_on(http):
    reset = http.post("/reset", params={"task_id": "email-triage-easy"})
    assert reset.status_code == 200
    body = reset.json()
    assert body["reward"] is None and body["done"] is False
    assert reset.headers["x-session-id"] == body["metadata"]["session_id"] == body["observation"]["metadata"]["session_id"]
    http.cookies.clear()
    step = http.post("/step", json={"type": "archive"}).json()
    assert set(step) == {"observation", "reward", "done", "metadata", "info"}
    assert isinstance(step["reward"], float)
    assert step["info"]["components"].keys() == {"decision_quality", "safety_penalty", "response_quality", "loop_penalty", "completion_bonus"}
    assert step["info"]["decisions"][0]["rule"] == "R-SUPPORT" and "R-SUPPORT" in step["info"]["reason"]
    assert http.get("/state").json()["step_count"] == 1


def test_header_cookie_query_and_body_name_the_session(http):
    first = http.post("/reset", json=EASY).headers["x-session-id"]
    http.cookies.clear()
    second = http.post("/reset", json=EASY).headers["x-session-id"]
    assert first != second
    http.cookies.clear()
    # Without an id the client goes on with the last one that it began.
    assert http.get("/state").json()["step_count"] == 0
    assert http.post("/step", json={"type": "archive"}, headers={"x-session-id": first}).json()["observation"]["step_count"] == 1
    assert http.post("/step", json={"type": "archive"}, params={"session_id": first}).json()["observation"]["step_count"] == 2
    assert http.post("/step", json={"action": {"type": "archive"}, "session_id": first}).json()["done"] is True
    http.cookies.set("casebook_session", second)
    assert http.get("/state").json()["step_count"] == 0
    http.cookies.clear()
    assert http.get("/state", headers={"x-session-id": "nonsense"}).status_code == 404


def test_stepping_after_done_is_409(http):
    http.post("/reset", json=EASY)
    for _ in range(3):
        last = http.post("/step", json={"action": {"type": "archive"}}).json()
    assert last["done"] and 0 <= last["info"]["score"] <= 1
    for _ in range(2):
        after = http.post("/step", json={"type": "archive"})
        assert after.status_code == 409 and "done" in after.json()["detail"]


def test_the_state_is_empty_until_a_first_step_begins_an_episode(http):
    state = http.get("/state").json()
    assert state["episode_id"] is None and state["step_count"] == 0
    assert http.post("/step", json={"type": "archive"}).json()["observation"]["step_count"] == 1
    assert http.get("/state").json()["step_count"] == 1


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        ({"seed": -1}, "greater_than_equal", ["body", "seed"]),
        ({"seed": 1.5}, "int_from_float", ["body", "seed"]),
        ({"seed": "x"}, "int_parsing", ["body", "seed"]),
        ({"episode_id": "x" * 256}, "string_too_long", ["body", "episode_id"]),
        ([], "model_attributes_type", ["body"]),
        (None, "model_attributes_type", ["body"]),
        ({"task": "a"}, "extra_forbidden", ["body", "task"]),
    ],
)
def test_bad_resets_are_422(http, body, kind, loc):
    answer = http.post("/reset", json=body, headers={"content-type": "application/json"}, content=None)
    if body is None:
        answer = http.post("/reset", content="null", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert (answer.json()["detail"][0]["type"], answer.json()["detail"][0]["loc"]) == (kind, loc)


def test_numeric_strings_are_seeds_and_empty_bodies_are_fine(http):
    assert http.post("/reset", json={"seed": "7"}).json()["metadata"]["seed"] == 7
    assert http.post("/reset").status_code == 200


def test_bad_actions_are_422_and_change_nothing(http):
    http.post("/reset", json=EASY)
    answer = http.post("/step", json={"action": {"type": "answer", "zzz": 1}})
    assert answer.status_code == 422
    assert {entry["loc"][-1]: entry["type"] for entry in answer.json()["detail"]} == {"type": "literal_error", "zzz": "extra_forbidden"}
    assert http.post("/step", content="{nope", headers={"content-type": "application/json"}).json()["detail"][0]["type"] == "json_invalid"
    assert http.get("/state").json()["step_count"] == 0


def test_the_routes_beside_openenv(http):
    tasks = http.get("/tasks").json()
    assert [task["id"] for task in tasks["tasks"] if task["split"] == "classic"] == ["email-triage-easy", "email-triage-medium", "email-triage-hard"]
    assert {task["id"]: task["count"] for task in tasks["tasks"] if task["count"] > 1} == dict.fromkeys(("desk-test", "desk-train", "desk-validation"), 1_000_000)
    assert tasks["action_schema"]["required"] == ["type"]
    assert http.get("/envs/email-triage/tasks").json()["environment"] == "email-triage"
    baseline = http.get("/baseline").json()
    assert baseline["scores"] == {"email-triage-easy": 0.875, "email-triage-medium": 0.7129, "email-triage-hard": 0.824}
    assert baseline["overall"] == 0.804
    assert http.post("/grader", params={"task_id": "email-triage-hard", "provider": "oracle"}).status_code == 403
    grader = http.post("/grader", params={"task_id": "email-triage-hard"}).json()
    assert grader["score"] == 0.824 and "explanation" not in grader
    assert http.post("/grader", params={"task_id": "email-triage-hrad"}).status_code in (404, 422)
    assert http.get("/reload").json()["generation"] == 1
    assert {entry["name"] for entry in http.get("/envs").json()} == {
            "alert-queue", "claims", "content-review", "email-ops", "email-triage", "support-desk",
        }
    assert "<html" in http.get("/").text


def test_an_open_server_tells_its_authors_what_is_right(start):
    with start("scenarios/email-ops", "--open").http() as http:
        grader = http.post("/grader", params={"task_id": "email-triage-hard", "provider": "oracle"}).json()
        assert grader["score"] == 1.0 and grader["provider"] == "oracle" and grader["explanation"]


def test_general_answers(http):
    assert http.get("/health").content == b'{"status":"healthy"}'
    assert http.get("/nope").json() == {"detail": "Not Found"}
    wrong = http.post("/health", json={})
    assert wrong.status_code == 405 and wrong.json() == {"detail": "Method Not Allowed"} and "GET" in wrong.headers["allow"]
    slash = http.get("/health/", follow_redirects=False)
    assert slash.status_code == 307 and slash.headers["location"].endswith("/health")
    mcp = http.post("/mcp", json={})
    assert mcp.status_code == 200 and mcp.json()["error"]["code"] == -32600 and mcp.json()["error"]["data"] is None
    metadata = http.get("/metadata").json()
    assert isinstance(metadata["name"], str) and isinstance(metadata["description"], str)
    openapi = http.get("/openapi.json").json()
    assert openapi["info"]["version"] == "1.0.0" and {"/reset", "/step", "/state", "/mcp", "/health"} <= set(openapi["paths"])


def test_sessions_were_never_freed(start):
    """Seed B's defect: here a vanished socket frees its slot, and an idle session is reaped."""
    from openenv import GenericEnvClient

    small = start("scenarios/email-ops", "--max-sessions", "1", "--idle-timeout", "1")
    for _ in range(20):
        env = GenericEnvClient(base_url=small.url).sync()
        for attempt in range(100):
            try:
                env.reset()
                break
            except RuntimeError as error:
                assert "CAPACITY_REACHED" in str(error) and attempt < 99
                time.sleep(0.05)
        env.close()

    def reset(http):
        """Resets once a slot is free."""
        for _ in range(200):
            answer = http.post("/reset")
            http.cookies.clear()
            if answer.status_code == 200:
                return answer.headers["x-session-id"]
            assert answer.status_code == 503
            time.sleep(0.1)
        raise AssertionError("the slot never came back")

    with small.http() as http:
        first = reset(http)
        assert reset(http) != first, "nobody used the first one, so it was reaped"
