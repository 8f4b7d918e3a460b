//! `casebook mutate`

mod written;

use std::{
    collections::HashMap,
    fs, mem,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use casebook_analysis::{
    mutation::{Fate, Healthy, Killer, Mutant, Round, Standing, mutants},
    testing::golden,
};
use casebook_compile::check::{Checker, Compiled};
use casebook_runtime::hash::sha256;
use casebook_syntax::{
    source::{self, SourceSet},
    spec::Kind,
};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    args::{Format, MutateArgs, Mutated},
    exit::Exit,
    output, packs,
    progress::Bar,
};

/// How often `--watch` looks for changes.
const LOOK: Duration = Duration::from_millis(100);
/// Mutants that are tried before it looks whether there is another change.
const AT_ONCE: usize = 8;

/// A mutant and its fate.
#[derive(Debug, Serialize)]
struct Tried {
    #[serde(flatten)]
    mutant: Mutant,
    #[serde(flatten)]
    fate: Fate,
}

pub(crate) fn run(args: &MutateArgs, format: Format) -> Exit {
    if let Err(exit) = args.write_tests.as_deref().map_or(Ok(()), written::check) {
        return exit;
    }
    let checkers = Checkers::default();
    if !args.watch {
        return match packs::sources(&args.packs.packs, format) {
            Ok(sources) => once(args, format, &sources, &checkers),
            Err(exit) => exit,
        };
    }
    let mut rounds = HashMap::new();
    // Looking is enough here: one reader and few files. Ctrl-C ends it; there is nothing to undo.
    loop {
        let hash = hash_of(args);
        if output::is_watched() && format == Format::Human {
            output::data("\u{1b}[2J\u{1b}[H");
        }
        if let Ok(sources) = packs::sources(&args.packs.packs, format) {
            again(args, format, &sources, (&checkers, &mut rounds), &|| hash_of(args) != hash);
        }
        output::note("waiting for changes; Ctrl-C ends");
        while hash_of(args) == hash {
            thread::sleep(LOOK);
        }
    }
}

/// What the packs and their golden files say.
fn hash_of(args: &MutateArgs) -> String {
    let sources = source::read(&args.packs.packs);
    let golden = sources.packs.iter().map(|pack| fs::read(pack.root.join(golden::FILE)).unwrap_or_default());
    golden.fold(sources.hash().to_owned(), |hash, text| hash + &sha256(&text))
}

/// Tries every mutant of every pack.
fn once(args: &MutateArgs, format: Format, sources: &SourceSet, checkers: &Checkers) -> Exit {
    let (mut told, mut tests, mut sound) = (Vec::new(), Vec::new(), true);
    for alone in each_alone(sources) {
        let compiled = checkers.with(|checker| checker.compile(&alone, 1));
        let (healthy, all) = match prepared(args, format, &alone, &compiled) {
            Ok(prepared) => prepared,
            Err(Exit::Failure) => return Exit::Failure,
            Err(_) => {
                sound = false;
                continue;
            }
        };
        let open = all.into_iter().map(|mutant| (mutant, Standing::Open(None))).collect();
        let name = healthy.pack().name();
        let tried = try_all(&healthy, open, checkers);
        let share = share(&tried);
        tests.extend(killers(&tried).map(|killer| (name.to_owned(), killer)));
        if format == Format::Json {
            told.push(json!({ "pack": name, "share": share, "counts": counts(&tried), "mutants": tried }));
        } else {
            show(name, &tried, share, args);
        }
        if let Some(least) = args.at_least
            && share.is_none_or(|share| share * 100.0 + 1e-9 < f64::from(least))
        {
            output::error(format!("tests notice less than {least} % of the mutants of `{name}`"));
            sound = false;
        }
    }
    if format == Format::Json {
        output::json(&json!({ "packs": told }));
    }
    if let Err(exit) = args.write_tests.as_deref().map_or(Ok(()), |path| written::add(path, &tests)) {
        return exit;
    }
    if sound { Exit::Success } else { Exit::Findings }
}

