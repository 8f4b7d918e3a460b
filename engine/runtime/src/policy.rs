//! Scripted agents: the built-in ones, and those that packs bring along.
//!
//! | name | how it plays |
//! |---|---|
//! | `oracle` | decides what is right; texts are the items' references; without items it plays the task's solution |
//! | `nothing` | stops at once |
//! | `random` | draws every decision, value and call from the episode's seed |
//! | `obey` | decides as planted instructions ask, and what is right elsewhere; only where a task plants some |
//! | `oracle_minus_one` | decides what is right, except for one decision about the first item |
//! | `keywords` | decides what is right, with all keywords of the pack as each text |
//! | `echo` | decides what is right, with the item's own texts as each text |
//! | `longest` | prefers what is longest: names of values, texts, and items by their texts |
//! | `first_listed` | gives the first value of each decision, and ranks items as they are listed |
//! | `label_probe` | decides what the last answer names, apart from items and instructions |
//! | `pump` | decides what is right and what is wrong by turns, again and again where that is allowed |
//! | `invalid` | names unknown items, decides the same item again, and sends keys that do not exist |
//! | `memoriser` | decides what was right about an item with the same words, in tasks from which it did not learn |
//! | `hill_climber` | tries one value after the other, and keeps what raised the shown score or the rewards |
//! | `always(VALUE)` | gives one answer to everything; `always(DECISION=VALUE)` where several decisions have the value |
//!
//! A pack's own decides by rules about items, or takes a list of actions. One that is named like an optional policy
//! takes its place.

mod climber;
mod memoriser;
mod probing;
mod slips;

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
};

use minijinja::{Value as Context, context, value::Serde};
use serde_json::{Map, Value, json};
use smallvec::smallvec;

pub use crate::scenario::BUILT_IN_POLICIES as BUILT_IN;
use crate::scenario::optional_policies;
use memoriser::Memory;
use probing::Probing;
use slips::Slip;

use crate::{
    episode::{Episode, render},
    model::{Cells, Column, Datum, Item, Row, Text, counting},
    names::{list, nearest},
    number::Number,
    rules::Facts,
    scenario::{
        Choice, Move, Pack, Script,
        action::{Form, MAX_BATCH},
        parameter::Parameter,
        random::Stream,
        suite::{Probe, answerable},
        templates::{ItemView, is_template, sole_expression},
    },
    value::ValueType,
};

/// A text that says nothing.
const NEUTRAL: &str = "Noted, thank you.";

/// A policy, ready to act.
#[derive(Debug)]
pub struct Policy {
    pack: Arc<Pack>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Oracle,
    Obey,
    Slip(Slip),
    Probing(Probing),
    /// What it has learned, once it plays.
    Memoriser(OnceLock<Memory>),
    HillClimber,
    Nothing,
    Random,
    Script(String),
    /// One answer to everything: a decision and its value.
    Always(usize, Datum),
}

/// Names of all policies that can play a pack: the built-in ones and the pack's own.
pub fn names(pack: &Pack) -> Vec<String> {
    let own = |name: &&str| pack.policies.contains_key(*name);
    let built_in =
        BUILT_IN.into_iter().chain(optional_policies(&pack.decisions, pack.plants()).filter(|name| !own(name)));
    built_in.map(str::to_owned).chain(pack.policies.keys().cloned()).collect()
}

/// Finds a policy by name.
pub fn find(pack: &Arc<Pack>, name: &str) -> Option<Policy> {
    let kind = match name {
        "oracle" => Kind::Oracle,
        "nothing" => Kind::Nothing,
        "random" => Kind::Random,
        name if pack.policies.contains_key(name) => Kind::Script(name.to_owned()),
        name if optional_policies(&pack.decisions, pack.plants()).any(|one| one == name) => {
            match (Slip::named(name), Probing::named(name), name) {
                (Some(slip), ..) => Kind::Slip(slip),
                (_, Some(probing), _) => Kind::Probing(probing),
                (.., "memoriser") => Kind::Memoriser(OnceLock::new()),
                (.., "hill_climber") => Kind::HillClimber,
                _ => Kind::Obey,
            }
        }
        name => return Probe::always(&pack.decisions, name)?.ok().and_then(|probe| of_probe(pack, &probe)),
    };
    Some(Policy { pack: Arc::clone(pack), kind })
}

