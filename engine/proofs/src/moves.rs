//! What one edit moves: only items that the edited rule matches, in one version or the other, can move because of it.
//!
//! An item of which something else comes is decided by an edited rule, in the old rules or in the new ones: two rules that
//! were left alone match the same items and keep their order. So each edited rule is asked about twice: which items that
//! it decided does something else decide now, and which items that it decides now did something else decide.

mod known;

use std::collections::HashSet;

use casebook_runtime::{model::Datum, settings::Hit};
use indexmap::IndexMap;

use super::{
    Answer, Outcome, Unknown, Witness,
    diff::{Edit, Move, Side},
    edits::{EditKind, Subject},
    formula::{Formula, Shared},
    lazy::{FEW_RULES, Question, Verdict},
    needed::needed,
    outcome::Rules,
    region::Region,
    search::{Solver, TOO_MUCH},
    space::{Moment, Recent},
    words::Condition,
};
use known::Told;

/// Of many rules that may decide in the other version so many are asked about at once.
const GROUP: usize = 8;
/// How many rules the questions about groups may meet, all together, until what is left is asked about at once: where rules
/// hardly distinguish items, each group meets nearly all of them. Five edits of 20,000 rules of every kind take 7 s in
/// a build for tests, and without this bound not within a minute.
const MOST_MET: usize = 200_000;
/// The maximum number of conditions that are shown of one move.
const MAX_CONDITIONS: usize = 6;
/// The maximum number of witnesses of one move.
const MAX_WITNESSES: usize = 3;
/// The maximum number of rules that are named on one side of a move.
const MAX_RULES: usize = 100;
/// The maximum number of moves of one edit.
const MAX_MOVES: usize = 24;

/// One version of the rules.
pub(super) struct Version<'r> {
    pub(super) side: Side<'r>,
    pub(super) rules: Rules<'r>,
    /// By rule its place in the other version, where it was not edited.
    pub(super) kept: Vec<Option<usize>>,
}

/// Asks what edits move.
pub(super) struct Asking<'s, 'a> {
    pub(super) old: &'s Version<'a>,
    pub(super) new: &'s Version<'a>,
    pub(super) solver: &'s Solver<'a>,
}

/// What is decided of an item: the values, or a conflict.
type Value = Option<Vec<(usize, Datum)>>;

/// One question: about the items that a rule of one version matches.
struct Part<'s> {
    /// The version whose rule is asked about, and the other one.
    own: &'s Version<'s>,
    other: &'s Version<'s>,
    /// Whether the own version is the old one.
    old: bool,
    /// The rule; nothing for the default.
    rule: Option<usize>,
    /// The decision, where each is decided by itself.
    column: Option<usize>,
    /// Which items.
    base: Shared,
    region: Region,
    /// What the rule wants in both versions, so that it distinguishes no items.
    common: Vec<(usize, bool)>,
    /// What it wants in its own version alone.
    special: Vec<(usize, bool)>,
    /// What must hold beyond that the rule decides; part of the base.
    beyond: Vec<Shared>,
}

/// The moves of an edit, by the outcome of items.
#[derive(Default)]
struct Moves(IndexMap<String, Moving>);

/// A move that is being found.
struct Moving {
    found: Move,
    /// The tests that each way to move needs.
    cubes: Vec<Vec<(usize, bool)>>,
    /// Items that differ in one value from a witness.
    like: Vec<Witness>,
}

