//! What the items of a task are like: shares, texts that repeat, and shortcuts past the truth.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use casebook_runtime::{
    hash::sha256,
    model::{Column, Datum, Item, Origin},
    scenario::{Pack, Task},
    value::ValueType,
};
use serde::Serialize;

/// Texts of which the nearest neighbour is looked for.
const COMPARED: usize = 400;
/// Parts into which an ordered value is cut.
const BINS: usize = 8;
/// The share of what the majority gets wrong that a shortcut must get right to be reported.
const NEAR: f64 = 0.5;
/// Items below which shortcuts say nothing.
pub const FEW: usize = 60;
/// Different values of an integer field of which each has its share shown.
const VALUES: usize = 20;

/// What the items of a task are like.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// The pack's name.
    pub environment: String,
    /// The task's name.
    pub task: String,
    /// The task's split.
    pub split: String,
    /// How many tasks it stands for.
    pub tasks: u64,
    /// Episodes that were drawn, and how many of them differ.
    pub episodes: usize,
    /// Episodes that differ from each other.
    pub distinct_episodes: usize,
    /// Items that were drawn.
    pub items: usize,
    /// Whether a seed makes the items; else they are written by hand, and no more of them can be drawn.
    pub drawn: bool,
    /// The share of each rule that decides, and of the default, by decision.
    pub rules: BTreeMap<String, BTreeMap<String, f64>>,
    /// The share of each value that is right, by decision.
    pub decisions: BTreeMap<String, BTreeMap<String, f64>>,
    /// The share of each value of fields with few of them.
    pub fields: BTreeMap<String, BTreeMap<String, f64>>,
    /// Texts, by field.
    pub texts: BTreeMap<String, TextStatistics>,
    /// How well one thing that agents see predicts each decision.
    pub shortcuts: Vec<Shortcut>,
    /// The decisions with a right value for so few items that no shortcut was looked for, and for how many.
    pub too_few: BTreeMap<String, usize>,
}

/// How much the texts of a field repeat.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct TextStatistics {
    /// The shortest, the median and the longest, in characters.
    pub length: [usize; 3],
    /// The share of texts that no other item has.
    pub distinct: f64,
    /// The share of pairs of neighbouring words that differ.
    pub distinct_bigrams: f64,
    /// How much of its pairs of words a text shares with the text that is nearest to it, on average.
    pub nearest: f64,
}

/// How well one thing that agents see predicts a decision, compared with always deciding the most frequent value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shortcut {
    /// The decision.
    pub decision: String,
    /// What predicts it, such as `sender`, `length of body` or `position`.
    pub by: String,
    /// The share of items that it gets right, among those that it was not learned from.
    pub accuracy: f64,
    /// The share that the most frequent value gets right.
    pub majority: f64,
    /// Whether it gets right at least half of what the majority gets wrong.
    pub near: bool,
}

struct Drawn {
    position: usize,
    item: Arc<Item>,
}

