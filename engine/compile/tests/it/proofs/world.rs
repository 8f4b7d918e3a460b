//! Small worlds: a few fields with few values each, random rules over them, and every item that they span.

use std::{cell::Cell, path::Path, sync::Arc};

use casebook_compile::rules::{self, Scope};
use casebook_proofs::Witness;
use casebook_runtime::{
    model::{Column, Datum, Place, RuleReason, Text},
    rules::{CompiledRule, Predicate, RuleSet},
    settings::{Hit, Severity},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::Report,
    source::SourceFile,
    spec::{Condition, Document},
};
use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A moment around which small worlds lie: 2026-01-05T09:00:00Z.
pub(super) const NOW: i64 = 1_767_603_600_000;
pub(super) const HOUR: i64 = 3_600_000;
/// How many fields small worlds have.
const FIELDS: usize = 13;

pub(crate) fn column(name: &str, kind: ValueType, optional: bool) -> Column {
    Column { optional, ..Column::new(name, kind) }
}

/// The fields of the small worlds.
fn fields() -> Vec<Column> {
    let mut category = column("category", ValueType::Enum, false);
    category.values = ["red", "green", "blue"].map(str::to_owned).to_vec();
    let mut amount = column("amount", ValueType::Integer, false);
    amount.bounds = (Some(0.into()), Some(6.into()));
    let mut ratio = column("ratio", ValueType::Number, true);
    ratio.bounds = (Some(0.into()), Some(3.into()));
    let mut flags = column("flags", ValueType::Set, true);
    flags.values = ["p", "q", "r"].map(str::to_owned).to_vec();
    let mut quantity = column("quantity", ValueType::Integer, false);
    quantity.bounds = (Some(0.into()), Some(3.into()));
    let mut grade = column("grade", ValueType::Enum, true);
    grade.values = ["a", "b"].map(str::to_owned).to_vec();
    let line = Column { properties: vec![quantity.clone(), grade], ..column("line", ValueType::Object, false) };
    let sizes =
        Column { of: Some(Arc::new(quantity)), lengths: (Some(1), Some(3)), ..column("sizes", ValueType::List, false) };
    vec![
        category,
        amount,
        ratio,
        column("urgent", ValueType::Boolean, true),
        column("subject", ValueType::Text, false),
        column("note", ValueType::Text, true),
        column("tags", ValueType::List, false),
        column("sender", ValueType::Address, false),
        column("received", ValueType::Timestamp, false),
        flags,
        Column { of: Some(Arc::new(line.clone())), ..column("lines", ValueType::List, true) },
        sizes,
        Column { name: "box".to_owned(), ..line },
    ]
}

pub(super) fn decisions() -> Vec<Column> {
    let mut action = column("action", ValueType::Enum, false);
    action.values = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut team = column("team", ValueType::Enum, false);
    team.values = ["x", "y"].map(str::to_owned).to_vec();
    vec![action, team]
}