impl<'a> Asking<'_, 'a> {
    /// Finds all that an edit moves.
    pub(super) fn ask(&self, edit: &mut Edit) {
        let mut moves = Moves::default();
        for column in self.columns(edit) {
            for part in self.parts(edit, column) {
                // What is looked through before the first question is work as well.
                if !self.solver.afford(self.old.rules.when.len() + self.new.rules.when.len()) {
                    moves.open(edit, TOO_MUCH);
                    break;
                }
                self.values(&part, edit, &mut moves);
                if self.old.side.rules.hit != Hit::First && part.rule.is_some() {
                    self.conflicts(&part, edit, &mut moves);
                }
            }
        }
        edit.moves = moves.0.into_values().map(Moving::finish).collect();
    }

    /// The decisions that an edit is asked about one by one; all together where one rule decides all.
    fn columns(&self, edit: &Edit) -> Vec<Option<usize>> {
        if self.old.side.rules.hit != Hit::Collect {
            return vec![None];
        }
        let of = |version: &Version<'_>, at: Option<usize>| -> Vec<usize> {
            version.rules.value(at, None).into_iter().map(|(column, _)| column).collect()
        };
        let mut columns = match &edit.subject {
            Subject::Rule { old, new, .. } => {
                let [old, new] = [(self.old, old), (self.new, new)]
                    .map(|(version, at)| at.map(|at| of(version, Some(at))).unwrap_or_default());
                [old, new].concat()
            }
            Subject::Default | Subject::Hit => [of(self.old, None), of(self.new, None)].concat(),
        };
        columns.sort_unstable();
        columns.dedup();
        columns.into_iter().map(Some).collect()
    }

    /// The questions about an edit.
    fn parts(&self, edit: &Edit, column: Option<usize>) -> Vec<Part<'_>> {
        let Subject::Rule { old, new, .. } = &edit.subject else {
            let same = self.old.rules.value(None, column) == self.new.rules.value(None, column);
            return if same { Vec::new() } else { vec![self.default_part(column)] };
        };
        let decides = |version: &Version<'_>, at: &Option<usize>| {
            at.filter(|at| !version.rules.rule(*at).trial && version.rules.decides(*at, column))
        };
        let (before, after) = (decides(self.old, old), decides(self.new, new));
        let has = |kind: EditKind| edit.kinds.contains(&kind);
        let moved = has(EditKind::Order);
        let widened = has(EditKind::Condition) || has(EditKind::Exception) || has(EditKind::Dates);
        let other_value = match (before, after) {
            (Some(a), Some(b)) => self.old.rules.value(Some(a), column) != self.new.rules.value(Some(b), column),
            _ => true,
        };
        let mut parts = Vec::new();
        if let Some(at) = before {
            // Where it decides the same in both versions, what both match stays as it is but for other edits.
            let without = after.filter(|_| !other_value && !moved);
            if widened || moved || other_value {
                parts.push(self.part((self.old, self.new, true), at, (after, without), column));
            }
        }
        if let Some(at) = after {
            // What it decides otherwise may conflict now where it did not, with rules that were left alone.
            let otherwise = other_value && self.new.side.rules.hit != Hit::First;
            let without = before.filter(|_| !moved && !otherwise);
            if widened || moved || otherwise || before.is_none() {
                parts.push(self.part((self.new, self.old, false), at, (before, without), column));
            }
        }
        parts
    }

    /// The question about the items that a rule matches, those left out that its counterpart matches as well.
    fn part<'p>(
        &'p self,
        (own, other, old): (&'p Version<'a>, &'p Version<'a>, bool),
        at: usize,
        (counterpart, without): (Option<usize>, Option<usize>),
        column: Option<usize>,
    ) -> Part<'p> {
        let when = own.rules.when[at].clone();
        let beyond: Vec<Shared> = without.map(|at| Formula::not(&other.rules.when[at])).into_iter().collect();
        let units = Formula::units(&when);
        let there = counterpart.map(|at| Formula::units(&other.rules.when[at]));
        let is_common = |unit: &(usize, bool)| there.as_ref().is_none_or(|there| there.contains(unit));
        let (common, special) = units.into_iter().partition(is_common);
        let base = Formula::all(beyond.iter().cloned().chain([when]));
        let region = Region::of(self.solver.atoms, &base);
        Part { own, other, old, rule: Some(at), column, base, region, common, special, beyond }
    }

    /// The question about the items that no rule decides in either version.
    fn default_part(&self, column: Option<usize>) -> Part<'_> {
        let base = Formula::constant(true);
        let region = Region::of(self.solver.atoms, &base);
        Part {
            own: self.old,
            other: self.new,
            old: true,
            rule: None,
            column,
            base,
            region,
            common: Vec::new(),
            special: Vec::new(),
            beyond: Vec::new(),
        }
    }

    /// Asks for items of which another value comes, about which no rules conflict.
    fn values(&self, part: &Part<'_>, edit: &mut Edit, moves: &mut Moves) {
        let (own, other) = (&part.own.rules, &part.other.rules);
        let was = own.value(part.rule, part.column);
        let mut told = Told::new(vec![was.clone()]);
        // Values of which enough conditions are told: of these only the rules are still named.
        let mut full: Vec<Vec<(usize, Datum)>> = Vec::new();
        self.each_group(part, (&part.base, part.deciders()), &mut told, |group, told| {
            told.met.clear();
            let mut question = part.question(group);
            loop {
                if group.is_told(part, told) {
                    return true;
                }
                let found = question.ask(self.solver, |item| {
                    let (mine, theirs) = (own.judge(item.facts()), other.judge(item.facts()));
                    if let Some(pair) = mine.conflict {
                        return Verdict::Instead(own.not_both(pair));
                    }
                    let decider = own.decider(&mine, part.column);
                    match (part.rule, decider) {
                        (None, Some(at)) => return Verdict::Instead(Formula::not(&own.when[at])),
                        (Some(rule), Some(at)) if own.set.hit == Hit::First && at != rule => {
                            return Verdict::Instead(Formula::not(&own.when[at]));
                        }
                        _ => {}
                    }
                    if let Some(pair) = theirs.conflict {
                        return Verdict::Instead(other.not_both(pair));
                    }
                    let by = other.decider(&theirs, part.column);
                    if let (None, Some(at)) = (part.rule, by) {
                        return Verdict::Instead(Formula::not(&other.when[at]));
                    }
                    told.judge(part, &group.region, by)
                });
                let (item, by) = match found {
                    Answer::Found(found) => found,
                    Answer::Impossible => return true,
                    Answer::Unknown(why) => {
                        moves.open(edit, why);
                        return false;
                    }
                };
                told.rules.insert(by);
                let value = other.value(by, part.column);
                let one = moves.of(part, (Some(&was), None), (Some(&value), by));
                if !full.contains(&value) {
                    self.tell(part, by, item, one);
                    if one.cubes.len() >= MAX_CONDITIONS || !one.found.complete {
                        one.found.complete = false;
                        full.push(value.clone());
                    }
                }
                if part.rule.is_none() {
                    return false;
                }
                let side = if part.old { &mut one.found.new } else { &mut one.found.old };
                if side.rules.len() >= MAX_RULES {
                    side.more = true;
                    told.values.push(value);
                }
                if moves.0.len() >= MAX_MOVES {
                    moves.open(edit, "it moves items to too many outcomes to list all");
                    return false;
                }
                question.renew(told.again(part, &group.region));
            }
        });
    }

    /// Asks for items about which the rule conflicts with another one in its own version, and nothing does in the other.
    fn conflicts(&self, part: &Part<'_>, edit: &mut Edit, moves: &mut Moves) {
        let (Some(rule), own, other) = (part.rule, &part.own.rules, &part.other.rules) else { return };
        // What a partner decides that was left alone, every rule decides that matches with it and does not conflict.
        let there = |at: usize| part.own.kept[at].filter(|there| other.decides(*there, part.column));
        let partners = own.enforced(&part.region).filter(|at| *at != rule && own.differ(rule, *at));
        let (kept, edited): (Vec<usize>, Vec<usize>) = partners.partition(|at| there(*at).is_some());
        let mut found = Clashes { rule, told: Told::new(Vec::new()), values: Vec::new() };
        let with = |partner: usize| Formula::all([part.base.clone(), own.when[partner].clone()]);
        for partner in kept {
            let value = there(partner).map(|there| other.value(Some(there), part.column));
            let is_told = |told: &Told| value.as_ref().is_some_and(|value| told.values.contains(value));
            if is_told(&found.told) {
                continue;
            }
            let base = with(partner);
            let region = Region::of(self.solver.atoms, &base);
            if !self.clash(part, (&base, &region), &mut found, &is_told, (edit, moves)) {
                return;
            }
        }
        for partner in edited {
            let base = with(partner);
            let region = Region::of(self.solver.atoms, &base);
            let deciders = other.enforced(&region).filter(|at| other.decides(*at, part.column)).collect();
            let on = self.each_group(part, (&base, deciders), &mut found, |group, found| {
                let is_told = |told: &Told| group.is_told(part, told);
                self.clash(part, (&group.base, &group.region), found, &is_told, (edit, moves))
            });
            if !on {
                return;
            }
        }
    }

    /// Asks for conflicts about some items until all are found; false where nothing more is to be asked.
    fn clash(
        &self,
        part: &Part<'_>,
        (base, region): (&Shared, &Region),
        Clashes { rule, told, values }: &mut Clashes,
        is_told: &dyn Fn(&Told) -> bool,
        (edit, moves): (&mut Edit, &mut Moves),
    ) -> bool {
        let (own, other) = (&part.own.rules, &part.other.rules);
        let mut question = Question::new(base.clone(), Vec::new());
        told.met.clear();
        while !is_told(told) {
            let found = question.ask(self.solver, |item| {
                let theirs = other.judge(item.facts());
                match theirs.conflict {
                    Some(pair) => Verdict::Instead(other.not_both(pair)),
                    None => told.judge(part, region, other.decider(&theirs, part.column)),
                }
            });
            let (item, by) = match found {
                Answer::Found(found) => found,
                Answer::Impossible => return true,
                Answer::Unknown(why) => {
                    moves.open(edit, why);
                    return false;
                }
            };
            told.rules.insert(by);
            let mine = own.judge(item.facts());
            let partner = mine.matching.iter().copied().find(|at| own.differ(*rule, *at)).unwrap_or(*rule);
            let value = other.value(by, part.column);
            let one = moves.of(part, (None, Some(partner)), (Some(&value), by));
            let wanted = Formula::all([part.base.clone(), own.when[partner].clone()]);
            self.note(part, (&wanted, &[own.when[partner].clone()]), &item, one);
            self.witnesses(part, item, one);
            // Other pairs may conflict about such items as well, and other rules decide.
            (one.found.exact, one.found.complete) = (false, false);
            values.push(value.clone());
            if values.iter().filter(|known| **known == value).count() == MAX_CONDITIONS {
                told.values.push(value);
            }
            question.renew(told.again(part, region));
            if moves.0.len() >= MAX_MOVES {
                moves.open(edit, "it moves items to too many outcomes to list all");
                return false;
            }
        }
        true
    }

    /// Asks about all that may decide in the other version: at once where that is few, else group by group and at last
    /// about the default.
    ///
    /// Five edits of 1,000 rules in bands take 0.4 s in a build for tests, and 4.1 s (under `unique` in 16.9 s)
    /// where all rules are part of one question.
    fn each_group<T: AsMut<Told>>(
        &self,
        part: &Part<'_>,
        (base, deciders): (&Shared, Vec<usize>),
        told: &mut T,
        mut ask: impl FnMut(&Group, &mut T) -> bool,
    ) -> bool {
        let group = |deciders: Vec<Option<usize>>, base: Shared, is_all: bool| {
            let region = Region::of(self.solver.atoms, &base);
            Group { deciders, base, region, is_all }
        };
        if deciders.len() <= FEW_RULES || part.rule.is_none() {
            let all = deciders.into_iter().map(Some).chain([None]).collect();
            return ask(&group(all, base.clone(), true), told);
        }
        let mut met = 0;
        for (number, some) in deciders.chunks(GROUP).enumerate() {
            if met > MOST_MET {
                let rest = deciders[number * GROUP..].iter().copied().map(Some).chain([None]).collect();
                return ask(&group(rest, base.clone(), true), told);
            }
            let open: Vec<usize> = some.iter().copied().filter(|at| !told.as_mut().holds(part, Some(*at))).collect();
            let any = Formula::any(open.iter().map(|at| part.other.rules.when[*at].clone()));
            let asked = group(open.into_iter().map(Some).collect(), Formula::all([base.clone(), any]), false);
            met += part.own.rules.enforced(&asked.region).count();
            if !asked.deciders.is_empty() && !ask(&asked, told) {
                return false;
            }
        }
        ask(&group(vec![None], base.clone(), false), told)
    }

    /// Finds the items for which a rule decides in the other version: exactly where few rules meet.
    fn tell(&self, part: &Part<'_>, by: Option<usize>, item: Witness, one: &mut Moving) {
        let (own, other) = (&part.own.rules, &part.other.rules);
        let matches: Vec<Shared> = by.map(|at| other.when[at].clone()).into_iter().collect();
        let mut wanted = Formula::all(matches.iter().cloned().chain([part.base.clone()]));
        let mut told: Vec<Shared> = part.beyond.iter().cloned().chain(matches).collect();
        let region = Region::of(self.solver.atoms, &wanted);
        let small = |rules: &Rules<'_>| rules.enforced(&region).nth(FEW_RULES).is_none();
        let exact = part.rule.is_some() && small(own) && small(other);
        if exact {
            let mine = own.alone(part.rule, part.column, &region);
            let theirs = other.alone(by, part.column, &region);
            told.extend(theirs.iter().filter(|theirs| !mine.iter().any(|mine| mine.same(theirs))).cloned());
            wanted = Formula::all([wanted].into_iter().chain(mine).chain(theirs));
        }
        one.found.exact &= exact;
        let told = Formula::all(told);
        self.note(part, (&wanted, Formula::parts(&told)), &item, one);
        self.witnesses(part, item, one);
        for round in 1..=MAX_CONDITIONS {
            let Some(last) = one.cubes.last() else { return };
            let outside = last.iter().map(|(atom, value)| std::rc::Rc::new(Formula::Is(*atom, !value)));
            wanted = Formula::all([wanted, Formula::any(outside)]);
            match self.solver.solve(&wanted) {
                Answer::Found(model) if round < MAX_CONDITIONS => {
                    let item = self.solver.full(model.witness);
                    let shows = part.shows(by, &item);
                    if exact && !shows {
                        break;
                    }
                    self.note(part, (&wanted, Formula::parts(&told)), &item, one);
                    if shows {
                        self.witnesses(part, item, one);
                    }
                }
                Answer::Impossible => return,
                Answer::Found(_) | Answer::Unknown(_) => break,
            }
        }
        one.found.complete = false;
    }

    /// Notes an item as one way to fulfil a formula, by what it needs of another one.
    fn note(&self, part: &Part<'_>, (wanted, told): (&Shared, &[Shared]), item: &Witness, one: &mut Moving) {
        let atoms = self.solver.atoms;
        let mut named: Vec<(usize, bool)> = Vec::new();
        let mut known = HashSet::new();
        let mut add = |atom: usize| {
            if known.insert(atom) {
                named.push((atom, atoms.all[atom].holds(item.facts())));
            }
        };
        // What the rule itself wants comes first, so that it is kept rather than what follows from it.
        part.common.iter().chain(&part.special).for_each(|(atom, _)| add(*atom));
        wanted.each_atom(&mut add);
        let cube = needed(wanted, &named, atoms.all.len());
        let apart = needed(&Formula::all(told.iter().cloned()), &named, atoms.all.len());
        let words: Vec<(usize, bool)> = named
            .iter()
            .copied()
            .filter(|test| {
                !part.common.contains(test)
                    && (part.special.contains(test) && cube.contains(test) || apart.contains(test))
            })
            .collect();
        let condition = Condition::new(atoms, item.clock, &cube, &words);
        let conditions = &mut one.found.conditions;
        match conditions.iter_mut().find(|known| known.words() == condition.words()) {
            Some(known) => known.join(condition),
            None => conditions.push(condition),
        }
        one.cubes.push(cube);
    }

    /// Keeps an item as a witness, and some like it.
    fn witnesses(&self, part: &Part<'_>, item: Witness, one: &mut Moving) {
        let atoms = self.solver.atoms;
        let Some(cube) = one.cubes.last() else { return };
        let decide = |item: &Witness| {
            let of = |version: &Version<'_>| {
                let judged = version.rules.judge(item.facts());
                (judged.conflict, version.rules.decider(&judged, part.column))
            };
            (of(part.own), of(part.other))
        };
        let wanted = decide(&item);
        let shows = |item: &Witness| {
            decide(item) == wanted && cube.iter().all(|(atom, value)| atoms.all[*atom].holds(item.facts()) == *value)
        };
        let named = atoms.read(cube.iter().map(|(atom, _)| *atom));
        let whole = item.clone();
        let mut item = self.solver.trim(item, &named, shows);
        // Any item shows it: then one that has what every item has says more than an empty one.
        if item.fields.iter().zip(atoms.columns).all(|(field, column)| field.is_none() || column.counted) {
            let mut full = item.clone();
            for (at, _) in atoms.columns.iter().enumerate().filter(|(_, column)| !column.optional) {
                full.fields[at].clone_from(&whole.fields[at]);
            }
            if shows(&full) {
                item = full;
            }
        }
        let moment = Moment::new(atoms, &named, item.clock, &Recent::default());
        for (at, cells) in moment.cells.iter().enumerate().filter(|(at, _)| item.fields[*at].is_some()) {
            for value in cells.iter().flat_map(|cells| cells.by_simplicity(&atoms.columns[at], item.clock)) {
                let mut other = item.clone();
                other.fields[at] = value;
                let more = one.like.len() + one.found.witnesses.len() < MAX_WITNESSES;
                if more && other != item && !one.like.contains(&other) && shows(&other) {
                    one.like.push(other);
                }
            }
        }
        one.found.witnesses.push(item);
    }
}

