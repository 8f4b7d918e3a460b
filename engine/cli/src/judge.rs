//! Language models that grade: asked at an endpoint, and never twice the same.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{ErrorKind, Write as _},
    ops::Range,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};

use casebook_compile::check::{AnswerFile, AnswerLine, read_answers};
use casebook_runtime::plugin::{Guest, MAX_REASON, Operation, question_key};
use casebook_syntax::schema_error::Schema;
use serde_json::{Map, Value};

use crate::{
    args::JudgeSettings,
    completions::{Completions, Problem, objects, short, text_of},
    exit::Exit,
};

/// The maximum number of answers that are kept in memory.
const MAX_KNOWN: usize = 1_000_000;

static JUDGES: OnceLock<Option<Arc<Judges>>> = OnceLock::new();

/// Decides by the command line whether models are asked; before any pack is read.
///
/// # Errors
///
/// When the endpoint's address or the file of answers is of no use; with the exit code that says which.
pub(crate) fn allow(settings: &JudgeSettings) -> Result<(), (Exit, String)> {
    let judges = Judges::new(settings)?;
    // Nothing has asked for it yet.
    let _ = JUDGES.set(judges.map(Arc::new));
    Ok(())
}

/// What asks models, if the command line allows it or names a file of answers.
pub(crate) fn judges() -> Option<Arc<Judges>> {
    JUDGES.get().cloned().flatten()
}

/// The exit code of a command in which models may have been asked: an endpoint that never answered says nothing about a pack.
pub(crate) fn exit(exit: Exit) -> Exit {
    let is_unreachable = judges().is_some_and(|judges| judges.unreachable().is_some());
    if exit == Exit::Findings && is_unreachable { Exit::Failure } else { exit }
}

/// What is asked of models, and what they answered.
#[derive(Debug)]
pub(crate) struct Judges {
    endpoint: Option<Completions>,
    known: Mutex<HashMap<String, Known>>,
    /// Why the endpoint cannot be reached, once that is known and it has never answered.
    unreachable: OnceLock<String>,
    /// The questions that are being asked, so that none is asked twice at the same time.
    open: Mutex<HashSet<String>>,
    closed: Condvar,
    /// The file of `--judge-cache`.
    file: Option<Mutex<File>>,
    /// What was asked since somebody began to look.
    seen: Mutex<Option<Seen>>,
}

/// An answer that need not be asked for.
#[derive(Debug, Clone)]
struct Known {
    answer: String,
    /// The file and the line, until the answer is known to be one that may be given.
    unchecked: Option<(Arc<Path>, usize)>,
}

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The answers that were used, by their keys.
    pub(crate) answers: BTreeMap<String, AnswerLine>,
    /// Why a question has no answer.
    pub(crate) problem: Option<String>,
}

impl Judges {
    fn new(settings: &JudgeSettings) -> Result<Option<Self>, (Exit, String)> {
        let JudgeSettings { judge, judge_cache, judge_key_env, judge_retries, judge_timeout } = settings;
        if judge.is_none() && judge_cache.is_none() {
            return Ok(None);
        }
        let endpoint = judge.as_deref();
        let endpoint = endpoint.map(|url| Completions::new(url, judge_key_env, *judge_timeout, *judge_retries));
        let endpoint = endpoint.transpose().map_err(|problem| (Exit::Usage, format!("`--judge`: {problem}")))?;
        let mut known = HashMap::new();
        let mut file = None;
        if let Some(path) = judge_cache {
            let text = read(path).map_err(|problem| (Exit::Failure, problem))?;
            let AnswerFile { lines, problems } = read_answers(&text);
            if !problems.is_empty() {
                let problem = |(span, problem): &(Range<usize>, String)| {
                    let line = line_of(&text, span.start);
                    format!("`{}` line {line} is not an answer: {problem}", path.display())
                };
                return Err((Exit::Findings, problems.iter().map(problem).collect::<Vec<_>>().join("\n")));
            }
            known.extend(learned(path, &text, lines));
            if endpoint.is_some() {
                let opened = OpenOptions::new().create(true).append(true).open(path);
                let refused = |error| (Exit::Failure, format!("`{}` cannot be written: {error}", path.display()));
                file = Some(opened.map_err(refused)?);
            }
        }
        Ok(Some(Self {
            endpoint,
            known: Mutex::new(known),
            unreachable: OnceLock::new(),
            open: Mutex::default(),
            closed: Condvar::new(),
            file: file.map(Mutex::new),
            seen: Mutex::default(),
        }))
    }

