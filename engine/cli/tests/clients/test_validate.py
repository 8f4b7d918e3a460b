"""OpenEnv's own validator, and observations against the published schema."""

import subprocess
import sys

import jsonschema
import pytest
from conftest import ROOT, TASKS, oracle
from openenv import GenericEnvClient


def openenv(*args):
    script = sys.executable.rsplit("/", 1)[0] + "/openenv"
    return subprocess.run([script, *args], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("path", ["", "/envs/email-triage"])
def test_validate_url_passes_six_of_six(server, path):
    result = openenv("validate", "--url", server.url + path)
    assert result.returncode == 0 and result.stdout.count("PASS  ") == 6 and "FAIL" not in result.stdout, result.stdout + result.stderr


def test_validate_static_passes():
    result = openenv("validate", ".", "--level", "static", "--skip-build")
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
