//! Random rules over small worlds: what the analyser claims agrees with trying every item.
//!
//! `CASEBOOK_PROOF_CASES` sets how many sets of rules are tried, and draws others each time; `--nocapture` prints how many
//! questions were left open.

use std::{
    cell::Cell,
    env,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use casebook_core::{
    diagnostic::Report,
    model::{Column, ColumnKind, Datum, Place, RuleReason, Text},
    rules::{
        self, CompiledRule, Facts, Predicate, RuleSet, Scope,
        analysis::{Claim, Limits, Side, Wanted, Witness, analyse, diff},
    },
    source::SourceFile,
    spec::{Condition, Document, Hit, Severity},
};
use indexmap::IndexMap;
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

/// A moment around which small worlds lie: 2026-01-05T09:00:00Z.
const NOW: i64 = 1_767_603_600_000;
const HOUR: i64 = 3_600_000;

fn column(name: &str, kind: ColumnKind, optional: bool) -> Column {
    Column {
        name: name.to_owned(),
        kind,
        values: Vec::new(),
        visible: true,
        optional,
        sensitive: false,
        bounds: (None, None),
        when: Vec::new(),
    }
}

/// The same sets of rules every time, so that a change lands or not by what it did; others where their number is given.
fn runner() -> TestRunner {
    let asked = env::var("CASEBOOK_PROOF_CASES").ok().and_then(|text| text.parse().ok());
    let config = ProptestConfig { cases: asked.unwrap_or(100), failure_persistence: None, ..ProptestConfig::default() };
    match asked {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    }
}

/// The fields of the small worlds.
fn fields() -> Vec<Column> {
    let mut category = column("category", ColumnKind::Choice, false);
    category.values = ["red", "green", "blue"].map(str::to_owned).to_vec();
    let mut amount = column("amount", ColumnKind::Integer, false);
    amount.bounds = (Some(0.0), Some(6.0));
    let mut ratio = column("ratio", ColumnKind::Number, true);
    ratio.bounds = (Some(0.0), Some(3.0));
    vec![
        category,
        amount,
        ratio,
        column("urgent", ColumnKind::Boolean, true),
        column("subject", ColumnKind::Text, false),
        column("note", ColumnKind::Text, true),
        column("tags", ColumnKind::List, false),
        column("sender", ColumnKind::Address, false),
        column("received", ColumnKind::Timestamp, false),
    ]
}

fn decisions() -> Vec<Column> {
    let mut action = column("action", ColumnKind::Choice, false);
    action.values = ["a", "b", "c"].map(str::to_owned).to_vec();
    let mut team = column("team", ColumnKind::Choice, false);
    team.values = ["x", "y"].map(str::to_owned).to_vec();
    vec![action, team]
}

/// Every value of a field that a small world has.
fn values(column: &Column) -> Vec<Option<Datum>> {
    let texts = || {
        let words = ["red", "tape", "Red", "redtape", "x"];
        let mut texts: Vec<String> = vec![String::new()];
        for a in words {
            texts.push(a.to_owned());
            texts.extend(words.iter().map(|b| format!("{a} {b}")));
        }
        texts.extend(["red tape x", "x red tape", "tape x red", "red-tape", "7", "red 7"].map(str::to_owned));
        texts
    };
    let data: Vec<Datum> = match column.kind {
        ColumnKind::Choice => (0..column.values.len()).map(Datum::Choice).collect(),
        ColumnKind::Boolean => vec![Datum::Boolean(false), Datum::Boolean(true)],
        ColumnKind::Integer => (0..=6).map(Datum::Integer).collect(),
        ColumnKind::Number => (0..=12).map(|quarter| Datum::Number(f64::from(quarter) / 4.0)).collect(),
        ColumnKind::Timestamp => {
            (-4..=4).flat_map(|hour| [-1, 0, 1].map(|off| Datum::Integer(NOW + hour * HOUR + off))).collect()
        }
        ColumnKind::List => [&[][..], &["red"], &["tape"], &["Red"], &["red", "tape"], &["x"]]
            .iter()
            .map(|list| Datum::List(list.iter().map(|text| Text::new(text)).collect::<Vec<_>>().into()))
            .collect(),
        ColumnKind::Address => {
            let hosts = ["a.example", "mail.a.example", "b.example", "example", "A.example", "ba.example"];
            hosts.iter().flat_map(|host| ["red", "x"].map(|local| Datum::text(&format!("{local}@{host}")))).collect()
        }
        _ => texts().iter().map(|text| Datum::text(text)).collect(),
    };
    column.optional.then_some(None).into_iter().chain(data.into_iter().map(Some)).collect()
}

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["red", "tape", "Red", "red tape", "x", "edt", "redtape", "zeal"]).prop_map(str::to_owned)
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

