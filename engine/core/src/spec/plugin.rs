//! Plugins, as an environment declares them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A plugin: code for what YAML cannot say.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PluginSpec {
    /// Its WebAssembly module: a `.wasm` file of the pack, as seen from this file's own folder.
    #[schemars(example = &"plugins/pii_leak.wasm")]
    pub file: String,
    /// The versions of it that will do: `1.2`, `>=1.2, <3` or `=1.2.3`.
    pub version: String,
    /// The file's SHA-256, in hex; `casebook plugin lock` writes it.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// What one call of it may take.
    #[serde(default)]
    pub limits: PluginLimits,
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
