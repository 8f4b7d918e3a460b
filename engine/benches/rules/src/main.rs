//! The same 1,000 rules over the same 100,000 items, decided by Casebook, regorus, cel and zen-engine in one run.
//!
//! `cargo run --release [-- ITEMS [SHARE]]` in this folder; `--no-default-features` leaves out zen-engine, which takes long
//! to build. The first rule that matches decides, in every engine. The other engines decide about every SHAREth item
//! alone (20 when not given; 1 for all), as they take long; what is compared is the time for one item. Every item that
//! several engines decide must be decided alike.

use std::{sync::Arc, time::Instant};

use casebook_compile::rules::{self, Scope};
use casebook_runtime::{
    value::ValueType, model::{Column, Datum, Place, RuleReason},
    rules::{CompiledRule, Facts, RuleSet},
    settings::{Hit, Severity},
};
use casebook_syntax::{
    diagnostic::Report,
    source::SourceFile,
    spec::{Condition, Document},
};
use indexmap::IndexMap;
use serde_json::{Value, json};

const RULES: u64 = 1000;

/// One rule: a category, a range of amounts, perhaps a word.
struct Rule {
    category: u64,
    low: u64,
    high: u64,
    word: Option<String>,
}

struct Item {
    category: u64,
    amount: u64,
    subject: String,
}

/// A pseudo-random number: the same in every run.
fn draw(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn word(number: u64) -> String {
    const PARTS: [&str; 8] = ["ba", "do", "fi", "gu", "ke", "lo", "mi", "nu"];
    let part = |at: u32| PARTS[(number / 8_u64.pow(at) % 8) as usize];
    format!("{}{}{}{}", part(0), part(1), part(2), part(3))
}

fn rules() -> Vec<Rule> {
    (0..RULES)
        .map(|at| {
            let low = draw(at * 5 + 1) % 9000;
            Rule {
                category: draw(at * 5) % 20,
                low,
                high: low + 50 + draw(at * 5 + 2) % 400,
                word: (draw(at * 5 + 3) % 2 == 0).then(|| word(draw(at * 5 + 4) % 300)),
            }
        })
        .collect()
}

fn items(count: u64) -> Vec<Item> {
    (0..count)
        .map(|at| {
            let seed = 1_000_000 + at * 16;
            let words: Vec<String> = (0..8).map(|n| word(draw(seed + n) % 300)).collect();
            Item { category: draw(seed + 8) % 20, amount: draw(seed + 9) % 9500, subject: words.join(" ") }
        })
        .collect()
}

fn column(name: &str, kind: ValueType, values: Vec<String>) -> Column {
    Column { values, ..Column::new(name, kind) }
}

fn casebook(rules: &[Rule]) -> (RuleSet, Vec<Column>) {
    let columns = vec![
        column("category", ValueType::Enum, (0..20).map(|at| format!("c{at}")).collect()),
        column("amount", ValueType::Integer, Vec::new()),
        column("subject", ValueType::Text, Vec::new()),
    ];
    let text = "apiVersion: casebook/v1\nkind: Rules\nname: r\nrules: [{id: A, when: {a: 1}, then: {b: 1}}]\n";
    let file = SourceFile::new(std::path::Path::new("rules.yaml"), text);
    let mut report = Report::default();
    let document: Document =
        casebook_syntax::spec::read(&file, &mut Vec::new(), &mut report)[0].finish(&mut report).expect("a document");
    let (lists, regexes) = (IndexMap::new(), std::cell::Cell::new(0));
    let scope = Scope { document: &document, columns: &columns, hidden: None, lists: &lists, regexes: &regexes };
    let compiled = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            let mut when = json!({
                "category": format!("c{}", rule.category),
                "amount": { "gte": rule.low, "lt": rule.high },
            });
            if let Some(word) = &rule.word {
                when["subject"] = json!({ "contains": word });
            }
            let condition = Condition(when.as_object().expect("a map").clone());
            CompiledRule {
                reason: Arc::new(RuleReason { id: format!("R{at}"), because: None, severity: Severity::Normal }),
                when: rules::compile(scope, "/rules/0/when", &condition, &mut report).expect("a condition"),
                except: None,
                then: vec![(0, Datum::Integer(at as i64))],
                trial: false,
                valid: (None, None),
                place: Place { path: std::path::Path::new("rules.yaml").into(), line: 1 },
            }
        })
        .collect();
    (RuleSet::new("r", Hit::First, compiled, Vec::new(), &columns), columns)
}

