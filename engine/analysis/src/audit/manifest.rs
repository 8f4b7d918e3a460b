//! What `openenv.yaml` declares, in the normal form that reports hold.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The greatest tolerance of the oracle that the policy lets a package declare.
pub(super) const MAX_ORACLE_TOLERANCE: f64 = 0.1;
/// The least distance of the floor from the maximum.
pub(super) const MIN_FLOOR_MARGIN: f64 = 0.1;
/// The greatest variance of a score.
pub(super) const MAX_VARIANCE_TOLERANCE: f64 = 0.2;
/// The longest episode, in seconds.
pub(super) const MAX_EPISODE_TIMEOUT: f64 = 3600.0;

/// The declarations of a package.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// What is declared for validation.
    pub validation: Validation,
}

/// The block `validation`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// What rewards are like.
    pub reward: Reward,
    /// The judge that is a language model.
    #[serde(default)]
    pub judge: Option<Judge>,
    /// What the package needs.
    pub resources: Resources,
    /// Which tasks it was written for.
    #[serde(default)]
    pub task_distribution: Option<TaskDistribution>,
    /// Whom it talks to.
    #[serde(default)]
    pub network: Network,
    /// What it can do.
    pub capabilities: Capabilities,
    /// What it is about.
    pub types: Types,
    /// How a validator starts and drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<Execution>,
}

/// What rewards are like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reward {
    /// The least and the greatest reward of a step.
    #[serde(default = "unit")]
    pub range: (f64, f64),
    /// How far the oracle may be from the maximum.
    #[serde(default)]
    pub oracle_tolerance: f64,
    /// How far an agent that does nothing must be from the maximum.
    pub floor_margin: f64,
    /// How far the score of the same end may vary.
    #[serde(default)]
    pub variance_tolerance: Option<f64>,
}

/// A judge that is a language model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The model.
    pub model: String,
    /// Its version.
    pub version: String,
    /// What it is asked with.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// What the package needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Processors.
    pub cpu: f64,
    /// Memory, in mebibytes.
    pub memory_mb: u64,
    /// Disk, in mebibytes.
    pub disk_mb: u64,
    /// How long an episode may take, in seconds.
    pub episode_timeout_s: f64,
    /// Graphics processors.
    #[serde(default)]
    pub gpus: u64,
    /// Which ones.
    #[serde(default)]
    pub gpu_types: Vec<String>,
}

/// Which tasks the package was written for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskDistribution {
    /// The seed that tasks were generated from.
    #[serde(default)]
    pub generator_seed: Option<i64>,
    /// The version, or the digest, of the tasks.
    #[serde(default)]
    pub dataset_version: Option<String>,
    /// The model that generated them.
    #[serde(default)]
    pub generator_model: Option<String>,
}

/// Whom the package talks to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Everybody, nobody or those listed.
    #[serde(default)]
    pub mode: NetworkMode,
    /// Those listed.
    #[serde(default)]
    pub allowed_hosts: Vec<String>,
}

/// Whom a package may talk to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Everybody.
    #[default]
    Public,
    /// Nobody.
    NoNetwork,
    /// Those listed.
    Allowlist,
}

/// What the package can do.
#[expect(clippy::struct_excessive_bools, reason = "the stock manifest has them")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// How it shows its greatest reward.
    #[serde(default)]
    pub oracle: Option<Oracle>,
    /// How a state is scored.
    pub verifier: Verifier,
    /// Whether a reset takes a state.
    #[serde(default)]
    pub set_state: bool,
    /// Whether a language model takes part in scoring.
    #[serde(default)]
    pub llm_judged: bool,
    /// Whether scores have named parts.
    #[serde(default)]
    pub rubric_tree: bool,
    /// Whether it lists its tasks.
    #[serde(default)]
    pub task_api: bool,
    /// A folder with episodes that must score low.
    #[serde(default)]
    pub canaries: Option<String>,
    /// The tools that agents are offered.
    #[serde(default)]
    pub declared_tools: Vec<String>,
    /// How many tasks each split has.
    #[serde(default)]
    pub declared_task_count: IndexMap<String, i64>,
}