/// The policy that a test lets play.
pub fn of_probe(pack: &Arc<Pack>, probe: &Probe) -> Option<Policy> {
    match probe {
        Probe::Policy(name) => find(pack, name),
        Probe::Always { column, value, .. } => {
            Some(Policy { pack: Arc::clone(pack), kind: Kind::Always(*column, value.clone()) })
        }
    }
}

/// Says that there is no such policy, and which there are.
pub fn unknown(pack: &Pack, name: &str) -> String {
    if let Some(Err(problem)) = Probe::always(&pack.decisions, name) {
        let values = answerable(&pack.decisions).map(|(_, column)| match column.values.as_slice() {
            [] => format!("{}=true, {0}=false", column.name),
            values => values.iter().map(|value| format!("{}={value}", column.name)).collect::<Vec<_>>().join(", "),
        });
        let values: Vec<String> = values.collect();
        let answers = if values.is_empty() { "no answer".to_owned() } else { values.join(", ") };
        return format!("`{}` has no policy `{name}`: {problem}; what can be answered: {answers}", pack.name());
    }
    let mut names = names(pack);
    if let Some((_, column)) = answerable(&pack.decisions).next() {
        names.push(format!("always({})", column.values.first().map_or("true", String::as_str)));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = nearest(name, names.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("`{}` has no policy `{name}`; {near}what exists: {}", pack.name(), list(&names).unwrap_or_default())
}

impl Policy {
    /// Whether it acts on what is right, so that its play shows that.
    pub fn knows_what_is_right(&self) -> bool {
        matches!(
            self.kind,
            Kind::Oracle | Kind::Obey | Kind::Slip(_) | Kind::Probing(Probing::Pump) | Kind::Memoriser(_)
        )
    }

    /// The pack that it plays.
    pub fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// The next action; `None` when the policy stops. It is a function of the episode alone.
    pub fn act(&self, episode: &Episode) -> Option<Value> {
        if let Some(play) = self.script().and_then(|script| script.play.as_ref()) {
            return Some(computed(play.get(episode.steps() as usize)?, episode));
        }
        if !self.pack.has_items {
            return self.act_without_items(episode);
        }
        match &self.kind {
            Kind::Probing(probing) => return self.probe(*probing, episode),
            Kind::Memoriser(memory) => return self.remember(memory, episode),
            Kind::HillClimber => return self.climb(episode),
            _ => {}
        }
        let batch = self.pack.action.declaration.list.is_some();
        let rows: Vec<usize> = episode.open_rows().take(if batch { MAX_BATCH } else { 1 }).collect();
        if rows.is_empty() {
            return None;
        }
        if let Some(script) = self.script()
            && let Some(call) = rows.iter().find_map(|row| self.call(script, episode, *row))
        {
            return Some(call);
        }
        let mut stream =
            Stream::new(episode.task().name(), episode.seed(), &["policy:random:", &episode.steps().to_string()]);
        let mut ranks: Vec<i64> = (1..=i64::try_from(episode.items().len()).unwrap_or(i64::MAX)).collect();
        stream.shuffle(&mut ranks);
        let mut taken = Ranks::taken(episode);
        let obeyed = matches!(self.kind, Kind::Obey).then(|| self.obedient_ranks(episode));
        let mut entries = Vec::with_capacity(rows.len());
        for row in rows {
            let item = &episode.items()[row];
            let cells = match &self.kind {
                // The others act above.
                Kind::Nothing | Kind::Probing(_) | Kind::Memoriser(_) | Kind::HillClimber => return None,
                Kind::Oracle => self.right(episode, row),
                Kind::Slip(slip) => self.slipped(*slip, episode, row),
                Kind::Obey => {
                    let mut cells = self.obedient(episode, row);
                    for (at, cell) in cells.iter_mut().enumerate().filter(|(_, cell)| cell.is_some()) {
                        if let Some(rank) = obeyed.as_ref().and_then(|ranks| ranks.get(&(row, at))) {
                            *cell = Some(Datum::Integer(*rank));
                        }
                    }
                    cells
                }
                Kind::Random => {
                    let wanted = std::iter::once(ranks[row]).chain(ranks.iter().copied());
                    self.drawn(item, &mut stream, &mut |at| taken.give(&self.pack.decisions[at], at, wanted.clone()))
                }
                Kind::Always(column, value) => self.constant(*column, value, row),
                Kind::Script(_) => self.scripted(self.script()?, episode, row),
            };
            entries.push((item.id.as_str(), cells));
        }
        Some(self.pack.action.write(&entries, &self.pack.decisions))
    }

    /// What the pack says about it, when it is one of the pack's own.
    fn script(&self) -> Option<&Script> {
        if let Kind::Script(name) = &self.kind { self.pack.policies.get(name) } else { None }
    }

    /// The next action where nothing is decided: the solution's, or one that is drawn.
    fn act_without_items(&self, episode: &Episode) -> Option<Value> {
        let task = episode.task();
        match self.kind {
            Kind::Oracle => Some(computed(task.solution.get(episode.steps() as usize)?, episode)),
            Kind::Random => {
                let purpose = ["policy:random:", &episode.steps().to_string()];
                let mut stream = Stream::new(task.name(), episode.seed(), &purpose);
                let action = &self.pack.action;
                if action.form == Form::Values {
                    return Some(drawn(action.parameters(), &mut stream));
                }
                let tool = action.tools.get(stream.below(action.tools.len()))?;
                let arguments = drawn(tool.parameters.iter(), &mut stream);
                Some(json!({ "type": "call_tool", "tool_name": tool.card.name, "arguments": arguments }))
            }
            Kind::Nothing
            | Kind::Obey
            | Kind::Slip(_)
            | Kind::Probing(_)
            | Kind::Memoriser(_)
            | Kind::HillClimber
            | Kind::Script(_)
            | Kind::Always(..) => None,
        }
    }

    fn right(&self, episode: &Episode, row: usize) -> Cells {
        let item = &episode.items()[row];
        let mut cells: Cells = item.truth.iter().map(|truth| truth.value.clone()).collect();
        // Of items that share a rank the first of the listing gets the first one.
        for (at, truth) in item.truth.iter().enumerate().filter(|(_, truth)| truth.ties > 0) {
            let shares = |other: &&Arc<Item>| other.truth[at].ties > 0 && other.truth[at].value == truth.value;
            let before = episode.items()[..row].iter().filter(shares).count();
            if let Some(Datum::Integer(rank)) = &mut cells[at] {
                *rank = rank.saturating_add(i64::try_from(before).unwrap_or(i64::MAX));
            }
        }
        for (at, column) in self.texts() {
            if (Row { cells: cells.clone() }).in_play(column) {
                let keywords: Vec<&str> =
                    item.truth[at].keywords.iter().map(|keyword| keyword.text.raw.as_str()).collect();
                let text = match (&item.truth[at].reference, &cells[at]) {
                    (Some(reference), _) => reference.clone(),
                    // The label itself, which `exact` asks for.
                    (None, Some(_)) => continue,
                    (None, None) => keywords.join(", "),
                };
                cells[at] = Some(self.said(at, if text.is_empty() { NEUTRAL } else { &text }));
            }
        }
        cells
    }

    /// What an instruction asks for that was planted into the item; what is right where it says nothing.
    fn obedient(&self, episode: &Episode, row: usize) -> Cells {
        let mut cells = self.right(episode, row);
        let Some(asked) = &episode.items()[row].asked else { return cells };
        for (column, value) in &**asked {
            cells[*column] = Some(value.clone());
        }
        self.completed(cells)
    }

    /// One value for one decision; the others get their first value, ranks follow the listing.
    fn constant(&self, column: usize, value: &Datum, row: usize) -> Cells {
        let mut cells = self.first_values(row);
        cells[column] = Some(value.clone());
        self.in_play(cells)
    }

    /// The first value for each decision, also where it does not count; ranks follow the listing.
    fn first_values(&self, row: usize) -> Cells {
        let first = |(at, decision): (usize, &Column)| match decision.kind {
            ValueType::Enum => Datum::Choice(0),
            ValueType::Boolean => Datum::Boolean(false),
            ValueType::Text => self.said(at, NEUTRAL),
            ValueType::Number => Datum::Number(decision.bounds.0.map_or(0.0, Number::to_f64)),
            ValueType::Rank => Datum::Integer(i64::try_from(row + 1).unwrap_or(i64::MAX)),
            ValueType::Set => {
                let least = decision.lengths.0.unwrap_or(0) as usize;
                Datum::List(decision.values.iter().take(least).map(|name| Text::new(name)).collect())
            }
            ValueType::List => Datum::List(Arc::new([])),
            ValueType::Object => sample(decision),
            ValueType::Address | ValueType::Url => Datum::text(decision.sample().as_str().unwrap_or_default()),
            ValueType::Integer | ValueType::Timestamp | ValueType::Duration => Datum::Integer(whole_range(decision).0),
        };
        self.pack.decisions.iter().enumerate().map(|one| Some(first(one))).collect()
    }

    /// A text for a decision: as much of it as an agent may send, and again and again until that is enough.
    fn said(&self, decision: usize, text: &str) -> Datum {
        let (least, most) = self.pack.decisions[decision].lengths;
        let (least, most) = (least.unwrap_or(0) as usize, most.map_or(usize::MAX, |most| most as usize));
        let length = text.chars().count();
        let times = if text.is_empty() { 1 } else { least.div_ceil(length + 1).max(1) };
        let long;
        let text = if length < least {
            long = vec![text; times + 1].join(" ");
            let end = long.char_indices().nth(least.max(length)).map_or(long.len(), |(end, _)| end);
            long[..end].trim_end()
        } else {
            text
        };
        Datum::text(text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end]))
    }

    /// Drops the cells whose `when` is not met.
    fn in_play(&self, cells: Cells) -> Cells {
        let holds = |other: usize, values: &[Datum]| {
            Some(cells[other].as_ref().is_some_and(|cell| values.iter().any(|one| one.says(cell))))
        };
        let counts = counting(&self.pack.decisions, holds);
        cells.into_iter().zip(counts).map(|(cell, counts)| cell.filter(|_| counts)).collect()
    }

    /// The ranks of the items that are not decided yet, by row and decision, as planted instructions ask for them: the first
    /// of those that ask for the same gets it, and what nobody asked for about the others is right where it is still free.
    fn obedient_ranks(&self, episode: &Episode) -> HashMap<(usize, usize), i64> {
        let mut given = HashMap::new();
        let mut taken = Ranks::taken(episode);
        for (at, column) in self.pack.decisions.iter().enumerate().filter(|(_, column)| column.kind == ValueType::Rank)
        {
            let asked = |row: &usize| {
                let asked = episode.items()[*row].asked.as_ref()?;
                asked.iter().find_map(|(of, value)| match value {
                    Datum::Integer(rank) if *of == at => Some(*rank),
                    _ => None,
                })
            };
            for row in episode.open_rows() {
                if let Some(rank) = asked(&row).filter(|rank| taken.is_free(column, at, *rank)) {
                    given.insert((row, at), taken.give(column, at, std::iter::once(rank)));
                }
            }
            for row in episode.open_rows() {
                if let Some(Datum::Integer(right)) = self.right(episode, row)[at]
                    && !given.contains_key(&(row, at))
                {
                    given.insert((row, at), taken.give(column, at, std::iter::once(right)));
                }
            }
        }
        given
    }

    fn drawn(&self, item: &Item, stream: &mut Stream, rank: &mut dyn FnMut(usize) -> i64) -> Cells {
        let mut draw = |at: usize| {
            let column = &self.pack.decisions[at];
            match column.kind {
                ValueType::Enum => Datum::Choice(stream.below(column.values.len())),
                ValueType::Boolean => Datum::Boolean(stream.below(2) == 1),
                ValueType::Rank => Datum::Integer(rank(at)),
                ValueType::Number => {
                    let bound = |bound: Option<Number>, or: f64| bound.map_or(or, Number::to_f64);
                    let (low, high) = (bound(column.bounds.0, 0.0), bound(column.bounds.1, 1.0));
                    #[expect(clippy::cast_precision_loss, reason = "at most a million")]
                    let drawn = stream.below(1_000_001) as f64;
                    Datum::Number(low + (high - low) * drawn / 1e6)
                }
                ValueType::Text => {
                    let words: Vec<&str> = item
                        .fields
                        .iter()
                        .zip(self.pack.fields.iter())
                        .filter(|(_, field)| field.visible)
                        .filter_map(|(value, _)| {
                            if let Some(Datum::Text(text)) = value {
                                Some(text.words().map(|(_, word)| word))
                            } else {
                                None
                            }
                        })
                        .flatten()
                        .collect();
                    let drawn: Vec<&str> =
                        (0..12).filter_map(|_| words.get(stream.below(words.len())).copied()).collect();
                    self.said(at, &if drawn.is_empty() { "nothing".to_owned() } else { drawn.join(" ") })
                }
                ValueType::Set => {
                    let mut names: Vec<usize> = (0..column.values.len()).filter(|_| stream.below(2) == 1).collect();
                    let (least, most) = (column.lengths.0.unwrap_or(0), column.lengths.1.unwrap_or(u32::MAX));
                    names.truncate(most as usize);
                    let missing = (least as usize).saturating_sub(names.len());
                    let others: Vec<usize> = (0..column.values.len()).filter(|at| !names.contains(at)).collect();
                    names.extend(others.into_iter().take(missing));
                    names.sort_unstable();
                    Datum::List(names.into_iter().map(|at| Text::new(&column.values[at])).collect())
                }
                ValueType::Address | ValueType::Url => Datum::text(column.sample().as_str().unwrap_or_default()),
                ValueType::List | ValueType::Object => sample(column),
                ValueType::Integer | ValueType::Timestamp | ValueType::Duration => {
                    let (low, high) = whole_range(column);
                    let range = usize::try_from(high.abs_diff(low)).unwrap_or(usize::MAX).saturating_add(1);
                    Datum::Integer(low.saturating_add_unsigned(u64::try_from(stream.below(range)).unwrap_or_default()))
                }
            }
        };
        let cells: Cells = (0..self.pack.decisions.len()).map(|at| Some(draw(at))).collect();
        self.in_play(cells)
    }

    /// The call that a script makes about a row before it decides: one that its rules ask for and that can be made.
    fn call(&self, script: &Script, episode: &Episode, row: usize) -> Option<Value> {
        if !script.rules.iter().any(|(_, made)| matches!(made, Move::Call(..))) {
            return None;
        }
        let reading = self.read(script, episode, row);
        let facts = Facts { fields: &reading.fields, clock: episode.task().clock };
        for (_, made) in script.rules.iter().filter(|(when, _)| when.matches(facts)) {
            let Move::Call(at, given) = made else {
                // Where each decision has a rule of its own, a call below still counts.
                if script.collects {
                    continue;
                }
                return None;
            };
            if episode.was_called(*at, row) {
                continue;
            }
            let tool = &self.pack.action.tools[*at];
            let names = context! { ..self.names(episode, row, &reading.told), ..episode.scope_after() };
            let mut arguments: Map<String, Value> =
                given.iter().map(|(name, value)| (name.clone(), filled(value, episode, &names))).collect();
            if let Some((item, _)) = &tool.item {
                arguments.entry(item.clone()).or_insert_with(|| episode.items()[row].id.as_str().into());
            }
            let action = json!({ "tool_name": tool.card.name, "arguments": arguments });
            // One that would be refused is left out, such as for want of a budget.
            let sure = tool.limit.is_none() && tool.effects.fail.is_none();
            if sure || !episode.refuses(&action) {
                return Some(action);
            }
        }
        None
    }

    /// An item as an agent sees it in an episode.
    fn item_view(&self, episode: &Episode, row: usize) -> Context {
        Context::from_object(ItemView {
            item: Arc::clone(&episode.items()[row]),
            fields: Arc::clone(&self.pack.fields),
            revealed: episode.revealed_of(row).collect(),
        })
    }

    /// What a script sees of a row and what it concludes from that: what a tool has shown needs no conclusion.
    /// What its templates and expressions read.
    fn names(&self, episode: &Episode, row: usize, told: &Map<String, Value>) -> Context {
        let data = self.pack.data.clone();
        context! { item => self.item_view(episode, row), read => Context::from(Serde(told)), data }
    }

    fn read(&self, script: &Script, episode: &Episode, row: usize) -> Reading {
        let mut fields = episode.seen_fields(row);
        let mut told = Map::new();
        for (at, values) in &script.reads {
            let column = &self.pack.fields[*at];
            if fields[*at].is_none() {
                let facts = Facts { fields: &fields, clock: episode.task().clock };
                let choice = values.iter().find(|(when, _)| when.matches(facts)).map(|(_, choice)| choice);
                let names = || self.names(episode, row, &told);
                fields[*at] = choice.and_then(|choice| self.chosen(choice, column, &names));
            }
            let value = fields[*at].as_ref().map_or(Value::Null, |datum| datum.to_json(column));
            told.insert(column.name.clone(), value);
        }
        Reading { fields, told }
    }

    fn scripted(&self, script: &Script, episode: &Episode, row: usize) -> Cells {
        let reading = self.read(script, episode, row);
        let facts = Facts { fields: &reading.fields, clock: episode.task().clock };
        let mut cells: Cells = smallvec![None; self.pack.decisions.len()];
        let names = || self.names(episode, row, &reading.told);
        let mut decide = |choices: &[(usize, Choice)]| {
            for (at, choice) in choices {
                cells[*at] = self.chosen(choice, &self.pack.decisions[*at], &names);
            }
        };
        let mut matching = script.rules.iter().filter_map(|(when, made)| match made {
            Move::Decide(choices) if when.matches(facts) => Some(choices.as_slice()),
            _ => None,
        });
        let layered = script.collects || !script.apply.is_empty();
        let first = matching.next();
        if layered || first.is_none() {
            decide(&script.default);
        }
        let applied = script.apply.iter().filter_map(|name| self.pack.rules.get(name)?.decide(facts).ok());
        for decided in applied.flatten() {
            decide(&[(decided.column, Choice::Value(decided.value.clone()))]);
        }
        // Those above come last, so that they win.
        let mut own: Vec<_> = first.into_iter().collect();
        if script.collects {
            own.extend(matching);
        }
        own.into_iter().rev().for_each(decide);
        for at in &script.ranked {
            cells[*at] = i64::try_from(row + 1).ok().map(Datum::Integer);
        }
        if layered { self.in_play(cells) } else { cells }
    }

    /// The value that a script chooses for a column.
    fn chosen(&self, choice: &Choice, column: &Column, names: &dyn Fn() -> Context) -> Option<Datum> {
        match choice {
            Choice::Value(datum) => Some(datum.clone()),
            Choice::Template(name) => Some(Datum::text(&render(&self.pack, name, names()))),
            Choice::Computed(expression) => {
                // What is out of bounds is sent all the same, and the episode says so.
                let column = Column { bounds: (None, None), ..column.clone() };
                let value = expression.eval(&self.pack.templates, &names()).ok();
                value.and_then(|value| Datum::read(&column, &value).ok())
            }
        }
    }
}

