//! The policy text: rules that are written alike mean the same.

use std::collections::HashMap;

use casebook_compile::rules::{Policy, References};
use casebook_runtime::{
    model::{Datum, parse_moment},
    rules::Facts,
    settings::{Hit, Severity},
};
use casebook_syntax::spec::{Condition, Mode, Rule};
use indexmap::IndexMap;
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use super::proofs::{Compiler, Made};

fn leaf() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"category": "red"}),
        json!({"category": ["red", "green"]}),
        json!({"category": {"ne": "red"}}),
        json!({"amount": {"gte": 3}}),
        json!({"amount": {"gte": 3, "lte": 5}}),
        json!({"category": "red", "amount": {"gte": 3}}),
        json!({"subject": {"contains": "red tape"}}),
        json!({"subject": {"contains_any": ["red", "tape"]}}),
        json!({"subject": {"contains_all": ["red", "tape"]}}),
        json!({"subject": {"contains": "red", "whole_words": false}}),
        json!({"subject": {"contains": "Red", "case_sensitive": true}}),
        json!({"subject": {"eq": "red or tape"}}),
        json!({"subject": ["red", "tape"]}),
        json!({"sender": {"domain_in": ["a.example"]}}),
        json!({"sender": {"domain_in": "friends"}}),
        json!({"subject": {"in": "friends"}}),
    ])
}

fn condition() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"all": parts})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"any": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

/// A rule: its condition, its exception, what follows, whether it is on trial, and from when until when it is valid.
type Drawn = (Value, Option<Value>, usize, bool, (Option<&'static str>, Option<&'static str>));

type World = (Vec<Drawn>, Hit, Option<usize>, bool);

fn world() -> impl Strategy<Value = World> {
    let dates = prop::sample::select(vec![
        (None, None),
        (None, None),
        (None, None),
        (Some("2026-01-01"), None),
        (None, Some("2026-01-01")),
        (Some("2026-01-01"), Some("2026-07-01")),
        (Some("2026-07-01"), None),
    ]);
    let rule = (condition(), prop::option::weighted(0.2, leaf()), 0..2_usize, prop::bool::weighted(0.15), dates);
    let hit = prop::sample::select(vec![Hit::Unique, Hit::First, Hit::Collect]);
    (prop::collection::vec(rule, 1..3), hit, prop::option::of(0..2_usize), any::<bool>())
}

/// Puts the entries of the named list where its name stands.
fn spelt_out(value: &Value, friends: &[String]) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("domain_in" | "in", Value::String(_)) => (key.clone(), json!(friends)),
                _ => (key.clone(), spelt_out(value, friends)),
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(list) => list.iter().map(|value| spelt_out(value, friends)).collect(),
        other => other.clone(),
    }
}

fn items(compiler: &Compiler) -> Vec<Vec<Option<Datum>>> {
    let mut all = Vec::new();
    for category in 0..3 {
        for amount in [2, 3, 5, 6] {
            for subject in ["red", "tape", "red tape", "tape red", "red or tape", "redtape", "Red", "b.example"] {
                for sender in ["x@a.example", "x@b.example", "x@mail.a.example", "x@example"] {
                    let mut fields = vec![None; 9];
                    fields[0] = Some(Datum::Choice(category));
                    fields[1] = Some(Datum::Integer(amount));
                    fields[4] = Some(Datum::text(subject));
                    fields[7] = Some(Datum::read(&compiler.fields[7], &json!(sender)).expect("an address"));
                    all.push(fields);
                }
            }
        }
    }
    all
}

#[test]
fn rules_that_are_written_alike_mean_the_same() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let compiler = Compiler::new();
    let items = items(&compiler);
    let clocks = ["2025-12-01", "2026-03-01", "2026-09-01"].map(parse_moment);
    let mut known: [HashMap<String, (String, World)>; 2] = [HashMap::new(), HashMap::new()];
    let mut met = 0;
    for _ in 0..4000 {
        let world = world().new_tree(&mut runner).expect("a world").current();
        let (rules, hit, default, wide) = &world;
        let friends =
            if *wide { vec!["a.example".to_owned(), "b.example".to_owned()] } else { vec!["b.example".to_owned()] };
        let value = |value: usize| ["a", "b"][value];
        let written: Vec<Rule> = rules
            .iter()
            .enumerate()
            .map(|(at, (when, except, then, trial, (from, until)))| Rule {
                id: format!("R{at}"),
                when: Condition(when.as_object().expect("a map").clone()),
                except: except.as_ref().map(|except| Condition(except.as_object().expect("a map").clone())),
                then: json!({"action": value(*then)}).as_object().expect("a map").clone(),
                because: None,
                severity: Severity::Normal,
                mode: if *trial { Mode::Test } else { Mode::Enforce },
                from: from.map(str::to_owned),
                until: until.map(str::to_owned),
            })
            .collect();
        let made: Vec<Made> = rules
            .iter()
            .map(|(when, except, then, trial, (from, until))| Made {
                when: spelt_out(when, &friends),
                except: except.as_ref().map(|except| spelt_out(except, &friends)),
                then: vec![(0, Datum::Choice(*then))],
                trial: *trial,
                valid: (from.and_then(parse_moment), until.and_then(parse_moment)),
            })
            .collect();
        let set = compiler.set(&made, *hit, default.map(|value| vec![(0, Datum::Choice(value))]).as_ref());
        let meaning: String = items
            .iter()
            .flat_map(|fields| clocks.map(|clock| (fields, clock)))
            .map(|(fields, clock)| match set.decide(Facts { fields, clock }) {
                Err(_) => '!',
                Ok(decided) => match decided.first().map(|one| one.value) {
                    Some(Datum::Choice(0)) => 'a',
                    Some(_) => 'b',
                    None => '-',
                },
            })
            .collect();
        let lists = IndexMap::from([("friends".to_owned(), friends)]);
        let default = default.map(|default| json!({"action": value(default)}).as_object().expect("a map").clone());
        let all: Vec<&Rule> = written.iter().collect();
        let policy = Policy {
            hit: *hit,
            rules: &all,
            default: default.as_ref(),
            default_because: None,
            references: References { lists: &lists, fields: &compiler.fields },
        };
        for (known, text) in known.iter_mut().zip([policy.prose(), policy.table()]) {
            if let Some((other, first)) = known.get(&text) {
                met += 1;
                assert_eq!(other, &meaning, "{first:?}\n{world:?}\nare both written\n{text}");
            } else {
                known.insert(text, (meaning.clone(), world.clone()));
            }
        }
    }
    assert!(met >= 50, "only {met} were written alike");
}