/// How a package shows its greatest reward.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oracle {
    /// By a state or a script.
    pub form: OracleForm,
    /// The file.
    pub location: String,
}

/// Forms of an oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OracleForm {
    /// A state that a reset takes.
    InjectedState,
    /// A script.
    Script,
}

/// How a state is scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verifier {
    /// By the rewards that are served, or by a script.
    pub kind: VerifierKind,
    /// The script.
    #[serde(default)]
    pub entry: Option<String>,
}

/// Kinds of verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifierKind {
    /// The rewards that are served.
    RewardChannel,
    /// A script.
    Script,
}

/// What the package is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Types {
    /// Words for it.
    pub tags: Vec<String>,
}

/// How a validator starts and drives the package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Execution {
    /// The protocol.
    pub kind: String,
    /// The file with the actions to take.
    pub probe_path: String,
    /// The recipe of the image.
    pub dockerfile: String,
    /// The folder that it is built in.
    pub context: String,
    /// What an agent has access to.
    pub agent_boundary: String,
    /// Whether it needs secrets.
    pub requires_credentials: bool,
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            kind: "openenv_ws".into(),
            probe_path: "validation/runtime.json".into(),
            dockerfile: "Dockerfile".into(),
            context: ".".into(),
            agent_boundary: "api".into(),
            requires_credentials: false,
        }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self { mode: NetworkMode::Public, allowed_hosts: Vec::new() }
    }
}

const fn unit() -> (f64, f64) {
    (0.0, 1.0)
}

/// What is read of the file; it has keys that are for others.
#[derive(Deserialize)]
struct File {
    name: Option<String>,
    version: Option<String>,
    validation: Option<Validation>,
}

/// Something that is wrong with a manifest, and its line, from 1, where it is known.
pub(super) type Problem = (usize, String);

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// When it is not YAML, does not fit, or says what cannot be; the problem comes with its line.
    pub(super) fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let file: File = serde_yaml::from_str(text)
            .map_err(|error| vec![(error.location().map_or(0, |place| place.line()), reason(&error))])?;
        let mut problems = Vec::new();
        let Some(validation) = file.validation else {
            return Err(vec![(0, "there is no `validation:` block".into())]);
        };
        let mut add = |key: &str, problem: &str| problems.push((line_of(text, key), problem.to_owned()));
        let Validation { reward, judge, resources, network, capabilities, types, execution, .. } = &validation;
        if reward.range.0 >= reward.range.1 {
            add("range", "`reward.range` does not increase");
        }
        let finite = [
            reward.range.0,
            reward.range.1,
            reward.oracle_tolerance,
            reward.floor_margin,
            reward.variance_tolerance.unwrap_or_default(),
            resources.cpu,
            resources.episode_timeout_s,
        ];
        if finite.iter().any(|number| !number.is_finite()) {
            add("validation", "a number is not finite");
        }
        if reward.oracle_tolerance < 0.0
            || reward.floor_margin < 0.0
            || reward.variance_tolerance.is_some_and(|most| most < 0.0)
        {
            add("reward", "a tolerance or margin is negative");
        }
        if resources.cpu <= 0.0
            || resources.memory_mb == 0
            || resources.disk_mb == 0
            || resources.episode_timeout_s <= 0.0
        {
            add("resources", "a resource is not positive");
        }
        if !resources.gpu_types.is_empty() && resources.gpus == 0 {
            add("gpu_types", "`gpu_types` names some, and `gpus` is 0");
        }
        if (network.mode == NetworkMode::Allowlist) == network.allowed_hosts.is_empty() {
            add("network", "`allowed_hosts` belongs to `mode: allowlist`, and needs an entry there");
        }
        if (capabilities.verifier.kind == VerifierKind::Script) == capabilities.verifier.entry.is_none() {
            add("verifier", "`verifier.entry` belongs to `kind: script`, and is required there");
        }
        let by_state = capabilities.oracle.as_ref().is_some_and(|oracle| oracle.form == OracleForm::InjectedState);
        if by_state && !capabilities.set_state {
            add("oracle", "`oracle.form: injected_state` needs `set_state: true`");
        }
        if capabilities.llm_judged != judge.is_some() {
            add("capabilities", "`judge` belongs to `llm_judged: true`, and is required there");
        }
        if capabilities.llm_judged && reward.variance_tolerance.is_none() {
            add("reward", "`reward.variance_tolerance` is required with `llm_judged: true`");
        }
        if types.tags.is_empty() || types.tags.iter().any(String::is_empty) {
            add("types", "`types.tags` needs a tag, and no empty one");
        }
        if let Some(execution) = execution {
            if execution.kind != "openenv_ws" || execution.agent_boundary != "api" {
                add("execution", "`execution.kind` must be `openenv_ws` and `agent_boundary` must be `api`");
            }
            for path in [&execution.probe_path, &execution.dockerfile, &execution.context] {
                let outside = path.is_empty() || path.starts_with('/') || path.split('/').any(|part| part == "..");
                if outside || path.contains(['\\', ':', '\0']) {
                    add("execution", &format!("`{path}` is not a path within the package"));
                }
            }
        }
        let Some(name) = file.name.filter(|_| problems.is_empty()) else {
            if problems.is_empty() {
                problems.push((0, "there is no `name`".into()));
            }
            return Err(problems);
        };
        Ok(Self { name, version: file.version, validation })
    }

    /// Its normal form: all defaults written out.
    pub fn to_json(&self) -> Value {
        let version = if self.validation.execution.is_some() { "2" } else { "1" };
        let head = json!({
            "manifest_schema_version": version, "name": self.name, "version": self.version, "signature": "openenv.yaml",
        });
        let mut whole = head.as_object().cloned().unwrap_or_default();
        if let Ok(Value::Object(validation)) = serde_json::to_value(&self.validation) {
            whole.extend(validation);
        }
        whole.into()
    }
}

