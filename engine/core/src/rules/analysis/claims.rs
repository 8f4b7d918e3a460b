//! What is found about one set of rules.

use super::{
    Answer, Limits, Witness,
    bits::Bits,
    formula::{Atoms, Formula, Shared},
    outcome::{Rules, differ},
    search::Solver,
    words::Condition,
};
use crate::{
    model::{Column, Datum},
    rules::{CompiledRule, Decided, Predicate, RuleSet},
    spec::Hit,
};

/// One thing found about rules; rules are named by their position.
#[derive(Debug, Clone)]
pub enum Claim {
    /// The rule can never match.
    Never {
        /// The rule.
        rule: usize,
        /// The part of its condition that no item meets that meets the parts before.
        part: Option<String>,
        /// An item that meets the parts before.
        witness: Option<Witness>,
    },
    /// Whatever the rule matches is decided by rules before it.
    Hidden {
        /// The rule.
        rule: usize,
        /// The rules before it.
        by: Vec<usize>,
        /// An item that it matches.
        witness: Witness,
    },
    /// Two rules match one item and differ, where they must not.
    Overlap {
        /// The two rules.
        rules: [usize; 2],
        /// Whether one of them is only on trial.
        trial: bool,
        /// An item that both match.
        witness: Witness,
    },
    /// An item for which nothing decides a decision.
    Uncovered {
        /// The decision.
        decision: usize,
        /// Items of this kind are so, among others perhaps.
        condition: Condition,
        /// The item.
        witness: Witness,
    },
}

/// A question that could not be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What was asked.
    pub question: String,
    /// Why there is no answer.
    pub why: &'static str,
}

/// All that is found.
#[derive(Debug, Clone, Default)]
pub struct Analysis {
    /// What is found, by kind and rule.
    pub claims: Vec<Claim>,
    /// How many questions were asked.
    pub questions: usize,
    /// Those without an answer.
    pub unknown: Vec<Unknown>,
}

/// A decision whose truth comes from the rules.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The decision.
    pub decision: usize,
    /// It matters only where these decisions have one of these values.
    pub when: Vec<(usize, Vec<Datum>)>,
}

/// Asks all that there is to ask about a set of rules; gaps are looked for in the decisions that are wanted.
pub fn analyse(set: &RuleSet, columns: &[Column], wanted: &[Wanted], limits: Limits) -> Analysis {
    let mut atoms = Atoms::new(columns);
    let matches: Vec<Shared> = set.rules.iter().map(|rule| atoms.rule(rule)).collect();
    let parts: Vec<Vec<(Shared, String)>> = set.rules.iter().map(|rule| parts(&mut atoms, rule)).collect();
    let rules = Rules::new(set, &mut atoms);
    let solver = Solver::new(&atoms, limits);
    let mut asking = Asking { set, solver: &solver, limits, analysis: Analysis::default() };
    let alive = asking.never(&matches, &parts);
    let regions = regions(&solver, &matches);
    let apart = |a: usize, b: usize| regions[a].iter().zip(&regions[b]).any(|(a, b)| !meet(a.as_ref(), b.as_ref()));
    if set.hit != Hit::First {
        asking.overlaps(&matches, &alive, &apart);
    }
    asking.hidden(&matches, &alive, &apart);
    for one in wanted {
        asking.uncovered(&rules, one);
    }
    asking.analysis
}

/// Why a rule can never decide anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idle {
    /// No item matches it.
    Never,
    /// These rules before it take every item that it matches.
    Hidden(Vec<usize>),
}

/// Proves that a rule can never decide anything; `None` where it can, or where no proof is found.
pub fn idle(set: &RuleSet, columns: &[Column], rule: usize, limits: Limits) -> Option<Idle> {
    let mut atoms = Atoms::new(columns);
    let matches: Vec<Shared> = set.rules[..=rule].iter().map(|rule| atoms.rule(rule)).collect();
    let solver = Solver::new(&atoms, limits);
    let mut asking = Asking { set, solver: &solver, limits, analysis: Analysis::default() };
    let witness = match solver.solve(&matches[rule]) {
        Answer::Found(model) => solver.settle(model.witness, |witness| set.rules[rule].matches(witness.facts()))?,
        Answer::Impossible => return Some(Idle::Never),
        Answer::Unknown(_) => return None,
    };
    let before: Vec<usize> = (0..rule).filter(|other| asking.precedes(*other, rule)).collect();
    asking.hidden_by(&matches, rule, &witness, before).map(|(by, _)| Idle::Hidden(by))
}

