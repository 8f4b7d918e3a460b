"""What can be checked of the image without a container engine."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time

import httpx
import pytest
import yaml
from conftest import BINARY, ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"


def test_openenv_yaml_says_what_the_image_does():
    manifest = yaml.safe_load((ROOT / "openenv.yaml").read_text())
    assert manifest["spec_version"] == 1 and manifest["port"] == 8000 and manifest["name"] == "casebook"
    assert "app" not in manifest, "providers would start it with uvicorn"


def test_the_dockerfile_keeps_its_promises():
    text = (ROOT / "Dockerfile").read_text()
    assert text.count("\nFROM ") == 2 and " AS build" in text
    assert "--locked" in text and "USER 65532" in text and "PORT=8000" in text and "7860" in text
    assert "/usr/local/bin/server" in text


def test_the_readme_has_the_front_matter_of_a_space():
    _, front, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    front = yaml.safe_load(front)
    assert front["sdk"] == "docker" and front["app_port"] == 8000


@pytest.mark.parametrize("name", ["casebook", "server"])
def test_it_runs_as_any_user_on_read_only_files(tmp_path, name):
    """The image's layout in a folder: binary, link, packs; no home, nothing to write to."""
    app = tmp_path / "app"
    shutil.copytree(ROOT / "scenarios", app / "scenarios")
    (tmp_path / "bin").mkdir()
    shutil.copy(BINARY, tmp_path / "bin/casebook")
    (tmp_path / "bin/server").symlink_to("casebook")
    for path in [tmp_path, *tmp_path.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o555)
    user = {"user": 65532, "group": 65532, "extra_groups": []} if os.geteuid() == 0 else {}
    for parent in tmp_path.parents:
        if str(parent).startswith("/tmp/") and user:
            parent.chmod(0o755)
    process = subprocess.Popen(
        [tmp_path / "bin" / name], cwd=app, env={"PORT": "0"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **user
    )
    try:
        first = process.stdout.readline()
        assert first.startswith("serving on http://127.0.0.1:"), process.stderr.read()
        url = first.strip().removeprefix("serving on ")
        assert httpx.get(url + "/health").json() == {"status": "healthy"}
        assert httpx.post(url + "/reset", json={}).status_code == 200
    finally:
        process.terminate()
        assert process.wait(10) == 0
        for path in [tmp_path, *tmp_path.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755)


def serve_help():
    """The flags and the variables that `serve` knows."""
    text = subprocess.run([BINARY, "serve", "--help"], capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", text, re.M))
    variables = set(re.findall(r"\[env: ([A-Z_]+)=", text))
    assert {"--port", "--tokens"} <= flags and {"PORT", "CASEBOOK_TOKENS"} <= variables, text
    return flags, variables


def manifests():
    """Every document of the Kubernetes manifests, by kind."""
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    files = sorted(path.name for path in KUBERNETES.glob("*.yaml") if path.name != "kustomization.yaml")
    assert sorted(listed) == files
    documents = [one for name in listed for one in yaml.safe_load_all((KUBERNETES / name).read_text())]
    assert len({one["kind"] for one in documents}) == len(documents)
    return {one["kind"]: one for one in documents}


def test_compose_names_what_exists():
    _, variables = serve_help()
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["casebook"]
    assert set(service["environment"]) <= variables
    assert (DEPLOY / service["build"]["context"] / "Dockerfile").is_file()
    for volume in service["volumes"]:
        assert (DEPLOY / volume.split(":")[0]).is_dir(), volume
    assert service["read_only"] and service["cap_drop"] == ["ALL"]
    assert service["stop_grace_period"] > service["environment"]["CASEBOOK_DRAIN"] + "s"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_kubernetes_manifests_agree_with_the_server_and_each_other(tmp_path):
    flags, variables = serve_help()
    kinds = manifests()
    pod = kinds["Deployment"]["spec"]["template"]
    container = pod["spec"]["containers"][0]
    assert {flag for flag in container["args"] if flag.startswith("--")} <= flags
    values = {one["name"]: one["value"] for one in container["env"]}
    assert set(values) <= variables
    (port,) = container["ports"]
    assert values["PORT"] == str(port["containerPort"]) == pod["metadata"]["annotations"]["prometheus.io/port"]
    assert int(values["CASEBOOK_DRAIN"]) < pod["spec"]["terminationGracePeriodSeconds"]
    assert kinds["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    labels = pod["metadata"]["labels"]
    assert kinds["Service"]["spec"]["selector"] == labels == kinds["Deployment"]["spec"]["selector"]["matchLabels"]
    assert kinds["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["pack"]["mountPath"] == values["CASEBOOK_PACKS"] and "subPath" not in mounts["pack"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    assert volumes["pack"]["configMap"]["name"] == kinds["ConfigMap"]["metadata"]["name"]
    scaler = kinds["HorizontalPodAutoscaler"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == kinds["Deployment"]["metadata"]["name"]
    metric = scaler["metrics"][0]["pods"]
    assert int(metric["target"]["averageValue"]) < int(values["MAX_CONCURRENT_ENVS"])

    # The map as it is mounted, served with the pod's own variables, and swapped under the running server.
    def turn(version, text):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}/pack.yaml").write_text(text)
        (tmp_path / "..tmp").symlink_to(f"..{version}")
        (tmp_path / "..tmp").rename(tmp_path / "..data")

    text = kinds["ConfigMap"]["data"]["pack.yaml"]
    turn("1", text)
    (tmp_path / "pack.yaml").symlink_to("..data/pack.yaml")
    token = "orchestrator-0123456789"
    (tmp_path / "..tokens").write_text(f"orchestrator {token}\n")
    variables = values | {
        "PORT": "0",
        "CASEBOOK_HOST": "127.0.0.1",
        "CASEBOOK_PACKS": str(tmp_path),
        "CASEBOOK_TOKENS": str(tmp_path / "..tokens"),
        "CASEBOOK_DRAIN": "1",
    }
    process, url = started([BINARY, *container["command"][1:], *container["args"]], env=variables)
    try:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert httpx.get(url + container[probe]["httpGet"]["path"]).status_code == 200
        assert httpx.get(url + pod["metadata"]["annotations"]["prometheus.io/path"]).status_code == 401
        client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"})
        assert metric["metric"]["name"] in client.get("/metrics").text
        running = client.post("/reset", json={}).json()
        turn("2", text.replace("version: 1.0.0", "version: 2.0.0"))
        until(lambda: client.get("/metadata").json()["version"] == "2.0.0")
        headers = {"x-session-id": running["metadata"]["session_id"]}
        step = client.post("/step", json={"action": "ask"}, headers=headers).json()
        assert step["metadata"]["generation"] == 1
    finally:
        process.terminate()
        assert process.wait(10) == 0


def started(command, **options):
    """Starts a server that prints its address."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    first = process.stdout.readline()
    assert first.startswith("serving on http://127.0.0.1:"), process.stderr.read()
    return process, first.strip().removeprefix("serving on ")


def until(holds):
    """Waits until something is so."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


@pytest.mark.parametrize("uvicorn", [["-m", "uvicorn"], None])
def test_uvicorn_becomes_the_server(uvicorn, tmp_path):
    """What providers run that take no other server: `uvicorn server.app:app`."""
    shutil.copytree(DEPLOY / "package", tmp_path / "package")
    (tmp_path / "casebook").symlink_to(BINARY)
    script = shutil.which("uvicorn", path=os.path.dirname(sys.executable))
    start = [sys.executable, *uvicorn] if uvicorn else [script]
    port = free_port()
    environment = {"PATH": str(tmp_path), "CASEBOOK_PACKS": str(ROOT / "scenarios"), "PYTHONDONTWRITEBYTECODE": "1"}
    process, url = started(
        [*start, "server.app:app", "--host", "127.0.0.1", "--port", port, "--workers", "1"],
        cwd=tmp_path / "package",
        env=environment | ({} if uvicorn else {"PYTHONPATH": "."}),
    )
    try:
        assert url.endswith(port)
        assert httpx.get(url + "/health").json() == {"status": "healthy"}
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_importing_the_shim_replaces_nothing():
    code = "import server.app as shim; print(shim.command(['--host', 'localhost', '--port', '9', '--reload'])[1:])"
    environment = {"CASEBOOK_BIN": "casebook", "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=DEPLOY / "package", env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout == "['serve', '--host', '127.0.0.1', '--port', '9']\n"


def test_the_package_is_what_openenv_pushes(tmp_path):
    """The folder that `openenv push` takes, through the checks and the staging of the stock command."""
    from openenv.cli._cli_utils import validate_env_structure
    from openenv.cli.commands.push import _prepare_staging_directory, _validate_openenv_directory

    out = tmp_path / "out"
    subprocess.run([DEPLOY / "space.sh", out], check=True)
    assert validate_env_structure(out) == ["Recommended directory missing: outputs/"]
    assert _validate_openenv_directory(out)[0] == "casebook"
    for file in ("server/__init__.py", "server/app.py", "engine/cli/src/main.rs", "scenarios/email-ops/rules.yaml"):
        assert (out / file).is_file()
    staged = tmp_path / "staged"
    _prepare_staging_directory(out, "casebook", staged, [".*", "__pycache__", "*.pyc", "build/", "*.egg-info"])
    text = (staged / "Dockerfile").read_text()
    assert 'CMD ["casebook"' in text
    copied = [line.split()[1:-1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line]
    missing = [name for names in copied for name in names if not (staged / name).exists()]
    assert copied and not missing
    _, front, _ = (staged / "README.md").read_text().split("---\n", 2)
    assert yaml.safe_load(front)["base_path"] == "/web"


def test_the_package_has_a_client(tmp_path):
    """Installed as AutoEnv does it, the package brings a client that is OpenEnv's own."""
    shutil.copytree(DEPLOY / "package", tmp_path / "casebook_env")
    code = "from casebook_env import CasebookEnv; from openenv import GenericEnvClient as G; assert issubclass(CasebookEnv, G)"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
