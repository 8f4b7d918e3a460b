"""What TRL's trainer does with an `environment_factory`, in its order of calls, without model or torch.

The factory makes one environment for each place of a batch, and these are used again from batch to batch. `reset` gets the
columns of the row and may answer with text for the prompt; the public methods are the tools that the model calls; the
reward functions look at the environments when all rollouts are through.
"""

import inspect
import json

from conftest import oracle
from openenv import GenericEnvClient


def test_the_environments_of_a_batch(server):
    class Triage:
        """One e-mail after the other."""

        def __init__(self):
            self.client = GenericEnvClient(base_url=server.env("email-ops")).sync()
            self.client.connect()
            self.reward, self.done = 0.0, False

        def reset(self, **row):
            result = self.client.reset(task_id=row["task_id"], seed=row["seed"])
            self.reward, self.done = 0.0, result.done
            return result.observation["instructions"]

        def decide(self, type: str, content: str | None = None) -> str:
            """Decides about the current e-mail.

            Args:
                type: What to do with it.
                content: What to answer.
            """
            if self.done:
                raise ValueError("the episode is over")
            result = self.client.step({"type": type, "content": content})
            self.reward += result.reward
            self.done = result.done
            self.score = result.metadata.get("score")
            return json.dumps(result.observation["current_email"])

    def scored(completions, environments, **columns):
        return [environment.score for environment in environments]

    rows = [{"prompt": "Sort the mail.", "task_id": "email-triage-easy", "seed": seed} for seed in (1, 2)]
    generations = 2
    environments = [Triage() for _ in range(len(rows) * generations)]
    tools = [name for name, _ in inspect.getmembers(environments[0], inspect.ismethod) if not name.startswith("_") and name != "reset"]
    assert tools == ["decide"]
    expected = {row["seed"]: oracle("email-ops", row["task_id"], row["seed"]) for row in rows}

    for _ in range(2):
        batch = [row for row in rows for _ in range(generations)]
        for environment, row in zip(environments, batch):
            assert environment.reset(**row)
        for turn in range(3):
            for place, (environment, row) in enumerate(zip(environments, batch)):
                if not environment.done:
                    wanted = expected[row["seed"]]["actions"][turn]
                    act = {"type": wanted["type"], "content": wanted.get("content")}
                    # Half of the rollouts do nothing of use, so that there is something to learn.
                    environment.decide(**(act if place % generations == 0 else {"type": "archive"}))
        rewards = scored(["" for _ in batch], environments)
        assert [environment.done for environment in environments] == [True] * 4
        assert rewards[0] == rewards[2] == 1.0 and rewards[1] < 1.0 and rewards[3] < 1.0
    for environment in environments:
        environment.client.close()
