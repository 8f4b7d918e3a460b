"""Starts the real binary and gives the tests its address."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import threading

import httpx
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[4]
BINARY = os.environ["CASEBOOK_BIN"]


class Server:
    """A running server; `url` is its root, `env(name)` an environment's base URL."""

    def __init__(self, *args, cwd=ROOT, port=0):
        self.process = subprocess.Popen(
            [BINARY, "serve", *map(str, args), "--port", str(port)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
        )
        first = self.process.stdout.readline().strip()
        assert first.startswith("serving on http://"), first + self.process.stderr.read()
        self.url = first.removeprefix("serving on ")
        self.errors = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        self.errors.extend(iter(self.process.stderr.readline, ""))

    def env(self, name):
        return f"{self.url}/envs/{name}"

    def http(self, name=None):
        return httpx.Client(base_url=self.env(name) if name else self.url, timeout=30)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join(5)
            self.process.stdout.close()


@pytest.fixture(scope="session")
def server():
    """Both packs in one process; email-ops stands at the root."""
    running = Server("scenarios", "--environment", "email-ops")
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def conformance():
    """The packs without items."""
    running = Server("scenarios/conformance")
    yield running
    assert running.stop() == 0


@pytest.fixture
def start():
    """Starts servers of a test's own."""
    with contextlib.ExitStack() as stack:
        def begin(*args, **kwargs):
            running = Server(*args, **kwargs)
            stack.callback(running.stop)
            return running
        yield begin


def run(pack, *args):
    """Plays with the command line and returns its episodes."""
    output = subprocess.run(
        [BINARY, "run", f"scenarios/{pack}", "--format", "json", *map(str, args)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )
    return json.loads(output.stdout)["episodes"]


def oracle(pack, task, seed):
    """The oracle's episode: actions, rewards, score."""
    return run(pack, "--task", task, "--policy", "oracle", "--seed", seed)[0]


TASKS = [
    ("email-ops", "email-triage-easy"),
    ("email-ops", "email-triage-medium"),
    ("email-ops", "email-triage-hard"),
    ("email-triage", "email-classify"),
    ("email-triage", "email-prioritize"),
    ("email-triage", "email-triage-full"),
]
