//! What a change of a pack does to all episodes together.

use std::collections::{BTreeMap, BTreeSet};

use casebook_runtime::{episode::ScorePart, record::Grades};
use serde::Serialize;

use super::{
    Graded, Pair, Versions, explained,
    statistics::{Distribution, SAME, is_constant, kendall, sign},
};
use crate::{export::advantages, rows::Entry};

/// Episodes that are named as examples.
const FEW: usize = 5;

/// The result of grading recorded episodes again.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RegradeReport {
    /// Episodes that were read.
    pub episodes: usize,
    /// Those of which every reward and the score are the same, bit for bit.
    pub identical: usize,
    /// Those of which a reward or the score differs.
    pub changed: usize,
    /// Those that cannot be played, by reason.
    pub unplayed: Vec<Unplayed>,
    /// Each environment.
    pub environments: Vec<EnvironmentReport>,
    /// The episodes whose score changed most, with both trees.
    pub most_changed: Vec<Changed>,
    /// Lines of logs that cannot be read.
    pub unreadable: Vec<String>,
}

/// Episodes that cannot be played any more.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Unplayed {
    /// The environment.
    pub environment: String,
    /// Why.
    pub reason: String,
    /// How many they are.
    pub episodes: usize,
    /// The ids of some.
    pub examples: Vec<String>,
}

/// What changes in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EnvironmentReport {
    /// Its name.
    pub environment: String,
    /// Each task and policy; the tasks of a family are one.
    pub groups: Vec<GroupShift>,
    /// Each component of rewards and named node of scores.
    pub components: Vec<ComponentShift>,
    /// The order of the policies, over all tasks.
    pub ranks: Ranks,
    /// What a trainer with group-relative advantages feels.
    pub gradients: Gradients,
}

/// The episodes of a task and policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupShift {
    /// The task, or the family.
    pub task: String,
    /// The policy.
    pub policy: String,
    /// Its episodes.
    pub episodes: usize,
    /// Those of which a reward or the score changed.
    pub changed: usize,
    /// The scores when they were recorded.
    pub old: Distribution,
    /// The scores now.
    pub new: Distribution,
    /// By how much the mean of the scores changed.
    pub shift: f64,
    /// The mean of the summed rewards now.
    pub reward: f64,
    /// By how much it changed.
    pub reward_shift: f64,
}

/// The means of a component over all episodes that have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentShift {
    /// `reward.NAME` for a component of rewards, added up over an episode; `score.NAME` for what a named node of the score adds
    /// to it, or for its value where it is not part of a sum; `condition.NAME` for the value of one in the condition of a gate.
    pub component: String,
    /// The mean when they were recorded; none where it is new.
    pub old: Option<f64>,
    /// The mean now; none where it is gone.
    pub new: Option<f64>,
    /// By how much the mean changed.
    pub shift: Option<f64>,
    /// Whether it has one value in all episodes now, and had several.
    pub became_constant: bool,
}

/// The order of policies by their mean score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ranks {
    /// The tasks over which policies are compared: those that all of them played. Empty where there is none; then each has the
    /// mean over its own.
    pub tasks: Vec<String>,
    /// All other tasks.
    pub other_tasks: Vec<String>,
    /// Each policy with the mean of these tasks' means, recorded and now, the best of now first.
    pub policies: Vec<(String, f64, f64)>,
    /// Kendall's rank correlation (tau-b) of both; none for fewer than two policies, or where one has no order.
    pub kendall: Option<f64>,
    /// Pairs whose order changed.
    pub flips: Vec<RankFlip>,
}

/// Two policies whose order changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankFlip {
    /// The task; none for the order over all tasks.
    pub task: Option<String>,
    /// The one that was better.
    pub was_better: String,
    /// The one that is better.
    pub is_better: String,
}

/// Advantages within rollout groups: the episodes of one task, seed and group label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gradients {
    /// Groups of at least two episodes.
    pub groups: usize,
    /// Their episodes.
    pub episodes: usize,
    /// Episodes whose advantage has the other sign now.
    pub sign_flips: usize,
    /// Groups whose scores are all the same now, so that nothing is learned from them.
    pub flat: usize,
    /// Groups whose scores differed and are all the same now.
    pub lost: usize,
    /// Groups whose scores were all the same and differ now.
    pub gained: usize,
    /// The tasks and seeds of some that lost theirs.
    pub lost_examples: Vec<String>,
}