/// What may decide in the other version, as far as one question is about it.
struct Group {
    /// The rules, and the default.
    deciders: Vec<Option<usize>>,
    /// Which items.
    base: Shared,
    region: Region,
    /// Whether it is all that may decide.
    is_all: bool,
}

impl Group {
    /// Whether enough is known of all that may decide.
    fn is_told(&self, part: &Part<'_>, told: &Told) -> bool {
        self.deciders.iter().all(|by| told.holds(part, *by))
    }
}

/// Conflicts of a rule that are being found.
struct Clashes {
    rule: usize,
    told: Told,
    /// What is decided in the other version about the items that were found.
    values: Vec<Vec<(usize, Datum)>>,
}

impl AsMut<Told> for Clashes {
    fn as_mut(&mut self) -> &mut Told {
        &mut self.told
    }
}

impl Part<'_> {
    /// The rules that may decide in the other version about an item that the rule decides in its own.
    fn deciders(&self) -> Vec<usize> {
        let (own, other) = (&self.own.rules, &self.other.rules);
        // Where two rules conflict in the own version, neither decides.
        let conflicts = |at: usize| {
            let there = self.rule.zip(self.other.kept[at]);
            there.is_some_and(|(rule, there)| own.differ(rule, there))
        };
        let all = other.enforced(&self.region).filter(|at| other.decides(*at, self.column));
        all.filter(|at| !self.is_before(*at) && !conflicts(*at)).collect()
    }

    /// The question about a group, with what holds of every item that is looked for.
    fn question(&self, group: &Group) -> Question {
        let (own, other) = (&self.own.rules, &self.other.rules);
        let rivals = |rules: &Rules<'_>, by: Option<usize>, column: Option<usize>| -> Vec<Shared> {
            rules.rivals(by, column, &group.region).map(|at| Formula::not(&rules.when[at])).collect()
        };
        let base = group.base.clone();
        let Some(rule) = self.rule else {
            return Question::new(base, [rivals(own, None, self.column), rivals(other, None, self.column)].concat());
        };
        let mut spare = match own.set.hit {
            Hit::First => rivals(own, self.rule, None),
            Hit::Unique | Hit::Collect => {
                let differing = own.enforced(&group.region).filter(|at| own.differ(rule, *at));
                differing.map(|at| Formula::not(&own.when[at])).collect()
            }
        };
        if group.deciders == [None] {
            spare.extend(rivals(other, None, self.column));
        } else if group.is_all && own.set.hit == Hit::First {
            return Question::new(base, spare);
        }
        Question::late(base, spare)
    }

    /// Whether a rule of the other version is before this one in its own, as it was: then it does not match.
    fn is_before(&self, at: usize) -> bool {
        self.own.rules.set.hit == Hit::First
            && matches!((self.rule, self.other.kept[at]), (Some(rule), Some(there)) if there < rule)
    }

    /// Whether a rule decides about an item in its own version, and another one in the other.
    fn shows(&self, by: Option<usize>, item: &Witness) -> bool {
        let (own, other) = (&self.own.rules, &self.other.rules);
        let (mine, theirs) = (own.judge(item.facts()), other.judge(item.facts()));
        mine.conflict.is_none()
            && theirs.conflict.is_none()
            && own.value(own.decider(&mine, self.column), self.column) == own.value(self.rule, self.column)
            && other.decider(&theirs, self.column) == by
    }
}

