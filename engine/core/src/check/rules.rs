//! Rules to predicates and outcomes.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Map, Value};

use super::Parts;
use crate::{
    diagnostic::{Code, Report},
    model::{Datum, RuleReason},
    rubric,
    rules::{self, CompiledRule, RuleSet, Scope},
    spec::{self, Document, Hit},
};

pub(super) fn compile(
    document: &Document,
    spec: &spec::Rules,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<RuleSet> {
    let before = report.errors();
    let scope =
        Scope { document, columns: &parts.fields, visible_only: false, lists: &spec.lists, regexes: &parts.regexes };
    let mut seen = HashSet::new();
    let mut compiled = Vec::new();
    for (at, rule) in spec.rules.iter().enumerate() {
        let pointer = format!("/rules/{at}");
        if !seen.insert(rule.id.as_str()) {
            report.push(
                document
                    .at(Code::DuplicateName, format!("{pointer}/id"), format!("two rules have the id `{}`", rule.id))
                    .hint("rename one of the two"),
            );
        }
        let when = rules::compile(scope, &format!("{pointer}/when"), &rule.when, report);
        let except =
            rule.except.as_ref().map(|except| rules::compile(scope, &format!("{pointer}/except"), except, report));
        let then = outcome(document, &format!("{pointer}/then"), &rule.then, parts, report);
        if let (Some(when), Some(except)) = (when, except.map_or(Some(None), |except| except.map(Some))) {
            let reason = Arc::new(RuleReason { id: rule.id.clone(), because: rule.because.clone() });
            compiled.push(CompiledRule { reason, when, except, then });
        }
    }
    let default =
        spec.default.as_ref().map(|default| outcome(document, "/default", default, parts, report)).unwrap_or_default();
    (report.errors() == before).then(|| RuleSet {
        name: spec.name.clone(),
        first: spec.hit == Hit::First,
        rules: compiled,
        default,
    })
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
        if value.is_array() {
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
