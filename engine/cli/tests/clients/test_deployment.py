"""What can be checked of the image without a container engine."""

import os
import shutil
import subprocess

import pytest
import yaml
from conftest import BINARY, ROOT
import httpx


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