/// The values of each column with which each rule may match.
fn regions(solver: &Solver<'_>, matches: &[Shared]) -> Vec<Vec<Option<Bits>>> {
    let moment = solver.moment(None);
    let columns = 0..solver.atoms.columns.len();
    matches.iter().map(|when| columns.clone().map(|column| solver.allowed(when, column, &moment)).collect()).collect()
}

fn meet(a: Option<&Bits>, b: Option<&Bits>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.meets(b),
        _ => true,
    }
}

/// The parts of a rule that must all hold, with their words.
fn parts(atoms: &mut Atoms<'_>, rule: &CompiledRule) -> Vec<(Shared, String)> {
    let mut all = Vec::new();
    flatten(atoms, &rule.when, &mut all);
    if let Some(except) = &rule.except {
        all.push((Formula::not(&atoms.predicate(except)), "the exception".to_owned()));
    }
    all
}

fn flatten(atoms: &mut Atoms<'_>, predicate: &Predicate, all: &mut Vec<(Shared, String)>) {
    match predicate {
        Predicate::All(parts) => parts.iter().for_each(|part| flatten(atoms, part, all)),
        Predicate::Column(_, _, words) => all.push((atoms.predicate(predicate), format!("`{words}`"))),
        Predicate::Any(_) => all.push((atoms.predicate(predicate), "`any`".to_owned())),
        Predicate::Not(_) => all.push((atoms.predicate(predicate), "`not`".to_owned())),
    }
}

struct Asking<'s, 'a> {
    set: &'s RuleSet,
    solver: &'s Solver<'a>,
    limits: Limits,
    analysis: Analysis,
}

impl Asking<'_, '_> {
    /// Asks for an item; what is unknown is noted.
    fn ask(&mut self, formula: &Shared, question: impl FnOnce() -> String) -> Answer<super::search::Model> {
        if self.analysis.questions >= self.limits.questions {
            let why = "too many questions about these rules";
            if self.analysis.unknown.last().is_none_or(|last| last.why != why) {
                self.analysis.unknown.push(Unknown { question: question(), why });
            }
            return Answer::Unknown(why);
        }
        self.analysis.questions += 1;
        let answer = self.solver.solve(formula);
        if let Answer::Unknown(why) = answer {
            self.analysis.unknown.push(Unknown { question: question(), why });
        }
        answer
    }

    /// Notes a question whose answer the rules themselves do not bear out.
    fn doubt(&mut self, question: String) {
        self.analysis.unknown.push(Unknown { question, why: "an item that should show it does not" });
    }

    fn id(&self, rule: usize) -> &str {
        &self.set.rules[rule].reason.id
    }

    /// Finds rules that never match; returns for each of the others an item that it matches.
    fn never(&mut self, matches: &[Shared], parts: &[Vec<(Shared, String)>]) -> Vec<Option<Witness>> {
        let mut alive = Vec::new();
        for (rule, when) in matches.iter().enumerate() {
            let question = format!("whether `{}` can match", self.id(rule));
            alive.push(match self.ask(when, || question) {
                Answer::Found(model) => {
                    let own = &self.set.rules[rule];
                    let settled = self.solver.settle(model.witness, |witness| own.matches(witness.facts()));
                    if settled.is_none() {
                        self.doubt(format!("whether `{}` can match", self.id(rule)));
                    }
                    settled
                }
                Answer::Unknown(_) => None,
                Answer::Impossible => {
                    let (part, witness) = self.first_impossible(&self.set.rules[rule], &parts[rule]);
                    self.analysis.claims.push(Claim::Never { rule, part, witness });
                    None
                }
            });
        }
        alive
    }

    /// The first part that no item meets that meets those before, and an item that meets those before.
    fn first_impossible(&self, rule: &CompiledRule, parts: &[(Shared, String)]) -> (Option<String>, Option<Witness>) {
        let mut met = None;
        for count in 1..=parts.len() {
            let formula = Formula::all(parts[..count].iter().map(|(part, _)| part.clone()));
            match self.solver.solve(&formula) {
                Answer::Found(model) => {
                    let shows = |item: &Witness| {
                        formula.holds(&self.solver.atoms.all, item.facts()) && !rule.matches(item.facts())
                    };
                    met = self.solver.settle(model.witness, shows);
                }
                Answer::Impossible => return (Some(parts[count - 1].1.clone()), met),
                Answer::Unknown(_) => return (None, met),
            }
        }
        (None, met)
    }

