//! Every check of the quality bar, as OpenEnv's severity policy lists them.

use serde::Serialize;

use Level::{Runtime, Semantic, Static, Statistical};
use Severity::{Advisory, Fail, Warn};

/// The version of the severity policy whose ids, levels and severities these are.
pub const POLICY: &str = "v2";

/// A level: how much a check has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Reads files.
    Static,
    /// Talks to a server.
    Runtime,
    /// Plays episodes, and compares what they are worth.
    Semantic,
    /// Compares agents over many episodes.
    Statistical,
}

impl Level {
    /// All of them, from the cheapest to the dearest.
    pub const ALL: [Self; 4] = [Static, Runtime, Semantic, Statistical];

    /// Its name, which its checks begin with.
    pub const fn name(self) -> &'static str {
        match self {
            Static => "static",
            Runtime => "runtime",
            Semantic => "semantic",
            Statistical => "statistical",
        }
    }

    /// Its number in reports, from 1.
    pub const fn number(self) -> u8 {
        match self {
            Static => 1,
            Runtime => 2,
            Semantic => 3,
            Statistical => 4,
        }
    }
}

/// What a check that fails means for the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The verdict is `fail`.
    Fail,
    /// The verdict is `warn`.
    Warn,
    /// The same; a hint only.
    Advisory,
}

/// One check of the bar.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its id, such as `semantic.oracle_max`.
    pub id: &'static str,
    /// Its level.
    pub level: Level,
    /// What a failure means.
    pub severity: Severity,
    /// What holds when it passes.
    pub holds: &'static str,
    /// What authors do about a finding.
    pub fix: &'static str,
}

const fn check(id: &'static str, level: Level, severity: Severity, holds: &'static str, fix: &'static str) -> Check {
    Check { id, level, severity, holds, fix }
}

