//! `cargo bench -p casebook-core --bench proofs [-- RULES]`: how long proofs take about many rules (1,000 when not given).
//!
//! Three kinds of rules, each under every `hit`: such as each have a category, a range of amounts and half of them a word
//! (few meet), such as each want a word (all may meet), and such as each have a lower bound (all meet). Told are the time
//! of a thorough analysis and of a quick one, and what they came to.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Instant;

use casebook_core::{
    check::{Proof, compile, prove},
    source::{self, SourceSet},
};

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
    let mut text = format!(
        "apiVersion: casebook/v1\nkind: Environment\nname: many\nversion: 1.0.0\ndescription: Many rules.\nitem:\n  \
         noun: claim\n  fields:\n    category: {{ type: enum, values: [{}] }}\n    \
         amount: {{ type: integer }}\n    subject: {{ type: text }}\n\
         decision:\n  queue: {{ type: enum, values: [a, b, c], truth: {{ rules: routing }} }}\n\
         action:\n  shape: single\n  properties: {{ queue: {{ decides: queue, required: true }} }}\n\
         observation:\n  claims: {{ items: pending }}\n\
         ---\napiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: {hit}\nrules:\n",
        categories.join(", ")
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

fn main() {
    let rules = std::env::args().find_map(|text| text.parse().ok()).unwrap_or(1000);
    println!("{rules} rules");
    let kinds: [(&str, Condition); 3] =
        [("few meet", few_meet), ("all may meet", all_may_meet), ("all meet", all_meet)];
    for (name, when) in kinds {
        for hit in ["unique", "first", "collect"] {
            let set = pack(hit, rules, when);
            for (how, ask) in [("thorough", prove as fn(&SourceSet) -> _), ("quick", |set: &SourceSet| compile(set, 1))]
            {
                let begin = Instant::now();
                let compiled = ask(&set);
                let Proof { questions, unknown, .. } = &compiled.proof;
                println!(
                    "{name:<14}{hit:<9}{how:<10}{:>9.2} s  {questions} questions, {} unknown, {} findings",
                    begin.elapsed().as_secs_f64(),
                    unknown.len(),
                    compiled.report.diagnostics.len()
                );
            }
        }
    }
}
