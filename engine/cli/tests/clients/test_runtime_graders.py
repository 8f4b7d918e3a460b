"""The stock validator's runtime graders, with our running server where it would start a container."""

import importlib.resources
import json
import math
import shutil
import subprocess

import jsonschema
import pytest
from conftest import BINARY, ROOT, oracle, run
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from openenv import GenericEnvClient
from openenv.core.rubrics import Rubric
from openenv.validation.policy import apply_policy, load_policy
from openenv.validation.report import ValidationReportV2
from openenv.validation.runner import run_validation
from openenv.validation.types import CheckStatus, Level, ProviderCapability

SCHEMAS = importlib.resources.files("openenv.validation") / "schemas"
GRADED = ("static.manifest", "runtime.startup", "runtime.observation_schema", "runtime.reward_well_formed", "runtime.state_contract")
MANIFEST = """
spec_version: 1
name: {name}
version: 1.0.0
description: A pack under test.
type: space
runtime: rust
port: 8000
validation:
  reward: {{ range: [-1, 1], oracle_tolerance: 0, floor_margin: 0.5 }}
  resources: {{ cpu: 1, memory_mb: 256, disk_mb: 64, episode_timeout_s: 60, gpus: 0 }}
  network: {{ mode: public }}
  capabilities: {{ verifier: {{ kind: reward_channel }}, set_state: false, llm_judged: false, rubric_tree: true, task_api: true, declared_tools: [] }}
  task_distribution: {{ dataset_version: 1.0.0 }}
  types: {{ tags: [triage] }}
  execution: {{ kind: openenv_ws, probe_path: validation/runtime.json, dockerfile: Dockerfile, context: ".", agent_boundary: api, requires_credentials: false }}
"""


class Running:
    """What a provider starts: it runs already."""

    def __init__(self, url):
        self.base_url = url

    def inspect(self):
        return {}

    def logs(self, max_bytes=65536):
        return ""

    def exec(self, argv, timeout_s):
        raise NotImplementedError

    def stop(self):
        pass


class Provider:
    """Gives the address of a running server."""

    name = "running"
    capabilities = frozenset({ProviderCapability.IMAGE_BUILD})
    supported_network_modes = frozenset({"public"})

    def __init__(self, url):
        self.url = url

    def build(self, root, execution):
        return "sha256:" + "0" * 64

    def start(self, spec):
        return Running(self.url)


def graded(folder, url, name, options, actions):
    (folder / "validation").mkdir()
    (folder / "openenv.yaml").write_text(MANIFEST.format(name=name.replace("-", "_")))
    (folder / "Dockerfile").write_text("FROM scratch\n")
    plan = {"plan_schema_version": "1", "reset": {"episode_id": "graded", "seed": 7, "options": options}, "actions": actions}
    (folder / "validation/runtime.json").write_text(json.dumps(plan))
    report = run_validation(folder, max_level=Level.RUNTIME, policy=load_policy("v2"), provider=Provider(url))
    return {result.check_id: result for result in report.results}


@pytest.mark.parametrize(
    ("pack", "task"),
    [("email-ops", "email-triage-hard"), ("email-ops", "email-triage-easy"), ("email-triage", "email-triage-full"), ("email-triage", "email-classify")],
)
def test_packs_of_items_pass(tmp_path, server, pack, task):
    results = graded(tmp_path, server.env(pack), pack, {"task_id": task}, oracle(pack, task, 7)["actions"])
    for check in GRADED:
        assert results[check].status is CheckStatus.PASS, results[check]


@pytest.mark.parametrize(
    ("pack", "actions"),
    [
        ("conformance-echo", [{"message": "one"}, {"message": "two"}]),
        ("conformance-tools", [{"type": "call_tool", "tool_name": "add", "arguments": {"a": 40, "b": 2}}, {"tool_name": "nope"}]),
        ("conformance-triage", [{"label": "a"}, {"label": "done"}]),
        ("conformance-slow", [{"wait_seconds": 0.01}]),
    ],
)
def test_packs_without_items_pass(tmp_path, conformance, pack, actions):
    results = graded(tmp_path, conformance.env(pack), pack, {}, actions)
    for check in GRADED:
        assert results[check].status is CheckStatus.PASS, results[check]


def test_the_package_itself_passes(tmp_path, server):
    # Only the network of a container cannot be measured here.
    for path in ["openenv.yaml", "Dockerfile", "deploy/runtime.json"]:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    provider = Provider(server.url)
    provider.supported_network_modes = frozenset({"no-network"})
    report = run_validation(tmp_path, max_level=Level.RUNTIME, policy=load_policy("v2"), provider=provider)
    results = {result.check_id: result for result in report.results}
    assert report.report_schema_version == "2" and report.manifest.execution.probe_path == "deploy/runtime.json"
    for check in GRADED:
        assert results[check].status is CheckStatus.PASS, results[check]


