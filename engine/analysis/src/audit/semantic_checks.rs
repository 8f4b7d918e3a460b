//! What a score means: agents that probe, plays that are repeated, replays.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use casebook_runtime::{
    policy,
    record::{Recording, Verdict, play, replay},
    scenario::{Catalog, Pack, suite::NumberTest},
};
use rayon::prelude::*;
use serde_json::json;

use super::{
    Package, lints,
    manifest::Validation,
    predictor,
    report::{Finding, Outcome, Place},
    sample::{Sample, SampledEpisode},
    taint,
    written::Written,
};
use crate::{starts::Starts, testing};

/// How far the oracle may be from the maximum where nothing else is declared, as in the built-in probe of `test`.
const ORACLE_TOLERANCE: f64 = 0.05;
/// How far from it an agent must stay that does nothing, where nothing else is declared: what the policy demands.
const FLOOR_MARGIN: f64 = 0.1;
/// How far apart numbers may be that count as equal.
const NEAR: f64 = 1e-9;
/// The agents whose plays are repeated.
const REPEATED: [&str; 3] = ["oracle", "random", "nothing"];
/// The seeds of each task with which plays are repeated.
const REPEATED_SEEDS: usize = 3;

const ENVELOPE: &str = "semantic.resource_envelope";

/// What checks of this level look at.
struct Subject<'a> {
    catalog: &'a Catalog,
    pack: &'a Arc<Pack>,
    starts: &'a Starts<'a>,
    /// What is declared for this pack.
    declared: Option<&'a Validation>,
    sample: Sample,
    /// Where the pack's documents say something.
    written: &'a Written,
}

type Run = fn(&Subject<'_>) -> Outcome;

const CHECKS: &[(&str, Run)] = &[
    ("semantic.oracle_max", oracle_max),
    ("semantic.floor_gap", floor_gap),
    ("semantic.canary_floor", canary_floor),
    ("semantic.no_solution_leakage", leakage),
    ("semantic.verifier_determinism", determinism),
    ("semantic.verifier_portability", portability),
    (ENVELOPE, envelope),
    ("semantic.replayability", replayability),
];

/// Runs the checks whose id is wanted, on one pack of a catalog.
pub fn run(
    catalog: &Catalog,
    starts: &Starts<'_>,
    package: Option<&Package>,
    (sample, written): (Sample, &Written),
    wanted: &dyn Fn(&str) -> bool,
) -> Vec<(&'static str, Outcome)> {
    let pack = starts.pack();
    let declared = package.and_then(|package| {
        let all: Vec<&Pack> = catalog.packs().iter().map(Arc::as_ref).collect();
        let described = package.described(&all)?;
        (described.name() == pack.name()).then(|| package.manifest().map(|manifest| &manifest.validation)).flatten()
    });
    let subject = Subject { catalog, pack, starts, declared, sample, written };
    // A package declares the resources of one pack.
    let applies = |id: &str| wanted(id) && (id != ENVELOPE || subject.declared.is_some());
    let checks = CHECKS.iter().filter(|(id, _)| applies(id));
    checks
        .map(|(id, run)| {
            let begin = Instant::now();
            let outcome = run(&subject);
            (*id, Outcome { took: begin.elapsed(), ..outcome })
        })
        .collect()
}

impl Subject<'_> {
    fn episodes(&self) -> impl Iterator<Item = SampledEpisode> {
        self.sample.tasks(self.pack).into_iter().flatten()
    }

    fn looked(&self) -> Outcome {
        Outcome::looked(format!("played {}", self.sample.words(self.pack)))
    }

    /// The score of a policy in each episode, or why it cannot play.
    fn scores(&self, name: &str) -> Vec<(SampledEpisode, Result<f64, String>)> {
        let episodes: Vec<SampledEpisode> = self.episodes().collect();
        let Some(policy) = policy::find(self.pack, name) else { return Vec::new() };
        let score = |one: SampledEpisode| {
            let played = one.play(self.starts, &policy);
            (one, played.map(|(score, _)| score))
        };
        episodes.into_par_iter().map(score).collect()
    }
}