/// Tries the mutants that a change reaches, then the others, unless there is another change by then.
fn again(
    args: &MutateArgs,
    format: Format,
    sources: &SourceSet,
    (checkers, rounds): (&Checkers, &mut HashMap<PathBuf, Round>),
    is_over: &(dyn Fn() -> bool + Sync),
) {
    let mut tests = Vec::new();
    for alone in each_alone(sources) {
        let begin = Instant::now();
        let compiled = checkers.with(|checker| checker.compile(&alone, 1));
        // What is wrong was shown; what is known of the pack as it was is needed again.
        let Ok((healthy, all)) = prepared(args, format, &alone, &compiled) else { continue };
        let (name, root) = (healthy.pack().name(), &alone.packs[0].root);
        let standings = match rounds.remove(root) {
            Some(round) => round.standings(&healthy, &all),
            None => vec![Standing::Open(None); all.len()],
        };
        let is_known = |standing: &Standing| matches!(standing, Standing::Known(_));
        let known: Vec<bool> = standings.iter().map(is_known).collect();
        let mut tried = try_all(&healthy, all.into_iter().zip(standings).collect(), checkers);
        let show_all = |tried: &[Tried], untried: usize| {
            let share = share(tried);
            if format == Format::Json {
                let counts = counts(tried);
                output::json(&json!({
                    "pack": name, "share": share, "counts": counts, "untried": untried, "mutants": tried
                }));
            } else {
                show(name, tried, share, args);
            }
        };
        let left: Vec<usize> = (0..known.len()).filter(|at| known[*at]).collect();
        show_all(&tried, left.len());
        output::note(format!(
            "{} tried, {} as before; {} ms",
            output::count(known.len() - left.len(), "mutant"),
            left.len(),
            begin.elapsed().as_millis()
        ));
        let (mut others, mut all_tried) = (0, true);
        for some in left.chunks(AT_ONCE) {
            if is_over() {
                all_tried = false;
                break;
            }
            let open = some.iter().map(|at| (tried[*at].mutant.clone(), reopened(&tried[*at].fate))).collect();
            for (at, now) in some.iter().zip(try_all(&healthy, open, checkers)) {
                others += usize::from(mem::discriminant(&tried[*at].fate) != mem::discriminant(&now.fate));
                tried[*at] = now;
            }
        }
        if others > 0 {
            show_all(&tried, 0);
            output::note(format!("{} of the others changed as well", output::count(others, "mutant")));
        } else if all_tried && !left.is_empty() {
            output::note("the others were tried again and are as before");
        }
        tests.extend(killers(&tried).map(|killer| (name.to_owned(), killer)));
        let round = Round::new(&healthy, tried.iter().map(|one| (&one.mutant, &one.fate)));
        rounds.insert(root.clone(), round);
    }
    // Why it cannot be written was shown.
    let _ = args.write_tests.as_deref().map_or(Ok(()), |path| written::add(path, &tests));
}

/// A fate that is to be found out again, with what noticed the mutant.
fn reopened(fate: &Fate) -> Standing {
    match fate {
        Fate::Killed { by } => Standing::Open(Some(by.clone())),
        _ => Standing::Open(None),
    }
}

/// Each pack without the others.
fn each_alone(sources: &SourceSet) -> impl Iterator<Item = SourceSet> + '_ {
    sources.packs.iter().map(|source| {
        let mut alone = sources.clone();
        alone.packs = vec![source.clone()];
        alone
    })
}

/// A pack without a fault and its mutants; shows why there are none.
fn prepared<'a>(
    args: &MutateArgs,
    format: Format,
    alone: &'a SourceSet,
    compiled: &Compiled,
) -> Result<(Healthy<'a>, Vec<Mutant>), Exit> {
    // As JSON there is one document.
    packs::show(&compiled.report, if format == Format::Json { Format::Human } else { format });
    let failed = |problem: String| {
        output::error(problem);
        Exit::Failure
    };
    let golden = compiled.sound.packs().first().map(|pack| super::test::golden_of(pack)).transpose().map_err(failed)?;
    let refused = |why: String| {
        output::error(why);
        Exit::Findings
    };
    let healthy = Healthy::new(alone, compiled, golden.flatten().as_deref()).map_err(refused)?;
    let all = mutants(&alone.packs[0], healthy.pack(), &|kind| is_wanted(args, kind));
    if all.is_empty() {
        return Err(refused(format!("nothing of `{}` can be changed", healthy.pack().name())));
    }
    Ok((healthy, all))
}

/// The tests that survivors would fail.
fn killers(tried: &[Tried]) -> impl Iterator<Item = Killer> + '_ {
    tried.iter().filter_map(|one| match &one.fate {
        Fate::Survived { killer, .. } => killer.clone(),
        _ => None,
    })
}

