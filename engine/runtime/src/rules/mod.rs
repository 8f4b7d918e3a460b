//! Rules that decide: conditions as predicates, and the program that finds those that match.
//!
//! Whoever reads rules compiles their conditions to [`Predicate`]s and adds what they are in words.

// Sets of small numbers.
mod bits;
// One field compared with another.
mod fields;
// Entries of lists, names of sets and properties of objects.
mod entries;
// Moments by the clock on the wall.
mod wall;
// A compiled condition, its evaluation and its trace.
mod predicate;
// Rules prepared to decide about many items.
mod program;
// Rules of one version about the items of another.
mod over;

use std::sync::Arc;

use crate::settings::Hit;
pub use bits::Bits;
pub use entries::{Entries, Quantity};
pub use fields::{Comparison, Decimal, Order};
pub use over::joined;
pub use predicate::{Age, Facts, Predicate, Side, Test, Trace};
use program::Program;
pub use wall::{DAY, DAYS, Wall, Zone, read_times};

use crate::model::{Column, Datum, Place, RuleReason};

/// Compiled rules.
#[derive(Debug)]
pub struct RuleSet {
    /// Their name.
    pub name: String,
    /// What happens when several match.
    pub hit: Hit,
    /// The rules.
    pub rules: Vec<CompiledRule>,
    /// What is decided when none matches, by decision.
    pub default: Vec<(usize, Datum)>,
    /// The rules as prose.
    pub policy: String,
    /// The rules as a Markdown table.
    pub table: String,
    /// Every rule as a sentence with its id, in order, those on trial included.
    pub sentences: Vec<(String, String)>,
    program: Program,
}

/// One compiled rule.
#[derive(Debug, Clone)]
pub struct CompiledRule {
    /// Its id and reason.
    pub reason: Arc<RuleReason>,
    /// Where it is written.
    pub place: Place,
    /// When it matches.
    pub when: Predicate,
    /// When it does not after all.
    pub except: Option<Predicate>,
    /// What follows, by decision.
    pub then: Vec<(usize, Datum)>,
    /// Whether it is only tried out.
    pub trial: bool,
    /// The moment from which on it is valid, and that from which on it no longer is.
    pub valid: (Option<i64>, Option<i64>),
}

/// One decision that rules make about an item.
#[derive(Debug)]
pub struct Decided<'a> {
    /// The decision's column.
    pub column: usize,
    /// The value.
    pub value: &'a Datum,
    /// The rule; none for the default.
    pub rule: Option<&'a CompiledRule>,
}

/// Two rules that match and differ.
#[derive(Debug)]
pub struct Conflict<'a>(pub &'a CompiledRule, pub &'a CompiledRule);

impl RuleSet {
    /// Prepares rules over these columns to decide; what they are in words is added by who knows how they were written.
    pub fn new(
        name: &str,
        hit: Hit,
        rules: Vec<CompiledRule>,
        default: Vec<(usize, Datum)>,
        columns: &[Column],
    ) -> Self {
        let program = Program::new(&rules, columns);
        let (policy, table, sentences) = (String::new(), String::new(), Vec::new());
        Self { name: name.to_owned(), hit, rules, default, policy, table, sentences, program }
    }

    /// Decides about an item.
    pub fn decide(&self, facts: Facts<'_>) -> Result<Vec<Decided<'_>>, Conflict<'_>> {
        match self.program.matching(&self.rules, facts) {
            Some(matching) => self.choose(matching.map(|at| &self.rules[at])),
            None => self.choose(self.rules.iter().filter(|rule| !rule.trial && rule.matches(facts))),
        }
    }

    /// The positions of the enforced rules that match, in order.
    pub fn matching(&self, facts: Facts<'_>) -> Vec<usize> {
        let one_by_one = || {
            let rules = self.rules.iter().enumerate();
            rules.filter(|(_, rule)| !rule.trial && rule.matches(facts)).map(|(at, _)| at).collect()
        };
        self.program.matching(&self.rules, facts).map_or_else(one_by_one, Iterator::collect)
    }

    /// Decides of the rules that match.
    fn choose<'a>(
        &'a self,
        mut matching: impl Iterator<Item = &'a CompiledRule>,
    ) -> Result<Vec<Decided<'a>>, Conflict<'a>> {
        match self.hit {
            Hit::Collect => self.collect(matching),
            Hit::Unique | Hit::First => {
                let Some(first) = matching.next() else { return Ok(self.defaults(&[])) };
                if self.hit == Hit::Unique
                    && let Some(other) = matching.find(|other| !other.agrees(first))
                {
                    return Err(Conflict(first, other));
                }
                Ok(first.decided().collect())
            }
        }
    }

    /// The rules on trial that match.
    pub fn on_trial(&self, facts: Facts<'_>) -> impl Iterator<Item = &CompiledRule> {
        self.rules.iter().filter(move |rule| rule.trial && rule.matches(facts))
    }

    /// Whether some rule reads the clock.
    pub fn needs_clock(&self) -> Option<&CompiledRule> {
        self.rules.iter().find(|rule| rule.needs_clock())
    }

    fn collect<'a>(
        &'a self,
        matching: impl Iterator<Item = &'a CompiledRule>,
    ) -> Result<Vec<Decided<'a>>, Conflict<'a>> {
        let mut all: Vec<Decided<'a>> = Vec::new();
        for rule in matching {
            for one in rule.decided() {
                match all.iter().find(|other| other.column == one.column) {
                    None => all.push(one),
                    Some(Decided { value, rule: Some(other), .. }) if *value != one.value => {
                        return Err(Conflict(other, rule));
                    }
                    Some(_) => {}
                }
            }
        }
        let known: Vec<usize> = all.iter().map(|one| one.column).collect();
        all.extend(self.defaults(&known));
        Ok(all)
    }

    /// What the default decides beyond the columns that are known.
    fn defaults(&self, known: &[usize]) -> Vec<Decided<'_>> {
        let open = self.default.iter().filter(|(column, _)| !known.contains(column));
        open.map(|(column, value)| Decided { column: *column, value, rule: None }).collect()
    }
}

impl CompiledRule {
    /// Whether it matches an item, and is valid.
    pub fn matches(&self, facts: Facts<'_>) -> bool {
        self.is_valid(facts.clock)
            && self.when.matches(facts)
            && !self.except.as_ref().is_some_and(|except| except.matches(facts))
    }

    /// Whether it decides the same as `other`, in any order of writing.
    pub fn agrees(&self, other: &Self) -> bool {
        self.then.len() == other.then.len() && self.then.iter().all(|one| other.then.contains(one))
    }

    /// Whether it is valid at a moment; a rule without dates always is.
    pub fn is_valid(&self, clock: Option<i64>) -> bool {
        match self.valid {
            (None, None) => true,
            (from, until) => clock
                .is_some_and(|clock| from.is_none_or(|from| clock >= from) && until.is_none_or(|until| clock < until)),
        }
    }

    /// Whether it has dates, or a condition that reads the clock.
    pub fn needs_clock(&self) -> bool {
        self.valid != (None, None)
            || self.when.needs_clock()
            || self.except.as_ref().is_some_and(Predicate::needs_clock)
    }

    fn decided(&self) -> impl Iterator<Item = Decided<'_>> {
        self.then.iter().map(|(column, value)| Decided { column: *column, value, rule: Some(self) })
    }
}
