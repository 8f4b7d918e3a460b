//! Which mutants mean what the pack means, so that no test can notice them.

use std::sync::Arc;

use casebook_runtime::scenario::Pack;

use super::Mutant;
use crate::comparison::{RulesCompared, Standing};

/// How it is known that a mutant means what the pack means; nothing where it is not.
pub(super) fn because(
    fault: &Mutant,
    rules: Option<&RulesCompared>,
    pack: &Arc<Pack>,
    mutant: &Arc<Pack>,
) -> Option<&'static str> {
    match fault.kind {
        // A severity is no part of what rules decide.
        "Rules" if !fault.pointer.ends_with("/severity") => {
            let is_same = rules.is_some_and(|set| matches!(set.standing, Standing::Same));
            is_same.then_some("the rules decide the same about every item")
        }
        "Rubric" => are_graded_alike(pack, mutant).then_some("every task is graded the same"),
        _ => None,
    }
}

/// Whether the compiled rubrics of all tasks are the same, such as where every task has weights of its own.
fn are_graded_alike(pack: &Pack, mutant: &Pack) -> bool {
    pack.tasks().len() == mutant.tasks().len()
        && pack.tasks().iter().zip(mutant.tasks()).all(|(task, other)| {
            task.name() == other.name() && format!("{:?}", task.rubric) == format!("{:?}", other.rubric)
        })
}