/// Every value of a field that a small world has.
pub(super) fn values(column: &Column) -> Vec<Option<Datum>> {
    let texts = || {
        let words = ["red", "tape", "Red", "redtape", "x"];
        let mut texts: Vec<String> = vec![String::new()];
        for a in words {
            texts.push(a.to_owned());
            texts.extend(words.iter().map(|b| format!("{a} {b}")));
        }
        texts.extend(["red tape x", "x red tape", "tape x red", "red-tape", "7", "red 7"].map(str::to_owned));
        texts.extend(["red+", "x: red", "RED’s", "cafe\u{301}", "Café red", "\u{ff52}ed", "red."].map(str::to_owned));
        texts
    };
    let data: Vec<Datum> = match column.kind {
        ValueType::Enum => (0..column.values.len()).map(Datum::Choice).collect(),
        ValueType::Boolean => vec![Datum::Boolean(false), Datum::Boolean(true)],
        ValueType::Integer => (0..=6).map(Datum::Integer).collect(),
        ValueType::Number => (0..=12).map(|quarter| Datum::Number(f64::from(quarter) / 4.0)).collect(),
        ValueType::Timestamp => {
            (-4..=4).flat_map(|hour| [-1, 0, 1].map(|off| Datum::Integer(NOW + hour * HOUR + off))).collect()
        }
        ValueType::Set | ValueType::Object => nested(column),
        ValueType::List if column.of.is_some() => nested(column),
        ValueType::List => [&[][..], &["red"], &["tape"], &["Red"], &["red", "tape"], &["x"]]
            .iter()
            .map(|list| Datum::List(list.iter().map(|text| Text::new(text)).collect::<Vec<_>>().into()))
            .collect(),
        ValueType::Address => {
            let hosts = ["a.example", "mail.a.example", "b.example", "example", "A.example", "ba.example"];
            let address = |local: &str, host: &str| json!(format!("{local}@{host}"));
            let read = |address: Value| Datum::read(column, &address).expect("an address");
            hosts.iter().flat_map(|host| ["red", "x"].map(|local| read(address(local, host)))).collect()
        }
        _ => texts().iter().map(|text| Datum::text(text)).collect(),
    };
    column.optional.then_some(None).into_iter().chain(data.into_iter().map(Some)).collect()
}

/// Sets, short lists of what is not a text, and objects.
fn nested(column: &Column) -> Vec<Datum> {
    let lines: Vec<Value> = [json!({}), json!({"grade": "a"}), json!({"grade": "b"})]
        .iter()
        .flat_map(|line| {
            (0..=3).map(move |quantity| {
                let mut line = line.clone();
                line["quantity"] = quantity.into();
                line
            })
        })
        .collect();
    let lists = |entries: &[Value]| -> Vec<Value> {
        let pairs = (0..entries.len()).flat_map(|a| (a..entries.len()).map(move |b| (a, b)));
        let pairs = pairs.map(|(a, b)| json!([entries[a], entries[b]]));
        let triples = entries.windows(3).map(|three| json!(three));
        [json!([])].into_iter().chain(entries.iter().map(|one| json!([one]))).chain(pairs).chain(triples).collect()
    };
    let all: Vec<Value> = match column.name.as_str() {
        "flags" => (0..8)
            .map(|bits| {
                ["p", "q", "r"]
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| bits >> at & 1 == 1)
                    .map(|(_, name)| *name)
                    .collect()
            })
            .collect(),
        "box" => lines,
        "sizes" => lists(&[json!(0), json!(1), json!(2), json!(3)]),
        _ => lists(&lines),
    };
    all.iter().filter_map(|value| Datum::read(column, value).ok()).collect()
}

/// A condition on a line, or on a box.
fn of_line() -> BoxedStrategy<Value> {
    let quantity = || (bound(), 0..4_i64).prop_map(|(operator, number)| json!({"quantity": {operator: number}}));
    let grade = prop_oneof![
        prop::sample::select(vec!["a", "b"]).prop_map(|grade| json!({"grade": grade})),
        any::<bool>().prop_map(|there| json!({"grade": {"exists": there}})),
    ];
    let leaf = prop_oneof![2 => quantity(), 1 => grade];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
    .boxed()
}

/// A number of entries.
fn count_of(counted: impl Strategy<Value = Option<Value>>) -> impl Strategy<Value = Value> {
    let bound = (prop::sample::select(vec!["eq", "gt", "gte", "lt", "lte"]), 1..3_u8);
    (counted, bound).prop_map(|(counted, (operator, number))| {
        let mut count = json!({operator: number});
        if let Some(counted) = counted {
            count["where"] = counted;
        }
        json!({ "count": count })
    })
}

/// A test of a list by its entries.
fn of_entries(entry: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let quantifier = prop::sample::select(vec!["some", "every", "none"]);
    prop_oneof![
        3 => (quantifier, entry.clone()).prop_map(|(quantifier, entry)| json!({quantifier: entry})),
        1 => count_of(prop::option::of(entry)),
        1 => any::<bool>().prop_map(|there| json!({"exists": there})),
    ]
    .boxed()
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "red", "tape", "Red", "red tape", "x", "edt", "redtape", "zeal", "red+", "x:", "café", "d's",
    ])
    .prop_map(str::to_owned)
}