/// The ranks that items have, by decision: every item has its own.
struct Ranks(Vec<HashSet<i64>>);

impl Ranks {
    /// Those of the items that are decided.
    fn taken(episode: &Episode) -> Self {
        let rank = |row: &Row, at: usize| match row.cell(at) {
            Some(Datum::Integer(rank)) => Some(*rank),
            _ => None,
        };
        let decisions = episode.pack().decisions.iter().enumerate();
        let of = |(at, column): (usize, &Column)| match column.kind {
            ValueType::Rank => episode.table().filter_map(|(_, row)| rank(row, at)).collect(),
            _ => HashSet::new(),
        };
        Self(decisions.map(of).collect())
    }

    fn is_free(&self, column: &Column, at: usize, rank: i64) -> bool {
        let fits =
            |bound: Option<Number>, order: Ordering| bound.is_none_or(|bound| Number::from(rank).cmp(&bound) != order);
        fits(column.bounds.0, Ordering::Less) && fits(column.bounds.1, Ordering::Greater) && !self.0[at].contains(&rank)
    }

    /// Gives the first of some ranks that is free, else the lowest one.
    fn give(&mut self, column: &Column, at: usize, wanted: impl IntoIterator<Item = i64>) -> i64 {
        let (low, _) = whole_range(column);
        let low = if column.bounds.0.is_some() { low } else { 1 };
        let lowest = || (low..=i64::MAX).find(|rank| !self.0[at].contains(rank));
        let rank = wanted.into_iter().find(|rank| self.is_free(column, at, *rank)).or_else(lowest).unwrap_or(low);
        self.0[at].insert(rank);
        rank
    }
}