fn is_wanted(args: &MutateArgs, kind: Kind) -> bool {
    let of = match kind {
        Kind::Rules => Mutated::Rules,
        Kind::Rubric => Mutated::Rubric,
        Kind::Inbox => Mutated::Inbox,
        Kind::Generator => Mutated::Generator,
        Kind::Task => Mutated::Task,
        Kind::Environment => Mutated::Environment,
        Kind::Policy | Kind::Test => return false,
    };
    args.only.is_empty() || args.only.contains(&of)
}

/// Tries each mutant of which not all is known, on all cores.
fn try_all(healthy: &Healthy<'_>, all: Vec<(Mutant, Standing)>, checkers: &Checkers) -> Vec<Tried> {
    let open = all.iter().filter(|(_, standing)| matches!(standing, Standing::Open(_))).count();
    let bar = Bar::start("mutants tested", "not noticed", open);
    let tried = |(mutant, standing): (Mutant, Standing)| {
        let fate = match standing {
            Standing::Known(fate) => fate,
            Standing::Open(before) => {
                let fate = checkers.with(|checker| healthy.fate(&mutant, before.as_ref(), checker));
                bar.step(matches!(fate, Fate::Survived { .. }));
                fate
            }
        };
        Tried { mutant, fate }
    };
    all.into_par_iter().map(tried).collect()
}

/// Checkers that keep what they compiled of the documents that do not change; each thread takes one that is free.
#[derive(Default)]
struct Checkers(Mutex<Vec<Checker>>);

impl Checkers {
    fn with<R>(&self, use_it: impl FnOnce(&mut Checker) -> R) -> R {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut checker = free.unwrap_or_else(packs::checker);
        let result = use_it(&mut checker);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(checker);
        result
    }
}

/// The share of the mutants that tests notice, of those that `check` lets pass; none where there is none.
fn share(tried: &[Tried]) -> Option<f64> {
    let of = |wanted: fn(&Fate) -> bool| tried.iter().filter(|one| wanted(&one.fate)).count();
    let killed = of(|fate| matches!(fate, Fate::Killed { .. }));
    let survived = of(|fate| matches!(fate, Fate::Survived { .. }));
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    (killed + survived > 0).then(|| killed as f64 / (killed + survived) as f64)
}

fn counts(tried: &[Tried]) -> Value {
    let of = |wanted: fn(&Fate) -> bool| tried.iter().filter(|one| wanted(&one.fate)).count();
    json!({
        "all": tried.len(),
        "reported": of(|fate| matches!(fate, Fate::Reported { .. })),
        "killed": of(|fate| matches!(fate, Fate::Killed { .. })),
        "survived": of(|fate| matches!(fate, Fate::Survived { .. })),
        "same": of(|fate| matches!(fate, Fate::Same { .. })),
    })
}

fn show(pack: &str, tried: &[Tried], share: Option<f64>, args: &MutateArgs) {
    for Tried { mutant, fate } in tried {
        let verdict = match fate {
            Fate::Survived { .. } => output::paint("not noticed", "1;31"),
            Fate::Killed { by } if args.all => format!("noticed by {by}"),
            Fate::Reported { by } if args.all => format!("reported by `check`: {by}"),
            Fate::Same { because } if args.all => format!("cannot be noticed: {because}"),
            _ => continue,
        };
        let Mutant { kind, document, path, line, column, change, .. } = mutant;
        output::line(format!("{}:{line}:{column}: {kind} `{document}`: {change}: {verdict}", path.display()));
        match fate {
            Fate::Survived { killer: Some(killer), .. } => {
                output::line(format!("    would be noticed by this entry of `{}` in a test:", killer.under));
                output::line(written::indented(&killer.case, 6));
            }
            Fate::Survived { why: Some(why), .. } => {
                output::line(format!("    no test is known that would notice it: {why}"));
            }
            _ => {}
        }
    }
    let counts = counts(tried);
    let share = share.map_or_else(|| "none".to_owned(), |share| format!("{:.1} %", share * 100.0));
    output::line(format!(
        "{pack}: {share} of the mutants are noticed by tests ({} of {}); `check` reports {} more, {} mean the same",
        counts["killed"],
        counts["killed"].as_u64().unwrap_or_default() + counts["survived"].as_u64().unwrap_or_default(),
        counts["reported"],
        counts["same"],
    ));
}
