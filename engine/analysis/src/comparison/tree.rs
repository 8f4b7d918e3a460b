//! Two values side by side, part by part.

use std::collections::{HashMap, HashSet};

use casebook_syntax::spec::Kind;
use serde_json::{Map, Value};

use super::documents::Change;

/// A part in which two values differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    /// Where it stands, such as `reward.sum[tone].weight`.
    pub(super) key: String,
    pub(super) change: Change,
    pub(super) old: Option<Value>,
    pub(super) new: Option<Value>,
}

/// How the documents of one kind are compared.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree {
    /// Whether the order of keys that authors name may be seen by agents.
    ordered: bool,
}

impl Tree {
    pub(super) const fn of(kind: Kind) -> Self {
        Self { ordered: matches!(kind, Kind::Environment) }
    }

    /// Every part in which two values differ, in their order.
    pub(super) fn differences(self, old: &Value, new: &Value) -> Vec<Found> {
        let mut found = Vec::new();
        self.walk(String::new(), old, new, &mut found);
        found
    }

    fn walk(self, key: String, old: &Value, new: &Value, found: &mut Vec<Found>) {
        match (old, new) {
            (old, new) if same(old, new) && !self.ordered => {}
            (Value::Null, Value::Null) => {}
            (Value::Object(a), Value::Object(b)) => self.maps(&key, a, b, found),
            (Value::Array(a), Value::Array(b)) => self.lists(key, a, b, found),
            (old, new) if same(old, new) => {}
            (old, new) => found.push(difference(key, Some(old), Some(new))),
        }
    }

    fn maps(self, key: &str, old: &Map<String, Value>, new: &Map<String, Value>, found: &mut Vec<Found>) {
        let below = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
        for (name, before) in old {
            self.walk(below(name), before, new.get(name).unwrap_or(&Value::Null), found);
        }
        for (name, after) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.walk(below(name), &Value::Null, after, found);
        }
        if self.ordered {
            let given = |value: &Value| !value.is_null();
            let names = |own: &Map<String, Value>, other: &Map<String, Value>| -> Vec<String> {
                let both = own.iter().filter(|(name, value)| given(value) && other.get(*name).is_some_and(given));
                both.map(|(name, _)| name.clone()).collect()
            };
            reordered(key.to_owned(), &names(old, new), &names(new, old), found);
        }
    }

    fn lists(self, key: String, old: &[Value], new: &[Value], found: &mut Vec<Found>) {
        let entries = old.iter().chain(new);
        if let (Some(a), Some(b)) = (ids(old), ids(new)) {
            let known: HashSet<&str> = a.iter().map(String::as_str).collect();
            let kept: HashMap<&str, &Value> = b.iter().map(String::as_str).zip(new).collect();
            for (id, before) in a.iter().zip(old) {
                let after = kept.get(id.as_str()).copied().unwrap_or(&Value::Null);
                self.walk(format!("{key}[{id}]"), before, after, found);
            }
            for (id, after) in b.iter().zip(new).filter(|(id, _)| !known.contains(id.as_str())) {
                self.walk(format!("{key}[{id}]"), &Value::Null, after, found);
            }
            let before: Vec<String> = a.iter().filter(|id| kept.contains_key(id.as_str())).cloned().collect();
            let after: Vec<String> = b.iter().filter(|id| known.contains(id.as_str())).cloned().collect();
            reordered(key, &before, &after, found);
        } else if entries.clone().next().is_some() && entries.clone().all(Value::is_object) {
            let (gone, added) = (self.without(old, new), self.without(new, old));
            if gone.is_empty() && added.is_empty() {
                if !old.iter().zip(new).all(|(a, b)| self.says_same(a, b)) {
                    found.push(Found { key, change: Change::Reordered, old: None, new: None });
                }
                return;
            }
            let entry = format!("{key}[]");
            found.extend(gone.into_iter().map(|value| difference(entry.clone(), Some(value), None)));
            found.extend(added.into_iter().map(|value| difference(entry.clone(), None, Some(value))));
        } else if old.len() != new.len() || !old.iter().zip(new).all(|(a, b)| self.says_same(a, b)) {
            found.push(difference(key, Some(&old.into()), Some(&new.into())));
        }
    }
}

impl Tree {
    /// The entries of a list that another does not have, as often as they are missing there.
    fn without<'v>(self, list: &'v [Value], other: &[Value]) -> Vec<&'v Value> {
        let mut rest: Vec<&Value> = other.iter().collect();
        let mut missing = Vec::new();
        for entry in list {
            match rest.iter().position(|known| self.says_same(entry, known)) {
                Some(at) => drop(rest.swap_remove(at)),
                None => missing.push(entry),
            }
        }
        missing
    }

    /// Whether two values say the same, in the same order where that counts.
    fn says_same(self, a: &Value, b: &Value) -> bool {
        same(a, b) && (!self.ordered || in_order(a, b))
    }
}

fn difference(key: String, old: Option<&Value>, new: Option<&Value>) -> Found {
    let given = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(tidy);
    let (old, new) = (given(old), given(new));
    let change = match (&old, &new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::Changed,
    };
    Found { key, change, old, new }
}

