//! What an episode shows: observations, logs, feedback and reasons.

use std::sync::Arc;

use minijinja::{Value as Context, context};
use serde_json::Value;

use super::{Episode, Outcome, world::World};
use crate::{
    expression::words,
    json::{Name, push_integer, push_number, push_text, push_written},
    model::{Datum, Judged},
    scenario::{
        Instructions, Pack, line,
        observation::{INSTRUCTIONS, Part},
        templates::{ItemView, RowView},
    },
};

impl Episode {
    /// What the observation shows besides items and instructions.
    pub fn shown_beyond_items(&self) -> Value {
        let mut text = String::from("{");
        self.write_observation(&mut text);
        text.push('}');
        let mut shown: Value = serde_json::from_str(&text).unwrap_or_default();
        for (name, part) in &self.pack.observation {
            let is_about_items = matches!(part, Part::Items(_) | Part::Current | Part::Ids(_) | Part::Instructions);
            if let Some(map) = shown.as_object_mut().filter(|_| is_about_items) {
                map.shift_remove(&**name);
            }
        }
        shown
    }

    /// Appends the observation's members, `"name":value,...`, without braces; there may be none after a reset where tools are
    /// the actions.
    pub fn write_observation(&self, out: &mut String) {
        let (mut log, mut made) = (0, 0);
        let mut first = true;
        let mut separate = |out: &mut String| {
            if !std::mem::take(&mut first) {
                out.push(',');
            }
        };
        if self.pack.is_tool_environment() {
            for (name, value) in self.outcome.parts(&self.pack) {
                separate(out);
                push_text(out, name);
                out.push(':');
                out.push_str(&value.to_string());
            }
            if self.tells_instructions() {
                separate(out);
                push_text(out, INSTRUCTIONS);
                out.push(':');
                out.push_str(self.instructions());
            }
        }
        for (name, part) in &self.pack.observation {
            separate(out);
            out.push_str(name.key());
            match part {
                Part::Items(selection) => {
                    out.push('[');
                    push_list(out, self.selected(*selection), |out, row| self.push_item(out, row));
                    out.push(']');
                }
                Part::Current => match self.first_open() {
                    Some(row) => self.push_item(out, row),
                    None => out.push_str("null"),
                },
                Part::Ids(selection) => {
                    out.push('[');
                    push_list(out, self.selected(*selection), |out, row| push_text(out, &self.items[row].id));
                    out.push(']');
                }
                Part::Log(_) => {
                    out.push('[');
                    out.push_str(&self.logs[log]);
                    out.push(']');
                    log += 1;
                }
                Part::Counter(counter) => push_integer(out, self.counter(*counter) as u64),
                Part::Instructions => out.push_str(self.instructions()),
                Part::TaskId => push_text(out, &self.task.name),
                Part::Score => push_number(out, self.score),
                Part::Result(_) => match self.answered().map(|answer| &answer.value) {
                    Some(Value::String(text)) => push_text(out, text),
                    Some(value) => out.push_str(&value.to_string()),
                    None => out.push_str("null"),
                },
                Part::Template(_) | Part::Value(..) => {
                    out.push_str(self.parts.get(made).map_or("null", String::as_str));
                    made += 1;
                }
                Part::Feedback(template) => match self.feedback(template) {
                    Some(line) => push_text(out, &line),
                    None => out.push_str("null"),
                },
            }
        }
    }

    /// Appends what the state shows beyond the protocol's own, each member with a comma before it.
    pub fn write_state(&self, out: &mut String) {
        for variable in self.pack.state.iter().filter(|variable| variable.column.visible) {
            out.push(',');
            push_text(out, &variable.column.name);
            out.push(':');
            out.push_str(&self.state.get(&variable.column.name).unwrap_or(&Value::Null).to_string());
        }
    }

    /// The instructions of its task; empty where there are none.
    pub fn instructions_text(&self) -> String {
        serde_json::from_str(self.instructions()).unwrap_or_default()
    }

