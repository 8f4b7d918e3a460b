//! Rule cases, with what matched and why.

use std::sync::Arc;

use casebook_runtime::{
    model::{Column, Datum, TruthCell},
    rules::{CompiledRule, Conflict, Decided, Facts, RuleSet, Trace},
    scenario::{Pack, suite::RuleCase},
};

use super::{Case, CaseKind, Trial, case, coverage::Seen};

pub(super) fn run(pack: &Arc<Pack>, suite: &str, test: &RuleCase, seen: &mut Seen) -> Case {
    let facts = Facts { fields: &test.fields, clock: test.clock };
    let Some(rules) = pack.rules.get(&test.of) else {
        let details = vec![format!("the pack has no rules `{}`", test.of)];
        return case(suite, CaseKind::Rule, &test.name, Some(&test.site), details, false);
    };
    let judged = rules.decide(facts);
    let mut wrong = match &judged {
        Ok(decided) => misses(pack, test, decided),
        Err(Conflict(a, b)) => {
            vec![format!("the rules `{}` and `{}` both match and differ", a.reason.id, b.reason.id)]
        }
    };
    let passed = wrong.is_empty();
    if passed {
        seen.rules(rules, facts, judged.as_ref().map(Vec::as_slice).unwrap_or_default());
    } else {
        wrong.extend(explain(rules, facts, test, &pack.fields));
    }
    case(suite, CaseKind::Rule, &test.name, Some(&test.site), wrong, passed)
}

/// What the rules decide otherwise than expected.
fn misses(pack: &Pack, test: &RuleCase, decided: &[Decided<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (formulas, failed) = computed(pack, test);
    for (column, expected) in &test.expect {
        let name = &pack.decisions[*column].name;
        let words = |datum: &casebook_runtime::model::Datum| plain(&datum.to_json(&pack.decisions[*column]));
        if pack.derived.has_truth(*column) {
            let value = formulas[*column].value.as_ref();
            let problem = failed.iter().find(|(at, _)| at == column).map(|(_, problem)| problem.as_str());
            match (value, problem) {
                (Some(value), _) if value.says(expected) => {}
                (Some(value), _) => {
                    wrong.push(format!(
                        "{name} should be `{}`, but is computed as `{}`",
                        words(expected),
                        words(value)
                    ));
                }
                (None, problem) => {
                    let why = problem.unwrap_or("its value is null");
                    wrong.push(format!("{name} should be `{}`, but cannot be computed: {why}", words(expected)));
                }
            }
            continue;
        }
        match decided.iter().find(|one| one.column == *column) {
            Some(one) if one.value.says(expected) => {}
            Some(one) => wrong.push(format!(
                "{name} should be `{}`, but {} decides `{}`",
                words(expected),
                one.rule.map_or_else(|| "the default".to_owned(), |rule| format!("`{}`", rule.reason.id)),
                words(one.value)
            )),
            None => wrong.push(format!("{name} should be `{}`, but nothing decides it", words(expected))),
        }
    }
    if let Some(by) = &test.by {
        let mut deciders: Vec<&str> = Vec::new();
        for one in decided {
            let id = one.rule.map_or("default", |rule| rule.reason.id.as_str());
            if !deciders.contains(&id) {
                deciders.push(id);
            }
        }
        let mut wanted: Vec<&str> = by.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        deciders.sort_unstable();
        if wanted != deciders {
            let words = if deciders.is_empty() { "nothing".to_owned() } else { format!("`{}`", deciders.join("`, `")) };
            wrong.push(format!("it should be decided by `{}`, but {words} decides", wanted.join("`, `")));
        }
    }
    wrong
}

/// What the formulas of the pack say about the item of a case, and which of them fail.
fn computed(pack: &Pack, test: &RuleCase) -> (Vec<TruthCell>, Vec<(usize, String)>) {
    let json = |(datum, column): (&Option<Datum>, &Column)| datum.as_ref().map(|datum| datum.to_json(column));
    let values: Vec<_> = test.fields.iter().zip(pack.fields.iter()).map(json).collect();
    let mut truth = vec![TruthCell::default(); pack.decisions.len()];
    let failed = pack.derived.judge((&pack.fields, &pack.decisions), &values, &mut truth);
    (truth, failed)
}

/// The rules that matter for a failed case, condition by condition.
fn explain(rules: &RuleSet, facts: Facts<'_>, test: &RuleCase, columns: &[Column]) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in &rules.rules {
        let named = test.by.iter().flatten().any(|id| *id == rule.reason.id);
        let would_do = test.expect.iter().any(|pair| rule.then.contains(pair));
        let matches = rule.matches(facts);
        if !(matches || named || would_do) {
            continue;
        }
        lines.push(format!("  `{}` {}", rule.reason.id, verdict(rule, facts, matches)));
        conditions(&rule.when.trace(facts, columns), 2, &mut lines);
        if let Some(except) = &rule.except {
            let trace = except.trace(facts, columns);
            lines.push(format!("    except, which {}:", if trace.holds { "holds" } else { "does not hold" }));
            conditions(&trace, 3, &mut lines);
        }
    }
    lines
}

fn verdict(rule: &CompiledRule, facts: Facts<'_>, matches: bool) -> &'static str {
    match (matches, rule.is_valid(facts.clock), rule.trial) {
        (true, _, true) => "matches, but is only on trial",
        (true, _, false) => "matches",
        (false, false, _) => "is not valid at this moment",
        (false, true, _) => "does not match",
    }
}

/// One line a condition; groups are indented, and a group of everything is not named.
fn conditions(trace: &Trace, depth: usize, lines: &mut Vec<String>) {
    if trace.text == "all of" {
        for part in &trace.parts {
            conditions(part, depth, lines);
        }
        return;
    }
    let mark = if trace.holds { "yes" } else { "no " };
    let found = trace.found.as_ref().filter(|_| !trace.holds).map(|found| format!(" (it {found})")).unwrap_or_default();
    lines.push(format!("{}{mark} {}{found}", "  ".repeat(depth), trace.text));
    for part in &trace.parts {
        conditions(part, depth + 1, lines);
    }
}

/// What the rules on trial would do to the items of the tasks.
pub(super) fn trials(pack: &Pack) -> Vec<Trial> {
    let mut trials = Vec::new();
    for rules in pack.rules.values() {
        for rule in rules.rules.iter().filter(|rule| rule.trial) {
            let mut trial = Trial {
                rules: rules.name.clone(),
                rule: rule.reason.id.clone(),
                items: Vec::new(),
                changes: Vec::new(),
            };
            for task in &pack.tasks {
                for item in task.items.iter().filter_map(|variants| variants.forms.first()).chain(task.samples.iter()) {
                    if !rule.matches(Facts { fields: &item.fields, clock: task.clock }) {
                        continue;
                    }
                    let name = format!("{}/{}", task.name, item.id);
                    if rule.then.iter().any(|(column, value)| item.truth[*column].value.as_ref() != Some(value)) {
                        trial.changes.push(name.clone());
                    }
                    trial.items.push(name);
                }
            }
            trials.push(trial);
        }
    }
    trials
}

fn plain(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
