#!/usr/bin/env python3
"""Plays the e-mail operations tasks with a language model, or offline without one.

    pip install openenv==0.10.0 openai
    API_BASE_URL=https://model.example/v1 API_KEY=... MODEL_NAME=... python inference.py

The environment is a running Casebook (`CASEBOOK_URL` or `--url`); without one, the script starts its own and ends it.
Without an endpoint a heuristic plays that sees what an agent sees, and `[START]` says `model=heuristic`. Where a model
plays, the heuristic stands in for it at each step at which the model gives no legal action, and for good after the first
call that fails. The `error` of such a step begins with `model:` and names the stand-in; an episode with one is no success.

Standard output holds only `[START]`, `[STEP]` and `[END]` lines; everything else goes to standard error, and no secret goes
anywhere. Exit codes: 0 when every step was played by whom `[START]` names, 3 when the heuristic stood in for the model,
1 when an episode could not be played to its end.
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


FALLBACK = "heuristic"  # who plays without a model
FAILED, STOOD_IN = 1, 3  # exit codes


class Slip(Exception):
    """The model gave no action; the text says why."""


class Model:
    """The remote model; gives up for good after the first call that fails and says so once."""

    def __init__(self, seed: int) -> None:
        self._name = "-".join((os.environ.get("MODEL_NAME") or "").split())
        self._seed = seed
        self._key = (os.environ.get("API_KEY") or os.environ.get("HF_TOKEN") or "").strip()
        self._client: Any = None
        url = os.environ.get("API_BASE_URL")
        if not (url and self._key and self._name):
            self._go_offline("API_BASE_URL, API_KEY (or HF_TOKEN) and MODEL_NAME are not all set")
            return
        try:
            from openai import OpenAI
        except ImportError as error:
            self._go_offline(f"the package `openai` cannot be used: {error}")
            return
        self._client = OpenAI(base_url=url, api_key=self._key, timeout=60, max_retries=1)

    @property
    def player(self) -> str:
        """Who plays the next episode."""
        return FALLBACK if self._client is None else self._name

    def decide(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns the model's action for the current e-mail; raises `Slip` when it has none."""
        if self._client is None:
            raise Slip("it is offline")
        prompt = PROMPT.format(instructions=observation["instructions"], **observation["current_email"])
        try:
            answer = self._client.chat.completions.create(
                model=os.environ["MODEL_NAME"], messages=[{"role": "user", "content": prompt}], temperature=0, seed=self._seed
            )
            text = answer.choices[0].message.content or ""
        except Exception as error:  # whatever the endpoint does, the episode goes on
            raise Slip(self._go_offline(f"{type(error).__name__}: {error}")) from None
        action = parse(text)
        if action is None:
            raise Slip("its answer holds no action")
        return action

    def _go_offline(self, reason: str) -> str:
        self._client = None
        reason = self.redact(reason)[:300]
        print(f"no remote model, playing offline: {reason}", file=sys.stderr, flush=True)
        return reason

    def redact(self, text: str) -> str:
        """Makes one line of a text, without the key."""
        text = " ".join(text.split())
        return text.replace(self._key, "[key]") if self._key else text


def parse(text: str) -> dict[str, Any] | None:
    """Finds the action in a model's answer; None when there is none."""
    for match in re.finditer(r"\{", text):
        with contextlib.suppress(json.JSONDecodeError):
            found, _ = json.JSONDecoder().raw_decode(text[match.start() :])
            if isinstance(found, dict) and found.get("type") in ("respond", "escalate", "archive"):
                action = {"type": found["type"]}
                for key in ("email_id", "content"):  # an id that does not exist is the model's own mistake
                    if isinstance(found.get(key), str):
                        action[key] = found[key]
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


def play(url: str, task: str, seed: int, model: Model) -> bool:
    """Plays one episode, prints its lines, and returns whether whom `[START]` names played every step."""
    player = model.player
    say(f"[START] task={task} env={ENVIRONMENT} model={player}")
    rewards: list[float] = []
    stood_in: list[int] = []
    score, done = 0.0, False
    try:
        with GenericEnvClient(base_url=url).sync() as env:
            result = env.reset(task_id=task, seed=seed)
            while not done:
                slip = None
                email = result.observation["current_email"]
                try:
                    action = heuristic(email) if player == FALLBACK else model.decide(result.observation)
                    result = take(env, action)
                except Slip as problem:
                    slip, action = problem, heuristic(email)
                    result = env.step(action)
                rewards.append(float(result.reward))
                done = result.done
                error = "null"
                if slip is not None:
                    stood_in.append(len(rewards))
                    error = f"model: {model.redact(str(slip))[:300]}; played by the {FALLBACK}"
                line = json.dumps(action, ensure_ascii=False, separators=(",", ":"))
                say(f"[STEP] step={len(rewards)} action={line} reward={rewards[-1]:.2f} done={str(done).lower()} error={error}")
            score = float(result.metadata["score"])
    finally:
        success = str(done and score >= SUCCESS and not stood_in).lower()
        listed = ",".join(f"{reward:.2f}" for reward in rewards)
        say(f"[END] success={success} steps={len(rewards)} score={score:.4f} rewards={listed}")
        if stood_in:
            share = sum(rewards[step - 1] for step in stood_in)
            steps = ", ".join(map(str, stood_in))
            print(
                f"{task}: the {FALLBACK} played {len(stood_in)} of {len(rewards)} steps for `{player}` (step {steps}) "
                f"and earned {share:.2f}, the other steps {sum(rewards) - share + 0.0:.2f}; the score is not the model's alone",
                file=sys.stderr, flush=True,
            )
    return not stood_in


def take(env: Any, action: dict[str, Any]) -> Any:
    """Takes an action; one that does not fit leaves the episode as it is and is its player's slip."""
    try:
        return env.step(action)
    except RuntimeError as problem:
        if "VALIDATION_ERROR" not in str(problem):
            raise
        sent = json.dumps(action, ensure_ascii=False, separators=(",", ":"))
        raise Slip(f"{problem}; its action was {sent}") from None


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("CASEBOOK_URL"), help="a running Casebook that serves email-ops at its root")
    parser.add_argument("--seed", type=int, default=0, help="the seed of every episode (default 0)")
    args = parser.parse_args()
    model = Model(args.seed)
    by_whom_it_says = True
    with casebook(args.url) as url:
        for task in TASKS:
            try:
                by_whom_it_says &= play(url, task, args.seed, model)
            except Exception as error:  # the episode's end is told; the reason goes beside it
                print(f"{task} could not be played to its end: {model.redact(f'{type(error).__name__}: {error}')}", file=sys.stderr)
                return FAILED
    return 0 if by_whom_it_says else STOOD_IN


if __name__ == "__main__":
    sys.exit(main())