fn switches() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    prop::sample::select(vec![
        vec![],
        vec![],
        vec![],
        vec![("whole_words", false)],
        vec![("case_sensitive", true)],
        vec![("whole_words", false), ("case_sensitive", true)],
    ])
}

/// A test of a text.
fn of_text() -> BoxedStrategy<Value> {
    let operator = prop_oneof![
        word().prop_map(|word| ("contains", json!(word))),
        prop::collection::vec(word(), 1..3).prop_map(|words| ("contains_any", json!(words))),
        prop::collection::vec(word(), 1..3).prop_map(|words| ("contains_all", json!(words))),
        word().prop_map(|word| ("starts_with", json!(word))),
        word().prop_map(|word| ("ends_with", json!(word))),
        word().prop_map(|word| ("eq", json!(word))),
        word().prop_map(|word| ("ne", json!(word))),
        prop::sample::select(vec!["^red", "tape$", "[0-9]+", "^[a-z ]*$", "red|tape", r"\bred\b"])
            .prop_map(|pattern| ("matches", json!(pattern))),
        any::<bool>().prop_map(|there| ("exists", json!(there))),
    ];
    (prop::collection::vec(operator, 1..3), switches())
        .prop_map(|(operators, switches)| {
            let mut all = serde_json::Map::new();
            all.extend(operators.into_iter().map(|(name, value)| (name.to_owned(), value)));
            all.extend(switches.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
            Value::Object(all)
        })
        .boxed()
}

fn bound() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["gt", "gte", "lt", "lte", "eq"])
}

fn times() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![1.0, 1.0, 2.0, 0.5, -1.0])
}

fn plus() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![0.0, 1.0, -1.0, 0.25, 3.5])
}

fn zone() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["UTC", "+02:00", "Europe/Berlin", "Europe/Berlin"])
}

