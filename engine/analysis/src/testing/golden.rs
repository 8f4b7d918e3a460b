//! The golden file of a pack: what its policies and the built-in agents score and earn, so that no number changes unseen.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use casebook_runtime::{
    episode::StepError,
    policy::{self, Policy},
    scenario::{Pack, Task},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Case, CaseKind, Failure, case, episodes};
use crate::starts::Starts;

/// The name of the file, in the folder of its pack.
pub const FILE: &str = "golden.csv";

/// The seeds with which each agent plays a task, or the first tasks of a family that it plays.
const SEEDS: u64 = 1;
/// The same for `random`, which decides otherwise with each of them.
const RANDOM_SEEDS: u64 = 4;
/// Differences that a failed case lists.
const LISTED: usize = 12;

/// A line of the file: an episode and its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// The task, of a family with its seed, such as `train/7`.
    pub task: String,
    /// The seed of the reset.
    pub seed: u64,
    /// The policy.
    pub agent: String,
    /// The score in [0, 1], to six decimals; none where an action of the agent is refused.
    pub score: Option<f64>,
    /// The sum of the rewards, to six decimals; none where an action of the agent is refused.
    #[serde(rename = "return")]
    pub total: Option<f64>,
}

impl Line {
    /// Whether it is about the same episode as `other`.
    pub fn is_about(&self, other: &Self) -> bool {
        (&self.task, self.seed, &self.agent) == (&other.task, other.seed, &other.agent)
    }
}

/// Plays every task with every policy on all cores.
///
/// # Errors
///
/// When an episode has no figures; the text says why.
pub fn lines(pack: &Arc<Pack>) -> Result<Vec<Line>, String> {
    let starts = Starts::new(pack);
    let plays: Vec<_> = plays(pack).collect();
    plays.into_par_iter().map(|(agent, task, seed)| line(&starts, &agent, (&task, seed))).collect()
}

/// Who plays, with the name of the policy.
type Agent = Arc<(Policy, String)>;

/// What is played for a file: every task with every policy.
fn plays(pack: &Arc<Pack>) -> impl Iterator<Item = (Agent, Arc<Task>, u64)> + '_ {
    let named = policy::names(pack).into_iter().filter_map(|name| Some((policy::find(pack, &name)?, name)));
    let constant = episodes::constants(pack).into_iter().filter_map(|probe| {
        let name = probe.name().to_owned();
        Some((policy::of_probe(pack, &probe)?, name))
    });
    let agents: Vec<Agent> = named.chain(constant).map(Arc::new).collect();
    pack.tasks().iter().flat_map(move |task| {
        let of = |agent: &Agent| {
            let seeds = if agent.1 == "random" { RANDOM_SEEDS } else { SEEDS };
            let agent = Arc::clone(agent);
            episodes_of(task, seeds).into_iter().map(move |(task, seed)| (Arc::clone(&agent), task, seed))
        };
        agents.iter().flat_map(of).collect::<Vec<_>>()
    })
}

/// A task with its first seeds; of a family the first tasks.
fn episodes_of(task: &Arc<Task>, seeds: u64) -> Vec<(Arc<Task>, u64)> {
    match task.family {
        Some(_) => episodes::members(task, seeds).into_iter().map(|member| (member, 0)).collect(),
        None => (0..seeds).map(|seed| (Arc::clone(task), seed)).collect(),
    }
}

fn line(
    starts: &Starts<'_>,
    (policy, agent): &(Policy, String),
    (task, seed): (&Arc<Task>, u64),
) -> Result<Line, String> {
    let played = play(starts, policy, task, seed)
        .map_err(|problem| format!("`{}` seed {seed} by `{agent}` cannot be graded: {problem}", task.name()))?;
    // Without the sign of a zero.
    let rounded = |number: f64| (number * 1e6).round() / 1e6 + 0.0;
    Ok(Line {
        task: task.name().to_owned(),
        seed,
        agent: agent.clone(),
        score: played.map(|(score, _)| rounded(score)),
        total: played.map(|(_, total)| rounded(total)),
    })
}

/// The score and the sum of the rewards of an episode; nothing where an action is refused. A grader that fails is an error.
fn play(starts: &Starts<'_>, policy: &Policy, task: &Arc<Task>, seed: u64) -> Result<Option<(f64, f64)>, String> {
    let Ok(mut episode) = starts.reset(task, seed) else { return Ok(None) };
    let mut total = 0.0;
    while !episode.done()
        && let Some(action) = policy.act(&episode)
    {
        match episode.step(&action) {
            Ok(step) => total += step.reward,
            Err(StepError::Broken(problem)) => return Err(problem),
            Err(_) => return Ok(None),
        }
    }
    let score = episode.score().map_err(|error| error.to_string())?;
    Ok(Some((score, total)))
}

