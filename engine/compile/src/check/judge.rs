//! The prompts of language models that grade, and what they answered.

use std::sync::Arc;

use casebook_runtime::{
    model::Column,
    plugin::Answers,
    rubric::graders::Prompt,
    scenario::templates::{engine, reads},
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    source::{self, PackSource, SourceFile},
    spec::Document,
};
use minijinja::{Value as Context, context, value::Serde};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{scope, template, unreadable};

/// One line of a file of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerLine {
    /// The key of the request.
    pub question: String,
    /// The model, for readers.
    #[serde(default)]
    pub model: String,
    /// The prompt as it was filled, for readers.
    #[serde(default)]
    pub prompt: String,
    /// What the model answered.
    pub answer: Map<String, Value>,
}

/// Reads a file of answers; a problem comes with the bytes of the line that it is about.
///
/// # Errors
///
/// When a line is not an answer.
pub fn read_answers(text: &str) -> Result<Vec<AnswerLine>, (std::ops::Range<usize>, String)> {
    let mut answers = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let read = serde_json::from_str::<AnswerLine>(line).map_err(|error| error.to_string());
        let read = read.and_then(|line| {
            let is_key = line.question.len() == 64 && line.question.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_key { Ok(line) } else { Err(format!("`{}` is not the SHA-256 of a question", line.question)) }
        });
        answers.push(read.map_err(|problem| (span, problem))?);
    }
    Ok(answers)
}

/// What language models answered, as a pack and those that it extends know it.
pub(super) fn answers(source: &PackSource, report: &mut Report) -> Arc<Answers> {
    let files = source::bases(source).filter_map(|pack| pack.answers.as_ref());
    let answers = files.flat_map(|file| of_file(file, report));
    Arc::new(answers.map(|line| (line.question, Value::Object(line.answer).to_string())).collect())
}

fn of_file(file: &SourceFile, report: &mut Report) -> Vec<AnswerLine> {
    unreadable(file, report);
    read_answers(&file.text).unwrap_or_else(|(span, problem)| {
        report.push(
            Diagnostic::new(Code::BadAnswers, file, span, format!("the line is not an answer: {problem}"))
                .hint("`casebook test --update --judge URL` writes the whole file"),
        );
        Vec::new()
    })
}

/// Compiles a prompt, and tries it once.
pub(crate) fn prompt(
    (document, pointer): (&Document, &str),
    text: &str,
    (fields, decisions, judged): (&[Column], &[Column], Option<usize>),
    report: &mut Report,
) -> Option<Prompt> {
    let sample = sample(fields, decisions, judged);
    template::add(&mut engine(), "prompt", document, pointer, text, &sample, report)?;
    if !reads(text).iter().any(|name| name == "decision" || name.starts_with("decision.")) {
        let first = judged.or((!decisions.is_empty()).then_some(0)).map(|at| decisions[at].name.as_str());
        let message = "the prompt reads no decision, so that the model sees nothing of what an agent did";
        report.push(
            document
                .at(Code::BadGrader, pointer, message)
                .hint(format!("write `{{{{ decision.{} }}}}` where the model is to read it", first.unwrap_or("NAME"))),
        );
        return None;
    }
    // It was compiled just now.
    Prompt::new(engine(), text).ok()
}

/// Names that a prompt may read, with sample values.
fn sample(fields: &[Column], decisions: &[Column], judged: Option<usize>) -> Context {
    let visible = || fields.iter().filter(|column| column.visible);
    let mut item = scope::row_sample(visible());
    item.insert("id".into(), "".into());
    let truth = decisions.iter().map(|column| {
        (column.name.clone(), json!({ "value": column.sample(), "keywords": ["keyword"], "reference": "reference" }))
    });
    let truth: Map<String, Value> = truth.collect();
    let undecided = decisions.iter().enumerate().filter(|(at, _)| Some(*at) != judged);
    let undecided = undecided.map(|(_, column)| format!("decision.{}", column.name));
    let unknown = |key: &'static str| decisions.iter().map(move |column| format!("truth.{}.{key}", column.name));
    let optional =
        scope::lacking("item", visible()).chain(undecided).chain(unknown("value")).chain(unknown("reference"));
    context! {
        item => Context::from(Serde(&item)),
        decision => Context::from(Serde(&scope::row_sample(decisions.iter()))),
        truth => Context::from(Serde(&truth)),
        names__optional => optional.collect::<Vec<_>>(),
    }
}
