//! Episode cases and probes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use casebook_runtime::{
    episode::{Episode, Step},
    model::{Column, Datum},
    number::says_same,
    policy,
    rubric::Mark,
    scenario::{
        Pack, Task,
        suite::{EpisodeCase, Expectation, NumberTest, Player, Probe, ProbeCase, Site},
    },
    value::ValueType,
};
use serde_json::{Map, Value};

use super::{Case, CaseKind, case, coverage::Seen};
use crate::starts::Starts;

/// What the oracle must score unless a test demands otherwise, and what others may.
const ORACLE: NumberTest = NumberTest::Between(Some((0.95, true)), None);
const ANY: NumberTest = NumberTest::Between(None, None);

/// The seeds of each family with which the built-in probes play: each task must be as good for the oracle as the others, while
/// for the rest the mean counts, for in one task with few items a constant may be right by chance.
const ORACLE_SEEDS: u64 = 4;
const OTHER_SEEDS: u64 = 4;
/// The built-in agents that probe.
const PROBING: [&str; 7] = ["longest", "first_listed", "label_probe", "pump", "invalid", "memoriser", "hill_climber"];
/// How far apart numbers may be that count as equal.
const NEAR: f64 = 1e-6;
/// The same of agents that probe, also of tasks with forms of their own.
pub const PROBING_SEEDS: u64 = 2;

/// Items that are named of each grader behind a score.
const MAX_ITEMS: usize = 8;

/// The result of an episode.
#[derive(Default)]
struct Played {
    steps: Vec<Step>,
    /// Why the last action was refused, and which it was, from 1.
    refused: Option<(usize, String)>,
    observation: Map<String, Value>,
    components: Map<String, Value>,
    score: f64,
    /// What the score's graders give.
    graded: Vec<Graded>,
    done: bool,
}

/// What a grader of the score gives.
struct Graded {
    name: String,
    value: f64,
    /// The ids of the items that it grades, each with its value.
    items: Vec<(String, f64)>,
}

pub(super) fn run(starts: &Starts<'_>, suite: &str, test: &EpisodeCase, seen: &mut Seen) -> Case {
    let pack = starts.pack();
    let played = match pack.find_task(&test.task).as_ref() {
        None => Err(format!("there is no task `{}`", test.task)),
        Some(task) => match &test.player {
            Player::Actions(actions) => {
                let mut actions = actions.iter().cloned();
                play(starts, task, (test.seed, &test.arguments), seen, |_| actions.next())
            }
            Player::Policy(probe) => match policy::of_probe(pack, probe) {
                Some(policy) => play(starts, task, (test.seed, &test.arguments), seen, |episode| {
                    (!episode.done()).then(|| policy.act(episode)).flatten()
                }),
                None => Err(format!("there is no agent `{}`", probe.name())),
            },
        },
    };
    let details = match played {
        Ok(played) => misses(&played, &test.expect),
        Err(error) => vec![error],
    };
    let passed = details.is_empty();
    case(suite, CaseKind::Episode, &test.name, Some(&test.site), details, passed)
}

/// An agent that plays every task, and what is demanded of it.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub(super) suite: &'a str,
    pub(super) probe: Probe,
    /// The first tasks of each family for which the demand holds.
    seeds: u64,
    score: NumberTest,
    total: Option<NumberTest>,
    /// What it may score at most on average of all episodes.
    ceiling: Option<f64>,
    /// Whether it may not earn more than the oracle, on average of all episodes.
    rival: bool,
    /// The seeds of each task, and first tasks of each family, for which ceilings hold.
    all_seeds: u64,
    site: Option<&'a Site>,
}

impl<'a> Asked<'a> {
    /// What a test demands; its ceilings hold as well unless there is a reason to raise them.
    pub(super) fn by_test(pack: &Pack, suite: &'a str, case: &'a ProbeCase) -> Self {
        let own = |name: &str| pack.policies.contains_key(name);
        let ceiling = case.probe.ceiling(own).filter(|_| case.reason.is_none());
        let rival = case.probe.earns_no_more_than_oracle(own) && case.reason.is_none();
        Self {
            suite,
            probe: case.probe.clone(),
            seeds: 1,
            score: case.score,
            total: case.total,
            ceiling,
            rival,
            all_seeds: PROBING_SEEDS,
            site: Some(&case.site),
        }
    }

