//! What agents read around the items of an episode, and right answers that appear there.

use std::{collections::BTreeSet, sync::Arc};

use casebook_runtime::{
    episode::Episode,
    model::{Column, Datum, Item},
    scenario::Pack,
    value::ValueType,
};
use serde_json::Value;

use super::{
    report::{Finding, Place},
    taint::{NOTHING, Secret, secrets},
    words::{Quotable, words},
    written::{SURROUNDINGS, Written},
};

/// Words between the name of an item and a value that it is given.
const BESIDE: usize = 3;
/// Items whose answers in a row are more than a list of the values.
const ROW: usize = 4;
/// How likely a row of answers may be by chance, over the whole of a text.
const CHANCE: f64 = 0.05;
/// Keywords that a description does not name by chance.
const KEYWORDS: usize = 3;
/// The most words of a field by which a text may name an item.
const NAME: usize = 8;

/// What was found: a text, and what it gives away.
pub(super) type Known = BTreeSet<(String, String)>;

/// A text around the items.
struct Around {
    what: String,
    text: Quotable,
    /// Whether it says what is to be done, such as a policy, so that it speaks of values and keywords by right.
    instructs: bool,
    /// Whether it may show items by right, so that only their ids name them.
    names_items: bool,
    /// Whether it explains the pack to people, so that it may show one item as an example.
    explains: bool,
}

/// The texts that an agent reads besides items, and all those of the task as one.
fn around(episode: &Episode) -> Vec<Around> {
    let (pack, task) = (episode.pack(), episode.task());
    let one = |what: &str, text: &str| Around {
        what: what.to_owned(),
        text: Quotable::new(text),
        instructs: false,
        names_items: false,
        explains: false,
    };
    let instructions = episode.instructions_text();
    let mut all = vec![
        one("the task's title", &task.title),
        one("the task's description", &task.description),
        one("the environment's title", &pack.title),
        one("the environment's description", pack.description()),
    ];
    for (what, schema) in [
        ("the schema of the actions", pack.action_schema()),
        ("the schema of the observations", pack.observation_schema()),
        ("the schema of the reset", pack.reset_schema()),
        ("the list of the tools", &pack.tools_listing()),
    ] {
        descriptions(schema, "", &mut |name, text| {
            let of = if name.is_empty() { String::new() } else { format!(" of `{name}`") };
            all.push(one(&format!("the description{of} in {what}"), text));
        });
    }
    all.push(Around { instructs: true, ..one("the instruction text", &instructions) });
    all.push(Around {
        names_items: true,
        ..one("the observation, apart from items and instructions,", &episode.shown_beyond_items().to_string())
    });
    let mut state = String::new();
    episode.write_state(&mut state);
    all.push(Around { names_items: true, ..one("the state", &state) });
    if let Some(readme) = pack.readme() {
        all.push(Around { instructs: true, explains: true, ..one("the README", readme) });
    }
    let together = [&task.title, &task.description, &instructions, &pack.title, pack.description()].join("\n");
    all.push(Around { instructs: true, ..one("what the task and the environment say, taken together,", &together) });
    all
}

/// Calls a function with each text of a schema that is for readers, and the name of what it describes.
fn descriptions(schema: &Value, name: &str, found: &mut dyn FnMut(&str, &str)) {
    match schema {
        Value::Object(map) => {
            // A tool has its name next to its description.
            let name = map.get("name").and_then(Value::as_str).unwrap_or(name);
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "description" || key == "title" => found(name, text),
                    Value::Object(properties) if key == "properties" => {
                        properties.iter().for_each(|(name, value)| descriptions(value, name, found));
                    }
                    other => descriptions(other, name, found),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| descriptions(value, name, found)),
        _ => {}
    }
}