    /// Whether there is a model to ask.
    pub(crate) fn asks(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Why the endpoint cannot be reached, if it never could.
    pub(crate) fn unreachable(&self) -> Option<&str> {
        self.unreachable.get().map(String::as_str)
    }

    /// Adds answers of a file that need not be asked for.
    pub(crate) fn learn(&self, path: &Path, text: &str) {
        lock(&self.known).extend(learned(path, text, read_answers(text).lines));
    }

    /// Begins to note what is asked.
    pub(crate) fn begin(&self) {
        *lock(&self.seen) = Some(Seen::default());
    }

    /// What was asked since then.
    pub(crate) fn end(&self) -> Seen {
        lock(&self.seen).take().unwrap_or_default()
    }

    fn answer(&self, request: &str) -> Result<String, String> {
        // One question without an answer is enough for those that look: the next try asks the others.
        if let Some(problem) = lock(&self.seen).as_ref().and_then(|seen| seen.problem.clone()) {
            return Err(problem);
        }
        let key = question_key(request);
        let answer = self.find(&key, request);
        if let Some(seen) = &mut *lock(&self.seen) {
            match &answer {
                Ok(answer) => {
                    seen.answers.insert(key.clone(), line(&key, request, answer));
                }
                Err(problem) => seen.problem = Some(problem.clone()),
            }
        }
        answer
    }

    /// The answer that is known, or a new one.
    fn find(&self, key: &str, request: &str) -> Result<String, String> {
        let mut open = lock(&self.open);
        loop {
            if let Some(known) = self.known(key, request)? {
                return Ok(known);
            }
            if open.insert(key.to_owned()) {
                break;
            }
            open = self.closed.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
        drop(open);
        let answer = self.ask(request);
        if let Ok(answer) = &answer {
            let mut known = lock(&self.known);
            if known.len() < MAX_KNOWN || known.contains_key(key) {
                known.insert(key.to_owned(), Known { answer: answer.clone(), unchecked: None });
            }
        }
        lock(&self.open).remove(key);
        self.closed.notify_all();
        let answer = answer?;
        self.keep(&line(key, request, &answer))?;
        Ok(answer)
    }

    /// The answer that is known. One of a file that may not be given counts as none where a model can be asked.
    fn known(&self, key: &str, request: &str) -> Result<Option<String>, String> {
        let mut known = lock(&self.known);
        let Some(found) = known.get_mut(key) else { return Ok(None) };
        if let Some((path, line)) = found.unchecked.take() {
            let asked: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
            let validator = Schema::new(&asked["response_format"]["json_schema"]["schema"])?;
            if !validator.is_valid(&serde_json::from_str(&found.answer).unwrap_or_default()) {
                let problem =
                    format!("`{}` line {line} has an answer that may not be given: {}", path.display(), found.answer);
                found.unchecked = Some((path, line));
                return if self.asks() { Ok(None) } else { Err(problem) };
            }
        }
        Ok(Some(found.answer.clone()))
    }

    fn ask(&self, request: &str) -> Result<String, String> {
        let Some(endpoint) = &self.endpoint else {
            return Err(
                "its prompt is not in the file of `--judge-cache`, and no model is asked; pass `--judge URL`".into()
            );
        };
        if let Some(problem) = self.unreachable() {
            return Err(problem.to_owned());
        }
        let asked: Value = serde_json::from_str(request).map_err(|error| error.to_string())?;
        let schema = &asked["response_format"]["json_schema"]["schema"];
        let validator = Schema::new(schema)?;
        let read = |completion: Value| {
            let content = &*text_of(&completion["choices"][0]["message"]["content"]);
            // It may quote what it grades, and an agent may have written an answer there: answers that differ are none.
            let mut answers: Vec<Value> = objects(thought_out(content))
                .unwrap_or_default()
                .into_iter()
                .map(|answer| only(answer, schema))
                .collect();
            answers.retain(|answer| validator.is_valid(answer));
            answers.dedup();
            match <[Value; 1]>::try_from(answers) {
                Ok([answer]) => Ok(answer),
                Err(answers) if answers.is_empty() => {
                    Err(format!("the model does not answer as it was asked: `{}`", short(content)))
                }
                Err(_) => Err(format!("the model gives several answers: `{}`", short(content))),
            }
        };
        // A thread that serves sockets cannot wait for others.
        let answer = thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
                endpoint.ask(&runtime, request, read).map_err(|problem| match problem {
                    Problem::Unreachable(text) => self.unreachable.get_or_init(|| text).clone(),
                    Problem::NoCompletion(text) => text,
                })
            });
            asking.join().unwrap_or_else(|_| Err("asking the model failed".into()))
        });
        answer.map(|answer| answer.to_string())
    }

    /// Adds an answer to the file.
    fn keep(&self, line: &AnswerLine) -> Result<(), String> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_string(line).map_err(|error| error.to_string())? + "\n";
        let written = lock(file).write_all(text.as_bytes());
        written.map_err(|error| format!("the file of `--judge-cache` cannot be written: {error}"))
    }
}

