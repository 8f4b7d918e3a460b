//! Faults of rubrics: every number, word, list and way to take nodes together.

use casebook_runtime::settings::{Aggregate, Correlation, PhrasePlace, RewardMode, Setting, Take};
use casebook_syntax::diagnostic::Fix;
use serde_json::Value;

use super::{Maker, tenth_of, to_six_places};

/// Lists of graders, each entry of which counts.
const LISTS: [&str; 4] = ["/any", "/tools", "/values", "/components"];

impl Maker<'_> {
    pub(super) fn rubric(&mut self) {
        self.numbers_of(&["/round"]);
        for part in ["/reward", "/score"] {
            self.leaves(part, &mut |maker, pointer, value| match value {
                // Positive weights must add up to 1, so that one alone cannot change.
                Value::Number(_) if pointer.ends_with("/weight") && value.as_f64() > Some(0.0) => {}
                Value::Number(_) => maker.other_number(pointer, value),
                Value::Array(_) => {
                    if pointer.ends_with("/weighted_sum") {
                        maker.shift_weights(pointer);
                    }
                    maker.other_container(pointer);
                    if LISTS.iter().any(|name| pointer.ends_with(name)) {
                        maker.drop_each(pointer, "the entry");
                    }
                }
                Value::String(word) if pointer == "/reward/mode" => {
                    for (mode, _) in RewardMode::WORDS.iter().filter(|(mode, _)| mode != word) {
                        maker.replace(pointer, &(*mode).into());
                    }
                }
                Value::String(_) => maker.other_setting(pointer),
                Value::Object(node) => {
                    if node.get("grader").and_then(Value::as_str) == Some("expression") {
                        maker.formula(&format!("{pointer}/value"));
                    }
                    if node.contains_key("components") {
                        maker.decisions(&format!("{pointer}/where"));
                    }
                }
                _ => {}
            });
        }
    }

    /// Another word of a setting of a grader.
    fn other_setting(&mut self, pointer: &str) {
        match pointer.rsplit('/').next().unwrap_or_default() {
            "method" => self.word::<Correlation>(pointer),
            "at" => self.word::<PhrasePlace>(pointer),
            "take" => self.word::<Take>(pointer),
            "aggregate" => self.word::<Aggregate>(pointer),
            _ => {}
        }
    }

    /// Neighbours of a weighted sum, of which one takes a tenth of the weight of the other. Their sum stays 1.
    fn shift_weights(&mut self, pointer: &str) {
        let weights: Vec<(String, f64)> = self
            .entries(pointer)
            .into_iter()
            .filter_map(|(at, node)| Some((format!("{at}/weight"), node.get("weight")?.as_f64()?)))
            .filter(|(_, weight)| *weight > 0.0)
            .collect();
        self.shift(&weights);
    }

    /// One of each two neighbouring weights greater by as much as the other is less.
    pub(super) fn shift(&mut self, weights: &[(String, f64)]) {
        for pair in weights.windows(2) {
            let ([(first, a), (second, b)], round) = ([&pair[0], &pair[1]], |number: f64| (number * 1e6).round() / 1e6);
            let by = a.min(*b) / 10.0;
            let fixes =
                vec![self.replacement(first, &round(a + by).into()), self.replacement(second, &round(b - by).into())];
            self.push(first, format!("the weights {a} and {b} become {} and {}", round(a + by), round(b - by)), fixes);
        }
    }

    /// Another way to take the nodes of a list together.
    fn other_container(&mut self, pointer: &str) {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let other = match key {
            "mean" | "product" | "all" => "min",
            "min" | "add" => "mean",
            "sequential" => "product",
            _ => return,
        };
        let place = self.document.tree().key_place(pointer).span;
        let fix = Fix { start: place.start, end: place.end, text: other.to_owned() };
        self.push(pointer, format!("`{key}` becomes `{other}`"), vec![fix]);
    }

    /// A number by a tenth greater, or a tenth where it is 0; a bound of `clip` by a tenth tighter.
    fn other_number(&mut self, pointer: &str, value: &Value) {
        let Some(number) = value.as_f64() else { return };
        let bound = pointer.rsplit_once("/clip/").map(|(_, bound)| bound);
        if let Some(whole) =
            value.as_i64().filter(|whole| (whole.abs() > 1 || pointer.contains("/limits/")) && bound.is_none())
        {
            return self.replace(pointer, &(whole + 1).into());
        }
        let changed = match bound {
            Some("0") => number + tenth_of(number),
            Some(_) => number - tenth_of(number),
            None if number < 0.0 => number - tenth_of(number),
            None => number + tenth_of(number),
        };
        self.replace(pointer, &to_six_places(changed).into());
    }
}