/// The right answers that stand around the items of an episode; of each kind in each text the first that nobody knows yet.
pub(super) fn told(episode: &Episode, written: &Written, place: &dyn Fn() -> Place, known: &mut Known) -> Vec<Finding> {
    let pack = episode.pack();
    let mut findings = Vec::new();
    let mut push = |what: &str, of: &str, problem: String, sought: &[String]| {
        if known.insert((what.to_owned(), of.to_owned())) {
            let place = written.locate(place(), SURROUNDINGS, sought);
            findings.push(Finding::new(place, format!("{what} {problem}")).expected(NOTHING));
        }
    };
    let around = around(episode);
    for secret in secrets(episode) {
        let found =
            around.iter().filter(|one| !one.explains).find_map(|one| Some((one, one.text.quotes(&secret.text)?)));
        if let Some((one, sought)) = found {
            push(&one.what, &secret.what, format!("holds {}", secret.words()), &sought);
        }
    }
    for (at, decision) in pack.decisions.iter().enumerate() {
        if decision.kind == ValueType::Text {
            let mut named = around.iter().filter(|one| !one.instructs);
            if let Some((one, item, sought)) = named.find_map(|one| keywords(episode, at, one)) {
                push(
                    &one.what,
                    &decision.name,
                    format!("names every keyword of `{}` of `{item}`", decision.name),
                    &sought,
                );
            }
            continue;
        }
        let answers: Vec<(&Item, Vec<String>)> =
            episode.items().iter().filter_map(|item| answer(item, at, decision)).collect();
        if let Some((one, item, sought)) = around.iter().find_map(|one| beside(pack, one, &answers)) {
            push(&one.what, &decision.name, format!("says which `{}` is right for `{item}`", decision.name), &sought);
        } else if let Some((one, sought)) = around.iter().find_map(|one| grouped(one, decision, &answers)) {
            push(&one.what, &decision.name, format!("lists items by the right `{}`", decision.name), &sought);
        } else if let Some((one, sought)) = around.iter().find_map(|one| in_a_row(one, decision, &answers)) {
            push(
                &one.what,
                &decision.name,
                format!("lists the right `{}` of the items in their order", decision.name),
                &sought,
            );
        }
    }
    findings
}

/// An item with its right answer, in words.
fn answer<'a>(item: &'a Arc<Item>, at: usize, decision: &Column) -> Option<(&'a Item, Vec<String>)> {
    let value = item.truth[at].value.as_ref()?.to_json(decision);
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let answer = words(&text);
    // Of a rank only its order says something.
    (!answer.is_empty() && decision.kind != ValueType::Rank).then_some((&**item, answer))
}

/// The first item whose keywords a description names, all of them.
fn keywords<'a>(episode: &Episode, at: usize, one: &'a Around) -> Option<(&'a Around, String, Vec<String>)> {
    let named = |keyword: &casebook_runtime::model::Keyword| {
        keyword.ways().map(|way| words(&way.raw)).find(|way| holds(one.text.words(), way).is_some())
    };
    episode.items().iter().find_map(|item| {
        let keywords = &item.truth[at].keywords;
        let found: Vec<Vec<String>> = keywords.iter().filter_map(named).collect();
        let all = keywords.len() >= KEYWORDS && found.len() == keywords.len();
        all.then(|| (one, item.id.clone(), found.into_iter().next().unwrap_or_default()))
    })
}

fn holds(text: &[String], run: &[String]) -> Option<usize> {
    if run.is_empty() { None } else { text.windows(run.len()).position(|window| window == run) }
}

/// The first item that a text names, by its id or by a short field, right before what is right about it.
fn beside<'a>(
    pack: &Pack,
    one: &'a Around,
    answers: &[(&Item, Vec<String>)],
) -> Option<(&'a Around, String, Vec<String>)> {
    let text = one.text.words();
    let mut first: Option<(String, Vec<String>)> = None;
    for (item, answer) in answers {
        let is_telling = |name: &&Vec<String>| {
            answers.iter().filter(|(other, _)| names(pack, other, one.names_items).contains(*name)).count() == 1
        };
        for name in names(pack, item, one.names_items).iter().filter(is_telling) {
            let mut from = 0;
            while let Some(found) = holds(&text[from..], name) {
                let behind = from + found + name.len();
                let until = text.len().min(behind + BESIDE + answer.len() - 1);
                if holds(&text[behind..until], answer).is_some() {
                    let sought = text[from + found..until].to_vec();
                    // A policy may hold the words of one item by chance, next to what is to be done about them.
                    let by_chance = one.explains || one.instructs && *name != words(&item.id);
                    match &first {
                        None if by_chance => first = Some((item.id.clone(), sought)),
                        Some((known, _)) if by_chance && *known == item.id => {}
                        _ => return Some((one, item.id.clone(), sought)),
                    }
                }
                from = behind;
            }
        }
    }
    None
}

/// The words by which a text may name an item: an id that is not an ordinary word, and short texts that no policy has.
fn names(pack: &Pack, item: &Item, id_alone: bool) -> Vec<Vec<String>> {
    let mut names = Vec::new();
    if !is_word(&item.id) {
        names.push(words(&item.id));
    }
    let fields = item.shown().iter().zip(pack.fields.iter()).filter(|(_, column)| column.visible && !id_alone);
    names.extend(fields.filter_map(|(value, _)| match value {
        Some(Datum::Text(text)) => Some(words(&text.raw)).filter(|words| (2..=NAME).contains(&words.len())),
        _ => None,
    }));
    names
}