fn oracle_max(subject: &Subject<'_>) -> Outcome {
    let written = subject.pack.suites.iter().flat_map(|suite| &suite.probes).find(|case| case.probe.name() == "oracle");
    let least = match (subject.declared, written) {
        (Some(declared), _) => NumberTest::Between(Some((1.0 - declared.reward.oracle_tolerance - NEAR, true)), None),
        (None, Some(case)) => case.score,
        (None, None) => NumberTest::Between(Some((1.0 - ORACLE_TOLERANCE, true)), None),
    };
    let (mut lowest, mut findings) = (1.0_f64, Vec::new());
    let oracle = policy::find(subject.pack, "oracle");
    for (one, played) in subject.scores("oracle") {
        let place = one.place(subject.pack);
        match played {
            Ok(score) => {
                lowest = lowest.min(score);
                if !least.holds(score) {
                    let text = format!("what is right scores {score:.4}");
                    let place = oracle.as_ref().map_or(place, |oracle| one.costliest(subject.starts, oracle));
                    findings.push(Finding::new(place, text).expected(least.words()));
                }
            }
            Err(error) => findings.push(Finding::new(place, format!("what is right cannot be played: {error}"))),
        }
    }
    subject.looked().measured(&format!("{} lowest", subject.pack.name()), lowest).with(findings)
}

fn floor_gap(subject: &Subject<'_>) -> Outcome {
    let margin = subject.declared.map_or(FLOOR_MARGIN, |declared| declared.reward.floor_margin);
    let (mut highest, mut findings) = (0.0_f64, Vec::new());
    for (one, played) in subject.scores("nothing") {
        let place = one.place(subject.pack);
        match played {
            Ok(score) => {
                highest = highest.max(score);
                if score > 1.0 - margin + NEAR {
                    let text = format!("doing nothing scores {score:.4}");
                    let place = place.scored_by(&one.task.rubric);
                    findings.push(Finding::new(place, text).expected(format!("at most {}", 1.0 - margin)));
                }
            }
            Err(error) => findings.push(Finding::new(place, error)),
        }
    }
    subject.looked().measured(&format!("{} highest", subject.pack.name()), highest).with(findings)
}

fn canary_floor(subject: &Subject<'_>) -> Outcome {
    let cases: Vec<testing::Case> = testing::probes(subject.pack, subject.sample.count())
        .into_iter()
        .filter(|case| case.name != "oracle")
        .collect();
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let note = format!("`{}`: played every task with {}", subject.pack.name(), names.join(", "));
    let findings = cases.iter().filter(|case| !case.passed).flat_map(|case| {
        // What passed is listed too, without an expectation.
        let wrong = case.details.iter().filter(|line| line.contains(", should be ") || line.contains(" was refused"));
        wrong.map(move |line| {
            let task = line.split_once(": ").map(|(task, _)| task.to_owned());
            let task = task.and_then(|name| subject.pack.find_task(&name));
            let place = Place {
                pack: Some(subject.pack.name().to_owned()),
                task: task.as_ref().map(|task| task.name().to_owned()),
                path: case.path.clone(),
                line: case.line,
                ..Place::default()
            };
            let place = match &task {
                Some(task) if line.contains(": a return of ") => place.paid_by(&task.rubric),
                Some(task) => place.scored_by(&task.rubric),
                None => place,
            };
            Finding::new(place, format!("`{}` plays {line}", case.name))
        })
    });
    Outcome::looked(note).with(findings)
}

fn leakage(subject: &Subject<'_>) -> Outcome {
    let (pack, starts, sample) = (subject.pack, subject.starts, subject.sample);
    let note = format!(
        "`{}`: ids, visible fields, words, the listing order, descriptions, schemas and instructions",
        pack.name()
    );
    let told = predictor::predictors(starts, sample, subject.written);
    let mut outcome = Outcome::looked(note)
        .with(taint::given_away(starts, sample, subject.written))
        .with(told.findings)
        .with(lints::shared_items(starts, sample, subject.written));
    outcome.skipped = told.too_few;
    if !told.best.is_empty() {
        outcome = outcome.measured(pack.name(), json!(told.best));
    }
    outcome
}

