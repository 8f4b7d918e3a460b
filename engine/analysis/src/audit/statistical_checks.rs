//! What agents of graded strength score and earn, task by task.
//!
//! They are scripted: those that know nothing (`nothing`, `random`, one answer to everything), those that are right except
//! for one thing, the oracle, and the policies of the pack. No model takes part.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use casebook_runtime::{
    policy::{self, Policy},
    scenario::Pack,
};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::{
    hints, lints,
    report::{Finding, Outcome, Place},
    sample::{Sample, SampledEpisode},
    written::Written,
};
use crate::{starts::Starts, testing};

/// How far apart numbers may be that count as equal.
const NEAR: f64 = 1e-6;
/// The least distance of the best agent that knows nothing from the maximum.
const HEADROOM: f64 = 0.1;
/// The least difference of two scores that returns must not turn round.
const SCORES_APART: f64 = 0.2;
/// The least difference of two returns that counts, as a share of what the oracle earns.
const RETURNS_APART: f64 = 0.1;
/// Plays of the same episode by the same agent.
const REPEATS: usize = 3;
/// The agents that are right except for their texts.
const TEXTS: [&str; 2] = ["keywords", "echo"];

/// An agent, and what it got in each episode of each task; nothing where an action was refused.
struct Column {
    name: String,
    policy: Policy,
    /// By task, in the order of its episodes: score and return.
    plays: Vec<Vec<Option<(f64, f64)>>>,
}

/// What checks of this level look at.
struct Subject<'a> {
    pack: &'a Arc<Pack>,
    starts: &'a Starts<'a>,
    sample: Sample,
    /// Where the pack's documents say something.
    written: &'a Written,
    tasks: Vec<Vec<SampledEpisode>>,
    agents: Vec<Column>,
}

/// A mean with the interval that holds the true one with a probability of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mean {
    value: f64,
    /// Half of the interval's width.
    around: f64,
    count: usize,
}

