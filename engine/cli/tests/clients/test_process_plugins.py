"""Plugins that are processes, behind a running server: they fail, change and end, and nobody else notices."""

import re
import subprocess
import threading
import time

import pytest
from conftest import BINARY
from test_reload import wait

PACK = """
apiVersion: casebook/v1
kind: Environment
name: desk
version: 1.0.0
description: Letters to a desk.
item: { noun: letter, fields: { text: { type: text } } }
decision: { reply: { type: text } }
action: { shape: single, properties: { reply: { decides: reply, required: true } } }
plugins:
  odd:
    file: plugins/odd.py
    version: "1"
    process: { command: [python3, -B], description: plugins/description.json, processes: 2, seconds: 1 }
observation: { letters: { items: pending } }
---
apiVersion: casebook/v1
kind: Inbox
name: desk
items:
  - { id: l-1, fields: { text: One. }, labels: { reply: { reference: One } } }
  - { id: l-2, fields: { text: Two. }, labels: { reply: { reference: Two } } }
  - { id: l-3, fields: { text: Three. }, labels: { reply: { reference: Three } } }
---
apiVersion: casebook/v1
kind: Rubric
name: odd
reward: { explain: step, sum: [{ name: odd, grader: plugin, plugin: odd }] }
score: { weighted_sum: [{ name: all, weight: 1, grader: plugin, plugin: odd }] }
---
apiVersion: casebook/v1
kind: Task
name: letters
difficulty: 1
split: train
inbox: desk
max_steps: 4
instructions: Answer.
"""

DESCRIPTION = """{
  "name": "odd", "version": "1.0.0", "summary": "Odd.", "deterministic": false,
  "graders": [{ "name": "odd", "summary": "Odd.", "reads": ["decision"],
    "examples": [{ "name": "one", "input": {}, "output": {} }] }]
}
"""

SCRIPT = """
import json, os, random, sys, time

FACTOR = 1.0

for line in sys.stdin:
    question = json.loads(line)
    if "describe" in question:
        ok = json.load(open("description.json"))
    else:
        reply = (question["grade"].get("decision") or {}).get("reply", "")
        if reply == "hang":
            time.sleep(3600)
        if reply == "die":
            print("good bye", file=sys.stderr, flush=True)
            os._exit(9)
        ok = {"value": FACTOR if reply == "factor" else random.random(), "reason": f"by {os.getpid()}"}
    print(json.dumps({"id": question["id"], "ok": ok}), flush=True)
"""


@pytest.fixture
def pack(tmp_path):
    folder = tmp_path / "desk"
    (folder / "plugins").mkdir(parents=True)
    (folder / "pack.yaml").write_text(PACK)
    (folder / "plugins/description.json").write_text(DESCRIPTION)
    (folder / "plugins/odd.py").write_text(SCRIPT)
    return folder


def reset(http):
    """A session of its own: without the cookie that would lead back to the one before."""
    http.cookies.clear()
    answer = http.post("/reset", json={"task_id": "letters", "seed": 0})
    http.cookies.clear()
    assert answer.status_code == 200, answer.text
    return answer.headers["x-session-id"]


def step(http, session, reply):
    return http.post("/step", json={"action": {"reply": reply}, "session_id": session})


def reward(http, session, reply):
    answer = step(http, session, reply)
    assert answer.status_code == 200, answer.text
    return answer.json()["reward"]


def test_it_is_not_started_unless_that_is_allowed(pack):
    line = 1 + next(at for at, text in enumerate(PACK.splitlines()) if "process:" in text)
    for command in ("serve", "run", "test", "baseline"):
        ran = subprocess.run([BINARY, command, pack], capture_output=True, text=True)
        assert ran.returncode == 1
        assert "error[CB704]: the plugin `odd` is a process, which is not allowed here" in ran.stderr
        assert f"pack.yaml:{line}:" in ran.stderr
    for command in ("check", "docs", "explain-item"):
        ran = subprocess.run([BINARY, command, pack], capture_output=True, text=True)
        assert "CB704" not in ran.stderr


