"""The stock validator's runtime graders, with our running server where it would start a container."""

import importlib.resources
import json
import shutil
import subprocess

import jsonschema
import pytest
from conftest import BINARY, ROOT, oracle
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


class Part(Rubric):
    """A part of a score as the stock package holds it: its children by name, by their place where they have none."""

    def __init__(self, part):
        super().__init__()
        self.last_score = part["value"]
        self.adds = part["adds"]
        for at, child in enumerate(part.get("parts", [])):
            setattr(self, child.get("name", str(at)), Part(child))

    def forward(self, action, observation):
        return self.last_score


@pytest.mark.parametrize(
    ("pack", "task", "names"),
    [
        ("email-triage", "email-triage-full", set()),
    ],
)
def test_the_parts_of_a_score_are_a_rubric_of_the_stock_package(server, pack, task, names):
    with GenericEnvClient(base_url=server.env(pack)).sync() as env:
        result = env.reset(task_id=task, seed=7)
        for action in oracle(pack, task, 7)["actions"]:
            result = env.step(action)
    tree = result.metadata["breakdown"]["score_tree"]
    score = Part(tree)
    listed = dict(score.named_rubrics())
    assert names <= set(listed) and len(listed) == len(list(score.rubrics())) > 2
    for path, part in listed.items():
        assert score.get_rubric(path) is part
        assert part.last_score is None or isinstance(part.last_score, float | int)
    # What the leaves add is the score.
    leaves = [part for part in score.rubrics() if not list(part.children())]
    assert sum(leaf.adds or 0 for leaf in leaves) == pytest.approx(result.metadata["score"])


def test_the_bill_of_materials_fits_its_schema(tmp_path):
    bill = tmp_path / "sbom.cdx.json"
    result = subprocess.run([BINARY, "audit", "scenarios/email-ops", "--only", "static.sbom", "--sbom", bill], cwd=ROOT, capture_output=True, text=True)
    text = bill.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str(text) is None, result.stderr
    components = json.loads(text)["components"]
    own = [one for one in components if one["name"].startswith("casebook")]
    assert all("licenses" in one for one in components if one not in own), [one["name"] for one in components if "licenses" not in one]
    assert all("hashes" in one for one in components if one not in own)
