//! Rules over other columns: those of a version with more values, fields or decisions, or with fewer.

use std::sync::Arc;

use super::{Comparison, CompiledRule, Entries, Predicate, RuleSet, Test};
use crate::model::{Column, Datum};

/// Columns that take the place of others, by name.
#[derive(Debug)]
struct Places<'a> {
    old: &'a [Column],
    new: &'a [Column],
    /// Where each old column stands among the new ones.
    at: Vec<Option<usize>>,
}

/// The decisions of two versions: those of the new one, then what only the old one has, so that both can be shown.
pub fn joined(old: &[Column], new: &[Column]) -> Vec<Column> {
    let mut all = new.to_vec();
    for column in old {
        match all.iter_mut().find(|known| known.name == column.name) {
            Some(known) => {
                let more: Vec<String> =
                    column.values.iter().filter(|value| !known.values.contains(value)).cloned().collect();
                known.values.extend(more);
            }
            None => all.push(column.clone()),
        }
    }
    all
}

impl RuleSet {
    /// The same rules about items that have other fields: a field that is gone is never given, and no item has a value
    /// that is gone. The error says which column is of another type.
    pub fn over(&self, fields: (&[Column], &[Column]), decisions: (&[Column], &[Column])) -> Result<Self, String> {
        let (fields, decisions) = (Places::new("field", fields)?, Places::new("decision", decisions)?);
        let rules = self.rules.iter().map(|rule| CompiledRule {
            reason: Arc::clone(&rule.reason),
            place: rule.place.clone(),
            when: fields.predicate(&rule.when),
            except: rule.except.as_ref().map(|except| fields.predicate(except)),
            then: decisions.outcome(&rule.then),
            trial: rule.trial,
            valid: rule.valid,
        });
        Ok(Self::new(&self.name, self.hit, rules.collect(), decisions.outcome(&self.default), fields.new))
    }
}

impl<'a> Places<'a> {
    fn new(noun: &str, (old, new): (&'a [Column], &'a [Column])) -> Result<Self, String> {
        let mut at = Vec::with_capacity(old.len());
        for column in old {
            let place = new.iter().position(|other| other.name == column.name);
            if let Some(other) = place.map(|place| &new[place]).filter(|other| other.kind != column.kind) {
                let (name, before, after) = (&column.name, column.kind.name(), other.kind.name());
                return Err(format!("the {noun} `{name}` was of the type `{before}` and is of the type `{after}`"));
            }
            if let Some(other) = place.map(|place| &new[place]) {
                match (column.entries(), other.entries()) {
                    (Some(old), Some(new)) => drop(Places::new("part", (&old, &new))?),
                    (None, None) => {}
                    _ => {
                        return Err(format!(
                            "the {noun} `{}` declares what it is made of in one version alone",
                            column.name
                        ));
                    }
                }
            }
            at.push(place);
        }
        Ok(Self { old, new, at })
    }

    fn predicate(&self, predicate: &Predicate) -> Predicate {
        match predicate {
            Predicate::All(parts) => Predicate::All(parts.iter().map(|part| self.predicate(part)).collect()),
            Predicate::Any(parts) => Predicate::Any(parts.iter().map(|part| self.predicate(part)).collect()),
            Predicate::Not(part) => Predicate::Not(Box::new(self.predicate(part))),
            Predicate::Column(at, test, words) => match self.at.get(*at).copied().flatten() {
                Some(place) => Predicate::Column(place, self.test(*at, place, test), words.clone()),
                None if test.passes(None, None) => Predicate::All(Vec::new()),
                None => Predicate::Any(Vec::new()),
            },
            Predicate::Compare(comparison, words) => {
                match [comparison.left, comparison.right].map(|at| self.at.get(at).copied().flatten()) {
                    [Some(left), Some(right)] => {
                        Predicate::Compare(Comparison { left, right, ..*comparison }, words.clone())
                    }
                    // A field that is gone is never given.
                    _ => Predicate::Any(Vec::new()),
                }
            }
            Predicate::Entries(entries, words) => self
                .entries(entries)
                .map_or_else(|| Predicate::Any(Vec::new()), |moved| Predicate::Entries(Arc::new(moved), words.clone())),
        }
    }

    /// A condition on the entries of a field; none where that is gone.
    fn entries(&self, entries: &Entries) -> Option<Entries> {
        let column = self.at.get(entries.column).copied().flatten()?;
        let of = self.new[column].entries()?;
        // That the two go together was seen when the fields were compared.
        let when = Places::new("part", (&entries.of, &of)).ok()?.predicate(&entries.when);
        Some(Entries { column, of, when, quantity: entries.quantity })
    }

