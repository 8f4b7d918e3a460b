//! Random rules over small worlds: what the analyser claims agrees with trying every item.
//!
//! | file | what |
//! |---|---|
//! | `world.rs` | the fields, the rules drawn over them, and all items |
//! | `brute.rs` | what is claimed, held against each item |
//!
//! A case is one set of rules with every item of its small world (a sample where those are more than 800): all that
//! `analyse` says about the set must be so for each item, and what an item shows must have been said unless that very
//! question was left open. Sets are drawn by twos; `diff` of the two must tell each item that changes, and no other, by
//! its conditions, with what came and comes of it.
//!
//! `CASEBOOK_PROOF_CASES` is the number of cases, `CASEBOOK_PROOF_SEED` what they are drawn from; without them 200 cases
//! are the same every time. `--nocapture` prints what was compared and how many questions were left open. A million cases:
//!
//! ```text
//! CASEBOOK_PROOF_CASES=1000000 CASEBOOK_PROOF_SEED=1 cargo test --release -p casebook-core --test it proofs -- --nocapture
//! ```

mod brute;
mod world;

use std::{env, sync::atomic::Ordering};

use casebook_core::{rules::Facts, spec::Hit};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};

use brute::Counts;
pub(crate) use world::{Compiler, Made};
use world::{HOUR, NOW, World, items, rule};

fn asked(name: &str) -> Option<u32> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The same sets of rules every time, so that a change lands or not by what it did; others where a seed is given.
fn runner() -> TestRunner {
    let draws = asked("CASEBOOK_PROOF_CASES").unwrap_or(200).div_ceil(2);
    let config = ProptestConfig { cases: draws, failure_persistence: None, ..ProptestConfig::default() };
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&asked("CASEBOOK_PROOF_SEED").unwrap_or_default().to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

#[test]
fn many_rules_decide_as_each_of_them_does() {
    let compiler = Compiler::new();
    let all: Vec<usize> = (0..9).collect();
    let many = prop::collection::vec(rule(&all, true), 8..80);
    let picks = prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 10), 20);
    let result = runner().run(&(many, picks), |(made, picks)| {
        for hit in [Hit::First, Hit::Unique, Hit::Collect] {
            let set = compiler.set(&made, hit, None);
            for pick in &picks {
                let fields = brute::picked(&compiler.fields, pick);
                let clock = Some(NOW + i64::try_from(pick[9].index(7)).expect("small") * HOUR - 3 * HOUR);
                brute::program(&set, Facts { fields: &fields, clock })?;
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was compared is told with `--nocapture`")]
fn what_is_claimed_agrees_with_trying_every_item() {
    let compiler = Compiler::new();
    let counts = Counts::default();
    let result = runner().run(&world::world(), |World { fields, old, new, default, gated }| {
        let [before, after] = [old, new].map(|(made, hit)| compiler.set(&made, hit, default.as_ref()));
        let items = items(&compiler.fields, &fields);
        brute::claims(&before, &compiler.fields, &items, gated, &counts)?;
        brute::claims(&after, &compiler.fields, &items, gated, &counts)?;
        brute::changes([&before, &after], &compiler.fields, &items, &counts)
    });
    let [sets, claims, changes, items] =
        [&counts.sets, &counts.claims, &counts.changes, &counts.items].map(|counter| counter.load(Ordering::Relaxed));
    println!(
        "{sets} sets of rules held against {items} items: {claims} claims about one, {changes} changes between two"
    );
    for (what, asked, open) in
        [("about one set", &counts.asked[0], &counts.open[0]), ("between two sets", &counts.asked[1], &counts.open[1])]
    {
        println!("{} of {} questions {what} left open", open.load(Ordering::Relaxed), asked.load(Ordering::Relaxed));
    }
    if let Err(error) = result {
        panic!("{error}");
    }
}