/// A value without the keys that say nothing, its whole numbers without a point.
fn tidy(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let given = map.iter().filter(|(_, value)| !value.is_null());
            given.map(|(key, value)| (key.clone(), tidy(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(tidy).collect(),
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < 1e15 => (float as i64).into(),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

fn reordered(key: String, old: &[String], new: &[String], found: &mut Vec<Found>) {
    if old != new {
        found.push(Found { key, change: Change::Reordered, old: Some(old.into()), new: Some(new.into()) });
    }
}

/// What names the entries of a list, where something does.
fn ids(list: &[Value]) -> Option<Vec<String>> {
    let id = |entry: &Value| {
        let id = ["id", "name"].into_iter().find_map(|key| entry.get(key).filter(|id| !id.is_null()))?;
        Some(id.as_str().map_or_else(|| id.to_string(), str::to_owned))
    };
    let ids: Vec<String> = list.iter().map(id).collect::<Option<_>>()?;
    let mut sorted: Vec<&String> = ids.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1]).then_some(ids)
}

/// Whether two values say the same; a number is the same however it is written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => {
            x == y
                || (x.is_f64() || y.is_f64())
                    && x.as_f64().zip(y.as_f64()).is_some_and(|(x, y)| x.total_cmp(&y).is_eq())
        }
        (Value::Array(x), Value::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            let given = |map: &Map<String, Value>| map.values().filter(|value| !value.is_null()).count();
            given(x) == given(y)
                && x.iter()
                    .filter(|(_, value)| !value.is_null())
                    .all(|(key, value)| y.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

/// Whether the keys of two equal values are in the same order.
fn in_order(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(x), Value::Array(y)) => x.iter().zip(y).all(|(x, y)| in_order(x, y)),
        (Value::Object(x), Value::Object(y)) => {
            let given = |(_, value): &(&String, &Value)| !value.is_null();
            x.iter().filter(given).zip(y.iter().filter(given)).all(|((k, x), (l, y))| k == l && in_order(x, y))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BOTH: [Tree; 2] = [Tree { ordered: true }, Tree { ordered: false }];

    fn name() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["id", "name", "a", "b", "weight", "grader"]).prop_map(str::to_owned)
    }

    /// A value that a document may hold; maps within lists have names, or none, or the same one twice.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-3_i64..3).prop_map(Value::from),
            Just(json!(0.5)),
            Just(json!(9_007_199_254_740_993_u64)),
            prop::sample::select(vec!["", "1", "x", "y", "007"]).prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name(), inner), 0..5)
                    .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    /// Every place of a value.
    fn places(value: &Value, pointer: String, all: &mut Vec<String>) {
        match value {
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| places(value, format!("{pointer}/{at}"), all));
            }
            Value::Object(map) => map.iter().for_each(|(key, value)| places(value, format!("{pointer}/{key}"), all)),
            _ => {}
        }
        all.push(pointer);
    }

    /// What two values say, as the comparison is meant to see it: without keys that are null, numbers by what they stand
    /// for, the order of keys kept where it counts.
    fn said(value: &Value, ordered: bool) -> String {
        match value {
            Value::Number(number) => {
                casebook_runtime::number::Number::from_json(number).map_or_else(String::new, |n| n.to_string())
            }
            Value::Array(list) => {
                format!("[{}]", list.iter().map(|one| said(one, ordered)).collect::<Vec<_>>().join(","))
            }
            Value::Object(map) => {
                let mut parts: Vec<String> = map
                    .iter()
                    .filter(|(_, value)| !value.is_null())
                    .map(|(key, value)| format!("{key}:{}", said(value, ordered)))
                    .collect();
                if !ordered {
                    parts.sort_unstable();
                }
                format!("{{{}}}", parts.join(","))
            }
            other => other.to_string(),
        }
    }

    fn mirrored(found: &Found) -> (String, Change, Option<Value>, Option<Value>) {
        let change = match found.change {
            Change::Added => Change::Removed,
            Change::Removed => Change::Added,
            change => change,
        };
        (found.key.clone(), change, found.new.clone(), found.old.clone())
    }

    fn sorted(mut all: Vec<(String, Change, Option<Value>, Option<Value>)>) -> Vec<String> {
        let mut all: Vec<String> = all.drain(..).map(|one| format!("{one:?}")).collect();
        all.sort_unstable();
        all
    }

    /// What must hold of any two values.
    fn check(a: &Value, b: &Value) {
        for tree in BOTH {
            let there = tree.differences(a, b);
            assert_eq!(there.is_empty(), said(a, tree.ordered) == said(b, tree.ordered), "{a} and {b}: {there:?}");
            let own = there.into_iter().map(|found| (found.key, found.change, found.old, found.new)).collect();
            let back = tree.differences(b, a).iter().map(mirrored).collect();
            assert_eq!(sorted(own), sorted(back), "{a} and {b}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 512 } else { 8192 }))]

        #[test]
        fn a_value_differs_from_itself_in_nothing(a in value()) {
            for tree in BOTH {
                prop_assert_eq!(tree.differences(&a, &a.clone()), []);
            }
        }

        #[test]
        fn two_values_differ_both_ways_in_the_same_parts_if_they_say_different_things(a in value(), b in value()) {
            check(&a, &b);
        }

        #[test]
        fn every_edit_is_found(a in value(), at in any::<prop::sample::Index>(), new in value(), turn in any::<bool>()) {
            let mut all = Vec::new();
            places(&a, String::new(), &mut all);
            let mut b = a.clone();
            let pointer: &String = at.get(&all);
            if let Some(place) = b.pointer_mut(pointer) {
                match place {
                    Value::Array(list) if turn => list.reverse(),
                    Value::Object(map) if turn => *map = map.clone().into_iter().rev().collect(),
                    place => *place = new,
                }
            }
            check(&a, &b);
        }
    }
}
