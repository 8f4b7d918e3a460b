//! The tasks of a pack by split and index, and which one a seed picks.

use std::sync::Arc;

use crate::{
    model::Item,
    names::{list, nearest},
    settings::{Explain, SplitType},
};

use super::{
    Cause, Family, Later, Member, Pack, Task, Variants,
    generator::{Drawn, InboxPart},
};
use crate::rubric::Rubric;

/// A split: a part of the tasks, such as those to train on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it is for: `train`, `validation` or `test`.
    pub kind: &'static str,
}

impl Pack {
    /// The tasks, by difficulty and name.
    pub fn tasks(&self) -> &[Arc<Task>] {
        &self.tasks
    }

    /// Finds a task.
    pub fn task(&self, name: &str) -> Option<&Arc<Task>> {
        self.tasks.iter().find(|task| task.name == name)
    }

    /// The task whose name is nearest to the given one, for "did you mean".
    pub fn nearest_task(&self, name: &str) -> Option<&str> {
        nearest(name, self.tasks.iter().map(|task| task.name.as_str()))
    }

    /// Which tasks a family has, in words, where a name is of a family and none of its tasks.
    pub fn family_without(&self, name: &str) -> Option<String> {
        let (family, _) = name.rsplit_once('/')?;
        self.task(family).filter(|_| self.find_task(name).is_none())?.range()
    }

    /// The splits that tasks belong to: `train`, `validation` and `test` first, then the others by name.
    pub fn splits(&self) -> Vec<Split<'_>> {
        let mut names: Vec<&str> = self.tasks.iter().map(|task| task.split.as_str()).collect();
        let all = SplitType::ALL;
        let rank = |name: &str| all.iter().position(|kind| kind.name() == name).unwrap_or(all.len());
        names.sort_by_key(|name| (rank(name), *name));
        names.dedup();
        names.into_iter().map(|name| Split { name, kind: self.split_type(name).name() }).collect()
    }

    /// What a split is for: as is declared, else as its name says, else for validation.
    pub fn split_type(&self, name: &str) -> SplitType {
        let declared = self.splits.get(name).copied();
        declared.or_else(|| SplitType::named(name)).unwrap_or(SplitType::Validation)
    }

    /// The split whose name is nearest to the given one, for "did you mean".
    pub fn nearest_split(&self, name: &str) -> Option<&str> {
        nearest(name, self.tasks.iter().map(|task| task.split.as_str()))
    }

    /// The tasks of a split, or all of them, by difficulty and name; none when there is no such split, for a split has a task.
    pub fn list(&self, split: Option<&str>) -> TaskList<'_> {
        TaskList(self.tasks.iter().filter(|task| split.is_none_or(|split| task.split == split)).collect())
    }

    /// The tasks to play when none is named: those that are not families, or all if there are only families.
    pub fn default_tasks(&self) -> Vec<&Arc<Task>> {
        let all = || self.tasks.iter();
        let single: Vec<_> = all().filter(|task| task.family.is_none()).collect();
        if single.is_empty() { all().collect() } else { single }
    }

    /// The tasks that agents may practise on, by difficulty and name.
    pub fn practice_list(&self) -> TaskList<'_> {
        TaskList(self.tasks.iter().filter(|task| self.practice.contains(&task.split)).collect())
    }

    /// Finds a task, or one of a family, such as `train/123`.
    pub fn find_task(&self, name: &str) -> Option<Arc<Task>> {
        find_task(&self.tasks, name)
    }

    /// One task of a split; a negative index counts from the end, -1 being the last.
    pub fn task_at(&self, split: &str, index: i64) -> Option<Arc<Task>> {
        let tasks = self.list(Some(split));
        let at = if index < 0 { tasks.len().checked_add_signed(index)? } else { u64::try_from(index).ok()? };
        tasks.get(at)
    }

    /// The position of a task among those of its split.
    pub fn index_of(&self, task: &Task) -> u64 {
        self.list(Some(&task.split)).position(task).unwrap_or(0)
    }

    /// The task that a seed picks: of a split, or of those to play when none is named.
    pub fn pick(&self, split: Option<&str>, seed: u64) -> Option<Arc<Task>> {
        match split {
            Some(_) => self.list(split),
            None => TaskList(self.default_tasks()),
        }
        .pick(seed)
    }
}

