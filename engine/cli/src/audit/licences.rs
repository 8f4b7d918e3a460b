//! The licences of the packages of a lock file, which Cargo knows.

use std::{path::Path, process::Command};

use casebook_analysis::audit::Licences;
use serde_json::Value;

/// Asks Cargo for the licences of a package's dependencies; it asks the registry only for what is not there.
///
/// # Errors
///
/// When there is no Cargo, or it does not know; the text says why.
pub(crate) fn of(folder: &Path) -> Result<Licences, String> {
    let manifest = folder.join("Cargo.toml");
    let ask = |more: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(["metadata", "--format-version", "1", "--locked", "--all-features", "--manifest-path"]);
        cargo.arg(&manifest).args(more);
        let output = cargo.output().map_err(|error| format!("`cargo` cannot be started: {error}"))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            let problem = String::from_utf8_lossy(&output.stderr);
            Err(format!("`cargo metadata --locked` fails: {}", problem.lines().next().unwrap_or_default().trim()))
        }
    };
    let answer = ask(&["--offline"]).or_else(|_| ask(&[]))?;
    let answer: Value = serde_json::from_slice(&answer).map_err(|error| format!("its answer is not JSON: {error}"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let packages = answer["packages"].as_array().into_iter().flatten();
    Ok(packages
        .filter_map(|one| Some(((text(&one["name"])?, text(&one["version"])?), text(&one["license"])?)))
        .collect())
}
