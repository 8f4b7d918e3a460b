//! A pack whose readings are drawn and whose fee is computed: how numbers are distributed, and how a formula is shown, tested
//! and described.

use std::{collections::BTreeMap, sync::Arc};

use casebook_analysis::{statistics::statistics, testing};
use casebook_compile::check::{Compiled, compile};
use casebook_runtime::scenario::{Instructions, Pack};
use casebook_syntax::source;

const PACK: &str = "apiVersion: casebook/v1
kind: Environment
name: meters
version: 1.0.0
description: Meters that are read by hand.
item:
  noun: meter
  fields:
    used: { type: number, unit: kWh }
    home: { type: boolean }
decision:
  route: { type: enum, values: [bill, visit], truth: { rules: routing }, description: Where the reading goes }
  fee: { type: number, min: 0, unit: euros, truth: { value: used * 2 + 1 }, description: What the reading costs }
action:
  properties: { route: { decides: route, required: true }, fee: { decides: fee, required: true } }
observation:
  meters: { items: pending }
  instructions: { text: instructions }
---
apiVersion: casebook/v1
kind: Rules
name: routing
rules: [{ id: M-AWAY, when: { home: false }, then: { route: visit } }]
default: { route: bill }
---
apiVersion: casebook/v1
kind: Rubric
name: fair
reward: { mode: improvement }
score:
  weighted_sum:
    - { name: route, weight: 0.5, grader: exact, field: route }
    - { name: fee, weight: 0.5, grader: close, field: fee, absolute: 0.5 }
---
apiVersion: casebook/v1
kind: Generator
name: readings
slots:
  used: { number: { from: 1, to: 2.8, step: 0.2, like: zipf } }
  home: { boolean: 50% }
fields: { used: { slot: used }, home: { slot: home } }
---
apiVersion: casebook/v1
kind: Task
name: street
difficulty: 1
split: train
max_steps: 9
inbox: { generate: readings, items: 6 }
instructions: |
  {{ environment.decisions }}
---
apiVersion: casebook/v1
kind: Test
name: cases
rules:
  - { given: { used: 1.5, home: true }, expect: { route: bill, fee: 4 } }
";

fn compiled((from, to): (&str, &str)) -> Compiled {
    assert!(PACK.contains(from), "{from}");
    compile(&source::from_texts("meters", [("pack.yaml", PACK.replacen(from, to, 1).as_str())]), 1)
}

fn pack((from, to): (&str, &str)) -> Arc<Pack> {
    let compiled = compiled((from, to));
    let report = compiled.report.render(false);
    Arc::clone(&compiled.catalog.unwrap_or_else(|| panic!("{report}")).packs()[0])
}

fn found(from: &str, to: &str) -> String {
    compiled((from, to)).report.render(false)
}

#[test]
fn numbers_like_zipf_are_drawn_by_their_rank() {
    let pack = pack(("items: 6", "items: 50"));
    let mut counts = BTreeMap::<String, f64>::new();
    for seed in 0..200 {
        for item in pack.items(&pack.tasks()[0], seed).expect("items") {
            let value = item.fields[0].as_ref().expect("it is given").to_json(&pack.fields()[0]);
            *counts.entry(value.to_string()).or_default() += 1.0;
        }
    }
    let ranked = ["1", "1.2", "1.4", "1.6", "1.8", "2", "2.2", "2.4", "2.6", "2.8"];
    let total: f64 = (1..=10).map(|rank| 1.0 / f64::from(rank)).sum();
    assert!((counts.values().sum::<f64>() - 10_000.0).abs() < 0.5, "{counts:?}");
    for (rank, value) in (1..).zip(ranked) {
        let count = counts.get(value).or_else(|| counts.get(&format!("{value}.0"))).copied().unwrap_or_default();
        let expected = 10_000.0 / f64::from(rank) / total;
        // Four standard deviations of a count.
        assert!((count - expected).abs() < 4.0 * expected.sqrt(), "{value}: {count}, expected {expected}: {counts:?}");
    }
}

#[test]
fn a_distribution_that_does_not_suit_the_values_is_refused() {
    let number = "number: { from: 1, to: 2.8, step: 0.2, like: zipf }";
    for (draw, message) in [
        ("number: { from: 1, to: 9, step: 1, like: poisson }", "`poisson` draws whole numbers"),
        ("integer: { from: 1, to: 9, like: poisson }", "`poisson` needs a `mean`"),
        ("integer: { from: 1, to: 9, mean: 3 }", "`mean` is only valid with `like: poisson`"),
        ("integer: { from: -1, to: 9, like: poisson, mean: 3 }", "`poisson` has counts from 0 and a `mean` above 0"),
        ("integer: { from: 1, to: 9, like: poisson, mean: -3 }", "`poisson` has counts from 0 and a `mean` above 0"),
        ("integer: { from: 0, to: 9, like: log_normal }", "`log_normal` needs a `from` above 0"),
        ("integer: { from: 0, to: 9000000, like: zipf }", "`zipf` and `poisson` have at most"),
    ] {
        let found = found(number, draw);
        assert!(found.contains(message) && found.matches("error[").count() == 1, "{draw}: {found}");
    }
    assert_eq!(found(number, "integer: { from: 0, to: 9, like: poisson, mean: 3 }"), "");
}