/// The result of an engine: the rule of each item that it decided, and the time for one item.
struct Run {
    name: &'static str,
    decided: Vec<Option<u64>>,
    nanoseconds: f64,
}

fn timed<T>(name: &'static str, items: &[T], mut decide: impl FnMut(&T) -> Option<u64>) -> Run {
    for item in items.iter().take(100) {
        decide(item);
    }
    let begin = Instant::now();
    let decided: Vec<Option<u64>> = items.iter().map(&mut decide).collect();
    let nanoseconds = begin.elapsed().as_nanos() as f64 / items.len().max(1) as f64;
    Run { name, decided, nanoseconds }
}

fn with_regorus(rules: &[Rule], items: &[Value]) -> Run {
    let mut policy = String::from("package p\nimport rego.v1\n");
    for (at, rule) in rules.iter().enumerate() {
        let word = rule.word.as_ref().map(|word| format!("; contains(input.subject, \"{word}\")")).unwrap_or_default();
        let head = if at == 0 { "decision := 0 if {".to_owned() } else { format!("}}\nelse := {at} if {{") };
        policy.push_str(&format!(
            "{head} input.category == \"c{}\"; input.amount >= {}; input.amount < {}{word} ",
            rule.category, rule.low, rule.high
        ));
    }
    policy.push_str("}\n");
    let mut engine = regorus::Engine::new();
    engine.add_policy("p.rego".to_owned(), policy).expect("a policy");
    let inputs: Vec<regorus::Value> =
        items.iter().map(|item| regorus::Value::from_json_str(&item.to_string()).expect("an input")).collect();
    timed("regorus", &inputs, |input| {
        engine.set_input(input.clone());
        engine.eval_rule("data.p.decision".to_owned()).ok()?.as_u64().ok()
    })
}

fn with_cel(rules: &[Rule], items: &[Item]) -> Run {
    let programs: Vec<cel::Program> = rules
        .iter()
        .map(|rule| {
            let word = rule.word.as_ref().map(|word| format!(" && subject.contains('{word}')")).unwrap_or_default();
            let text =
                format!("category == 'c{}' && amount >= {} && amount < {}{word}", rule.category, rule.low, rule.high);
            cel::Program::compile(&text).expect("an expression")
        })
        .collect();
    timed("cel", &items.iter().collect::<Vec<_>>(), |item| {
        let mut context = cel::Context::default();
        context.add_variable("category", format!("c{}", item.category)).expect("a variable");
        context.add_variable("amount", item.amount as i64).expect("a variable");
        context.add_variable("subject", item.subject.clone()).expect("a variable");
        let holds = |program: &cel::Program| matches!(program.execute(&context), Ok(cel::Value::Bool(true)));
        programs.iter().position(holds).map(|at| at as u64)
    })
}