/// An episode whose score changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changed {
    /// Its id.
    pub id: String,
    /// The environment.
    pub environment: String,
    /// The task.
    pub task: String,
    /// The seed.
    pub seed: u64,
    /// Who played.
    pub policy: String,
    /// The score when it was recorded.
    pub old: f64,
    /// The score now.
    pub new: f64,
    /// The score's tree when it was recorded.
    pub old_tree: Option<ScorePart>,
    /// The score's tree now.
    pub new_tree: Option<ScorePart>,
}

impl Changed {
    pub(super) fn of(entry: &Entry, versions: Versions<'_>) -> Option<Self> {
        let now = explained(&entry.recording, versions).ok()?;
        let then = &entry.recording.trajectory;
        Some(Self {
            id: entry.id.clone(),
            environment: entry.recording.environment.clone(),
            task: then.task.clone(),
            seed: then.seed,
            policy: entry.recording.policy.clone(),
            old: then.score,
            new: now.score,
            old_tree: then.score_tree().cloned(),
            new_tree: now.score_tree().cloned(),
        })
    }
}

impl RegradeReport {
    pub(super) fn of<'a>(graded: impl Iterator<Item = &'a Graded>) -> Self {
        let mut report = Self::default();
        let mut unplayed: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        let mut environments: BTreeMap<&str, Vec<Episode<'_>>> = BTreeMap::new();
        for one in graded {
            report.episodes += 1;
            match &one.now {
                Ok(now) => {
                    let is_same = one.is_same(now);
                    report.identical += usize::from(is_same);
                    environments.entry(&one.environment).or_default().push(Episode { one, now, is_same });
                }
                Err(reason) => unplayed.entry((&one.environment, reason)).or_default().push(&one.id),
            }
        }
        let played: usize = environments.values().map(Vec::len).sum();
        report.changed = played - report.identical;
        report.unplayed = unplayed
            .into_iter()
            .map(|((environment, reason), ids)| Unplayed {
                environment: environment.to_owned(),
                reason: reason.to_owned(),
                episodes: ids.len(),
                examples: ids.into_iter().take(FEW).map(str::to_owned).collect(),
            })
            .collect();
        report.unplayed.sort_by_key(|one| std::cmp::Reverse(one.episodes));
        report.environments = environments.into_iter().map(|(name, episodes)| environment(name, &episodes)).collect();
        report
    }

    /// The largest change of the mean score of a task and policy, without its sign.
    pub fn max_shift(&self) -> f64 {
        let groups = self.environments.iter().flat_map(|one| &one.groups);
        groups.map(|group| group.shift.abs()).fold(0.0, f64::max)
    }

    /// Pairs of policies whose order over all tasks of an environment changed.
    pub fn flips(&self) -> usize {
        let flips = self.environments.iter().flat_map(|one| &one.ranks.flips);
        flips.filter(|flip| flip.task.is_none()).count()
    }

    /// Episodes that cannot be played any more.
    pub fn unplayed(&self) -> usize {
        self.unplayed.iter().map(|one| one.episodes).sum()
    }
}

/// An episode that could be played.
struct Episode<'a> {
    one: &'a Graded,
    now: &'a Grades,
    is_same: bool,
}

impl Episode<'_> {
    fn score(&self) -> Pair {
        Pair { old: self.one.old.score, new: self.now.score }
    }

    /// The sum of its rewards.
    fn reward(&self) -> Pair {
        let sum = |rewards: &[f64]| rewards.iter().fold(0.0, |sum, reward| sum + reward);
        Pair { old: sum(&self.one.old.rewards), new: sum(&self.now.rewards) }
    }

    /// The task, or its family.
    fn task(&self) -> &str {
        self.one.task.split_once('/').map_or(&self.one.task, |(family, _)| family)
    }
}

