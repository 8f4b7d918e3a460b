"""Builds the modules of the plugins here from their sources: `build.py OUT [NAME ...]`.

Needs the compiler of PyPI's `ziglang`, at the version below, in the same Python; the same version makes the same bytes.
"""

import json
import pathlib
import subprocess
import sys

COMPILER = "0.13.0"
HERE = pathlib.Path(__file__).resolve().parent
CC = [
    "-target", "wasm32-freestanding", "-mcpu=generic", "-std=c17", "-Oz", "-Wall", "-Wextra", "-Werror",
    "-Wno-unused-function", "-nostdlib", "-ffreestanding", "-fno-builtin", "-g0",
    "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=8192",
]  # fmt: skip


def build(source: pathlib.Path, out: pathlib.Path) -> None:
    """Writes the description of a plugin as a C text, and compiles."""
    out.mkdir(parents=True, exist_ok=True)
    module = out / f"{source.name}.wasm"
    description = json.loads((source / "description.json").read_text())
    text = json.dumps(description, separators=(",", ":"), ensure_ascii=True)
    (out / "description.h").write_text(f"#define DESCRIPTION {json.dumps(text)}\n")
    subprocess.run(
        [
            sys.executable, "-m", "ziglang", "cc", *CC, f"-I{out}", f"-I{HERE / 'sdk'}",
            "-o", str(module), str(source / f"{source.name}.c"),
        ],
        check=True,
    )  # fmt: skip
    (out / "description.h").unlink()


def main() -> None:
    """Builds the plugins that are named, or all of them."""
    out, *names = sys.argv[1:]
    for source in sorted(path.parent for path in HERE.glob("*/*.c") if path.stem == path.parent.name):
        if not names or source.name in names:
            build(source, pathlib.Path(out) / source.name)


main()
