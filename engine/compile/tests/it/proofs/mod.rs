//! Random rules over small worlds: what the analyser claims agrees with trying every item.
//!
//! | file | what |
//! |---|---|
//! | `world.rs` | the fields, the rules drawn over them, and all items |
//! | `brute.rs` | what is claimed, held against each item |
//!
//! A case is one question that is put to the analyser about random rules (can this rule match, do rules before it leave
//! it anything, can these two match at once, is a decision left open, which items go from this outcome to that one), with
//! its answer held against every item of the rules' small world, or 400 to 800 of them where there are more. What is said
//! must be so for each item; what an item shows must have been said, unless that very question was left open. Rules are
//! drawn as two versions: both are analysed, and `diff` must tell each item that changes, and no other, by its
//! conditions, with what came and comes of it.
//!
//! `CASEBOOK_PROOF_CASES` is the number of cases at the least, `CASEBOOK_PROOF_SEED` what they are drawn from; without them
//! 2,000 cases are the same every time. `--nocapture` prints what was compared and how many questions were left open. A
//! million cases:
//!
//! ```text
//! CASEBOOK_PROOF_CASES=1000000 CASEBOOK_PROOF_SEED=1 cargo test --release -p casebook-compile --test it proofs -- --nocapture
//! ```

mod brute;
mod world;

use std::env;

use casebook_runtime::{model::Datum, rules::Facts, settings::Hit};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use brute::Counts;
pub(crate) use world::{Compiler, Made, column};
use world::{Draft, HOUR, NOW, World, items, rule};

fn asked(name: &str) -> Option<usize> {
    env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The same sets of rules every time, so that a change lands or not by what it did; others where a seed is given.
fn runner() -> TestRunner {
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let mut seed = [0; 32];
    seed[..size_of::<usize>()].copy_from_slice(&asked("CASEBOOK_PROOF_SEED").unwrap_or_default().to_le_bytes());
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

/// So many that the tables of numbers tell them apart in groups alone.
#[test]
fn very_many_rules_decide_as_each_of_them_does() {
    let compiler = Compiler::new();
    let made: Vec<Made> = (0..9_000_i64)
        .map(|at| Made {
            when: json!({ "amount": { "gte": at * 10, "lt": at * 10 + 9 } }),
            except: Some(json!({ "amount": { "gte": at * 10 + 3, "lt": at * 10 + 4 } })),
            then: vec![(0, Datum::Choice(usize::try_from(at % 3).expect("small")))],
            trial: false,
            valid: (None, None),
        })
        .collect();
    let set = compiler.set(&made, Hit::Unique, None);
    for amount in (0..400).chain(44_000..44_400).chain(89_900..90_100) {
        let mut fields = vec![None; compiler.fields.len()];
        fields[1] = Some(Datum::Integer(amount));
        let decided = set.decide(Facts { fields: &fields, clock: None }).expect("no conflict");
        let by = decided.first().and_then(|one| one.rule.map(|rule| rule.reason.id.clone()));
        let wanted = (amount < 90_000 && ![3, 9].contains(&(amount % 10))).then(|| format!("R{}", amount / 10));
        assert_eq!(by, wanted, "{amount}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was compared is told with `--nocapture`")]
fn what_is_claimed_agrees_with_trying_every_item() {
    let compiler = Compiler::new();
    let counts = Counts::default();
    let compare = |World { fields, old, new, default, gated }| {
        let [before, after] = [old, new].map(|(made, hit)| compiler.set(&made, hit, default.as_ref()));
        let items = items(&compiler.fields, &fields);
        brute::claims(&before, &compiler.fields, &items, gated, &counts)?;
        brute::claims(&after, &compiler.fields, &items, gated, &counts)?;
        brute::changes([&before, &after], &compiler.fields, &items, &counts)
    };
    let (mut runner, world) = (runner(), world::world());
    let mut result = Ok(());
    while result.is_ok() && counts.cases() < asked("CASEBOOK_PROOF_CASES").unwrap_or(2000) {
        // A runner that has run its cases runs no more.
        let rng = runner.new_rng();
        result = TestRunner::new_with_rng(runner.config().clone(), rng).run(&world, compare);
    }
    println!("{counts}");
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what was compared is told with `--nocapture`")]
fn what_each_edit_moves_agrees_with_trying_every_item() {
    let compiler = Compiler::new();
    let counts = Counts::default();
    let compare = |draft: Draft| {
        let items = items(&compiler.fields, &draft.fields);
        let [old, new] = draft.versions();
        let [was, is] = &draft.defaults;
        for hit in [Hit::First, Hit::Unique, Hit::Collect] {
            let (before, after) = (compiler.named(&old, hit, was.as_ref()), compiler.named(&new, hit, is.as_ref()));
            brute::changes([&before, &after], &compiler.fields, &items, &counts)?;
        }
        Ok(())
    };
    let (mut runner, draft) = (runner(), world::draft());
    let mut result = Ok(());
    while result.is_ok() && counts.cases() < asked("CASEBOOK_PROOF_CASES").unwrap_or(2000) {
        let (rng, config) = (runner.new_rng(), ProptestConfig { cases: 30, ..runner.config().clone() });
        result = TestRunner::new_with_rng(config, rng).run(&draft, compare);
    }
    println!("{counts}");
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// A draw that once named a rule for items that it does not match: a decision that stays open, told by its column.
#[test]
fn a_rule_is_named_for_an_open_decision_only_where_it_matches() {
    let compiler = Compiler::new();
    let made = |when: Value, column: usize| Made {
        when,
        except: None,
        then: vec![(column, Datum::Choice(0))],
        trial: false,
        valid: (None, None),
    };
    let old = compiler.set(&[made(json!({ "not": { "ratio": { "gt": 0.0 } } }), 0)], Hit::Collect, None);
    let new = compiler.set(&[made(json!({ "subject": { "exists": true } }), 1)], Hit::Unique, None);
    let items = items(&compiler.fields, &[2, 3, 4]);
    brute::changes([&old, &new], &compiler.fields, &items, &Counts::default()).expect("all of it is so");
}