    /// Whether the first observation shows the instructions as well as what the pack shows: nothing else would where the tools
    /// are the actions.
    fn tells_instructions(&self) -> bool {
        let shown = |(name, part): &(Name, Part)| &**name == INSTRUCTIONS || matches!(part, Part::Instructions);
        self.steps.is_empty() && self.instructions() != "\"\"" && !self.pack.observation.iter().any(shown)
    }

    /// The instructions as a JSON string.
    fn instructions(&self) -> &str {
        match (&self.instructions, &*self.task.instructions) {
            (Some(text), _) | (None, Instructions::Fixed(text)) => text,
            (None, Instructions::Template(..)) => "null",
        }
    }

    /// Makes the parts of the observation that are templates or expressions, as JSON, in their order.
    pub(super) fn make_parts(&self) -> Result<Vec<String>, String> {
        let mut scope = None;
        let mut parts = Vec::new();
        // Who makes parts reads actions.
        if !self.keeps_actions {
            return Ok(parts);
        }
        for (name, part) in &self.pack.observation {
            let made = match part {
                Part::Template(template) => {
                    let scope = scope.get_or_insert_with(|| self.scope_after()).clone();
                    let text = self.pack.templates.get_template(template).and_then(|template| template.render(scope));
                    text.map(|text| Value::from(text).to_string()).map_err(|error| words(&error))
                }
                Part::Value(expression, kind) => {
                    let scope = scope.get_or_insert_with(|| self.scope_after());
                    expression
                        .eval_as(&self.pack.templates, scope, |value| crate::value::ValueType::fit_any(*kind, value))
                        .map(|value| value.to_string())
                }
                _ => continue,
            };
            parts.push(made.map_err(|error| format!("the observation's `{}` does not work: {error}", &**name))?);
        }
        Ok(parts)
    }

    /// Writes an item as agents see it: its visible fields, and what tools have revealed.
    fn push_item(&self, out: &mut String, row: usize) {
        let item = &self.items[row];
        out.push_str(&item.json);
        let mut fields: Vec<usize> = self.revealed_of(row).collect();
        if fields.is_empty() {
            return;
        }
        fields.sort_unstable();
        fields.dedup();
        out.pop();
        for field in fields {
            let column = &self.pack.fields[field];
            let value = item.shown()[field].as_ref().map_or(Value::Null, |datum| datum.to_json(column));
            out.push(',');
            push_text(out, &column.name);
            out.push(':');
            out.push_str(&value.to_string());
        }
        out.push('}');
    }

