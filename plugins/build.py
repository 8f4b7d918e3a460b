"""Builds the modules of the plugins here from their sources: `build.py OUT [NAME ...]`.

Needs the compiler of PyPI's `ziglang`, at the version below, in the same Python; the same version makes the same bytes.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

COMPILER = "0.13.0"
HERE = pathlib.Path(__file__).resolve().parent
CC = [
    "-target", "wasm32-freestanding", "-mcpu=generic", "-std=c17", "-Oz", "-Wall", "-Wextra", "-Werror",
    "-Wno-unused-function", "-nostdlib", "-ffreestanding", "-fno-builtin", "-g0",
    "-Wl,--no-entry", "-Wl,--strip-all", "-Wl,-z,stack-size=8192",
]  # fmt: skip


ZIG = [
    "-target", "wasm32-freestanding", "-mcpu=generic", "-O", "ReleaseSmall", "-fno-entry", "-rdynamic", "-fstrip",
    "--stack", "8192",
]  # fmt: skip


def build(source: pathlib.Path, out: pathlib.Path) -> None:
    """Compiles a plugin, in the language that it is written in."""
    out.mkdir(parents=True, exist_ok=True)
    module = out / f"{source.name}.wasm"
    if (source / f"{source.name}.zig").exists():
        build_zig(source, out, module)
    else:
        build_c(source, out, module)


def build_c(source: pathlib.Path, out: pathlib.Path, module: pathlib.Path) -> None:
    """Writes the description as a C text, and compiles."""
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


def build_zig(source: pathlib.Path, out: pathlib.Path, module: pathlib.Path) -> None:
    """Compiles a copy, beside what it imports, and without blanks in the description."""
    with tempfile.TemporaryDirectory() as folder:
        for path in [source / f"{source.name}.zig", HERE / "sdk" / "casebook.zig"]:
            shutil.copy(path, folder)
        description = json.loads((source / "description.json").read_text())
        text = json.dumps(description, separators=(",", ":"), ensure_ascii=True)
        (pathlib.Path(folder) / "description.json").write_text(text)
        command = [sys.executable, "-m", "ziglang", "build-exe", f"{source.name}.zig", *ZIG]
        subprocess.run([*command, "-femit-bin=module.wasm"], check=True, cwd=folder)
        shutil.copy(pathlib.Path(folder) / "module.wasm", module)


def main() -> None:
    """Builds the plugins that are named, or all of them."""
    out, *names = sys.argv[1:]
    sources = [path for ending in ("c", "zig") for path in HERE.glob(f"*/*.{ending}") if path.stem == path.parent.name]
    for source in sorted(path.parent for path in sources):
        if not names or source.name in names:
            build(source, pathlib.Path(out) / source.name)


main()
