//! Rules to predicates and outcomes.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use casebook_runtime::{
    model::{Datum, RuleReason, read_moment},
    rules::{CompiledRule, Predicate, RuleSet},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, Condition, Document, Mode},
};
use serde_json::{Map, Value};

use super::{Parts, lines::Lines};
use crate::{
    rubric,
    rules::{self, Policy, References, Scope, Written},
};

pub(super) fn compile(
    document: &Document,
    spec: &spec::Rules,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<RuleSet> {
    let before = report.errors();
    let scope = Scope { document, columns: &parts.fields, hidden: None, lists: &spec.lists, regexes: &parts.regexes };
    let lines = Lines::new(document);
    let mut seen = HashSet::new();
    let written = rules::written(document, spec, &parts.fields, &parts.decisions, report);
    let mut compiled = Vec::with_capacity(written.len());
    for one in &written {
        let id = &one.rule.id;
        if !seen.insert(id.as_str()) {
            report.push(
                document
                    .at(Code::DuplicateName, &one.places[0], format!("two rules have the id `{id}`"))
                    .hint("rename one of the two"),
            );
        }
        let when = all(scope, &one.when, report);
        let except = all(scope, &one.except, report);
        let then: Vec<(usize, Datum)> =
            one.then.iter().flat_map(|(pointer, map)| outcome(document, pointer, map, parts, report)).collect();
        let valid = validity(document, one, report);
        if let (Some(when), Some(except), Some(valid)) = (when, except, valid) {
            let reason =
                Arc::new(RuleReason { id: id.clone(), because: one.rule.because.clone(), severity: one.rule.severity });
            let except = (!one.except.is_empty()).then_some(except);
            compiled.push(CompiledRule {
                reason,
                place: lines.of(&one.pointer),
                when,
                except,
                then,
                trial: one.rule.mode == Mode::Test,
                valid,
            });
        }
    }
    check_idle(document, spec, &written, parts, report);
    let default =
        spec.default.as_ref().map(|default| outcome(document, "/default", default, parts, report)).unwrap_or_default();
    let all: Vec<&spec::Rule> = written.iter().map(|one| &*one.rule).collect();
    let references = References { lists: &spec.lists, fields: &parts.fields };
    if spec.default_because.is_some() && spec.default.is_none() {
        report.push(
            document
                .at_key(Code::BadDeclaration, "/default_because", "there is no default to give a reason for")
                .hint("add `default:`, or remove the line"),
        );
    }
    let (default_words, default_because) = (spec.default.as_ref(), spec.default_because.as_deref());
    let policy = Policy { hit: spec.hit, rules: &all, default: default_words, default_because, references };
    let sentences = written.iter().map(|one| (one.rule.id.clone(), rules::sentence(&one.rule, references))).collect();
    (report.errors() == before).then(|| {
        let mut set = RuleSet::new(&spec.name, spec.hit, compiled, default, &parts.fields);
        (set.policy, set.table, set.sentences) = (policy.prose(), policy.table(), sentences);
        set
    })
}

/// Warns of decisions whose truth comes from elsewhere, so that what these rules say about them has no effect.
fn check_idle(
    document: &Document,
    spec: &spec::Rules,
    written: &[Written<'_>],
    parts: &Parts<'_>,
    report: &mut Report,
) {
    let decisions = &parts.environment.decision;
    let decides = |name: &str| {
        decisions
            .get(name)
            .and_then(|one| one.truth.as_ref())
            .is_some_and(|truth| truth.rules.as_ref() == Some(&spec.name))
    };
    if !decisions.keys().any(|name| decides(name)) {
        // Nothing uses these rules, which is told elsewhere.
        return;
    }
    let outcomes = written.iter().flat_map(|one| &one.then).map(|(pointer, then)| (pointer.as_str(), &**then));
    let mut told = HashSet::new();
    for (pointer, then) in outcomes.chain(spec.default.iter().map(|default| ("/default", default))) {
        for name in then.keys().filter(|name| decisions.contains_key(*name) && !decides(name)) {
            if told.insert(name.clone()) {
                report.push(
                    document
                        .at_key(
                            Code::NoEffect,
                            format!("{pointer}/{name}"),
                            format!("`{name}` has no effect: its right value does not come from these rules"),
                        )
                        .hint(format!("remove it, or give the decision `truth: {{ rules: {} }}`", spec.name)),
                );
            }
        }
    }
}

/// Compiles the parts of a condition into one.
fn all(scope: Scope<'_>, conditions: &[(String, Cow<'_, Condition>)], report: &mut Report) -> Option<Predicate> {
    let mut parts: Vec<Option<Predicate>> = Vec::new();
    for (pointer, condition) in conditions {
        parts.push(rules::compile(scope, pointer, condition, report));
    }
    let mut parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
    if parts.len() == 1 { parts.pop() } else { Some(Predicate::All(parts)) }
}

/// Reads the dates between which a rule is valid.
fn validity(document: &Document, one: &Written<'_>, report: &mut Report) -> Option<(Option<i64>, Option<i64>)> {
    let before = report.errors();
    let mut read = |place: &str, text: Option<&String>| match read_moment(text?) {
        Ok(moment) => Some(moment),
        Err(expected) => {
            report.push(
                document
                    .at(Code::BadValue, place, format!("`{}` is not a date", text?))
                    .label(format!("expected {expected}")),
            );
            None
        }
    };
    let (from, until) = (read(&one.places[1], one.rule.from.as_ref()), read(&one.places[2], one.rule.until.as_ref()));
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        report.push(
            document
                .at(Code::OutOfBounds, &one.places[2], format!("the rule `{}` is never valid", one.rule.id))
                .hint("`until` is the day on which it ends; it must be after `from`"),
        );
    }
    (report.errors() == before).then_some((from, until))
}

/// Reads what a rule decides: one value for each decision.
fn outcome(
    document: &Document,
    pointer: &str,
    given: &Map<String, Value>,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Vec<(usize, Datum)> {
    for (name, value) in given {
        let set = parts.decisions.iter().any(|column| column.name == *name && column.kind == ValueType::Set);
        if value.is_array() && (!set || rubric::is_list_of_lists(value)) {
            report.push(
                document
                    .at(
                        Code::BadValue,
                        format!("{pointer}/{name}"),
                        format!("a rule decides one `{name}`, not several"),
                    )
                    .hint("write one value"),
            );
        }
    }
    rubric::decision_values(document, pointer, given, &parts.decisions, report)
        .into_iter()
        .filter_map(|(column, mut values)| Some((column, values.pop()?)))
        .collect()
}