/// Whether a text names values and behind each of them the ids of items of which it is right, as in `refund: t-1, t-2`.
fn grouped<'a>(
    one: &'a Around,
    decision: &Column,
    answers: &[(&Item, Vec<String>)],
) -> Option<(&'a Around, Vec<String>)> {
    let text = one.text.words();
    let values: Vec<Vec<String>> = decision.values.iter().map(|value| words(value)).collect();
    let ids: Vec<(Vec<String>, &Vec<String>)> =
        answers.iter().filter(|(item, _)| !is_word(&item.id)).map(|(item, answer)| (words(&item.id), answer)).collect();
    let begins = |at: usize, run: &Vec<String>| !run.is_empty() && text[at..].starts_with(run);
    // The value that was named last, with nothing but ids and single words since, and what is right of the ids behind it.
    let mut group: Option<(usize, &Vec<String>)> = None;
    let (mut since, mut found) = (0, Vec::new());
    let mut at = 0;
    while at < text.len() {
        if let Some((id, answer)) = ids.iter().find(|(id, _)| begins(at, id)) {
            if let Some((start, value)) = group.filter(|_| since <= BESIDE) {
                found.push((start, value == *answer));
            }
            (at, since) = (at + id.len(), 0);
        } else if let Some(value) = values.iter().find(|value| begins(at, value)) {
            group = Some((at, value));
            (at, since) = (at + value.len(), 0);
        } else {
            (at, since) = (at + 1, since + 1);
        }
    }
    let groups: BTreeSet<usize> = found.iter().map(|(start, _)| *start).collect();
    let all_right = found.len() >= ROW && groups.len() > 1 && found.iter().all(|(_, right)| *right);
    all_right.then(|| {
        let start = found[0].0;
        (one, text[start..text.len().min(start + ROW)].to_vec())
    })
}

/// Whether an id is an ordinary word, which a text may hold without naming an item.
fn is_word(id: &str) -> bool {
    id.chars().all(char::is_alphabetic) || id.chars().count() < 2
}

/// Whether a text lists what is right about the items in the order in which they are shown, or in that of their ids.
fn in_a_row<'a>(
    one: &'a Around,
    decision: &Column,
    answers: &[(&Item, Vec<String>)],
) -> Option<(&'a Around, Vec<String>)> {
    if answers.len() < ROW || decision.kind != ValueType::Enum {
        return None;
    }
    let text = one.text.words();
    let values: Vec<Vec<String>> = decision.values.iter().map(|value| words(value)).collect();
    let said: Vec<(usize, &Vec<String>)> = (0..text.len())
        .filter_map(|at| Some((at, values.iter().find(|value| !value.is_empty() && text[at..].starts_with(value))?)))
        .collect();
    let mut by_id: Vec<&(&Item, Vec<String>)> = answers.iter().collect();
    by_id.sort_by(|a, b| a.0.id.cmp(&b.0.id));
    let orders =
        [answers.iter().map(|(_, answer)| answer).collect::<Vec<_>>(), by_id.iter().map(|one| &one.1).collect()];
    let share = |answer: &Vec<String>| {
        #[expect(clippy::cast_precision_loss, reason = "a few items")]
        let share = answers.iter().filter(|(_, other)| other == answer).count() as f64 / answers.len() as f64;
        share
    };
    #[expect(clippy::cast_precision_loss, reason = "a text has few words")]
    let chance = answers.iter().map(|(_, answer)| share(answer)).product::<f64>()
        * said.len().saturating_sub(answers.len() - 1) as f64;
    if chance > CHANCE {
        return None;
    }
    said.windows(answers.len()).find_map(|run| {
        let is_list = run.windows(2).all(|pair| pair[1].0 - pair[0].0 <= BESIDE + pair[0].1.len());
        let same = orders.iter().any(|order| order.iter().zip(run).all(|(answer, (_, said))| answer == said));
        // A list of the values names each of them once.
        let is_answers = run.iter().enumerate().any(|(at, one)| run[..at].iter().any(|other| other.1 == one.1));
        let end = run.last().map_or(0, |(at, said)| at + said.len());
        (is_list && is_answers && same).then(|| (one, text[run[0].0..end].to_vec()))
    })
}

impl Secret {
    /// What it is, and of which item.
    pub(super) fn words(&self) -> String {
        format!("{} of `{}`", self.what, self.item)
    }
}
