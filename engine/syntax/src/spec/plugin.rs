//! Plugins, as an environment declares them.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Kind, rubric};

/// A plugin: code for what YAML cannot express.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSpec {
    /// Its WebAssembly module, a `.wasm` file of the pack, relative to this file's folder; with `process`, the
    /// program, below a folder `plugins`.
    #[schemars(example = &"plugins/pii_leak.wasm")]
    pub file: String,
    /// The accepted versions: `1.2`, `>=1.2, <3` or `=1.2.3`.
    pub version: String,
    /// The SHA-256 of the file, in hex, or of all files of a process; `casebook plugin lock` writes it.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// The limits of one call.
    #[serde(default)]
    pub limits: PluginLimits,
    /// Runs the file as a process, which needs `--allow-process-plugins`.
    pub process: Option<ProcessSpec>,
}

/// A plugin that is a program: its command and its limits.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessSpec {
    /// The command that runs the file, with its arguments; default: the file itself. A command without `/` is
    /// looked up on Casebook's path.
    pub command: Vec<String>,
    /// Other files that it needs, in the folder of its file or below.
    pub files: Vec<String>,
    /// A file with the plugin's description, so that the pack can be checked without running it.
    pub description: Option<String>,
    /// Its environment variables; it gets no others.
    pub env: IndexMap<String, String>,
    /// Variables that it gets from Casebook's own environment, if set.
    pub pass_env: Vec<String>,
    /// The maximum number of processes, and of calls at the same time.
    #[schemars(range(min = 1, max = 64))]
    pub processes: u32,
    /// The time limit of a call, in seconds.
    #[schemars(range(min = 0.01, max = 600.0))]
    pub seconds: f64,
    /// The time limit to start and to describe itself, in seconds.
    #[schemars(range(min = 0.01, max = 600.0))]
    pub start_seconds: f64,
    /// The memory limit of a process, in MiB; on Linux.
    #[schemars(range(min = 16, max = 1_048_576))]
    pub memory_mib: u32,
    /// The size limit of a file that it writes, in MiB; on Linux.
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

/// The limits of one call of a plugin; exceeding them is an error of the episode.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// Units of work, about one per instruction.
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

/// Adds to the schemas of documents what plugins declare about their parameters, so that editors complete them. An offer is known
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
