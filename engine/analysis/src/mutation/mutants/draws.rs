//! Faults of what episodes are made of: inboxes, generators and tasks.

use casebook_runtime::value::ValueType;
use serde_json::Value;

use super::{Maker, read, tenth_of, to_six_places};

impl Maker<'_> {
    pub(super) fn inbox(&mut self) {
        for (pointer, _) in self.entries("/items") {
            let labels = format!("{pointer}/labels");
            self.decisions(&labels);
            self.keywords(&labels);
        }
    }

    pub(super) fn generator(&mut self) {
        self.decisions("/labels");
        self.keywords("/labels");
        let counts = read::slots(self.document.value(), self.read);
        self.slots("/slots", &|name| counts.contains(name));
        for (pool, value) in self.values("/pools") {
            // A pool of names makes words only.
            let slots = value.get("slots").and_then(Value::as_object);
            if slots.is_none_or(|slots| slots.keys().any(|name| self.read.contains(name))) {
                self.drawn(&format!("{pool}/draw"));
                self.drawn(&format!("{pool}/make"));
                let read = self.read;
                self.slots(&format!("{pool}/slots"), &|name| read.contains(name));
            }
        }
        for part in ["/boundary", "/conflicts"] {
            self.drawn(part);
        }
        for (level, _) in self.values("/levels") {
            self.slots(&format!("{level}/slots"), &|name| counts.contains(name));
            for part in ["boundary", "conflicts"] {
                self.drawn(&format!("{level}/{part}"));
            }
        }
    }

    /// What is drawn for each item.
    fn slots(&mut self, pointer: &str, counts: &dyn Fn(&str) -> bool) {
        for (slot, value) in self.values(pointer) {
            if !slot.rsplit('/').next().is_some_and(counts) {
                continue;
            }
            self.leaves(&format!("{slot}/when"), &mut Self::condition);
            self.formula(&format!("{slot}/compute"));
            self.drawn(&format!("{slot}/boolean"));
            self.choices(&format!("{slot}/pick"));
            for draw in ["number", "integer", "duration", "time", "repeat"] {
                self.drawn(&format!("{slot}/{draw}"));
                for bound in ["from", "to", "mean", "within", "ahead"] {
                    self.drawn(&format!("{slot}/{draw}/{bound}"));
                }
            }
            if value.get("of").is_some() {
                // The properties of an entry have names of their own.
                self.slots(&format!("{slot}/of"), &|_| true);
            }
        }
    }

    /// The weights of choices, and choices that rules distinguish: names of people and words of sentences count for nothing.
    fn choices(&mut self, pointer: &str) {
        for (at, weight) in self.values(pointer) {
            // By a tenth more, too few draws would be others.
            if let Some(weight) = weight.as_f64().filter(|weight| *weight > 0.0) {
                self.replace(&at, &whole(weight * 2.0));
            }
        }
        let is_known = |value: &Value| {
            let columns = self.pack.fields().iter().chain(self.pack.decisions());
            let mut known = columns.filter(|column| column.kind == ValueType::Enum).flat_map(|column| &column.values);
            value.as_str().is_some_and(|text| known.any(|known| known == text))
        };
        let entries = self.entries(pointer);
        if entries.len() > 1 && entries.iter().all(|(_, value)| is_known(value)) {
            self.drop_each(pointer, "the choice");
        }
    }

    pub(super) fn task(&mut self) {
        self.numbers_of(&["/max_steps", "/budget"]);
        if self.reads_clock {
            self.day("/clock");
        }
        self.binding("/rubric", "Rubric");
        self.binding("/inbox", "Inbox");
        self.binding("/inbox/from", "Inbox");
        self.binding("/inbox/generate", "Generator");
        for part in ["/inbox/items", "/inbox/items/from", "/inbox/items/to", "/inbox/draw", "/plant/share"] {
            self.drawn(part);
        }
        for (slot, _) in self.values("/inbox/mix") {
            self.choices(&slot);
        }
        if let Some(order) = self.at("/order").and_then(Value::as_str) {
            let other = if order == "listed" { "shuffled" } else { "listed" };
            self.replace("/order", &other.into());
        }
        self.task_weights();
        for (arrival, _) in self.entries("/arrivals") {
            for part in ["step", "after", "share", "every"] {
                self.drawn(&format!("{arrival}/{part}"));
            }
        }
        for (follow_up, value) in self.entries("/follow_ups") {
            let name = value.get("item").cloned().unwrap_or_default();
            self.drop_one(&follow_up, "what follows,", &name);
            self.decisions(&format!("{follow_up}/when"));
            for part in ["after", "chance"] {
                self.drawn(&format!("{follow_up}/{part}"));
            }
        }
    }

    /// Neighbours among the weights that a task gives to its rubric's parts. Their sum stays what it is.
    fn task_weights(&mut self) {
        let weights: Vec<(String, f64)> = self
            .values("/weights")
            .into_iter()
            .filter_map(|(at, weight)| Some((at, weight.as_f64().filter(|weight| *weight > 0.0)?)))
            .collect();
        self.shift(&weights);
    }

    /// Another document of the kind that a task is bound to.
    fn binding(&mut self, pointer: &str, kind: &str) {
        let Some(name) = self.at(pointer).and_then(Value::as_str) else { return };
        let names = || self.pack.digests.iter().filter(|(of, ..)| *of == kind).map(|(_, name, _)| name.as_str());
        let other = names().skip_while(|other| *other != name).nth(1).or_else(|| names().find(|other| *other != name));
        if let Some(other) = other.map(str::to_owned) {
            self.replace(pointer, &other.into());
        }
    }

    /// A number, a share or a length of time that draws depend on, greater by a tenth.
    ///
    /// By one more, most draws would stay the same.
    fn drawn(&mut self, pointer: &str) {
        let Some(value) = self.at(pointer).cloned() else { return };
        match &value {
            Value::Number(number) => {
                if let Some(whole) = number.as_i64() {
                    self.replace(pointer, &(whole + (whole.abs() / 10).max(1)).into());
                } else if let Some(number) = number.as_f64() {
                    // A chance stays one.
                    let tenth = if number > 0.5 { -tenth_of(number) } else { tenth_of(number) };
                    self.replace(pointer, &to_six_places(number + tenth).into());
                }
            }
            Value::String(text) => {
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                let unit = &text[digits..];
                let is_unit = unit == "%" || !unit.is_empty() && unit.chars().all(|c| c.is_ascii_alphabetic());
                if let Some(number) = text[..digits].parse::<u32>().ok().filter(|_| is_unit) {
                    let more = if unit == "%" { 10 } else { (number / 10).max(1) };
                    let other = if unit == "%" && number > 50 { number - more } else { number + more };
                    self.replace(pointer, &format!("{other}{unit}").into());
                } else {
                    self.day(pointer);
                }
            }
            _ => {}
        }
    }
}

/// A number, without a point where it is whole.
fn whole(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "compared with what it was")]
    let whole = number as i64;
    #[expect(clippy::cast_precision_loss, reason = "compared with what it was")]
    let is_whole = (whole as f64 - number).abs() < f64::EPSILON;
    if is_whole { whole.into() } else { to_six_places(number).into() }
}
