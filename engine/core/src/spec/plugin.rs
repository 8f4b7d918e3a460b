//! Plugins, as an environment declares them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Kind, rubric};

/// A plugin: code for what YAML cannot say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSpec {
    /// Its WebAssembly module, a `.wasm` file of the pack, as seen from this file's own folder; with `process`, the file
    /// that is run, which lies below a folder `plugins`.
    #[schemars(example = &"plugins/pii_leak.wasm")]
    pub file: String,
    /// The versions of it that will do: `1.2`, `>=1.2, <3` or `=1.2.3`.
    pub version: String,
    /// The file's SHA-256, in hex, or that over all files of a process; `casebook plugin lock` writes it.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// What one call of it may take.
    #[serde(default)]
    pub limits: PluginLimits,
    /// Runs the file as a process of its own, which only `--allow-process-plugins` allows.
    pub process: Option<ProcessSpec>,
}

/// A plugin that is a program: how it is started, and what it may take.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSpec {
    /// What runs the file, with its arguments; the file itself is run when there is nothing here. A program without `/` is
    /// looked for on the path of Casebook.
    pub command: Vec<String>,
    /// Other files that it needs, in the folder of its file or below that.
    pub files: Vec<String>,
    /// A file that holds what the plugin says about itself, so that the pack can be checked without running it.
    pub description: Option<String>,
    /// Its environment, which has nothing else in it.
    pub env: IndexMap<String, String>,
    /// Variables that it gets as Casebook itself has them, where it has them.
    pub pass_env: Vec<String>,
    /// Processes at the most, so that as many calls run at one time.
    #[schemars(range(min = 1, max = 64))]
    pub processes: u32,
    /// Seconds that a call may take.
    #[schemars(range(min = 0.01, max = 600.0))]
    pub seconds: f64,
    /// Seconds that it may take to start and to describe itself.
    #[schemars(range(min = 0.01, max = 600.0))]
    pub start_seconds: f64,
    /// Memory that a process may ask for, in MiB; on Linux.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub memory_mib: u32,
    /// The largest file that it may write, in MiB; on Linux.
    #[schemars(range(min = 0, max = 1_048_576))]
    pub file_mib: u32,
}

impl Default for ProcessSpec {
    fn default() -> Self {
        Self {
            command: Vec::new(),
            files: Vec::new(),
            description: None,
            env: IndexMap::new(),
            pass_env: Vec::new(),
            processes: 1,
            seconds: 10.0,
            start_seconds: 30.0,
            memory_mib: 2048,
            file_mib: 16,
        }
    }
}

/// What one call of a plugin may take; more is an error of the episode.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Units of work; about one an instruction.
    #[schemars(range(min = 1000, max = 1_000_000_000))]
    pub fuel: u64,
    /// Its memory, in KiB.
    #[schemars(range(min = 64, max = 65_536))]
    pub memory_kib: u32,
    /// Its answer, in KiB.
    #[schemars(range(min = 1, max = 1024))]
    pub output_kib: u32,
}

impl Default for PluginLimits {
    fn default() -> Self {
        Self { fuel: 10_000_000, memory_kib: 4096, output_kib: 64 }
    }
}

/// Adds to the schemas of documents what plugins say about their parameters, so that editors complete them. An offer is told
/// by the kind of document that uses it, the plugin's name, its own, and its parameters.
pub fn with_plugins(schemas: &mut [(&'static str, Value)], offers: &[(Kind, &str, &str, &Value)]) {
    for (file, schema) in schemas {
        for (kind, places) in [
            (Kind::Rubric, rubric::plugin_graders as fn(&mut Value) -> Vec<&mut Map<String, Value>>),
            (Kind::Environment, |schema| definitions(schema, &["PluginResult", "PluginResultOverlay"])),
            (Kind::Task, |schema| definitions(schema, &["Vary", "VaryOverlay"])),
        ] {
            let offers: Vec<_> = offers.iter().filter(|(used_by, ..)| *used_by == kind).collect();
            if *file != kind.schema_file() || offers.is_empty() {
                continue;
            }
            for place in places(schema) {
                let mut names: Vec<&str> = offers.iter().map(|(_, plugin, ..)| *plugin).collect();
                names.dedup();
                place.insert("allOf".into(), offers.iter().map(|offer| choice(offer, &offers)).collect());
                place["properties"]["plugin"]["enum"] = names.into();
            }
        }
    }
}

type Offered<'a> = &'a (Kind, &'a str, &'a str, &'a Value);

/// The parameters of one offer, where it is the one that is used.
fn choice((_, plugin, offer, parameters): Offered<'_>, all: &[Offered<'_>]) -> Value {
    let alone = all.iter().filter(|(_, other, ..)| other == plugin).count() == 1;
    let required = if alone { vec!["plugin"] } else { vec!["plugin", "use"] };
    let mut parameters = (*parameters).clone();
    parameters["$id"] = format!("plugin:{plugin}/{offer}").into();
    json!({
        "if": { "properties": { "plugin": { "const": plugin }, "use": { "const": offer } }, "required": required },
        "then": { "properties": { "with": parameters } },
    })
}

fn definitions<'a>(schema: &'a mut Value, names: &[&str]) -> Vec<&'a mut Map<String, Value>> {
    let all = schema.get_mut("$defs").and_then(Value::as_object_mut).into_iter().flatten();
    all.filter(|(name, _)| names.contains(&name.as_str())).filter_map(|(_, one)| one.as_object_mut()).collect()
}