/// Finds a task among some, or one of a family, such as `train/123`.
pub fn find_task(tasks: &[Arc<Task>], name: &str) -> Option<Arc<Task>> {
    let find = |name: &str| tasks.iter().find(|task| task.name == name);
    if let Some(task) = find(name) {
        return Some(Arc::clone(task));
    }
    let (family, number) = name.rsplit_once('/')?;
    // A task has one name: `7` and not `07`.
    let seed = number.parse::<u64>().ok().filter(|seed| seed.to_string() == number)?;
    find(family)?.with_seed(seed)
}

/// Tasks in their order. Those of families are counted, and made when they are asked for.
#[derive(Debug)]
pub struct TaskList<'a>(Vec<&'a Arc<Task>>);

impl TaskList<'_> {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.iter().map(|task| task.count()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one that a seed picks.
    pub fn pick(&self, seed: u64) -> Option<Arc<Task>> {
        self.get(seed.checked_rem(self.len())?)
    }

    /// The one at a position.
    pub fn get(&self, at: u64) -> Option<Arc<Task>> {
        let mut left = at;
        for task in &self.0 {
            if left < task.count() {
                return match task.family {
                    None => Some(Arc::clone(task)),
                    Some(family) => task.with_seed(family.first + left),
                };
            }
            left -= task.count();
        }
        None
    }

    /// The position of a task; of a family that of its first.
    pub fn position(&self, task: &Task) -> Option<u64> {
        let name = task.member.as_ref().map_or(task.name.as_str(), |member| &*member.family);
        let mut before = 0;
        for other in &self.0 {
            if other.name == name {
                let offset = match (&task.member, other.family) {
                    (Some(member), Some(family)) => member.seed.checked_sub(family.first)?,
                    _ => 0,
                };
                return Some(before + offset);
            }
            before += other.count();
        }
        None
    }

    /// The tasks from `start` up to, not including, `stop`, as Python slices a list: a bound that is not given is the end of
    /// the list, a negative one counts from the end, one beyond the list is cut.
    pub fn range(&self, start: Option<i64>, stop: Option<i64>) -> std::ops::Range<u64> {
        slice(self.len(), start, stop)
    }
}

/// The range of positions that Python's `list[start:stop]` takes out of a list.
pub fn slice(length: u64, start: Option<i64>, stop: Option<i64>) -> std::ops::Range<u64> {
    let bound = |bound: Option<i64>, without: u64| match bound {
        None => without,
        Some(bound) => {
            let size = i64::try_from(length).unwrap_or(i64::MAX);
            let from_start = if bound < 0 { bound.saturating_add(size) } else { bound };
            u64::try_from(from_start.clamp(0, size)).unwrap_or(length)
        }
    };
    let (start, stop) = (bound(start, 0), bound(stop, length));
    start..stop.max(start)
}

impl Task {
    /// Its name, such as `easy`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its title for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// A sentence about it; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Higher is harder.
    pub fn difficulty(&self) -> f64 {
        self.difficulty
    }

    /// The split it belongs to, such as `train` or `test`.
    pub fn split(&self) -> &str {
        &self.split
    }

    /// The tasks that it belongs with.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// How it is scored.
    pub fn rubric(&self) -> &Rubric {
        &self.rubric
    }

    /// Steps after which an episode ends.
    pub fn max_steps(&self) -> u32 {
        self.max_steps
    }

    /// Whether its rubric ever shows agents what was right.
    pub fn tells(&self) -> bool {
        self.rubric.explain != Explain::Never
    }

    /// What its streams of random numbers depend on.
    ///
    /// A task of a family has its own seed; a family plays the task that a seed picks.
    pub fn key(&self, seed: u64) -> (&str, u64) {
        match (&self.member, self.family) {
            (Some(member), _) => (&*member.family, member.seed),
            (None, Some(family)) => (&self.name, family.first + seed % family.count),
            (None, None) => (&self.name, seed),
        }
    }