/// A test of one of the fields with these positions.
fn test(fields: &[usize]) -> BoxedStrategy<Value> {
    let of = |field: usize, pair: bool| -> BoxedStrategy<Value> {
        match field {
            0 => prop_oneof![
                prop::sample::select(vec!["red", "green", "blue"]).prop_map(|value| json!({"category": value})),
                prop::sample::subsequence(vec!["red", "green", "blue"], 1..3).prop_map(|list| json!({"category": list})),
                prop::sample::select(vec!["red", "green"]).prop_map(|value| json!({"category": {"ne": value}})),
            ]
            .boxed(),
            1 if fields.contains(&2) && pair => (bound(), times(), plus())
                .prop_map(|(operator, times, plus)| {
                    json!({"amount": {operator: {"field": "ratio", "times": times, "plus": plus}}})
                })
                .boxed(),
            2 if fields.contains(&1) && pair => (prop_oneof![bound(), Just("ne")], plus())
                .prop_map(|(operator, plus)| json!({"ratio": {operator: {"field": "amount", "plus": plus}}}))
                .boxed(),
            8 if pair => (5..14_u8, 5..14_u8, prop::sample::select(vec!["mon", "tue", "sun"]), 0..3_u8, zone())
                .prop_map(|(from, until, day, which, zone)| {
                    let mut test = match which {
                        0 if from != until => json!({"time_of_day": format!("{from:02}:00..{until:02}:00")}),
                        1 => json!({"calendar": ["2026-01-05", "2026-12-25"]}),
                        _ => json!({"weekday": [day]}),
                    };
                    test["zone"] = zone.into();
                    json!({ "received": test })
                })
                .boxed(),
            1 => prop_oneof![
                (bound(), 0..7_i64).prop_map(|(operator, number)| json!({"amount": {operator: number}})),
                (0..7_i64, 0..7_i64).prop_map(|(a, b)| json!({"amount": {"between": [a, b]}})),
                (bound().prop_filter("a bound", |name| *name != "eq"), 0..6_u8)
                    .prop_map(|(operator, number)| json!({"amount": {operator: f64::from(number) + 0.5}})),
            ]
            .boxed(),
            2 => (bound(), 0..7_u8)
                .prop_map(|(operator, number)| json!({"ratio": {operator: f64::from(number) / 2.0}}))
                .boxed(),
            3 => prop_oneof![
                any::<bool>().prop_map(|flag| json!({"urgent": flag})),
                any::<bool>().prop_map(|there| json!({"urgent": {"exists": there}})),
            ]
            .boxed(),
            4 => of_text().prop_map(|test| json!({"subject": test})).boxed(),
            5 => of_text().prop_map(|test| json!({"note": test})).boxed(),
            6 => (prop::collection::vec(word(), 1..3), any::<bool>(), any::<bool>())
                .prop_map(|(words, all, exact)| {
                    json!({"tags": {if all { "contains_all" } else { "contains_any" }: words, "case_sensitive": exact}})
                })
                .boxed(),
            7 => prop_oneof![
                prop::sample::select(vec!["a.example", "example", "b.example", "mail.a.example"])
                    .prop_map(|domain| json!({"sender": {"domain_in": [domain]}})),
                word().prop_map(|word| json!({"sender": {"contains": word}})),
                word().prop_map(|word| json!({"sender": {"starts_with": word, "whole_words": false}})),
            ]
            .boxed(),
            9 => {
                let names = || prop::sample::subsequence(vec!["p", "q", "r"], 1..3);
                let operator = prop::sample::select(vec!["has_any", "has_all", "only"]);
                prop_oneof![
                    3 => (operator, names()).prop_map(|(operator, names)| json!({"flags": {operator: names}})),
                    1 => count_of(prop::option::of(names().prop_map(|names| json!({"in": names}))))
                        .prop_map(|test| json!({"flags": test})),
                    1 => any::<bool>().prop_map(|there| json!({"flags": {"exists": there}})),
                ]
                .boxed()
            }
            10 => of_entries(of_line()).prop_map(|test| json!({"lines": test})).boxed(),
            11 => {
                let entry = (bound(), 0..4_i64).prop_map(|(operator, number)| json!({operator: number}));
                of_entries(entry.boxed()).prop_map(|test| json!({"sizes": test})).boxed()
            }
            12 => of_line().prop_map(|test| json!({"box": {"where": test}})).boxed(),
            _ => prop_oneof![
                (0..4_u8).prop_map(|hours| json!({"received": {"older_than": format!("{hours}h")}})),
                (0..4_u8).prop_map(|hours| json!({"received": {"within": format!("{hours}h")}})),
                (0..4_u8).prop_map(|hours| json!({"received": {"ahead": format!("{hours}h")}})),
                (bound().prop_filter("a bound", |name| *name != "eq"), 5..13_u8).prop_map(|(operator, hour)| {
                    json!({"received": {operator: format!("2026-01-05T{hour:02}:00:00Z")}})
                }),
            ]
            .boxed(),
        }
    };
    // What compares two fields, or reads the clock on a wall, stands beside what does not.
    let both = fields.iter().flat_map(|field| [of(*field, false), of(*field, true)]);
    prop::strategy::Union::new(both).boxed()
}

fn condition(fields: &[usize]) -> BoxedStrategy<Value> {
    let leaf = test(fields);
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"all": parts})),
            2 => prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({"any": parts})),
            1 => inner.prop_map(|part| json!({"not": part})),
        ]
    })
    .boxed()
}

/// A rule of a small world.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) when: Value,
    pub(crate) except: Option<Value>,
    pub(crate) then: Vec<(usize, Datum)>,
    pub(crate) trial: bool,
    pub(crate) valid: (Option<i64>, Option<i64>),
}

fn then() -> impl Strategy<Value = Vec<(usize, Datum)>> {
    prop_oneof![
        4 => (0..3_usize).prop_map(|value| vec![(0, Datum::Choice(value))]),
        1 => (0..3_usize, 0..2_usize).prop_map(|(a, b)| vec![(0, Datum::Choice(a)), (1, Datum::Choice(b))]),
        1 => (0..2_usize).prop_map(|value| vec![(1, Datum::Choice(value))]),
    ]
}

