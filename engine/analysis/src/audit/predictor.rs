//! Right answers that one word, one pair of words or one field of an item predicts.
//!
//! For each value of a decision the word is chosen that is found with it most often; how often it is right is counted
//! on other items. That is compared with the most frequent value: only a predictor that is right nearly always, and so often that
//! chance does not explain it, is a finding. What rules read is the task itself, so neither a field that is not a text and that
//! they read counts, nor a word that they look for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use casebook_runtime::{
    model::{Column, Datum, Item},
    scenario::{Pack, Task},
    value::ValueType,
};

use super::{
    report::{Finding, Place},
    sample::{Sample, SampledEpisode},
    words::words,
    written::{ITEMS, Written},
};
use crate::starts::Starts;

/// Parts into which the items are divided: each is predicted by what the others teach.
const PARTS: usize = 4;
/// The share of items of which a predictor must be right.
const NEARLY_ALWAYS: f64 = 0.9;
/// How likely it may be that any predictor of a pack is as good by chance.
const CHANCE: f64 = 0.01;
/// Items with a value below which nothing is learned about it.
const LEARNED: usize = 3;
/// Different values beyond which a decision is not a choice among a few.
const VALUES: usize = 12;
/// Items that are drawn of a family to learn from, and the most tasks for that.
const DRAWN: (usize, u64) = (200, 64);
/// The parts into which numbers are divided, of as many items each.
const BOUNDS: usize = 16;
/// Items that say the name of the right value behind the same word, each of them, which is not chance.
const SAID: usize = 4;

/// What was found, what could not be found out, and how good the best predictor of each decision is.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) findings: Vec<Finding>,
    pub(super) too_few: Vec<String>,
    pub(super) best: BTreeMap<String, f64>,
}

/// An item of which a value is right.
struct Example<'a> {
    item: &'a Item,
    right: String,
}

/// Looks for words and fields that predict the right values of a pack's items: those of the tasks that are written down, together
/// and task by task, and those of each family.
pub(super) fn predictors(starts: &Starts<'_>, sample: Sample, written: &Written) -> Told {
    let pack = starts.pack();
    let mut told = Told::default();
    let tasks = sample.tasks(pack);
    let groups = groups(starts, &tasks);
    let looked_for = written.looked_for();
    let decisions: Vec<(usize, &Column)> =
        pack.decisions.iter().enumerate().filter(|(_, column)| is_choice(column)).collect();
    let comparisons = groups.len() * decisions.len() * (pack.fields.len() + 1);
    for (at, decision) in decisions {
        let read = read_by_rules(pack, at);
        let (mut known, mut enough, mut most) = (BTreeSet::new(), false, 0);
        // A number of many values is computed rather than chosen.
        let is_number = decision.kind.is_ordered();
        for (place, items) in &groups {
            let examples = examples(items, at, decision);
            most = most.max(examples.len());
            if let Some((field, words)) = named(pack, &examples) {
                if known.insert((field.clone(), words.clone())) {
                    let text = format!(
                        "`{field}` of the items says which `{}` is right, as in `{}`",
                        decision.name,
                        words.join(" ")
                    );
                    told.findings
                        .push(Finding::new(written.locate(place.clone(), ITEMS, &words), text).expected(EXPECTED));
                }
                continue;
            }
            let values: HashSet<&str> = examples.iter().map(|one| one.right.as_str()).collect();
            enough |= is_number && values.len() > VALUES;
            let Some(least) = least(&examples, comparisons) else { continue };
            enough = true;
            for (field, column) in pack.fields.iter().enumerate().filter(|(_, column)| column.visible) {
                let is_text = column.kind.is_text() || column.kind == ValueType::List || column.is_nested();
                if !is_text && read.contains(&field) {
                    continue;
                }
                let exempt = |feature: &str| {
                    let words = words(feature);
                    is_text && !words.is_empty() && words.iter().all(|word| looked_for.contains(word))
                };
                let features: Vec<BTreeSet<String>> = if column.kind.is_ordered() {
                    ranges(&examples.iter().map(|one| number(one.item, field)).collect::<Vec<_>>())
                } else {
                    let of = |one: &Example<'_>| features(one.item, field, column);
                    examples.iter().map(|one| of(one).into_iter().filter(|one| !exempt(one)).collect()).collect()
                };
                let predicted = predict(&features, &examples);
                let name = format!("{} by {}", decision.name, column.name);
                let best = told.best.entry(name).or_default();
                *best = best.max(predicted.share(examples.len()));
                if predicted.right < least || !known.insert((column.name.clone(), Vec::new())) {
                    continue;
                }
                let pairs: Vec<String> =
                    predicted.words.iter().map(|(value, word)| format!("`{word}` for `{value}`")).collect();
                let text = format!(
                    "`{}` alone predicts the right `{}` for {} of {} items: {}",
                    column.name,
                    decision.name,
                    predicted.right,
                    examples.len(),
                    pairs.join(", ")
                );
                let sought = predicted.words.first().map(|(_, word)| words(word)).unwrap_or_default();
                let expected = format!("fewer than {least}");
                told.findings
                    .push(Finding::new(written.locate(place.clone(), ITEMS, &sought), text).expected(expected));
            }
        }
        if !enough && most > 0 && told.findings.is_empty() {
            told.too_few.push(format!(
                "`{}`: {most} items have a right `{}`, too few to distinguish a leak from chance",
                pack.name(),
                decision.name
            ));
        }
    }
    told
}

