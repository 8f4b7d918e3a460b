"""One test for each known defect of the environment that email-triage grew from."""

import json
import subprocess

import pytest
import yaml
from conftest import BINARY, ROOT, oracle, run
from openenv import GenericEnvClient

TASKS = ("email-classify", "email-prioritize", "email-triage-full")
DRAFT = "Hello, thank you very much for your message. We have read it with care and come back to you today. Best regards"


def client(server):
    return GenericEnvClient(base_url=server.env("email-triage")).sync()


def labels(task):
    inbox = {"email-classify": "classify", "email-prioritize": "prioritize", "email-triage-full": "full"}[task]
    items = yaml.safe_load((ROOT / f"scenarios/email-triage/inboxes/{inbox}.yaml").read_text())["items"]
    return {item["id"]: {**item["labels"], "priority": item["fields"]["place"]} for item in items}


def decision(email_id, category="work", priority=1, action="read", draft=None):
    made = {"email_id": email_id, "category": category, "priority": priority, "action": action}
    return {**made, "response_draft": draft or DRAFT} if action == "respond" else made


@pytest.mark.parametrize("task", TASKS)
def test_feedback_printed_the_labels(server, task):
    """What an agent sees after a step is what it saw before, but for counts."""
    with client(server) as env:
        inbox = env.reset(task_id=task, seed=3).observation["inbox"]
        result = env.step({"email_actions": [decision(email["id"], priority=at + 1) for at, email in enumerate(inbox[:-1])]})
        seen = result.observation
        assert seen["inbox"] == inbox and not result.done
        assert seen["last_feedback"] == f"{len(inbox) - 1} decisions taken; 1 of {len(inbox)} e-mails are still open."
        assert "breakdown" not in result.metadata, "decisions may still be revised"
        state = json.dumps(env.state())
    for word in ("spam", "urgent", "newsletter", "personal", "keywords"):
        assert word not in seen["last_feedback"] and word not in state


@pytest.mark.parametrize("task", TASKS)
def test_alternating_good_and_bad_batches_collected_reward(server, task):
    good = oracle("email-triage", task, 0)["actions"][0]["email_actions"]
    bad = [decision(entry["email_id"], "spam", len(good) + 1 - entry["priority"], "delete") for entry in good]
    total = 0.0
    with client(server) as env:
        result = env.reset(task_id=task, seed=0)
        # All but one e-mail, so that the episode goes on.
        for number in range(result.observation["max_steps"]):
            result = env.step({"email_actions": (good if number % 2 == 0 else bad)[:-1]})
            total += result.reward
    assert result.done and total <= 1.0
    assert total < 2 * oracle("email-triage", task, 0)["score"]


@pytest.mark.parametrize("task", TASKS)
def test_listing_in_true_order(server, task):
    truth = labels(task)
    orders = set()
    with client(server) as env:
        for seed in range(20):
            inbox = env.reset(task_id=task, seed=seed).observation["inbox"]
            orders.add(tuple(truth[email["id"]]["priority"] for email in inbox))
    assert len(orders) > 15, "the seed shuffles the listing"
    stamps = sorted(range(len(inbox)), key=lambda at: inbox[at]["timestamp"])
    ranks = [truth[inbox[at]["id"]]["priority"] for at in stamps]
    n = len(ranks)
    rho = 1 - 6 * sum((rank - at - 1) ** 2 for at, rank in enumerate(ranks)) / (n * (n * n - 1))
    assert abs(rho) < 0.6, "the time of arrival does not tell the order either"


@pytest.mark.parametrize("task", TASKS)
def test_one_junk_action_earned_030(server, task):
    truth = labels(task)
    with client(server) as env:
        inbox = env.reset(task_id=task, seed=0).observation["inbox"]
        result = env.step({"email_actions": []})
        assert result.reward == 0.0 and result.observation["current_score"] == 0.0, "no decision, no credit"
        email = inbox[0]["id"]
        wrong = "spam" if truth[email]["category"] != "spam" else "work"
        junk = "flag" if truth[email]["action"] != "flag" else "delete"
        result = env.step({"email_actions": [decision(email, wrong, len(inbox), junk)]})
    assert result.reward <= 0.6 / len(inbox) < 0.3


def test_hi_counted_inside_this(server):
    draft = "This morning nothing of this happened, which is something that this whole team thinks about every single day now."
    with client(server) as env:
        env.reset(task_id="email-triage-full", seed=0)
        actions = oracle("email-triage", "email-triage-full", 0)["actions"][0]["email_actions"]
        for entry in actions:
            if "response_draft" in entry:
                entry["response_draft"] = draft
        result = env.step({"email_actions": actions})
    assert result.done and result.metadata["breakdown"]["components"]["greeting"] == 0.0
    assert result.metadata["breakdown"]["components"]["sign_off"] == 0.0


