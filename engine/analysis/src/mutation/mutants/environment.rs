//! Faults of an environment: constants, formulas, counts, tools, and what orders a rank.

use serde_json::Value;

use super::Maker;

impl Maker<'_> {
    pub(super) fn environment(&mut self) {
        self.leaves("/data", &mut Self::constant);
        self.numbers_of(&["/action", "/tools"]);
        for (pointer, _) in self.values("/item/fields") {
            self.formula(&format!("{pointer}/derive"));
            self.leaves(&format!("{pointer}/count"), &mut Self::condition);
        }
        for (pointer, _) in self.values("/decision") {
            self.decisions(&format!("{pointer}/when"));
            self.formula(&format!("{pointer}/truth/value"));
            self.order(&format!("{pointer}/truth/order_by"));
        }
        for (pointer, _) in self.values("/state") {
            self.formula(&format!("{pointer}/value"));
            self.leaves(&format!("{pointer}/default"), &mut Self::constant);
        }
        self.formula("/done");
        self.effects("/action");
        for (pointer, _) in self.values("/tools") {
            self.effects(&pointer);
            self.formula(&format!("{pointer}/value"));
            self.template(&format!("{pointer}/result"));
            self.answers(&format!("{pointer}/answers"));
            self.drop_each(&format!("{pointer}/reveals"), "the revealed field");
        }
    }

    /// A constant that is a number, a truth value or a list. Of texts there are too many.
    fn constant(&mut self, pointer: &str, value: &Value) {
        match value {
            Value::Number(_) => self.one_step(pointer, value),
            Value::Bool(is) => self.replace(pointer, &(!is).into()),
            Value::Array(_) => self.drop_each(pointer, "the entry"),
            _ => {}
        }
    }

    /// What an action or a call refuses and sets.
    fn effects(&mut self, pointer: &str) {
        self.formula(&format!("{pointer}/fail"));
        for (set, _) in self.values(&format!("{pointer}/set")) {
            self.formula(&set);
        }
    }

    /// A rank ordered the other way round by one of its fields, or without it.
    fn order(&mut self, pointer: &str) {
        for (at, field) in self.entries(pointer) {
            let Some(field) = field.as_str() else { continue };
            let other = field.strip_prefix('-').map_or_else(|| format!("-{field}"), str::to_owned);
            self.replace(&at, &other.into());
        }
        self.drop_each(pointer, "the order by");
    }

    /// The answers of a tool: one less, what another one says, or what decides between them.
    fn answers(&mut self, pointer: &str) {
        let answers = self.entries(pointer);
        for (at, (place, answer)) in answers.iter().enumerate() {
            // The last one has no condition and is needed.
            if at + 1 < answers.len() {
                self.drop_one(place, "the answer", answer.get("say").unwrap_or(answer));
            }
            self.leaves(&format!("{place}/when"), &mut Self::condition);
            self.drop_each(&format!("{place}/reveals"), "the revealed field");
        }
    }
}
