//! Episode cases and probes.

use std::sync::Arc;

use casebook_runtime::{
    episode::{Episode, Step},
    model::{Column, Datum},
    number::says_same,
    policy,
    rubric::Mark,
    scenario::{
        Pack, Task,
        suite::{EpisodeCase, Expectation, NumberTest, Player, Probe, Site},
    },
    value::ValueType,
};
use serde_json::{Map, Value};

use super::{Case, CaseKind, case, coverage::Seen};

/// What the built-in probes must score unless a test demands otherwise.
const ORACLE: NumberTest = NumberTest::Between(Some((0.95, true)), None);
const NOTHING: NumberTest = NumberTest::Between(None, Some((0.1, true)));
const ALWAYS: NumberTest = NumberTest::Between(None, Some((0.9, true)));

/// The seeds of each family with which the built-in probes play: each task must be as good for the oracle as the others, while
/// for the rest the mean counts, for in one task with few items a constant may be right by chance.
const ORACLE_SEEDS: u64 = 4;
const OTHER_SEEDS: u64 = 4;

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

pub(super) fn run(pack: &Arc<Pack>, suite: &str, test: &EpisodeCase, seen: &mut Seen) -> Case {
    let played = match pack.find_task(&test.task).as_ref() {
        None => Err(format!("there is no task `{}`", test.task)),
        Some(task) => match &test.player {
            Player::Actions(actions) => {
                let mut actions = actions.iter().cloned();
                play(pack, task, (test.seed, &test.arguments), seen, |_| actions.next())
            }
            Player::Policy(probe) => match policy::of_probe(pack, probe) {
                Some(policy) => play(pack, task, (test.seed, &test.arguments), seen, |episode| {
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

/// Lets an agent play every task, of each family the first ones, so many; each score must meet the demand, or of a family where
/// it is about the greatest score the mean.
pub(super) fn probe(
    pack: &Arc<Pack>,
    suite: &str,
    (probe, seeds): (&Probe, u64),
    test: NumberTest,
    site: Option<&Site>,
    seen: &mut Seen,
) -> Case {
    let mut details = Vec::new();
    let mut passed = true;
    for task in pack.tasks() {
        let members = members(task, seeds);
        let mut scores = Vec::with_capacity(members.len());
        for task in &members {
            let played = match policy::of_probe(pack, probe) {
                Some(policy) => play(pack, task, (0, &Map::new()), seen, |episode| {
                    (!episode.done()).then(|| policy.act(episode)).flatten()
                }),
                None => Err(format!("there is no agent `{}`", probe.name())),
            };
            match played {
                Ok(Played { refused: Some((step, error)), .. }) => {
                    passed = false;
                    details.push(format!("{}: action {step} was refused: {error}", task.name()));
                }
                Ok(played) => scores.push((task, played)),
                Err(error) => {
                    passed = false;
                    details.push(format!("{}: {error}", task.name()));
                }
            }
        }
        let missed: Vec<&(&Arc<Task>, Played)> =
            scores.iter().filter(|(_, played)| !test.holds(played.score)).collect();
        #[expect(clippy::cast_precision_loss, reason = "a few seeds")]
        let mean = scores.iter().map(|(_, played)| played.score).sum::<f64>() / scores.len() as f64;
        let by_chance = !missed.is_empty() && missed.iter().all(|(_, played)| !test.is_above(played.score));
        if missed.is_empty() || by_chance && scores.len() > 1 && test.holds(mean) {
            let of = if scores.len() > 1 { format!(" on average of {} seeds", scores.len()) } else { String::new() };
            details.extend((!scores.is_empty()).then(|| format!("{}: {mean:.4}{of}", task.name())));
            continue;
        }
        passed = false;
        for (task, played) in missed {
            details.push(format!("{}: {:.4}, should be {}", task.name(), played.score, test.words()));
            details.extend(graders(played, test).into_iter().map(|line| format!("  {line}")));
        }
    }
    case(suite, CaseKind::Probe, probe.name(), site, details, passed)
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

/// The probes that no test of the pack names, each with the number of seeds of a family that it plays, and its demand.
pub(super) fn built_in(pack: &Arc<Pack>) -> Vec<(Probe, u64, NumberTest)> {
    let mut probes = vec![(Probe::Policy("oracle".into()), ORACLE), (Probe::Policy("nothing".into()), NOTHING)];
    probes.extend(constants(pack).into_iter().map(|probe| (probe, ALWAYS)));
    let named = |probe: &Probe| {
        pack.suites.iter().flat_map(|suite| &suite.probes).any(|(other, ..)| match (probe, other) {
            (Probe::Always { column: a, value: x, .. }, Probe::Always { column: b, value: y, .. }) => a == b && x == y,
            (a, b) => a.name() == b.name(),
        })
    };
    probes
        .into_iter()
        .filter(|(probe, _)| !named(probe))
        .map(|(one, test)| {
            let seeds = if one.name() == "oracle" { ORACLE_SEEDS } else { OTHER_SEEDS };
            (one, seeds, test)
        })
        .collect()
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
    pack: &Arc<Pack>,
    task: &Arc<Task>,
    (seed, arguments): (u64, &Map<String, Value>),
    seen: &mut Seen,
    mut next: impl FnMut(&Episode) -> Option<Value>,
) -> Result<Played, String> {
    let mut episode = Episode::start(pack, task, seed, arguments).map_err(|error| error.to_string())?;
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
