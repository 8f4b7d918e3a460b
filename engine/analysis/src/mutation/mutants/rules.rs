//! Faults of rules: decisions, thresholds, entries, days and whole rules.

use casebook_runtime::settings::Severity;
use serde_json::Value;

use super::Maker;

impl Maker<'_> {
    pub(super) fn rules(&mut self) {
        self.drop_each("/rules", "the rule");
        for (pointer, _) in self.entries("/rules") {
            for part in ["when", "except"] {
                self.leaves(&format!("{pointer}/{part}"), &mut Self::condition);
            }
            self.decisions(&format!("{pointer}/then"));
            for part in ["from", "until"] {
                self.day(&format!("{pointer}/{part}"));
            }
            self.severity(&format!("{pointer}/severity"));
        }
        self.decisions("/default");
        self.leaves("/lists", &mut |maker, pointer, value| {
            if value.is_array() {
                maker.drop_each(pointer, "the entry");
            }
        });
        self.table();
    }

    /// The rows of a table behind the first, which names the columns.
    fn table(&mut self) {
        let rows = self.entries("/table");
        let Some((_, Value::Array(names))) = rows.first().cloned() else { return };
        for (pointer, row) in rows.iter().skip(1) {
            if rows.len() > 2 {
                let id = row.get(0).cloned().unwrap_or_default();
                self.drop_one(pointer, "the rule", &id);
            }
            for (column, (name, cell)) in names.iter().zip(row.as_array().into_iter().flatten()).enumerate() {
                let (name, at) = (name.as_str().unwrap_or_default(), format!("{pointer}/{column}"));
                match name.strip_prefix("then ") {
                    Some(decision) => self.decision(decision.trim(), &at, cell),
                    None if matches!(name, "from" | "until") => self.day(&at),
                    None if name == "severity" => self.severity(&at),
                    None if matches!(name, "id" | "because" | "mode") => {}
                    None => self.cell(&at, cell),
                }
            }
        }
    }

    /// A threshold in a cell, such as `>= 100`, one step further, or one of several values less.
    fn cell(&mut self, pointer: &str, cell: &Value) {
        let Value::String(text) = cell else { return self.condition(pointer, cell) };
        let begin = text.find(|c: char| c.is_ascii_digit());
        let values: Vec<&str> = text.split('|').map(str::trim).collect();
        if values.len() > 1 {
            self.replace(pointer, &values[1..].join(" | ").into());
        } else if let Some(begin) = begin.filter(|at| text[..*at].chars().all(|c| "<>=! -".contains(c))) {
            let digits = text[begin..].bytes().take_while(u8::is_ascii_digit).count();
            if let Ok(number) = text[begin..begin + digits].parse::<u32>() {
                let changed = format!("{}{}{}", &text[..begin], number + 1, &text[begin + digits..]);
                self.replace(pointer, &changed.into());
            }
        }
    }

    /// Another severity, where a rubric weighs by it.
    fn severity(&mut self, pointer: &str) {
        if self.weighs_by_severity {
            self.word::<Severity>(pointer);
        }
    }
}