    fn hidden(&mut self, matches: &[Shared], alive: &[Option<Witness>], apart: &dyn Fn(usize, usize) -> bool) {
        for (rule, witness) in alive.iter().enumerate() {
            let Some(witness) = witness else { continue };
            let before: Vec<usize> =
                (0..rule).filter(|other| self.precedes(*other, rule) && !apart(rule, *other)).collect();
            if let Some((by, witness)) = self.hidden_by(matches, rule, witness, before) {
                self.analysis.claims.push(Claim::Hidden { rule, by, witness });
            }
        }
    }

    /// Whether a rule before another decides in its stead where both match, without a conflict.
    fn precedes(&self, other: usize, rule: usize) -> bool {
        let (other, rule) = (&self.set.rules[other], &self.set.rules[rule]);
        !other.trial
            && match self.set.hit {
                Hit::First => true,
                Hit::Unique => other.then == rule.then,
                Hit::Collect => other.then.iter().any(|one| rule.then.contains(one)),
            }
    }

    /// The rules before one that leave nothing to it, as few as do, and an item that shows it.
    fn hidden_by(
        &mut self,
        matches: &[Shared],
        rule: usize,
        witness: &Witness,
        before: Vec<usize>,
    ) -> Option<(Vec<usize>, Witness)> {
        if before.is_empty() || self.is_seen(rule, witness, &before) {
            return None;
        }
        let left = self.left(matches, rule, &before);
        let question = format!("whether rules before `{}` leave anything to it", self.id(rule));
        let Answer::Impossible = self.ask(&left, || question) else { return None };
        let by = self.fewest(before, &|others| self.left(matches, rule, others));
        let shown = self.solver.settle(witness.clone(), |witness| self.shows_hidden(rule, &by, witness));
        if shown.is_none() {
            self.doubt(format!("whether rules before `{}` leave anything to it", self.id(rule)));
        }
        shown.map(|witness| (by, witness))
    }

    /// When a rule matches and some rules before it leave it something to decide.
    fn left(&self, matches: &[Shared], rule: usize, before: &[usize]) -> Shared {
        let none = |others: Vec<usize>| Formula::all(others.into_iter().map(|other| Formula::not(&matches[other])));
        let left = Formula::any(self.shares(rule, before).into_iter().map(none));
        Formula::all([matches[rule].clone(), left])
    }

    /// Of some rules before another those that can take something of it: all of them, or those of each of its decisions.
    fn shares(&self, rule: usize, others: &[usize]) -> Vec<Vec<usize>> {
        if self.set.hit != Hit::Collect {
            return vec![others.to_vec()];
        }
        let deciding = |one: &(usize, Datum)| {
            others.iter().copied().filter(|other| self.set.rules[*other].then.contains(one)).collect()
        };
        self.set.rules[rule].then.iter().map(deciding).collect()
    }

    /// Whether an item that is at hand shows that rules leave something to another one.
    fn is_seen(&self, rule: usize, witness: &Witness, before: &[usize]) -> bool {
        if witness.clock.is_none() && before.iter().any(|other| self.set.rules[*other].needs_clock()) {
            return false;
        }
        let item = self.solver.full(witness.clone());
        let matches = |rule: usize| self.set.rules[rule].matches(item.facts());
        matches(rule) && self.shares(rule, before).iter().any(|share| !share.iter().any(|other| matches(*other)))
    }

    /// Of rules that hide another together as few as do.
    fn fewest(&self, mut rules: Vec<usize>, without: &dyn Fn(&[usize]) -> Shared) -> Vec<usize> {
        if let Some(one) = rules.iter().find(|one| matches!(self.solver.solve(&without(&[**one])), Answer::Impossible))
        {
            return vec![*one];
        }
        for at in (0..rules.len()).rev() {
            let mut fewer = rules.clone();
            fewer.remove(at);
            if matches!(self.solver.solve(&without(&fewer)), Answer::Impossible) {
                rules = fewer;
            }
        }
        rules
    }

