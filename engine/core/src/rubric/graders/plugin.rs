//! `plugin`: what code that the pack brings along makes of an item, or of the episode.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Built, Site};
use crate::{
    diagnostic::{Code, Report, list, suggest},
    model::{Column, ColumnKind, Item},
    plugin::{GraderOffer, Per, Plugin, Section},
    rubric::{Failure, Grade, Note, RowGrader, View, WholeGrader},
    spec,
};

#[derive(Debug)]
struct PluginGrader {
    plugin: Arc<Plugin>,
    offer: GraderOffer,
    /// The decision that it is about.
    column: Option<usize>,
    /// The beginning of every call: an open JSON object.
    head: String,
}

pub(super) fn build(params: &spec::PluginGrader, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let plugin = find(params, site, report)?;
    let offer = offer(params, &plugin, site, report)?;
    let before = report.diagnostics.len();
    let column = match &params.field {
        Some(field) => Some(site.decision(field, &[], report)?),
        None => None,
    };
    let with = format!("{}/with", site.pointer);
    report.extend(site.document.check_part(&with, &offer.parameters));
    for (name, types) in offer.decision_parameters() {
        let kinds: Vec<ColumnKind> =
            site.decisions.iter().map(|column| column.kind).filter(|kind| types.contains(&kind.name())).collect();
        let Some(decision) = params.with.get(name).and_then(Value::as_str) else { continue };
        if !types.is_empty() && kinds.is_empty() {
            report.push(
                site.document
                    .at(Code::BadGrader, format!("{with}/{name}"), format!("no decision suits `{name}`"))
                    .hint(format!("it must name one of the type {}", list(&types).unwrap_or_default())),
            );
        } else {
            site.decision_at(format!("{with}/{name}"), decision, &kinds, report);
        }
    }
    if report.diagnostics.len() > before {
        return None;
    }
    let head = json!({ "grader": offer.name, "parameters": params.with, "field": params.field }).to_string();
    let head = head.strip_suffix('}').unwrap_or(&head).to_owned();
    let grader = Arc::new(PluginGrader { plugin, column, head, offer: offer.clone() });
    Some(match offer.per {
        Per::Item => Built::Row(grader),
        Per::Episode => Built::Whole(grader),
    })
}

fn find(params: &spec::PluginGrader, site: &Site<'_>, report: &mut Report) -> Option<Arc<Plugin>> {
    let Some(plugin) = site.plugins.get(&params.plugin) else {
        let names = site.plugins.keys().map(String::as_str);
        let hint = suggest(&params.plugin, names)
            .unwrap_or_else(|| format!("add `{}:` to the environment's `plugins:`", params.plugin).into());
        let message = format!("the environment has no plugin `{}`", params.plugin);
        report.push(site.document.at(Code::UnknownName, format!("{}/plugin", site.pointer), message).hint(hint));
        return None;
    };
    // One that was refused is told of where it is declared.
    plugin.clone()
}

fn offer(params: &spec::PluginGrader, plugin: &Plugin, site: &Site<'_>, report: &mut Report) -> Option<GraderOffer> {
    if let Some(offer) = plugin.description.grader(params.offer.as_deref()) {
        return Some(offer.clone());
    }
    let names: Vec<&str> = plugin.description.graders.iter().map(|grader| grader.name.as_str()).collect();
    report.push(match &params.offer {
        Some(name) => site
            .document
            .at(
                Code::UnknownName,
                format!("{}/use", site.pointer),
                format!("the plugin `{}` has no grader `{name}`", params.plugin),
            )
            .maybe_hint(suggest(name, names)),
        None => site
            .document
            .at(
                Code::MissingKey,
                format!("{}/plugin", site.pointer),
                format!("the plugin `{}` offers several graders", params.plugin),
            )
            .hint(format!("add `use:` with one of {}", list(&names).unwrap_or_default())),
    });
    None
}

impl PluginGrader {
    fn counts(&self, item: &Item) -> bool {
        self.column.is_none_or(|column| item.truth[column].is_known())
    }

    fn reads(&self, section: Section) -> bool {
        self.offer.reads.contains(&section)
    }

    /// Adds what may be read of a row to an open JSON object.
    fn write_row(&self, view: &View<'_>, row: usize, out: &mut String) {
        if self.reads(Section::Item) {
            push(out, "item", &view.items[row].json);
        }
        if self.reads(Section::Decision) {
            let cells = view.decisions.iter().enumerate().filter_map(|(at, column)| {
                let cell = view.rows[row].cell(at).filter(|_| view.rows[row].in_play(column))?;
                Some((column.name.clone(), cell.to_json(column)))
            });
            let decided = view.rows[row].is_decided().then(|| Value::Object(cells.collect()));
            push(out, "decision", &decided.unwrap_or_default().to_string());
        }
        if self.reads(Section::Truth) {
            push(out, "truth", &truth(&view.items[row], view.decisions).to_string());
        }
    }

    fn write_steps(&self, view: &View<'_>, out: &mut String) {
        if self.reads(Section::Steps) {
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

    fn call(&self, mut input: String) -> Result<Grade, Failure> {
        input.push('}');
        let answer =
            self.plugin.grade(&self.offer, &input).map_err(|problem| Failure::new(format!("failed: {problem}")))?;
        let silent = answer.reason.is_none() && answer.parts.is_empty();
        let note = (!silent).then_some(Note { reason: answer.reason, parts: answer.parts });
        Ok(Grade { value: answer.value, note })
    }

    fn of_episode(&self, view: &View<'_>, moment: &str) -> Result<Grade, Failure> {
        let mut input = self.head.clone();
        push(&mut input, "moment", &Value::from(moment).to_string());
        input.push_str(",\"rows\":[");
        for (count, row) in (0..view.rows.len()).filter(|row| self.counts(&view.items[*row])).enumerate() {
            input.push_str(if count == 0 { "{\"number\":" } else { ",{\"number\":" });
            input.push_str(&count.to_string());
            self.write_row(view, row, &mut input);
            input.push('}');
        }
        input.push(']');
        self.write_steps(view, &mut input);
        self.call(input)
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
        self.write_row(view, row, &mut input);
        self.write_steps(view, &mut input);
        self.call(input)
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

fn truth(item: &Item, decisions: &[Column]) -> Value {
    let cells = decisions.iter().zip(&item.truth).filter(|(_, cell)| cell.is_known()).map(|(column, cell)| {
        let mut known = Map::new();
        if let Some(value) = &cell.value {
            known.insert("value".into(), value.to_json(column));
        }
        if !cell.keywords.is_empty() {
            known.insert("keywords".into(), cell.keywords.iter().map(|keyword| keyword.raw.as_str()).collect());
        }
        if let Some(reference) = &cell.reference {
            known.insert("reference".into(), reference.as_str().into());
        }
        (column.name.clone(), Value::Object(known))
    });
    Value::Object(cells.collect())
}
