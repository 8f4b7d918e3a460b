//! What episodes of several policies say about them: means with intervals, chances of passing, decisions by rule, and pairs.
//!
//! | file | what |
//! |---|---|
//! | `statistics.rs` | means with intervals, chances of passing |

mod statistics;

use std::collections::{BTreeMap, BTreeSet};

use casebook_runtime::{
    hash::sha256,
    record::{Recording, Usage},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use statistics::count;
pub use statistics::{Cluster, Estimate, pass_all, pass_at};

/// Values that differ by less are the same.
const SAME: f64 = 1e-9;
/// How many bars a distribution has: one for each tenth, and one for those that lack nothing.
const BARS: usize = 11;

/// An episode of an evaluation.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Which of the samples of its task and seed it is, from 0.
    pub sample: usize,
    /// What was played.
    pub recording: Recording,
    /// What the agent's model used for all of it, answers that were refused included.
    pub usage: Usage,
    /// What else there is to know, such as that the agent gave up.
    pub note: Option<String>,
}

/// An episode that could not be played to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// Who played.
    pub policy: String,
    /// The environment and the task.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// Which of the samples.
    pub sample: usize,
    /// Why.
    pub reason: String,
}

/// The result of an evaluation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What was evaluated, and how.
    #[serde(default)]
    pub run: Run,
    /// The score from which on an episode passes.
    pub pass: f64,
    /// Each policy, in the order in which they were asked for.
    pub policies: Vec<PolicyResult>,
    /// Differences to the first policy, or to another run.
    pub comparisons: Vec<Comparison>,
    /// Episodes that could not be played.
    pub failed: Vec<Failed>,
    /// Every episode.
    pub episodes: Vec<EpisodeResult>,
}

/// What was evaluated, and how.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// When it began, as a moment in UTC.
    pub began: String,
    /// The version of the engine.
    pub engine: String,
    /// The packs.
    pub packs: Vec<PackVersion>,
    /// The first and the last seed.
    pub seeds: (u64, u64),
    /// How often models and programs played each task and seed.
    pub samples: u64,
    /// How models were asked; none where none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<ModelSettings>,
}

/// A version of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackVersion {
    /// Its name.
    pub name: String,
    /// The author's version.
    pub version: String,
    /// The digest.
    pub digest: String,
}

/// How models were asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// The endpoint.
    pub endpoint: String,
    /// How they acted: `json` or `tools`.
    pub act: String,
    /// The temperature; none where they had their own.
    pub temperature: Option<f64>,
    /// The greatest number of tokens of an answer; none where they had their own.
    pub max_tokens: Option<u32>,
    /// SHA-256, in hex, of the text before the instructions.
    pub prompt: Option<String>,
}

/// One episode in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeResult {
    /// Who played.
    pub policy: String,
    /// The environment.
    pub environment: String,
    /// The pack's digest.
    pub digest: String,
    /// The task.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// The beginning of the SHA-256, in hex, of the first observation: episodes of one task that begin with the same one are
    /// draws of the same thing, regardless of their seeds.
    #[serde(default)]
    pub prompt: String,
    /// Which of the samples of its task and seed.
    pub sample: usize,
    /// The score.
    pub score: f64,
    /// The sum of the rewards.
    pub reward: f64,
    /// The steps.
    pub steps: usize,
    /// Whether it reached its end.
    pub done: bool,
    /// What else there is to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What the episodes of one policy say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyResult {
    /// Its name.
    pub policy: String,
    /// Its episodes.
    pub episodes: usize,
    /// The prompts: what agents see first. Episodes of one task and prompt belong together.
    pub clusters: usize,
    /// The episodes that ended as they stood, for too many answers in a row were refused.
    #[serde(default)]
    pub given_up: usize,
    /// The mean score.
    pub score: Estimate,
    /// The mean of the summed rewards.
    pub reward: f64,
    /// The mean number of steps.
    pub steps: f64,
    /// The share of episodes that pass.
    pub passed: f64,
    /// pass@k for each k up to the number of episodes that every prompt has: the chance that at least one of k passes.
    pub pass_at: Vec<f64>,
    /// pass^k: the chance that all of k pass.
    pub pass_all: Vec<f64>,
    /// Each task, the tasks of a family together.
    pub tasks: Vec<TaskResult>,
    /// The mean of each component of the rewards and named node of the score, as `regrade` names them.
    pub components: Vec<(String, f64)>,
    /// How often decisions were right, by the rule that says what is right.
    pub rules: Vec<RuleResult>,
    /// Pairs of what was right and what was decided.
    pub decisions: Vec<Decided>,
    /// How many episodes have a score in each tenth of 0 to 1, and last, how many have 1.
    pub distribution: Vec<usize>,
    /// Tokens that models read and wrote, and what that cost.
    pub input_tokens: u64,
    /// Tokens that they wrote.
    pub output_tokens: u64,
    /// What that cost, where it is known.
    pub cost: Option<f64>,
}

