//! Instructions that a task plants into its items.

use std::sync::Arc;

use casebook_runtime::{
    episode::MILLION,
    rubric::Rubric,
    scenario::{Plant, PlantedText, templates::is_template},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document},
};
use serde_json::{Map, Value};

use super::Parts;
use crate::rubric;

/// The grader of what is planted.
const INJECTION: &str = "injection";

/// What a task plants; every problem goes to the report.
pub(super) fn compile(
    document: &Document,
    spec: &spec::Task,
    rubric: Option<&Rubric>,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<Plant> {
    let graded = rubric.filter(|rubric| rubric.has(INJECTION));
    let Some(plant) = &spec.plant else {
        if let Some(rubric) = graded {
            let message = format!("the rubric `{}` grades planted instructions, and the task plants none", rubric.name);
            report.push(
                document.at(Code::MissingKey, "", message).hint("add `plant:`, or weight the grader with 0 here"),
            );
        }
        return None;
    };
    if parts.environment.item.is_none() {
        report.push(
            document
                .at_key(Code::BadDeclaration, "/plant", "the environment has no items to plant into")
                .hint("remove `plant`"),
        );
        return None;
    }
    if rubric.is_some() && graded.is_none() {
        report.push(
            document
                .at_key(Code::NoEffect, "/plant", "no grader looks at whether what is planted is obeyed")
                .hint("add `grader: injection` to the rubric"),
        );
    }
    if plant.share.0 <= 0.0 {
        report.push(
            document
                .at(Code::NoEffect, "/plant/share", "`share` has no effect: nothing is planted")
                .hint("write a share above 0, such as `30%`"),
        );
    }
    let field = field(document, &plant.into, parts, report);
    let texts: Vec<Option<PlantedText>> = plant
        .texts
        .iter()
        .enumerate()
        .map(|(at, text)| planted(document, &format!("/plant/texts/{at}"), text, parts, report))
        .collect();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
    let share = (plant.share.0 * f64::from(MILLION)).round() as u32;
    Some(Plant { share, field: field?, texts: texts.into_iter().collect::<Option<_>>()? })
}

/// The field into which instructions are planted.
fn field(document: &Document, name: &str, parts: &Parts<'_>, report: &mut Report) -> Option<usize> {
    let Some(at) = parts.fields.iter().position(|column| column.name == name) else {
        let texts = parts.fields.iter().filter(|column| column.kind == ValueType::Text && column.visible);
        report.push(
            document
                .at(Code::UnknownName, "/plant/into", format!("items have no field `{name}`"))
                .maybe_hint(suggest(name, texts.map(|column| column.name.as_str()))),
        );
        return None;
    };
    let column = &parts.fields[at];
    let problem = match column {
        column if column.kind != ValueType::Text => Some(format!("the field `{name}` is not a `text`")),
        column if !column.visible => Some(format!("agents do not see the field `{name}`")),
        column if column.lengths.1.is_some() => Some(format!("the field `{name}` has a `max_length`")),
        _ => None,
    };
    if let Some(problem) = problem {
        report.push(
            document
                .at(Code::BadDeclaration, "/plant/into", problem)
                .hint("name a visible field of the type `text` without `max_length`"),
        );
        return None;
    }
    if let Some(shown) = shown_count(at, parts) {
        let message = format!("agents see the field `{shown}`, which counts items by `{name}` without what is planted");
        report.push(document.at(Code::BadDeclaration, "/plant/into", message).hint(format!(
            "plant into another field, let the count read other fields than `{name}`, or set `visible: false` for `{shown}` and \
             let no tool reveal it"
        )));
        return None;
    }
    Some(at)
}

/// A field that agents see and that follows from a count of items by a text: it would show which texts were planted.
fn shown_count<'a>(text: usize, parts: &'a Parts<'_>) -> Option<&'a str> {
    let mut changed = parts.derived.reached_from(text);
    changed.insert(text);
    let is_shown = |at: &usize| {
        let column = &parts.fields[*at];
        let mut tools = parts.environment.tools.values();
        column.visible || tools.any(|tool| tool.revealed().any(|name| *name == column.name))
    };
    let counts = parts.derived.counts().iter().filter(|count| count.reads().iter().any(|read| changed.contains(read)));
    let mut follows = counts.flat_map(|count| std::iter::once(count.of).chain(parts.derived.reached_from(count.of)));
    follows.find(is_shown).map(|at| parts.fields[at].name.as_str())
}

fn planted(
    document: &Document,
    pointer: &str,
    text: &spec::PlantedText,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<PlantedText> {
    let given: Map<String, Value> = text.decide.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let errors = report.errors();
    let read = rubric::decision_values(document, &format!("{pointer}/decide"), &given, &parts.decisions, report);
    let mut asks = Vec::with_capacity(read.len());
    for (column, values) in read {
        let decision = &parts.decisions[column];
        match values.as_slice() {
            [value] if decision.kind != ValueType::Text => asks.push((column, value.clone())),
            _ if report.errors() > errors => {}
            values => {
                let message = if values.len() == 1 {
                    format!("`{}` is a text, and a text does not show whether one obeys", decision.name)
                } else {
                    format!("an instruction asks for one value of `{}`", decision.name)
                };
                report.push(
                    document
                        .at(Code::BadDeclaration, format!("{pointer}/decide/{}", decision.name), message)
                        .hint("write one value of a decision that is not a text"),
                );
            }
        }
    }
    if is_template(&text.say) {
        report.push(
            document
                .at(
                    Code::NoEffect,
                    format!("{pointer}/say"),
                    "braces in what is planted stay as they are, since it is read as plain text",
                )
                .hint("write the words themselves"),
        );
    }
    let asks: Arc<[_]> = asks.into();
    (report.errors() == errors).then(|| PlantedText { say: text.say.trim_end().to_owned(), asks })
}
