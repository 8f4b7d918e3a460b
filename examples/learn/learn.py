"""A small learner that shows whether a pack can be learnt: REINFORCE over TF-IDF of the items' texts.

It plays through the stock OpenEnv client and sees what an agent sees: the action's schema, the items' visible fields and
the rewards. Beside it plays a memoriser, a table of what paid best for each item that it has met; on items that it never
met, it decides what paid best on the whole. Where a pack has honest variety, the learner rises on the split `test` and the
memoriser does not.

    pip install -r requirements.txt
    casebook serve ../../scenarios &
    python learn.py http://127.0.0.1:8000/envs/email-ops --plot email-ops.svg

REINFORCE: R. J. Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
Machine Learning 8 (1992). Ranks are drawn by the Plackett-Luce model (R. L. Plackett, "The analysis of permutations", 1975).
"""

import argparse
import json
import sys
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from openenv import GenericEnvClient
from sklearn.feature_extraction.text import TfidfVectorizer

REPLIES = [
    "Hello, thank you for your message. We look into it and come back to you today.",
    "Hello, I am sorry about this. I have passed it on to the team that can put it right.",
]

SELDOM = -2.0  # the log odds of a value of a set before anything is learnt


@dataclass
class Head:
    """One part of an action that the learner chooses: a name, what it can be, and when it is sent."""

    name: str
    kind: str  # "choice", "set", "rank" or "text"
    options: list
    when: dict  # other parts, with the options under which this one is sent


@dataclass
class Surface:
    """What an action looks like, as the environment's schema tells."""

    batch: str | None  # the property that holds the list, where one action decides many items
    item: str | None  # the property that names the item
    heads: list[Head]


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def surface_of(schema, replies):
    """Reads what can be chosen from the JSON Schema of an action."""
    batch = None
    for name, part in schema["properties"].items():
        if part.get("type") == "array" and part.get("items", {}).get("type") == "object":
            batch, schema = name, part["items"]
            break
    rules = schema
    if schema.get("if", {}).get("required") == ["tool_name"]:  # a decision is an action that calls no tool
        rules = schema["else"]
        calls = {"type", "tool_name", "arguments"}
        schema = {**schema, "properties": {name: part for name, part in schema["properties"].items() if name not in calls}}
    conditions = {}
    for rule in rules.get("allOf", []):
        when = {name: part.get("enum") or [part["const"]] for name, part in rule.get("if", {}).get("properties", {}).items()}
        for name in rule.get("then", {}).get("required", []):
            conditions[name] = when
    item, heads = None, []
    for name, part in schema["properties"].items():
        required = name in rules.get("required", []) or name in conditions
        kind = part.get("type")
        kinds = kind if isinstance(kind, list) else [kind]
        if part.get("x-item"):
            item = name
        elif "enum" in part:
            heads.append(Head(name, "choice", [one for one in part["enum"] if one is not None], conditions.get(name, {})))
        elif "enum" in part.get("items", {}):
            heads.append(Head(name, "set", part["items"]["enum"], conditions.get(name, {})))
        elif "boolean" in kinds:
            heads.append(Head(name, "choice", [False, True], conditions.get(name, {})))
        elif "number" in kinds and required:
            heads.append(Head(name, "choice", [0, 50, 100, 200, 300, 500, 1000, 2000], conditions.get(name, {})))
        elif "integer" in kinds and batch and required:
            heads.append(Head(name, "rank", [], {}))
        elif "string" in kinds and (required or "decides" in part.get("description", "") or "reply" in part.get("description", "")):
            heads.append(Head(name, "text", replies, conditions.get(name, {})))
    return Surface(batch, item, heads)


def text_of(item):
    """What stands in an item, as one text; its id says nothing and is left out."""
    words = []

    def walk(value):
        if isinstance(value, dict):
            for key, part in value.items():
                if key != "id":
                    walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)
        elif value is not None:
            words.append(str(value))

    walk(item)
    return "\n".join(words)


def items_of(observation):
    """The items of an observation that can be decided, and the one that is decided when none is named."""
    lists = [part for part in observation.values() if isinstance(part, list) and part and isinstance(part[0], dict)]
    current = [part for part in observation.values() if isinstance(part, dict) and "id" in part]
    items = max(lists, key=len, default=[])
    return items, (current or items or [None])[0]