/// What the episodes of one policy and task say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The environment and the task, or the family.
    pub task: String,
    /// Its episodes.
    pub episodes: usize,
    /// The mean score.
    pub score: Estimate,
}

/// How often decisions of one rule were right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The environment, the decision, and the rule; none where a label or a default says what is right.
    pub rule: String,
    /// The decisions that were made.
    pub decided: usize,
    /// Those that were right.
    pub right: usize,
}

/// How often one value was decided where another, or the same, was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// The environment and the decision.
    pub field: String,
    /// What was right.
    pub right: String,
    /// What was decided.
    pub decided: String,
    /// How often.
    pub count: usize,
}

/// Two policies, or two runs of one, on the same tasks and seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The one.
    pub policy: String,
    /// What it is compared with.
    pub with: String,
    /// The tasks and prompts that both have played.
    pub pairs: usize,
    /// Whether the two were scored by different versions of a pack: then the difference may be that of the packs.
    #[serde(default)]
    pub packs_differ: bool,
    /// The mean of the differences of the scores, each the mean over samples; above 0 the first is better.
    pub difference: Estimate,
    /// Pairs in which the first is better.
    pub better: usize,
    /// Pairs in which it is worse.
    pub worse: usize,
}

impl Evaluation {
    /// Evaluates episodes; one passes that has at least the score `pass`. Every policy is compared with the first one.
    pub fn of(samples: &[Sample], failed: Vec<Failed>, pass: f64) -> Self {
        let mut policies: Vec<&str> = Vec::new();
        for sample in samples {
            if !policies.contains(&sample.recording.policy.as_str()) {
                policies.push(&sample.recording.policy);
            }
        }
        let episodes: Vec<EpisodeResult> = samples.iter().map(EpisodeResult::of).collect();
        let of = |policy: &&str| {
            let own: Vec<&Sample> = samples.iter().filter(|sample| sample.recording.policy == *policy).collect();
            PolicyResult::of(policy, &own, pass)
        };
        let mut evaluation = Self {
            run: Run::default(),
            pass,
            policies: policies.iter().filter_map(of).collect(),
            comparisons: Vec::new(),
            failed,
            episodes,
        };
        if let Some((first, others)) = policies.split_first() {
            let compare = |other: &&str| compare((other, &evaluation.episodes), (first, &evaluation.episodes), first);
            evaluation.comparisons = others.iter().filter_map(compare).collect();
        }
        evaluation
    }

    /// Compares every policy with the same one of another run, or with the only one that it has.
    ///
    /// # Errors
    ///
    /// When a run has nothing in common with this one.
    pub fn compare_with(&mut self, other: &Self, name: &str) -> Result<(), String> {
        let theirs: BTreeSet<&str> = other.policies.iter().map(|one| one.policy.as_str()).collect();
        let mut found = Vec::new();
        for PolicyResult { policy, .. } in &self.policies {
            let with = match theirs.get(policy.as_str()) {
                Some(same) => same,
                None if theirs.len() == 1 && self.policies.len() == 1 => theirs.first().copied().unwrap_or_default(),
                None => continue,
            };
            found.extend(compare((policy, &self.episodes), (with, &other.episodes), &format!("{with} of {name}")));
        }
        if found.is_empty() {
            return Err(format!(
                "{name} has no policy with a task and a first observation in common with this run, so nothing is compared"
            ));
        }
        self.comparisons.extend(found);
        Ok(())
    }