#[cfg(feature = "zen")]
fn with_zen(rules: &[Rule], items: &[Value]) -> Run {
    let rows: Vec<Value> = rules
        .iter()
        .enumerate()
        .map(|(at, rule)| {
            json!({
                "_id": format!("r{at}"),
                "c": format!("\"c{}\"", rule.category),
                "a": format!("[{}..{})", rule.low, rule.high),
                "s": rule.word.as_ref().map(|word| format!("contains($, \"{word}\")")).unwrap_or_default(),
                "o": at.to_string(),
            })
        })
        .collect();
    let graph = json!({
        "nodes": [
            { "id": "in", "name": "in", "type": "inputNode", "content": {} },
            { "id": "dt", "name": "dt", "type": "decisionTableNode", "content": {
                "hitPolicy": "first",
                "inputs": [
                    { "id": "c", "name": "category", "field": "category" },
                    { "id": "a", "name": "amount", "field": "amount" },
                    { "id": "s", "name": "subject", "field": "subject" },
                ],
                "outputs": [{ "id": "o", "name": "rule", "field": "rule" }],
                "rules": rows,
            } },
            { "id": "out", "name": "out", "type": "outputNode", "content": {} },
        ],
        "edges": [
            { "id": "e1", "sourceId": "in", "targetId": "dt" },
            { "id": "e2", "sourceId": "dt", "targetId": "out" },
        ],
    });
    let mut decision = zen_engine::Decision::from(Arc::new(serde_json::from_value(graph).expect("a graph")));
    decision.compile();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    timed("zen-engine", items, |item| {
        let response = runtime.block_on(decision.evaluate(item.clone().into())).ok()?;
        let result = serde_json::to_value(&response.result).ok()?;
        result.get("rule")?.as_u64()
    })
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|text| text.parse::<u64>().ok());
    let (count, share) = (arguments.next().unwrap_or(100_000), arguments.next().unwrap_or(20).max(1));
    let (rules, items) = (rules(), items(count));
    let (set, _) = casebook(&rules);
    let own: Vec<Vec<Option<Datum>>> = items
        .iter()
        .map(|item| {
            vec![
                Some(Datum::Choice(item.category as usize)),
                Some(Datum::Integer(item.amount as i64)),
                Some(Datum::text(&item.subject)),
            ]
        })
        .collect();
    let number = |fields: &Vec<Option<Datum>>| -> Option<u64> {
        match set.decide(Facts { fields, clock: None }).ok()?.first()?.value {
            Datum::Integer(at) => u64::try_from(*at).ok(),
            _ => None,
        }
    };
    let plain = timed("casebook", &own, number);
    let mut conditions = 0_usize;
    let traced = timed("casebook, with the deciding trace", &own, |fields| {
        let facts = Facts { fields, clock: None };
        let rule = set.decide(facts).ok()?.first()?.rule?;
        conditions += rule.when.judged(facts).len();
        match rule.then[0].1 {
            Datum::Integer(at) => u64::try_from(at).ok(),
            _ => None,
        }
    });
    let one_by_one = timed("casebook, rule by rule", &own[..own.len().min(2000)], |fields| {
        let facts = Facts { fields, clock: None };
        set.rules.iter().position(|rule| rule.matches(facts)).map(|at| at as u64)
    });
    let sample: Vec<&Item> = items.iter().step_by(share as usize).collect();
    let as_json: Vec<Value> = sample
        .iter()
        .map(
            |item| json!({ "category": format!("c{}", item.category), "amount": item.amount, "subject": item.subject }),
        )
        .collect();
    let sampled: Vec<Item> = sample
        .iter()
        .map(|item| Item { category: item.category, amount: item.amount, subject: item.subject.clone() })
        .collect();
    let others = [
        with_regorus(&rules, &as_json),
        with_cel(&rules, &sampled),
        #[cfg(feature = "zen")]
        with_zen(&rules, &as_json),
    ];
    let matched = plain.decided.iter().flatten().count();
    println!("{} rules, {} items, of which {matched} match some rule", rules.len(), items.len());
    for run in [&plain, &traced, &one_by_one].into_iter().chain(&others) {
        println!(
            "{:<36}{:>12.0} ns an item{:>10.1} x casebook  ({} items)",
            run.name,
            run.nanoseconds,
            run.nanoseconds / plain.nanoseconds,
            run.decided.len()
        );
    }
    assert_eq!(traced.decided, plain.decided, "the trace changes nothing");
    assert_eq!(one_by_one.decided[..], plain.decided[..one_by_one.decided.len()], "nor does the program");
    for run in &others {
        let own = plain.decided.iter().step_by(share as usize);
        let unlike = own.zip(&run.decided).filter(|(own, other)| own != other).count();
        println!("{} decides {unlike} of {} items otherwise", run.name, run.decided.len());
    }
}