pub(super) fn rule(fields: &[usize], dated: bool) -> impl Strategy<Value = Made> + use<> {
    let except = prop::option::weighted(0.25, condition(fields));
    let hour = || prop::option::weighted(0.2, (-3..4_i64).prop_map(|hour| NOW + hour * HOUR));
    (condition(fields), except, then(), prop::bool::weighted(0.1), (hour(), hour())).prop_map(
        move |(when, except, then, trial, valid)| {
            let valid = match valid {
                _ if !dated => (None, None),
                (Some(from), Some(until)) if from >= until => (Some(from), None),
                valid => valid,
            };
            Made { when, except, then, trial, valid }
        },
    )
}

/// Two versions of rules over some of the fields.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) fields: Vec<usize>,
    pub(super) old: (Vec<Made>, Hit),
    pub(super) new: (Vec<Made>, Hit),
    pub(super) default: Option<Vec<(usize, Datum)>>,
    /// Whether the second decision matters only where the first one is `a`.
    pub(super) gated: bool,
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let hit = || prop::sample::select(vec![Hit::Unique, Hit::First, Hit::First, Hit::Collect]);
    prop::sample::subsequence((0..FIELDS).collect::<Vec<_>>(), 1..4).prop_flat_map(move |fields| {
        let dated = fields.contains(&8);
        let [old, new] = [(); 2].map(|()| prop::collection::vec(rule(&fields, dated), 1..5));
        (Just(fields), (old, hit()), (new, hit()), prop::option::of(then()), any::<bool>())
            .prop_map(|(fields, old, new, default, gated)| World { fields, old, new, default, gated })
    })
}

/// What is done to one of several rules.
#[derive(Debug, Clone)]
pub(super) enum Edited {
    Removed,
    Added(Made),
    Replaced(Made),
    When(Value),
    Then(Vec<(usize, Datum)>),
    Moved(prop::sample::Index),
    Trial,
}

/// Rules, and edits of some of them.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) fields: Vec<usize>,
    pub(super) rules: Vec<Made>,
    pub(super) edits: Vec<(prop::sample::Index, Edited)>,
    pub(super) defaults: [Option<Vec<(usize, Datum)>>; 2],
}

pub(super) fn draft() -> impl Strategy<Value = Draft> {
    prop::sample::subsequence((0..FIELDS).collect::<Vec<_>>(), 1..4).prop_flat_map(move |fields| {
        let dated = fields.contains(&8);
        let edit = prop_oneof![
            Just(Edited::Removed),
            rule(&fields, dated).prop_map(Edited::Added),
            rule(&fields, dated).prop_map(Edited::Replaced),
            condition(&fields).prop_map(Edited::When),
            then().prop_map(Edited::Then),
            any::<prop::sample::Index>().prop_map(Edited::Moved),
            Just(Edited::Trial),
        ];
        let edits = prop::collection::vec((any::<prop::sample::Index>(), edit), 1..4);
        let default = || prop::option::of(then());
        let default = (default(), default(), prop::bool::weighted(0.2));
        (Just(fields.clone()), prop::collection::vec(rule(&fields, dated), 2..12), edits, default).prop_map(
            |(fields, rules, edits, (old, new, other))| {
                let new = if other { new } else { old.clone() };
                Draft { fields, rules, edits, defaults: [old, new] }
            },
        )
    })
}

impl Draft {
    /// The rules before and after the edits, each with its id.
    pub(super) fn versions(&self) -> [Vec<(String, Made)>; 2] {
        let old: Vec<(String, Made)> =
            self.rules.iter().enumerate().map(|(at, made)| (format!("R{at}"), made.clone())).collect();
        let mut new = old.clone();
        for (number, (at, edit)) in self.edits.iter().enumerate() {
            if new.is_empty() {
                break;
            }
            let at = at.index(new.len());
            match edit {
                Edited::Removed => drop(new.remove(at)),
                Edited::Added(made) => new.insert(at, (format!("N{number}"), made.clone())),
                Edited::Replaced(made) => new[at].1 = made.clone(),
                Edited::When(when) => new[at].1.when = when.clone(),
                Edited::Then(then) => new[at].1.then.clone_from(then),
                Edited::Moved(to) => {
                    let rule = new.remove(at);
                    let to = to.index(new.len() + 1);
                    new.insert(to, rule);
                }
                Edited::Trial => new[at].1.trial ^= true,
            }
        }
        [old, new]
    }
}

