"""One test for each known defect of the environment that email-ops grew from."""

import pytest
from conftest import run
from openenv import GenericEnvClient

ALL_KEYWORDS = "reset link secure invoice attached pdf mfa support ticket help token verification"
ROUTES = {"legal": "escalate", "compliance": "escalate", "payment": "escalate", "security": "escalate",
          "account": "respond", "access": "respond", "billing": "respond"}
TASKS = ("email-triage-easy", "email-triage-medium", "email-triage-hard")


def play(server, task, decide, seed=0):
    """Plays with a function from the current e-mail to an action; returns (rewards, score)."""
    rewards = []
    with GenericEnvClient(base_url=server.url).sync() as env:
        result = env.reset(task_id=task, seed=seed)
        while not result.done:
            result = env.step(decide(result.observation["current_email"]))
            rewards.append(result.reward)
    return rewards, result.metadata["score"]


def test_one_global_environment_for_all_clients(server):
    with GenericEnvClient(base_url=server.url).sync() as a, GenericEnvClient(base_url=server.url).sync() as b:
        a.reset(task_id="email-triage-easy", seed=1)
        a.step({"type": "archive"})
        b.reset(task_id="email-triage-hard", seed=2)
        assert a.step({"type": "archive"}).observation["step_count"] == 2
        assert a.state()["task_id"] == "email-triage-easy" and b.state()["step_count"] == 0


def test_per_episode_words_never_varied_over_http(start):
    with start("scenarios/email-ops").http() as http:
        found = set()
        for seed in range(12):
            first = http.post("/reset", json={"task_id": "email-triage-easy", "seed": seed}).json()
            again = http.post("/reset", json={"task_id": "email-triage-easy", "seed": seed}).json()
            assert first["observation"]["inbox"] == again["observation"]["inbox"]
            content = "Hello Nora, we reset your password and send you a link that opens the right page."
            step = http.post("/step", json={"type": "respond", "content": content}).json()
            found.add((first["observation"]["inbox"][0]["body"], step["info"]["components"]["response_quality"]))
    assert {quality for _, quality in found} == {0.1, 0.2}, "`link` is right for some seeds only"
    assert len({body for body, _ in found}) == 2, "and the e-mail tells which"


def test_keyword_with_upper_case_could_not_match(server):
    for text in ("we move your MFA to the new phone today", "we move your mfa to the new phone today"):
        with GenericEnvClient(base_url=server.url).sync() as env:
            env.reset(task_id="email-triage-medium", seed=0)
            env.step({"type": "escalate"})
            result = env.step({"type": "respond", "content": text})
        assert result.metadata["breakdown"]["components"]["response_quality"] == 0.1


def test_unknown_task_id_silently_meant_easy(server):
    with GenericEnvClient(base_url=server.url).sync() as env:
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.reset(task_id="email-triage-unknown")
    with server.http() as http:
        answer = http.post("/reset", json={"task_id": "email-triage-unknown"})
    assert answer.status_code == 422 and "email-triage-hard" in answer.text


def test_stepping_after_done_answered_200_for_ever(start):
    with start("scenarios/email-ops").http() as http:
        http.post("/reset", json={"task_id": "email-triage-easy"})
        codes = [http.post("/step", json={"type": "archive"}).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 409, 409]


@pytest.mark.parametrize("task", TASKS)
def test_constant_keyword_string_plus_category_lookup(server, task):
    """Right routing is worth 0.80; the string adds nothing, while an honest reply does."""
    decide = lambda content: lambda email: {"type": ROUTES.get(email["category"], "archive"), "content": content(email)}
    _, stuffed = play(server, task, decide(lambda _: ALL_KEYWORDS))
    sentence = f"Hello, please find all of this in here for you and for me: {ALL_KEYWORDS}, with many greetings from us."
    _, padded = play(server, task, decide(lambda _: sentence))
    honest = {"account": "Hello, we reset your password and write again when it is done.",
              "billing": "Hello, the invoice that you miss is on its way to you.",
              "access": "Hello, we move your MFA to the new phone this afternoon."}
    _, plain = play(server, task, decide(lambda email: honest.get(email["category"], "")))
    assert stuffed == padded == 0.8 and plain == 0.875


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("constant", ["respond", "escalate", "archive"])
def test_escalating_everything_scored_075_on_hard(server, task, constant):
    _, score = play(server, task, lambda _: {"type": constant, "content": "Hello, thank you, we will come back to you soon."})
    assert score == 0.0


@pytest.mark.parametrize("task", TASKS)
def test_all_invalid_loop_kept_0085(server, task):
    rewards, score = play(server, task, lambda _: {"type": "respond", "email_id": "no-such-mail"})
    assert score == 0.0
    assert rewards[:-1] == [-0.3] * (len(rewards) - 1) and rewards[-1] == pytest.approx(-0.5)


def test_doing_nothing_reaches_the_floor():
    assert [episode["score"] for episode in run("email-ops", "--policy", "nothing")] == [0.0] * 6


def test_echoing_the_mail_is_no_reply(server):
    """The keywords do not stand in the e-mails themselves."""
    for seed in range(4):
        for task in TASKS:
            with GenericEnvClient(base_url=server.url).sync() as env:
                result = env.reset(task_id=task, seed=seed)
                while not result.done:
                    email = result.observation["current_email"]
                    result = env.step({"type": "respond", "content": email["body"]})
                    assert result.metadata["breakdown"]["components"]["response_quality"] <= 0, email["id"]


def test_rewards_are_the_sum_of_their_components_clipped(server):
    """Of the classic tasks; the rewards of the drawn ones are not clipped."""
    classic = [argument for task in TASKS for argument in ("--task", task)]
    for episode in run("email-ops", *classic, "--policy", "random", "--episodes", 40):
        for step in episode["steps"]:
            total = sum(step["breakdown"]["components"].values())
            assert step["reward"] == pytest.approx(max(-1, min(1, total)), abs=1e-12)
