//! `casebook plugin`

mod program;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use casebook_compile::{
    check::locks,
    plugin::{ExampleRun, run_examples},
};
use casebook_runtime::plugin::{Limits, Offer, Operation, Plugin, Refusal};
use casebook_syntax::{
    diagnostic::{Fix, apply},
    source::MAX_MODULE_BYTES,
};
use serde_json::{Value, json};

use crate::{
    args::{Format, PluginAction, PluginArgs, PluginLanguage},
    exit::Exit,
    files, output, packs, plugins,
};

/// Calls over which the time of one is taken.
const CALLS: u32 = 200;
/// The name that a template's texts hold in place of the plugin's.
const PLACEHOLDER: &str = "PLUGIN_NAME";

const C: &[(&str, &str)] = &[
    ("README.md", include_str!("../templates/plugin-c/README.md")),
    ("PLUGIN_NAME.c", include_str!("../templates/plugin-c/plugin.c")),
    ("description.h", include_str!("../templates/plugin-c/description.h")),
    ("casebook.h", include_str!("../../../../plugins/sdk/casebook.h")),
];
const RUST: &[(&str, &str)] = &[
    ("README.md", include_str!("../templates/plugin-rust/README.md")),
    ("Cargo.toml", include_str!("../templates/plugin-rust/Cargo.toml.txt")),
    ("description.json", include_str!("../templates/plugin-rust/description.json")),
    ("src/lib.rs", include_str!("../templates/plugin-rust/lib.rs.txt")),
    ("src/casebook.rs", include_str!("../../../../plugins/sdk/src/casebook.rs")),
];

const PYTHON: &[(&str, &str)] = &[
    ("README.md", include_str!("../templates/plugin-python/README.md")),
    ("PLUGIN_NAME.py", include_str!("../templates/plugin-python/plugin.py")),
    ("description.json", include_str!("../templates/plugin-python/description.json")),
];

pub(crate) fn run(args: &PluginArgs, format: Format) -> Exit {
    match &args.action {
        PluginAction::New { name, lang, folder } => new(name, *lang, folder, format),
        PluginAction::Check { file, command } => check(file, command.as_deref(), format),
        PluginAction::List(args) => list(&args.packs, format),
        PluginAction::Lock(args) => lock(&args.packs, format),
    }
}

fn new(name: &str, lang: PluginLanguage, folder: &Path, format: Format) -> Exit {
    let good = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte));
    if !good || name.len() > 64 {
        output::error(format!(
            "`{name}` cannot be a name; it has lower-case letters, digits, `-` and `_`, a letter first"
        ));
        return Exit::Usage;
    }
    let folder = folder.join(name);
    if folder.exists() {
        output::error(format!("`{}` exists already; nothing was written", folder.display()));
        return Exit::Findings;
    }
    let files = match lang {
        PluginLanguage::C => C,
        PluginLanguage::Rust => RUST,
        PluginLanguage::Python => PYTHON,
    };
    let mut written = Vec::new();
    for (file, text) in files {
        let path = folder.join(file.replace(PLACEHOLDER, name));
        // Cargo names files with underscores.
        let text = text.replace(PLACEHOLDER, name).replace("PLUGIN_FILE", &name.replace('-', "_"));
        let inner = path.parent().unwrap_or(&folder);
        if let Err(error) = fs::create_dir_all(inner).and_then(|()| files::write(&path, text)) {
            return unwritable(&path, &error);
        }
        written.push(path.display().to_string());
    }
    let next = format!("see {} for how to build it", folder.join("README.md").display());
    output::written(&written, &next, format);
    Exit::Success
}

/// The description of one thing that a plugin offers.
struct Checked {
    kind: &'static str,
    name: String,
    examples: usize,
    failed: Vec<String>,
    /// None where calls have no fuel.
    fuel: Option<u64>,
    microseconds: f64,
}