    fn test(&self, at: usize, place: usize, test: &Test) -> Test {
        match test {
            Test::Not(test) => Test::Not(Box::new(self.test(at, place, test))),
            Test::OneOf(values) => {
                Test::OneOf(values.iter().filter_map(|value| self.value(at, place, value)).collect())
            }
            test => test.clone(),
        }
    }

    fn outcome(&self, then: &[(usize, Datum)]) -> Vec<(usize, Datum)> {
        let moved = then.iter().filter_map(|(at, value)| {
            let place = self.at.get(*at).copied().flatten()?;
            Some((place, self.value(*at, place, value)?))
        });
        moved.collect()
    }

    /// A value among those of the new column; none where it is gone.
    fn value(&self, at: usize, place: usize, value: &Datum) -> Option<Datum> {
        let Datum::Choice(choice) = value else { return Some(value.clone()) };
        let name = self.old[at].values.get(*choice)?;
        self.new[place].values.iter().position(|known| known == name).map(Datum::Choice)
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{Place, RuleReason},
        rules::Facts,
        settings::{Hit, Severity},
        value::ValueType,
    };

    /// What exists in one version: some values of an `enum`, and some fields.
    type World = (Vec<&'static str>, Vec<&'static str>);

    const VALUES: [&str; 4] = ["red", "green", "blue", "grey"];
    const FIELDS: [&str; 3] = ["color", "size", "note"];

    /// A condition by names, which no version has any part in.
    #[derive(Debug, Clone)]
    enum Named {
        Is(Vec<&'static str>),
        AtLeast(i64),
        Notes(&'static str),
        Given(&'static str),
        Not(Box<Self>),
        All(Vec<Self>),
        Any(Vec<Self>),
    }

    /// An item by names.
    #[derive(Debug, Clone, Copy)]
    struct Item {
        color: Option<&'static str>,
        size: Option<i64>,
        note: Option<&'static str>,
    }

    impl Named {
        /// Whether it holds, by its definition: a field without a value passes no test.
        fn holds(&self, item: Item) -> bool {
            match self {
                Self::Is(names) => item.color.is_some_and(|color| names.contains(&color)),
                Self::AtLeast(least) => item.size.is_some_and(|size| size >= *least),
                Self::Notes(text) => item.note.is_some_and(|note| note == *text),
                Self::Given("color") => item.color.is_some(),
                Self::Given("size") => item.size.is_some(),
                Self::Given(_) => item.note.is_some(),
                Self::Not(part) => !part.holds(item),
                Self::All(parts) => parts.iter().all(|part| part.holds(item)),
                Self::Any(parts) => parts.iter().any(|part| part.holds(item)),
            }
        }

        /// What a version that has all that it names makes of it.
        fn predicate(&self, columns: &[Column]) -> Predicate {
            let test = |name: &str, test: Test| {
                let at = columns.iter().position(|column| column.name == name).expect("the field");
                Predicate::Column(at, test, "".into())
            };
            match self {
                Self::Is(names) => {
                    let values = &columns.iter().find(|column| column.name == "color").expect("the field").values;
                    let choice = |name: &&str| values.iter().position(|value| value == name).map(Datum::Choice);
                    test("color", Test::OneOf(names.iter().filter_map(choice).collect()))
                }
                Self::AtLeast(least) => test("size", Test::Between(Some(((*least).into(), true)), None)),
                Self::Notes(text) => test("note", Test::TextIs(vec![crate::model::Text::new(text)], true)),
                Self::Given(name) => test(name, Test::Exists(true)),
                Self::Not(part) => Predicate::Not(Box::new(part.predicate(columns))),
                Self::All(parts) => Predicate::All(parts.iter().map(|part| part.predicate(columns)).collect()),
                Self::Any(parts) => Predicate::Any(parts.iter().map(|part| part.predicate(columns)).collect()),
            }
        }
    }

    fn column(name: &str, kind: ValueType, values: &[&str]) -> Column {
        Column {
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            optional: true,
            ..Column::new(name, kind)
        }
    }

    fn columns((values, fields): &World) -> Vec<Column> {
        let of = |name: &&str| match *name {
            "color" => column(name, ValueType::Enum, values),
            "size" => column(name, ValueType::Integer, &[]),
            _ => column(name, ValueType::Text, &[]),
        };
        fields.iter().map(of).collect()
    }

    fn world() -> impl Strategy<Value = World> {
        let fields = prop::sample::subsequence(FIELDS.to_vec(), 1..=3).prop_shuffle();
        (prop::sample::subsequence(VALUES.to_vec(), 1..=4).prop_shuffle(), fields)
    }

    /// A condition over what a version has.
    fn named((values, fields): World) -> impl Strategy<Value = Named> {
        let leaf = prop::sample::select(fields).prop_flat_map(move |field| {
            let tests = match field {
                "color" => {
                    let most = values.len();
                    prop::sample::subsequence(values.clone(), 1..=most).prop_map(Named::Is).boxed()
                }
                "size" => (0_i64..4).prop_map(Named::AtLeast).boxed(),
                _ => prop::sample::select(vec!["x", "y"]).prop_map(Named::Notes).boxed(),
            };
            prop_oneof![3 => tests, 1 => Just(Named::Given(field))]
        });
        leaf.prop_recursive(3, 10, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|part| Named::Not(Box::new(part))),
                prop::collection::vec(inner.clone(), 1..3).prop_map(Named::All),
                prop::collection::vec(inner, 1..3).prop_map(Named::Any),
            ]
        })
    }