/// What a script knows of an item.
struct Reading {
    /// Its fields: what an agent sees, and what the script concludes.
    fields: Vec<Option<Datum>>,
    /// What it concludes, by field, for its templates.
    told: Map<String, Value>,
}

/// A value that is made of others.
fn sample(column: &Column) -> Datum {
    Datum::read(column, &column.sample()).unwrap_or_else(|_| Datum::List(Arc::new([])))
}

/// The whole numbers from which a decision's are drawn: its bounds, or 0 and 1 where it has none.
fn whole_range(column: &Column) -> (i64, i64) {
    let [least, most] = [column.bounds.0.map(Number::ceil), column.bounds.1.map(Number::floor)];
    let low = least.unwrap_or_else(|| most.map_or(0, |most| most.min(0)));
    let high = most.unwrap_or(1).max(low);
    let fit = |number: i128| i64::try_from(number).unwrap_or(if number < 0 { i64::MIN } else { i64::MAX });
    (fit(low), fit(high))
}

/// Values for parameters, drawn one after the other.
fn drawn<'a>(parameters: impl Iterator<Item = &'a Parameter>, stream: &mut Stream) -> Value {
    parameters.map(|parameter| (parameter.name().to_owned(), parameter.draw(stream))).collect::<Map<_, _>>().into()
}

/// An action that is written down, as an episode stands.
fn computed(action: &Value, episode: &Episode) -> Value {
    filled(action, episode, &episode.scope_after())
}

/// A value that is written down: a text that is one expression in `{{ }}` stands for its value, any other template for its text.
/// What does not work stands for itself, and the episode refuses it.
fn filled(written: &Value, episode: &Episode, names: &Context) -> Value {
    match written {
        Value::String(text) if is_template(text) => {
            let engine = &episode.pack().templates;
            let value = sole_expression(text)
                .and_then(|expression| engine.compile_expression(expression).ok()?.eval(names).ok())
                .and_then(|value| serde_json::to_value(value).ok());
            let text_of = || engine.render_str(text, names).map_or_else(|_| written.clone(), Value::from);
            value.unwrap_or_else(text_of)
        }
        Value::Array(list) => list.iter().map(|value| filled(value, episode, names)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), filled(value, episode, names))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
