"""`AutoEnv`, which finds a server by its address and needs no client package."""

import asyncio

from openenv import AutoEnv, GenericEnvClient


def test_an_address_is_enough(server):
    client = AutoEnv.from_env("email-ops", base_url=server.env("email-ops"), skip_install=True)
    assert isinstance(client, GenericEnvClient)

    async def play():
        async with client as env:
            result = await env.reset(task_id="email-triage-easy", seed=1)
            assert result.observation["remaining_count"] == 3
            return (await env.step({"type": "archive"})).done, (await env.state())["step_count"]

    assert asyncio.run(play()) == (False, 1)


def test_a_split_and_a_place_name_the_task(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        assert env.reset(split="classic", index=1, seed=3).metadata["task_id"] == "email-triage-medium"
        assert env.reset(split="classic", index=-1).metadata["task_id"] == "email-triage-hard"
        assert env.reset(split="test", index=-1).metadata["task_id"] == "desk-test/999999"
    with server.http() as http:
        listed = http.post("/email-ops/task", json={"split": "classic", "index": 1}).json()["task"]
    assert listed["id"] == "email-triage-medium" and listed["difficulty"] == 2
