//! `casebook new`

use std::{
    fs,
    path::{Component, Path},
};

use casebook_syntax::{diagnostic::command, spec};

use crate::{
    args::{Format, NewArgs, Template},
    exit::Exit,
    files, output,
};

/// The name that a template's texts hold in place of the pack's.
const PLACEHOLDER: &str = "PACK-NAME";
/// The folder of the schemas, next to that of the packs.
const SCHEMAS: &str = "schemas";

macro_rules! files {
    ($folder:literal: $($file:literal),+) => {
        &[$(($file, include_str!(concat!("../templates/", $folder, "/", $file)))),+]
    };
}

const SINGLE: &[(&str, &str)] = files!(
    "single": "README.md", "environment.yaml", "inbox.yaml", "rules.yaml", "rubric.yaml", "task.yaml", "test.yaml"
);
const BATCH: &[(&str, &str)] = files!(
    "batch": "README.md", "environment.yaml", "inbox.yaml", "policy.yaml", "rubric.yaml", "task.yaml", "test.yaml"
);

const TOOLS: &[(&str, &str)] = files!(
    "tools": "README.md", "environment.yaml", "inbox.yaml", "rules.yaml", "rubric.yaml", "task.yaml", "test.yaml"
);

const ACTIONS: &[(&str, &str)] =
    files!("actions": "README.md", "environment.yaml", "rubric.yaml", "task.yaml", "test.yaml");

pub(crate) fn run(args: &NewArgs, format: Format) -> Exit {
    let name = &args.name;
    let good = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !good || name.len() > 64 {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let near: String = name.chars().map(plain).take(64).collect();
        let near = near.trim_matches(|c: char| c == '-' || c.is_ascii_digit());
        let near = Some(near).filter(|near| !near.is_empty()).map(|near| format!("; `{near}` would do"));
        output::error(format!(
            "`{name}` cannot be a name; it has 1 to 64 lower-case letters, digits and `-`, a letter first{}",
            near.unwrap_or_default()
        ));
        return Exit::Usage;
    }
    let folder = args.folder.join(name);
    if folder.exists() {
        output::error(format!("`{}` exists already; nothing was written", folder.display()));
        return Exit::Findings;
    }
    let had_schemas = has_schemas();
    let schemas = match schemas_for(&folder) {
        Ok(schemas) => schemas,
        Err(error) => return refused(&folder, &error),
    };
    let files = match args.template {
        Template::Single => SINGLE,
        Template::Batch => BATCH,
        Template::Tools => TOOLS,
        Template::Actions => ACTIONS,
    };
    let mut written = Vec::new();
    for (file, text) in files {
        let path = folder.join(file);
        let mut text = text.replace(PLACEHOLDER, name);
        if let Some(kind) = text.lines().find_map(|line| spec::Kind::find(line.strip_prefix("kind: ")?)) {
            text = format!("# yaml-language-server: $schema={schemas}/{}\n{text}", kind.schema_file());
        }
        if let Err(error) = fs::create_dir_all(&folder).and_then(|()| files::write(&path, text)) {
            return refused(&path, &error);
        }
        written.push(path.display().to_string());
    }
    if !had_schemas {
        written.push(Path::new(SCHEMAS).join("*.schema.json").display().to_string());
    }
    let pack = folder.to_string_lossy();
    let next = ["check", "test", "serve"].map(|verb| command(["casebook", verb, &pack])).join("\n      ");
    output::written(&written, &next, format);
    Exit::Success
}

fn has_schemas() -> bool {
    Path::new(SCHEMAS).join("casebook.schema.json").is_file()
}

/// The folder of the schemas as seen from the pack's; they are written where there are none yet.
fn schemas_for(folder: &Path) -> std::io::Result<String> {
    let schemas = Path::new(SCHEMAS);
    if !has_schemas() {
        fs::create_dir_all(schemas)?;
        for (name, schema) in spec::schemas() {
            files::write(&schemas.join(name), format!("{schema:#}\n"))?;
        }
    }
    let steps: Vec<Component<'_>> = folder.components().filter(|part| *part != Component::CurDir).collect();
    if steps.iter().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(format!("{}schemas", "../".repeat(steps.len())));
    }
    Ok(fs::canonicalize(schemas)?.display().to_string())
}

fn refused(path: &Path, error: &std::io::Error) -> Exit {
    output::error(format!("`{}` cannot be written: {error}", path.display()));
    Exit::Failure
}