class Learner:
    """A softmax a head, linear in the TF-IDF of an item's text, and a running mean of the returns as the baseline."""

    def __init__(self, surface, texts, rate, generator):
        self.vectors = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=20_000)
        self.vectors.fit(texts)
        size = len(self.vectors.vocabulary_) + 1
        self.weights = {head.name: np.zeros((size, max(1, len(head.options)))) for head in surface.heads}
        self.surface, self.rate, self.generator = surface, rate, generator
        self.mean, self.seen = 0.0, 0

    def features(self, items):
        rows = self.vectors.transform([text_of(item) for item in items])
        return [(np.append(row.indices, rows.shape[1]), np.append(row.data, 0.3)) for row in rows]

    def act(self, items, greedy):
        """Chooses for each item; gives the choices and the gradient of their log probability."""
        features = self.features(items)
        chosen, gradient = [{} for _ in items], []
        for head in self.surface.heads:
            weights = self.weights[head.name]
            scores = np.array([values @ weights[at] for at, values in features])
            if head.kind == "rank":
                noise = 0 if greedy else self.generator.gumbel(size=len(items))
                order = np.argsort(-(scores[:, 0] + noise), kind="stable")
                for place, row in enumerate(order):
                    chosen[row][head.name] = place + 1
                strength = np.exp(scores[:, 0] - scores[:, 0].max())
                slope = np.zeros(len(items))
                for place, row in enumerate(order):
                    rest = order[place:]
                    slope[row] += 1
                    slope[rest] -= strength[rest] / strength[rest].sum()
                gradient += [(head.name, features[row], np.array([slope[row]])) for row in range(len(items))]
                continue
            for row, score in enumerate(scores):
                if any(chosen[row].get(name) not in options for name, options in head.when.items()):
                    continue
                if head.kind == "set":  # each of its values by itself
                    odds = 1 / (1 + np.exp(-score - SELDOM))
                    picks = odds > 0.5 if greedy else self.generator.random(len(odds)) < odds
                    chosen[row][head.name] = [option for option, pick in zip(head.options, picks) if pick]
                    gradient.append((head.name, features[row], picks - odds))
                    continue
                odds = np.exp(score - score.max())
                odds /= odds.sum()
                pick = int(odds.argmax()) if greedy else int(self.generator.choice(len(odds), p=odds))
                chosen[row][head.name] = head.options[pick]
                slope = -odds
                slope[pick] += 1
                gradient.append((head.name, features[row], slope))
        return chosen, gradient

    def learn(self, steps):
        """Moves along each step's gradient by its reward, less the mean reward: a reward is about its own decisions."""
        for gradient, reward in steps:
            advantage = reward - self.mean
            self.seen += 1
            self.mean += advantage / min(self.seen, 200)
            for name, (at, values), slope in gradient:
                self.weights[name][at] += self.rate * advantage * np.outer(values, slope)


class Memoriser:
    """What paid best for each item that was met; elsewhere, what paid best on the whole."""

    def __init__(self, surface, generator):
        self.surface, self.generator = surface, generator
        self.paid = defaultdict(lambda: defaultdict(lambda: [0.0, 0]))

    def act(self, items, greedy):
        chosen = [{} for _ in items]
        for head in self.surface.heads:
            if head.kind == "rank":
                for place, row in enumerate(self.generator.permutation(len(items))):
                    chosen[row][head.name] = int(place) + 1
                continue
            for row, item in enumerate(items):
                if any(chosen[row].get(name) not in options for name, options in head.when.items()):
                    continue
                known = self.paid.get((head.name, text_of(item))) or self.paid.get((head.name, None)) or {}
                if greedy and known:
                    best = max(known, key=lambda option: known[option][0] / known[option][1])
                    chosen[row][head.name] = list(best) if head.kind == "set" else best
                elif head.kind == "set":
                    chosen[row][head.name] = [one for one in head.options if self.generator.random() < 1 / len(head.options)]
                else:
                    chosen[row][head.name] = head.options[self.generator.integers(len(head.options))]
        hashable = lambda value: tuple(value) if isinstance(value, list) else value  # noqa: E731
        keys = [(head.name, text_of(item), hashable(row.get(head.name))) for row, item in zip(chosen, items) for head in self.surface.heads]
        return chosen, [key for key in keys if key[2] is not None]

    def learn(self, steps):
        for keys, reward in steps:
            for name, text, option in keys:
                for about in (text, None):
                    total = self.paid[(name, about)][option]
                    total[0] += reward
                    total[1] += 1


