//! `cargo bench -p casebook-compile --bench proofs [-- check|diff|prove|items|tasks] [first|unique|collect] [KIND] [RULES]`: how long it
//! takes to check many rules (20,000 when not given), to find what five edits of them move, and to prove all there is to
//! prove about them (1,000 when not given).
//!
//! Kinds of rules: such as each have amounts of their own (disjoint), such as each have a category, a range of amounts and
//! half of them a word (few meet), four shapes in turn (mixed), such as each name domains (by domain),
//! a moment, a whole text, an entry of a list or one of many values (by moment, text, list, value), such as each want a word
//! (all may meet), and such as each have a lower bound (all meet).
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Instant;

use casebook_compile::check::{Proof, compile, prove};
use casebook_syntax::source::{self, SourceSet};

/// A pseudo-random number: the same in every run.
fn draw(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn word(number: u64) -> String {
    const PARTS: [&str; 8] = ["ba", "do", "fi", "gu", "ke", "lo", "mi", "nu"];
    (0..4).map(|at| PARTS[usize::try_from(number / 8_u64.pow(at) % 8).expect("small")]).collect()
}

fn few_meet(at: u64) -> String {
    let low = draw(at * 5 + 1) % 9000;
    let word = if draw(at * 5 + 3).is_multiple_of(2) {
        format!(", subject: {{ contains: {} }}", word(draw(at * 5 + 4) % 300))
    } else {
        String::new()
    };
    format!(
        "category: c{}, amount: {{ gte: {low}, lt: {} }}{word}",
        draw(at * 5) % 20,
        low + 50 + draw(at * 5 + 2) % 400
    )
}

fn all_may_meet(at: u64) -> String {
    format!("subject: {{ contains: {} }}", word(at))
}

fn all_meet(at: u64) -> String {
    format!("amount: {{ gte: {} }}", at * 9)
}

/// The condition of the rule with a number.
type Condition = fn(u64) -> String;

fn pack(hit: &str, rules: u64, when: Condition) -> SourceSet {
    let categories: Vec<String> = (0..20).map(|at| format!("c{at}")).collect();
    let products: Vec<String> = (0..200).map(|at| format!("p{at}")).collect();
    let mut text = format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: many\nversion: 1.0.0\ndescription: Many rules.\nitem:\n  \
         noun: claim\n  fields:\n    category: {{ type: enum, values: [{}] }}\n    \
         amount: {{ type: integer }}\n    subject: {{ type: text }}\n    \
         sender: {{ type: address, optional: true }}\n    sent: {{ type: timestamp, optional: true }}\n    \
         tags: {{ type: list, optional: true }}\n    product: {{ type: enum, values: [{}], optional: true }}\n\
         decision:\n  queue: {{ type: enum, values: [a, b, c], truth: {{ rules: routing }} }}\n\
         action:\n  shape: single\n  properties: {{ queue: {{ decides: queue, required: true }} }}\n\
         observation:\n  claims: {{ items: pending }}\n\
         ---\napiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: {hit}\nrules:\n",
        categories.join(", "),
        products.join(", ")
    );
    for at in 0..rules {
        text.push_str(&format!(
            "  - {{ id: R-{at}, when: {{ {} }}, then: {{ queue: {} }} }}\n",
            when(at),
            ["a", "b", "c"][usize::try_from(at % 3).expect("small")]
        ));
    }
    text.push_str(
        "default: { queue: a }\n---\napiVersion: casebook/v1\nkind: Rubric\nname: right\nscore: { grader: exact, field: queue }\n\
         reward: { mode: terminal }\n---\napiVersion: casebook/v1\nkind: Inbox\nname: one\nitems:\n  \
         - { id: i, fields: { category: c0, amount: 10000, subject: none } }\n\
         ---\napiVersion: casebook/v1\nkind: Task\nname: one\ndifficulty: 1\nsplit: train\ninbox: one\nmax_steps: 1\n\
         instructions: Decide.\n",
    );
    source::from_texts("many", [("pack.yaml", text.as_str())])
}

/// A category and a range of amounts of its own: no two rules meet.
fn disjoint(at: u64) -> String {
    format!("category: c{}, amount: {{ gte: {}, lt: {} }}", at % 20, at * 10, at * 10 + 10)
}

/// One of four shapes: a category with a bound, words, a list of categories, an exception by word.
fn mixed(at: u64) -> String {
    match at % 4 {
        0 => format!("category: c{}, amount: {{ gte: {} }}", draw(at) % 20, draw(at * 3) % 10_000),
        1 => format!("subject: {{ contains: {} }}, amount: {{ lt: {} }}", word(at), draw(at * 3) % 10_000),
        2 => format!("category: [c{}, c{}], subject: {{ contains: {} }}", draw(at) % 20, draw(at + 1) % 20, word(at)),
        _ => format!("not: {{ subject: {{ contains: {} }} }}, category: c{}", word(at), draw(at) % 20),
    }
}

