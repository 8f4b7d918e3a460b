"""The stock `openenv` client, sync and async, against both packs."""

import asyncio
import json
import time

import pytest
import websockets
from conftest import TASKS, oracle, run
from openenv import GenericEnvClient


def play(env, task, seed, actions):
    """Plays given actions and returns (rewards, last result)."""
    result = env.reset(task_id=task, seed=seed)
    rewards = []
    for action in actions:
        assert not result.done
        result = env.step(action)
        rewards.append(result.reward)
    return rewards, result


@pytest.mark.parametrize(("pack", "task"), TASKS)
def test_oracle_plays_every_task_to_the_end(server, pack, task):
    for seed in (0, 11):
        expected = oracle(pack, task, seed)
        with GenericEnvClient(base_url=server.env(pack)).sync() as env:
            rewards, result = play(env, task, seed, expected["actions"])
        assert rewards == expected["rewards"]
        assert result.done and result.metadata["score"] == 1.0 == expected["score"]
        assert result.metadata["digest"] == expected["digest"] and result.metadata["generation"] == 1


def test_the_chosen_environment_stands_at_the_root(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        result = env.reset(task_id="email-triage-easy", seed=1)
        assert result.observation["remaining_count"] == 3
        state = env.state()
        assert state["step_count"] == 0 and state["task_id"] == "email-triage-easy" and state["seed"] == 1
        env.step({"type": "archive"})
        assert env.state()["step_count"] == 1


def test_without_a_task_the_seed_picks_one(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        picked = {seed: env.reset(seed=seed).metadata["task_id"] for seed in range(6)}
        again = {seed: env.reset(seed=seed).metadata["task_id"] for seed in range(6)}
        drawn = env.reset().metadata
    assert picked == again and set(picked.values()) == {"email-triage-easy", "email-triage-medium", "email-triage-hard"}
    assert isinstance(drawn["seed"], int) and drawn["episode_id"]


def test_async_client(server):
    async def episode():
        async with GenericEnvClient(base_url=server.url) as env:
            result = await env.reset(task_id="email-triage-medium", seed=3, episode_id="mine")
            assert (await env.state())["episode_id"] == "mine"
            while not result.done:
                result = await env.step({"type": "escalate"})
            return result

    result = asyncio.run(episode())
    assert result.metadata["score"] == 0.0


@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        (lambda env: env.reset(task_id="email-triage-esay"), "VALIDATION_ERROR", ""),
        (lambda env: env.reset(taskid="email-triage-easy"), "VALIDATION_ERROR", ""),
        (lambda env: env.reset(seed=-1), "VALIDATION_ERROR", ""),
        (lambda env: env.reset(seed=1.5), "VALIDATION_ERROR", ""),
    ],
)
def test_errors_before_an_episode(server, call, code, text):
    with GenericEnvClient(base_url=server.url).sync() as env:
        with pytest.raises(RuntimeError, match=f"{text}.*code: {code}"):
            call(env)
        assert env.reset(task_id="email-triage-easy").observation["step_count"] == 0, "the session survives"


def test_a_first_step_begins_an_episode(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        result = env.step({"type": "archive"})
        assert result.observation["step_count"] == 1 and env.state()["step_count"] == 1


def test_refused_actions_leave_the_episode_as_it_is(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        before = env.reset(task_id="email-triage-easy", seed=1).observation
        for action in ({"type": "answer"}, {}, {"type": "archive", "colour": 1}, {"type": "respond", "content": 5}):
            with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
                env.step(action)
        assert env.state()["step_count"] == 0
        after = env.step({"type": "respond", "content": None, "metadata": {"free": 1}}).observation
        assert after["step_count"] == 1 and before["inbox"][1:] == after["inbox"]


def test_step_after_done_is_an_error(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        env.reset(task_id="email-triage-easy")
        for _ in range(3):
            last = env.step({"type": "archive"})
        assert last.done
        with pytest.raises(RuntimeError, match="done.*EXECUTION_ERROR"):
            env.step({"type": "archive"})
        assert not env.reset().done


def test_capacity_is_an_error_frame_and_slots_come_back(start):
    small = start("scenarios/email-ops", "--max-sessions", "2")
    first, second, third = (GenericEnvClient(base_url=small.url).sync() for _ in range(3))
    first.reset()
    second.reset()
    with pytest.raises(RuntimeError, match="CAPACITY_REACHED"):
        third.reset()
    first.close()
    for _ in range(100):
        try:
            third.reset()
            break
        except RuntimeError:
            time.sleep(0.05)
    assert third.state()["episode_id"]
    second.close()
    third.close()


def test_64_sessions_at_once_do_not_disturb_each_other(server):
    episodes = []
    for number in range(64):
        pack, task = TASKS[number % len(TASKS)]
        episodes.append((pack, task, number))
    alone = {}
    for pack, task in TASKS:
        for episode in run(pack, "--task", task, "--policy", "random", "--seed", 0, "--episodes", 64):
            alone[pack, task, episode["seed"]] = episode

    async def one(pack, task, seed):
        expected = alone[pack, task, seed]
        rewards, observations = [], []
        async with GenericEnvClient(base_url=server.env(pack)) as env:
            result = await env.reset(task_id=task, seed=seed)
            for action in expected["actions"]:
                await asyncio.sleep(0)
                result = await env.step(action)
                rewards.append(result.reward)
                observations.append(result.observation)
            state = await env.state()
        assert state["task_id"] == task and state["seed"] == seed and state["step_count"] == len(rewards)
        return rewards == expected["rewards"] and result.metadata["score"] == expected["score"]

    async def everything():
        return await asyncio.gather(*(one(*episode) for episode in episodes))

    assert all(asyncio.run(everything()))


def frames(server, sent):
    """Sends raw frames over one socket and returns the answers."""
    async def talk():
        async with websockets.connect(server.url.replace("http", "ws") + "/ws") as socket:
            for frame in sent:
                await socket.send(frame)
            return [json.loads(await socket.recv()) for _ in sent]
    return asyncio.run(talk())


def test_frames_that_no_client_sends(server):
    answers = frames(server, ["{nope", "", '{"type":"zzz"}', "{}", "[1]", '"x"', "null", "3", b'{"type":"state"}', '{"type":"state","data":{}}'])
    codes = [answer["data"]["code"] for answer in answers]
    assert codes == ["INVALID_JSON"] * 2 + ["UNKNOWN_TYPE"] * 2 + ["VALIDATION_ERROR"] * 6


def test_pipelined_frames_are_answered_in_order(server):
    sent = ['{"type":"reset","data":{"seed":1,"task_id":"email-triage-easy"}}'] + ['{"type":"step","data":{"type":"archive"}}', '{"type":"state"}'] * 2
    answers = frames(server, sent)
    assert [answer["type"] for answer in answers] == ["observation", "observation", "state", "observation", "state"]
    assert [answers[2]["data"]["step_count"], answers[4]["data"]["step_count"]] == [1, 2]


def test_close_is_answered_with_1000(server):
    async def talk():
        async with websockets.connect(server.url.replace("http", "ws") + "/ws") as socket:
            await socket.send('{"type":"close"}')
            with pytest.raises(websockets.ConnectionClosedOK):
                await socket.recv()
            return socket.close_code
    assert asyncio.run(talk()) == 1000


def test_observations_never_hold_what_is_hidden(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        result = env.reset(task_id="email-triage-easy", seed=2)
        text = json.dumps(result.observation)
    assert "keywords" not in text and "reference" not in text and "labels" not in text