const EXPECTED: &str = "an item that has to be understood";

fn is_choice(column: &Column) -> bool {
    !matches!(column.kind, ValueType::Text | ValueType::Rank | ValueType::Set | ValueType::List | ValueType::Object)
}

/// The fields that the rules of a decision read.
fn read_by_rules(pack: &Pack, decision: usize) -> HashSet<usize> {
    let mut columns = HashSet::new();
    for rule in pack.rules_of(decision).into_iter().flat_map(|rules| &rules.rules) {
        rule.when.columns(&mut columns);
    }
    columns
}

/// Items that belong together, each once, with their place.
fn groups(starts: &Starts<'_>, tasks: &[Vec<SampledEpisode>]) -> Vec<(Place, Vec<Arc<Item>>)> {
    let pack = starts.pack();
    let mut groups = Vec::new();
    let (mut together, mut known) = (Vec::new(), HashSet::new());
    for (task, episodes) in pack.tasks().iter().zip(tasks).filter(|(_, episodes)| !episodes.is_empty()) {
        let mut own = HashSet::new();
        let mut items: Vec<Arc<Item>> = Vec::new();
        for one in episodes.iter().cloned().chain(more(task, episodes.len())) {
            if task.family.is_some() && items.len() >= DRAWN.0 {
                break;
            }
            let Ok(episode) = one.start(starts) else { continue };
            for item in episode.all_items() {
                // An item that is written down has one id in all of its forms.
                let name = if task.family.is_some() { &item.json } else { &item.id };
                if own.insert(name.clone()) {
                    items.push(Arc::clone(item));
                }
            }
        }
        if task.family.is_none() {
            together.extend(items.iter().filter(|item| known.insert(item.json.clone())).cloned());
        }
        groups.push((Place::task(pack.name(), &task.name), items));
    }
    groups.push((Place::pack(pack.name()), together));
    groups
}

/// The tasks of a family behind those that are played.
fn more(task: &Arc<Task>, played: usize) -> Vec<SampledEpisode> {
    let Some(family) = task.family else { return Vec::new() };
    let seeds = (played as u64..family.count.min(DRAWN.1)).filter_map(|at| task.with_seed(family.first + at));
    seeds.map(|task| SampledEpisode { task, seed: 0 }).collect()
}

/// The items with a right value, where there are at least two and each is right for enough of them to learn.
fn examples<'a>(items: &'a [Arc<Item>], at: usize, decision: &Column) -> Vec<Example<'a>> {
    let right = |item: &Item| {
        let value = item.truth[at].value.as_ref()?.to_json(decision);
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    items.iter().filter_map(|item| Some(Example { item, right: right(item)? })).collect()
}