    fn built_in(pack: &Pack, probe: Probe, (seeds, all_seeds): (u64, u64), score: NumberTest) -> Self {
        let own = |name: &str| pack.policies.contains_key(name);
        let (ceiling, rival) = (probe.ceiling(own), probe.earns_no_more_than_oracle(own));
        Self { suite: "built-in", probe, seeds, score, total: None, ceiling, rival, all_seeds, site: None }
    }

    /// The same with more seeds for the ceilings.
    pub(super) fn with_seeds(self, seeds: u64) -> Self {
        Self { all_seeds: self.all_seeds.max(seeds), ..self }
    }

    /// Whether its plays are part of what the tests exercise.
    fn counts(&self) -> bool {
        self.site.is_some() || !PROBING.contains(&self.probe.name())
    }

    /// What it may score at most, in words.
    fn most(&self) -> String {
        self.ceiling.map(|ceiling| format!("at most {ceiling}")).unwrap_or_default()
    }
}

/// What the oracle earns, by task and seed; it is played when it is first asked for.
#[derive(Debug, Default)]
pub(super) struct Rival(Mutex<HashMap<(String, u64), Option<f64>>>);

impl Rival {
    fn total_if(&self, wanted: bool, starts: &Starts<'_>, task: &Arc<Task>, seed: u64) -> Option<f64> {
        if wanted { self.total(starts, task, seed) } else { None }
    }

    fn total(&self, starts: &Starts<'_>, task: &Arc<Task>, seed: u64) -> Option<f64> {
        let key = (task.name().to_owned(), seed);
        let known = |kept: &HashMap<_, Option<f64>>| kept.get(&key).copied();
        if let Some(total) = known(&self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            return total;
        }
        let played = policy::find(starts.pack(), "oracle").and_then(|oracle| {
            let next = |episode: &Episode| (!episode.done()).then(|| oracle.act(episode)).flatten();
            play(starts, task, (seed, &Map::new()), &mut Seen::default(), next).ok()
        });
        let total = played.filter(|played| played.refused.is_none()).map(|played| played.total());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, total);
        total
    }
}

impl Played {
    fn total(&self) -> f64 {
        self.steps.iter().map(|step| step.reward).sum()
    }
}