    /// The positions of the samples of a policy with the lowest scores, the worst first.
    pub fn worst(&self, policy: &str, most: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.episodes.len()).filter(|at| self.episodes[*at].policy == policy).collect();
        order.sort_by(|a, b| self.episodes[*a].score.total_cmp(&self.episodes[*b].score));
        order.truncate(most);
        order
    }
}

impl EpisodeResult {
    fn of(sample: &Sample) -> Self {
        let recording = &sample.recording;
        let then = &recording.trajectory;
        Self {
            policy: recording.policy.clone(),
            environment: recording.environment.clone(),
            digest: recording.digest.clone(),
            task: then.task.clone(),
            seed: then.seed,
            prompt: prompt(recording),
            sample: sample.sample,
            score: then.score,
            reward: then.reward(),
            steps: then.steps.len(),
            done: then.steps.last().is_some_and(|step| step.done),
            note: sample.note.clone(),
        }
    }

    /// What episodes of one cluster have in common.
    fn cluster(&self) -> (&str, &str, &str) {
        (&self.environment, &self.task, &self.prompt)
    }
}

impl PolicyResult {
    fn of(policy: &str, samples: &[&Sample], pass: f64) -> Option<Self> {
        let results: Vec<EpisodeResult> = samples.iter().map(|sample| EpisodeResult::of(sample)).collect();
        let mut clusters: BTreeMap<(&str, &str, &str), Cluster> = BTreeMap::new();
        let mut tasks: BTreeMap<String, BTreeMap<(&str, &str), Cluster>> = BTreeMap::new();
        for one in &results {
            clusters.entry(one.cluster()).or_default().push(one.score);
            let family = one.task.split_once('/').map_or(one.task.as_str(), |(family, _)| family);
            let task = tasks.entry(format!("{}/{family}", one.environment)).or_default();
            task.entry((&one.task, &one.prompt)).or_default().push(one.score);
        }
        let clusters: Vec<Cluster> = clusters.into_values().collect();
        let passes = |score: f64| score >= pass - SAME;
        // Beyond the smallest cluster the chances would be those of other prompts.
        let most = clusters.iter().map(Vec::len).min().unwrap_or_default();
        let chances = |of: fn(usize, usize, usize) -> Option<f64>| -> Vec<f64> {
            let chance = |k: usize| {
                let known = clusters
                    .iter()
                    .filter_map(|scores| of(k, scores.len(), scores.iter().filter(|score| passes(**score)).count()));
                mean(&known.collect::<Vec<f64>>())
            };
            (1..=most).map(chance).collect()
        };
        let values = |of: fn(&EpisodeResult) -> f64| mean(&results.iter().map(of).collect::<Vec<f64>>());
        let mut distribution = vec![0; BARS];
        for one in &results {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one of ten")]
            let bar = (one.score.clamp(0.0, 1.0) * count(BARS - 1) + SAME) as usize;
            distribution[bar] += 1;
        }
        let usage = || samples.iter().map(|sample| sample.usage);
        let (rules, decisions) = decided(samples);
        Some(Self {
            policy: policy.to_owned(),
            episodes: samples.len(),
            clusters: clusters.len(),
            given_up: samples.iter().filter(|sample| sample.note.is_some()).count(),
            score: Estimate::of(&clusters)?,
            reward: values(|one| one.reward),
            steps: values(|one| count(one.steps)),
            passed: mean(&results.iter().map(|one| f64::from(u8::from(passes(one.score)))).collect::<Vec<f64>>()),
            pass_at: chances(pass_at),
            pass_all: chances(pass_all),
            tasks: tasks
                .into_iter()
                .filter_map(|(task, clusters)| {
                    let clusters: Vec<Cluster> = clusters.into_values().collect();
                    let episodes = clusters.iter().map(Vec::len).sum();
                    Some(TaskResult { task, episodes, score: Estimate::of(&clusters)? })
                })
                .collect(),
            components: components(samples),
            rules,
            decisions,
            distribution,
            input_tokens: usage().filter_map(|one| one.input_tokens).sum(),
            output_tokens: usage().filter_map(|one| one.output_tokens).sum(),
            cost: usage().filter_map(|one| one.cost).reduce(|a, b| a + b),
        })
    }
}

