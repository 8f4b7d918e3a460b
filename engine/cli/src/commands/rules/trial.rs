//! `casebook rules trial`

use std::sync::Arc;

use casebook_analysis::comparison::{self, Regraded, Trial};
use casebook_compile::check::{self, Ruled};
use casebook_runtime::scenario::Pack;
use serde_json::json;

use super::{
    rows::{self, BadRow},
    side, trial_text,
};
use crate::{
    args::{Format, RulesTrialArgs},
    exit::Exit,
    output, packs,
};

/// All that a trial found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) environment: String,
    pub(super) version: String,
    pub(super) candidate: String,
    /// Items of inboxes and of files.
    pub(super) counts: (usize, usize),
    pub(super) trials: Vec<Trial>,
    /// None where the pack has findings with the candidate, so that no episode can be graded.
    pub(super) records: Option<Vec<Regraded>>,
    pub(super) bad: Vec<BadRow>,
    /// Rows that could not be read.
    pub(super) lost: usize,
}

pub(crate) fn run(args: &RulesTrialArgs, format: Format) -> Exit {
    match attempt(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn attempt(args: &RulesTrialArgs, format: Format) -> Result<Exit, Exit> {
    let wrong = |exit: Exit| {
        move |text: String| {
            output::error(text);
            exit
        }
    };
    let catalog = packs::load(std::slice::from_ref(&args.pack), format)?;
    let tried = side::with_candidate(&args.pack, &args.candidate).map_err(wrong(Exit::Usage))?;
    let (Some(source), Some(pack)) = (tried.packs.first(), catalog.packs().first()) else {
        return Err(Exit::Findings);
    };
    let candidate = rules_of(check::ruled(source), format)?;
    let mut plain = source.clone();
    plain.replacing.clear();
    let current = rules_of(check::ruled(&plain), format)?;
    let names = tried_names(args, &current)?;
    if let Some(rule) = candidate.rules.values().find_map(|set| set.needs_clock()).filter(|_| args.clock.is_none())
        && !args.items.is_empty()
    {
        output::error(format!("the rule `{}` reads the clock; give the moment with `--clock`", rule.reason.id));
        return Err(Exit::Usage);
    }
    let sets = [&current, &candidate].into_iter().flat_map(|ruled| &ruled.rules);
    let needed = rows::read_by(pack, sets.filter(|(name, _)| names.contains(name)).map(|(_, set)| &**set));
    let from_files = rows::items(pack, &needed, &args.items, args.clock).map_err(wrong(Exit::Failure))?;
    let records = rows::recordings(&args.records).map_err(wrong(Exit::Failure))?;
    let mut subjects = comparison::inbox_items(pack);
    let counts = (subjects.len(), from_files.rows.len());
    subjects.extend(from_files.rows);
    let trials = names.iter().map(|name| comparison::judge(&current, &candidate, name, &subjects)).collect();
    let compiled = packs::compile(&tried);
    if compiled.catalog.is_none() && format != Format::Json {
        packs::show(&compiled.report, Format::Human);
    }
    let played = compiled.catalog.as_ref().and_then(|catalog| catalog.packs().first());
    let graded = played.map(|after| regrade(pack, after, &records.rows));
    let found = Found {
        environment: pack.name().to_owned(),
        version: pack.version().to_owned(),
        candidate: args.candidate.display().to_string(),
        counts,
        trials,
        records: graded,
        bad: from_files.bad.into_iter().chain(records.bad).collect(),
        lost: from_files.lost + records.lost,
    };
    tell(&found, &compiled.report, args, format);
    let sound = found.bad.is_empty() && found.records.is_some();
    Ok(if sound { Exit::Success } else { Exit::Findings })
}

fn rules_of(
    (ruled, report): (Option<Ruled>, casebook_syntax::diagnostic::Report),
    format: Format,
) -> Result<Ruled, Exit> {
    ruled.ok_or_else(|| {
        packs::show(&report, format);
        Exit::Findings
    })
}

/// The rules that the candidate has and the pack as well.
fn tried_names(args: &RulesTrialArgs, current: &Ruled) -> Result<Vec<String>, Exit> {
    let known: Vec<&str> = current.rules.keys().map(String::as_str).collect();
    let names = check::names_of_rules(&casebook_syntax::source::read_one(&args.candidate));
    let strangers: Vec<&String> = names.iter().filter(|name| !known.contains(&name.as_str())).collect();
    for name in &strangers {
        output::error(packs::unknown("set of rules", name, &known));
    }
    if names.is_empty() {
        output::error(format!("`{}` holds no document with `kind: Rules`", args.candidate.display()));
    }
    if names.is_empty() || !strangers.is_empty() { Err(Exit::Findings) } else { Ok(names) }
}

fn regrade(before: &Arc<Pack>, after: &Arc<Pack>, records: &[casebook_runtime::record::Recording]) -> Vec<Regraded> {
    let of_pack = records.iter().filter(|recording| recording.environment == after.name());
    of_pack.map(|recording| comparison::records(before, after, recording)).collect()
}

fn tell(found: &Found, report: &casebook_syntax::diagnostic::Report, args: &RulesTrialArgs, format: Format) {
    match format {
        Format::Json => {
            let trials: Vec<_> = found
                .trials
                .iter()
                .map(|trial| {
                    let changed = trial.items.iter().filter(|item| !item.changes.is_empty()).count();
                    json!({
                        "rules": trial.rules,
                        "changed": changed,
                        "edits": trial.edits,
                        "by_rule": comparison::by_rule(trial),
                        "items": trial.items,
                    })
                })
                .collect();
            output::json(&json!({
                "environment": found.environment,
                "candidate": found.candidate,
                "inbox_items": found.counts.0,
                "file_items": found.counts.1,
                "lost_rows": found.lost,
                "bad_rows": found.bad,
                "trials": trials,
                "records": found.records,
                "diagnostics": report.diagnostics,
            }));
        }
        Format::Markdown => output::text(trial_text::markdown(found)),
        _ => output::text(trial_text::human(found, args.all)),
    }
    for row in found.bad.iter().filter(|_| format != Format::Json) {
        output::error(format!("{}:{}: {}", row.path.display(), row.line, row.message));
    }
}
