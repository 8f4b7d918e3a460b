"""OpenEnv's own validator, and observations against the published schema."""

import shutil
import subprocess
import sys

import jsonschema
import pytest
from conftest import ROOT, TASKS, oracle
from openenv import GenericEnvClient
from openenv.cli._validation import validate_running_environment


def openenv(*args, cwd=ROOT):
    script = sys.executable.rsplit("/", 1)[0] + "/openenv"
    return subprocess.run([script, *args], capture_output=True, text=True, cwd=cwd)


def test_validate_url_passes_six_of_six(server):
    result = openenv("validate", "--url", server.url)
    assert result.returncode == 0 and result.stdout.count("PASS  ") == 6 and "FAIL" not in result.stdout, result.stdout + result.stderr


def six_of_six(url, mode):
    report = validate_running_environment(url)
    assert report["passed"] and len(report["criteria"]) == 6, report
    assert report["mode"] == mode


@pytest.mark.parametrize("pack", ["email-ops", "email-triage"])
def test_every_pack_passes_six_of_six(server, pack):
    six_of_six(server.env(pack), "simulation")


@pytest.mark.parametrize("pack", ["echo", "slow", "tools", "triage"])
def test_every_pack_without_items_passes_six_of_six(conformance, pack):
    six_of_six(conformance.env(f"conformance-{pack}"), "simulation")


def test_production_passes_six_of_six(start):
    server = start("scenarios", "--mode", "production")
    six_of_six(server.url, "production")
    six_of_six(server.env("email-triage"), "production")


def test_validate_static_passes(tmp_path):
    # As after a clone: the validator reads every file, those of a build as well.
    clone = tmp_path / "casebook"
    shutil.copytree(ROOT, clone, ignore=shutil.ignore_patterns("target", ".git"))
    result = openenv("validate", ".", "--level", "static", "--skip-build", cwd=clone)
    assert result.returncode == 0 and "FAIL" not in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize(("pack", "task"), TASKS)
def test_observations_and_actions_match_the_published_schema(server, pack, task):
    with server.http(pack) as http:
        schema = http.get("/schema").json()
    for part in schema.values():
        jsonschema.Draft202012Validator.check_schema(part)
    observation = jsonschema.Draft202012Validator(schema["observation"])
    episode = oracle(pack, task, 5)
    with GenericEnvClient(base_url=server.env(pack)).sync() as env:
        result = env.reset(task_id=task, seed=5)
        reassembled = [(schema["reset_observation"], result)]
        for action in episode["actions"]:
            jsonschema.Draft202012Validator(schema["action"]).validate(action)
            reassembled.append((schema["observation"], env.step(action)))
        jsonschema.Draft202012Validator(schema["state"]).validate(env.state())
    for part, result in reassembled:
        whole = {**result.observation, "reward": result.reward, "done": result.done}
        jsonschema.Draft202012Validator(part).validate(whole)
    with pytest.raises(jsonschema.ValidationError):
        observation.validate({**whole, "label": "escalate"})