def play(env, surface, agent, split, seed, greedy):
    """Plays an episode; gives its steps (what the agent wants to remember, and the reward) and its score."""
    result = env.reset(split=split, seed=seed)
    steps = []
    while not result.done:
        items, current = items_of(result.observation)
        chosen, memory = agent.act(items if surface.batch else [current], greedy)
        if surface.batch:
            action = {surface.batch: [{**choice, surface.item: item["id"]} for choice, item in zip(chosen, items)]}
        else:
            action = chosen[0] if surface.item is None else {**chosen[0], surface.item: current["id"]}
        result = env.step(action)
        steps.append((memory, float(result.reward or 0.0)))
        if surface.batch:
            break  # one list decides everything
    metadata = result.metadata or {}
    score = metadata.get("score")
    return steps, float(score if score is not None else np.sum([reward for _, reward in steps]))


def evaluate(env, surface, agent, split, episodes):
    """The mean score over fixed seeds, with the half width of its 95 % interval."""
    scores = [play(env, surface, agent, split, 1_000_000_000 + seed, True)[1] for seed in range(episodes)]
    return float(np.mean(scores)), float(1.96 * np.std(scores) / np.sqrt(len(scores)))


def train(env, surface, agent, options, report):
    curve = []
    recent = []
    for episode in range(options.episodes + 1):
        if episode % options.every == 0:
            test, width = evaluate(env, surface, agent, options.test, options.samples)
            curve.append({"episode": episode, "test": test, "width": width, "train": float(np.mean(recent or [0.0]))})
            report(curve[-1])
            recent = []
        if episode < options.episodes:
            steps, score = play(env, surface, agent, options.train, options.seed + episode, False)
            agent.learn(steps)
            recent.append(score)
    return curve


def plot(figures, path):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "casebook"
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4))
    for name, curve in figures["curves"].items():
        at = [point["episode"] for point in curve]
        test = np.array([point["test"] for point in curve])
        width = np.array([point["width"] for point in curve])
        (line,) = axes.plot(at, test, label=f"{name}, on {figures['test']}")
        axes.fill_between(at, test - width, test + width, alpha=0.2, color=line.get_color())
        axes.plot(at[1:], [point["train"] for point in curve[1:]], ":", color=line.get_color(), label=f"{name}, while it trains")
    axes.set(xlabel="episodes", ylabel="score", ylim=(0, 1), title=figures["environment"])
    axes.legend(loc="lower right", fontsize="small")
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description="Trains a small learner and a memoriser on an environment.")
    parser.add_argument("url", help="the environment, such as http://127.0.0.1:8000/envs/email-ops")
    parser.add_argument("--train", default="train", help="the split to train on (default: %(default)s)")
    parser.add_argument("--test", default="test", help="the split to evaluate on (default: %(default)s)")
    parser.add_argument("--episodes", type=int, default=2000, help="episodes to train for (default: %(default)s)")
    parser.add_argument("--every", type=int, default=200, help="episodes between evaluations (default: %(default)s)")
    parser.add_argument("--samples", type=int, default=100, help="episodes of an evaluation (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.5, help="the step size (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="the first seed, and that of the agents (default: %(default)s)")
    parser.add_argument("--replies", type=Path, help="a file with one reply a line, from which the agents choose")
    parser.add_argument("--plot", type=Path, help="where to draw the curves, as SVG")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    url = options.url.rstrip("/")
    replies = options.replies.read_text().splitlines() if options.replies else REPLIES
    surface = surface_of(get(f"{url}/schema")["action"], replies)
    if not surface.heads:
        sys.exit(f"nothing in the action of {url} can be chosen")
    started = time.monotonic()
    figures = {"environment": url.rsplit("/", 1)[-1], "train": options.train, "test": options.test, "curves": {}}
    with GenericEnvClient(base_url=url).sync() as env:
        texts = []
        for seed in range(300):
            items, current = items_of(env.reset(split=options.train, seed=options.seed + seed).observation)
            texts += [text_of(item) for item in items or [current]]
        agents = {
            "learner": Learner(surface, texts, options.rate, np.random.default_rng(options.seed)),
            "memoriser": Memoriser(surface, np.random.default_rng(options.seed)),
        }
        for name, agent in agents.items():
            report = lambda point: print(  # noqa: E731
                f"{name:10} {point['episode']:6} episodes  test {point['test']:.3f} ± {point['width']:.3f}"
                f"  train {point['train']:.3f}  {time.monotonic() - started:5.0f} s",
                flush=True,
            )
            figures["curves"][name] = train(env, surface, agent, options, report)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.plot:
        plot(figures, options.plot)


if __name__ == "__main__":
    main()