def audit(*args):
    result = subprocess.run([BINARY, "audit", *map(str, args), "--format", "json"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode in (0, 1), result.stderr
    jsonschema.validate(json.loads(result.stdout), json.loads((SCHEMAS / "report-v2.schema.json").read_text()))
    report = ValidationReportV2.model_validate_json(result.stdout)
    # The stock policy comes to the same verdict.
    assert apply_policy(report.results, load_policy(report.policy_version), report.lane) is report.verdict
    return {result.check_id: result for result in report.results}


def test_the_stock_package_reads_our_report_and_agrees(tmp_path, server):
    task, pack = "email-triage-easy", "email-ops"
    stock = graded(tmp_path, server.env(pack), pack, {"task_id": task}, oracle(pack, task, 7)["actions"])
    ours = audit(server.env(pack), "--plan", tmp_path / "validation/runtime.json")
    assert len(ours) == 41
    both = [check for check in GRADED if check != "static.manifest"]
    assert {check: ours[check].status for check in both} == {check: stock[check].status for check in both}


def test_the_stock_package_reads_our_report_of_a_pack():
    results = audit("scenarios/email-triage", "--level", "semantic,static", "--seeds", "0..0")
    assert results["semantic.oracle_max"].status is CheckStatus.PASS
    results = audit("scenarios/email-triage", "--level", "semantic,statistical", "--seeds", "0..0")
    assert results["statistical.reward_reachability"].status is CheckStatus.PASS


def close_to(value, full):
    return value == pytest.approx(full, abs=1e-9)


def sequential(values):
    """The last of some values up to the first that is 0."""
    return next((value for value in values if close_to(value, 0)), values[-1] if values else 0)


COMBINED = {
    "add": sum,
    "mean": lambda values: sum(values) / len(values) if values else 0,
    "min": lambda values: min(values, default=0),
    "product": math.prod,
    "sequential": sequential,
    "all": lambda values: float(all(value > 1 or close_to(value, 1) for value in values)),
}


class Part(Rubric):
    """A node of a score's tree as a rubric of the stock package: its children by name, by their place where they have none.

    A grader has its value; what is made of others is computed from them. What has nothing to grade, or does not count, has none."""

    def __init__(self, part):
        super().__init__()
        self.part = part
        for at, child in enumerate(part.get("parts", [])):
            setattr(self, child.get("name", str(at)), Part(child))

    def forward(self, action, observation):
        values = [(child.part.get("weight"), child(action, observation)) for child in self.children()]
        counted = [value for _, value in values if value is not None]
        times = self.part.get("times", 1)
        match self.part["grader"]:
            case _ if self.part["value"] is None:
                return None
            case "weighted_sum":
                return times * sum(weight * value for weight, value in values if value is not None)
            case "gate":
                # Without a value, what is behind the gate does not count.
                return times * (values[1][1] or 0)
            case kind if kind in COMBINED:
                return times * COMBINED[kind](counted)
            case _:
                return self.part["value"]


EXPLAINED = [
    ("email-ops", "email-triage-hard", {"1.correctness", "1.completeness", "1.replies", "1.flawless.0", "1.penalty"}),
    ("email-triage", "email-triage-full", set()),
    ("support-desk", "desk-cases-5", set()),
    ("claims", "claims-cases-5", set()),
    ("alert-queue", "alerts-early", set()),
    ("alert-queue", "alerts-shift-train/1", set()),
    ("content-review", "review-context", set()),
]


@pytest.mark.parametrize("policy", ["oracle", "random"])
@pytest.mark.parametrize(("pack", "task", "names"), EXPLAINED)
def test_the_parts_of_a_score_are_a_rubric_of_the_stock_package(server, pack, task, names, policy):
    with GenericEnvClient(base_url=server.env(pack)).sync() as env:
        result = env.reset(task_id=task, seed=7)
        for action in run(pack, "--task", task, "--policy", policy, "--seed", 7)[0]["actions"]:
            result = env.step(action)
    assert result.done
    score = Part(result.metadata["breakdown"]["score_tree"])
    seen = []
    for part in [score, *score.rubrics()]:
        part.register_forward_hook(lambda part, action, observation, value: seen.append(part))
    # What the package computes of the parts is the score, and the value of every node.
    total = score(None, result.observation)
    # Some rubrics round it to four places.
    assert min(max(total, 0), 1) == pytest.approx(result.metadata["score"], abs=6e-5)
    listed = dict(score.named_rubrics())
    assert names <= set(listed) and len(listed) == len(list(score.rubrics())) > 2
    assert len(seen) == len(listed) + 1
    for path, part in listed.items():
        assert score.get_rubric(path) is part
        assert part.last_score == (None if part.part["value"] is None else pytest.approx(part.part["value"])), path
    # What the outermost parts add, as far as sums reach, is the score.
    assert added(score) == pytest.approx(total)


def added(part):
    """What a node adds: the sum of what its parts add, or where it is no sum what it adds itself."""
    parts = [child for child in part.children() if child.part["adds"] is not None]
    return sum(map(added, parts)) if parts else part.part["adds"] or 0


def test_the_bill_of_materials_fits_its_schema(tmp_path):
    bill = tmp_path / "sbom.cdx.json"
    result = subprocess.run([BINARY, "audit", "scenarios/email-ops", "--only", "static.sbom", "--sbom", bill], cwd=ROOT, capture_output=True, text=True)
    text = bill.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None, result.stderr
    components = json.loads(text)["components"]
    own = [one for one in components if one["name"].startswith("casebook")]
    assert all("licenses" in one for one in components if one not in own), [one["name"] for one in components if "licenses" not in one]
    assert all("hashes" in one for one in components if one not in own)