/// Draws items of a task and describes them.
///
/// # Errors
///
/// When a seed draws something that cannot be made.
pub fn statistics(pack: &Pack, task: &Arc<Task>, wanted: usize) -> Result<Statistics, String> {
    let mut all: Vec<Drawn> = Vec::with_capacity(wanted);
    let mut episodes = HashSet::new();
    let mut seed = 0_u64;
    while all.len() < wanted && usize::try_from(seed).is_ok_and(|seed| seed < wanted) {
        let items = pack.items(task, seed)?;
        episodes.insert(sha256(items.iter().map(|item| item.json.as_str()).collect::<String>().as_bytes()));
        all.extend(items.into_iter().enumerate().map(|(position, item)| Drawn { position, item }));
        seed += 1;
        if all.is_empty() {
            break;
        }
    }
    let mut told = Statistics {
        environment: pack.name().to_owned(),
        task: task.name().to_owned(),
        split: task.split().to_owned(),
        tasks: task.count(),
        episodes: usize::try_from(seed).unwrap_or_default(),
        distinct_episodes: episodes.len(),
        items: all.len(),
        drawn: task.is_drawn(),
        ..Statistics::default()
    };
    for (at, column) in pack.decisions().iter().enumerate() {
        let cells = all.iter().map(|one| &one.item.truth[at]);
        let by = cells.clone().filter(|cell| cell.value.is_some()).map(|cell| match (&cell.rule, &cell.origin) {
            (Some(rule), _) => rule.id.clone(),
            (None, Origin::Computed) => "formula".to_owned(),
            (None, Origin::Ranking) => "order".to_owned(),
            (None, _) => "default or label".to_owned(),
        });
        let values = cells.filter_map(|cell| cell.value.as_ref()).map(|value| plain(value, column));
        if !matches!(column.kind, ValueType::Text) {
            told.rules.insert(column.name.clone(), shares(by));
            told.decisions.insert(column.name.clone(), shares(values));
        }
    }
    for (at, column) in pack.fields().iter().enumerate() {
        let values = || all.iter().filter_map(|one| one.item.fields[at].as_ref());
        match column.kind {
            ValueType::Enum | ValueType::Boolean => {
                told.fields.insert(column.name.clone(), shares(values().map(|value| plain(value, column))));
            }
            ValueType::Integer => {
                let shares = shares(values().map(|value| plain(value, column)));
                told.fields.extend((shares.len() <= VALUES).then(|| (column.name.clone(), shares)));
            }
            ValueType::Text => {
                let texts: Vec<&str> = values().filter_map(|value| text(value)).collect();
                told.texts.insert(column.name.clone(), text_statistics(&texts));
            }
            _ => {}
        }
    }
    if !task.is_drawn() {
        // The same few items again and again would be learned by heart.
        let mut known = HashSet::new();
        all.retain(|one| known.insert(one.item.json.clone()));
    }
    for (at, column) in pack.decisions().iter().enumerate() {
        // A text is graded by what it holds, and a rank follows from the other items.
        if !matches!(column.kind, ValueType::Text | ValueType::Rank) {
            let known = shortcuts(pack, at, column, &all, &mut told.shortcuts);
            let is_open = known > 0 || all.len() < FEW;
            told.too_few.extend((known < FEW && is_open).then(|| (column.name.clone(), known)));
        }
    }
    Ok(told)
}

fn text(value: &Datum) -> Option<&str> {
    match value {
        Datum::Text(text) => Some(&text.raw),
        _ => None,
    }
}

fn plain(value: &Datum, column: &Column) -> String {
    let json = value.to_json(column);
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn shares(values: impl Iterator<Item = String>) -> BTreeMap<String, f64> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = 0;
    for value in values {
        *counts.entry(value).or_default() += 1;
        all += 1;
    }
    counts.into_iter().map(|(value, count)| (value, share(count, all))).collect()
}

fn text_statistics(texts: &[&str]) -> TextStatistics {
    let mut lengths: Vec<usize> = texts.iter().map(|text| text.chars().count()).collect();
    lengths.sort_unstable();
    let length = |at: usize| lengths.get(at).copied().unwrap_or_default();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    let alone = texts.iter().filter(|text| counts.get(**text) == Some(&1)).count();
    let mut known: HashMap<(&str, &str), u32> = HashMap::new();
    let mut pairs = 0;
    let bigrams: Vec<Vec<u32>> = texts
        .iter()
        .map(|text| {
            let words: Vec<&str> = text.split_whitespace().collect();
            let mut own: Vec<u32> = words
                .windows(2)
                .map(|pair| {
                    pairs += 1;
                    let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
                    *known.entry((pair[0], pair[1])).or_insert(next)
                })
                .collect();
            own.sort_unstable();
            own.dedup();
            own
        })
        .collect();
    let step = texts.len().div_ceil(COMPARED).max(1);
    let compared: Vec<&Vec<u32>> = bigrams.iter().step_by(step).filter(|own| !own.is_empty()).collect();
    let nearest = compared.iter().enumerate().map(|(at, own)| {
        let others = compared.iter().enumerate().filter(|(other, _)| *other != at);
        others.map(|(_, other)| overlap(own, other)).fold(0.0, f64::max)
    });
    let nearest: f64 = nearest.sum();
    TextStatistics {
        length: [length(0), length(lengths.len() / 2), length(lengths.len().saturating_sub(1))],
        distinct: share(alone, texts.len()),
        distinct_bigrams: share(known.len(), pairs),
        nearest: if compared.is_empty() { 0.0 } else { nearest / share(compared.len(), 1) },
    }
}