/// Lets an agent play every task, of each family the first ones; each score must meet the demand, or of a family where it is
/// about the greatest score the mean. On average of all episodes no ceiling may be passed.
pub(super) fn probe(starts: &Starts<'_>, asked: &Asked<'_>, rival: &Rival, seen: &mut Seen) -> Case {
    let pack = starts.pack();
    let mut details = Vec::new();
    let mut passed = true;
    let agent = policy::of_probe(pack, &asked.probe);
    for task in pack.tasks() {
        let demanded = members(task, asked.seeds);
        let has_ceiling = asked.ceiling.is_some() || asked.rival;
        let more = if has_ceiling { episodes_of(task, asked.all_seeds) } else { Vec::new() };
        let mut all: Vec<(Arc<Task>, u64)> = demanded.iter().map(|task| (Arc::clone(task), 0)).collect();
        let is_new =
            |one: &&(Arc<Task>, u64)| !all.iter().any(|(task, seed)| (task.name(), *seed) == (one.0.name(), one.1));
        let more: Vec<(Arc<Task>, u64)> = more.iter().filter(is_new).cloned().collect();
        all.extend(more);
        let (mut scores, mut totals) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
        for (at, (task, seed)) in all.iter().enumerate() {
            let mut apart = Seen::default();
            // What only a ceiling asks for is no part of what the tests exercise.
            let seen = if at < demanded.len() && asked.counts() { &mut *seen } else { &mut apart };
            let played = match &agent {
                Some(agent) => play(starts, task, (*seed, &Map::new()), seen, |episode| {
                    (!episode.done()).then(|| agent.act(episode)).flatten()
                }),
                None => Err(format!("there is no agent `{}`", asked.probe.name())),
            };
            match played {
                Ok(Played { refused: Some((step, error)), .. }) => {
                    passed = false;
                    details.push(format!("{}: action {step} was refused: {error}", task.name()));
                }
                Ok(played) => {
                    totals.push((played.total(), rival.total_if(asked.rival, starts, task, *seed)));
                    scores.push((task, played));
                }
                Err(error) => {
                    passed = false;
                    details.push(format!("{}: {error}", task.name()));
                }
            }
        }
        let mut wrong = demand(&scores[..scores.len().min(demanded.len())], asked, &mut details, task);
        let highest = mean(scores.iter().map(|(_, played)| played.score));
        if asked.ceiling.is_some_and(|ceiling| highest > ceiling + NEAR) && wrong.is_empty() {
            let (of, most) = (average(scores.len()), asked.most());
            wrong.push(format!("{}: {highest:.4}{of}, should be {most}", task.name()));
        }
        let beaten: Vec<(f64, f64)> = totals.iter().filter_map(|(own, oracle)| Some((*own, (*oracle)?))).collect();
        let (own, best) = (mean(beaten.iter().map(|one| one.0)), mean(beaten.iter().map(|one| one.1)));
        if asked.rival && !beaten.is_empty() && own > best + NEAR {
            let of = average(beaten.len());
            wrong.push(format!(
                "{}: a return of {own:.4}{of}, should be at most {best:.4}, what the oracle earns",
                task.name()
            ));
        }
        passed &= wrong.is_empty();
        details.extend(wrong);
    }
    case(asked.suite, CaseKind::Probe, asked.probe.name(), asked.site, details, passed)
}

/// What of a demand some episodes of a task do not meet; what meets it is a detail.
fn demand(scores: &[(&Arc<Task>, Played)], asked: &Asked<'_>, details: &mut Vec<String>, task: &Task) -> Vec<String> {
    let test = asked.score;
    let missed: Vec<&(&Arc<Task>, Played)> = scores.iter().filter(|(_, played)| !test.holds(played.score)).collect();
    let score = mean(scores.iter().map(|(_, played)| played.score));
    let by_chance = !missed.is_empty() && missed.iter().all(|(_, played)| !test.is_above(played.score));
    let mut wrong = Vec::new();
    if missed.is_empty() || by_chance && scores.len() > 1 && test.holds(score) {
        let of = average(scores.len());
        details.extend((!scores.is_empty()).then(|| format!("{}: {score:.4}{of}", task.name())));
    } else {
        for (task, played) in missed {
            wrong.push(format!("{}: {:.4}, should be {}", task.name(), played.score, test.words()));
            wrong.extend(graders(played, test).into_iter().map(|line| format!("  {line}")));
        }
    }
    for (task, played) in scores {
        if let Some(test) = asked.total.filter(|test| !test.holds(played.total())) {
            wrong.push(format!("{}: a return of {:.4}, should be {}", task.name(), played.total(), test.words()));
        }
    }
    wrong
}

fn average(count: usize) -> String {
    if count > 1 { format!(" on average of {count} seeds") } else { String::new() }
}

#[expect(clippy::cast_precision_loss, reason = "a few seeds")]
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// A task with its first seeds where a seed draws something; of a family the first tasks.
fn episodes_of(task: &Arc<Task>, seeds: u64) -> Vec<(Arc<Task>, u64)> {
    if task.family.is_some() {
        return members(task, seeds).into_iter().map(|member| (member, 0)).collect();
    }
    let draws = task.shuffled || task.is_drawn() || !task.vary.is_empty();
    (0..if draws { seeds } else { 1 }).map(|seed| (Arc::clone(task), seed)).collect()
}

/// A task, or the first ones of a family, so many.
pub(super) fn members(task: &Arc<Task>, seeds: u64) -> Vec<Arc<Task>> {
    match task.family {
        Some(family) if seeds > 1 => {
            (0..seeds.min(family.count)).filter_map(|at| task.with_seed(family.first + at)).collect()
        }
        _ => vec![Arc::clone(task)],
    }
}

