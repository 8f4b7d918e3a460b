//! What is kept from training: which alternatives a split may use.

use std::collections::{BTreeMap, HashMap};

use casebook_runtime::{
    hash::sha256,
    scenario::generator::{Choice, Generator, PoolSource, Subset, Way},
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document},
};
use indexmap::IndexMap;

/// What was divided so far, so that the levels of a generator agree about it: texts, and values of pools and slots.
#[derive(Debug, Default)]
pub(super) struct Sides {
    texts: HashMap<String, Subset>,
    values: HashMap<String, Subset>,
}

/// Divides what `hold_out` names between training and testing.
pub(super) fn divide(
    (document, spec): (&Document, &spec::Generator),
    phrases: &IndexMap<&str, &spec::Phrase>,
    read: &HashMap<String, Vec<spec::Alternative>>,
    generator: &mut Generator,
    sides: &mut Sides,
    report: &mut Report,
) {
    for (name, share) in &spec.hold_out {
        let pointer = format!("/hold_out/{name}");
        if share.0 <= 0.0 || share.0 >= 1.0 {
            report.push(
                document
                    .at(Code::BadValue, &pointer, "a share that is held out must be between 0% and 100%")
                    .hint("write a share such as `25%`"),
            );
            continue;
        }
        let found = if name == "phrases" {
            divide_phrases(phrases, read, share.0, generator, &mut sides.texts);
            Ok(true)
        } else {
            divide_values(name, share.0, generator, &mut sides.values)
        };
        match found {
            Ok(true) => check_draw((document, spec), name, generator, report),
            Ok(false) => report.push(
                document
                    .at_key(Code::NoEffect, &pointer, format!("`{name}` has too few values to hold some out"))
                    .hint("give it at least two values, or remove the line"),
            ),
            Err(()) => {
                let pools = generator.pools.iter().map(|pool| pool.name.as_str());
                let picks = generator.slots.slots.iter().zip(generator.slots.names.iter());
                let picks = picks.filter(|(slot, _)| matches!(slot.way, Way::Pick(_))).map(|(_, name)| name.as_str());
                let known: Vec<&str> = std::iter::once("phrases").chain(pools).chain(picks).collect();
                report.push(
                    document
                        .at_key(
                            Code::UnknownName,
                            &pointer,
                            format!("`{name}` is neither `phrases`, a pool nor a slot with `pick`"),
                        )
                        .maybe_hint(suggest(name, known.iter().copied())),
                );
            }
        }
    }
}

/// Warns of a pool of which an episode is to use more entries than one side of it has.
fn check_draw((document, spec): (&Document, &spec::Generator), name: &str, generator: &Generator, report: &mut Report) {
    let Some(draw) = spec.pools.get(name).and_then(|pool| pool.draw) else { return };
    let Some(PoolSource::Entries(entries, _)) =
        generator.pools.iter().find(|pool| pool.name == name).map(|pool| &pool.source)
    else {
        return;
    };
    for (other, side) in [(Subset::Test, "training"), (Subset::Train, "tests")] {
        let left = entries.iter().filter(|entry| entry.subset != other).count();
        // Entries that cannot be read are reported as such.
        if left < draw as usize && !entries.is_empty() {
            let message = format!("an episode is to use {draw} entries, and `hold_out` leaves {left} for {side}");
            report.push(
                document
                    .at(Code::NoEffect, format!("/pools/{name}/draw"), message)
                    .hint("lower `draw`, change the share that is held out, or add entries"),
            );
        }
    }
}

fn divide_phrases(
    phrases: &IndexMap<&str, &spec::Phrase>,
    read: &HashMap<String, Vec<spec::Alternative>>,
    share: f64,
    generator: &mut Generator,
    // A text that several phrases or levels have is on one side for all of them.
    sides: &mut HashMap<String, Subset>,
) {
    for (name, phrase) in generator.phrase_names.iter().zip(&mut generator.phrases) {
        let Some(written) = phrases.get(name.as_str()) else { continue };
        if matches!(written, spec::Phrase::Several(several) if several.shared) {
            continue;
        }
        // Alternatives for the same occasion stand for each other.
        let mut groups: BTreeMap<String, Vec<(String, usize)>> = BTreeMap::new();
        let texts: Vec<_> = read.get(name).into_iter().flatten().chain(written.alternatives()).collect();
        for (at, one) in texts.iter().enumerate() {
            let when = one.when().map(|when| serde_json::Value::Object(when.0.clone()).to_string()).unwrap_or_default();
            groups.entry(when).or_default().push((sha256(format!("{name}\n{}", one.text()).as_bytes()), at));
        }
        for group in groups.into_values() {
            let known = |at: usize| sides.get(texts[at].text().trim()).copied();
            let divided = halves(group, share, known);
            for (at, subset) in divided {
                if subset != Subset::All {
                    sides.insert(texts[at].text().trim().to_owned(), subset);
                }
                if let Some(one) = phrase.alternatives.get_mut(at) {
                    one.subset = subset;
                }
            }
        }
    }
}

