#!/usr/bin/env python3
"""Prints the ladder of a pack: for each policy and task the mean score and the mean return (the sum of step rewards).

Usage: ladder.py PACK [EPISODES] [--policy NAME]... [--task NAME]... [--reads]
CASEBOOK names the command (default: casebook). Drawn tasks are played EPISODES times (default: 10), others once.

`--reads` adds a simulated reader, who gives the right answer about a share of the items and the right answer of another item
about the rest. It plays over HTTP on a server that this script starts and ends.
"""
import argparse, json, os, random, subprocess, tempfile, urllib.request
from pathlib import Path

COMMAND = os.environ.get("CASEBOOK", "casebook")


def names(folder):
    """The names of the documents of a folder, each with whether it is a family of drawn tasks."""
    for file in sorted((PACK / folder).glob("*.yaml")):
        for document in file.read_text().split("\n---\n"):
            name = [line.split()[1] for line in document.splitlines() if line.startswith("name: ")]
            if name:
                yield name[0], "\nseeds:" in document


def played(policy, tasks, episodes):
    """The mean score and return of each task; none where the policy cannot finish, as one that spends more than the budget."""
    command = [COMMAND, "run", str(PACK), "--policy", policy, "--episodes", str(episodes), "--format", "json"]
    out = subprocess.run(command + [part for task in tasks for part in ("--task", task)], capture_output=True, text=True)
    if out.returncode:
        return [(float("nan"), float("nan"))] if len(tasks) == 1 else [played(policy, [task], episodes)[0] for task in tasks]
    results = {task: [] for task in tasks}
    for episode in json.loads(out.stdout)["episodes"]:
        results[episode["task"].split("/")[0]].append((episode["score"], sum(step["reward"] for step in episode["steps"])))
    return [(mean([r[0] for r in results[task]]), mean([r[1] for r in results[task]])) for task in tasks]


def mean(values):
    return sum(values) / len(values) if values else float("nan")


class Server:
    def __enter__(self):
        self.process = subprocess.Popen([COMMAND, "serve", str(PACK), "--port", "0", "--open", "--no-reload"], stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def call(self, path, body=None, session=None):
        headers = {"content-type": "application/json"}
        if session:
            headers["x-session-id"] = session
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers)) as answer:
            return json.loads(answer.read()), answer.headers.get("x-session-id")


def answers(task, episodes):
    """What the oracle decides, by item."""
    with tempfile.TemporaryDirectory() as folder:
        audit = Path(folder) / "audit.jsonl"
        command = [COMMAND, "run", str(PACK), "--policy", "oracle", "--task", task, "--episodes", str(episodes), "--audit", str(audit)]
        subprocess.run(command, capture_output=True, check=True)
        entries = [json.loads(line) for line in audit.read_text().splitlines()]
    return {e["item"]["id"]: {d["field"]: d["decided"] for d in e["decisions"] if d["decided"] is not None} for e in entries if e.get("decisions")}


def reader(server, right, task, seed, share):
    """One episode in which a share of the items is read right."""
    rng = random.Random(f"{task} {seed} {share}")
    state, session = server.call("/reset", {"task_id": task, "seed": seed})
    total = 0
    while not state["done"]:
        view = state["observation"]
        item = (view.get("ticket") or view.get("current"))["id"]
        if item not in right: # what only comes after a mistake; the oracle has not met it
            for row in server.call(f"/sessions/{session}/truth", session=session)[0]["items"]:
                if row["item"] == item:
                    right[item] = {d["field"]: d["expected"] for d in row["decisions"] if d["expected"] is not None}
                    if right[item].get("action") == "escalate" and PACK.name == "alert-queue":
                        right[item]["note"] = f"This is about {row['fields']['asset']}, which the shift has not cut off; the incident lead has to decide what happens next."
        others = [key for key in right if key != item]
        action = right[item] if rng.random() < share else right[rng.choice(others)]
        state, _ = server.call("/step", action, session)
        total += state["reward"]
    score = state.get("info", {}).get("score", state["observation"].get("metadata", {}).get("score"))
    return score, total


def main(args):
    tasks = [(name, drawn) for name, drawn in names("tasks") if not args.task or name in args.task]
    one, drawn = [name for name, drawn in tasks if not drawn], [name for name, drawn in tasks if drawn]
    tasks = one + drawn
    print("policy".ljust(16), *(task.split("-", 1)[1].rjust(18) for task in tasks))

    def row(name, results):
        print(name.ljust(16), *(f"{score:.4f} {gain:6.2f}".rjust(18) for score, gain in results), flush=True)

    for name in args.policy or ["nothing", "random", *(name for name, _ in names("policies")), "oracle"]:
        once = args.episodes if name == "random" else 1
        row(name, (played(name, one, once) if one else []) + (played(name, drawn, args.episodes) if drawn else []))
    if not args.reads:
        return
    right = {task: answers(task, args.episodes) for task in tasks}
    with Server() as server:
        for share in (0, 0.25, 0.5, 0.75, 1):
            results = []
            for task in tasks:
                games = [reader(server, right[task], task, seed, share) for seed in range(args.episodes)]
                results.append((mean([g[0] for g in games]), mean([g[1] for g in games])))
            row(f"reads {share:.0%}", results)


parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1].removeprefix("Usage: "))
parser.add_argument("pack", type=Path)
parser.add_argument("episodes", type=int, nargs="?", default=10)
parser.add_argument("--policy", action="append")
parser.add_argument("--task", action="append")
parser.add_argument("--reads", action="store_true")
ARGS = parser.parse_args()
PACK = ARGS.pack
main(ARGS)