/// The text of a file with some lines.
///
/// # Errors
///
/// When the lines cannot be written as CSV.
pub fn write(lines: impl IntoIterator<Item = Line>) -> Result<String, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    lines.into_iter().try_for_each(|line| writer.serialize(line))?;
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The lines of a file.
///
/// # Errors
///
/// When it is not such a file; the text says what is wrong, and where.
pub fn read(text: &str) -> Result<Vec<Line>, String> {
    let lines = csv::Reader::from_reader(text.as_bytes()).into_deserialize().collect::<Result<Vec<Line>, _>>();
    lines.map_err(|error| format!("`{FILE}` cannot be read ({error}); `casebook test --update` writes it"))
}

/// How a line differs from what is expected there, in words; nothing where it does not.
fn difference(expected: Option<&Line>, is: Option<&Line>) -> Option<String> {
    let words = |number: Option<f64>| number.map_or_else(|| "refused".to_owned(), |number| number.to_string());
    let episode = |line: &Line| format!("`{}` seed {} by `{}`", line.task, line.seed, line.agent);
    match (expected, is) {
        (Some(expected), Some(is)) if expected == is => None,
        (Some(expected), Some(is)) => {
            let change = |name: &str, from: Option<f64>, to: Option<f64>| {
                (from != to).then(|| format!("{name} {} -> {}", words(from), words(to)))
            };
            let changes = [change("score", expected.score, is.score), change("return", expected.total, is.total)];
            Some(format!("{}: {}", episode(is), changes.into_iter().flatten().collect::<Vec<_>>().join(", ")))
        }
        (None, Some(is)) => Some(format!("{}: is not in `{FILE}`", episode(is))),
        (Some(expected), None) => Some(format!("{}: is not played any more", episode(expected))),
        (None, None) => None,
    }
}

/// The differences between two files, line by line; lines are those of one episode where task, seed and agent are the same.
pub fn differences(expected: &[Line], are: &[Line]) -> Vec<String> {
    let find = |lines: &'_ [Line], one: &Line| lines.iter().position(|other| one.is_about(other));
    let changed = are.iter().filter_map(|is| difference(find(expected, is).map(|at| &expected[at]), Some(is)));
    let gone = expected.iter().filter(|one| find(are, one).is_none());
    changed.chain(gone.filter_map(|one| difference(Some(one), None))).collect()
}

/// The first difference between a file and what is played, which begins with some tasks, or families; what follows it is not played.
pub(super) fn first_difference(starts: &Starts<'_>, expected: &[Line], first: &HashSet<String>) -> Option<Failure> {
    let failure = |name: String, line: Option<&Line>| Failure {
        suite: FILE.to_owned(),
        kind: CaseKind::Golden,
        name,
        line: line.cloned(),
    };
    let mut left: HashMap<(&str, u64, &str), &Line> =
        expected.iter().map(|line| ((line.task.as_str(), line.seed, line.agent.as_str()), line)).collect();
    let mut all: Vec<(Agent, Arc<Task>, u64)> = plays(starts.pack()).collect();
    let is_first = |task: &Task| first.contains(task.member.as_ref().map_or(task.name(), |member| &*member.family));
    // An agent with a memory has to learn first.
    all.sort_by_key(|(agent, task, _)| (!is_first(task), agent.1 == "memoriser"));
    for (agent, task, seed) in &all {
        let is = match line(starts, agent, (task, *seed)) {
            Ok(is) => is,
            Err(problem) => return Some(failure(problem, None)),
        };
        let wanted = left.remove(&(task.name(), *seed, agent.1.as_str()));
        if let Some(found) = difference(wanted, Some(&is)) {
            return Some(failure(found, wanted));
        }
    }
    let line = expected.iter().find(|line| left.contains_key(&(line.task.as_str(), line.seed, line.agent.as_str())));
    difference(line, None).map(|found| failure(found, line))
}

/// Whether the episode of a line that differed in another version differs from a file as well.
pub(super) fn still_differs(starts: &Starts<'_>, expected: &[Line], of: &Line) -> bool {
    let Some(expected) = expected.iter().find(|line| line.is_about(of)) else { return false };
    let is_it = |(agent, task, seed): &(Agent, Arc<Task>, u64)| {
        agent.1 == of.agent && task.name() == of.task && *seed == of.seed
    };
    let played = plays(starts.pack()).find(is_it).map(|(agent, task, seed)| line(starts, &agent, (&task, seed)));
    // Where it is not played, or has no figures, the whole file is compared.
    matches!(played, Some(Ok(is)) if is != *expected)
}

/// Compares a file with what is played.
pub fn compare(pack: &Arc<Pack>, text: &str) -> Case {
    let mut details = match read(text) {
        Ok(expected) => match lines(pack) {
            Ok(are) => differences(&expected, &are),
            Err(problem) => vec![problem],
        },
        Err(problem) => vec![problem],
    };
    let passed = details.is_empty();
    let more = details.len().saturating_sub(LISTED);
    details.truncate(LISTED);
    details.extend((more > 0).then(|| format!("and {more} more")));
    details.extend((!passed).then(|| "if that is meant, `casebook test --update` writes the new figures".to_owned()));
    let mut case = case(FILE, CaseKind::Golden, "scores and returns", None, details, passed);
    case.path = Some(pack.folder().join(FILE));
    case
}