/// Makes rules of small worlds.
pub(crate) struct Compiler {
    document: Document,
    pub(crate) fields: Vec<Column>,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        Self::over(fields())
    }

    /// Compiles conditions over other fields than those of the small worlds.
    pub(crate) fn over(fields: Vec<Column>) -> Self {
        let file = SourceFile::new(std::path::Path::new("rules.yaml"), "kind: Rules\n");
        let text = "apiVersion: casebook/v1\nkind: Rules\nname: r\nrules: [{id: A, when: {a: 1}, then: {b: 1}}]\n";
        let file = SourceFile::new(&file.path, text);
        let (mut lost, mut report) = (Vec::new(), Report::default());
        let drafts = casebook_syntax::spec::read(&file, &mut lost, &mut report);
        let document = drafts[0].finish(&mut report).expect("a document");
        Self { document, fields }
    }

    fn predicate(&self, condition: &Value) -> Predicate {
        let (lists, regexes) = (IndexMap::new(), Cell::new(0));
        let scope =
            Scope { document: &self.document, columns: &self.fields, hidden: None, lists: &lists, regexes: &regexes };
        let condition = Condition(condition.as_object().expect("a map").clone());
        let mut report = Report::default();
        let compiled = rules::compile(scope, "/rules/0/when", &condition, &mut report);
        compiled.unwrap_or_else(|| panic!("{condition:?}: {}", report.render(false)))
    }

    pub(crate) fn set(&self, made: &[Made], hit: Hit, default: Option<&Vec<(usize, Datum)>>) -> RuleSet {
        let named: Vec<(String, Made)> =
            made.iter().enumerate().map(|(at, made)| (format!("R{at}"), made.clone())).collect();
        self.named(&named, hit, default)
    }

    /// Rules with ids of their own.
    pub(super) fn named(&self, made: &[(String, Made)], hit: Hit, default: Option<&Vec<(usize, Datum)>>) -> RuleSet {
        let compiled = made.iter().enumerate().map(|(at, (id, made))| CompiledRule {
            reason: Arc::new(RuleReason { id: id.clone(), because: None, severity: Severity::Normal }),
            place: Place { path: Path::new("rules.yaml").into(), line: at + 1 },
            when: self.predicate(&made.when),
            except: made.except.as_ref().map(|except| self.predicate(except)),
            then: made.then.clone(),
            trial: made.trial,
            valid: made.valid,
        });
        RuleSet::new("r", hit, compiled.collect(), default.cloned().unwrap_or_default(), &self.fields)
    }
}

/// Every item of the small world that these fields span, at every moment.
pub(super) fn items(columns: &[Column], used: &[usize]) -> Vec<Witness> {
    let clocks: Vec<Option<i64>> = if used.contains(&8) {
        (-3..=3).map(|hour| Some(NOW + hour * HOUR)).chain([Some(NOW - 1), Some(NOW + 1)]).collect()
    } else {
        vec![None]
    };
    let mut all: Vec<Witness> =
        clocks.into_iter().map(|clock| Witness { fields: vec![None; columns.len()], clock }).collect();
    for at in used {
        let values = values(&columns[*at]);
        all = all
            .into_iter()
            .flat_map(|item| {
                values.iter().map(move |value| {
                    let mut item = item.clone();
                    item.fields[*at].clone_from(value);
                    item
                })
            })
            .collect();
        if all.len() > 800 {
            // Too many to try them all.
            let step = all.len() / 400;
            all = all.into_iter().step_by(step).collect();
        }
    }
    all
}
