//! An item that shows something, as a case for a test.

use casebook_runtime::{
    model::{Column, Datum, write_moment},
    rules::{Conflict, Facts, RuleSet},
};
use serde_json::{Map, Value};

/// 2026-01-05T09:00:00Z.
pub(super) const ANY_MOMENT: i64 = 1_767_603_600_000;

/// Characters of a line that `casebook fmt` fills.
const WIDTH: usize = 120;

/// Characters before the keys of a case under `rules` of a test.
const INDENT: usize = 4;

/// An item that shows something; what it does not give may be anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Witness {
    /// Its fields, in the order of the columns.
    pub fields: Vec<Option<Datum>>,
    /// The moment at which it is judged, when that matters.
    pub clock: Option<i64>,
}

impl Witness {
    /// What conditions read.
    pub fn facts(&self) -> Facts<'_> {
        Facts { fields: &self.fields, clock: self.clock }
    }

    /// Its fields as a document writes them.
    pub fn given(&self, columns: &[Column]) -> Map<String, Value> {
        let fields = columns.iter().zip(&self.fields);
        fields.filter_map(|(column, datum)| Some((column.name.clone(), datum.as_ref()?.to_json(column)))).collect()
    }

    /// The moment at which it is judged, as a document writes it.
    pub fn moment(&self) -> Option<String> {
        self.clock.map(write_moment)
    }

    /// What rules decide about it, as a test expects it; of two rules that differ the first.
    pub fn expectation(&self, rules: &RuleSet, decisions: &[Column]) -> Map<String, Value> {
        let mut expect = Map::new();
        let mut by: Vec<Value> = Vec::new();
        let mut decide = |column: usize, value: &Datum, id: &str| {
            if let Some(column) = decisions.get(column) {
                expect.insert(column.name.clone(), value.to_json(column));
            }
            if !by.iter().any(|known| known == id) {
                by.push(id.into());
            }
        };
        match rules.decide(self.facts()) {
            Ok(decided) => {
                for one in &decided {
                    decide(one.column, one.value, one.rule.map_or("default", |rule| rule.reason.id.as_str()));
                }
            }
            Err(Conflict(first, _)) => {
                for (column, value) in &first.then {
                    decide(*column, value, &first.reason.id);
                }
            }
        }
        let by = if by.len() == 1 { by.swap_remove(0) } else { Value::Array(by) };
        expect.insert("by".to_owned(), by);
        expect
    }

    /// A case of a test document, as YAML; `of` names the rules where a pack has several.
    pub fn case(&self, rules: &RuleSet, of: bool, fields: &[Column], decisions: &[Column]) -> String {
        // Where only rules that do not matter here read the clock, any moment will do.
        let clock = self.clock.or_else(|| rules.needs_clock().map(|_| ANY_MOMENT));
        let witness = Self { fields: self.fields.clone(), clock };
        let mut lines: Vec<String> = of.then(|| format!("of: {}", rules.name)).into_iter().collect();
        lines.extend(witness.moment().map(|moment| format!("clock: {moment}")));
        lines.extend(entry("given", &witness.given(fields)));
        lines.extend(entry("expect", &witness.expectation(rules, decisions)));
        format!("- {}\n", lines.join("\n  "))
    }
}

/// A key with a map: in one line, or in a line for each of its entries where one line would be too long in a test.
fn entry(key: &str, map: &Map<String, Value>) -> Vec<String> {
    let line = format!("{key}: {}", flow(&Value::Object(map.clone())));
    if line.chars().count() + INDENT <= WIDTH {
        return vec![line];
    }
    let entry = |(name, value): (&String, &Value)| format!("  {}: {}", flow(&Value::String(name.clone())), flow(value));
    std::iter::once(format!("{key}:")).chain(map.iter().map(entry)).collect()
}

/// A value in one line of YAML.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::Object(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", flow(&Value::String(key.clone())), flow(value)))
                .collect();
            if entries.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", entries.join(", ")) }
        }
        Value::Array(list) => format!("[{}]", list.iter().map(flow).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Whether a text stands for itself without quotes.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && !text.ends_with(' ')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-. ".contains(c))
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}