    /// How many tasks it stands for: one, unless it is a family.
    pub fn count(&self) -> u64 {
        self.family.map_or(1, |family| family.count)
    }

    /// The task of a family that has a seed.
    pub fn with_seed(self: &Arc<Self>, seed: u64) -> Option<Arc<Self>> {
        let family = self.family?;
        let inside = seed.checked_sub(family.first).is_some_and(|offset| offset < family.count);
        inside.then(|| {
            let member = Member { family: self.name.as_str().into(), seed };
            let name = format!("{}/{seed}", self.name);
            Arc::new(Self { name, family: None, member: Some(member), ..Self::clone(self) })
        })
    }

    /// The task with its generators at a level; the error says which there are.
    pub(crate) fn at_level(self: &Arc<Self>, level: &str) -> Result<Arc<Self>, String> {
        if let Some(known) = self.levels.iter().find(|known| known.name == level) {
            return Ok(Arc::new(Self { parts: Arc::clone(&known.parts), ..Self::clone(self) }));
        }
        let names: Vec<&str> = self.levels.iter().map(|level| level.name.as_str()).collect();
        let near =
            nearest(level, names.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        let known = list(&names).unwrap_or_else(|| "none".to_owned());
        Err(format!("the task `{}` has no level `{level}`; {near}it has {known}", self.name))
    }

    /// The items of its inboxes in every form, and some of those that its generators make.
    pub fn known_items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.items.iter().flat_map(|variants| &variants.forms).chain(self.samples.iter())
    }

    /// The tasks of a family, in words.
    pub fn range(&self) -> Option<String> {
        let Family { first, count } = self.family?;
        let (family, last) = (&self.name, first + (count - 1));
        Some(format!("the tasks of the family are `{family}/{first}` to `{family}/{last}`"))
    }

    /// Whether a reset makes items.
    pub fn is_drawn(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, InboxPart::Drawn(_)))
    }

    /// The items that one of its parts makes.
    pub(super) fn drawn(&self, part: usize) -> Option<&Drawn> {
        match self.parts.get(part)? {
            InboxPart::Drawn(drawn) => Some(drawn),
            InboxPart::Listed(_) | InboxPart::Some(..) => None,
        }
    }

    /// The ids of the items of its inboxes.
    pub fn item_ids(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|variants| Some(variants.forms.first()?.id.as_str()))
    }

    /// The ids of the items of its inboxes that are the same with every seed.
    pub fn fixed_ids(&self) -> impl Iterator<Item = &str> {
        let one = |variants: &&Variants| variants.forms.len() == 1;
        self.items.iter().filter(one).filter_map(|variants| Some(variants.forms.first()?.id.as_str()))
    }

    /// The maximum number of its items.
    pub fn items(&self) -> usize {
        self.item_range().1
    }

    /// The minimum and the maximum number of the items of an episode: those that are there at the start and those that come
    /// later. Only those that follow from a decision may never come.
    pub fn item_range(&self) -> (usize, usize) {
        let follows = |at: &usize| {
            let id = self.items[*at].forms.first().map(|item| &item.id);
            let by_decision = |later: &&Later| matches!(later.cause, Cause::Decision { .. });
            self.later.iter().filter(by_decision).any(|later| id == Some(&later.item))
        };
        let whole = |count: i64| usize::try_from(count).unwrap_or_default();
        let count = |part: &InboxPart| match part {
            InboxPart::Listed(range) if self.later.is_empty() => (range.len(), range.len()),
            InboxPart::Listed(range) => (range.len() - range.clone().filter(follows).count(), range.len()),
            InboxPart::Some(range, count) => (range.len().min(*count), range.len().min(*count)),
            InboxPart::Drawn(drawn) => (whole(drawn.count.value(0)), whole(drawn.count.last())),
        };
        self.parts.iter().map(count).fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    }
}
