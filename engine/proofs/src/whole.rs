//! What changes when several matching rules count otherwise: every outcome of the old rules against every one of the new.

use casebook_runtime::{model::Datum, rules::Facts, settings::Hit};

use super::{
    Answer, Outcome, Unknown, Witness,
    diff::{Edit, Move, Side},
    edits::Subject,
    formula::{Formula, Shared},
    outcome::{Rules, differ},
    region::Region,
    search::Solver,
    words::Condition,
};

/// The maximum number of conditions that are shown of one change.
const MAX_CONDITIONS: usize = 6;
/// The maximum number of witnesses of one change.
const MAX_WITNESSES: usize = 3;
/// The maximum number of pairs of outcomes.
const MAX_PAIRS: usize = 100_000;
/// The maximum number of rules of one version.
const MAX_RULES: usize = 1_000;

/// The outcome of some items, and its condition.
#[derive(Debug, Clone)]
struct Case {
    decided: Vec<(usize, Datum)>,
    rules: Vec<String>,
    conflict: bool,
    when: Shared,
}

/// Compares two versions of rules of which several matching ones count differently.
pub(super) fn compare(
    (old, before): (Side<'_>, &Rules<'_>),
    (new, after): (Side<'_>, &Rules<'_>),
    solver: &Solver<'_>,
    edits: &mut [Edit],
) {
    let mut comparing = Comparing { old, new, solver, edits };
    if before.when.len().max(after.when.len()) > MAX_RULES {
        return comparing.unknown(&[], &[], "`hit` changed, and there are too many rules to compare all of them");
    }
    // Rules of which each decides its own decisions are compared decision by decision.
    let single = [old, new].iter().any(|side| side.rules.hit == Hit::Collect);
    let columns: Vec<Option<usize>> = if single { (0..new.decisions.len()).map(Some).collect() } else { vec![None] };
    for column in columns {
        comparing.cases(&cases(before, column), &cases(after, column), column);
    }
}

/// All that can come of an item, each with when it does; no two at once. Of one decision, or of all together.
fn cases(rules: &Rules<'_>, column: Option<usize>) -> Vec<Case> {
    let enforced: Vec<usize> = (0..rules.when.len()).filter(|at| !rules.rule(*at).trial).collect();
    let hit = rules.set.hit;
    let collect = hit == Hit::Collect;
    let differing = |a: usize, b: usize| differ(hit, rules.rule(a), rules.rule(b));
    let mut conflicts: Vec<(usize, usize)> = Vec::new();
    for (position, first) in enforced.iter().enumerate() {
        conflicts.extend(
            enforced[position + 1..].iter().filter(|other| differing(*first, **other)).map(|other| (*first, *other)),
        );
    }
    let peace = Formula::all(conflicts.iter().filter(|_| collect).map(|pair| rules.not_both(*pair)));
    let mut all = Vec::new();
    let mut matching = Vec::new();
    for at in &enforced {
        let decided = rules.value(Some(*at), column);
        if collect && decided.is_empty() {
            continue;
        }
        matching.push(Formula::not(&rules.when[*at]));
        let others = enforced.iter().filter(|other| {
            let before = *other < at && (!collect || rules.decides(**other, column));
            *other != at && (before || differing(*at, **other))
        });
        let others = others.map(|other| Formula::not(&rules.when[*other]));
        let when = Formula::all([rules.when[*at].clone(), peace.clone()].into_iter().chain(others));
        all.push(Case { decided, rules: vec![rules.rule(*at).reason.id.clone()], conflict: false, when });
    }
    all.push(Case {
        decided: rules.value(None, column),
        rules: vec!["default".to_owned()],
        conflict: false,
        when: Formula::all(matching.into_iter().chain([peace])),
    });
    for (a, b) in conflicts {
        let when = Formula::all([a, b].map(|at| rules.when[at].clone()));
        let rules = [a, b].map(|at| rules.rule(at).reason.id.clone()).to_vec();
        all.push(Case { decided: Vec::new(), rules, conflict: true, when });
    }
    all
}

struct Comparing<'s, 'a> {
    old: Side<'s>,
    new: Side<'s>,
    solver: &'s Solver<'a>,
    edits: &'s mut [Edit],
}

impl Comparing<'_, '_> {
    fn cases(&mut self, before: &[Case], after: &[Case], column: Option<usize>) {
        if before.len().saturating_mul(after.len()) > MAX_PAIRS {
            return self.unknown(&[], &[], "`hit` changed, and there are too many rules to compare all of them");
        }
        let region = |case: &Case| Region::of(self.solver.atoms, &case.when);
        let regions: Vec<Region> = after.iter().map(region).collect();
        for old in before {
            let own = Region::of(self.solver.atoms, &old.when);
            for (new, region) in after.iter().zip(&regions) {
                let same = old.conflict == new.conflict && old.decided == new.decided;
                if !same && own.meets(region) {
                    self.change(old, new, column);
                }
            }
        }
    }

