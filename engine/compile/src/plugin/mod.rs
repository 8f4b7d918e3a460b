//! Plugins as packs bring them along: held to what they say about themselves, and used where documents name them.

// A plugin's own examples, run twice.
mod examples;
// An offer of a plugin as a document of a pack uses it.
mod used;

use std::{path::PathBuf, sync::Arc, time::Duration};

use casebook_runtime::{
    hash::sha256,
    plugin::{Host, Limits, Offer, Operation, Plugin, Program, Refusal},
};
use casebook_syntax::{schema_error::Schema, spec::ProcessSpec};
pub use examples::{ExampleRun, run_examples};
pub(crate) use used::{Declared, Use, check_fields, check_reads, used};

/// Bytes of a MiB.
const MIB: u64 = 1024 * 1024;

/// Loads a module and reads what it says about itself; its examples are not run yet.
pub fn load(host: &dyn Host, module: &[u8], limits: Limits) -> Result<Plugin, Refusal> {
    sound(Plugin::load(host, module, limits)?)
}

/// Loads a module that keeps its word.
pub fn load_checked(host: &dyn Host, module: &[u8], limits: Limits) -> Result<Plugin, Refusal> {
    truthful(load(host, module, limits)?)
}

/// Starts a program and reads what it says about itself; its examples are not run yet.
pub fn start(host: &dyn Host, program: &Program) -> Result<Plugin, Refusal> {
    sound(Plugin::start(host, program)?)
}

/// Starts a program that keeps its word.
pub fn start_checked(host: &dyn Host, program: &Program) -> Result<Plugin, Refusal> {
    truthful(start(host, program)?)
}

/// Checks the schemas in a plugin's description of itself.
fn sound(plugin: Plugin) -> Result<Plugin, Refusal> {
    for operation in Operation::ALL {
        for offer in plugin.description.offers_of(operation) {
            let arguments = if let Offer::Tool(tool) = offer { Some(("arguments", &tool.arguments)) } else { None };
            for (what, schema) in [("parameters", offer.parameters())].into_iter().chain(arguments) {
                Schema::new(schema).map_err(|problem| {
                    let (noun, name) = (operation.noun(), offer.name());
                    Refusal::Unfit(format!("its {noun} `{name}` has {what} of a bad schema: {problem}"))
                })?;
            }
        }
    }
    Ok(plugin)
}

/// Holds a plugin to its examples, where it can be called.
fn truthful(plugin: Plugin) -> Result<Plugin, Refusal> {
    if !plugin.runs() {
        return Ok(plugin);
    }
    let failed: Vec<String> = run_examples(&plugin)
        .into_iter()
        .filter_map(|run| Some(format!("example `{}` of `{}`: {}", run.example, run.offer, run.problem?)))
        .collect();
    if failed.is_empty() { Ok(plugin) } else { Err(Refusal::Untrue(failed)) }
}

/// The program of some files, the first of which is run, with the settings of a pack.
pub fn program(
    name: &str,
    process: &ProcessSpec,
    files: Vec<(PathBuf, Arc<[u8]>)>,
    description: Option<Arc<[u8]>>,
) -> Program {
    let mut lines: Vec<String> =
        files.iter().map(|(path, bytes)| format!("{} {}", sha256(bytes), path.display())).collect();
    lines.extend(description.as_deref().map(|bytes| format!("{} description", sha256(bytes))));
    Program {
        name: name.to_owned(),
        digest: sha256(lines.join("\n").as_bytes()),
        files,
        command: process.command.clone(),
        description,
        env: process.env.clone(),
        pass_env: process.pass_env.clone(),
        processes: process.processes as usize,
        time: Duration::from_secs_f64(process.seconds),
        start: Duration::from_secs_f64(process.start_seconds),
        memory: u64::from(process.memory_mib) * MIB,
        file: u64::from(process.file_mib) * MIB,
        output: Limits::default().output,
    }
}
