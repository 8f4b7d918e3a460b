//! What the analyser says, held against every item of a small world.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use casebook_proofs::{Analysis, Claim, Diff, Known, Limits, Move, Outcome, Side, Wanted, Witness, analyse, diff};
use casebook_runtime::{
    model::{Column, Datum},
    rules::{CompiledRule, Decided, Facts, RuleSet},
    settings::Hit,
};
use proptest::prelude::*;

use super::world::{decisions, values};

/// How much was held against brute force.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Sets of rules.
    sets: AtomicUsize,
    /// What was claimed about one set, and kinds of change between two.
    claims: AtomicUsize,
    changes: AtomicUsize,
    /// Items that were judged.
    items: AtomicUsize,
    /// Questions about one set and between two, and those of them without an answer.
    asked: [AtomicUsize; 2],
    open: [AtomicUsize; 2],
}

impl Counts {
    /// Questions that were put.
    pub(super) fn cases(&self) -> usize {
        self.asked.iter().map(|asked| asked.load(Ordering::Relaxed)).sum()
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sets, claims, changes, items] =
            [&self.sets, &self.claims, &self.changes, &self.items].map(|counter| counter.load(Ordering::Relaxed));
        writeln!(f, "{} cases over {sets} sets of rules and {items} items", self.cases())?;
        writeln!(f, "{claims} claims about one set, {changes} changes between two")?;
        let [asked, open] = [&self.asked, &self.open].map(|all| all.each_ref().map(|one| one.load(Ordering::Relaxed)));
        write!(f, "left open: {} of {} about one set, {} of {} between two", open[0], asked[0], open[1], asked[1])
    }
}

fn count(counter: &AtomicUsize, more: usize) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// What is decided, by column; nothing for a conflict.
type Judged = Option<Vec<(usize, Datum)>>;

/// What rules decide about an item.
fn judged(set: &RuleSet, facts: Facts<'_>) -> Judged {
    let mut decided: Vec<(usize, Datum)> =
        set.decide(facts).ok()?.iter().map(|one| (one.column, one.value.clone())).collect();
    decided.sort_by_key(|(column, _)| *column);
    Some(decided)
}

/// Whether two rules contradict each other about an item that both match.
fn contradict(hit: Hit, a: &CompiledRule, b: &CompiledRule) -> bool {
    match hit {
        Hit::First => false,
        Hit::Unique => a.then != b.then,
        Hit::Collect => {
            a.then.iter().any(|(column, value)| b.then.iter().any(|(other, theirs)| other == column && theirs != value))
        }
    }
}

/// Whether nothing decides a decision about an item that it matters for.
fn is_open(set: &RuleSet, wanted: &Wanted, facts: Facts<'_>) -> bool {
    judged(set, facts).is_some_and(|decided| {
        decided.iter().all(|(column, _)| *column != wanted.decision)
            && wanted
                .when
                .iter()
                .all(|(other, values)| decided.iter().any(|(column, value)| column == other && values.contains(value)))
    })
}

/// Asks all about a set of rules and holds it against every item: what is said must be so, and what is so must be said
/// unless the question was left open.
pub(super) fn claims(
    set: &RuleSet,
    fields: &[Column],
    items: &[Witness],
    gated: bool,
    counts: &Counts,
) -> Result<(), TestCaseError> {
    let when = if gated { vec![(0, vec![Datum::Choice(0)])] } else { Vec::new() };
    let wanted = [(0, Vec::new()), (1, when)];
    let wanted = wanted.map(|(decision, when)| Wanted { decision, name: decision.to_string(), when });
    let analysis = analyse(set, fields, &wanted, Known { items, derived: None }, Limits::THOROUGH);
    count(&counts.sets, 1);
    count(&counts.claims, analysis.claims.len());
    count(&counts.items, items.len());
    count(&counts.asked[0], analysis.questions);
    count(&counts.open[0], analysis.unknown.len());
    for claim in &analysis.claims {
        is_so(set, claim, items, &wanted)?;
    }
    for item in items {
        is_said(set, &analysis, item, &wanted)?;
    }
    Ok(())
}

