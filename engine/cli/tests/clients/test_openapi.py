"""Requests made up from our own description of the API: no failure of the server, no answer that it does not describe."""

import subprocess
import sys

import httpx
import pytest

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize(("folder", "mode"), [("scenarios", "simulation"), ("scenarios/conformance", "simulation"), ("scenarios", "production")])
def test_the_description_holds(start, folder, mode):
    server = start(folder, "--mode", mode, "--max-sessions", "100000")
    script = sys.executable.rsplit("/", 1)[0] + "/schemathesis"
    done = subprocess.run(
        [
            script, "run", server.url + "/openapi.json", "--checks", CHECKS, "--phases", "examples,coverage,fuzzing",
            "--max-examples", "5", "--seed", "1", "--no-color", "--generation-database", "none",
        ],
        capture_output=True, text=True, timeout=300,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "nresolvable reference" not in done.stdout, done.stdout[-3000:]
    assert httpx.get(server.url + "/health").json() == {"status": "healthy"}
