//! Conditions compiled to predicates, rules that decide, and the policy text that they give.
//!
//! | file | what |
//! |---|---|
//! | `predicate.rs` | a compiled condition and its evaluation |
//! | `compile.rs` | conditions as written to predicates, type-checked |
//! | `text.rs` | rules as plain prose |

mod compile;
mod predicate;
mod text;

use std::sync::Arc;

pub use compile::{Scope, compile};
pub use predicate::Predicate;
pub use text::policy_text;

use crate::model::{Datum, RuleReason};

/// Compiled rules.
#[derive(Debug)]
pub struct RuleSet {
    /// Their name.
    pub name: String,
    /// Whether the first match decides; else all matches must agree.
    pub first: bool,
    /// The rules.
    pub rules: Vec<CompiledRule>,
    /// What is decided when none matches, by decision.
    pub default: Vec<(usize, Datum)>,
}

/// One compiled rule.
#[derive(Debug)]
pub struct CompiledRule {
    /// Its id and reason.
    pub reason: Arc<RuleReason>,
    /// When it matches.
    pub when: Predicate,
    /// When it does not after all.
    pub except: Option<Predicate>,
    /// What follows, by decision.
    pub then: Vec<(usize, Datum)>,
}

/// What rules decide about an item.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A rule matched.
    Rule(&'a CompiledRule),
    /// No rule matched; the default applies.
    Default(&'a [(usize, Datum)]),
    /// Two rules match and differ.
    Conflict(&'a CompiledRule, &'a CompiledRule),
}

impl RuleSet {
    /// Decides about an item by its fields.
    pub fn decide(&self, fields: &[Option<Datum>]) -> Outcome<'_> {
        let mut matching = self.rules.iter().filter(|rule| rule.matches(fields));
        let Some(first) = matching.next() else { return Outcome::Default(&self.default) };
        if !self.first
            && let Some(other) = matching.find(|other| other.then != first.then)
        {
            return Outcome::Conflict(first, other);
        }
        Outcome::Rule(first)
    }
}

impl CompiledRule {
    /// Whether it matches an item.
    pub fn matches(&self, fields: &[Option<Datum>]) -> bool {
        self.when.matches(fields) && !self.except.as_ref().is_some_and(|except| except.matches(fields))
    }
}
