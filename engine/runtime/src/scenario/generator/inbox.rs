//! The items of an episode, from inboxes and generators.

use std::{
    collections::HashSet,
    fmt,
    ops::Range,
    sync::{Arc, OnceLock},
};

use smallvec::SmallVec;

use super::{
    Cell, Choice, Generator, PoolSource, Way, counted,
    distribution::{Grid, draw_among},
    draw::{Fault, Steering, World},
    plan::{Goal, Leaning, Plan},
    slots::{Lean, WHOLE},
};
use crate::{
    items::Law,
    model::Item,
    scenario::{Task, random::Stream},
};

/// Signs of ids: none that looks like another.
const SIGNS: &[u8] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// The maximum number of values that are each tried.
const MAX_OCCASIONS: usize = 500;
/// Sampled items that share their pools.
const SAMPLED: usize = 10;

/// The splits that may choose a value of a generator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subset {
    /// Every split.
    All,
    /// Every split but those for testing.
    Train,
    /// Splits for testing alone.
    Test,
}

/// Some items of a task.
#[derive(Debug, Clone)]
pub enum InboxPart {
    /// These of the task's items.
    Listed(Range<usize>),
    /// So many of these, each at most once.
    Some(Range<usize>, usize),
    /// Items that are made.
    Drawn(Drawn),
}

/// Items that are made.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// How many.
    pub count: Grid,
    /// What makes them, each with its weight in parts.
    pub sources: Vec<Source>,
}

/// What makes items.
#[derive(Debug, Clone)]
pub struct Source {
    /// How many of the items it makes, next to the other sources.
    pub weight: u64,
    /// The generator, as the task uses it.
    pub cast: Cast,
    /// How draws are steered towards what they must cover; learned when it is first needed.
    pub plan: Arc<OnceLock<Plan>>,
}

/// A generator as a task uses it.
#[derive(Debug, Clone)]
pub struct Cast {
    /// The generator.
    pub generator: Arc<Generator>,
    /// Whether the task's split is there for testing, so that only what was held out is used.
    pub test: bool,
    /// The weights of the values of slots, instead of the generator's own.
    pub mix: Vec<(String, Vec<u64>)>,
}

impl Cast {
    /// Whether the task may use a value.
    pub(super) fn may(&self, subset: Subset) -> bool {
        match subset {
            Subset::All => true,
            Subset::Train => !self.test,
            Subset::Test => self.test,
        }
    }

    /// The weights that the task gives to the values of a slot.
    pub(super) fn mix_of(&self, slot: &str) -> Option<&[u64]> {
        self.mix.iter().find(|(known, _)| known == slot).map(|(_, weights)| weights.as_slice())
    }

    /// The weights of the values of a slot that picks, of which those that the task may not use have none.
    pub(super) fn weights(&self, slot: &str, choices: &[Choice]) -> Vec<u64> {
        let mix = self.mix_of(slot);
        let weight = |(at, choice): (usize, &Choice)| match mix {
            _ if !self.may(choice.subset) => 0,
            Some(mix) => mix.get(at).copied().unwrap_or_default(),
            None => choice.weight,
        };
        choices.iter().enumerate().map(weight).collect()
    }
}

/// The entries of a pool that an episode has.
pub(super) enum Entries<'a> {
    /// Some of a list, by position.
    Listed(&'a [Choice], Vec<usize>),
    /// Those that were made.
    Made(Vec<Arc<Cell>>),
}

impl Entries<'_> {
    /// One of them, with its position where it is listed; nothing where there are none.
    ///
    /// Weights are those of all that are listed; where no entry of the episode has any, they do not count.
    pub(super) fn draw(&self, weights: Option<&[u64]>, stream: &mut Stream) -> Option<(Arc<Cell>, Option<u64>)> {
        match self {
            Self::Listed(all, open) => {
                let weighted = weights.and_then(|weights| {
                    let weight = |at: &usize| (*at, weights.get(*at).copied().unwrap_or_default());
                    draw_among(stream, open.iter().map(weight))
                });
                let at = weighted.or_else(|| open.get(stream.below(open.len())).copied())?;
                Some((Arc::clone(&all[at].cell), Some(at as u64)))
            }
            Self::Made(made) => made.get(stream.below(made.len())).map(|cell| (Arc::clone(cell), None)),
        }
    }
}

