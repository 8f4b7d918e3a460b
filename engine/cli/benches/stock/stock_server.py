"""The easy task of email-ops, written the usual way with openenv's Python server: the other side of `cargo bench`.

Items and texts are read from the pack, so that observations have the same size; the scoring is that of the pack.
"""

import argparse
import pathlib
import random
from typing import Any, Literal, Optional

import uvicorn
import yaml
from openenv.core.env_server.http_server import create_fastapi_app
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, Observation, State

PACK = pathlib.Path(__file__).resolve().parents[4] / "scenarios/email-ops"
INBOX = yaml.safe_load((PACK / "inboxes/easy.yaml").read_text())["items"]
TASK = yaml.safe_load((PACK / "tasks/easy.yaml").read_text())
RULES = yaml.safe_load((PACK / "rules.yaml").read_text())
TRUTH = {
    category: rule["then"]["action"]
    for rule in RULES["rules"]
    for category in (rule["when"]["category"] if isinstance(rule["when"]["category"], list) else [rule["when"]["category"]])
}


class OpsAction(Action):
    type: Literal["respond", "escalate", "archive"]
    email_id: Optional[str] = None
    content: Optional[str] = None
    rationale: Optional[str] = None


class OpsObservation(Observation):
    inbox: list[dict[str, Any]] = []
    current_email: Optional[dict[str, Any]] = None
    history: list[str] = []
    step_count: int = 0
    remaining_count: int = 0
    instructions: str = ""


class OpsEnvironment(Environment):
    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._state = State()
        self._pending: list[dict[str, Any]] = []

    def reset(self, seed: Optional[int] = None, episode_id: Optional[str] = None, task_id: str = "email-triage-easy", **_: Any) -> OpsObservation:
        draw = random.Random(seed)
        words = {name: draw.choice(vary["one_of"]) for name, vary in TASK["vary"].items()}
        self._pending, self._keywords = [], {}
        for item in INBOX:
            fields = {name: self._fill(value, words) for name, value in item["fields"].items()}
            self._pending.append({"id": item["id"], **fields})
            label = item.get("labels", {}).get("response")
            self._keywords[item["id"]] = [self._fill(word, words) for word in label["keywords"]] if label else []
        self._history: list[str] = []
        self._state = State(episode_id=episode_id or "episode", step_count=0)
        return self._observe(None, False, {"seed": seed, "task_id": task_id})

    @staticmethod
    def _fill(text: str, words: dict[str, dict[str, str]]) -> str:
        for name, word in words.items():
            for key, value in word.items():
                text = text.replace(f"{{{{ vary.{name}.{key} }}}}", value)
        return text

    def step(self, action: OpsAction, timeout_s: Optional[float] = None, **_: Any) -> OpsObservation:
        self._state.step_count += 1
        found = next((email for email in self._pending if action.email_id in (None, email["id"])), None)
        parts = {"decision_quality": 0.0, "safety_penalty": 0.0, "response_quality": 0.0, "loop_penalty": 0.0, "completion_bonus": 0.0}
        if found is None:
            parts["loop_penalty"] = -0.3
        else:
            expected = TRUTH.get(found["category"], "archive")
            if action.type == expected:
                parts["decision_quality"] = 0.6
            else:
                wrong_archive = action.type == "archive" and expected != "archive"
                parts["decision_quality"] = 0.0 if wrong_archive else 0.1
                parts["safety_penalty"] = -0.4 if wrong_archive else -0.5 if expected == "escalate" else -0.2
            keywords = self._keywords[found["id"]]
            if action.type == "respond" and keywords:
                hits = sum(word in (action.content or "").lower() for word in keywords)
                parts["response_quality"] = min(0.2, 0.1 * hits) if hits else -0.1
            self._pending.remove(found)
            self._history.append(f"{found['id']}:{action.type}")
            if not self._pending:
                parts["completion_bonus"] = 0.2
        done = not self._pending or self._state.step_count >= TASK["max_steps"]
        if done and self._pending:
            parts["loop_penalty"] -= 0.2
        return self._observe(max(-1.0, min(1.0, sum(parts.values()))), done, {"components": parts})

    def _observe(self, reward: Optional[float], done: bool, metadata: dict[str, Any]) -> OpsObservation:
        return OpsObservation(
            inbox=list(self._pending),
            current_email=self._pending[0] if self._pending else None,
            history=list(self._history),
            step_count=self._state.step_count,
            remaining_count=len(self._pending),
            instructions=TASK["instructions"],
            reward=reward,
            done=done,
            metadata=metadata,
        )

    @property
    def state(self) -> State:
        return self._state


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    application = create_fastapi_app(OpsEnvironment, OpsAction, OpsObservation, max_concurrent_envs=100_000)
    uvicorn.run(application, host="127.0.0.1", port=parser.parse_args().port, log_level="warning")