impl Guest for Judges {
    fn describe(&self) -> Result<String, String> {
        Err("is a language model, which does not describe itself".into())
    }

    fn call(&self, _operation: Operation, input: &str) -> Result<String, String> {
        self.answer(input)
    }

    fn records(&self) -> bool {
        true
    }

    fn fuel_of(&self, _operation: Operation, _input: &str) -> Result<u64, String> {
        Err("is a language model, which has no fuel".into())
    }
}

/// Reads a file of answers; one that does not exist holds none.
fn read(path: &Path) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("`{}` cannot be read: {error}", path.display())),
    }
}

/// Answers of a file as what is known.
fn learned(path: &Path, text: &str, lines: Vec<(Range<usize>, AnswerLine)>) -> impl Iterator<Item = (String, Known)> {
    let path: Arc<Path> = path.into();
    let (mut line, mut counted) = (1, 0);
    let mut places = Vec::with_capacity(lines.len());
    for (span, _) in &lines {
        line += text[counted..span.start].matches('\n').count();
        counted = span.start;
        places.push(line);
    }
    lines.into_iter().zip(places).map(move |((_, line), place)| {
        let answer = Value::Object(line.answer).to_string();
        (line.question, Known { answer, unchecked: Some((Arc::clone(&path), place)) })
    })
}

/// The line of a byte, from 1.
fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn line(key: &str, request: &str, answer: &str) -> AnswerLine {
    let asked: Value = serde_json::from_str(request).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    AnswerLine {
        question: key.to_owned(),
        model: text(&asked["model"]),
        prompt: text(&asked["messages"][1]["content"]),
        answer: serde_json::from_str(answer).unwrap_or_default(),
    }
}

/// The keys of an answer that were asked for, with as much of the reason as is ever read.
fn only(answer: Value, schema: &Value) -> Value {
    let Value::Object(answer) = answer else { return answer };
    let known = |name: &String| schema["properties"].get(name).is_some();
    let mut answer: Map<_, _> = answer.into_iter().filter(|(name, _)| known(name)).collect();
    if let Some(Value::String(reason)) = answer.get_mut("reason") {
        *reason = reason.trim().chars().take(MAX_REASON).collect();
    }
    Value::Object(answer)
}

/// What a model answers behind what it thinks aloud first.
fn thought_out(text: &str) -> &str {
    let text = text.trim_start();
    let behind = text.strip_prefix("<think>").and_then(|text| text.split_once("</think>"));
    behind.map_or(text, |(_, answer)| answer)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