/// Three domains and an upper bound: no two rules meet unless one names a domain below that of the other.
fn by_domain(at: u64) -> String {
    let domain = |number: u64| format!("{}.{}.example", word(draw(number) % 4096), word(number));
    let all: Vec<String> = (0..3).map(|other| domain(at * 3 + other)).collect();
    format!("sender: {{ domain_in: [{}] }}, amount: {{ lt: {} }}", all.join(", "), draw(at) % 10_000)
}

/// A category and a moment of its own: no two rules meet.
fn by_moment(at: u64) -> String {
    let moment = |at: u64| {
        let (minute, hour, day) = (at % 60, at / 60 % 24, 1 + at / 1440 % 28);
        format!("2026-{:02}-{day:02}T{hour:02}:{minute:02}:00Z", 1 + at / 40_320)
    };
    format!("category: c{}, sent: {{ gte: \"{}\", lt: \"{}\" }}", at % 20, moment(at), moment(at + 1))
}

/// A whole text of its own.
fn by_text(at: u64) -> String {
    format!("subject: {{ eq: {}-{at} }}", word(at))
}

/// A tag of its own, and an upper bound.
fn by_list(at: u64) -> String {
    format!("tags: {{ contains: {}{at} }}, amount: {{ lt: {} }}", word(at), draw(at) % 10_000)
}

/// One of many values of a choice.
fn by_value(at: u64) -> String {
    format!("product: p{}, amount: {{ gte: {}, lt: {} }}", at % 200, at * 10, at * 10 + 10)
}

const KINDS: [(&str, Condition); 10] = [
    ("by moment", by_moment),
    ("by text", by_text),
    ("by list", by_list),
    ("by value", by_value),
    ("disjoint", disjoint),
    ("few meet", few_meet),
    ("mixed", mixed),
    ("by domain", by_domain),
    ("all may meet", all_may_meet),
    ("all meet", all_meet),
];

/// The most memory that this process has had resident so far.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(String::new, |line| format!("at most {} so far", line.trim()))
}

/// Five edits of such rules: one removed, one added, one narrowed, one that decides otherwise, one moved.
fn edited(set: &SourceSet, rules: u64) -> SourceSet {
    let text = set.packs[0].files[0].text.to_string();
    let line = |at: u64| {
        let start = text.find(&format!("  - {{ id: R-{at},")).expect("the rule");
        text[start..].split_inclusive('\n').next().expect("a line").to_owned()
    };
    let [removed, after, narrowed, other, moved, target] = [1, 3, 5, 7, 8, 4].map(|part| line(rules * part / 10));
    let mut new = text.replace(&removed, "");
    new = new.replace(
        &after,
        &format!("{after}  - {{ id: R-NEW, when: {{ category: c3, amount: {{ gte: 5, lt: 700 }} }}, then: {{ queue: c }} }}\n"),
    );
    new = new.replace(
        &narrowed,
        &narrowed
            .replace("when: {", "when: { amount: { ne: 333 },")
            .replacen("amount", "all: [{ amount", 1)
            .replacen("333 }", "333 } }]", 1),
    );
    let queue = if other.contains("queue: a") { "queue: b" } else { "queue: a" };
    let changed = ["queue: a", "queue: b", "queue: c"].iter().fold(other.clone(), |text, one| text.replace(one, queue));
    new = new.replace(&other, &changed);
    new = new.replace(&moved, "");
    new = new.replace(&target, &format!("{moved}{target}"));
    source::from_texts("many", [("pack.yaml", new.as_str())])
}

fn time_check(name: &str, hit: &str, rules: u64, when: Condition) {
    let set = pack(hit, rules, when);
    let begin = Instant::now();
    let compiled = compile(&set, 1);
    println!(
        "{name:<14}{hit:<9}check {rules:>6} {:>9.2} s  {} findings, {}",
        begin.elapsed().as_secs_f64(),
        compiled.report.diagnostics.len(),
        peak()
    );
    if let Some(first) =
        compiled.report.diagnostics.iter().find(|one| one.severity == casebook_syntax::diagnostic::Severity::Error)
    {
        println!("    {}", first.message);
    }
}