    /// Asks whether items of one case come to another, and which.
    fn change(&mut self, old: &Case, new: &Case, column: Option<usize>) {
        let mut formula = Formula::all([old.when.clone(), new.when.clone()]);
        let (mut conditions, mut witnesses): (Vec<Condition>, Vec<Witness>) = (Vec::new(), Vec::new());
        let complete = loop {
            if conditions.len() == MAX_CONDITIONS {
                break false;
            }
            match self.solver.solve(&formula) {
                Answer::Found(model) => {
                    let outside = model.cube.iter().map(|(atom, value)| std::rc::Rc::new(Formula::Is(*atom, !value)));
                    formula = Formula::all([formula, Formula::any(outside)]);
                    let shows = |item: &Witness| {
                        comes_to(self.old, old, item.facts(), column) && comes_to(self.new, new, item.facts(), column)
                    };
                    let Some(witness) = self.solver.settle(model.witness, shows) else {
                        self.unknown(&old.rules, &new.rules, "an item that should show it does not");
                        break false;
                    };
                    conditions.push(Condition::new(self.solver.atoms, witness.clock, &model.cube, &model.cube));
                    witnesses.push(witness);
                    if model.cube.is_empty() {
                        break true;
                    }
                }
                Answer::Impossible => break true,
                Answer::Unknown(why) => {
                    self.unknown(&old.rules, &new.rules, why);
                    break false;
                }
            }
        };
        if conditions.is_empty() {
            return;
        }
        witnesses.truncate(MAX_WITNESSES);
        let [old, new] = [(old, self.old), (new, self.new)].map(|(case, side)| outcome(case, side));
        let edit = self.edit(&old.rules, &new.rules);
        edit.moves.push(Move { old, new, conditions, exact: true, complete, witnesses });
    }

    fn unknown(&mut self, old: &[String], new: &[String], why: &'static str) {
        let question = if old.is_empty() {
            "which items move".to_owned()
        } else {
            format!("which items go from `{}` to `{}`", old.join("` and `"), new.join("` and `"))
        };
        self.edit(old, new).unknown.push(Unknown { question, why });
    }

    /// The edit to which a change is owed: that of a rule which takes part in it, else that of `hit`, which stands last.
    fn edit(&mut self, old: &[String], new: &[String]) -> &mut Edit {
        let is_named = |edit: &Edit| {
            let id = edit.id().unwrap_or("default");
            !matches!(edit.subject, Subject::Hit) && old.iter().chain(new).any(|rule| rule == id)
        };
        let last = self.edits.len() - 1;
        let at = self.edits.iter().position(is_named).unwrap_or(last);
        &mut self.edits[at]
    }
}

fn outcome(case: &Case, side: Side<'_>) -> Outcome {
    let decided = case.decided.iter().filter_map(|(at, value)| {
        let column = side.decisions.get(*at)?;
        Some((column.name.clone(), value.to_json(column)))
    });
    Outcome { decided: decided.collect(), rules: case.rules.clone(), more: false, conflict: case.conflict }
}

/// Whether rules decide about an item as a case says, by the rules that it names.
fn comes_to(side: Side<'_>, case: &Case, facts: Facts<'_>, column: Option<usize>) -> bool {
    let rules = side.rules;
    let matches = |id: &String| rules.rules.iter().any(|rule| rule.reason.id == *id && rule.matches(facts));
    if !case.rules.iter().all(|id| id == "default" || matches(id)) {
        return false;
    }
    match rules.decide(facts) {
        Err(_) => case.conflict,
        Ok(_) if case.conflict => false,
        Ok(decided) => {
            let mut own: Vec<_> =
                decided.iter().filter(|one| column.is_none_or(|column| one.column == column)).collect();
            own.sort_by_key(|one| one.column);
            let is_named = |rule: Option<&casebook_runtime::rules::CompiledRule>| {
                let by = rule.map_or("default", |rule| rule.reason.id.as_str());
                case.rules.iter().any(|id| id == by)
            };
            // Where one rule decides all, it is the one that is named even for a decision that it leaves open.
            let named = if rules.hit == Hit::Collect {
                own.iter().all(|one| is_named(one.rule))
            } else {
                decided.iter().all(|one| is_named(one.rule))
            };
            let same = |one: &casebook_runtime::rules::Decided<'_>, (column, value): &(usize, Datum)| {
                one.column == *column && one.value == value
            };
            named && own.len() == case.decided.len() && own.iter().zip(&case.decided).all(|(one, pair)| same(one, pair))
        }
    }
}