fn environment(name: &str, episodes: &[Episode<'_>]) -> EnvironmentReport {
    let mut by_task: BTreeMap<(&str, &str), Vec<&Episode<'_>>> = BTreeMap::new();
    for episode in episodes {
        by_task.entry((episode.task(), &episode.one.policy)).or_default().push(episode);
    }
    let groups: Vec<GroupShift> =
        by_task.iter().map(|((task, policy), episodes)| group(task, policy, episodes)).collect();
    EnvironmentReport {
        environment: name.to_owned(),
        components: components(episodes),
        ranks: ranks(&groups),
        gradients: gradients(episodes),
        groups,
    }
}

fn group(task: &str, policy: &str, episodes: &[&Episode<'_>]) -> GroupShift {
    let values = |of: fn(&Episode<'_>) -> f64| episodes.iter().map(|episode| of(episode)).collect::<Vec<f64>>();
    let (old, new) = (Distribution::of(values(|one| one.score().old)), Distribution::of(values(|one| one.score().new)));
    GroupShift {
        task: task.to_owned(),
        policy: policy.to_owned(),
        episodes: episodes.len(),
        changed: episodes.iter().filter(|episode| !episode.is_same).count(),
        shift: new.mean - old.mean,
        reward: mean(&values(|one| one.reward().new)),
        reward_shift: mean(&values(|one| one.reward().shift())),
        old,
        new,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a count of episodes")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn components(episodes: &[Episode<'_>]) -> Vec<ComponentShift> {
    let mut all: Vec<Part<'_>> = Vec::new();
    for episode in episodes {
        let mut at = 0;
        each_part(&episode.one.old, |name, value| part_of(&mut all, &mut at, name).1.0.push(value));
        at = 0;
        each_part(episode.now, |name, value| part_of(&mut all, &mut at, name).1.1.push(value));
    }
    all.sort_by_key(|(name, _)| *name);
    let shift = |((kind, name), (old, new)): Part<'_>| {
        let mean_of = |values: &[f64]| (!values.is_empty()).then(|| mean(values));
        let (before, after) = (mean_of(&old), mean_of(&new));
        ComponentShift {
            component: format!("{kind}.{name}"),
            old: before,
            new: after,
            shift: before.zip(after).map(|(before, after)| after - before),
            became_constant: new.len() > 1 && is_constant(&new) && old.len() > 1 && !is_constant(&old),
        }
    };
    all.into_iter().map(shift).collect()
}

/// The kind and the name of a part, with its values as they were and as they are.
type Part<'a> = ((&'a str, &'a str), (Vec<f64>, Vec<f64>));

/// Finds a part; most often it is the one behind that which was found before.
fn part_of<'a, 'b>(all: &'b mut Vec<Part<'a>>, at: &mut usize, name: (&'a str, &'a str)) -> &'b mut Part<'a> {
    let known = all.get(*at).is_some_and(|(known, _)| *known == name);
    let found = if known { Some(*at) } else { all.iter().position(|(known, _)| *known == name) };
    let place = found.unwrap_or(all.len());
    if found.is_none() {
        all.push((name, (Vec::new(), Vec::new())));
    }
    *at = place + 1;
    &mut all[place]
}

/// Shows the named parts of an episode's grades, each by its kind and its name.
fn each_part<'a>(grades: &'a Grades, mut each: impl FnMut((&'a str, &'a str), f64)) {
    grades.components.iter().for_each(|(name, value)| each(("reward", name), *value));
    for share in &grades.nodes {
        each((if share.is_condition { "condition" } else { "score" }, &share.name), share.value);
    }
}

/// The ids of the episodes whose score changed most.
pub(super) fn most_changed<'a>(graded: impl Iterator<Item = &'a Graded>, most: usize) -> Vec<String> {
    let mut changed: Vec<(&Graded, f64)> = graded
        .filter_map(|one| Some((one, one.now.as_ref().ok()?)))
        .filter(|(one, now)| !one.is_same(now))
        .map(|(one, now)| (one, (now.score - one.old.score).abs()))
        .collect();
    changed.sort_by(|(one, a), (other, b)| b.total_cmp(a).then_with(|| one.id.cmp(&other.id)));
    changed.into_iter().take(most).map(|(one, _)| one.id.clone()).collect()
}

impl Ranks {
    /// Over which tasks policies are compared, in words, where these are not all tasks.
    pub fn scope(&self) -> Option<String> {
        let (shared, other) = (self.tasks.len(), self.other_tasks.len());
        match (shared, other) {
            (_, 0) => None,
            (0, _) => Some("each over its own tasks, as no task was played by all of them".into()),
            _ => Some(format!("over {shared} of {} tasks, which all of them played", shared + other)),
        }
    }

    /// Whether a task is one over which a policy has its mean.
    pub fn counts(&self, task: &str) -> bool {
        self.tasks.is_empty() || self.tasks.iter().any(|known| known == task)
    }
}

fn ranks(groups: &[GroupShift]) -> Ranks {
    let mut tasks: BTreeMap<&str, Vec<(&str, Pair)>> = BTreeMap::new();
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for group in groups {
        let pair = Pair { old: group.old.mean, new: group.new.mean };
        tasks.entry(&group.task).or_default().push((&group.policy, pair));
        names.insert(&group.policy);
    }
    let (shared, others): (Vec<&str>, Vec<&str>) =
        tasks.keys().partition(|task| tasks.get(*task).is_some_and(|policies| policies.len() == names.len()));
    let over_all: Vec<(&str, Pair)> = names
        .into_iter()
        .map(|policy| {
            let counted = tasks.iter().filter(|(task, _)| shared.is_empty() || shared.contains(task));
            let pairs = counted.flat_map(|(_, policies)| policies).filter(|(name, _)| *name == policy);
            let pairs: Vec<&Pair> = pairs.map(|(_, pair)| pair).collect();
            let of = |value: fn(&Pair) -> f64| mean(&pairs.iter().map(|pair| value(pair)).collect::<Vec<_>>());
            (policy, Pair { old: of(|pair| pair.old), new: of(|pair| pair.new) })
        })
        .collect();
    let mut found = flips(None, &over_all);
    for (task, policies) in &tasks {
        found.extend(flips(Some(task), policies));
    }
    let pairs: Vec<(f64, f64)> = over_all.iter().map(|(_, pair)| (pair.old, pair.new)).collect();
    let mut policies: Vec<(String, f64, f64)> =
        over_all.iter().map(|(policy, pair)| ((*policy).to_owned(), pair.old, pair.new)).collect();
    policies.sort_by(|a, b| b.2.total_cmp(&a.2));
    let owned = |tasks: Vec<&str>| tasks.into_iter().map(str::to_owned).collect();
    Ranks { tasks: owned(shared), other_tasks: owned(others), policies, kendall: kendall(&pairs), flips: found }
}

fn flips(task: Option<&str>, policies: &[(&str, Pair)]) -> Vec<RankFlip> {
    let mut found = Vec::new();
    for (at, (one, first)) in policies.iter().enumerate() {
        for (other, second) in &policies[at + 1..] {
            let (old, new) = (sign(first.old - second.old), sign(first.new - second.new));
            if old * new == -1 {
                let (was, is) = if old > 0 { (one, other) } else { (other, one) };
                found.push(RankFlip {
                    task: task.map(str::to_owned),
                    was_better: (*was).to_owned(),
                    is_better: (*is).to_owned(),
                });
            }
        }
    }
    found
}

fn gradients(episodes: &[Episode<'_>]) -> Gradients {
    let mut groups: BTreeMap<&str, Vec<&Episode<'_>>> = BTreeMap::new();
    for episode in episodes {
        groups.entry(&episode.one.group).or_default().push(episode);
    }
    groups.retain(|_, episodes| episodes.len() > 1);
    let mut gradients = Gradients {
        groups: groups.len(),
        episodes: groups.values().map(Vec::len).sum(),
        sign_flips: 0,
        flat: 0,
        lost: 0,
        gained: 0,
        lost_examples: Vec::new(),
    };
    for episodes in groups.values() {
        let values = |of: fn(Pair) -> f64| episodes.iter().map(|episode| of(episode.score())).collect::<Vec<f64>>();
        let (old, new) = (values(|one| one.old), values(|one| one.new));
        let turned = advantages(&old).into_iter().zip(advantages(&new)).filter(|(a, b)| sign(*a) * sign(*b) == -1);
        gradients.sign_flips += turned.count();
        gradients.flat += usize::from(is_constant(&new));
        match (is_constant(&old), is_constant(&new)) {
            (false, true) => {
                gradients.lost += 1;
                if gradients.lost_examples.len() < FEW {
                    let first = episodes[0].one;
                    gradients.lost_examples.push(format!("{} seed {}", first.task, first.seed));
                }
            }
            (true, false) => gradients.gained += 1,
            _ => {}
        }
    }
    gradients
}

impl GroupShift {
    /// Whether a score changed.
    pub fn is_changed(&self) -> bool {
        self.changed > 0 || self.shift.abs() > SAME
    }
}

#[cfg(test)]
mod tests {
    use casebook_runtime::{json::Name, rubric::Share};

    use super::*;

    /// An episode of a policy in a task with a seed, with its score as it was and as it is.
    fn graded(policy: &str, task: &str, seed: u64, (old, new): (f64, f64)) -> Graded {
        let grades = |score: f64| {
            let nodes = vec![Share { name: Name::new("all"), value: score, is_condition: false }];
            Grades { rewards: vec![score], score, components: Vec::new(), nodes }
        };
        Graded {
            id: format!("{policy}-{task}-{seed}"),
            environment: "desk".into(),
            task: task.into(),
            policy: policy.into(),
            seed,
            group: format!("{task}-{seed}"),
            old: grades(old),
            now: Ok(grades(new)),
        }
    }

    #[test]
    fn policies_that_change_their_order_are_reported() {
        let report = RegradeReport::of(
            [
                graded("a", "easy", 1, (0.9, 0.5)),
                graded("b", "easy", 1, (0.6, 0.6)),
                graded("c", "easy", 1, (0.1, 0.1)),
                graded("a", "hard/3", 1, (0.5, 0.5)),
                graded("b", "hard/7", 1, (0.4, 0.5)),
                graded("c", "hard/7", 1, (0.4, 0.3)),
            ]
            .iter(),
        );
        assert_eq!((report.episodes, report.identical, report.changed), (6, 3, 3));
        let one = &report.environments[0];
        let tasks: Vec<&str> = one.groups.iter().map(|group| group.task.as_str()).collect();
        assert_eq!(tasks, ["easy", "easy", "easy", "hard", "hard", "hard"]);
        let flips: Vec<_> =
            one.ranks.flips.iter().map(|flip| (flip.task.as_deref(), &*flip.was_better, &*flip.is_better)).collect();
        assert_eq!(flips, [(None, "a", "b"), (Some("easy"), "a", "b")]);
        assert_eq!(report.flips(), 1);
        assert!((report.max_shift() - 0.4).abs() < 1e-12);
        assert!((one.ranks.kendall.expect("an order") - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(one.ranks.policies[0].0, "b");
    }

    #[test]
    fn policies_are_compared_over_the_tasks_that_all_of_them_played() {
        let both = [graded("a", "easy", 1, (0.5, 0.5)), graded("b", "easy", 1, (0.6, 0.6))];
        let more = [graded("a", "hard", 1, (0.9, 0.9)), graded("b", "odd", 1, (0.1, 0.1))];
        let mut report = RegradeReport::of(both.iter().chain(&more[..1]));
        let shared = report.environments.remove(0).ranks;
        assert_eq!(shared.policies, [("b".to_owned(), 0.6, 0.6), ("a".to_owned(), 0.5, 0.5)]);
        assert_eq!((shared.tasks.len(), &shared.other_tasks), (1, &vec!["hard".to_owned()]));
        assert_eq!(shared.scope().as_deref(), Some("over 1 of 2 tasks, which all of them played"));
        assert_eq!(RegradeReport::of(both.iter()).environments[0].ranks.scope(), None);
        let apart = RegradeReport::of(more.iter()).environments.remove(0).ranks;
        assert_eq!(apart.policies, [("a".to_owned(), 0.9, 0.9), ("b".to_owned(), 0.1, 0.1)]);
        assert!(apart.scope().is_some_and(|scope| scope.starts_with("each over its own tasks")));
    }

    #[test]
    fn what_a_trainer_feels_is_counted() {
        let report = RegradeReport::of(
            [
                // Both advantages have the other sign.
                graded("a", "easy", 1, (0.9, 0.1)),
                graded("b", "easy", 1, (0.1, 0.9)),
                // The gradient is gone.
                graded("a", "easy", 2, (0.9, 0.3)),
                graded("b", "easy", 2, (0.1, 0.3)),
                // There is one now.
                graded("a", "easy", 3, (0.5, 0.5)),
                graded("b", "easy", 3, (0.5, 0.6)),
                // One of its own.
                graded("a", "easy", 4, (0.5, 0.6)),
            ]
            .iter(),
        );
        let expected = Gradients {
            groups: 3,
            episodes: 6,
            sign_flips: 2,
            flat: 1,
            lost: 1,
            gained: 1,
            lost_examples: vec!["easy seed 2".into()],
        };
        assert_eq!(report.environments[0].gradients, expected);
    }

    #[test]
    fn components_that_became_constant_and_episodes_that_cannot_be_played_are_reported() {
        let mut gone = graded("a", "easy", 3, (0.5, 0.5));
        gone.now = Err("step 2: the action was refused".into());
        let report =
            RegradeReport::of([graded("a", "easy", 1, (0.9, 0.3)), graded("a", "easy", 2, (0.1, 0.3)), gone].iter());
        let component = &report.environments[0].components[0];
        assert!(component.became_constant, "{component:?}");
        assert_eq!(report.unplayed(), 1);
        assert_eq!(report.unplayed[0].examples, ["a-easy-3"]);
        let same = RegradeReport::of([graded("a", "easy", 1, (0.3, 0.3)), graded("a", "easy", 2, (0.3, 0.3))].iter());
        assert!(!same.environments[0].components[0].became_constant, "it was so before");
    }
}