fn time_diff(name: &str, hit: &str, rules: u64, when: Condition) {
    let old = pack(hit, rules, when);
    let new = edited(&old, rules);
    // One version after the other, without the places of its rules, as the command does.
    let [old, new] = [old, new].map(|set| {
        let (ruled, report) = casebook_compile::check::ruled(&set.packs[0]);
        let mut ruled = ruled.unwrap_or_else(|| panic!("{}", report.render(false)));
        ruled.forget_places();
        ruled
    });
    let begin = Instant::now();
    let told = casebook_analysis::comparison::meaning(&old, &new);
    let Some(told) = told.first() else { return };
    println!(
        "{name:<14}{hit:<9}diff {rules:>7} {:>9.2} s  {} edits, {} moves, {} questions, {} unknown, {}",
        begin.elapsed().as_secs_f64(),
        told.edits.len(),
        told.changes().count(),
        told.questions,
        told.unknown().count(),
        peak()
    );
}

fn time_proofs(name: &str, hit: &str, rules: u64, when: Condition) {
    let set = pack(hit, rules, when);
    let begin = Instant::now();
    let compiled = prove(&set);
    let Proof { questions, unknown, .. } = &compiled.proof;
    println!(
        "{name:<14}{hit:<9}prove {rules:>6} {:>9.2} s  {questions} questions, {} unknown, {} findings, {}",
        begin.elapsed().as_secs_f64(),
        unknown.len(),
        compiled.report.diagnostics.len(),
        peak()
    );
}

/// A pack of so many items, with a task for each file of them, and so many tasks that play one inbox.
fn large(items: usize, per_file: usize, tasks: usize) -> SourceSet {
    let base = pack("first", 10, few_meet).packs[0].files[0].text.to_string();
    let mut files = vec![("pack.yaml".to_owned(), base)];
    let head = |kind: &str, name: &str| format!("apiVersion: casebook/v1\nkind: {kind}\nname: {name}\n");
    for (file, chunk) in (0..items).collect::<Vec<_>>().chunks(per_file).enumerate() {
        let mut text = format!("{}items:\n", head("Inbox", &format!("box-{file}")));
        for at in chunk {
            text.push_str(&format!(
                "  - id: t-{at}\n    fields: {{ category: c{}, amount: {}, subject: Question {at} about an order }}\n",
                at % 20,
                at % 9000
            ));
        }
        text.push_str(&format!(
            "---\n{}difficulty: 1\nsplit: train\ninbox: box-{file}\nmax_steps: 100\ninstructions: Sort them.\n",
            head("Task", &format!("all-{file}"))
        ));
        files.push((format!("box-{file}.yaml"), text));
    }
    for (file, chunk) in (0..tasks).collect::<Vec<_>>().chunks(100).enumerate() {
        let one = |at: &usize| {
            format!(
                "{}difficulty: 1\nsplit: train\ninbox: one\nmax_steps: 100\ninstructions: Sort them.\n",
                head("Task", &format!("task-{at}"))
            )
        };
        files.push((format!("tasks-{file}.yaml"), chunk.iter().map(one).collect::<Vec<_>>().join("---\n")));
    }
    source::from_texts("many", files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

fn time_size(what: &str, set: &SourceSet) {
    let begin = Instant::now();
    let compiled = compile(set, 1);
    println!("{what:<23}check        {:>9.2} s  {}", begin.elapsed().as_secs_f64(), peak());
    if let Some(first) = compiled.report.diagnostics.first() {
        println!("    {}", first.message);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|arg| arg == "--test") {
        return;
    }
    let number = |or: u64| arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(or);
    let named = |what: &str| arguments.iter().any(|text| text == what);
    let any = ["check", "diff", "prove"].iter().any(|what| named(what));
    let kinds: Vec<_> = KINDS
        .iter()
        .filter(|(name, _)| {
            let some = KINDS.iter().any(|(name, _)| named(name));
            !some || named(name)
        })
        .collect();
    if named("items") {
        time_size("100,000 items", &large(100_000, 10_000, 0));
        return time_size("100,000 in one file", &large(100_000, 100_000, 0));
    }
    if named("tasks") {
        return time_size("10,000 tasks", &large(0, 1, 10_000));
    }
    for hit in ["first", "unique", "collect"] {
        let some = ["first", "unique", "collect"].iter().any(|hit| named(hit));
        if some && !named(hit) {
            continue;
        }
        for (name, when) in &kinds {
            if !any || named("check") {
                time_check(name, hit, number(20_000), *when);
            }
            if !any || named("diff") {
                time_diff(name, hit, number(1_000), *when);
            }
            if !any || named("prove") {
                time_proofs(name, hit, number(1_000), *when);
            }
        }
    }
}