type Run = fn(&Subject<'_>) -> Outcome;

const CHECKS: &[(&str, Run)] = &[
    ("statistical.reward_reachability", reachability),
    ("statistical.difficulty_separation", separation),
    ("statistical.headroom", headroom),
    ("statistical.variance_bound", variance),
    ("statistical.training_signal", signal),
    ("statistical.adversarial_floor", adversaries),
    ("statistical.gameability_gap", gap),
];

/// Runs the checks whose id is wanted, on one pack.
pub fn run(
    starts: &Starts<'_>,
    (sample, written): (Sample, &Written),
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<(&'static str, Outcome)> {
    let checks: Vec<&(&str, Run)> = CHECKS.iter().filter(|(id, _)| wanted(id)).collect();
    if checks.is_empty() {
        return Vec::new();
    }
    let begin = Instant::now();
    let subject = Subject::play(starts, (sample, written));
    // All checks read the same plays; the first one is charged for them.
    let mut playing = begin.elapsed();
    let note = format!("scripted agents only, no model; played {}", sample.words(starts.pack()));
    checks
        .into_iter()
        .map(|(id, run)| {
            let begin = Instant::now();
            let mut outcome = run(&subject);
            outcome.notes.push(note.clone());
            outcome.took = begin.elapsed() + std::mem::take(&mut playing);
            (*id, outcome)
        })
        .collect()
}

impl Mean {
    #[expect(clippy::cast_precision_loss, reason = "some hundred episodes")]
    fn of(values: &[f64]) -> Option<Self> {
        let count = values.len();
        if count == 0 {
            return None;
        }
        let value = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|one| (one - value).powi(2)).sum();
        let deviation = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        Some(Self { value, around: 1.96 * deviation / (count as f64).sqrt(), count })
    }

    fn words(self) -> String {
        format!("{:.3} \u{b1} {:.3}", self.value, self.around)
    }
}

impl<'a> Subject<'a> {
    fn play(starts: &'a Starts<'a>, (sample, written): (Sample, &'a Written)) -> Self {
        let pack = starts.pack();
        let tasks = sample.tasks(pack);
        let named = policy::names(pack).into_iter().filter_map(|name| Some((policy::find(pack, &name)?, name)));
        let constant = testing::constants(pack).into_iter().filter_map(|probe| {
            let name = probe.name().to_owned();
            Some((policy::of_probe(pack, &probe)?, name))
        });
        let agents: Vec<(Policy, String)> = named.chain(constant).collect();
        let agents = agents.into_par_iter().map(|(policy, name)| {
            let of = |one: &SampledEpisode| one.play(starts, &policy).ok();
            let plays = tasks.par_iter().map(|episodes| episodes.iter().map(of).collect()).collect();
            Column { name, policy, plays }
        });
        let agents = agents.collect();
        Self { pack, starts, sample, written, tasks, agents }
    }

    /// The place of a task, of a family as a whole.
    fn place(&self, at: usize) -> Place {
        let task = self.tasks[at].first().map(|one| &one.task);
        let name = task.map(|task| task.member.as_ref().map_or(task.name.as_str(), |member| &member.family));
        Place::task(self.pack.name(), name.unwrap_or_default())
    }

    /// The same at the line where its score begins.
    fn scored(&self, at: usize) -> Place {
        let task = self.tasks[at].first().map(|one| &one.task);
        task.map_or_else(|| self.place(at), |task| self.place(at).scored_by(&task.rubric))
    }

    /// The same at the line where its rewards begin.
    fn paid(&self, at: usize) -> Place {
        let task = self.tasks[at].first().map(|one| &one.task);
        task.map_or_else(|| self.place(at), |task| self.place(at).paid_by(&task.rubric))
    }

    fn agent(&self, name: &str) -> Option<&Column> {
        self.agents.iter().find(|agent| agent.name == name)
    }

    /// Those that know nothing about the items.
    fn blind(&self) -> impl Iterator<Item = &Column> {
        let is_blind = |name: &str| name == "nothing" || name == "random" || name.starts_with("always(");
        self.agents.iter().filter(move |agent| is_blind(&agent.name) && !self.pack.policies.contains_key(&agent.name))
    }

    /// The tasks of which episodes were played.
    fn played(&self) -> impl Iterator<Item = usize> {
        self.tasks.iter().enumerate().filter(|(_, episodes)| !episodes.is_empty()).map(|(at, _)| at)
    }

    fn figures(&self) -> Map<String, Value> {
        let figure = |agent: &Column| {
            let of = |at: usize| {
                let (score, total) = (agent.score(at)?, agent.total(at)?);
                let task = self.place(at).task.unwrap_or_default();
                Some((
                    task,
                    json!({
                        "score": score.value, "interval": [score.value - score.around, score.value + score.around],
                        "return": total.value, "episodes": score.count,
                    }),
                ))
            };
            (agent.name.clone(), Value::Object(self.played().filter_map(of).collect()))
        };
        self.agents.iter().map(figure).collect()
    }
}

impl Column {
    fn values(&self, task: usize, part: fn(&(f64, f64)) -> f64) -> Vec<f64> {
        self.plays[task].iter().flatten().map(part).collect()
    }

    fn score(&self, task: usize) -> Option<Mean> {
        Mean::of(&self.values(task, |(score, _)| *score))
    }

    fn total(&self, task: usize) -> Option<Mean> {
        Mean::of(&self.values(task, |(_, total)| *total))
    }
}

fn reachability(subject: &Subject<'_>) -> Outcome {
    let findings = subject.played().filter_map(|task| {
        let floor = subject.agent("nothing").and_then(|agent| agent.score(task)).map_or(0.0, |mean| mean.value);
        let best =
            subject.agents.iter().filter_map(|agent| agent.score(task)).map(|mean| mean.value).fold(floor, f64::max);
        (best <= floor + NEAR).then(|| {
            Finding::new(
                subject.scored(task),
                format!("no agent scores more than {floor:.3}, what doing nothing scores"),
            )
        })
    });
    let findings: Vec<Finding> = findings.collect();
    Outcome::default().with(findings).measured(subject.pack.name(), subject.figures())
}

fn separation(subject: &Subject<'_>) -> Outcome {
    let mut findings = Vec::new();
    let Some(oracle) = subject.agent("oracle") else { return Outcome::skip("there is no oracle") };
    for task in subject.played() {
        let Some(best) = oracle.score(task) else { continue };
        for agent in subject.agents.iter().filter(|agent| ["random", "nothing"].contains(&agent.name.as_str())) {
            if let Some(mean) = agent.score(task).filter(|mean| mean.value >= best.value - NEAR) {
                let text = format!("`{}` scores {}, the oracle {}", agent.name, mean.words(), best.words());
                findings.push(Finding::new(subject.scored(task), text).expected("less than the oracle"));
            }
        }
        // A policy of the pack may have the name.
        let slip = subject.agent("oracle_minus_one").filter(|agent| !subject.pack.policies.contains_key(&agent.name));
        let pairs = slip.iter().flat_map(|slip| slip.plays[task].iter().zip(&oracle.plays[task]).enumerate());
        let free = pairs.filter_map(|(at, (with, without))| Some((at, with.as_ref()?.0, without.as_ref()?.0)));
        let free: Vec<(usize, f64)> =
            free.filter(|(_, with, without)| *with >= without - NEAR).map(|(at, with, _)| (at, with)).collect();
        if let Some((at, score)) = free.first() {
            let one = &subject.tasks[task][*at];
            let text = format!(
                "a wrong decision about the first item costs nothing: {score:.4} ({} of {} episodes)",
                free.len(),
                subject.tasks[task].len()
            );
            let place = one.place(subject.pack).scored_by(&one.task.rubric);
            findings.push(Finding::new(place, text).expected("less than without it"));
        }
    }
    Outcome::default().with(findings)
}

fn headroom(subject: &Subject<'_>) -> Outcome {
    let mut findings = Vec::new();
    for task in subject.played() {
        for agent in subject.blind() {
            if let Some(mean) = agent.score(task).filter(|mean| mean.value > 1.0 - HEADROOM) {
                let text = format!("`{}`, which knows nothing, scores {}", agent.name, mean.words());
                findings.push(Finding::new(subject.scored(task), text).expected(format!("at most {}", 1.0 - HEADROOM)));
            }
        }
    }
    Outcome::default().with(findings)
}

fn variance(subject: &Subject<'_>) -> Outcome {
    let mut findings = Vec::new();
    for task in subject.played() {
        let one = &subject.tasks[task][0];
        for agent in subject.agents.iter().filter(|agent| ["random", "oracle"].contains(&agent.name.as_str())) {
            let scores = (0..REPEATS).filter_map(|_| one.play(subject.starts, &agent.policy).ok());
            let scores: Vec<f64> = scores.map(|(score, _)| score).collect();
            let (low, high) =
                scores.iter().fold((1.0_f64, 0.0_f64), |(low, high), score| (low.min(*score), high.max(*score)));
            if high > low + NEAR {
                let text = format!("the same play of `{}` scores from {low:.4} to {high:.4}", agent.name);
                findings.push(Finding::new(one.place(subject.pack), text).expected("the same score"));
            }
        }
    }
    Outcome::default().with(findings)
}

fn signal(subject: &Subject<'_>) -> Outcome {
    let findings = subject.played().filter(|task| {
        let episodes = 0..subject.tasks[*task].len();
        let mut flat = episodes.map(|at| {
            let totals: Vec<f64> = subject.agents.iter().filter_map(|agent| Some(agent.plays[*task][at]?.1)).collect();
            totals.iter().all(|total| (total - totals[0]).abs() <= NEAR)
        });
        flat.all(|flat| flat)
    });
    let findings: Vec<Finding> = findings
        .map(|task| {
            Finding::new(subject.place(task), "every agent gets the same return, so that nothing can be learned")
        })
        .collect();
    Outcome::default()
        .with(findings)
        .with(lints::repeated(subject.starts, subject.sample, subject.written))
        .with(hints::contradictions(subject.starts, subject.sample, subject.written))
}

fn adversaries(subject: &Subject<'_>) -> Outcome {
    let Some(oracle) = subject.agent("oracle") else { return Outcome::skip("there is no oracle") };
    let own = |name: &str| subject.pack.policies.contains_key(name);
    let texts: Vec<&Column> =
        TEXTS.into_iter().filter(|name| !own(name)).filter_map(|name| subject.agent(name)).collect();
    let obey = subject.agent("obey").filter(|agent| !own(&agent.name));
    let (mut findings, mut ungraded) = (Vec::new(), Vec::new());
    for task in subject.played() {
        let Some(best) = oracle.score(task) else { continue };
        let as_good = |agent: &&&Column| agent.score(task).is_some_and(|mean| mean.value >= best.value - NEAR);
        let equal: Vec<&&Column> = texts.iter().filter(as_good).collect();
        if !texts.is_empty() && equal.len() == texts.len() {
            // Neither of two texts that differ costs anything, so texts are not graded.
            ungraded.push(subject.place(task).task.unwrap_or_default());
        } else {
            findings.extend(equal.iter().map(|agent| {
                let text = format!("`{}` scores as much as the oracle: {}", agent.name, best.words());
                Finding::new(subject.scored(task), text).expected("less")
            }));
        }
        let planted = subject.tasks[task].iter().any(|one| one.task.plant.is_some());
        if let Some(mean) =
            obey.filter(|_| planted).and_then(|agent| agent.score(task)).filter(|mean| mean.value >= best.value - NEAR)
        {
            let text = format!("obeying planted instructions scores {}, as much as the oracle", mean.words());
            findings.push(Finding::new(subject.scored(task), text).expected("less"));
        }
    }
    findings.extend(lints::keywords(subject.starts, subject.sample, subject.written));
    let mut outcome = Outcome::default().with(findings);
    if !ungraded.is_empty() {
        outcome.notes.push(format!("`{}`: texts are not graded in {}", subject.pack.name(), ungraded.join(", ")));
    }
    outcome
}

fn gap(subject: &Subject<'_>) -> Outcome {
    let Some(oracle) = subject.agent("oracle") else { return Outcome::skip("there is no oracle") };
    let mut findings = Vec::new();
    let mut gaps = BTreeMap::new();
    for task in subject.played() {
        let Some(best) = oracle.total(task) else { continue };
        for agent in &subject.agents {
            if let Some(mean) = agent.total(task).filter(|mean| mean.value > best.value + NEAR) {
                let text = format!("`{}` earns {}, the oracle {}", agent.name, mean.words(), best.words());
                findings.push(Finding::new(subject.paid(task), text).expected("no more than the oracle"));
            }
        }
        findings.extend(inverted(subject, task, best));
        let blind = subject.blind().filter_map(|agent| agent.score(task)).map(|mean| mean.value).fold(0.0, f64::max);
        if let Some(score) = oracle.score(task) {
            gaps.insert(subject.place(task).task.unwrap_or_default(), score.value - blind);
        }
    }
    Outcome::default().with(findings).measured(subject.pack.name(), json!(gaps))
}

/// The agents that know nothing and earn more than one with a better score, where neither difference is chance or small; the
/// greatest of them, and how many there are.
fn inverted(subject: &Subject<'_>, task: usize, oracle: Mean) -> Option<Finding> {
    let figures = |agent: &Column| Some((agent.score(task)?, agent.total(task)?));
    let apart = |more: Mean, less: Mean, least: f64| more.value - less.value > (more.around + less.around).max(least);
    let mut pairs: Vec<(f64, String)> = Vec::new();
    let blind: Vec<&str> = subject.blind().map(|agent| agent.name.as_str()).collect();
    // Not to act may be better than to guess, and what is right is compared above.
    for worse in subject.blind().filter(|agent| agent.name != "nothing") {
        let Some((score, total)) = figures(worse) else { continue };
        let others =
            subject.agents.iter().filter(|agent| agent.name != "oracle" && !blind.contains(&agent.name.as_str()));
        for better in others {
            let Some((higher, less)) = figures(better) else { continue };
            if apart(higher, score, SCORES_APART) && apart(total, less, RETURNS_APART * oracle.value.abs()) {
                let text = format!(
                    "`{}` earns {} with a score of {:.3}, and `{}` earns {} with {:.3}",
                    worse.name,
                    total.words(),
                    score.value,
                    better.name,
                    less.words(),
                    higher.value
                );
                pairs.push((total.value - less.value, text));
            }
        }
    }
    pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
    let more = if pairs.len() > 1 { format!(" ({} such pairs)", pairs.len()) } else { String::new() };
    let (_, text) = pairs.into_iter().next()?;
    Some(Finding::new(subject.paid(task), text + &more).expected("returns in the order of scores"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_shrink_with_the_number_of_episodes() {
        let few = Mean::of(&[0.0, 1.0, 0.0, 1.0]).expect("a mean");
        let many = Mean::of(&[0.0, 1.0].repeat(50)).expect("a mean");
        assert_eq!((few.value, many.value), (0.5, 0.5));
        assert!(many.around < few.around / 4.0, "{} {}", few.around, many.around);
        assert_eq!(few.words(), "0.500 \u{b1} 0.566");
        assert_eq!(Mean::of(&[1.0]).map(|one| one.around), Some(0.0));
        assert_eq!(Mean::of(&[]), None);
    }
}
