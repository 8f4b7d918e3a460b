//! Which of the decisions that make a formula hold it needs.

use super::formula::{Formula, Shared};

/// Of decided atoms those without which a formula would not hold: the last of them are dropped first.
pub(super) fn needed(formula: &Shared, chosen: &[(usize, bool)], count: usize) -> Vec<(usize, bool)> {
    let mut decided = vec![None; count];
    let mut place = vec![usize::MAX; count];
    for (at, (atom, value)) in chosen.iter().enumerate() {
        decided[*atom] = Some(*value);
        place[*atom] = at;
    }
    // By atom the parts that name it: only those may need it.
    let mut naming: Vec<Vec<usize>> = vec![Vec::new(); chosen.len()];
    let parts = Formula::parts(formula);
    for (at, part) in parts.iter().enumerate() {
        part.each_atom(&mut |atom| {
            if let Some(own) = naming.get_mut(place[atom])
                && own.last() != Some(&at)
            {
                own.push(at);
            }
        });
    }
    // By part a way that holds: while it does, the others need not be looked at.
    let mut holding = vec![0; parts.len()];
    for ((atom, value), own) in chosen.iter().zip(&naming).rev() {
        decided[*atom] = None;
        if !own.iter().all(|at| still_holds(&parts[*at], &decided, &mut holding[*at])) {
            decided[*atom] = Some(*value);
        }
    }
    chosen.iter().copied().filter(|(atom, _)| decided[*atom].is_some()).collect()
}

/// Whether a part holds when only some atoms are decided; `way` is one of its ways that held before.
fn still_holds(part: &Formula, decided: &[Option<bool>], way: &mut usize) -> bool {
    let Formula::Any(ways) = part else { return part.value(decided) == Some(true) };
    let holds = |at: &usize| ways[*at].value(decided) == Some(true);
    match (*way..ways.len()).chain(0..*way).find(holds) {
        Some(at) => {
            *way = at;
            true
        }
        None => false,
    }
}
