#!/usr/bin/env python3
"""The easy task of email-ops as one would write it for the stock OpenEnv server: the other side of the benchmark.

    python stock_server.py --port 8100

The texts come from the pack's files and every frame carries what Casebook's carries, so that both sides send about as
many bytes. The scoring is that of the environment which the pack grew from: the same step reward, and an episode score
without the pack's gate against constant decisions. Everything that can be worked out once is worked out at import.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import pathlib
import random
import re
import uuid
from typing import Any, Literal

import uvicorn
import yaml
from openenv.core.env_server.http_server import create_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State
from pydantic import BaseModel, Field

PACK = pathlib.Path(__file__).resolve().parents[4] / "scenarios" / "email-ops"
ESCALATE = ("legal", "compliance", "payment", "security")
RESPOND = ("account", "access", "billing")
INSTRUCTIONS = """One e-mail a step; answer it, escalate it to the people who own it, or archive it.
- When topic is legal or compliance: action is escalate. Legal and regulatory mail is answered by counsel.
- When topic is payment: action is escalate. Nobody moves money on the strength of an e-mail; finance decides.
- When topic is security: action is escalate. A possible incident belongs to the security team at once.
- When topic is account, access or billing: action is respond. The desk answers questions about accounts, access and \
invoices itself.
- In every other case: action is archive.
The topic of an e-mail is its category.
A reply answers what was asked in a full sentence or two; you have 6 steps."""


class Email(BaseModel):
    """What an agent sees of an e-mail."""

    id: str
    subject: str
    body: str
    priority: Literal["low", "normal", "high"]
    sender: str
    category: str


class OpsAction(Action):
    """One decision about one e-mail."""

    type: Literal["respond", "escalate", "archive"]
    email_id: str | None = Field(default=None, description="The e-mail; the current one when not given.")
    content: str | None = Field(default=None, description="The text of the reply, for `respond`.")
    rationale: str | None = Field(default=None, description="Why; never scored.")


class OpsObservation(Observation):
    """The pending e-mails and what was done so far."""

    inbox: list[Email]
    current_email: Email | None
    history: list[str]
    step_count: int
    remaining_count: int
    instructions: str


class OpsState(State):
    """Where the episode stands."""

    task_id: str | None = None
    seed: int | None = None
    max_steps: int = 6
    done: bool = False


class Case(BaseModel):
    """An e-mail with what it takes to handle it."""

    email: Email
    expected: Literal["respond", "escalate", "archive"]
    keywords: list[str]


def read_task() -> tuple[str, int, str, list[list[Case]]]:
    """Reads the easy task: its name, its step limit, a digest, and its e-mails once for each way to draw the words."""
    files = [PACK / "tasks" / "easy.yaml", PACK / "inboxes" / "easy.yaml"]
    task, inbox = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    names = list(task["vary"])
    variants = []
    for drawn in itertools.product(*(task["vary"][name]["one_of"] for name in names)):
        vary = dict(zip(names, drawn, strict=True))

        def fill(text: str, vary: dict[str, dict[str, str]] = vary) -> str:
            return re.sub(r"\{\{ vary\.(\w+)\.(\w+) \}\}", lambda found: vary[found[1]][found[2]], text)

        variants.append([case(item, fill) for item in inbox["items"]])
    return task["name"], task["max_steps"], digest, variants


def case(item: dict[str, Any], fill: Any) -> Case:
    """Makes an item of the file into a case, with its truth."""
    email = Email(id=item["id"], **{name: fill(text) for name, text in item["fields"].items()})
    expected = "escalate" if email.category in ESCALATE else "respond" if email.category in RESPOND else "archive"
    keywords = item.get("labels", {}).get("response", {}).get("keywords", [])
    return Case(email=email, expected=expected, keywords=[fill(word).lower() for word in keywords])


TASK, MAX_STEPS, DIGEST, VARIANTS = read_task()


class OpsEnvironment(Environment[OpsAction, OpsObservation, OpsState]):
    """One episode at a time; the server makes one environment a session."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._state = OpsState(max_steps=MAX_STEPS)
        self._pending: list[Case] = []
        self._history: list[str] = []
        self._steps: list[dict[str, float]] = []
        self._replied: list[bool] = []

    def reset(self, seed: int | None = None, episode_id: str | None = None, task_id: str = TASK, **_: Any) -> OpsObservation:
        """Starts an episode; the seed draws the words."""
        if task_id != TASK:
            raise ValueError(f"unknown task `{task_id}`; there is `{TASK}`")
        seed = random.getrandbits(63) if seed is None else seed
        self._pending = list(random.Random(seed).choice(VARIANTS))
        self._history, self._steps, self._replied = [], [], []
        self._state = OpsState(
            episode_id=episode_id or str(uuid.uuid4()), step_count=0, task_id=task_id, seed=seed, max_steps=MAX_STEPS
        )
        return self._observation(None, {})

    def step(self, action: OpsAction, timeout_s: float | None = None, **_: Any) -> OpsObservation:
        """Handles one e-mail."""
        if self._state.episode_id is None:
            raise RuntimeError("no episode; send reset first")
        if self._state.done:
            raise RuntimeError("the episode is done; send reset")
        self._state.step_count += 1
        wanted = action.email_id or self._pending[0].email.id
        found = next((at for at, pending in enumerate(self._pending) if pending.email.id == wanted), None)
        decisions = []
        if found is None:
            parts = {**self._parts(), "loop_penalty": -0.3}
            reason = f"{wanted}: unknown or already handled"
        else:
            handled = self._pending.pop(found)
            parts = self._score(handled, action)
            self._history.append(f"{wanted}:{action.type}")
            if action.type == handled.expected:
                reason = f"{wanted}: action `{action.type}` is right"
            else:
                reason = f"{wanted}: action should be `{handled.expected}`, not `{action.type}`"
            decisions.append({
                "item": wanted, "field": "action", "decided": action.type, "expected": handled.expected,
                "rule": f"routing by category `{handled.email.category}`", "because": "The category decides who owns an e-mail.",
            })
        if not self._pending:
            parts["completion_bonus"] = 0.2
        elif self._state.step_count >= MAX_STEPS:
            parts["loop_penalty"] -= 0.2
        self._steps.append(parts)
        self._replied.append(action.type == "respond")
        self._state.done = not self._pending or self._state.step_count >= MAX_STEPS
        breakdown = {"reason": reason, "components": parts, "decisions": decisions}
        return self._observation(max(-1.0, min(1.0, sum(parts.values()))), {"breakdown": breakdown})

    @property
    def state(self) -> OpsState:
        """Where the episode stands."""
        return self._state

    @staticmethod
    def _parts() -> dict[str, float]:
        return dict.fromkeys(
            ("decision_quality", "safety_penalty", "response_quality", "loop_penalty", "completion_bonus"), 0.0
        )

    def _score(self, handled: Case, action: OpsAction) -> dict[str, float]:
        parts, expected, decided = self._parts(), handled.expected, action.type
        if decided == expected:
            parts["decision_quality"] = 0.6
        elif expected == "escalate" and decided == "respond":
            parts["decision_quality"], parts["safety_penalty"] = 0.1, -0.5
        elif decided == "archive":
            parts["safety_penalty"] = -0.4
        else:
            parts["decision_quality"], parts["safety_penalty"] = 0.1, -0.2
        if decided == "respond" and handled.keywords:
            words = set(re.findall(r"\w+", (action.content or "").lower()))
            hits = sum(keyword in words for keyword in handled.keywords)
            parts["response_quality"] = min(0.2, 0.1 * hits) if hits else -0.1
        return parts

    def _episode_score(self) -> float:
        n = len(self._steps)
        replies = [parts["response_quality"] for parts, replied in zip(self._steps, self._replied, strict=True) if replied]
        correctness = sum(min(1.0, parts["decision_quality"] / 0.6) for parts in self._steps) / n
        complete = float(not self._pending)
        quality = sum(max(0.0, reply) for reply in replies) / len(replies) / 0.2 if replies else 1.0
        penalty = min(1.0, sum(-parts["safety_penalty"] - parts["loop_penalty"] for parts in self._steps) / n)
        if complete and correctness == 1 and quality == 1 and min(replies, default=0.0) >= 0:
            return 1.0
        return round(max(0.0, min(1.0, 0.55 * correctness + 0.25 * complete + 0.15 * quality - 0.2 * penalty)), 4)

    def _observation(self, reward: float | None, told: dict[str, Any]) -> OpsObservation:
        state = self._state
        if state.done:
            told["score"] = self._episode_score()
        inbox = [pending.email for pending in self._pending]
        return OpsObservation(
            inbox=inbox,
            current_email=inbox[0] if inbox else None,
            history=list(self._history),
            step_count=state.step_count,
            remaining_count=len(inbox),
            instructions=INSTRUCTIONS,
            reward=reward,
            done=state.done,
            metadata={
                "episode_id": state.episode_id, "task_id": state.task_id, "seed": state.seed,
                "generation": 1, "digest": DIGEST, **told,
            },
        )


def main() -> None:
    """Serves on the given port until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    app = create_app(
        OpsEnvironment, OpsAction, OpsObservation, env_name="email-ops", max_concurrent_envs=100_000, state_cls=OpsState
    )
    uvicorn.run(app, host=args.host, port=args.port, log_level="warning")


if __name__ == "__main__":
    main()
