//! Packs read and compiled, with their findings shown.

use std::{path::PathBuf, sync::Arc};

use casebook_compile::check::{self, Checker, Compiled};
use casebook_runtime::{
    names::{list, nearest},
    scenario::{Catalog, Pack, Task},
};
use casebook_syntax::{
    diagnostic::Report,
    source::{self, SourceSet},
};

use crate::{args::Format, exit::Exit, formats, output, plugins};

/// Reads and compiles packs.
pub(crate) fn read(roots: &[PathBuf]) -> (SourceSet, Compiled) {
    let sources = source::read(roots);
    let compiled = compile(&sources);
    (sources, compiled)
}

/// Reads packs for a command that compiles none of them; shows what cannot be read.
///
/// # Errors
///
/// When a root gives no pack.
pub(crate) fn sources(roots: &[PathBuf], format: Format) -> Result<SourceSet, Exit> {
    let sources = source::read(roots);
    show(&check::unread(&sources), format);
    if sources.missing.is_empty() { Ok(sources) } else { Err(Exit::Findings) }
}

/// Compiles packs that were read.
pub(crate) fn compile(sources: &SourceSet) -> Compiled {
    checker().compile(sources, 1)
}

/// A checker for packs with plugins.
pub(crate) fn checker() -> Checker {
    Checker::with_plugins(Some(plugins::host()))
}

/// Reads and compiles packs that a command is going to play; shows what is wrong with them.
pub(crate) fn load(roots: &[PathBuf], format: Format) -> Result<Catalog, Exit> {
    let (_, compiled) = read(roots);
    show(&compiled.report, format);
    compiled.catalog.ok_or(Exit::Findings)
}

/// Packs that can be played, and those that cannot.
pub(crate) struct Loaded {
    /// The packs without errors, at least one.
    pub(crate) catalog: Catalog,
    /// What is wrong with the others, in a sentence each.
    pub(crate) broken: Vec<String>,
}

impl Loaded {
    /// How a command ends that has done what it could.
    pub(crate) fn exit(&self, exit: Exit) -> Exit {
        if exit == Exit::Success && !self.broken.is_empty() { Exit::Findings } else { exit }
    }
}

/// Reads and compiles packs for a command that does for each pack what can be done; shows what is wrong with the others.
///
/// # Errors
///
/// When no pack can be played.
pub(crate) fn load_sound(roots: &[PathBuf], format: Format) -> Result<Loaded, Exit> {
    let (_, compiled) = read(roots);
    let catalog = compiled.sound;
    if catalog.packs().is_empty() {
        show(&compiled.report, format);
        return Err(Exit::Findings);
    }
    let broken: Vec<String> =
        compiled.broken.iter().map(|path| format!("`{}` has errors and is left out", path.display())).collect();
    // The result is about the others.
    let errors_are_the_result = matches!(format, Format::Json | Format::Junit | Format::Sarif);
    show(&compiled.report, if errors_are_the_result && !broken.is_empty() { Format::Human } else { format });
    broken.iter().for_each(output::error);
    Ok(Loaded { catalog, broken })
}

/// Shows findings on standard error; as JSON they are the result and go to standard output.
pub(crate) fn show(report: &Report, format: Format) {
    match format {
        Format::Human | Format::Markdown | Format::Html if !report.diagnostics.is_empty() => {
            output::note(report.render(output::stderr_has_color()).trim_end());
        }
        Format::Json if report.errors() > 0 => output::json(report),
        Format::Github => output::text(formats::github::report(report)),
        Format::Junit if report.errors() > 0 => output::text(formats::junit::report(report, false)),
        Format::Sarif if report.errors() > 0 => output::json(&formats::sarif::report(report)),
        _ => {}
    }
}

/// A task with its pack.
pub(crate) type Playable<'a> = (&'a Arc<Pack>, Arc<Task>);

/// Picks tasks by name, those of families such as `train/7` among them, or all of them; says which names exist when one
/// does not.
pub(crate) fn pick<'a>(catalog: &'a Catalog, names: &[String]) -> Result<Vec<Playable<'a>>, Exit> {
    let packs = catalog.packs();
    let mut missing = false;
    for name in names.iter().filter(|name| !packs.iter().any(|pack| pack.find_task(name).is_some())) {
        let known: Vec<&str> = packs.iter().flat_map(|pack| pack.tasks().iter().map(|task| task.name())).collect();
        output::error(match packs.iter().find_map(|pack| pack.family_without(name)) {
            Some(family) => format!("there is no task `{name}`; {family}"),
            None => unknown("task", name, &known),
        });
        missing = true;
    }
    if missing {
        return Err(Exit::Usage);
    }
    let mut picked: Vec<Playable<'_>> = Vec::new();
    for pack in packs {
        let whole = pack.tasks().iter().filter(|task| names.is_empty() || names.iter().any(|name| name == task.name()));
        picked.extend(whole.map(|task| (pack, Arc::clone(task))));
        let members = names.iter().filter(|name| pack.task(name).is_none()).filter_map(|name| pack.find_task(name));
        picked.extend(members.map(|task| (pack, task)));
    }
    Ok(picked)
}

/// Says that a name does not exist, which is near, and which exist.
pub(crate) fn unknown(noun: &str, name: &str, known: &[&str]) -> String {
    let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("there is no {noun} `{name}`; {near}what exists: {}", list(known).unwrap_or_default())
}