/// Whether a claim holds for every item, and its witness shows it.
fn is_so(set: &RuleSet, claim: &Claim, items: &[Witness], wanted: &[Wanted]) -> Result<(), TestCaseError> {
    match claim {
        Claim::Never { rule, witness, .. } => {
            let rule = &set.rules[*rule];
            for item in items.iter().chain(witness) {
                prop_assert!(!rule.matches(item.facts()), "{} matches {item:?}", rule.reason.id);
            }
        }
        Claim::Hidden { rule, by, witness } => {
            let rule = &set.rules[*rule];
            prop_assert!(rule.matches(witness.facts()), "{witness:?}");
            for item in items.iter().chain([witness]).filter(|item| rule.matches(item.facts())) {
                let hides = |other: &usize| !set.rules[*other].trial && set.rules[*other].matches(item.facts());
                prop_assert!(by.iter().any(hides), "nothing hides {} at {item:?}", rule.reason.id);
                let decided = set.decide(item.facts());
                let own = |one: &Decided<'_>| one.rule.is_some_and(|other| std::ptr::eq(other, rule));
                prop_assert!(!decided.iter().flatten().any(own), "{} decides {item:?}", rule.reason.id);
            }
        }
        Claim::Overlap { rules: [first, second], trial, witness } => {
            let [first, second] = [&set.rules[*first], &set.rules[*second]];
            prop_assert!(first.matches(witness.facts()) && second.matches(witness.facts()), "{witness:?}");
            prop_assert!(contradict(set.hit, first, second) && *trial == (first.trial || second.trial));
            prop_assert!(*trial || set.decide(witness.facts()).is_err(), "{witness:?}");
        }
        Claim::Uncovered { decision, condition, witness } => {
            let condition = condition.as_ref().expect("few rules");
            prop_assert!(condition.holds(witness.facts()), "{witness:?} is not {}", condition.words());
            for item in items.iter().chain([witness]).filter(|item| condition.holds(item.facts())) {
                prop_assert!(is_open(set, &wanted[*decision], item.facts()), "{item:?} is {}", condition.words());
            }
        }
    }
    Ok(())
}

/// Whether what an item shows was claimed, or left open.
fn is_said(set: &RuleSet, analysis: &Analysis, item: &Witness, wanted: &[Wanted]) -> Result<(), TestCaseError> {
    let facts = item.facts();
    let said = |claim: &dyn Fn(&Claim) -> bool| analysis.claims.iter().any(claim);
    let open = |question: &str| analysis.unknown.iter().any(|unknown| unknown.question == question);
    let matching: Vec<usize> = (0..set.rules.len()).filter(|at| set.rules[*at].matches(facts)).collect();
    for (position, first) in matching.iter().enumerate() {
        for second in &matching[position + 1..] {
            let [a, b] = [&set.rules[*first], &set.rules[*second]];
            if a.trial && b.trial || !contradict(set.hit, a, b) {
                continue;
            }
            let told = said(&|claim| matches!(claim, Claim::Overlap { rules, .. } if rules == &[*first, *second]));
            // Where it is not known whether a rule matches at all, nothing more is asked about it.
            let known = told
                || open(&format!("whether `{}` and `{}` can match at once", a.reason.id, b.reason.id))
                || [a, b].iter().any(|rule| open(&format!("whether `{}` can match", rule.reason.id)));
            prop_assert!(known, "{} and {} meet at {item:?}", a.reason.id, b.reason.id);
        }
    }
    for one in wanted.iter().filter(|one| is_open(set, one, facts)) {
        let told = said(&|claim| matches!(claim, Claim::Uncovered { decision, .. } if *decision == one.decision));
        let known = told || open(&format!("whether rules leave `{}` open", one.name));
        prop_assert!(known, "nothing decides {} about {item:?}", one.decision);
    }
    Ok(())
}

/// Compares two sets of rules and holds the changes that are told against every item.
pub(super) fn changes(
    [old, new]: [&RuleSet; 2],
    fields: &[Column],
    items: &[Witness],
    counts: &Counts,
) -> Result<(), TestCaseError> {
    let decisions = decisions();
    let side = |rules| Side { rules, fields, decisions: &decisions, derived: None };
    let same = diff(side(old), side(old), Limits::THOROUGH).expect("comparable");
    prop_assert!(same.edits.is_empty(), "{same:?}");
    let told = diff(side(old), side(new), Limits::THOROUGH).expect("comparable");
    count(&counts.changes, told.moves().count());
    count(&counts.asked[1], told.questions);
    count(&counts.open[1], told.unknown().count());
    let by_column = [old, new].iter().any(|set| set.hit == Hit::Collect);
    for change in told.moves() {
        prop_assert!(!change.witnesses.is_empty() && !change.conditions.is_empty());
        for item in items.iter().chain(&change.witnesses) {
            let facts = item.facts();
            let shown = change.witnesses.contains(item);
            let meets = change.conditions.iter().any(|condition| condition.holds(facts));
            if shown || meets && change.exact {
                prop_assert!(meets, "{item:?} is none of {change:?}");
                prop_assert!(comes_of(old, &change.old, by_column, facts), "{item:?} does not come from {change:?}");
                prop_assert!(comes_of(new, &change.new, by_column, facts), "{item:?} does not come to {change:?}");
                prop_assert!(judged(old, facts) != judged(new, facts), "{item:?} comes to the same");
            }
        }
    }
    for item in items {
        let (was, is) = (judged(old, item.facts()), judged(new, item.facts()));
        if was == is || told.unknown().next().is_some() {
            continue;
        }
        // A conflict is told once, by the decision about which the rules differ.
        let columns: Vec<Option<usize>> =
            if by_column && was.is_some() == is.is_some() { vec![Some(0), Some(1)] } else { vec![None] };
        for column in columns {
            let (was, is) = (part(was.as_ref(), column), part(is.as_ref(), column));
            prop_assert!(was == is || is_told(&told, item, (&was, &is)), "{item:?} from {was:?} to {is:?}: {told:?}");
        }
    }
    Ok(())
}