/// What is demanded of the agents that no test of the pack names.
pub(super) fn built_in(pack: &Arc<Pack>) -> Vec<Asked<'static>> {
    let policy = |name: &str| Probe::Policy(name.to_owned());
    let mut all = vec![
        Asked::built_in(pack, policy("oracle"), (ORACLE_SEEDS, ORACLE_SEEDS), ORACLE),
        Asked::built_in(pack, policy("nothing"), (OTHER_SEEDS, OTHER_SEEDS), ANY),
    ];
    let constant = |probe| Asked::built_in(pack, probe, (OTHER_SEEDS, OTHER_SEEDS), ANY);
    all.extend(constants(pack).into_iter().map(constant));
    let probing = policy::names(pack).into_iter().filter(|name| PROBING.contains(&name.as_str()));
    let probing = probing.filter(|name| !pack.policies.contains_key(name));
    all.extend(probing.map(|name| Asked::built_in(pack, policy(&name), (1, PROBING_SEEDS), ANY)));
    let named = |probe: &Probe| {
        pack.suites.iter().flat_map(|suite| &suite.probes).any(|case| match (probe, &case.probe) {
            (Probe::Always { column: a, value: x, .. }, Probe::Always { column: b, value: y, .. }) => a == b && x == y,
            (a, b) => a.name() == b.name(),
        })
    };
    all.retain(|asked| !named(&asked.probe));
    all
}

/// The agents with one answer, for each value of each `enum` decision.
pub(crate) fn constants(pack: &Pack) -> Vec<Probe> {
    let columns = || pack.decisions.iter().enumerate().filter(|(_, column)| column.kind == ValueType::Enum);
    let alone = columns().count() == 1;
    let of = |(at, column): (usize, &Column)| {
        let name =
            |value: &str| if alone { format!("always({value})") } else { format!("always({}={value})", column.name) };
        let probe = |(position, value): (usize, &String)| Probe::Always {
            column: at,
            value: Datum::Choice(position),
            name: name(value),
        };
        column.values.iter().enumerate().map(probe).collect::<Vec<_>>()
    };
    columns().flat_map(of).collect()
}

/// Plays until the episode is over, the agent stops or an action is refused.
fn play(
    starts: &Starts<'_>,
    task: &Arc<Task>,
    (seed, arguments): (u64, &Map<String, Value>),
    seen: &mut Seen,
    mut next: impl FnMut(&Episode) -> Option<Value>,
) -> Result<Played, String> {
    let mut episode = if arguments.is_empty() {
        starts.reset(task, seed)?
    } else {
        Episode::start(starts.pack(), task, seed, arguments).map_err(|error| error.to_string())?
    };
    let mut played = Played::default();
    seen.episode(&episode);
    // An action behind the end is refused, and told: a test that writes it out is wrong about the episode.
    while let Some(action) = next(&episode) {
        match episode.step(&action) {
            Ok(step) => {
                seen.episode(&episode);
                played.steps.push(step);
            }
            Err(error) => {
                played.refused = Some((played.steps.len() + 1, error.to_string()));
                break;
            }
        }
    }
    let mut text = String::from("{");
    episode.write_observation(&mut text);
    text.push('}');
    played.observation = serde_json::from_str(&text).unwrap_or_default();
    played.components = components(&episode).map_err(|error| error.to_string())?;
    played.score = episode.score().map_err(|error| error.to_string())?;
    played.graded = graded(&episode).map_err(|error| error.to_string())?;
    played.done = episode.done();
    Ok(played)
}

/// Named parts: the reward's, added up over the steps, and the score's as they stand.
fn components(episode: &Episode) -> Result<Map<String, Value>, casebook_runtime::rubric::GraderError> {
    let scored = episode.score_parts()?;
    Ok(scored.iter().chain(episode.component_sums()).map(|(name, value)| (name.to_owned(), value.into())).collect())
}

