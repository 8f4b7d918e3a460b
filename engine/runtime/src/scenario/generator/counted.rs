//! The items of an episode whose items count each other: all of them are drawn, then counted, then judged.

use std::{collections::HashSet, sync::Arc};

use super::{
    draw::{Candidate, Fault, Steering, World, fault_of},
    inbox::{Failure, InboxPart, Opened, Turn, some, steering},
};
use crate::{
    model::Item,
    scenario::{
        Task,
        drafts::{Draft, Problem, settle},
    },
};

/// How often items are drawn again that rules and labels disagree about.
const ROUNDS: usize = 32;

/// How an item is drawn; nothing where it is listed.
type Draws<'a> = Option<(Turn<'a>, Candidate<'a>)>;

/// The items of an episode in the order of its parts; `form` says which form each listed item has.
pub(super) fn items(
    task: &Task,
    (key, seed): (&str, u64),
    world: &World<'_>,
    by: Option<Steering<'_>>,
    form: impl Fn(usize) -> usize,
) -> Result<Vec<Arc<Item>>, Failure> {
    let mut opened: Vec<Opened<'_>> = Vec::new();
    for (number, part) in task.parts.iter().enumerate() {
        if let InboxPart::Drawn(drawn) = part {
            opened.push(drawn.open((key, seed, number), task.clock, steering(drawn, number, by, world))?);
        }
    }
    let mut opened = opened.iter_mut();
    let (mut drafts, mut ways): (Vec<Draft>, Vec<Draws<'_>>) = (Vec::new(), Vec::new());
    let mut known = HashSet::new();
    for (number, part) in task.parts.iter().enumerate() {
        let listed = match part {
            InboxPart::Listed(range) => range.clone().collect(),
            InboxPart::Some(range, count) => some(range, *count, (key, seed, number)),
            InboxPart::Drawn(_) => {
                let Some(opened) = opened.next() else { continue };
                opened.each(&mut known, |mut turn| {
                    let (draft, candidate) = draw(&mut turn, world).map_err(|fault| turn.failed(fault))?;
                    drafts.push(draft);
                    ways.push(Some((turn, candidate)));
                    Ok(())
                })?;
                continue;
            }
        };
        for at in listed {
            let draft = task.items[at].drafts[form(at)].clone();
            known.insert(draft.id.clone());
            drafts.push(draft);
            ways.push(None);
        }
    }
    finish(&mut drafts, &mut ways, world)?;
    Ok(drafts.into_iter().map(|draft| Arc::new(draft.into_item(world))).collect())
}

/// Items that a generator draws, which count each other; each with its id and what remains of its stream.
pub(super) fn together(turns: Vec<Turn<'_>>, world: &World<'_>) -> Result<Vec<Item>, Fault> {
    let (mut drafts, mut ways): (Vec<Draft>, Vec<Draws<'_>>) = (Vec::new(), Vec::new());
    for mut turn in turns {
        let (draft, candidate) = draw(&mut turn, world)?;
        drafts.push(draft);
        ways.push(Some((turn, candidate)));
    }
    finish(&mut drafts, &mut ways, world).map_err(|failure| failure.fault)?;
    Ok(drafts.into_iter().map(|draft| draft.into_item(world)).collect())
}

/// Draws what of an item does not depend on the others.
fn draw<'a>(turn: &mut Turn<'a>, world: &World<'_>) -> Result<(Draft, Candidate<'a>), Fault> {
    let (mut candidate, truth) = turn.drawing.draft((turn.plan, turn.law), turn.goal, world, &mut turn.stream)?;
    let (values, fields) = (std::mem::take(&mut candidate.values), std::mem::take(&mut candidate.fields));
    Ok((Draft { id: turn.id.clone(), values, fields, truth, reason: None }, candidate))
}

/// Settles drafts, and draws those again that rules and labels disagree about; then writes what good texts say.
fn finish(drafts: &mut Vec<Draft>, ways: &mut [Draws<'_>], world: &World<'_>) -> Result<(), Failure> {
    for round in 0..=ROUNDS {
        let mut settled = drafts.clone();
        let problems = settle(&mut settled, world);
        let mut again = Vec::new();
        for (at, problem) in &problems {
            let is_flaw = matches!(problem, Problem::Flaw(_));
            match &ways[*at] {
                Some(_) if is_flaw && round < ROUNDS => again.push(*at),
                way => {
                    let fault = fault_of(problem, &settled[*at], world);
                    return Err(way.as_ref().map_or_else(
                        || Failure { item: Some(settled[*at].id.clone()), generator: None, fault: fault.clone() },
                        |(turn, _)| turn.failed(fault.clone()),
                    ));
                }
            }
        }
        again.dedup();
        if again.is_empty() {
            *drafts = settled;
            break;
        }
        for at in again {
            if let Some((turn, candidate)) = &mut ways[at] {
                (drafts[at], *candidate) = draw(turn, world).map_err(|fault| turn.failed(fault))?;
            }
        }
    }
    for (draft, way) in drafts.iter_mut().zip(ways) {
        if let Some((turn, candidate)) = way {
            let said = turn.drawing.say(candidate, &mut draft.truth, world.law.decisions, &mut turn.stream);
            said.map_err(|fault| turn.failed(fault))?;
        }
    }
    Ok(())
}
