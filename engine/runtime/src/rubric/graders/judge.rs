//! `judge`: what a language model makes of an item's decisions.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use minijinja::{
    Environment, Value as Context,
    machinery::{ast::Stmt, parse},
    syntax::SyntaxConfig,
    value::Serde,
};
use serde_json::{Map, Value, json};

use crate::{
    expression::{names_read, words},
    model::{Column, Datum, Item, Row, TruthCell},
    plugin::{Judge, Scale, Verdict, question_key},
    rubric::{Failure, Grade, Note, RowGrader, View},
};

/// The name of the prompt in its engine.
const PROMPT: &str = "prompt";

/// A prompt: a template over `item`, `decision` and `truth`.
#[derive(Debug)]
pub struct Prompt {
    engine: Environment<'static>,
    /// What it reads, as dotted names.
    reads: HashSet<String>,
    /// The texts that are in it however it is filled, in order.
    pieces: Vec<String>,
}

impl Prompt {
    /// Compiles a template with an engine of its own.
    ///
    /// # Errors
    ///
    /// When the text is not one.
    pub fn new(mut engine: Environment<'static>, text: &str) -> Result<Self, minijinja::Error> {
        engine.add_template_owned(PROMPT, text.to_owned())?;
        Ok(Self { engine, reads: names_read(text), pieces: pieces(text) })
    }

    /// What it reads, as dotted names such as `item.text`.
    pub fn reads(&self) -> &HashSet<String> {
        &self.reads
    }

    /// Whether a text may be this prompt, filled with something.
    pub fn may_give(&self, text: &str) -> bool {
        let mut rest = text;
        self.pieces.iter().all(|piece| match rest.split_once(piece.as_str()) {
            Some((_, behind)) => {
                rest = behind;
                true
            }
            None => false,
        })
    }

    /// Fills it.
    ///
    /// # Errors
    ///
    /// When it reads a name that is not among these, or does not work with a value.
    pub fn render(&self, names: &Context) -> Result<String, String> {
        let filled = self.engine.get_template(PROMPT).and_then(|template| template.render(names));
        filled.map_err(|error| words(&error))
    }
}

/// The texts of a template outside of blocks, which are part of every filled prompt.
fn pieces(template: &str) -> Vec<String> {
    let Ok(Stmt::Template(parsed)) = parse(template, PROMPT, SyntaxConfig::default()) else {
        return Vec::new();
    };
    let raw = parsed.children.iter().filter_map(|statement| match statement {
        // Blanks at the end of a template may not be printed.
        Stmt::EmitRaw(raw) => Some(raw.raw.trim().to_owned()),
        _ => None,
    });
    raw.filter(|piece| !piece.is_empty()).collect()
}

/// `judge`.
#[derive(Debug)]
pub struct JudgeGrader {
    /// Who is asked.
    pub judge: Judge,
    /// The model, as the endpoint names it.
    pub model: String,
    /// What it is asked.
    pub prompt: Prompt,
    /// What it may answer.
    pub scale: Scale,
    /// The decision that it is about.
    pub column: Option<usize>,
    /// The fields of items.
    pub fields: Arc<[Column]>,
}

impl JudgeGrader {
    /// What the model is asked about some names that the prompt reads.
    ///
    /// # Errors
    ///
    /// When the prompt does not work with them.
    pub fn request(&self, names: &Context) -> Result<String, String> {
        let prompt = self.prompt.render(names)?;
        Ok(self.scale.request(&self.model, &prompt))
    }

    /// Whether it would ask this model the filled prompt under this key, as far as the prompt's fixed texts say it.
    pub fn may_ask(&self, key: &str, model: &str, prompt: &str) -> bool {
        self.is_asked(key, model, prompt) && self.prompt.may_give(prompt)
    }

    /// Whether the key is that of the filled prompt for this model, with what this grader may be answered.
    pub fn is_asked(&self, key: &str, model: &str, prompt: &str) -> bool {
        model == self.model && question_key(&self.scale.request(model, prompt)) == key
    }

