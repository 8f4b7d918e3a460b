//! The Python that the plugin `textsim` needs, which the tests make: here, and where the binary is tested.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The repository.
fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().find(|folder| folder.join("plugins/textsim").is_dir()).expect("it lies in the repository")
}

/// A folder of programs whose `python3` has what the plugin needs.
pub(crate) fn programs() -> &'static Path {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("textsim/.venv");
        let requirements = root().join("plugins/textsim/requirements.txt");
        let (wanted, stamp) =
            (fs::read_to_string(&requirements).expect("the requirements"), folder.join("made-for.txt"));
        if fs::read_to_string(&stamp).ok().as_ref() != Some(&wanted) {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder));
            let pip = ["-m", "pip", "install", "--quiet", "--requirement"];
            run(Command::new(folder.join("bin/python")).args(pip).arg(&requirements));
            fs::write(stamp, wanted).expect("the stamp");
        }
        folder.join("bin")
    })
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