fn policy_of(document: &str) -> (String, String) {
    let mut files = super::packs::desk();
    let (_, text) = files.iter_mut().find(|(name, _)| name == "rules.yaml").expect("the rules");
    *text = format!("apiVersion: casebook/v1\nkind: Rules\nname: routing\n{document}");
    let spec: casebook_syntax::spec::Rules = serde_yaml::from_str(text).expect("rules");
    let rules: Vec<&Rule> = spec.rules.iter().flatten().collect();
    let policy = Policy {
        hit: spec.hit,
        rules: &rules,
        default: spec.default.as_ref(),
        default_because: spec.default_because.as_deref(),
        references: References { lists: &spec.lists, fields: &Compiler::new().fields },
    };
    (policy.prose(), policy.table())
}

#[test]
fn exceptions_lists_dates_and_order_are_said() {
    let (prose, table) = policy_of(
        "hit: first\nrules:\n  \
         - { id: A, from: 2026-01-01, until: 2027-01-01, when: { amount: { gte: 10 } }, except: { from: { domain_in: friends } }, then: { queue: forward }, because: \"Owner.\\n- When tier is paid: queue is close.\" }\n  \
         - { id: B, when: { any: [{ tier: paid, amount: { lt: 3 } }, { title: { contains: very late, whole_words: false } }] }, then: { queue: answer } }\n  \
         - { id: C, mode: test, when: { tier: free }, then: { queue: close } }\n\
         default: { queue: close }\nlists: { friends: [a.example, b.example] }\n",
    );
    assert_eq!(
        prose,
        "The first line that matches decides.\n\
         Texts are searched for whole words, signs included, in upper or lower case, unless a rule says otherwise.\n\
         - From 2026-01-01 on and before 2027-01-01, when amount is at least 10, except when the domain of from is a.example, b.example or one of their subdomains: queue is forward. Owner. - When tier is paid: queue is close.\n\
         - When ((tier is paid and amount is less than 3) or title contains \"very late\" (also inside words)): queue is answer.\n\
         - In every other case: queue is close."
    );
    assert_eq!(
        table,
        "The first line that matches decides.\n\
         Texts are searched for whole words, signs included, in upper or lower case, unless a rule says otherwise.\n\n\
         | Rule | Valid | When | Except when | Then | Because |\n\
         | --- | --- | --- | --- | --- | --- |\n\
         | A | from 2026-01-01 on and before 2027-01-01 | amount is at least 10 | the domain of from is a.example, b.example or one of their subdomains | queue is forward | Owner. - When tier is paid: queue is close. |\n\
         | B |  | ((tier is paid and amount is less than 3) or title contains \"very late\" (also inside words)) |  | queue is answer |  |\n\
         | default |  | in every other case |  | queue is close |  |"
    );
}

#[test]
fn the_default_has_a_reason_of_its_own() {
    let (prose, table) = policy_of(
        "rules: [{ id: A, when: { tier: paid }, then: { queue: billing } }]\ndefault: { queue: close }\n\
         default_because: >-\n  Nobody waits\n  for these.\n",
    );
    assert!(prose.ends_with("- In every other case: queue is close. Nobody waits for these."), "{prose}");
    assert!(table.ends_with("| default | in every other case | queue is close | Nobody waits for these. |"), "{table}");
}

#[test]
fn what_is_tested_of_a_text_is_said() {
    let (prose, _) = policy_of(
        "rules:\n  \
         - { id: A, when: { subject: { starts_with: \"RE:\" } }, then: { queue: answer } }\n  \
         - { id: B, when: { subject: { contains: C++, case_sensitive: true } }, then: { queue: answer } }\n  \
         - { id: C, when: { subject: { ends_with: \"00\", whole_words: false, case_sensitive: true } }, then: { queue: answer } }\n  \
         - { id: D, when: { subject: { eq: red, case_sensitive: true } }, then: { queue: answer } }\n  \
         - { id: E, when: { note: { ne: red }, category: { ne: red } }, then: { queue: answer } }\n  \
         - { id: F, when: { note: { ne: red, exists: true } }, then: { queue: answer } }\n",
    );
    assert_eq!(
        prose,
        "Texts are searched for whole words, signs included, in upper or lower case, unless a rule says otherwise.\n\
         - When subject starts with \"RE:\": queue is answer.\n\
         - When subject contains \"C++\" (case-sensitive): queue is answer.\n\
         - When subject ends with \"00\" (case-sensitive, also inside words): queue is answer.\n\
         - When subject is red (case-sensitive): queue is answer.\n\
         - When note is not red (or not given) and category is not red: queue is answer.\n\
         - When note is not red and note is given: queue is answer."
    );
    let (prose, _) = policy_of("rules:\n  - { id: A, when: { subject: red }, then: { queue: answer } }\n");
    assert_eq!(prose, "- When subject is red: queue is answer.");
}
