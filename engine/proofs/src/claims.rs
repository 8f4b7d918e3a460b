//! What is found about one set of rules.

use casebook_runtime::{
    model::{Column, Datum},
    rules::{Bits, CompiledRule, Decided, Predicate, RuleSet},
    settings::Hit,
};

use super::{
    Answer, Limits, Witness,
    formula::{Atoms, Formula, Shared},
    lazy::{FEW_RULES, Question, Verdict},
    needed::needed,
    outcome::Rules,
    region::Region,
    search::{Known, Solver},
    words::Condition,
};

/// The maximum number of rules for which is shown for which items a decision is left open.
const MAX_EXACT: usize = 256;

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
    /// Rules before it decide everything that the rule matches.
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
        /// Items of this kind are so, among others perhaps; none is shown where there are too many rules.
        condition: Option<Condition>,
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
    /// Its name.
    pub name: String,
    /// It matters only where these decisions have one of these values.
    pub when: Vec<(usize, Vec<Datum>)>,
}

/// Asks all that there is to ask about a set of rules; gaps are looked for in the decisions that are wanted.
///
/// What is known of items answers questions which nothing solves, such as those about computed fields.
pub fn analyse(set: &RuleSet, columns: &[Column], wanted: &[Wanted], known: Known<'_>, limits: Limits) -> Analysis {
    let mut atoms = Atoms::new(columns);
    let rules = Rules::new(set, &mut atoms);
    let parts: Vec<Vec<(Shared, String)>> = set.rules.iter().map(|rule| parts(&mut atoms, rule)).collect();
    let solver = Solver::new(&atoms, limits).knowing(known);
    let mut asking = Asking { set, rules: &rules, solver: &solver, limits, analysis: Analysis::default() };
    let alive = asking.never(&parts);
    if set.hit != Hit::First {
        asking.overlaps(&alive);
    }
    asking.hidden(&alive);
    for one in wanted {
        asking.uncovered(one);
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
    let rules = Rules::new(set, &mut atoms);
    let solver = Solver::new(&atoms, limits);
    let mut asking = Asking { set, rules: &rules, solver: &solver, limits, analysis: Analysis::default() };
    match solver.solve(&rules.when[rule]) {
        Answer::Found(_) => asking.hidden_by(rule).map(|(by, _)| Idle::Hidden(by)),
        Answer::Impossible => Some(Idle::Never),
        Answer::Unknown(_) => None,
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
        Predicate::Column(_, _, words) | Predicate::Compare(_, words) | Predicate::Entries(_, words) => {
            all.push((atoms.predicate(predicate), format!("`{words}`")));
        }
        Predicate::Any(_) => all.push((atoms.predicate(predicate), "`any`".to_owned())),
        Predicate::Not(part) => {
            let words = if let Predicate::Compare(_, words) = &**part { words } else { "not" };
            all.push((atoms.predicate(predicate), format!("`{words}`")));
        }
    }
}

struct Asking<'s, 'a> {
    set: &'s RuleSet,
    rules: &'s Rules<'s>,
    solver: &'s Solver<'a>,
    limits: Limits,
    analysis: Analysis,
}

impl Asking<'_, '_> {
    /// Whether one more question may be asked; that it may not is noted once.
    fn may_ask(&mut self, question: impl FnOnce() -> String) -> bool {
        let may = self.analysis.questions < self.limits.questions;
        if may {
            self.analysis.questions += 1;
        } else {
            let why = "too many questions about these rules";
            if self.analysis.unknown.last().is_none_or(|last| last.why != why) {
                self.analysis.unknown.push(Unknown { question: question(), why });
            }
        }
        may
    }

    /// Notes what is unknown of an answer.
    fn note<T>(&mut self, answer: &Answer<T>, question: impl FnOnce() -> String) {
        if let Answer::Unknown(why) = answer {
            self.analysis.unknown.push(Unknown { question: question(), why });
        }
    }

    /// Notes a question whose answer the rules themselves do not bear out.
    fn doubt(&mut self, question: String) {
        self.analysis.unknown.push(Unknown { question, why: "an item that should show it does not" });
    }

    fn id(&self, rule: usize) -> &str {
        &self.set.rules[rule].reason.id
    }

    /// Finds rules that never match; returns for each of the others an item that it matches.
    fn never(&mut self, parts: &[Vec<(Shared, String)>]) -> Vec<Option<Witness>> {
        let mut alive = Vec::new();
        for (rule, when) in self.rules.when.iter().enumerate() {
            let id = self.id(rule).to_owned();
            let question = || format!("whether `{id}` can match");
            if !self.may_ask(question) {
                alive.push(None);
                continue;
            }
            let answer = self.solver.solve(when);
            self.note(&answer, question);
            alive.push(match answer {
                Answer::Found(model) => {
                    let own = &self.set.rules[rule];
                    let settled = self.solver.settle(model.witness, |witness| own.matches(witness.facts()));
                    if settled.is_none() {
                        self.doubt(question());
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
                Answer::Impossible => {
                    let (part, words) = &parts[count - 1];
                    // A part that no item meets by itself has nothing to do with those before it.
                    let alone = count > 1 && matches!(self.solver.solve(part), Answer::Impossible);
                    return (Some(words.clone()), met.filter(|_| !alone));
                }
                Answer::Unknown(_) => return (None, met),
            }
        }
        (None, met)
    }

    fn hidden(&mut self, alive: &[Option<Witness>]) {
        for rule in (0..alive.len()).filter(|rule| alive[*rule].is_some()) {
            if let Some((by, witness)) = self.hidden_by(rule) {
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
                Hit::Unique => other.agrees(rule),
                Hit::Collect => other.then.iter().any(|one| rule.then.contains(one)),
            }
    }

    /// The rules before one that leave nothing to it, as few as do, and an item that shows it.
    fn hidden_by(&mut self, rule: usize) -> Option<(Vec<usize>, Witness)> {
        let before: Vec<usize> = self
            .rules
            .meeting(&self.rules.regions[rule])
            .take_while(|other| *other < rule)
            .filter(|other| self.precedes(*other, rule))
            .collect();
        let id = self.id(rule).to_owned();
        let question = || format!("whether rules before `{id}` leave anything to it");
        if before.is_empty() || !self.may_ask(question) {
            return None;
        }
        let shares = self.shares(rule, &before);
        // Of the rules before it those that take an item from it: they alone make up the proof.
        let mut takers: Vec<usize> = Vec::new();
        let mut samples: Vec<Witness> = Vec::new();
        let answer = Question::new(self.rules.when[rule].clone(), Vec::new()).ask(self.solver, |item| {
            samples.push(item.clone());
            let matches = |other: &&usize| self.set.rules[**other].matches(item.facts());
            let taken: Option<Vec<usize>> = shares.iter().map(|share| share.iter().find(matches).copied()).collect();
            match taken {
                None => Verdict::Shows(()),
                Some(taken) => {
                    takers.extend(&taken);
                    Verdict::Instead(Formula::any(taken.iter().map(|other| Formula::not(&self.rules.when[*other]))))
                }
            }
        });
        self.note(&answer, question);
        let (Answer::Impossible, Some(sample)) = (answer, samples.first()) else { return None };
        takers.sort_unstable();
        takers.dedup();
        let by = self.fewest(rule, takers, &samples);
        let shown = self.decided_by(rule, &by, &before, &samples).or_else(|| {
            let shown = self.solver.settle(sample.clone(), |witness| self.shows_hidden(rule, &by, witness));
            shown.map(|item| self.solver.trim(item, &[], |item| self.shows_hidden(rule, &by, item)))
        });
        if shown.is_none() {
            self.doubt(question());
        }
        shown.map(|witness| (by, witness))
    }

    /// An item that matches a rule and that one of those decides which hide it, in place of another rule before them.
    fn decided_by(&self, rule: usize, by: &[usize], before: &[usize], samples: &[Witness]) -> Option<Witness> {
        let shows = |item: &Witness| {
            self.shows_hidden(rule, by, item) && by.iter().any(|other| self.decides(self.id(*other), item))
        };
        let shown = if before.len() > FEW_RULES {
            // Among many rules one of the items that are known serves as well as the simplest one.
            samples.iter().find(|item| shows(item))?.clone()
        } else {
            let others = before.iter().filter(|other| !by.contains(other));
            let when = &self.rules.when;
            let alone = Formula::all(
                others.map(|other| Formula::not(&when[*other])).chain([when[rule].clone()]).collect::<Vec<_>>(),
            );
            let Answer::Found(model) = self.solver.solve(&alone) else { return None };
            self.solver.settle(model.witness, shows)?
        };
        Some(self.solver.trim(shown, &[], shows))
    }

    /// Whether the rule with an id is one that decides an item.
    fn decides(&self, id: &str, witness: &Witness) -> bool {
        let decided = self.set.decide(witness.facts());
        decided.is_ok_and(|decided| decided.iter().any(|one| one.rule.is_some_and(|rule| rule.reason.id == id)))
    }

    /// When a rule matches and some rules before it leave it something to decide.
    fn left(&self, rule: usize, before: &[usize]) -> Shared {
        let none =
            |others: Vec<usize>| Formula::all(others.into_iter().map(|other| Formula::not(&self.rules.when[other])));
        let left = Formula::any(self.shares(rule, before).into_iter().map(none));
        Formula::all([self.rules.when[rule].clone(), left])
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

    /// Of rules that hide another together as few as do; some items that it matches spare questions.
    fn fewest(&self, rule: usize, mut rules: Vec<usize>, samples: &[Witness]) -> Vec<usize> {
        let matching = |item: &Witness| -> Vec<usize> {
            let all = rules.iter().copied();
            all.filter(|other| self.set.rules[*other].matches(item.facts())).collect()
        };
        let samples: Vec<Vec<usize>> = samples.iter().map(matching).collect();
        let hide = |others: &[usize]| {
            let shares = self.shares(rule, others);
            let takes =
                |share: &Vec<usize>, item: &[usize]| share.iter().any(|other| item.binary_search(other).is_ok());
            samples.iter().all(|item| shares.iter().all(|share| takes(share, item)))
                && matches!(self.solver.solve(&self.left(rule, others)), Answer::Impossible)
        };
        if let Some(one) = rules.iter().find(|one| hide(&[**one])) {
            return vec![*one];
        }
        for at in (0..rules.len()).rev() {
            let mut fewer = rules.clone();
            fewer.remove(at);
            if hide(&fewer) {
                rules = fewer;
            }
        }
        rules
    }

    /// Whether an item matches a rule and is decided by one of those that hide it.
    fn shows_hidden(&self, rule: usize, by: &[usize], witness: &Witness) -> bool {
        let matches = |rule: usize| self.set.rules[rule].matches(witness.facts());
        matches(rule) && by.iter().any(|other| matches(*other)) && !self.decides(self.id(rule), witness)
    }

    fn overlaps(&mut self, alive: &[Option<Witness>]) {
        for (first, a) in self.set.rules.iter().enumerate().filter(|(first, _)| alive[*first].is_some()) {
            let mut met = 0;
            let partners: Vec<usize> = self
                .rules
                .meeting(&self.rules.regions[first])
                .filter(|second| *second > first && alive[*second].is_some())
                .filter(|second| !(a.trial && self.set.rules[*second].trial) && self.rules.differ(first, *second))
                .collect();
            for second in partners {
                let b = &self.set.rules[second];
                if met == self.limits.partners {
                    let question = format!("which other rules can match together with `{}`", a.reason.id);
                    self.analysis.unknown.push(Unknown { question, why: "it meets too many to list all" });
                    break;
                }
                let question = || format!("whether `{}` and `{}` can match at once", a.reason.id, b.reason.id);
                if !self.may_ask(question) {
                    break;
                }
                let both = [first, second].map(|rule| self.rules.when[rule].clone());
                let answer = self.solver.solve(&Formula::all(both));
                self.note(&answer, question);
                if let Answer::Found(model) = answer {
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
                        None => self.doubt(question()),
                    }
                }
            }
        }
    }

    fn uncovered(&mut self, wanted: &Wanted) {
        let column = wanted.decision;
        let rules = self.rules;
        let collect = self.set.hit == Hit::Collect;
        if collect && rules.decides_by_default(column) {
            return;
        }
        let question = || format!("whether rules leave `{}` open", wanted.name);
        if !self.may_ask(question) {
            return;
        }
        let whole = Region::of(self.solver.atoms, &Formula::constant(true));
        let answer = Question::new(Formula::constant(true), Vec::new()).ask(self.solver, |item| {
            let judged = rules.judge(item.facts());
            if let Some(pair) = judged.conflict {
                // Of an item about which two rules differ nothing at all is decided.
                return Verdict::Instead(rules.not_both(pair));
            }
            let by = rules.decider(&judged, Some(column));
            if rules.value(by, Some(column)).iter().any(|(own, _)| *own == column) {
                let silent = |at: usize| !rules.decides(at, Some(column));
                return Verdict::Instead(rules.instead(by, Some(column), &whole, silent));
            }
            for (other, values) in &wanted.when {
                let by = rules.decider(&judged, Some(*other));
                let good =
                    |by: Option<usize>| rules.value(by, Some(*other)).iter().any(|(_, value)| values.contains(value));
                if !good(by) {
                    return Verdict::Instead(rules.instead(by, Some(*other), &whole, |at| good(Some(at))));
                }
            }
            Verdict::Shows(())
        });
        self.note(&answer, question);
        if let Answer::Found((item, ())) = answer {
            let open = |witness: &Witness| {
                let matters = |decided: &[Decided<'_>]| {
                    wanted.when.iter().all(|(other, values)| {
                        decided.iter().any(|one| one.column == *other && values.contains(one.value))
                    })
                };
                let decided = self.set.decide(witness.facts());
                decided.is_ok_and(|decided| decided.iter().all(|one| one.column != column) && matters(&decided))
            };
            if !open(&item) {
                return self.doubt(question());
            }
            let (condition, named) = self.kind(&item).unzip();
            let witness = self.solver.trim(item, &named.unwrap_or_default(), open);
            self.analysis.claims.push(Claim::Uncovered { decision: column, condition, witness });
        }
    }

    /// The kind of item of which the same comes as of this one: the same rules match, as far as they count.
    ///
    /// With the tests by column that make it one.
    fn kind(&self, item: &Witness) -> Option<(Condition, Vec<Vec<usize>>)> {
        (self.set.rules.len() <= MAX_EXACT).then(|| {
            let first = self.rules.judge(item.facts()).matching.first().copied().filter(|_| self.set.hit == Hit::First);
            let end = first.map_or(self.set.rules.len(), |at| at + 1);
            let rules = (0..end).filter(|at| !self.set.rules[*at].trial);
            let parts = rules.map(|at| {
                let when = &self.rules.when[at];
                if when.holds(&self.solver.atoms.all, item.facts()) { when.clone() } else { Formula::not(when) }
            });
            let formula = Formula::all(parts);
            let mut named = Bits::none(self.solver.atoms.all.len());
            formula.mark(&mut named);
            let holds = |at: usize| (at, self.solver.atoms.all[at].holds(item.facts()));
            let chosen: Vec<(usize, bool)> = named.iter().map(holds).collect();
            let cube = needed(&formula, &chosen, self.solver.atoms.all.len());
            let by_column = self.solver.atoms.read(cube.iter().map(|(atom, _)| *atom));
            (Condition::new(self.solver.atoms, item.clock, &cube, &cube), by_column)
        })
    }
}
