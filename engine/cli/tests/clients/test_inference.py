"""`inference.py` without an endpoint, with one, and with one that fails and blabs."""

import http.server
import json
import os
import re
import subprocess
import sys
import threading

import pytest
from conftest import BINARY, ROOT

KEY = "sk-very-secret-0123456789"
START = r"\[START\] task=email-triage-(easy|medium|hard) env=email-ops model=\S+"
STEP = r"\[STEP\] step=\d+ action=\{.*\} reward=-?\d\.\d\d done=(true|false) error=(null|.+)"
END = r"\[END\] success=(true|false) steps=\d+ score=[01]\.\d{4} rewards=((-?\d\.\d\d)(,-?\d\.\d\d)*)?"


def infer(*args, code=0, **env):
    clean = {name: value for name, value in os.environ.items() if name not in ("API_BASE_URL", "API_KEY", "HF_TOKEN", "MODEL_NAME")}
    result = subprocess.run(
        [sys.executable, "inference.py", *args], cwd=ROOT, capture_output=True, text=True, timeout=120,
        env={**clean, "CASEBOOK_BIN": BINARY, **env},
    )
    assert result.returncode == code, result.stderr
    lines = result.stdout.splitlines()
    for line in lines:
        assert re.fullmatch(f"{START}|{STEP}|{END}", line), line
    return lines, result.stderr, result.stdout + result.stderr


class Endpoint(http.server.BaseHTTPRequestHandler):
    """An OpenAI-compatible endpoint that says what `answer` says."""

    answer = staticmethod(lambda: (200, "{}"))
    calls = 0

    def do_POST(self):
        type(self).calls += 1
        self.rfile.read(int(self.headers["content-length"]))
        status, text = self.answer()
        if status == 200:
            text = json.dumps({
                "id": "1", "object": "chat.completion", "created": 0, "model": "stub",
                "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            })
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    def begin(answer):
        handler = type("Stub", (Endpoint,), {"answer": staticmethod(answer), "calls": 0})
        running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        servers.append(running)
        env = {"API_BASE_URL": f"http://127.0.0.1:{running.server_port}/v1", "HF_TOKEN": KEY, "MODEL_NAME": "stub"}
        return handler, env

    servers = []
    yield begin
    for running in servers:
        running.shutdown()


def marked(lines):
    """The steps at which the heuristic stood in for the model: action and error."""
    steps = [re.fullmatch(r"\[STEP\] .* action=(\{.*\}) reward=.* error=(.*)", line) for line in lines if line.startswith("[STEP]")]
    return [(json.loads(step[1]), step[2]) for step in steps if step[2] != "null"], len(steps)


def test_offline_it_says_so_once_and_plays(server):
    lines, stderr, _ = infer(MODEL_NAME="unreached")
    assert [line for line in lines if line.startswith("[START]") and not line.endswith(" model=heuristic")] == []
    assert marked(lines) == ([], 12)
    assert stderr.count("playing offline") == 1
    ends = [line for line in lines if line.startswith("[END]")]
    assert len(ends) == 3 and all("success=true" in line for line in ends)
    assert infer()[0] == lines, "the same seed gives the same lines"
    assert infer("--url", server.url)[0] == lines


def test_a_model_plays(endpoint):
    handler, env = endpoint(lambda: (200, 'Sure!\n```json\n{"type": "escalate"}\n```'))
    lines, stderr, _ = infer(**env)
    assert stderr == "" and handler.calls == 12
    assert lines[0] == "[START] task=email-triage-easy env=email-ops model=stub"
    assert all('"escalate"' in line for line in lines if line.startswith("[STEP]"))


def test_without_the_openai_package_it_plays_offline(endpoint, tmp_path):
    (tmp_path / "openai.py").write_text("raise ImportError('not installed')")
    _, env = endpoint(lambda: (200, "{}"))
    _, stderr, _ = infer(**env, PYTHONPATH=str(tmp_path))
    assert stderr.count("playing offline") == 1


def test_nonsense_from_a_model_falls_back_for_that_step_and_says_so(endpoint):
    answers = iter(["I would rather not."] + ['{"type": "escalate"}'] * 11)
    _, env = endpoint(lambda: (200, next(answers)))
    lines, stderr, _ = infer(code=3, **env)
    [(action, error)], _ = marked(lines)
    assert action["type"] == "respond" and error == "model: its answer holds no action; played by the heuristic"
    assert stderr.startswith("email-triage-easy: the heuristic played 1 of 3 steps for `stub` (step 1) and earned ")
    _, env = endpoint(lambda: (200, "Nothing."))
    lines, _, _ = infer(code=3, **env)
    assert len(marked(lines)[0]) == 12 and all("success=false" in line for line in lines if line.startswith("[END]"))


def test_a_refused_action_is_not_the_one_that_is_told(endpoint):
    long = "so " * 10_000
    _, env = endpoint(lambda: (200, json.dumps({"type": "respond", "content": long})))
    lines, _, _ = infer(code=3, **env)
    told, steps = marked(lines)
    assert len(told) == steps == 12 and all(long not in action.get("content", "") for action, _ in told)
    assert all(error.startswith("model: Server error: ") and "VALIDATION_ERROR" in error for _, error in told)
    assert all('its action was {"type":"respond","content":"so so' in error and len(error) < 350 for _, error in told)
    assert all(error.endswith("; played by the heuristic") for _, error in told)


def test_a_name_with_blanks_is_one_word(endpoint):
    _, env = endpoint(lambda: (200, '{"type": "archive"}'))
    assert infer(**{**env, "MODEL_NAME": "my  model"})[0][0].endswith(" model=my-model")


def test_an_episode_that_breaks_off_ends_with_an_exit_code():
    lines, stderr, _ = infer("--url", "http://127.0.0.1:9", code=1)
    assert lines[1:] == ["[END] success=false steps=0 score=0.0000 rewards="]
    assert stderr.splitlines()[-1].startswith("email-triage-easy could not be played to its end: ")


@pytest.mark.parametrize("status", [401, 500])
@pytest.mark.parametrize("given", [KEY, f" {KEY}\n"])
def test_a_failing_endpoint_never_sees_its_key_printed(endpoint, status, given):
    _, env = endpoint(lambda: (status, json.dumps({"error": {"message": f"bad key:{KEY}"}})))
    lines, stderr, everything = infer(code=3, **{**env, "HF_TOKEN": given})
    assert KEY not in everything and "[key]" in stderr
    assert stderr.count("playing offline") == 1
    assert len([line for line in lines if line.startswith("[END]")]) == 3
    # The episode in which the model failed is marked from there on; the next ones are the heuristic's own.
    assert [line.rpartition("=")[2] for line in lines if line.startswith("[START]")] == ["stub", "heuristic", "heuristic"]
    told, _ = marked(lines)
    assert "[key]" in told[0][1] and [error for _, error in told[1:]] == ["model: it is offline; played by the heuristic"] * 2