/// What an error says, without the place that it ends with.
fn reason(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// The line of a key, from 1; 0 where there is none.
pub(super) fn line_of(text: &str, key: &str) -> usize {
    let wanted = format!("{key}:");
    let is_within = |sign: char| sign.is_alphanumeric() || sign == '_';
    let has_key = |line: &str| {
        let code = line.split(" #").next().unwrap_or_default();
        !code.trim_start().starts_with('#')
            && code.match_indices(&wanted).any(|(at, _)| !code[..at].ends_with(is_within))
    };
    text.lines().position(has_key).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "\
name: desk
version: 1.0.0
validation:
  reward: { floor_margin: 0.5 }
  resources: { cpu: 1, memory_mb: 64, disk_mb: 64, episode_timeout_s: 60 }
  capabilities:
    verifier: { kind: reward_channel }
  types: { tags: [triage] }
";

    #[test]
    fn defaults_are_written_out() {
        let manifest = Manifest::read(WHOLE).expect("it is whole").to_json();
        assert_eq!(
            (&manifest["manifest_schema_version"], &manifest["reward"]["range"]),
            (&json!("1"), &json!([0.0, 1.0]))
        );
        assert_eq!(manifest["network"], json!({ "mode": "public", "allowed_hosts": [] }));
        let second = Manifest::read(&format!("{WHOLE}  execution: {{}}\n")).expect("it is whole").to_json();
        assert_eq!(
            (&second["manifest_schema_version"], &second["execution"]["dockerfile"]),
            (&json!("2"), &json!("Dockerfile"))
        );
    }

    #[test]
    fn problems_have_their_line() {
        let read = |from: &str, to: &str| Manifest::read(&WHOLE.replace(from, to)).expect_err(to);
        assert_eq!(
            read("floor_margin: 0.5", "floor_margin: 0.5, range: [1, 0]"),
            [(4, "`reward.range` does not increase".into())]
        );
        assert_eq!(read("memory_mb: 64", "memory_mb: 0"), [(5, "a resource is not positive".into())]);
        assert_eq!(read("    verifier: { kind: reward_channel }", "    verifier: { kind: script }").len(), 1);
        let (line, text) = &read("floor_margin", "flor_margin")[0];
        assert!(*line == 4 && text.contains("unknown field `flor_margin`"), "{line} {text}");
        assert_eq!(read("validation:", "validations:"), [(0, "there is no `validation:` block".into())]);
    }
}