fn check(file: &Path, command: Option<&str>, format: Format) -> Exit {
    if let Ok(size) = fs::metadata(file).map(|file| file.len())
        && size > MAX_MODULE_BYTES
    {
        let path = file.display();
        output::error(format!("`{path}` cannot be used: it has {size} bytes; a module may have {MAX_MODULE_BYTES}"));
        return Exit::Findings;
    }
    let bytes = match files::bytes(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            output::error(format!("`{}` cannot be read: {error}", file.display()));
            return Exit::Failure;
        }
    };
    if command.is_none() && program::is_text(file, &bytes) {
        output::error(format!(
            "`{}` is not a plugin: name a module (`.wasm`), a Python program (`.py`) or another program, with `--command` if it \
             is started by one",
            file.display()
        ));
        return Exit::Findings;
    }
    let host = plugins::host();
    let program = program::of(file, command);
    let surface = if program.is_none() { host.wasm.surface(&bytes).ok() } else { None };
    let loaded = match &program {
        None => casebook_compile::plugin::load(&*host, &bytes, Limits::default()),
        // Without its examples there is nothing to tell.
        Some(Ok(_)) if !plugins::may_start_processes() => Err(Refusal::NotAllowed),
        Some(Ok(program)) => casebook_compile::plugin::start(&*host, program),
        Some(Err(error)) => {
            output::error(error);
            return Exit::Failure;
        }
    };
    let (exports, imports) = surface.map(|one| (one.exports, one.imports)).unwrap_or_default();
    let plugin = match loaded {
        Ok(plugin) => plugin,
        Err(refusal) => {
            let problem = match refusal {
                Refusal::Unfit(problem) => problem,
                Refusal::Untrue(problems) => problems.join("; "),
                Refusal::NotAllowed => {
                    "it is a process; pass `--allow-process-plugins` where its code is trusted".into()
                }
            };
            if format == Format::Json {
                output::json(&json!({ "problem": problem, "exports": exports, "imports": imports }));
            } else {
                output::error(format!("`{}` cannot be used: {problem}", file.display()));
            }
            return Exit::Findings;
        }
    };
    let checked: Vec<Checked> = plugin.description.offers().map(|offer| measure(&plugin, offer)).collect();
    let failed = checked.iter().any(|one| !one.failed.is_empty());
    let description = &plugin.description;
    if format == Format::Json {
        let mut told = json!({
            "name": description.name, "version": description.version, "deterministic": description.deterministic,
            "digest": plugin.digest, "bytes": bytes.len(), "exports": exports, "imports": imports,
        });
        for operation in Operation::ALL {
            let noun = operation.noun();
            let offers = checked.iter().filter(|one| one.kind == noun);
            told[format!("{noun}s")] = offers.map(Checked::to_json).collect();
        }
        output::json(&told);
    } else {
        output::line(format!("{} {}: {}", description.name, description.version, description.summary));
        if let Some(Ok(program)) = &program {
            output::line(format!("  a process: {}", program::words(program)));
        } else {
            output::line(format!("  {} bytes, sha256 {}", bytes.len(), plugin.digest));
            output::line(format!("  exports {}; imports nothing", exports.join(", ")));
        }
        for one in &checked {
            let twice = if description.deterministic { ", each the same twice" } else { "" };
            let fuel = one.fuel.map(|fuel| format!("{fuel} units of fuel, ")).unwrap_or_default();
            output::line(format!(
                "  {} {}: {} of {} examples hold{twice}; {fuel}{:.1} us a call",
                one.kind,
                one.name,
                one.examples - one.failed.len(),
                one.examples,
                one.microseconds
            ));
            for problem in &one.failed {
                output::error(problem);
            }
        }
    }
    if failed { Exit::Findings } else { Exit::Success }
}

impl Checked {
    fn to_json(&self) -> Value {
        json!({
            "name": self.name, "examples": self.examples, "failed": self.failed,
            "fuel": self.fuel, "microseconds": self.microseconds,
        })
    }
}

