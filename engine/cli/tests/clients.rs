//! The stock Python clients against the real binary.
//!
//! Makes virtual environments in the target folder when there are none for these requirements yet, then runs pytest. Their
//! names are ones that `openenv validate` passes over: the links in them would otherwise fail the whole repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// Clients of both environments would slow each other down.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn run(command: &mut Command, what: &str) {
    let status =
        command.status().unwrap_or_else(|error| panic!("{what}: {error}; the client tests need python3 with venv"));
    assert!(status.success(), "{what} failed: {status}");
}

fn virtual_environment(name: &str, tests: &Path) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp is in the target folder");
    let folder = target.join(name);
    let requirements = tests.join("requirements.txt");
    let wanted = fs::read_to_string(&requirements).expect("the requirements");
    let stamp = folder.join("requirements.txt");
    let python = folder.join("bin/python");
    if fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return python;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), "making the virtual environment");
    run(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&requirements),
        "installing the clients",
    );
    fs::write(stamp, wanted).expect("the stamp");
    python
}

/// Runs the tests in a folder, but not those below it: they need other packages.
fn pytest(venv: &str, folder: &str) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let python = virtual_environment(venv, &tests);
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(&tests).arg("--ignore").arg(tests.join("other"));
    // A process a core, each with its own servers; one that has nothing left takes tests of the other.
    pytest.args(["--numprocesses", "auto", "--dist", "worksteal"]);
    pytest.env("CASEBOOK_BIN", env!("CARGO_BIN_EXE_casebook")).env("PYTHONDONTWRITEBYTECODE", "1");
    for setting in ["API_BASE_URL", "API_KEY", "HF_TOKEN", "PORT", "OPENENV_MODE"] {
        pytest.env_remove(setting);
    }
    run(&mut pytest, "pytest");
}

#[test]
fn stock_clients() {
    pytest(".venv", "clients");
}

/// The package of before 0.10, and MCP clients of the newest revision, neither of which goes with `openenv` 0.10.
#[test]
fn other_clients() {
    pytest(".venv/other", "clients/other");
}
