"""Saving under a running server: accepted or rejected whole, and never under a running episode."""

import pathlib
import shutil
import time

import pytest
from conftest import ROOT
from openenv import GenericEnvClient

OLD = "then: { action: respond }"
NEW = "then: { action: escalate }"


@pytest.fixture
def pack(tmp_path):
    """A copy of the pack that a test may break."""
    copy = tmp_path / "email-ops"
    shutil.copytree(ROOT / "scenarios/email-ops", copy)
    return copy


def wait(http, wanted):
    """Waits until the reload status is as wanted; the test's own time limit ends it otherwise."""
    for _ in range(200):
        status = http.get("/reload").json()
        if wanted(status):
            return status
        time.sleep(0.05)
    raise AssertionError(status)


def overwrite(path, text):
    path.write_text(text)


def rename_over(path, text):
    new = path.with_suffix(".tmp")
    new.write_text(text)
    new.rename(path)


def delete_and_create(path, text):
    path.unlink()
    time.sleep(0.02)
    path.write_text(text)


@pytest.mark.parametrize("save", [overwrite, rename_over, delete_and_create])
def test_a_save_changes_new_episodes_and_no_running_one(start, pack, save):
    server = start(pack)
    rules = pack / "rules.yaml"
    with server.http() as http, GenericEnvClient(base_url=server.url).sync() as running, GenericEnvClient(base_url=server.url).sync() as fresh:
        before = running.reset(task_id="email-triage-easy", seed=0)
        save(rules, rules.read_text().replace(OLD, NEW))
        wait(http, lambda status: status["generation"] == 2 and status["outcome"] == "loaded")
        after = fresh.reset(task_id="email-triage-easy", seed=0)
        assert (before.metadata["generation"], after.metadata["generation"]) == (1, 2)
        assert before.metadata["digest"] != after.metadata["digest"]
        assert fresh.step({"type": "escalate"}).reward == 0.6, "the new rule"
        old = running.step({"type": "escalate"})
        assert old.reward == pytest.approx(-0.1) and old.metadata["generation"] == 1, "the old rule, to its end"
        assert running.reset(task_id="email-triage-easy", seed=0).metadata["generation"] == 2


def test_a_broken_save_is_rejected_and_shown(start, pack):
    server = start(pack, "--open")
    rules = pack / "rules.yaml"
    sound = rules.read_text()
    with server.http() as http, GenericEnvClient(base_url=server.url).sync() as env:
        rules.write_text(sound.replace("escalate", "escalat", 1))
        status = wait(http, lambda status: status["outcome"] == "rejected")
        assert status["generation"] == 1
        first = status["rejected"]["diagnostics"][0]
        assert first["code"] == "CB401" and first["line"] == 9 and first["hint"] == "did you mean `escalate`?"
        assert "rules.yaml:9" in status["rejected"]["text"]
        assert env.reset().metadata["generation"] == 1, "the old one goes on"
        rules.write_text(sound)
        status = wait(http, lambda status: status["rejected"] is None)
        assert status["generation"] == 1, "the same content is no new generation"
        rules.write_text(sound.replace(OLD, NEW))
        wait(http, lambda status: status["generation"] == 2)
    server.stop()
    said = "".join(server.errors)
    assert "did you mean `escalate`?" in said and "rejected: generation 1 goes on" in said and "reloaded: generation 2" in said


def test_a_comment_is_a_new_generation_of_the_same_digest(start, pack):
    server = start(pack)
    with server.http() as http, GenericEnvClient(base_url=server.url).sync() as env:
        before = env.reset(task_id="email-triage-easy", seed=0).metadata
        rules = pack / "rules.yaml"
        rules.write_text(rules.read_text() + "# a remark\n")
        wait(http, lambda status: status["generation"] == 2)
        after = env.reset(task_id="email-triage-easy", seed=0).metadata
    assert before["digest"] == after["digest"]


def test_polling_notices_as_well(start, pack):
    server = start(pack, "--poll", "1")
    with server.http() as http:
        rules = pack / "rules.yaml"
        rules.write_text(rules.read_text().replace(OLD, NEW))
        wait(http, lambda status: status["generation"] == 2)


def test_a_mounted_folder_that_is_swapped_by_its_link(start, tmp_path):
    """How a ConfigMap changes: `..data` is a link, and every file is a link through it."""
    mounted = tmp_path / "mounted"
    for name in ("one", "two"):
        shutil.copytree(ROOT / "scenarios/email-ops", mounted / f"..{name}")
    rules = mounted / "..two" / "rules.yaml"
    rules.write_text(rules.read_text().replace(OLD, NEW))
    data = mounted / "..data"
    data.symlink_to("..one")
    for path in (mounted / "..one").rglob("*.yaml"):
        inner = path.relative_to(mounted / "..one")
        (mounted / "-".join(inner.parts)).symlink_to(pathlib.Path("..data") / inner)
    server = start(mounted, "--poll", "1")
    with server.http() as http:
        swap = mounted / "..swap"
        swap.symlink_to("..two")
        swap.rename(data)
        wait(http, lambda status: status["generation"] == 2)


def test_a_change_that_fails_a_probe_does_not_pass_the_gate(start, pack):
    server = start(pack, "--open", "--gate", "probes")
    rubric, rules = pack / "rubric.yaml", pack / "rules.yaml"
    sound = rubric.read_text()
    with server.http() as http:
        rubric.write_text(sound.replace("correct: 0.6", "correct: 0.1"))
        status = wait(http, lambda status: status["outcome"] == "rejected")
        assert "`email-ops` fails scoring `oracle`" in status["rejected"]["text"] and status["generation"] == 1
        rubric.write_text(sound)
        wait(http, lambda status: status["rejected"] is None)
        rules.write_text(rules.read_text() + "# a remark\n")
        wait(http, lambda status: status["generation"] == 2)