/// An episode's view of a generator.
pub(super) struct Drawing<'a> {
    pub(super) generator: &'a Generator,
    pub(super) cast: &'a Cast,
    pub(super) clock: Option<i64>,
    pub(super) pools: Vec<Entries<'a>>,
}

impl<'a> Drawing<'a> {
    /// Draws the pools.
    pub(super) fn new(cast: &'a Cast, clock: Option<i64>, stream: &mut Stream) -> Result<Self, Fault> {
        let generator = &*cast.generator;
        let mut drawing = Self { generator, cast, clock, pools: Vec::with_capacity(generator.pools.len()) };
        for pool in &generator.pools {
            let entries = match &pool.source {
                PoolSource::Entries(all, count) => Entries::Listed(all, drawing.entries(all, *count, stream)),
                PoolSource::Made(count, slots) => {
                    let mut entries = Vec::with_capacity(*count);
                    for _ in 0..*count {
                        let drawn = slots.draw(&drawing, stream, None).map_err(|mut fault| {
                            fault.pointer = format!("/pools/{}{}", pool.name, fault.pointer);
                            fault
                        })?;
                        // Conditions read the parts of an entry in the order of its slots.
                        let json = slots.map(drawn.cells);
                        entries.push(Arc::new(Cell { shown: super::context::shown(&json), json, data: drawn.data }));
                    }
                    Entries::Made(entries)
                }
            };
            drawing.pools.push(entries);
        }
        Ok(drawing)
    }

    /// Lets the pools have entries that leans ask for, in the place of others: an episode that is to meet a rule about somebody
    /// has such a person.
    pub(super) fn provide<'l>(&mut self, leans: impl IntoIterator<Item = &'l Leaning>, stream: &mut Stream) {
        let leans: Vec<&Leaning> = leans.into_iter().collect();
        let mut kept: HashSet<(usize, usize)> = HashSet::new();
        for (at, slot) in self.generator.slots.slots.iter().enumerate() {
            let &Way::Pool(pool) = &slot.way else { continue };
            let Entries::Listed(all, open) = &mut self.pools[pool] else { continue };
            let asked: Vec<&[u64]> = leans.iter().filter_map(|lean| lean.weights(at)).collect();
            if open.len() == all.len() || asked.is_empty() {
                continue;
            }
            // Who asks for no entry has one for which nobody asks, so that there is room for both.
            let is_free =
                |entry: usize| asked.iter().all(|weights| weights.get(entry).is_none_or(|weight| *weight == 0));
            let others: Vec<u64> =
                (0..all.len()).map(|entry| u64::from(self.cast.may(all[entry].subset) && is_free(entry))).collect();
            for lean in &leans {
                let weights = lean.weights(at).unwrap_or(&others);
                let Some(wanted) = draw_among(stream, weights.iter().copied().enumerate()) else { continue };
                if !open.contains(&wanted) {
                    let free: Vec<usize> =
                        (0..open.len()).filter(|place| !kept.contains(&(pool, open[*place]))).collect();
                    let Some(place) = free.get(stream.below(free.len())) else { continue };
                    open[*place] = wanted;
                }
                kept.insert((pool, wanted));
            }
        }
    }

    /// Draws some entries, each at most once.
    fn entries(&self, all: &[Choice], count: usize, stream: &mut Stream) -> Vec<usize> {
        let mut open: Vec<usize> = (0..all.len()).filter(|at| self.cast.may(all[*at].subset)).collect();
        if count < open.len() {
            for at in 0..count {
                let other = at + stream.below(open.len() - at);
                open.swap(at, other);
            }
            open.truncate(count);
        }
        open
    }
}

