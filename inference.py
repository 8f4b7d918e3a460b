#!/usr/bin/env python3
"""Plays the e-mail operations tasks with a language model, or offline without one.

    pip install openenv==0.10.0 openai
    API_BASE_URL=https://model.example/v1 API_KEY=... MODEL_NAME=... python inference.py

The environment is a running Casebook (`CASEBOOK_URL` or `--url`); without one, the script starts its own and ends it.
Without an endpoint, or after the first call that fails, a heuristic goes on that sees what an agent sees. Standard output
holds only `[START]`, `[STEP]` and `[END]` lines; everything else goes to standard error, and no secret goes anywhere.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from openenv import GenericEnvClient

TASKS = ("email-triage-easy", "email-triage-medium", "email-triage-hard")
ENVIRONMENT = "email-ops"
SUCCESS = 0.5  # the score from which on an episode counts as a success
ROOT = pathlib.Path(__file__).resolve().parent
PROMPT = """{instructions}

Answer with one JSON object and nothing else: {{"type": "respond" | "escalate" | "archive", "content": "the reply, for respond"}}

From: {sender}
Subject: {subject}
Priority: {priority}, category: {category}

{body}"""


class Model:
    """The remote model; gives up for good after the first failure and says so once."""

    def __init__(self, seed: int) -> None:
        self.name = os.environ.get("MODEL_NAME") or "offline"
        self._seed = seed
        self._key = (os.environ.get("API_KEY") or os.environ.get("HF_TOKEN") or "").strip()
        self._client: Any = None
        url = os.environ.get("API_BASE_URL")
        if not (url and self._key and os.environ.get("MODEL_NAME")):
            self._go_offline("API_BASE_URL, API_KEY (or HF_TOKEN) and MODEL_NAME are not all set")
            return
        try:
            from openai import OpenAI
        except ImportError as error:
            self._go_offline(f"the package `openai` cannot be used: {error}")
            return
        self._client = OpenAI(base_url=url, api_key=self._key, timeout=60, max_retries=1)

    def decide(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns an action for the current e-mail."""
        email = observation["current_email"]
        if self._client is None:
            return heuristic(email)
        try:
            prompt = PROMPT.format(instructions=observation["instructions"], **email)
            answer = self._client.chat.completions.create(
                model=self.name, messages=[{"role": "user", "content": prompt}], temperature=0, seed=self._seed
            )
            text = answer.choices[0].message.content or ""
        except Exception as error:  # whatever the endpoint does, the episode goes on
            self._go_offline(f"{type(error).__name__}: {error}")
            return heuristic(email)
        return parse(text) or heuristic(email)

    def _go_offline(self, reason: str) -> None:
        self._client = None
        reason = " ".join(reason.split())
        if self._key:
            reason = reason.replace(self._key, "[key]")
        print(f"no remote model, playing offline: {reason[:300]}", file=sys.stderr, flush=True)


def parse(text: str) -> dict[str, Any] | None:
    """Finds the action in a model's answer; None when there is none."""
    for match in re.finditer(r"\{", text):
        with contextlib.suppress(json.JSONDecodeError):
            found, _ = json.JSONDecoder().raw_decode(text[match.start() :])
            if isinstance(found, dict) and found.get("type") in ("respond", "escalate", "archive"):
                action = {"type": found["type"]}
                if isinstance(found.get("content"), str):
                    action["content"] = found["content"]
                return action
    return None


def heuristic(email: dict[str, Any]) -> dict[str, Any]:
    """Routes by the visible category and answers with the e-mail's own subject."""
    category = email["category"]
    if category in ("legal", "compliance", "payment", "security"):
        return {"type": "escalate"}
    replies = {
        "account": "we have started the reset of your password and write again once it is done",
        "billing": "we look the invoice up for you and come back to you this week",
        "access": "we move your MFA to the new device and call you when it is ready",
    }
    if category in replies:
        return {"type": "respond", "content": f'Hello, about "{email["subject"]}": {replies[category]}.'}
    return {"type": "archive"}


def play(url: str, task: str, seed: int, model: Model) -> None:
    """Plays one episode and prints its lines."""
    say(f"[START] task={task} env={ENVIRONMENT} model={model.name}")
    rewards: list[float] = []
    score, done = 0.0, False
    try:
        with GenericEnvClient(base_url=url).sync() as env:
            result = env.reset(task_id=task, seed=seed)
            while not done:
                action = model.decide(result.observation)
                error = "null"
                try:
                    result = env.step(action)
                except RuntimeError as problem:
                    # A refused action leaves the episode as it is; archiving is always legal.
                    error = " ".join(str(problem).split())
                    result = env.step({"type": "archive"})
                rewards.append(float(result.reward))
                done = result.done
                line = json.dumps(action, ensure_ascii=False, separators=(",", ":"))
                say(f"[STEP] step={len(rewards)} action={line} reward={rewards[-1]:.2f} done={str(done).lower()} error={error}")
            score = float(result.metadata["score"])
    finally:
        success = str(done and score >= SUCCESS).lower()
        listed = ",".join(f"{reward:.2f}" for reward in rewards)
        say(f"[END] success={success} steps={len(rewards)} score={score:.4f} rewards={listed}")


def say(line: str) -> None:
    print(line, flush=True)


@contextlib.contextmanager
def casebook(url: str | None) -> Iterator[str]:
    """Gives the address of a running Casebook; starts one, and ends it, when none is given."""
    if url:
        yield url.rstrip("/")
        return
    process = subprocess.Popen(
        [binary(), "serve", str(ROOT / "scenarios" / ENVIRONMENT), "--port", "0", "--no-reload"],
        stdout=subprocess.PIPE, text=True,
    )
    try:
        first = process.stdout.readline().strip()
        if not first.startswith("serving on "):
            raise SystemExit("casebook did not start")
        yield first.removeprefix("serving on ")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def binary() -> str:
    """Finds the binary, or builds it."""
    names = [os.environ.get("CASEBOOK_BIN"), shutil.which("casebook")]
    names += [str(ROOT / "target" / profile / "casebook") for profile in ("release", "debug")]
    for name in names:
        if name and os.access(name, os.X_OK):
            return name
    print("building casebook ...", file=sys.stderr, flush=True)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=ROOT, check=True, stdout=sys.stderr)
    return str(ROOT / "target" / "release" / "casebook")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("CASEBOOK_URL"), help="a running Casebook that serves email-ops at its root")
    parser.add_argument("--seed", type=int, default=0, help="the seed of every episode (default 0)")
    args = parser.parse_args()
    model = Model(args.seed)
    with casebook(args.url) as url:
        for task in TASKS:
            play(url, task, args.seed, model)


if __name__ == "__main__":
    main()