/// The Jaccard index of two sorted lists.
fn overlap(one: &[u32], other: &[u32]) -> f64 {
    let (mut a, mut b, mut both) = (0, 0, 0);
    while a < one.len() && b < other.len() {
        match one[a].cmp(&other[b]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                both += 1;
                a += 1;
                b += 1;
            }
        }
    }
    share(both, one.len() + other.len() - both)
}

/// How well each thing that agents see predicts a decision; returns for how many items there is something to predict.
fn shortcuts(pack: &Pack, at: usize, decision: &Column, all: &[Drawn], found: &mut Vec<Shortcut>) -> usize {
    let labelled: Vec<(&Drawn, String)> =
        all.iter().filter_map(|one| Some((one, plain(one.item.truth[at].value.as_ref()?, decision)))).collect();
    if labelled.len() < FEW {
        return labelled.len();
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for (_, value) in &labelled {
        *counts.entry(value).or_default() += 1;
    }
    let learned: Vec<bool> = labelled.iter().map(|(one, _)| is_learned(one)).collect();
    let majority = share(counts.values().copied().max().unwrap_or_default(), labelled.len());
    let mut push = |by: String, accuracy: f64| {
        let near = majority < 1.0 && accuracy >= majority + NEAR * (1.0 - majority);
        found.push(Shortcut { decision: decision.name.clone(), by, accuracy, majority, near });
    };
    for (index, column) in pack.fields().iter().enumerate().filter(|(_, column)| column.visible) {
        if matches!(decision.kind, ValueType::Enum | ValueType::Boolean) {
            break;
        }
        let shown = |one: &Drawn| Some(plain(one.item.fields[index].as_ref()?, column));
        let same = labelled.iter().filter(|(one, value)| shown(one).as_ref() == Some(value)).count();
        push(format!("the value of {}", column.name), share(same, labelled.len()));
        let numbers = |one: &Drawn| {
            let right = one.item.truth[at].value.as_ref()?.number()?.to_f64();
            Some((right, one.item.fields[index].as_ref()?.number()?.to_f64()))
        };
        let pairs: Vec<Option<(f64, f64)>> = labelled.iter().map(|(one, _)| numbers(one)).collect();
        if pairs.iter().any(Option::is_some) {
            push(format!("{} and a constant", column.name), constant(&pairs, &learned, |right, shown| right - shown));
            push(format!("{} times a constant", column.name), constant(&pairs, &learned, |right, shown| right / shown));
        }
    }
    let mut add = |by: String, features: Vec<String>| push(by, accuracy(&features, &labelled, &learned));
    add("position".to_owned(), labelled.iter().map(|(one, _)| one.position.to_string()).collect());
    // Where items are listed by kind, no position comes twice, but neighbours are alike.
    let positions: Vec<Option<f64>> = labelled.iter().map(|(one, _)| Some(share(one.position, 1))).collect();
    add("part of the list".to_owned(), bins(&positions));
    for (index, column) in pack.fields().iter().enumerate().filter(|(_, column)| column.visible) {
        let value = |one: &Drawn| one.item.fields[index].clone();
        match column.kind {
            ValueType::Integer | ValueType::Number | ValueType::Timestamp | ValueType::Duration | ValueType::Rank => {
                let numbers =
                    labelled.iter().map(|(one, _)| value(one)?.number().map(casebook_runtime::number::Number::to_f64));
                add(column.name.clone(), bins(&numbers.collect::<Vec<_>>()));
            }
            _ => {
                let shown = |one: &Drawn| value(one).map(|value| plain(&value, column)).unwrap_or_default();
                add(column.name.clone(), labelled.iter().map(|(one, _)| shown(one)).collect());
            }
        }
        if column.kind.is_text() {
            let domain = |one: &Drawn| match value(one) {
                Some(Datum::Text(text)) => text.domain().unwrap_or_default().to_owned(),
                _ => String::new(),
            };
            if column.kind != ValueType::Text {
                add(format!("domain of {}", column.name), labelled.iter().map(|(one, _)| domain(one)).collect());
            }
            let length = |one: &Drawn| match value(one) {
                Some(Datum::Text(text)) => Some(share(text.raw.chars().count(), 1)),
                _ => None,
            };
            let lengths: Vec<Option<f64>> = labelled.iter().map(|(one, _)| length(one)).collect();
            add(format!("length of {}", column.name), bins(&lengths));
        }
    }
    labelled.len()
}

/// Whether an item is one of those from which a shortcut is learned; the others try it. What it holds decides, for items may be
/// listed by kind, and one that comes again must be on the same side.
fn is_learned(one: &Drawn) -> bool {
    sha256(one.item.json.as_bytes()).bytes().next().is_some_and(|first| first.is_ascii_digit() && first < b'8')
}

/// The share of those pairs of a right and a shown number that lie apart as most of those do that are learned.
fn constant(pairs: &[Option<(f64, f64)>], learned: &[bool], apart: impl Fn(f64, f64) -> f64) -> f64 {
    let apart: Vec<Option<String>> = pairs
        .iter()
        .map(|pair| pair.map(|(right, shown)| apart(right, shown)).filter(|apart| apart.is_finite()))
        // Twelve digits: numbers that are computed in two ways agree in them, whatever their size.
        .map(|apart| apart.map(|apart| format!("{apart:.11e}")))
        .collect();
    let (taught, tried): (Vec<_>, Vec<_>) = apart.iter().zip(learned).partition(|(_, learned)| **learned);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in taught.iter().filter_map(|(one, _)| one.as_ref()) {
        *counts.entry(one).or_default() += 1;
    }
    let usual = counts.into_iter().max_by_key(|(_, count)| *count).map(|(apart, _)| apart);
    share(tried.iter().filter(|(one, _)| one.is_some() && one.as_deref() == usual).count(), tried.len())
}

/// Ordered values by the part of their range; each part holds as many.
fn bins(values: &[Option<f64>]) -> Vec<String> {
    let mut sorted: Vec<f64> = values.iter().copied().flatten().collect();
    sorted.sort_by(f64::total_cmp);
    let bounds: Vec<f64> = (1..BINS).filter_map(|part| sorted.get(part * sorted.len() / BINS).copied()).collect();
    let bin = |value: &Option<f64>| match value {
        None => "none".to_owned(),
        Some(value) => bounds.partition_point(|bound| bound <= value).to_string(),
    };
    values.iter().map(bin).collect()
}

/// The share of the others that those predict that are learned: for each value of the feature what was most frequent with it.
fn accuracy(features: &[String], labelled: &[(&Drawn, String)], learned: &[bool]) -> f64 {
    let both = || learned.iter().zip(features.iter().zip(labelled));
    let mut seen: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let mut overall: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, (feature, (_, value))) in both().filter(|(learned, _)| **learned) {
        *seen.entry(feature).or_default().entry(value).or_default() += 1;
        *overall.entry(value).or_default() += 1;
    }
    let most = |counts: &BTreeMap<&str, usize>| {
        counts.iter().max_by_key(|(_, count)| **count).map(|(value, _)| (*value).to_owned()).unwrap_or_default()
    };
    let usual = most(&overall);
    let tried = || both().filter(|(learned, _)| !**learned);
    let right = tried().filter(|(_, (feature, (_, value)))| {
        let predicted = seen.get(feature.as_str()).map_or_else(|| usual.clone(), most);
        predicted == *value
    });
    share(right.count(), tried().count())
}