/// The items of a task in the forms and the order that a seed gives them.
///
/// Draws are steered by the rules of another version of the task where there is one, so that they are those of that version.
///
/// # Errors
///
/// When something that is drawn cannot be made; the text says what.
pub fn items(task: &Task, seed: u64, world: &World<'_>, by: Option<Steering<'_>>) -> Result<Vec<Arc<Item>>, Failure> {
    let (key, seed) = task.key(seed);
    let drawn: SmallVec<[usize; 4]> =
        task.vary.iter().map(|(name, count)| Stream::new(key, seed, &["vary:", name]).below(*count)).collect();
    let form = |at: usize| {
        let variants = &task.items[at];
        variants.uses.iter().fold(0, |form, at| form * task.vary[*at].1 + drawn[*at])
    };
    let mut items = if task.is_open(world) {
        counted::items(task, (key, seed), world, by, form)?
    } else {
        let mut items: Vec<Arc<Item>> = Vec::with_capacity(task.items());
        let form = |at: usize| Arc::clone(&task.items[at].forms[form(at)]);
        for (number, part) in task.parts.iter().enumerate() {
            match part {
                InboxPart::Listed(range) => items.extend(range.clone().map(form)),
                InboxPart::Some(range, count) => {
                    items.extend(some(range, *count, (key, seed, number)).into_iter().map(form));
                }
                InboxPart::Drawn(drawn) => {
                    drawn.draw((key, seed, number), world, steering(drawn, number, by, world), &mut items)?;
                }
            }
        }
        items
    };
    if task.shuffled {
        Stream::new(key, seed, &["order"]).shuffle(&mut items);
    }
    for ranking in &*task.rankings {
        ranking.apply(&mut items);
    }
    Ok(items)
}

impl Task {
    /// Whether a reset counts the items of an episode: they are not the same with every seed.
    fn is_open(&self, world: &World<'_>) -> bool {
        !world.derived.counts().is_empty()
            && (self.is_drawn() || self.items.iter().any(|variants| !variants.drafts.is_empty()))
    }
}

/// So many of the items of a part, each at most once.
pub(super) fn some(range: &Range<usize>, count: usize, (key, seed, part): (&str, u64, usize)) -> Vec<usize> {
    let mut open: Vec<usize> = range.clone().collect();
    Stream::new(key, seed, &["some:", &part.to_string()]).shuffle(&mut open);
    open.truncate(count);
    open
}

/// The version of a part that steers its draws, with the world that it is made for.
pub(super) fn steering<'a>(
    drawn: &'a Drawn,
    part: usize,
    by: Option<Steering<'a>>,
    world: &'a World<'a>,
) -> (&'a Drawn, &'a World<'a>) {
    let by = by.and_then(|by| Some((by.task.drawn(part)?, by.world)));
    by.filter(|(other, _)| other.sources.len() == drawn.sources.len()).unwrap_or((drawn, world))
}

/// What cannot be made of the items of an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The id of the item, where it is listed.
    pub item: Option<String>,
    /// The name of the generator, where it is drawn.
    pub generator: Option<String>,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { message, pointer, .. } = &self.fault;
        match (&self.generator, &self.item) {
            (Some(name), _) => write!(f, "the generator `{name}` fails with this seed: {message} (at `{pointer}`)"),
            (None, item) => {
                write!(f, "the item `{}` fails with this seed: {message}", item.as_deref().unwrap_or_default())
            }
        }
    }
}

impl Source {
    fn plan(&self, clock: Option<i64>, world: &World<'_>) -> &Plan {
        self.plan.get_or_init(|| Plan::new(&self.cast, clock, world).0)
    }