#[test]
fn hints_name_the_filter_and_the_unit_that_are_meant() {
    let slot = "fields: { used: { slot: used }";
    let unknown = found(slot, "fields: { used: '{{ used | roudn(1) }}'");
    assert!(unknown.contains("did you mean `round`?"), "{unknown}");
    let length =
        found("max_steps: 9", "max_steps: 9\nclock: 2026-01-05T09:00:00Z\narrivals: [{ share: 50%, every: 10 }]");
    assert!(length.contains("write it with its unit, such as `10m` or `10h`"), "{length}");
    let share = found("slots:\n", "boundary: 20\nslots:\n");
    assert!(share.contains("write `20%`"), "{share}");
}

#[test]
fn two_shares_above_the_whole_are_reported_at_the_level_that_replaces_one() {
    let levels = "boundary: 40%\nconflicts: 50%\nlevels: { hard: { conflicts: 70% } }\nslots:\n";
    let found = found("slots:\n", levels);
    let at = PACK.lines().position(|line| line == "slots:").expect("a line") + 3;
    assert!(found.contains("`boundary` and `conflicts` come to more than 100%"), "{found}");
    assert!(found.contains(&format!("pack.yaml:{at}:19")) && found.matches("error[").count() == 1, "{found}");
    assert!(!found.contains("a reset cannot choose the level"), "{found}");
}

#[test]
fn a_rule_case_expects_what_a_formula_gives() {
    let outcome = testing::run(&pack(("items: 6", "items: 6")), "cases");
    assert!(outcome.cases.iter().all(|case| case.passed), "{:?}", outcome.cases);
    let outcome = testing::run(&pack(("fee: 4 }", "fee: 5 }")), "cases");
    let wrong: Vec<&String> = outcome.cases.iter().filter(|case| !case.passed).flat_map(|case| &case.details).collect();
    assert!(wrong.len() == 1 && wrong[0].contains("fee") && wrong[0].contains('4'), "{wrong:?}");
}

#[test]
fn instructions_list_decisions_with_unit_and_formula() {
    let pack = pack(("items: 6", "items: 6"));
    let Instructions::Fixed(text) = &*pack.tasks()[0].instructions else { panic!("they read no argument") };
    for part in [
        "`route`",
        "Where the reading goes",
        "`fee` (euros)",
        "What the reading costs",
        "It is computed: `used * 2 + 1`.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn instructions_give_the_constants_of_a_formula_and_the_order_of_ranks() {
    let text = PACK
        .replace("truth: { value: used * 2 + 1 }", "truth: { value: used * data.rates.day + data.basis }")
        .replace("item:\n", "data: { basis: 1, rates: { day: 2, night: 1 } }\nitem:\n")
        .replace("action:\n", "  order: { type: rank, truth: { order_by: [home, -used] } }\naction:\n")
        .replace(
            "fee: { decides: fee, required: true } }",
            "fee: { decides: fee, required: true }, order: { decides: order } }",
        )
        .replace(
            "{ name: fee, weight: 0.5",
            "{ name: order, weight: 0.25, grader: rank_correlation, field: order }\n    - { name: fee, weight: 0.25",
        );
    let compiled = compile(&source::from_texts("meters", [("pack.yaml", text.as_str())]), 1);
    let catalog = compiled.catalog.unwrap_or_else(|| panic!("{}", compiled.report.render(false)));
    let Instructions::Fixed(text) = &*catalog.packs()[0].tasks()[0].instructions else {
        panic!("they read no argument")
    };
    for part in [
        "It is computed: `used * data.rates.day + data.basis`, where `data.basis` is `1` and `data.rates.day` is `2`.",
        "It ranks the items by `home`, lowest first, then `used`, highest first.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn statistics_say_that_a_formula_decides() {
    let pack = pack(("items: 6", "items: 6"));
    let told = statistics(&pack, &pack.tasks()[0], 300).expect("statistics");
    assert_eq!(told.rules["fee"], BTreeMap::from([("formula".to_owned(), 1.0)]));
    assert!(told.rules["route"].contains_key("M-AWAY"), "{:?}", told.rules["route"]);
    assert_eq!(told.decisions["fee"].len(), 10, "{:?}", told.decisions["fee"]);
}

/// A family in which the first task has few items and a later one more than the steps allow.
#[test]
fn built_in_probes_play_several_tasks_of_a_family() {
    let family = |first: u64| {
        let inbox = format!(
            "max_steps: 3\nseeds: {first}..{}\ninbox: {{ generate: readings, items: {{ from: 2, to: 9 }} }}",
            first + 3
        );
        pack(("max_steps: 9\ninbox: { generate: readings, items: 6 }", &inbox))
    };
    // Members are drawn by their own number, whichever seeds the family has.
    let many = pack((
        "max_steps: 9\ninbox: { generate: readings, items: 6 }",
        "max_steps: 9\nseeds: 0..999\ninbox: { generate: readings, items: { from: 2, to: 9 } }",
    ));
    let length = |seed: u64| {
        let task = many.tasks()[0].with_seed(seed).expect("a member");
        many.items(&task, 0).expect("items").len()
    };
    // Of these four the first can be solved, and another one cannot.
    let first = (0..900).find(|seed| length(*seed) <= 3 && (1..4).any(|more| length(seed + more) > 5)).expect("one");
    let outcome = testing::run(&family(first), "");
    let oracle = outcome.cases.iter().find(|case| case.name == "oracle").expect("the probe");
    assert!(!oracle.passed, "{:?}", outcome.cases);
}