/// What is decided of one column, or of all.
fn part(judged: Option<&Vec<(usize, Datum)>>, column: Option<usize>) -> Judged {
    let of = |(own, _): &&(usize, Datum)| column.is_none_or(|column| column == *own);
    judged.map(|all| all.iter().filter(of).cloned().collect())
}

/// Whether some change tells what becomes of an item, by a condition unless there are more than are told.
fn is_told(told: &Diff, item: &Witness, (was, is): (&Judged, &Judged)) -> bool {
    let clash = was.is_none() || is.is_none();
    let fits = |outcome: &Outcome, judged: &Judged| match judged {
        None => outcome.conflict,
        Some(decided) if clash => {
            let decided = named(decided);
            !outcome.conflict && outcome.decided.iter().all(|(name, value)| decided.get(name) == Some(value))
        }
        Some(decided) => !outcome.conflict && outcome.decided == named(decided),
    };
    let tells = |change: &&Move| {
        let conditions = || change.conditions.iter().any(|condition| condition.holds(item.facts()));
        fits(&change.old, was) && fits(&change.new, is) && (!change.complete || conditions())
    };
    told.moves().any(|change| tells(&change))
}

/// Decisions by name.
fn named(decided: &[(usize, Datum)]) -> serde_json::Map<String, serde_json::Value> {
    let columns = decisions();
    decided.iter().map(|(at, value)| (columns[*at].name.clone(), value.to_json(&columns[*at]))).collect()
}

/// Whether an outcome is what comes of an item, by the rules that it names; it may be about one column alone.
fn comes_of(set: &RuleSet, outcome: &Outcome, by_column: bool, facts: Facts<'_>) -> bool {
    let enforced = |id: &&String| set.rules.iter().find(|rule| rule.reason.id == **id && !rule.trial);
    // Of rules that decide the same one is named for each way to come to it; those that conflict do so together.
    let matches = |id: &String| id == "default" || enforced(&id).is_some_and(|rule| rule.matches(facts));
    let named_match =
        if outcome.conflict { outcome.rules.iter().all(matches) } else { outcome.rules.iter().any(matches) };
    if !named_match {
        return false;
    }
    match judged(set, facts).map(|decided| named(&decided)) {
        None => outcome.conflict,
        Some(_) if outcome.conflict => false,
        Some(decided) if by_column && outcome.decided.is_empty() => decided.len() < decisions().len(),
        Some(decided) if by_column => outcome.decided.iter().all(|(name, value)| decided.get(name) == Some(value)),
        Some(decided) => decided == outcome.decided,
    }
}

/// Whether many rules decide about an item as each of them does by itself.
pub(super) fn program(set: &RuleSet, facts: Facts<'_>) -> Result<(), TestCaseError> {
    let matching: Vec<&CompiledRule> = set.rules.iter().filter(|rule| !rule.trial && rule.matches(facts)).collect();
    let decided = set.decide(facts);
    match set.hit {
        Hit::First => {
            let rule = decided.expect("no conflict").first().and_then(|one| one.rule.map(|rule| &rule.reason.id));
            prop_assert_eq!(rule, matching.first().map(|rule| &rule.reason.id));
        }
        Hit::Unique => {
            let differ = matching.iter().any(|rule| rule.then != matching[0].then);
            prop_assert_eq!(decided.is_err(), differ);
        }
        Hit::Collect => {
            for one in decided.iter().flatten() {
                prop_assert!(matching.iter().any(|rule| rule.then.contains(&(one.column, one.value.clone()))));
            }
            let silent = decided.is_ok_and(|decided| decided.is_empty());
            prop_assert_eq!(silent, matching.is_empty());
        }
    }
    Ok(())
}

/// An item of the small world that picks a value for each field.
pub(super) fn picked(columns: &[Column], pick: &[prop::sample::Index]) -> Vec<Option<Datum>> {
    columns.iter().zip(pick).map(|(column, pick)| pick.get(&values(column)).clone()).collect()
}