    /// Asks outside of an episode, about names that the prompt reads.
    ///
    /// # Errors
    ///
    /// When the prompt does not work with them, nobody can answer, or the answer does not fit.
    pub fn verdict(&self, names: &Value) -> Result<Verdict, String> {
        let request =
            self.request(&Context::from(Serde(names))).map_err(|problem| format!("the prompt fails: {problem}"))?;
        self.judge.ask(&request, &self.scale).map_err(|problem| format!("the grader {problem}"))
    }

    fn names(&self, view: &View<'_>, (item, row): (&Arc<Item>, &Row)) -> Context {
        let visible = self.fields.iter().zip(item.shown()).filter(|(column, _)| column.visible);
        let mut shown: Map<String, Value> =
            visible.map(|(column, cell)| (column.name.clone(), json_of(cell.as_ref(), column))).collect();
        shown.insert("id".into(), item.id.as_str().into());
        let decided = view.decisions.iter().enumerate().map(|(at, column)| {
            let cell = row.cell(at).filter(|_| row.in_play(column));
            (column.name.clone(), json_of(cell, column))
        });
        let decided: Map<String, Value> = decided.collect();
        let truth =
            view.decisions.iter().zip(&item.truth).map(|(column, cell)| (column.name.clone(), right(column, cell)));
        let truth: Map<String, Value> = truth.collect();
        Context::from(BTreeMap::from([
            ("item", Context::from(Serde(&shown))),
            ("decision", Context::from(Serde(&decided))),
            ("truth", Context::from(Serde(&truth))),
        ]))
    }
}

impl RowGrader for JudgeGrader {
    fn applies(&self, item: &Item) -> bool {
        self.column.is_none_or(|column| item.truth[column].is_known())
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        let (item, cells) = (&view.items[row], &view.rows[row]);
        if !cells.is_decided() {
            return Ok(Grade::default());
        }
        if self.column.is_some_and(|column| cells.cell(column).is_none()) {
            return Ok(Grade { value: 0.0, note: Some(Box::new(Note::of("there is nothing to judge"))) });
        }
        let request = self.request(&self.names(view, (item, cells)));
        let request = request.map_err(|problem| Failure::new(format!("has a prompt that fails: {problem}")))?;
        let verdict =
            self.judge.ask_within(&request, &self.scale, (view.inputs, view.steps.len())).map_err(Failure::new)?;
        let choice = verdict.choice.map(|choice| format!("`{choice}`"));
        let reason = match (choice, verdict.reason) {
            (Some(choice), Some(reason)) => Some(format!("{choice}: {reason}")),
            (choice, reason) => choice.or(reason),
        };
        let note = reason.map(|reason| Box::new(Note { reason: Some(reason), ..Note::default() }));
        Ok(Grade { value: verdict.value, note })
    }
}

/// A value as JSON; null where there is none.
fn json_of(cell: Option<&Datum>, column: &Column) -> Value {
    cell.map_or(Value::Null, |cell| cell.to_json(column))
}

/// What is right about a decision, with nothing for what is not known.
fn right(column: &Column, cell: &TruthCell) -> Value {
    let keywords: Vec<&str> = cell.keywords.iter().map(|keyword| keyword.text.raw.as_str()).collect();
    json!({
        "value": json_of(cell.value.as_ref(), column),
        "keywords": keywords,
        "reference": cell.reference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_knows_what_it_may_have_given() {
        let prompt =
            "Asked: {{ item.text }}\n{% if item.vip %}Be kind.{% endif %}\n<reply>{{ decision.reply }}</reply>\n";
        let prompt = Prompt::new(Environment::new(), prompt).expect("a template");
        assert!(prompt.may_give("Asked: Where?\n\n<reply>There.</reply>"));
        assert!(prompt.may_give("Asked: \nBe kind.\n<reply></reply>"));
        for other in ["", "Asked: Where? There.", "Question: Where?\n\n<reply>There.</reply>", "<reply>Asked:</reply>"]
        {
            assert!(!prompt.may_give(other), "{other}");
        }
    }
}