/// Compares two policies on what both have played.
fn compare(
    (policy, ours): (&str, &[EpisodeResult]),
    (with, theirs): (&str, &[EpisodeResult]),
    name: &str,
) -> Option<Comparison> {
    type Means<'a> = BTreeMap<(&'a str, &'a str, &'a str), (f64, &'a str)>;
    fn means<'a>(policy: &str, episodes: &'a [EpisodeResult]) -> Means<'a> {
        let mut clusters: BTreeMap<(&str, &str, &str), (Cluster, &str)> = BTreeMap::new();
        for one in episodes.iter().filter(|one| one.policy == policy) {
            clusters.entry(one.cluster()).or_insert_with(|| (Cluster::new(), &one.digest)).0.push(one.score);
        }
        clusters.into_iter().map(|(cluster, (scores, digest))| (cluster, (mean(&scores), digest))).collect()
    }
    let theirs = means(with, theirs);
    let (mut differences, mut packs_differ) = (Vec::new(), false);
    for (cluster, (mean, digest)) in means(policy, ours) {
        let Some((other, other_digest)) = theirs.get(&cluster) else { continue };
        differences.push(mean - other);
        packs_differ |= digest != *other_digest;
    }
    let clusters: Vec<Cluster> = differences.iter().map(|one| vec![*one]).collect();
    Some(Comparison {
        policy: policy.to_owned(),
        with: name.to_owned(),
        pairs: differences.len(),
        packs_differ,
        difference: Estimate::of(&clusters)?,
        better: differences.iter().filter(|one| **one > SAME).count(),
        worse: differences.iter().filter(|one| **one < -SAME).count(),
    })
}

/// What distinguishes the prompt of an episode from others of its task; the seed where no observation was kept.
fn prompt(recording: &Recording) -> String {
    let first = recording.details.as_ref().and_then(|details| details.observations.first());
    match first {
        Some(first) => sha256(first.to_string().as_bytes())[..16].to_owned(),
        None => format!("seed {}", recording.trajectory.seed),
    }
}

/// The mean of each named part over the episodes that have it.
fn components(samples: &[&Sample]) -> Vec<(String, f64)> {
    let mut all: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for sample in samples {
        let then = &sample.recording.trajectory;
        let mut own: BTreeMap<String, f64> = BTreeMap::new();
        let told = then.steps.iter().filter_map(|step| step.breakdown.as_deref());
        for (name, value) in told.flat_map(|told| told.components.iter()) {
            *own.entry(format!("reward.{name}")).or_default() += value;
        }
        for share in then.score_tree().map(casebook_runtime::episode::ScorePart::shares).unwrap_or_default() {
            let kind = if share.is_condition { "condition" } else { "score" };
            own.insert(format!("{kind}.{}", &*share.name), share.value);
        }
        own.into_iter().for_each(|(name, value)| all.entry(name).or_default().push(value));
    }
    all.into_iter().map(|(name, values)| (name, mean(&values))).collect()
}

/// How often the last decision about each item was right, by rule, and what was decided instead.
fn decided(samples: &[&Sample]) -> (Vec<RuleResult>, Vec<Decided>) {
    let mut rules: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut pairs: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for sample in samples {
        let environment = &sample.recording.environment;
        let told = sample.recording.trajectory.steps.iter().filter_map(|step| step.breakdown.as_deref());
        let mut last = BTreeMap::new();
        for judged in told.flat_map(|told| &told.decisions) {
            last.insert((judged.right.item.as_str(), judged.right.field.as_str()), judged);
        }
        for ((_, field), judged) in last {
            if judged.right.expected.is_null() {
                continue;
            }
            let rule = judged.right.rule.as_deref().unwrap_or("(label or default)");
            let (all, right) = rules.entry(format!("{environment}/{field}/{rule}")).or_default();
            *all += 1;
            *right += usize::from(judged.is_right());
            let pair = (format!("{environment}/{field}"), plain(&judged.right.expected), plain(&judged.decided));
            *pairs.entry(pair).or_default() += 1;
        }
    }
    let rules = rules.into_iter().map(|(rule, (decided, right))| RuleResult { rule, decided, right });
    let pairs = pairs.into_iter().map(|((field, right, decided), count)| Decided { field, right, decided, count });
    (rules.collect(), pairs.collect())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value) / count(values.len().max(1))
}
