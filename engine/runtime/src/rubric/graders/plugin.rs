//! `plugin`: what code that the pack brings along makes of an item, or of the episode.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{
    model::{Column, Item, Row, TruthCell},
    plugin::{GraderOffer, Parts, Plugin, Section, fields_of},
    rubric::{Failure, Grade, Note, RowGrader, View, WholeGrader},
};

/// `plugin`.
#[derive(Debug)]
pub struct PluginGrader {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// What it offers.
    pub offer: GraderOffer,
    /// The decision that it is about.
    pub column: Option<usize>,
    /// The fields of items.
    pub fields: Arc<[Column]>,
    /// The beginning of every call: an open JSON object.
    pub head: String,
}

impl PluginGrader {
    fn counts(&self, item: &Item) -> bool {
        self.column.is_none_or(|column| item.truth[column].is_known())
    }

    fn reads(&self, section: Section) -> Option<&Parts> {
        self.offer.reads.section(section)
    }

    /// Adds what may be read of a row to an open JSON object.
    fn write_row(&self, view: &View<'_>, (item, row): (&Item, &Row), out: &mut String) {
        match self.reads(Section::Item) {
            None => {}
            Some(Parts::All) => push(out, "item", &item.json),
            Some(parts) => {
                let mut read = fields_of(item, &self.fields, |_, column| column.visible && parts.holds(&column.name));
                read.shift_insert(0, "id".into(), item.id.as_str().into());
                push(out, "item", &Value::Object(read).to_string());
            }
        }
        if let Some(parts) = self.reads(Section::Decision) {
            let named = view.decisions.iter().enumerate().filter(|(_, column)| parts.holds(&column.name));
            let cells = named.filter_map(|(at, column)| {
                let cell = row.cell(at).filter(|_| row.in_play(column))?;
                Some((column.name.clone(), cell.to_json(column)))
            });
            let decided = row.is_decided().then(|| Value::Object(cells.collect()));
            push(out, "decision", &decided.unwrap_or_default().to_string());
        }
        if let Some(parts) = self.reads(Section::Truth) {
            push(out, "truth", &truth(item, view.decisions, parts).to_string());
        }
    }

    fn write_steps(&self, view: &View<'_>, out: &mut String) {
        if self.reads(Section::Steps).is_some() {
            let steps: Value = view
                .steps
                .iter()
                .map(|step| {
                    let items: Vec<&str> = step.touched.iter().map(|row| view.items[*row].id.as_str()).collect();
                    json!({ "items": items, "invalid": step.invalid, "tool": step.tool.is_some() })
                })
                .collect();
            push(out, "steps", &steps.to_string());
        }
    }

    fn call(&self, view: &View<'_>, mut input: String) -> Result<Grade, Failure> {
        input.push('}');
        let answer = self
            .plugin
            .grade_within(&self.offer, &input, (view.inputs, view.steps.len()))
            .map_err(|problem| Failure::new(format!("failed: {problem}")))?;
        let silent = answer.reason.is_none() && answer.parts.is_empty();
        let note = (!silent).then(|| Box::new(Note { reason: answer.reason, parts: answer.parts }));
        Ok(Grade { value: answer.value, note })
    }

    fn of_episode(&self, view: &View<'_>, moment: &str) -> Result<Grade, Failure> {
        let mut input = self.head.clone();
        push(&mut input, "moment", &Value::from(moment).to_string());
        input.push_str(",\"rows\":[");
        for (count, row) in view.table().filter(|(item, _)| self.counts(item)).enumerate() {
            input.push_str(if count == 0 { "{\"number\":" } else { ",{\"number\":" });
            input.push_str(&count.to_string());
            self.write_row(view, row, &mut input);
            input.push('}');
        }
        input.push(']');
        self.write_steps(view, &mut input);
        self.call(view, input)
    }
}

impl RowGrader for PluginGrader {
    fn applies(&self, item: &Item) -> bool {
        self.counts(item)
    }

    fn grade(&self, view: &View<'_>, row: usize) -> Result<Grade, Failure> {
        if !view.rows[row].is_decided() {
            return Ok(Grade::default());
        }
        let mut input = self.head.clone();
        self.write_row(view, (&view.items[row], &view.rows[row]), &mut input);
        self.write_steps(view, &mut input);
        self.call(view, input)
    }
}

impl WholeGrader for PluginGrader {
    fn reward(&self, view: &View<'_>) -> Result<Grade, Failure> {
        self.of_episode(view, "step")
    }

    fn score(&self, view: &View<'_>) -> Result<Grade, Failure> {
        self.of_episode(view, "episode")
    }
}

/// Adds a key to an open JSON object that has one already.
fn push(out: &mut String, key: &str, json: &str) {
    out.push_str(",\"");
    out.push_str(key);
    out.push_str("\":");
    out.push_str(json);
}

fn truth(item: &Item, decisions: &[Column], parts: &Parts) -> Value {
    let known = |(column, cell): &(&Column, &TruthCell)| cell.is_known() && parts.holds(&column.name);
    let cells = decisions.iter().zip(&item.truth).filter(known).map(|(column, cell)| {
        let mut known = Map::new();
        if let Some(value) = &cell.value {
            known.insert("value".into(), value.to_json(column));
        }
        if !cell.keywords.is_empty() {
            known.insert("keywords".into(), cell.keywords.iter().map(|keyword| keyword.text.raw.as_str()).collect());
        }
        if let Some(reference) = &cell.reference {
            known.insert("reference".into(), reference.as_str().into());
        }
        (column.name.clone(), Value::Object(known))
    });
    Value::Object(cells.collect())
}