/// Runs the examples of an offer; fuel is the most that one of them takes, time the mean of many calls of the first.
fn measure(plugin: &Plugin, offer: Offer<'_>) -> Checked {
    let of_this = |run: &ExampleRun| run.operation == offer.operation() && run.offer == offer.name();
    let runs = run_examples(plugin).into_iter().filter(of_this);
    let failed = runs.filter_map(|run| Some(format!("example `{}`: {}", run.example, run.problem?))).collect();
    let calls: Vec<String> = offer.examples().iter().map(|example| example.call(offer)).collect();
    let fuel = calls.iter().filter_map(|call| plugin.fuel_of(offer.operation(), call).ok()).max();
    let begun = Instant::now();
    for call in calls.first().into_iter().cycle().take(CALLS as usize) {
        // What it answers was looked at above.
        let _ = plugin.call(offer, call);
    }
    let microseconds = begun.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS);
    let kind = offer.operation().noun();
    Checked { kind, name: offer.name().to_owned(), examples: calls.len(), failed, fuel, microseconds }
}

fn list(roots: &[PathBuf], format: Format) -> Exit {
    let loaded = match packs::load_sound(roots, format) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let all = || loaded.catalog.packs().iter().flat_map(|pack| pack.plugins().iter().map(move |plugin| (pack, plugin)));
    if format == Format::Json {
        let plugins: Vec<Value> =
            all().map(|(pack, plugin)| json!({ "pack": pack.name(), "plugin": plugin.outline() })).collect();
        output::json(&json!({ "plugins": plugins }));
        return loaded.exit(Exit::Success);
    }
    for (pack, plugin) in all() {
        let description = &plugin.description;
        let kinds = Operation::ALL.into_iter().filter_map(|operation| {
            let names: Vec<&str> = description.offers_of(operation).iter().map(|offer| offer.name()).collect();
            let noun = operation.noun();
            (!names.is_empty())
                .then(|| format!("{noun}{} {}", if names.len() == 1 { "" } else { "s" }, names.join(", ")))
        });
        output::line(format!(
            "{}: {} {} ({}{}), sha256 {}",
            pack.name(),
            description.name,
            description.version,
            kinds.collect::<Vec<_>>().join("; "),
            if plugin.records() { "; a process" } else { "" },
            plugin.digest
        ));
    }
    if all().next().is_none() {
        output::line("no pack has a plugin");
    }
    loaded.exit(Exit::Success)
}

fn lock(roots: &[PathBuf], format: Format) -> Exit {
    let locks = match packs::sources(roots, format) {
        Ok(sources) => locks(&sources),
        Err(exit) => return exit,
    };
    let mut changes: BTreeMap<PathBuf, (Arc<str>, Vec<Fix>)> = BTreeMap::new();
    for lock in &locks {
        if let Some(fix) = &lock.fix {
            let (_, fixes) =
                changes.entry(lock.path.to_path_buf()).or_insert_with(|| (Arc::clone(&lock.text), Vec::new()));
            fixes.push(fix.clone());
        }
    }
    for (path, (text, mut fixes)) in changes {
        fixes.sort_by_key(|fix| fix.start);
        if let Err(error) = files::write(&path, apply(&text, &fixes)) {
            return unwritable(&path, &error);
        }
    }
    if format == Format::Json {
        let locked: Vec<Value> = locks
            .iter()
            .map(|lock| json!({ "plugin": lock.plugin, "digest": lock.digest, "changed": lock.fix.is_some() }))
            .collect();
        output::json(&json!({ "locked": locked }));
        return Exit::Success;
    }
    for lock in &locks {
        let word = if lock.fix.is_some() { "locked" } else { "unchanged" };
        output::line(format!("{word} {} in {}", lock.plugin, lock.path.display()));
    }
    if locks.is_empty() {
        output::line("no pack has a plugin");
    }
    Exit::Success
}

fn unwritable(path: &Path, error: &std::io::Error) -> Exit {
    output::error(format!("`{}` cannot be written: {error}", path.display()));
    Exit::Failure
}
