//! The prompts of language models that grade, and what they answered.

use std::{ops::Range, sync::Arc};

use casebook_runtime::{
    model::Column,
    names::list,
    plugin::Answers,
    rubric::{
        Rubric,
        graders::{JudgeGrader, Prompt},
    },
    scenario::templates::{engine, reads},
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    source::{self, PackSource, SourceFile},
    spec::Document,
};
use indexmap::IndexMap;
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

/// A file of answers: the lines that are answers, and what is wrong with the others, each with its bytes.
#[derive(Debug, Default)]
pub struct AnswerFile {
    /// The answers, in order.
    pub lines: Vec<(Range<usize>, AnswerLine)>,
    /// Why the other lines are none.
    pub problems: Vec<(Range<usize>, String)>,
}

/// Reads a file of answers.
pub fn read_answers(text: &str) -> AnswerFile {
    let mut file = AnswerFile::default();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let span = start..start + line.trim_end().len();
        start += line.len();
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<AnswerLine>(line) {
            Ok(line) if line.question.len() == 64 && line.question.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                file.lines.push((span, line));
            }
            Ok(line) => {
                file.problems.push((span, format!("`{}` is not the SHA-256 of a question", line.question)));
            }
            Err(error) => file.problems.push((span, error.to_string())),
        }
    }
    file
}

/// What language models answered, as a pack and those that it extends know it.
pub(super) fn answers(source: &PackSource, report: &mut Report) -> Arc<Answers> {
    let files = source::bases(source).filter_map(|pack| pack.answers.as_ref());
    let answers = files.flat_map(|file| of_file(file, report));
    Arc::new(answers.map(|line| (line.question, Value::Object(line.answer).to_string())).collect())
}

fn of_file(file: &SourceFile, report: &mut Report) -> impl Iterator<Item = AnswerLine> + use<> {
    unreadable(file, report);
    let AnswerFile { lines, problems } = read_answers(&file.text);
    problems.into_iter().for_each(|(span, problem)| report.push(no_answer(file, span, &problem)));
    lines.into_iter().map(|(_, line)| line)
}

fn no_answer(file: &SourceFile, span: Range<usize>, problem: &str) -> Diagnostic {
    Diagnostic::new(Code::BadAnswers, file, span, format!("the line is not an answer: {problem}"))
        .hint("remove the line; `casebook test --update --judge URL` asks again what the tests need, and nothing else")
}

/// Reports answers that the grader that asks for them does not take, and those of the pack's own file that no grader asks for.
pub(super) fn check_answers(source: &PackSource, rubrics: &IndexMap<String, Rubric>, report: &mut Report) {
    let graders: Vec<&JudgeGrader> =
        rubrics.values().flat_map(|rubric| &rubric.judges).map(|(_, grader)| &**grader).collect();
    for (at, file) in source::bases(source).enumerate().filter_map(|(at, pack)| Some((at, pack.answers.as_ref()?))) {
        let lines = read_answers(&file.text).lines;
        let mut stale = Vec::new();
        for (span, line) in &lines {
            let AnswerLine { question, model, prompt, answer } = line;
            let asks = |grader: &&&JudgeGrader| grader.is_asked(question, model, prompt);
            if let Some(grader) = graders.iter().find(asks)
                && let Err(problem) = grader.scale.read(&Value::Object(answer.clone()).to_string())
            {
                report.push(no_answer(file, span.clone(), &format!("the grader {problem}")));
            }
            // Without the prompt nobody knows what it answers.
            if !prompt.is_empty() && !graders.iter().any(|grader| grader.may_ask(question, model, prompt)) {
                stale.push(span);
            }
        }
        // What a pack that is extended asks is its own affair.
        let Some(first) = stale.first().filter(|_| at == 0) else { continue };
        let message = match stale.len() {
            1 => "no grader asks for this answer any more".to_owned(),
            many => format!("no grader asks for {many} of {} answers any more; this is the first", lines.len()),
        };
        report.push(
            Diagnostic::new(Code::StaleAnswers, file, (*first).clone(), message)
                .hint("`casebook test --update --judge URL` asks what the tests need now, and keeps nothing else"),
        );
    }
}

/// Reports sensitive fields that a prompt sends to a model, unless the grader says that it may.
pub(crate) fn check_sensitive(
    (document, pointer): (&Document, &str),
    prompt: &Prompt,
    fields: &[Column],
    report: &mut Report,
) {
    let is_read = |column: &&Column| {
        let name = format!("item.{}", column.name);
        let whole = |read: &String| read == "item" || *read == name || read.starts_with(&format!("{name}."));
        column.sensitive && column.visible && prompt.reads().iter().any(whole)
    };
    let names: Vec<&str> = fields.iter().filter(is_read).map(|column| column.name.as_str()).collect();
    let Some(known) = list(&names) else { return };
    let message = format!("the prompt sends what is `sensitive` to a language model: {known}");
    report.push(document.at(Code::SensitivePrompt, pointer, message).hint(
        "leave it out of the prompt; or, if the model may see it, write `send_sensitive: true` next to the prompt",
    ));
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