    /// Whether an item matches a rule and is decided by one of those that hide it.
    fn shows_hidden(&self, rule: usize, by: &[usize], witness: &Witness) -> bool {
        let facts = witness.facts();
        let decides = |id: &str| {
            self.set
                .decide(facts)
                .is_ok_and(|decided| decided.iter().any(|one| one.rule.is_some_and(|rule| rule.reason.id == id)))
        };
        let matches = |rule: usize| self.set.rules[rule].matches(facts);
        matches(rule) && by.iter().any(|other| matches(*other)) && !decides(self.id(rule))
    }

    fn overlaps(&mut self, matches: &[Shared], alive: &[Option<Witness>], apart: &dyn Fn(usize, usize) -> bool) {
        for (first, a) in self.set.rules.iter().enumerate() {
            let mut met = 0;
            for (second, b) in self.set.rules.iter().enumerate().skip(first + 1) {
                if met == self.limits.partners {
                    let question = format!("which other rules can match together with `{}`", a.reason.id);
                    self.analysis.unknown.push(Unknown { question, why: "it meets too many to tell all" });
                    break;
                }
                let idle = alive[first].is_none() || alive[second].is_none();
                if idle || a.trial && b.trial || !differ(self.set.hit, a, b) || apart(first, second) {
                    continue;
                }
                let both = Formula::all([matches[first].clone(), matches[second].clone()]);
                let question = format!("whether `{}` and `{}` can match at once", a.reason.id, b.reason.id);
                if let Answer::Found(model) = self.ask(&both, || question) {
                    let trial = a.trial || b.trial;
                    let shows = |witness: &Witness| {
                        let facts = witness.facts();
                        a.matches(facts) && b.matches(facts) && (trial || self.set.decide(facts).is_err())
                    };
                    match self.solver.settle(model.witness, shows) {
                        Some(witness) => {
                            met += 1;
                            self.analysis.claims.push(Claim::Overlap { rules: [first, second], trial, witness });
                        }
                        None => {
                            self.doubt(format!("whether `{}` and `{}` can match at once", a.reason.id, b.reason.id));
                        }
                    }
                }
            }
        }
    }

    fn uncovered(&mut self, rules: &Rules<'_>, wanted: &Wanted) {
        let column = wanted.decision;
        let decides = |then: &[(usize, Datum)], column: usize, values: &[Datum]| {
            then.iter().any(|(own, value)| *own == column && values.contains(value))
        };
        let silent = |then: &[(usize, Datum)]| !then.iter().any(|(own, _)| *own == column);
        let collect = self.set.hit == Hit::Collect;
        let mut open: Vec<Shared> = Vec::new();
        if silent(&self.set.default) {
            let own = rules.enforced.iter().filter(|(rule, _)| !collect || !silent(&rule.then));
            open.push(Formula::all(own.map(|(_, when)| Formula::not(when))));
        }
        if !collect {
            let lacking = rules.enforced.iter().enumerate().filter(|(_, (rule, _))| silent(&rule.then));
            open.extend(lacking.map(|(at, _)| rules.deciding(at, None)));
        }
        let mut parts = vec![Formula::any(open)];
        if collect {
            // Of an item about which two rules differ nothing at all is decided.
            parts.extend(rules.conflicts().iter().map(|(.., both)| Formula::not(both)));
        }
        for (other, values) in &wanted.when {
            let own = rules.enforced.iter().enumerate().filter(|(_, (rule, _))| decides(&rule.then, *other, values));
            let mut ways: Vec<Shared> = own.map(|(at, _)| rules.deciding(at, collect.then_some(*other))).collect();
            if decides(&self.set.default, *other, values) {
                ways.push(rules.nothing());
            }
            parts.push(Formula::any(ways));
        }
        let question = format!("whether rules leave decision {column} open");
        if let Answer::Found(model) = self.ask(&Formula::all(parts), || question) {
            let moment = self.solver.moment(model.witness.clock);
            let condition = Condition::new(self.solver.atoms, &moment, &model.cube);
            let open = |witness: &Witness| {
                let matters = |decided: &[Decided<'_>]| {
                    wanted.when.iter().all(|(other, values)| {
                        decided.iter().any(|one| one.column == *other && values.contains(one.value))
                    })
                };
                let decided = self.set.decide(witness.facts());
                decided.is_ok_and(|decided| decided.iter().all(|one| one.column != column) && matters(&decided))
            };
            match self.solver.settle(model.witness, open) {
                Some(witness) => self.analysis.claims.push(Claim::Uncovered { decision: column, condition, witness }),
                None => self.doubt(format!("whether rules leave decision {column} open")),
            }
        }
    }
}