    /// Draws items that no episode has, to show what it makes; what fails, once for each place. Where items count each other,
    /// `most` of them do, as many as an episode has.
    pub fn sample(
        &self,
        clock: Option<i64>,
        world: &World<'_>,
        (count, most): (usize, usize),
    ) -> (Vec<Item>, Vec<Fault>) {
        let (mut items, mut faults) = (Vec::with_capacity(count), Vec::<Fault>::new());
        let counts = !world.derived.counts().is_empty();
        let together = if counts { most.clamp(1, SAMPLED) } else { SAMPLED };
        let (name, plan) = (&self.cast.generator.name, self.plan(clock, world));
        let mut note = |fault: Fault| {
            if !faults.iter().any(|known| known.pointer == fault.pointer) {
                faults.push(fault);
            }
        };
        for episode in 0..count.div_ceil(together) {
            let mut stream = Stream::new(name, episode as u64, &["sample"]);
            let mut drawing = match Drawing::new(&self.cast, clock, &mut stream) {
                Ok(drawing) => drawing,
                Err(fault) => {
                    note(fault);
                    break;
                }
            };
            let first = episode * together;
            let deck = plan.deck(count, &mut Stream::new(name, 0, &["sampled"]));
            if self.cast.generator.cover.is_some() {
                drawing.provide(plan.leans(deck.get(first..).unwrap_or_default()), &mut stream);
            }
            let numbers = first..count.min(first + together);
            if counts {
                // These items are an episode, so that they count each other.
                let turn = |number: usize| {
                    let mut stream = Stream::new(name, number as u64, &["sampled:"]);
                    let id = id(&mut stream, drawing.generator);
                    let goal = plan.choose(&deck, number, drawing.generator, &mut stream);
                    Turn { id, drawing: &drawing, plan, law: &world.law, goal, stream }
                };
                match counted::together(numbers.map(turn).collect(), world) {
                    Ok(made) => items.extend(made),
                    // Episodes show whether rules and labels go together.
                    Err(fault) if fault.flaw => {}
                    Err(fault) => note(fault),
                }
                continue;
            }
            for number in numbers {
                let id = id(&mut stream, drawing.generator);
                let goal = plan.choose(&deck, number, drawing.generator, &mut stream);
                match drawing.item(&id, (plan, &world.law), goal, world, &mut stream) {
                    Ok(item) => items.push(item),
                    Err(fault) => note(fault),
                }
            }
        }
        // What is rare comes up as well.
        for (number, lean) in occasions(&self.cast).iter().enumerate() {
            let mut stream = Stream::new(name, number as u64, &["occasion"]);
            let drawn = Drawing::new(&self.cast, clock, &mut stream)
                .and_then(|drawing| drawing.item_leaning("occasion", lean, plan, world, &mut stream).map(drop));
            if let Err(fault) = drawn
                && !fault.flaw
            {
                note(fault);
            }
        }
        (items, faults)
    }
}

/// The generators of a part as an episode has them, with what remains to be drawn.
pub(super) struct Opened<'a> {
    drawn: &'a Drawn,
    key: (&'a str, u64),
    part: String,
    /// By source the pools, and what items aim at.
    drawings: Vec<(Drawing<'a>, Vec<usize>)>,
    plans: Vec<&'a Plan>,
    aimed: &'a World<'a>,
    stream: Stream,
    count: i64,
}

/// An item that is to be drawn.
pub(super) struct Turn<'a> {
    pub(super) id: String,
    pub(super) drawing: &'a Drawing<'a>,
    pub(super) plan: &'a Plan,
    pub(super) law: &'a Law<'a>,
    pub(super) goal: Option<Goal<'a>>,
    pub(super) stream: Stream,
}

impl Turn<'_> {
    pub(super) fn failed(&self, fault: Fault) -> Failure {
        Failure { item: None, generator: Some(self.drawing.generator.name.clone()), fault }
    }
}