/// The plays that are repeated: of each task with its first seeds.
fn repeated<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (&'static str, SampledEpisode)> + 'a {
    let episodes = subject.sample.tasks(subject.pack);
    let first: Vec<SampledEpisode> =
        episodes.into_iter().flat_map(|task| task.into_iter().take(REPEATED_SEEDS)).collect();
    REPEATED.into_iter().flat_map(move |name| first.clone().into_iter().map(move |one| (name, one)))
}

fn determinism(subject: &Subject<'_>) -> Outcome {
    let graded_twice = |(name, one): (&'static str, SampledEpisode)| {
        let policy = policy::find(subject.pack, name)?;
        let (first, second) = (play(&policy, &one.task, one.seed).ok()?, play(&policy, &one.task, one.seed).ok()?);
        if first.score.to_bits() == second.score.to_bits() {
            return Some(Vec::new());
        }
        let text = format!("the same play of `{name}` scored {} and {}", first.score, second.score);
        Some(vec![Finding::new(one.place(subject.pack), text).expected("the same score")])
    };
    let plays: Vec<(&'static str, SampledEpisode)> = repeated(subject).collect();
    let plays: Vec<Vec<Finding>> = plays.into_par_iter().filter_map(graded_twice).collect();
    let note = format!("`{}`: graded {} plays twice", subject.pack.name(), plays.len());
    Outcome::looked(note).with(plays.into_iter().flatten())
}

fn portability(subject: &Subject<'_>) -> Outcome {
    let name = subject.pack.name();
    if subject.pack.has_processes {
        Outcome::skip(format!(
            "`{name}` asks programs, whose need of a network or of this machine cannot be seen from here"
        ))
    } else if subject.pack.has_judges() {
        Outcome::skip(format!("`{name}` asks language models that grade, where its own answers do not suffice"))
    } else {
        Outcome::looked(format!(
            "`{name}` is graded by the engine and by WebAssembly modules, which reach no network, file or clock"
        ))
    }
}

fn envelope(subject: &Subject<'_>) -> Outcome {
    let Some(needs) = subject.declared.map(|declared| &declared.resources) else {
        return Outcome::skip("no resources are declared");
    };
    let mut findings = Vec::new();
    let mut longest = Duration::ZERO;
    let Some(policy) = policy::find(subject.pack, "oracle") else { return Outcome::skip("there is no oracle") };
    for one in subject.episodes() {
        let begin = Instant::now();
        // What is refused is a finding of `semantic.oracle_max`.
        let _ = one.play(&Starts::new(subject.pack), &policy);
        let took = begin.elapsed();
        longest = longest.max(took);
        if took.as_secs_f64() > needs.episode_timeout_s {
            let text = format!("what is right takes {:.1} s", took.as_secs_f64());
            findings.push(
                Finding::new(one.place(subject.pack), text).expected(format!("at most {} s", needs.episode_timeout_s)),
            );
        }
    }
    let outcome = subject.looked().with(findings).measured("longest_s", longest.as_secs_f64());
    // This process holds the packs, the server and the audit itself, so that it is an upper bound.
    match peak_memory() {
        Some(peak) if peak <= needs.memory_mb => outcome.measured("peak_memory_mb", peak),
        Some(peak) => Outcome {
            skipped: vec![format!(
                "the audit itself took {peak} MB at most, more than the {} MB that are declared, so the memory of the server alone is not known",
                needs.memory_mb
            )],
            ..outcome
        },
        None => Outcome { skipped: vec!["this system does not report how much memory was used".into()], ..outcome },
    }
}

/// The greatest memory that this process has taken, in mebibytes.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes.div_ceil(1024))
}

fn replayability(subject: &Subject<'_>) -> Outcome {
    let played_again = |(name, one): (&'static str, SampledEpisode)| {
        let policy = policy::find(subject.pack, name)?;
        let played = play(&policy, &one.task, one.seed).ok()?;
        // As a record holds it: one line of JSON.
        let line = serde_json::to_string(&Recording::new(subject.pack, name, played));
        let read = line.and_then(|line| serde_json::from_str::<Recording>(&line));
        let verdict = read.map_err(|error| error.to_string()).and_then(|recording| replay(subject.catalog, &recording));
        let problem = match verdict {
            Ok(Verdict::Agrees) => return Some(Vec::new()),
            Ok(Verdict::Differs(text) | Verdict::AgreesButForPlaces(text)) | Err(text) => text,
            Ok(Verdict::AgreesUnderOtherDigest) => "the pack has another digest".to_owned(),
        };
        let text = format!("a play of `{name}` differs when it is played again: {problem}");
        Some(vec![Finding::new(one.place(subject.pack), text)])
    };
    let plays: Vec<(&'static str, SampledEpisode)> = repeated(subject).collect();
    let plays: Vec<Vec<Finding>> = plays.into_par_iter().filter_map(played_again).collect();
    let note = format!("`{}`: played {} records again", subject.pack.name(), plays.len());
    Outcome::looked(note).with(plays.into_iter().flatten())
}