/// Divides the values of a pool or slot; returns whether there were enough, and fails if nothing has the name.
fn divide_values(
    name: &str,
    share: f64,
    generator: &mut Generator,
    sides: &mut HashMap<String, Subset>,
) -> Result<bool, ()> {
    let (first, second) = name.split_once('.').map_or((name, None), |(first, second)| (first, Some(second)));
    if let Some(pool) = generator.pools.iter_mut().find(|pool| pool.name == first) {
        return match (&mut pool.source, second) {
            (PoolSource::Entries(entries, _), None) => Ok(divide_choices(name, share, entries, sides)),
            (PoolSource::Made(_, slots), Some(slot)) => {
                let at = slots.names.iter().position(|known| known == slot).ok_or(())?;
                match &mut slots.slots[at].way {
                    Way::Pick(choices) => Ok(divide_choices(name, share, choices, sides)),
                    _ => Err(()),
                }
            }
            (PoolSource::Made(_, slots), None) => {
                let names: Vec<String> = slots.names.to_vec();
                let mut divided = false;
                for (slot, own) in slots.slots.iter_mut().zip(names) {
                    if let Way::Pick(choices) = &mut slot.way {
                        divided |= divide_choices(&format!("{name}.{own}"), share, choices, sides);
                    }
                }
                Ok(divided)
            }
            _ => Err(()),
        };
    }
    let at = generator.slots.names.iter().position(|known| known == name).ok_or(())?;
    match &mut generator.slots.slots[at].way {
        Way::Pick(choices) => Ok(divide_choices(name, share, choices, sides)),
        _ => Err(()),
    }
}

fn divide_choices(name: &str, share: f64, choices: &mut [Choice], sides: &mut HashMap<String, Subset>) -> bool {
    let group: Vec<(String, usize)> = choices
        .iter()
        .enumerate()
        .map(|(at, choice)| (sha256(format!("{name}\n{}", choice.cell.json).as_bytes()), at))
        .collect();
    let digests: HashMap<usize, String> = group.iter().map(|(digest, at)| (*at, digest.clone())).collect();
    // One that is empty was refused before.
    let enough = group.len() != 1;
    let known = |at: usize| sides.get(digests.get(&at)?).copied();
    let divided = halves(group, share, known);
    for (at, subset) in divided {
        choices[at].subset = subset;
        if let Some(digest) = digests.get(&at).filter(|_| subset != Subset::All) {
            sides.insert(digest.clone(), subset);
        }
    }
    enough
}

/// Divides a group by the digests of its members, so that one more member moves no other far; one alone stays for all, and
/// so does a group of which all are known to be on one side.
fn halves(
    mut group: Vec<(String, usize)>,
    share: f64,
    known: impl Fn(usize) -> Option<Subset>,
) -> Vec<(usize, Subset)> {
    group.sort();
    let count = group.len();
    if count < 2 {
        return group.into_iter().map(|(_, at)| (at, Subset::All)).collect();
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a small number"
    )]
    let held = ((count as f64 * share).round() as usize).clamp(1, count - 1);
    let mut left = held.saturating_sub(group.iter().filter(|(_, at)| known(*at) == Some(Subset::Test)).count());
    let mut divided: Vec<(usize, Subset)> = Vec::with_capacity(count);
    for (_, at) in group {
        let side = known(at).unwrap_or(if left > 0 { Subset::Test } else { Subset::Train });
        if known(at).is_none() {
            left = left.saturating_sub(1);
        }
        divided.push((at, side));
    }
    let has = |side: Subset| divided.iter().any(|(_, own)| *own == side);
    if !(has(Subset::Test) && has(Subset::Train)) {
        divided.iter_mut().for_each(|(_, side)| *side = Subset::All);
    }
    divided
}