fn graded(episode: &Episode) -> Result<Vec<Graded>, casebook_runtime::rubric::GraderError> {
    let items: Vec<&str> = episode.table().map(|(item, _)| item.id.as_str()).collect();
    let tree = episode.graded()?;
    let graded = tree.leaves().into_iter().filter_map(|leaf| {
        let named = |mark: &Mark| Some(((*items.get(mark.row)?).to_owned(), mark.value));
        Some(Graded {
            name: leaf.node.name.as_deref().unwrap_or(&leaf.node.pointer).to_owned(),
            value: leaf.value.filter(|_| leaf.node.is_grader())?,
            items: leaf.rows.iter().filter_map(named).collect(),
        })
    });
    Ok(graded.collect())
}

/// The graders that make a score too low, those below 1, or too high, those above 0; each with its items.
fn graders(played: &Played, test: NumberTest) -> Vec<String> {
    let low = test.is_above(played.score);
    let counts = |value: f64| if low { value < 1.0 - 1e-9 } else { value > 1e-9 };
    let line = |one: &Graded| {
        let items: Vec<String> = one
            .items
            .iter()
            .filter(|(_, value)| counts(*value))
            .map(|(item, value)| format!("`{item}` {value:.4}"))
            .collect();
        let more = items.len().saturating_sub(MAX_ITEMS);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let items = items[..items.len().min(MAX_ITEMS)].join(", ");
        format!(
            "the grader `{}` gives {:.4}{}{items}{more}",
            one.name,
            one.value,
            if items.is_empty() { "" } else { ": " }
        )
    };
    played.graded.iter().filter(|one| counts(one.value)).map(line).collect()
}

fn misses(played: &Played, expect: &Expectation) -> Vec<String> {
    let mut wrong = Vec::new();
    match (&played.refused, &expect.refused) {
        (None, None) => {}
        (Some((_, error)), Some(words)) if error.contains(words.as_str()) => {}
        (Some((step, error)), None) => wrong.push(format!("action {step} was refused: {error}")),
        (Some((step, error)), Some(words)) => {
            wrong.push(format!("action {step} was refused with `{error}`, which does not contain `{words}`"));
        }
        (None, Some(words)) => wrong.push(format!("no action was refused, `{words}` was expected")),
    }
    let mut ungraded = Vec::new();
    let mut number = |what: &str, is: f64, test: Option<NumberTest>| {
        if let Some(test) = test.filter(|test| !test.holds(is)) {
            wrong.push(format!("{what} is {is}, should be {}", test.words()));
        }
    };
    number("the score", played.score, expect.score);
    number("the sum of rewards", played.steps.iter().map(|step| step.reward).sum(), expect.total);
    #[expect(clippy::cast_precision_loss, reason = "episodes are short")]
    number("the number of steps", played.steps.len() as f64, expect.steps);
    for (name, test) in &expect.components {
        match played.components.get(name).and_then(Value::as_f64) {
            Some(is) => number(&format!("`{name}`"), is, Some(*test)),
            None => ungraded.push(format!("`{name}` is not graded, should be {}", test.words())),
        }
    }
    for (at, test) in expect.rewards.iter().flatten().enumerate() {
        let is = played.steps.get(at).map_or(f64::NAN, |step| step.reward);
        number(&format!("the reward of step {}", at + 1), is, Some(*test));
    }
    wrong.append(&mut ungraded);
    if let Some(rewards) = expect.rewards.as_ref().filter(|rewards| rewards.len() != played.steps.len()) {
        wrong.push(format!("{} steps were taken, {} rewards are expected", played.steps.len(), rewards.len()));
    }
    if expect.done.is_some_and(|done| done != played.done) {
        wrong.push(format!("the episode is {}", if played.done { "over" } else { "not over" }));
    }
    for (name, value) in &expect.observation {
        let is = played.observation.get(name).unwrap_or(&Value::Null);
        if !says_same(is, value) {
            wrong.push(format!("`{name}` of the last observation is {is}, should be {value}"));
        }
    }
    if let Some(test) = expect.score.filter(|test| !test.holds(played.score)) {
        wrong.extend(graders(played, test));
    }
    wrong
}
