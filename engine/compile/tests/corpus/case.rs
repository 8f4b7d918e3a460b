//! One case in one file: the input, `--- expect`, and what the input gives.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use libtest_mimic::{Failed, Trial};
use similar::TextDiff;

/// The line between the input and the expectation.
const MARK: &str = "--- expect\n";

/// Returns what the input of a case gives, or what is wrong with it beyond that; the name is the file's.
pub(crate) type Run = fn(name: &str, input: &str) -> Result<String, Failed>;

/// The cases of a folder, each as a test.
pub(crate) fn trials(tests: &Path, folder: &str, run: Run) -> Vec<Trial> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(tests.join(folder)).expect("the cases").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "`{folder}` has no cases");
    let trial = |path: PathBuf| {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        Trial::test(format!("{folder}::{name}"), move || check(&path, run))
    };
    paths.into_iter().map(trial).collect()
}

fn check(path: &Path, run: Run) -> Result<(), Failed> {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    if path.extension().is_none_or(|ending| ending != "case") {
        return Err("not a case: expected a file that ends in `.case`".into());
    }
    let text = fs::read_to_string(path)?;
    let (input, expected) = match text.split_once(&format!("\n{MARK}")) {
        Some((input, expected)) => (format!("{input}\n"), Some(expected)),
        None => (text.clone(), None),
    };
    let given = run(&name, &input)?;
    if expected == Some(&given) {
        return Ok(());
    }
    if env::var_os("UPDATE_EXPECT").is_some() {
        let end = if input.ends_with('\n') { "" } else { "\n" };
        fs::write(path, format!("{input}{end}{MARK}{given}"))?;
        return Ok(());
    }
    let Some(expected) = expected else {
        return Err(format!("no line `{}`; `UPDATE_EXPECT=1` adds it with\n{given}", MARK.trim_end()).into());
    };
    let diff = TextDiff::from_lines(expected, &given);
    let diff = diff.unified_diff().header("expected", "given").to_string();
    Err(format!("{diff}\n`UPDATE_EXPECT=1` writes what is given into {}", path.display()).into())
}