def test_draft_on_a_deleted_email_scored(server):
    actions = oracle("email-triage", "email-triage-full", 0)["actions"][0]["email_actions"]
    for entry in actions:
        entry["action"] = "delete"
    with client(server) as env:
        env.reset(task_id="email-triage-full", seed=0)
        result = env.step({"email_actions": actions})
    assert result.metadata["breakdown"]["components"]["response"] == 0.0


@pytest.mark.parametrize(
    "change",
    [
        {"category": "important"},
        {"action": "forward"},
        {"priority": 0},
        {"priority": 21},
        {"priority": 1.5},
        {"email_id": "no-such-mail"},
        {"action": "respond"},
        {"action": "respond", "response_draft": ""},
        {"colour": "red"},
    ],
)
def test_unknown_categories_and_bad_values_were_accepted(server, change):
    with client(server) as env:
        email = env.reset(task_id="email-classify", seed=0).observation["inbox"][0]["id"]
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.step({"email_actions": [{**decision(email), **change}]})
        assert env.state()["step_count"] == 0


def test_duplicate_priorities_were_accepted(server):
    with client(server) as env:
        first, second, third = (email["id"] for email in env.reset(task_id="email-classify", seed=0).observation["inbox"][:3])
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.step({"email_actions": [decision(first, priority=1), decision(second, priority=1)]})
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.step({"email_actions": [decision(first, priority=1), decision(first, priority=2)]})
        env.step({"email_actions": [decision(first, priority=1), decision(second, priority=2)]})
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            env.step({"email_actions": [decision(third, priority=2)]})
        swapped = env.step({"email_actions": [decision(first, priority=2), decision(second, priority=1)]})
        assert swapped.observation["processed_count"] == 2, "a revision may swap two ranks"


@pytest.mark.parametrize("task", TASKS)
def test_ties_and_gaps_in_true_ranks(task, tmp_path):
    ranks = sorted(label["priority"] for label in labels(task).values())
    assert ranks == list(range(1, len(ranks) + 1))
    copy = tmp_path / "pack"
    subprocess.run(["cp", "-r", ROOT / "scenarios/email-triage", copy], check=True)
    inbox = copy / "inboxes/classify.yaml"
    text = inbox.read_text()

    def played():
        command = [BINARY, "run", copy, "--task", "email-classify", "--policy", "oracle", "--format", "json"]
        episode = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["episodes"][0]
        return episode["score"], sorted(entry["priority"] for entry in episode["actions"][0]["email_actions"])

    # A gap is closed, and two that tie may have either rank.
    for place in (50, 4):
        inbox.write_text(text.replace("place: 5", f"place: {place}"))
        assert played() == (1.0, [1, 2, 3, 4, 5])
    # A label that contradicts the order is refused.
    inbox.write_text(text.replace("category: spam,", "category: spam, priority: 4,"))
    check = subprocess.run([BINARY, "check", copy], capture_output=True, text=True)
    assert check.returncode == 1 and "CB401" in check.stderr


@pytest.mark.parametrize(
    ("task", "published"),
    [
        ("email-classify", "classification 60 %, priority 20 %, action 20 %"),
        ("email-prioritize", "classification 25 %, priority 60 %, action 15 %"),
        ("email-triage-full", "classification 30 %, priority 30 %, action 20 %, response 20 %"),
    ],
)
def test_published_weights_contradicted_the_programs(server, task, published):
    with client(server) as env:
        assert published in env.reset(task_id=task).observation["instructions"]
    episode = run("email-triage", "--task", task, "--policy", "heuristic")[0]
    parts = episode["steps"][-1]["breakdown"]["components"]
    weights = {name: float(weight) / 100 for name, weight, _ in (part.split() for part in published.split(", "))}
    assert episode["score"] == pytest.approx(sum(weight * parts[name] for name, weight in weights.items()))


def test_doing_nothing_reaches_the_floor():
    assert [episode["score"] for episode in run("email-triage", "--policy", "nothing")] == [0.0] * 6


def test_a_list_of_keywords_is_not_a_draft(server):
    truth = labels("email-triage-full")
    actions = oracle("email-triage", "email-triage-full", 0)["actions"][0]["email_actions"]
    for entry in actions:
        if "response_draft" in entry:
            entry["response_draft"] = " ".join(truth[entry["email_id"]]["response"]["keywords"])
    with client(server) as env:
        env.reset(task_id="email-triage-full", seed=0)
        result = env.step({"email_actions": actions})
    assert result.metadata["breakdown"]["components"]["keywords"] == 0.0