/// All checks, in the order of reports.
#[rustfmt::skip]
pub const BAR: &[Check] = &[
    check("static.manifest", Static, Fail, "`openenv.yaml` is valid, and its limits are within the policy's",
        "correct the `validation:` block of `openenv.yaml`"),
    check("static.reproducible_build", Static, Fail, "two builds of the image give the same image",
        "pin base images by digest, and install only locked versions"),
    check("static.image_hygiene", Static, Warn, "the image holds what it needs to run, and nothing else",
        "build in a stage of its own, copy the result, and set a `USER`"),
    check("static.layout", Static, Warn, "the image's files are plain files", "unpack archives before they are copied"),
    check("static.sbom", Static, Fail, "a bill of materials comes with the package",
        "write one: `casebook audit --sbom sbom.cdx.json`"),
    check("static.oci_labels", Static, Fail, "the image has the standard labels", "add the labels to the last stage of the Dockerfile"),
    check("static.resource_declaration", Static, Fail, "processor, memory and disk are declared",
        "declare `validation.resources` in `openenv.yaml`"),
    check("static.timeout_ceiling", Static, Fail, "an episode has a time limit, below the policy's ceiling",
        "declare `validation.resources.episode_timeout_s`, at most 3600"),
    check("static.dependency_pinning", Static, Fail, "every dependency has one version and a checksum",
        "commit the lock file, and build with it (`--locked`)"),
    check("static.task_distribution_pinning", Static, Fail, "the manifest names the tasks that it was written for",
        "put the printed digest into `validation.task_distribution.dataset_version`"),
    check("runtime.startup", Runtime, Fail, "the server starts, and reports that it is healthy", "start the server by hand and read its log"),
    check("runtime.reward_well_formed", Runtime, Fail, "every reward is a finite number in the declared range",
        "correct `validation.reward.range`, or the rubric's `reward`"),
    check("runtime.rubric_introspectable", Runtime, Warn, "the parts of a score have names and values",
        "name the rubric's nodes, and do not set `explain: never`"),
    check("runtime.observation_schema", Runtime, Fail, "observations are as `/schema` describes them", "report it: schema and observations have one source"),
    check("runtime.state_contract", Runtime, Fail, "the state has the episode's id and counts its steps", "report it: the engine counts steps"),
    check("runtime.trajectory_record", Runtime, Warn, "the server writes down what was played", "start it with `--record FILE`"),
    check("runtime.reward_attribution", Runtime, Warn, "each reward is divided among named components",
        "name the rubric's nodes, and do not set `explain: never`"),
    check("runtime.tool_declaration_accuracy", Runtime, Fail, "the tools are those that the manifest declares",
        "correct `validation.capabilities.declared_tools`"),
    check("runtime.task_declaration_accuracy", Runtime, Fail, "the splits have as many tasks as the manifest declares",
        "correct `validation.capabilities.declared_task_count`"),
    check("runtime.seed_control", Runtime, Fail, "a reset plays the seed that it was given", "report it: a seed must not be dropped"),
    check("runtime.episode_determinism", Runtime, Fail, "the same seed and actions give the same answers",
        "make plugins pure functions, and compute nothing from outside"),
    check("runtime.network_policy", Runtime, Fail, "the network is as the manifest declares", "run `openenv validate .`, which starts a container"),
    check("runtime.host_containment", Runtime, Fail, "actions reach no file of the host", "replace programs by WebAssembly plugins"),
    check("runtime.resource_bounds", Runtime, Fail, "episodes end, and messages have a limit", "set `max_steps` of the task"),
    check("runtime.episode_isolation", Runtime, Fail, "episodes do not notice each other", "make plugins pure functions"),
    check("runtime.oracle_containment", Runtime, Fail, "an agent's credential reaches no right answer",
        "start the server without `--open`, which shows right answers to everybody; without it, report it"),
    check("semantic.oracle_max", Semantic, Fail, "what is right gets the maximum", "correct the rubric, the labels or the solution"),
    check("semantic.floor_gap", Semantic, Fail, "doing nothing is far below the maximum", "give no credit for what was not done"),
    check("semantic.canary_floor", Semantic, Fail, "agents without understanding stay below their ceilings",
        "balance the items, or lower what the agent gets credit for; where it should score more, correct the agent or the rubric"),
    check("semantic.no_solution_leakage", Semantic, Fail, "nothing that an agent reads holds what is right",
        "hide the field, or name items and tasks after something else"),
    check("semantic.verifier_determinism", Semantic, Fail, "the same end is always graded the same", "make graders pure functions"),
    check("semantic.verifier_portability", Semantic, Fail, "grading needs neither a network nor this machine", "replace programs by WebAssembly plugins"),
    check("semantic.resource_envelope", Semantic, Fail, "the oracle's episodes need no more than is declared",
        "raise `validation.resources`, or make items fewer"),
    check("semantic.replayability", Semantic, Fail, "a recorded episode can be played again, byte by byte", "make plugins pure functions"),
    check("statistical.reward_reachability", Statistical, Fail, "agents that are partly right score above the floor",
        "give credit for parts of a solution"),
    check("statistical.difficulty_separation", Statistical, Fail, "a better agent scores more", "make every mistake cost something"),
    check("statistical.headroom", Statistical, Warn, "agents without understanding leave room for better ones", "make tasks that need the items' content"),
    check("statistical.variance_bound", Statistical, Fail, "an agent's score varies no more than is declared", "make graders pure functions"),
    check("statistical.training_signal", Statistical, Advisory, "agents that differ get different returns",
        "give credit for parts of a solution, and let tasks differ and hints agree with what is graded"),
    check("statistical.adversarial_floor", Statistical, Fail, "agents that attack the grader score less than the oracle",
        "limit keywords (`copied`, `density`, `foreign`), and price what planted instructions ask for"),
    check("statistical.gameability_gap", Statistical, Warn, "no agent earns a higher return than one that is right", "let the reward follow the score"),
];

/// Finds a check.
pub fn find(id: &str) -> Option<&'static Check> {
    BAR.iter().find(|check| check.id == id)
}