def test_one_that_fails_fails_the_step_and_nobody_else(start, pack):
    server = start(pack, "--allow-process-plugins")
    with server.http() as http:
        session, other = reset(http), reset(http)
        told = []
        hanging = threading.Thread(target=lambda: told.append(step(http, session, "hang")))
        hanging.start()
        rewards = [reward(http, other, "factor") for _ in range(2)]
        hanging.join()
        assert rewards == [1.0, 1.0]
        assert told[0].status_code == 500
        died = step(http, session, "die")
        # What a plugin says may hold what is right: it is for the log, and an agent reads one sentence.
        for failed in (told[0], died):
            assert failed.json() == {"detail": "the environment failed at this step; see the server's log for the reason"}
        assert http.get("/state", params={"session_id": session}).json()["step_count"] == 0
        assert reward(http, session, "factor") == 1.0
        assert http.get("/health").json()["status"] == "healthy"
    server.stop()
    assert "good bye" in "".join(server.errors)


def test_a_fork_and_a_replay_hear_what_was_heard(start, pack, tmp_path):
    record = tmp_path / "record.jsonl"
    server = start(pack, "--allow-process-plugins", "--record", record)
    with server.http() as http:
        session = reset(http)
        first, second = reward(http, session, "a"), reward(http, session, "b")
        assert first != second
        kept = http.get(f"/sessions/{session}").json()
        assert [one["step"] for one in kept["inputs"]][-1] == 2
        fork = http.post(f"/sessions/{session}/fork", json={"at": 1}).json()
        assert fork["inputs"] == [one for one in kept["inputs"] if one["step"] <= 1]
        again = reward(http, fork["session_id"], "b")
        assert again not in (first, second), "what comes after the fork is asked anew"
        for one in (session, fork["session_id"]):
            reward(http, one, "c")
    assert server.stop() == 0
    assert len(record.read_text().splitlines()) == 2
    played = subprocess.run([BINARY, "replay", record, pack], capture_output=True, text=True)
    assert played.returncode == 0 and played.stdout.count("every byte agrees") == 2, played.stdout + played.stderr


def test_a_changed_script_is_a_new_generation_and_a_broken_one_is_none(start, pack):
    server = start(pack, "--allow-process-plugins", "--open")
    script = pack / "plugins/odd.py"
    with server.http() as http:
        running = reset(http)
        assert reward(http, running, "factor") == 1.0
        script.write_text(SCRIPT.replace("FACTOR = 1.0", "FACTOR = 0.5"))
        wait(http, lambda status: status["generation"] == 2)
        fresh = reset(http)
        assert (reward(http, running, "factor"), reward(http, fresh, "factor")) == (1.0, 0.5)
        script.write_text(SCRIPT.replace("FACTOR = 1.0", "raise SystemExit('broken')"))
        status = wait(http, lambda status: status["outcome"] == "rejected")
        assert "CB701" in status["rejected"]["text"] and "broken" in status["rejected"]["text"]
        assert reward(http, reset(http), "factor") == 0.5


def test_no_episode_sees_two_scripts_while_they_change_all_the_time(start, pack):
    server = start(pack, "--allow-process-plugins")
    script, over, seen, wrong = pack / "plugins/odd.py", threading.Event(), set(), []

    def play():
        with server.http() as http:
            while not over.is_set():
                session = reset(http)
                rewards = {reward(http, session, "factor") for _ in range(3)}
                seen.update(rewards)
                if len(rewards) > 1:
                    wrong.append(rewards)

    players = [threading.Thread(target=play) for _ in range(4)]
    for player in players:
        player.start()
    with server.http() as http:
        for at in range(12):
            script.write_text(SCRIPT.replace("FACTOR = 1.0", f"FACTOR = {0.25 + at % 2 / 2}"))
            time.sleep(0.15)
        script.write_text(SCRIPT.replace("FACTOR = 1.0", "FACTOR = 0.125"))
        while 0.125 not in seen and not wrong and any(player.is_alive() for player in players):
            time.sleep(0.05)
    over.set()
    for player in players:
        player.join()
    assert not wrong and seen & {0.25, 0.75} and 0.125 in seen


def runs(process):
    """Whether a process runs; one that has ended may wait to be buried."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_no_process_outlives_the_server(start, pack, tmp_path, monkeypatch):
    folders = tmp_path / "folders"
    folders.mkdir()
    monkeypatch.setenv("TMPDIR", str(folders))
    server = start(pack, "--allow-process-plugins")
    with server.http() as http:
        said = step(http, reset(http), "a").text
    child = int(re.search(r"by (\d+)", said)[1])
    assert runs(child) and len(list(folders.iterdir())) == 1
    assert server.stop() == 0
    assert not list(folders.iterdir()), "its working folder is left"
    for _ in range(200):
        if not runs(child):
            return
        time.sleep(0.05)
    raise AssertionError("it goes on")