/// The number of items of which a predictor must be right, so that it is right nearly always and not by chance; nothing where
/// there are too few items for that.
fn least(examples: &[Example<'_>], comparisons: usize) -> Option<usize> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for one in examples {
        *counts.entry(&one.right).or_default() += 1;
    }
    let learned = counts.values().filter(|count| **count >= LEARNED).count();
    if learned < 2 {
        return None;
    }
    let most = counts.values().copied().max().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let (majority, chance) = (most as f64 / examples.len() as f64, CHANCE / comparisons.max(1) as f64);
    let by_chance = (0..=examples.len()).find(|right| tail(examples.len(), *right, majority) <= chance)?;
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are small"
    )]
    let nearly =
        ((1.0 - (1.0 - NEARLY_ALWAYS) * (1.0 - majority).min(0.5) * 2.0) * examples.len() as f64).ceil() as usize;
    Some(by_chance.max(nearly))
}

/// The probability that so many or more of some tries succeed.
fn tail(tries: usize, successes: usize, probability: f64) -> f64 {
    let mut term = 1.0_f64;
    let mut sum = 0.0;
    // Logarithms, so that a thousand tries do not end in zero.
    let (yes, no) = (probability.ln(), (1.0 - probability).ln());
    for count in 0..=tries {
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let weight = count as f64 * yes + (tries - count) as f64 * no;
        if count >= successes {
            sum += (term.ln() + weight).exp();
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let factor = (tries - count) as f64 / (count + 1) as f64;
        term *= factor;
    }
    sum
}

/// What a field of an item shows: its words, neighbouring words, and signs; of other values the value.
fn features(item: &Item, field: usize, column: &Column) -> BTreeSet<String> {
    let Some(value) = &item.shown()[field] else { return BTreeSet::from(["(none)".to_owned()]) };
    let json = value.to_json(column);
    if matches!(value, Datum::Text(_) | Datum::List(_) | Datum::Nested(_)) {
        let text = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
        let all = words(&text);
        let pairs = all.windows(2).map(|pair| pair.join(" "));
        let signs = text.chars().filter(|sign| !sign.is_alphanumeric() && *sign != ' ').map(|sign| sign.to_string());
        return pairs.chain(signs).chain(all.iter().cloned()).collect();
    }
    BTreeSet::from([json.as_str().map_or_else(|| json.to_string(), str::to_owned)])
}

/// A field of an item as a number.
fn number(item: &Item, field: usize) -> Option<f64> {
    Some(item.shown()[field].as_ref()?.number()?.to_f64())
}

/// By item the ranges in which its number is, of those between any two of some bounds with as many numbers between
/// neighbours; the number itself as well.
fn ranges(values: &[Option<f64>]) -> Vec<BTreeSet<String>> {
    let mut sorted: Vec<f64> = values.iter().copied().flatten().collect();
    sorted.sort_by(f64::total_cmp);
    let mut bounds: Vec<f64> =
        (1..BOUNDS).filter_map(|part| sorted.get(part * sorted.len() / BOUNDS).copied()).collect();
    bounds.dedup();
    let of = |value: &Option<f64>| {
        let Some(value) = value else { return BTreeSet::from(["(none)".to_owned()]) };
        let mut all = BTreeSet::from([value.to_string()]);
        all.extend(
            bounds.iter().map(|bound| if value < bound { format!("below {bound}") } else { format!("from {bound}") }),
        );
        for (at, low) in bounds.iter().enumerate().filter(|(_, low)| *low <= value) {
            all.extend(bounds[at + 1..].iter().filter(|high| value < *high).map(|high| format!("{low} to {high}")));
        }
        all
    };
    values.iter().map(of).collect()
}

/// How often words are right about items from which they were not learned.
#[derive(Default)]
struct Predicted {
    right: usize,
    /// The words that all items teach: a value, and the word that is found with it.
    words: Vec<(String, String)>,
}

impl Predicted {
    fn share(&self, items: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are small")]
        let share = self.right as f64 / items.max(1) as f64;
        share
    }
}

fn predict(features: &[BTreeSet<String>], examples: &[Example<'_>]) -> Predicted {
    let mut predicted = Predicted::default();
    for part in 0..PARTS {
        let rules = learn(features, examples, &|at| at % PARTS != part);
        let tried = (0..examples.len()).filter(|at| at % PARTS == part);
        predicted.right += tried.filter(|at| rules.says(&features[*at]) == Some(&examples[*at].right)).count();
    }
    let whole = learn(features, examples, &|_| true);
    predicted.words = whole.words.into_iter().map(|(word, value)| (value, word)).collect();
    predicted
}

/// A word for each value, the surest first, and the prediction where none of them is.
struct Learned {
    words: Vec<(String, String)>,
    otherwise: Option<String>,
}

impl Learned {
    fn says(&self, features: &BTreeSet<String>) -> Option<&String> {
        self.words.iter().find(|(word, _)| features.contains(word)).map(|(_, value)| value).or(self.otherwise.as_ref())
    }
}

fn learn(features: &[BTreeSet<String>], examples: &[Example<'_>], taught: &dyn Fn(usize) -> bool) -> Learned {
    let taught: Vec<usize> = (0..examples.len()).filter(|at| taught(*at)).collect();
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    let mut seen: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for at in &taught {
        *values.entry(&examples[*at].right).or_default() += 1;
        for feature in &features[*at] {
            *seen.entry(feature).or_default().entry(&examples[*at].right).or_default() += 1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let ratio = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
    let mut words: Vec<(f64, String, String)> = Vec::new();
    for (value, count) in &values {
        let scored = seen.iter().filter_map(|(feature, by)| {
            let (hits, all) = (by.get(value).copied().filter(|hits| *hits > 1)?, by.values().sum::<usize>());
            // The harmonic mean of how sure it is and how often it is there.
            Some((2.0 * ratio(hits, all + count), ratio(hits, all), *feature))
        });
        let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.2.cmp(a.2)));
        words.extend(best.map(|(_, sure, feature)| (sure, feature.to_owned(), (*value).to_owned())));
    }
    words.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words: Vec<(String, String)> = words.into_iter().map(|(_, word, value)| (word, value)).collect();
    let mut rest: BTreeMap<&str, usize> = BTreeMap::new();
    for at in taught.iter().filter(|at| !words.iter().any(|(word, _)| features[**at].contains(word))) {
        *rest.entry(&examples[*at].right).or_default() += 1;
    }
    let rest = if rest.is_empty() { values } else { rest };
    let otherwise = rest.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value.to_owned());
    Learned { words, otherwise }
}

/// A field whose text has the name of the right value behind the same word in every item, with the words of the first one.
fn named(pack: &Pack, examples: &[Example<'_>]) -> Option<(String, Vec<String>)> {
    let distinct: BTreeSet<&str> = examples.iter().map(|one| one.right.as_str()).collect();
    if examples.len() < SAID || distinct.len() < 2 {
        return None;
    }
    pack.fields.iter().enumerate().filter(|(_, column)| column.visible && column.kind == ValueType::Text).find_map(
        |(field, column)| {
            let before = |one: &Example<'_>| -> BTreeSet<String> {
                let Some(Datum::Text(text)) = &one.item.shown()[field] else { return BTreeSet::new() };
                let (all, right) = (words(&text.raw), words(&one.right));
                let ends = (1..all.len()).filter(|at| !right.is_empty() && all[*at..].starts_with(&right));
                ends.map(|at| all[at - 1].clone()).collect()
            };
            let common = examples.iter().map(before).reduce(|a, b| a.intersection(&b).cloned().collect())?;
            let word = common.into_iter().min()?;
            let first = std::iter::once(word).chain(words(&examples[0].right)).collect();
            Some((column.name.clone(), first))
        },
    )
}
