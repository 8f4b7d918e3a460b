"""The client of `openenv-core` 0.3.0, the package's name before 0.10."""

import asyncio

import pytest
from conftest import TASKS, oracle
from openenv.core import GenericEnvClient


@pytest.mark.parametrize(("pack", "task"), TASKS)
def test_the_oracle_plays_every_task_to_the_end(server, pack, task):
    expected = oracle(pack, task, 3)
    with GenericEnvClient(base_url=server.env(pack)).sync() as env:
        result = env.reset(task_id=task, seed=3)
        rewards = []
        for action in expected["actions"]:
            result = env.step(action)
            rewards.append(result.reward)
        state = env.state()
    assert rewards == expected["rewards"] and result.done
    assert state["task_id"] == task and state["step_count"] == len(rewards)


def test_errors_name_their_code(server):
    async def refused():
        async with GenericEnvClient(base_url=server.url) as env:
            with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
                await env.reset(seed=-1)
            await env.reset(task_id="email-triage-easy", seed=1)
            with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
                await env.step({"type": "answer"})
            return await env.state()

    assert asyncio.run(refused())["step_count"] == 0