/// The decisions of a rule, by column.
type Decided = Vec<(usize, Datum)>;

impl Moves {
    /// The move from one value to another, shown from the old version to the new one.
    fn of(
        &mut self,
        part: &Part<'_>,
        (was, partner): (Option<&Decided>, Option<usize>),
        (is, by): (Option<&Decided>, Option<usize>),
    ) -> &mut Moving {
        let (own, other): (Value, Value) = (was.cloned(), is.cloned());
        let mine = match (part.rule, partner) {
            (Some(rule), Some(partner)) => part.own.rules.clash((rule.min(partner), rule.max(partner))),
            (rule, _) => part.own.rules.outcome(rule, part.column, part.own.side.decisions),
        };
        let theirs = part.other.rules.outcome(by, part.column, part.other.side.decisions);
        let (old, new) = if part.old { (mine, theirs) } else { (theirs, mine) };
        let key = if part.old { (own, other) } else { (other, own) };
        let one =
            self.0.entry(format!("{:?} {partner:?} {key:?}", part.column)).or_insert_with(|| Moving::new(&old, &new));
        one.found.old.merge(old);
        one.found.new.merge(new);
        one
    }

    /// Leaves open what else there is.
    fn open(&mut self, edit: &mut Edit, why: &'static str) {
        for one in self.0.values_mut() {
            one.found.complete = false;
            (one.found.old.more, one.found.new.more) = (true, true);
        }
        let what = edit.id().map_or_else(|| "the default".to_owned(), |id| format!("`{id}`"));
        edit.unknown.push(Unknown { question: format!("which items the edit of {what} moves"), why });
    }
}

impl Moving {
    fn new(old: &Outcome, new: &Outcome) -> Self {
        let found = Move {
            old: old.clone(),
            new: new.clone(),
            conditions: Vec::new(),
            exact: true,
            complete: true,
            witnesses: Vec::new(),
        };
        Self { found, cubes: Vec::new(), like: Vec::new() }
    }

    fn finish(self) -> Move {
        let Self { mut found, like, .. } = self;
        found.witnesses.extend(like);
        found.witnesses.truncate(MAX_WITNESSES);
        found
    }
}
