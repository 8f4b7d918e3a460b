"""Stores of records, read by DuckDB and Polars as they are, with the lines of the documentation."""

import json
import re
import subprocess

import duckdb
import polars as pl
import pytest
from openenv import GenericEnvClient

from conftest import BINARY, ROOT, Server

PAGE = (ROOT / "docs/records.md").read_text()
TASK = "email-triage-easy"


def line(tool):
    """The line of the documentation for a tool."""
    return re.search(rf"^\| {tool} \| `(.+?)`", PAGE, re.MULTILINE).group(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a store of two episodes, the first of which has what its model used."""
    folder = tmp_path_factory.mktemp("records")
    server = Server("scenarios/email-ops", "--records", folder / "records")
    with GenericEnvClient(base_url=server.url).sync() as env:
        for seed, policy in [(7, "small-model"), (8, None)]:
            metadata = {"policy": policy} if policy else {}
            result = env.reset(task_id=TASK, seed=seed, group="g", metadata=metadata)
            while not result.done:
                action = {"type": "archive"}
                if policy:
                    action["metadata"] = {"usage": {"prompt_tokens": 800, "completion_tokens": 30, "cost": 0.25}}
                result = env.step(action)
    assert server.stop() == 0
    return folder


@pytest.fixture
def records(folder, monkeypatch):
    """The store; the folder above it is the current one."""
    monkeypatch.chdir(folder)
    return folder / "records"


def test_duckdb_reads_episodes_and_steps(records):
    rows = duckdb.sql(line("DuckDB")).fetchall()
    assert sorted((task, policy) for task, policy, _ in rows) == [(TASK, "served"), (TASK, "small-model")]
    episode = duckdb.sql(
        "SELECT environment, policy, \"group\", split, seed, steps, input_tokens, output_tokens, cost, done, started, seconds"
        " FROM read_parquet('records/episodes/**/*.parquet', hive_partitioning=true) WHERE policy = 'small-model'"
    ).limit(1).fetchall()[0]
    assert episode[:6] == ("email-ops", "small-model", "g", "classic", 7, 3)
    assert episode[6:10] == (2400, 90, 0.75, True)
    assert episode[10] is not None and episode[11] >= 0
    actions = duckdb.sql(
        "SELECT s.step, json_extract_string(s.action, '$.type'), s.observation FROM read_parquet('records/steps/**/*.parquet') s"
        " JOIN read_parquet('records/episodes/**/*.parquet') e USING (id) WHERE e.policy = 'served' ORDER BY 1"
    ).fetchall()
    assert [(step, kind) for step, kind, _ in actions] == [(1, "archive"), (2, "archive"), (3, "archive")]
    assert all("current_email" in json.loads(observation) for _, _, observation in actions)


def test_polars_reads_episodes_and_an_export(records):
    table = eval(line("Polars"), {"pl": pl})
    assert sorted(table["policy"]) == ["served", "small-model"]
    subprocess.run(
        [BINARY, "records", "export", records, "--to", "parquet", "--out", "all.parquet"], check=True, capture_output=True
    )
    exported = pl.read_parquet("all.parquet")
    assert exported.height == 2
    messages = json.loads(exported["messages"][0])
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3
    assert exported["environment"].to_list() == ["email-ops"] * 2
