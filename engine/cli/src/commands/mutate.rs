//! `casebook mutate`

use std::path::Path;

use casebook_analysis::mutation::{Fate, Healthy, Killer, Mutant, mutants};
use casebook_syntax::{source::SourceFile, spec::Kind};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    args::{Format, MutateArgs, Mutated},
    exit::Exit,
    files, output, packs,
    progress::Progress,
};

/// A mutant and its fate.
#[derive(Debug, Serialize)]
struct Tried {
    #[serde(flatten)]
    mutant: Mutant,
    #[serde(flatten)]
    fate: Fate,
}

pub(crate) fn run(args: &MutateArgs, format: Format) -> Exit {
    let sources = match packs::sources(&args.packs.packs, format) {
        Ok(sources) => sources,
        Err(exit) => return exit,
    };
    let (mut told, mut tests, mut sound) = (Vec::new(), Vec::new(), true);
    for source in &sources.packs {
        let mut alone = sources.clone();
        alone.packs = vec![source.clone()];
        let compiled = packs::compile(&alone);
        // As JSON there is one document.
        packs::show(&compiled.report, if format == Format::Json { Format::Human } else { format });
        let golden = match compiled.sound.packs().first().map(|pack| super::test::golden_of(pack)).transpose() {
            Ok(golden) => golden.flatten(),
            Err(problem) => {
                output::error(problem);
                return Exit::Failure;
            }
        };
        let healthy = Healthy::new(&alone, &compiled, golden.as_deref());
        let all = healthy.as_ref().map(|healthy| mutants(source, healthy.pack(), &|kind| is_wanted(args, kind)));
        let (healthy, all) = match (&healthy, all) {
            (Ok(healthy), Ok(all)) if !all.is_empty() => (healthy, all),
            (Ok(healthy), _) => {
                output::error(format!("nothing of `{}` can be changed", healthy.pack().name()));
                sound = false;
                continue;
            }
            (Err(why), _) => {
                output::error(why);
                sound = false;
                continue;
            }
        };
        let name = healthy.pack().name();
        let tried = try_all(healthy, all);
        let share = share(&tried);
        sound &= args.at_least.is_none_or(|least| share.is_some_and(|share| share * 100.0 + 1e-9 >= f64::from(least)));
        let survivors = tried.iter().filter_map(|one| match &one.fate {
            Fate::Survived { killer, .. } => killer.clone(),
            _ => None,
        });
        tests.extend(survivors.map(|killer| (name.to_owned(), killer)));
        if format == Format::Json {
            told.push(json!({ "pack": name, "share": share, "counts": counts(&tried), "mutants": tried }));
        } else {
            show(name, &tried, share, args);
        }
    }
    if format == Format::Json {
        output::json(&json!({ "packs": told }));
    }
    if let Some(path) = &args.write_tests {
        if tests.is_empty() {
            output::note("there is no test to write");
        } else if let Err(error) = files::write(path, formatted(path, document(&tests))) {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            return Exit::Failure;
        }
    }
    if sound { Exit::Success } else { Exit::Findings }
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

/// Tries each mutant, on all cores; each thread keeps what it compiled of the documents that do not change.
fn try_all(healthy: &Healthy<'_>, all: Vec<Mutant>) -> Vec<Tried> {
    let _progress = Progress::start("mutants are tested");
    all.into_par_iter()
        .map_init(packs::checker, |checker, mutant| {
            let fate = healthy.fate(&mutant, checker);
            Tried { mutant, fate }
        })
        .collect()
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
        let Mutant { kind, document, path, line, change, .. } = mutant;
        output::line(format!("{}:{line}: {kind} `{document}`: {change}: {verdict}", path.display()));
        match fate {
            Fate::Survived { killer: Some(killer), .. } => {
                output::line(format!("    would be noticed by this entry of `{}` in a test:", killer.under));
                output::line(indented(&killer.case, 6));
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

/// A document as `fmt` writes it.
fn formatted(path: &Path, text: String) -> String {
    super::fmt::formatted(&SourceFile::new(path, &text)).unwrap_or(text)
}

fn indented(text: &str, by: usize) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("{:by$}{line}", "")).collect();
    lines.join("\n")
}

/// A test document for each pack.
fn document(tests: &[(String, Killer)]) -> String {
    let mut packs: Vec<&str> = tests.iter().map(|(pack, _)| pack.as_str()).collect();
    packs.dedup();
    let one = |pack: &str| {
        let mut text = String::from("apiVersion: casebook/v1\nkind: Test\nname: mutants\n");
        text.push_str("description: What no other test would notice; written by `casebook mutate --write-tests`.\n");
        for key in ["rules", "episodes"] {
            let lines: Vec<String> = tests
                .iter()
                .filter(|(of, killer)| of == pack && killer.under == key)
                .map(|(_, killer)| indented(&killer.case, 2) + "\n")
                .collect();
            if !lines.is_empty() {
                text.push_str(&format!("{key}:\n{}", lines.concat()));
            }
        }
        text
    };
    packs.into_iter().map(one).collect::<Vec<_>>().join("---\n")
}