    fn rule(at: usize, when: Predicate, except: Option<Predicate>, then: Vec<(usize, Datum)>) -> CompiledRule {
        CompiledRule {
            reason: Arc::new(RuleReason { id: format!("R-{at}"), because: None, severity: Severity::default() }),
            place: Place { path: std::path::Path::new("rules.yaml").into(), line: 1 },
            when,
            except,
            then,
            trial: false,
            valid: (None, None),
        }
    }

    /// Every item of a version.
    fn items((values, fields): &World) -> Vec<Item> {
        let has = |name: &str| fields.contains(&name);
        let colors = values.iter().copied().map(Some).filter(|_| has("color")).chain(iter::once(None));
        let sizes = || (0..5).map(Some).filter(|_| has("size")).chain(iter::once(None));
        let notes = || ["x", "y", "z"].into_iter().map(Some).filter(|_| has("note")).chain(iter::once(None));
        colors
            .flat_map(|color| sizes().flat_map(move |size| notes().map(move |note| Item { color, size, note })))
            .collect()
    }

    fn fields(item: Item, columns: &[Column]) -> Vec<Option<Datum>> {
        let of = |column: &Column| match column.name.as_str() {
            "color" => {
                item.color.and_then(|color| column.values.iter().position(|value| value == color)).map(Datum::Choice)
            }
            "size" => item.size.map(Datum::Integer),
            _ => item.note.map(Datum::text),
        };
        columns.iter().map(of).collect()
    }

    type Written = Vec<(Named, Option<Named>, &'static str)>;

    fn case() -> impl Strategy<Value = (World, World, Vec<&'static str>, Vec<&'static str>, Written)> {
        let decided = || prop::sample::subsequence(vec!["a", "b", "c"], 1..=3).prop_shuffle();
        (world(), world(), decided(), decided()).prop_flat_map(|(old, new, before, after)| {
            let one = (
                named(old.clone()),
                prop::option::weighted(0.3, named(old.clone())),
                prop::sample::select(before.clone()),
            );
            let rules = prop::collection::vec(one, 1..6);
            (Just(old), Just(new), Just(before), Just(after), rules)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 256 } else { 4096 }))]

        #[test]
        fn rules_decide_by_the_definition_about_the_items_of_another_version(
            (old, new, before, after, written) in case()
        ) {
            let (was, is) = (columns(&old), columns(&new));
            let decisions = [column("way", ValueType::Enum, &before), column("way", ValueType::Enum, &after)];
            let all = joined(&decisions[..1], &decisions[1..]);
            let value = |name: &str| decisions[0].values.iter().position(|value| value == name).map(Datum::Choice);
            let rules = written.iter().enumerate().map(|(at, (when, except, then))| {
                let then = value(then).map(|value| (0, value)).into_iter().collect();
                rule(at, when.predicate(&was), except.as_ref().map(|except| except.predicate(&was)), then)
            });
            let set = RuleSet::new("ways", Hit::First, rules.collect(), Vec::new(), &was);
            let moved = set.over((&was, &is), (&decisions[..1], &all)).expect("the same types");
            for item in items(&new) {
                let wanted = written
                    .iter()
                    .find(|(when, except, _)| when.holds(item) && !except.as_ref().is_some_and(|one| one.holds(item)))
                    .map(|(_, _, then)| *then);
                let data = fields(item, &is);
                let decided = moved.decide(Facts { fields: &data, clock: None }).expect("the first decides");
                let found = decided.first().map(|one| match one.value {
                    Datum::Choice(at) => all[one.column].values[*at].as_str(),
                    other => panic!("{other:?}"),
                });
                prop_assert_eq!(found, wanted, "{:?} by {:?}", item, written);
            }
        }
    }
}
