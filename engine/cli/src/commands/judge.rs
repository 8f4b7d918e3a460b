//! `casebook judge`

use std::sync::Arc;

use casebook_analysis::agreement::{Agreement, from_csv, from_lines, measure};
use casebook_runtime::{model::Column, names::list, rubric::graders::JudgeGrader, scenario::Catalog};
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::{
    args::{Format, JudgeAction, JudgeArgs, JudgeCheckArgs},
    exit::Exit,
    files, output, packs,
    progress::Progress,
};

/// Disagreements that are shown to people.
const SHOWN: usize = 20;
/// Lines that a problem names.
const LINES: usize = 5;

pub(crate) fn run(args: &JudgeArgs, format: Format) -> Exit {
    let JudgeAction::Check(args) = &args.action;
    match check(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn check(args: &JudgeCheckArgs, format: Format) -> Result<Exit, Exit> {
    let path = args.file.display();
    let text = files::read_text(&args.file).map_err(|problem| {
        output::error(problem);
        Exit::Failure
    })?;
    let is_table = args.file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let wrong = |problems: Vec<String>| {
        problems.iter().for_each(|problem| output::error(format!("`{path}`: {problem}")));
        Exit::Findings
    };
    let examples = if is_table { from_csv(&text) } else { from_lines(&text) }.map_err(wrong)?;
    let catalog = packs::load(&args.packs.packs, if format == Format::Json { Format::Human } else { format })?;
    let Found { name, grader, decisions } = find(&catalog, args.grader.as_deref())?;
    let progress = Progress::start("asking");
    let agreement = measure(&grader, &decisions, &examples, args.within).map_err(wrong)?;
    drop(progress);
    if format == Format::Json {
        let mut value = json!(agreement);
        value["grader"] = name.as_str().into();
        output::json(&value);
    } else {
        show(&name, &agreement);
    }
    // What is wrong with all of them, such as a column that is missing, is one problem.
    let mut failed: IndexMap<&str, Vec<usize>> = IndexMap::new();
    for one in &agreement.failed {
        failed.entry(&one.reason).or_default().push(one.line);
    }
    for (reason, lines) in failed {
        let (count, lines) = match lines[..] {
            [line] => ("it counts", format!("line {line}")),
            _ => ("they count", places(&lines)),
        };
        output::error(format!("`{path}` {lines}: no answer, so {count} nowhere: {reason}"));
    }
    let share = agreement.agreement.unwrap_or_default();
    let wanted = args.min_agreement.unwrap_or_default();
    let is_enough = share + 1e-9 >= wanted;
    if !is_enough && agreement.count > 0 {
        output::error(format!("{:.1} % agree, less than `--min-agreement {wanted}`", share * 100.0));
    }
    Ok(if is_enough && agreement.failed.is_empty() { Exit::Success } else { Exit::Findings })
}

/// Lines in words: the first of them, and how many there are.
fn places(lines: &[usize]) -> String {
    let first: Vec<String> = lines.iter().take(LINES).map(ToString::to_string).collect();
    let more = lines.len() - first.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("lines {}{more}", first.join(", "))
}

/// A grader that asks a model.
struct Found {
    name: String,
    grader: Arc<JudgeGrader>,
    /// The decisions of its pack.
    decisions: Vec<Column>,
}

/// Finds the grader that is meant among those that ask models.
fn find(catalog: &Catalog, wanted: Option<&str>) -> Result<Found, Exit> {
    let mut found: Vec<Found> = Vec::new();
    for pack in catalog.packs() {
        for task in pack.tasks() {
            for (at, grader) in &task.rubric.judges {
                let node = &task.rubric.nodes[*at];
                let name = node.name.as_deref().unwrap_or(&node.pointer).to_owned();
                // Tasks of one rubric ask the same.
                if !found.iter().any(|known| known.name == name && Arc::ptr_eq(grader, &known.grader)) {
                    found.push(Found { name, grader: Arc::clone(grader), decisions: pack.decisions().to_vec() });
                }
            }
        }
    }
    let names: Vec<String> = found.iter().map(|one| one.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if found.is_empty() {
        output::error("no grader `judge` is in the rubrics of these packs");
        return Err(Exit::Usage);
    }
    let mut fitting = found.into_iter().filter(|one| wanted.is_none_or(|wanted| one.name == wanted));
    match (fitting.next(), fitting.next(), wanted) {
        (Some(one), None, _) => Ok(one),
        (None, _, Some(wanted)) => {
            output::error(packs::unknown("grader", wanted, &names));
            Err(Exit::Usage)
        }
        _ => {
            let known = list(&names).unwrap_or_default();
            output::error(format!(
                "there are several graders `judge`: {known}; choose one with `--grader NAME` and one pack"
            ));
            Err(Exit::Usage)
        }
    }
}

fn show(name: &str, agreement: &Agreement) {
    let Agreement { model, count, agreeing, kappa, pearson, spearman, mean_absolute_error, .. } = agreement;
    let share = agreement.agreement.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0));
    output::line(format!("{name} ({model}): {share} of {count} labels agree ({agreeing})"));
    let number = |value: &Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    if !agreement.confusion.is_empty() {
        output::line(format!("  Cohen's kappa {}", number(kappa)));
    }
    output::line(format!(
        "  Spearman's correlation {}, Pearson's {}; mean distance {}",
        number(spearman),
        number(pearson),
        number(mean_absolute_error)
    ));
    confusion(agreement);
    for one in agreement.disagreements.iter().take(SHOWN) {
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let reason = one.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        output::line(format!(
            "  line {}: label {}, answer {}{reason}",
            one.line,
            plain(&one.label),
            plain(&one.answer)
        ));
    }
    let more = agreement.disagreements.len().saturating_sub(SHOWN);
    if more > 0 {
        output::line(format!("  and {more} more; `--format json` has all"));
    }
}

/// A table of labels and answers.
fn confusion(agreement: &Agreement) {
    let table = &agreement.confusion;
    if table.is_empty() {
        return;
    }
    let mut answers: Vec<&str> = table.values().flat_map(|row| row.keys()).map(String::as_str).collect();
    answers.extend(table.keys().map(String::as_str));
    answers.sort_unstable();
    answers.dedup();
    let width = answers.iter().map(|name| name.chars().count()).max().unwrap_or_default().max("label".len());
    let head: Vec<String> = answers.iter().map(|name| format!("{name:>width$}")).collect();
    output::line(format!("  {:<width$}  {}", "label", head.join("  ")));
    for (label, row) in table {
        let cells: Vec<String> =
            answers.iter().map(|name| format!("{:>width$}", row.get(*name).copied().unwrap_or_default())).collect();
        output::line(format!("  {label:<width$}  {}", cells.join("  ")));
    }
}
