"""What the README and the docs tell people to do works as it stands there."""

import contextlib
import io
import re
import shutil
import subprocess

import pytest
from conftest import BINARY, ROOT


def test_the_example_in_the_readme_works(server):
    block = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    assert "http://127.0.0.1:8000" in block
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(block.replace("http://127.0.0.1:8000", server.url), "README.md", "exec"), {})
    lines = said.getvalue().splitlines()
    assert len(lines) == 4 and " -> respond " in lines[0] and lines[-1].startswith("score 0."), lines


@pytest.mark.parametrize("page", ["README.md", "docs/commands.md"])
def test_the_commands_in_the_pages_work(tmp_path, page):
    """In their order, in a folder with a copy of the packs in it, as some of them write."""
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    lines = [line[2:].split("#")[0].split() for block in blocks for line in block.splitlines() if line.startswith("$ casebook ")]
    assert lines
    for line in lines:
        result = subprocess.run([BINARY, *line[1:]], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, (line, result.stdout, result.stderr)


def test_the_packs_tables_are_what_the_baseline_scores():
    table = (ROOT / "scenarios/email-ops/README.md").read_text()
    said = subprocess.run([BINARY, "baseline", "scenarios/email-ops"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in said.splitlines()[:-1]:
        task, score = line.split(": ")
        assert re.search(rf"`{task}` \|.*\| {score} \|", table), line


def test_the_rules_example_of_the_readme_is_sound_yaml():
    import yaml

    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks and all(yaml.safe_load(block)["kind"] == "Rules" for block in blocks)