/// A test of one of the fields with these positions.
fn test(fields: &[usize]) -> BoxedStrategy<Value> {
    let of = |field: usize| -> BoxedStrategy<Value> {
        match field {
            0 => prop_oneof![
                prop::sample::select(vec!["red", "green", "blue"]).prop_map(|value| json!({"category": value})),
                prop::sample::subsequence(vec!["red", "green", "blue"], 1..3).prop_map(|list| json!({"category": list})),
                prop::sample::select(vec!["red", "green"]).prop_map(|value| json!({"category": {"ne": value}})),
            ]
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
            _ => prop_oneof![
                (0..4_u8).prop_map(|hours| json!({"received": {"older_than": format!("{hours}h")}})),
                (0..4_u8).prop_map(|hours| json!({"received": {"within": format!("{hours}h")}})),
                (bound().prop_filter("a bound", |name| *name != "eq"), 5..13_u8).prop_map(|(operator, hour)| {
                    json!({"received": {operator: format!("2026-01-05T{hour:02}:00:00Z")}})
                }),
            ]
            .boxed(),
        }
    };
    prop::strategy::Union::new(fields.iter().map(|field| of(*field))).boxed()
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

fn rule(fields: &[usize], dated: bool) -> impl Strategy<Value = Made> + use<> {
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

type World = (Vec<usize>, Vec<Made>, Vec<Made>, Hit, Hit, Option<Vec<(usize, Datum)>>);

fn world() -> impl Strategy<Value = World> {
    let hit = || prop::sample::select(vec![Hit::Unique, Hit::First, Hit::First, Hit::Collect]);
    prop::sample::subsequence((0..9_usize).collect::<Vec<_>>(), 1..4).prop_flat_map(move |fields| {
        let dated = fields.contains(&8);
        let [old, new] = [(); 2].map(|()| prop::collection::vec(rule(&fields, dated), 1..5));
        (Just(fields), old, new, hit(), hit(), prop::option::of(then()))
    })
}

/// Makes rules of small worlds.
pub(crate) struct Compiler {
    document: Document,
    fields: Vec<Column>,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        let file = SourceFile::new(std::path::Path::new("rules.yaml"), "kind: Rules\n");
        let text = "apiVersion: casebook/v1\nkind: Rules\nname: r\nrules: [{id: A, when: {a: 1}, then: {b: 1}}]\n";
        let file = SourceFile::new(&file.path, text);
        let (mut lost, mut report) = (Vec::new(), Report::default());
        let drafts = casebook_core::spec::read(&file, &mut lost, &mut report);
        let document = drafts[0].finish(&mut report).expect("a document");
        Self { document, fields: fields() }
    }

    fn predicate(&self, condition: &Value) -> Predicate {
        let (lists, regexes) = (IndexMap::new(), Cell::new(0));
        let scope = Scope {
            document: &self.document,
            columns: &self.fields,
            visible_only: false,
            lists: &lists,
            regexes: &regexes,
        };
        let condition = Condition(condition.as_object().expect("a map").clone());
        let mut report = Report::default();
        let compiled = rules::compile(scope, "/rules/0/when", &condition, &mut report);
        compiled.unwrap_or_else(|| panic!("{condition:?}: {}", report.render(false)))
    }

    pub(crate) fn set(&self, made: &[Made], hit: Hit, default: Option<&Vec<(usize, Datum)>>) -> RuleSet {
        let compiled = made.iter().enumerate().map(|(at, made)| CompiledRule {
            reason: Arc::new(RuleReason { id: format!("R{at}"), because: None, severity: Severity::Normal }),
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
fn items(columns: &[Column], used: &[usize]) -> Vec<Witness> {
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

/// What is decided, by column, with the rules; nothing for a conflict.
fn judged(set: &RuleSet, facts: Facts<'_>) -> Option<Vec<(usize, Datum)>> {
    let mut decided: Vec<(usize, Datum)> =
        set.decide(facts).ok()?.iter().map(|one| (one.column, one.value.clone())).collect();
    decided.sort_by_key(|(column, _)| *column);
    Some(decided)
}

fn check_claims(
    set: &RuleSet,
    fields: &[Column],
    items: &[Witness],
    open: &[AtomicUsize; 2],
) -> Result<(), TestCaseError> {
    let wanted: Vec<Wanted> = (0..2).map(|decision| Wanted { decision, when: Vec::new() }).collect();
    let analysis = analyse(set, fields, &wanted, Limits::THOROUGH);
    open[0].fetch_add(analysis.questions, Ordering::Relaxed);
    open[1].fetch_add(analysis.unknown.len(), Ordering::Relaxed);
    let asked = |question: &str| analysis.unknown.iter().any(|unknown| unknown.question == question);
    for claim in &analysis.claims {
        match claim {
            Claim::Never { rule, witness, .. } => {
                let rule = &set.rules[*rule];
                for item in items {
                    prop_assert!(!rule.matches(item.facts()), "{} matches {item:?}", rule.reason.id);
                }
                if let Some(witness) = witness {
                    prop_assert!(!rule.matches(witness.facts()), "{} matches {witness:?}", rule.reason.id);
                }
            }
            Claim::Hidden { rule, by, witness } => {
                let rule = &set.rules[*rule];
                prop_assert!(rule.matches(witness.facts()), "{witness:?}");
                for item in items.iter().chain([witness]).filter(|item| rule.matches(item.facts())) {
                    prop_assert!(by.iter().any(|other| set.rules[*other].matches(item.facts())), "{item:?}");
                }
            }
            Claim::Overlap { rules: [first, second], trial, witness } => {
                let [first, second] = [&set.rules[*first], &set.rules[*second]];
                prop_assert!(first.matches(witness.facts()) && second.matches(witness.facts()), "{witness:?}");
                prop_assert!(first.then != second.then);
                prop_assert!(*trial || set.decide(witness.facts()).is_err(), "{witness:?}");
            }
            Claim::Uncovered { decision, witness, .. } => {
                let decided = judged(set, witness.facts());
                prop_assert!(
                    decided.is_some_and(|all| all.iter().all(|(column, _)| column != decision)),
                    "{witness:?}"
                );
            }
        }
    }
    for item in items {
        match set.decide(item.facts()) {
            Err(_) => {
                let told = analysis.claims.iter().any(|claim| matches!(claim, Claim::Overlap { trial: false, .. }));
                prop_assert!(told || !analysis.unknown.is_empty(), "no overlap was found but {item:?}");
            }
            Ok(decided) => {
                for column in (0..2).filter(|column| decided.iter().all(|one| one.column != *column)) {
                    let told =
                        |claim: &Claim| matches!(claim, Claim::Uncovered { decision, .. } if *decision == column);
                    let known = analysis.claims.iter().any(told)
                        || asked(&format!("whether rules leave decision {column} open"));
                    prop_assert!(known, "no gap was found but {item:?}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn many_rules_decide_as_each_of_them_does() {
    let compiler = Compiler::new();
    let all: Vec<usize> = (0..9).collect();
    let many = prop::collection::vec(rule(&all, true), 8..80);
    let picks = prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 10), 20);
    let mut runner = runner();
    let result = runner.run(&(many, picks), |(made, picks)| {
        for hit in [Hit::First, Hit::Unique, Hit::Collect] {
            let set = compiler.set(&made, hit, None);
            for pick in &picks {
                let fields: Vec<Option<Datum>> =
                    compiler.fields.iter().zip(pick).map(|(column, pick)| pick.get(&values(column)).clone()).collect();
                let clock = Some(NOW + i64::try_from(pick[9].index(7)).expect("small") * HOUR - 3 * HOUR);
                let facts = Facts { fields: &fields, clock };
                let matching: Vec<&CompiledRule> =
                    set.rules.iter().filter(|rule| !rule.trial && rule.matches(facts)).collect();
                let decided = set.decide(facts);
                match hit {
                    Hit::First => {
                        let rule =
                            decided.expect("no conflict").first().and_then(|one| one.rule.map(|rule| &rule.reason.id));
                        prop_assert_eq!(rule, matching.first().map(|rule| &rule.reason.id));
                    }
                    Hit::Unique => {
                        let differ = matching.iter().any(|rule| rule.then != matching[0].then);
                        prop_assert_eq!(decided.is_err(), differ);
                    }
                    Hit::Collect => {
                        for one in decided.iter().flatten() {
                            prop_assert!(
                                matching.iter().any(|rule| rule.then.contains(&(one.column, one.value.clone())))
                            );
                        }
                        let silent = decided.is_ok_and(|decided| decided.is_empty());
                        prop_assert_eq!(silent, matching.is_empty());
                    }
                }
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the share of open questions is told with `--nocapture`")]
fn what_is_claimed_agrees_with_trying_every_item() {
    let compiler = Compiler::new();
    let decisions = decisions();
    let (open, compared) = ([const { AtomicUsize::new(0) }; 2], [const { AtomicUsize::new(0) }; 2]);
    let mut runner = runner();
    let result = runner.run(&world(), |(used, old, new, old_hit, new_hit, default)| {
        let (before, after) =
            (compiler.set(&old, old_hit, default.as_ref()), compiler.set(&new, new_hit, default.as_ref()));
        let items = items(&compiler.fields, &used);
        check_claims(&before, &compiler.fields, &items, &open)?;
        let side = |rules| Side { rules, fields: &compiler.fields, decisions: &decisions };
        let same = diff(side(&before), side(&before), Limits::THOROUGH).expect("comparable");
        prop_assert!(same.changes.is_empty(), "{same:?}");
        let difference = diff(side(&before), side(&after), Limits::THOROUGH).expect("comparable");
        compared[0].fetch_add(difference.questions, Ordering::Relaxed);
        compared[1].fetch_add(difference.unknown.len(), Ordering::Relaxed);
        for change in &difference.changes {
            prop_assert!(!change.witnesses.is_empty() && !change.conditions.is_empty());
            for witness in &change.witnesses {
                prop_assert!(judged(&before, witness.facts()) != judged(&after, witness.facts()), "{witness:?}");
            }
        }
        for item in &items {
            let (was, is) = (judged(&before, item.facts()), judged(&after, item.facts()));
            if was != is && difference.unknown.is_empty() {
                let told = difference
                    .changes
                    .iter()
                    .any(|change| change.old.conflict == was.is_none() && change.new.conflict == is.is_none());
                prop_assert!(told, "{item:?} goes from {was:?} to {is:?}, which {difference:?} does not tell");
            }
        }
        Ok(())
    });
    println!(
        "{} sets of rules: {} of {} questions open; {} of {} between two sets",
        runner.config().cases,
        open[1].load(Ordering::Relaxed),
        open[0].load(Ordering::Relaxed),
        compared[1].load(Ordering::Relaxed),
        compared[0].load(Ordering::Relaxed),
    );
    if let Err(error) = result {
        panic!("{error}");
    }
}