impl Drawn {
    /// Draws the items of a part and adds them; some version of it steers the draws, for a world of its own.
    fn draw(
        &self,
        key: (&str, u64, usize),
        world: &World<'_>,
        steering: (&Self, &World<'_>),
        items: &mut Vec<Arc<Item>>,
    ) -> Result<(), Failure> {
        let mut known: HashSet<String> = items.iter().map(|item| item.id.clone()).collect();
        let mut opened = self.open(key, world.law.clock, steering)?;
        opened.each(&mut known, |mut turn| {
            let Turn { id, drawing, plan, law, goal, stream } = &mut turn;
            let item = drawing.item(id, (*plan, *law), *goal, world, stream);
            items.push(Arc::new(item.map_err(|fault| turn.failed(fault))?));
            Ok(())
        })
    }

    /// Draws the pools of a part, and what its items aim at.
    pub(super) fn open<'a>(
        &'a self,
        (key, seed, part): (&'a str, u64, usize),
        clock: Option<i64>,
        (steering, aimed): (&'a Self, &'a World<'a>),
    ) -> Result<Opened<'a>, Failure> {
        let part = part.to_string();
        let mut stream = Stream::new(key, seed, &["drawn:", &part]);
        let count = self.count.value(self.count.draw(&mut stream));
        let mut drawings: Vec<(Drawing<'_>, Vec<usize>)> = Vec::with_capacity(self.sources.len());
        let plans: Vec<&Plan> = steering.sources.iter().map(|source| source.plan(aimed.law.clock, aimed)).collect();
        for (source, plan) in self.sources.iter().zip(&plans) {
            let name = &source.cast.generator.name;
            let mut stream = Stream::new(key, seed, &["pools:", &part, ":", name]);
            let mut drawing = Drawing::new(&source.cast, clock, &mut stream).map_err(|fault| Failure {
                item: None,
                generator: Some(name.clone()),
                fault,
            })?;
            let deck = plan.deck(usize::try_from(count).unwrap_or_default(), &mut stream);
            if source.cast.generator.cover.is_some() {
                drawing.provide(plan.leans(&deck), &mut stream);
            }
            drawings.push((drawing, deck));
        }
        Ok(Opened { drawn: self, key: (key, seed), part, drawings, plans, aimed, stream, count })
    }
}

impl Opened<'_> {
    /// Makes each item of the part; `known` has the ids that are taken.
    pub(super) fn each<'s>(
        &'s mut self,
        known: &mut HashSet<String>,
        mut make: impl FnMut(Turn<'s>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut made = vec![0_usize; self.drawings.len()];
        for number in 0..self.count {
            let weights = self.drawn.sources.iter().map(|source| source.weight).enumerate();
            let at = draw_among(&mut self.stream, weights).unwrap_or_default();
            let (drawing, deck) = &self.drawings[at];
            let id = loop {
                let id = id(&mut self.stream, drawing.generator);
                if known.insert(id.clone()) {
                    break id;
                }
            };
            let (key, seed) = self.key;
            let mut stream = Stream::new(key, seed, &["item:", &self.part, ":", &number.to_string()]);
            let plan = self.plans[at];
            let goal = plan.choose(deck, made[at], drawing.generator, &mut stream);
            made[at] += 1;
            make(Turn { id, drawing, plan, law: &self.aimed.law, goal, stream })?;
        }
        Ok(())
    }
}

/// A lean towards each value of each slot on which it depends what a phrase says.
fn occasions(cast: &Cast) -> Vec<Leaning> {
    let list = &cast.generator.slots;
    let mut columns = HashSet::new();
    for one in cast.generator.phrases.iter().flat_map(|phrase| &phrase.alternatives) {
        one.when.iter().for_each(|when| when.columns(&mut columns));
    }
    let mut leans = Vec::new();
    for (at, slot) in
        list.slots.iter().enumerate().filter(|(_, slot)| slot.columns.clone().any(|one| columns.contains(&one)))
    {
        let weights = match &slot.way {
            Way::Pick(choices) => cast.weights(&list.names[at], choices),
            Way::Boolean(share) => vec![WHOLE - share, *share],
            _ => continue,
        };
        let drawn = (0..weights.len()).filter(|value| weights[*value] > 0);
        leans.extend(drawn.map(|value| Leaning::only(list.slots.len(), at, weights.len(), value)));
    }
    leans.truncate(MAX_OCCASIONS);
    leans
}

/// Draws an id.
fn id(stream: &mut Stream, generator: &Generator) -> String {
    let mut id = generator.prefix.clone();
    for _ in 0..generator.id_length {
        id.push(char::from(SIGNS[stream.below(SIGNS.len())]));
    }
    id
}
