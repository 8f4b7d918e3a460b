//! What hints ask agents to write, next to the keywords that count: a hint that names what costs, or forbids what earns.

use std::collections::HashSet;

use casebook_runtime::{
    episode::Episode,
    model::{Datum, Item, Keyword},
    scenario::Pack,
    value::ValueType,
};
use casebook_syntax::spec::Kind;

use super::{
    report::{Finding, Place},
    sample::Sample,
    words::words,
    written::{ITEMS, SURROUNDINGS, Written},
};
use crate::starts::Starts;

/// Verbs of sentences about what a text should hold; others, such as to say or to use, are in many sentences about something else.
const VERBS: [&str; 7] = ["mention", "mentioning", "naming", "cite", "citing", "quote", "quoting"];
/// Words before which a verb is a request, apart from the beginning of a sentence.
const ASKING: [&str; 7] = ["please", "must", "should", "always", "to", "and", "then"];
/// Words that turn a request round.
const FORBIDDING: [&str; 5] = ["not", "never", "without", "avoid", "don"];
/// Words between one of these and the verb.
const BETWEEN: usize = 2;

/// A sentence that an agent reads, and who says it.
struct Hint {
    who: String,
    /// Documents in which it stands.
    kinds: &'static [Kind],
    words: Vec<String>,
    /// Where the names of what is asked for begin, and whether they are forbidden.
    names: usize,
    forbids: bool,
}

/// The hints about texts that contradict the keywords of an item.
pub(super) fn contradictions(starts: &Starts<'_>, sample: Sample, written: &Written) -> Vec<Finding> {
    let pack = starts.pack();
    let texts: Vec<usize> =
        (0..pack.decisions.len()).filter(|at| pack.decisions[*at].kind == ValueType::Text).collect();
    let (mut findings, mut known) = (Vec::new(), HashSet::new());
    for (task, episodes) in pack.tasks().iter().zip(sample.tasks(pack)) {
        let started = episodes.iter().filter_map(|one| one.start(starts).ok());
        for episode in started {
            let everywhere = surroundings(&episode);
            for (item, at) in episode.all_items().flat_map(|item| texts.iter().map(move |at| (item, *at))) {
                let keywords = &item.truth[at].keywords;
                let of_item = || about(pack, item);
                let contradicts = |hint: &Hint| contradiction(pack, hint, (at, keywords));
                let forbidden =
                    everywhere.iter().find_map(|hint| Some((contradicts(hint).filter(|_| hint.forbids)?, hint)));
                let own = of_item();
                let found = forbidden.or_else(|| own.iter().find_map(|hint| Some((contradicts(hint)?, hint))));
                let Some((problem, hint)) = found else { continue };
                let decision = &pack.decisions[at].name;
                if !known.insert((hint.words.clone(), decision.clone())) {
                    continue;
                }
                let place = written.locate(Place::task(pack.name(), &task.name), hint.kinds, &hint.words);
                let text = format!("{} {problem} of `{decision}` of `{}`", hint.who, item.id);
                findings.push(Finding::new(place, text).expected("hints that agree with the keywords"));
            }
        }
    }
    findings
}

/// What a hint has against the keywords of an item.
fn contradiction(pack: &Pack, hint: &Hint, (at, keywords): (usize, &[Keyword])) -> Option<String> {
    let named = &hint.words[hint.names..];
    let is_named = |text: &str| {
        let way = words(text);
        !way.is_empty() && named.windows(way.len()).any(|run| run == way)
    };
    let own = |keyword: &&Keyword| keyword.ways().all(|way| is_named(&way.raw));
    if hint.forbids {
        let keyword = keywords.iter().find(own)?;
        return Some(format!("says not to write `{}`, which is a keyword", keyword.text.raw));
    }
    let mut ways = keywords.iter().flat_map(Keyword::ways);
    if keywords.is_empty() || ways.any(|way| is_named(&way.raw)) {
        return None;
    }
    let foreign = pack.keyword_pools[at].words().into_iter().find(|word| is_named(word))?;
    Some(format!("asks for `{foreign}`, which is a keyword of other items and none"))
}

/// The hints that stand around the items.
fn surroundings(episode: &Episode) -> Vec<Hint> {
    let (pack, task) = (episode.pack(), episode.task());
    let instructions = episode.instructions_text();
    let mut all = hints("the instruction text", SURROUNDINGS, &instructions);
    all.extend(hints("the task's description", SURROUNDINGS, &task.description));
    let decided = pack.decisions.iter().map(|column| (&column.name, column.description.as_deref()));
    let properties = &pack.action.declaration.properties;
    let sent = properties.iter().map(|property| (&property.name, property.description.as_deref()));
    for (name, text) in decided.chain(sent) {
        all.extend(hints(&format!("the description of `{name}`"), SURROUNDINGS, text.unwrap_or_default()));
    }
    all
}

/// The hints about one item: in what agents see of it, and in the reasons of the rules that decide it.
fn about(pack: &Pack, item: &Item) -> Vec<Hint> {
    let shown = item.shown().iter().zip(pack.fields.iter()).filter(|(_, field)| field.visible);
    let texts = shown.filter_map(|(value, field)| match value {
        Some(Datum::Text(text)) => Some(hints(&format!("`{}` of `{}`", field.name, item.id), ITEMS, &text.raw)),
        _ => None,
    });
    let rules = item.truth.iter().filter_map(|cell| cell.rule.as_ref());
    let reasons = rules.map(|rule| {
        hints(&format!("the rule `{}`", rule.id), &[Kind::Rules], rule.because.as_deref().unwrap_or_default())
    });
    texts.chain(reasons).flatten().collect()
}

/// The sentences of a text that ask for words in another one, or forbid them.
fn hints(who: &str, kinds: &'static [Kind], text: &str) -> Vec<Hint> {
    let sentences = text.split(['.', '!', '?', ';', '\n']).map(words);
    let hint = |words: Vec<String>| {
        let (verb, forbids) = (0..words.len()).find_map(|at| {
            if !VERBS.contains(&words[at].as_str()) {
                return None;
            }
            let before = &words[at.saturating_sub(BETWEEN + 1)..at];
            let forbids = before.iter().any(|word| FORBIDDING.contains(&word.as_str()));
            let asks = before.last().is_none_or(|word| ASKING.contains(&word.as_str()));
            (forbids || asks).then_some((at, forbids))
        })?;
        Some(Hint { who: who.to_owned(), kinds, names: verb + 1, words, forbids })
    };
    sentences.filter_map(hint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_what_is_forbidden_are_told_from_other_sentences() {
        let of = |text: &str| {
            let all = hints("it", ITEMS, text);
            all.iter().map(|hint| (hint.words[hint.names..].join(" "), hint.forbids)).collect::<Vec<_>>()
        };
        assert_eq!(of("Please mention the export. My name is Ines."), [("the export".to_owned(), false)]);
        assert_eq!(of("Do not ever mention the refund"), [("the refund".to_owned(), true)]);
        assert_eq!(of("Answer without naming the bank!"), [("the bank".to_owned(), true)]);
        assert_eq!(of("They say it is late; I use it daily."), []);
    }
}