    /// The hidden fields of a row that calls have made visible.
    pub fn revealed_of(&self, row: usize) -> impl Iterator<Item = usize> + '_ {
        self.revealed.iter().filter(move |(known, _)| *known == row).map(|(_, field)| *field)
    }

    /// A row's decisions, next to what is right.
    pub(super) fn judge(&self, row: usize) -> impl Iterator<Item = Arc<Judged>> + '_ {
        let (item, decided) = (&self.items[row], &self.rows[row]);
        let columns = self.pack.decisions.iter().enumerate();
        columns.filter_map(move |(at, column)| {
            let tolerates = |given: &Datum, right: &Datum| self.task.rubric.tolerates(at, given, right);
            item.judge(at, column, decided.cell(at), tolerates)
        })
    }

    /// Why the last step was rewarded as it was, in a sentence or more.
    pub(super) fn reason(&self, decisions: &[Arc<Judged>]) -> Arc<str> {
        let more = self.happened();
        match decisions {
            [] if more.is_empty() && self.pack.has_items => "nothing was decided".into(),
            [] if more.is_empty() => "the action was taken".into(),
            [judged] if more.is_empty() => Arc::clone(judged.sentence()),
            _ => {
                let mut reason = String::with_capacity(128);
                for judged in decisions {
                    push_part(&mut reason, &[judged.sentence()]);
                }
                if !more.is_empty() {
                    push_part(&mut reason, &[&more]);
                }
                reason.into()
            }
        }
    }

    /// The result of the last step besides decisions; mostly nothing.
    fn happened(&self) -> String {
        let mut said = String::new();
        let Some(step) = self.steps.last() else { return said };
        if let Some(tool) = step.tool.and_then(|tool| self.pack.action.tools.get(tool)) {
            push_part(&mut said, &["called `", &tool.card.name, "`"]);
        }
        let noun = &self.pack.noun;
        if let Outcome::Called(made) = &self.outcome
            && let Err(failure) = &made.outcome
        {
            push_part(&mut said, &["the call of `", &made.name, "` failed: ", failure.kind.name()]);
        } else if let Outcome::Invalid(reason) = &self.outcome {
            push_part(&mut said, &[reason]);
        } else if step.invalid > 0 {
            push_part(&mut said, &[&step.invalid.to_string(), " decision about an unknown or closed ", noun]);
        }
        if step.completed && self.pack.has_items {
            push_part(&mut said, &["every ", noun, " is decided"]);
        }
        if step.ran_out && self.pack.has_items {
            push_part(&mut said, &["the steps have run out with ", &self.open_rows().count().to_string(), " left"]);
            match World::expected(self.world.as_deref()).len() {
                0 => {}
                coming => said.push_str(&format!(" and {coming} still to come")),
            }
        }
        said
    }

    /// Adds a line about each item that the last step decided.
    pub(super) fn write_logs(&mut self) {
        let Some(step) = self.steps.last() else { return };
        let pack = &self.pack;
        let lines =
            pack.observation.iter().filter_map(|(_, part)| if let Part::Log(line) = part { Some(line) } else { None });
        for (log, line) in lines.enumerate() {
            for row in &step.touched {
                let (item, cells) = (&self.items[*row], &self.rows[*row]);
                // Taken out, as the template engine reads the whole episode.
                let mut log_so_far = std::mem::take(&mut self.logs[log]);
                if log_so_far.is_empty() {
                    log_so_far.reserve(line::USUAL);
                } else {
                    log_so_far.push(',');
                }
                let plain =
                    push_written(&mut log_so_far, |out| line.write(out, item, cells, (&pack.fields, &pack.decisions)));
                if plain.is_none() {
                    push_text(&mut log_so_far, &self.render_line(&line.template, *row));
                }
                self.logs[log] = log_so_far;
            }
        }
    }

    fn render_line(&self, template: &str, row: usize) -> String {
        let pack = &self.pack;
        let item = Context::from_object(ItemView {
            item: Arc::clone(&self.items[row]),
            fields: Arc::clone(&pack.fields),
            revealed: self.revealed_of(row).collect(),
        });
        let decision =
            Context::from_object(RowView { row: self.rows[row].clone(), decisions: Arc::clone(&pack.decisions) });
        render(pack, template, context! { item, decision })
    }

    fn feedback(&self, template: &str) -> Option<String> {
        let step = self.steps.last()?;
        let why = match &self.outcome {
            Outcome::Invalid(reason) => return Some(reason.to_string()),
            Outcome::Void(reason) if step.touched.is_empty() => return Some(reason.to_string()),
            Outcome::Void(reason) => Some(reason),
            _ => None,
        };
        let counter = self.counters();
        let line = render(&self.pack, template, context! { counter });
        Some(match why {
            Some(why) => format!("{line}; {why}"),
            None => line,
        })
    }
}

/// Renders a template of the pack. It was tried when the pack was loaded; should it fail on these values all the same,
/// the line says so instead of being empty.
pub fn render(pack: &Pack, name: &str, context: Context) -> String {
    match pack.templates.get_template(name).and_then(|template| template.render(context)) {
        Ok(line) => line,
        Err(error) => format!("({error})"),
    }
}

/// Appends another part to a list of sentences.
fn push_part(text: &mut String, words: &[&str]) {
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.extend(words.iter().copied());
}

fn push_list(out: &mut String, rows: impl Iterator<Item = usize>, mut push: impl FnMut(&mut String, usize)) {
    for (at, row) in rows.enumerate() {
        if at > 0 {
            out.push(',');
        }
        push(out, row);
    }
}
