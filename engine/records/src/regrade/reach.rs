//! What a change of a pack reaches.

use std::collections::BTreeSet;

use casebook_runtime::scenario::Scenario;

/// What differs between two versions of a pack, as far as it decides how episodes are graded.
#[derive(Debug)]
pub(super) struct Change {
    /// Whether something differs that any episode may depend on, such as what agents may do or what items are made of.
    everything: bool,
    /// The tasks that differ.
    tasks: BTreeSet<String>,
    /// Whether rules differ.
    rules: bool,
    /// The rubrics that differ.
    rubrics: BTreeSet<String>,
}

/// What has to be done with an episode that another version has played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing: its grades are the same.
    Nothing,
    /// It is graded again, by another rubric.
    Rubric,
    /// Its items may be judged in another way; where they are not, it is graded again only if its rubric differs.
    Rules {
        /// Whether its rubric differs.
        rubric: bool,
    },
    /// It is played again.
    Everything,
}

impl Change {
    pub(super) fn between(old: &Scenario, new: &Scenario) -> Self {
        let documents = |pack: &Scenario| pack.digests.iter().cloned().collect::<BTreeSet<_>>();
        let (before, after) = (documents(old), documents(new));
        let pools = |pack: &Scenario| {
            let pools = pack.keyword_pools.iter().map(|pool| pool.words().join("\n"));
            pools.collect::<Vec<String>>()
        };
        let mut change = Self {
            everything: old.attached != new.attached || pools(old) != pools(new),
            tasks: BTreeSet::new(),
            rules: false,
            rubrics: BTreeSet::new(),
        };
        for (kind, name, _) in before.symmetric_difference(&after) {
            match *kind {
                // Nobody reads them while an episode is played.
                "Test" | "Policy" => {}
                "Rubric" => {
                    change.rubrics.insert(name.clone());
                }
                "Rules" => change.rules = true,
                "Task" => {
                    change.tasks.insert(name.clone());
                }
                _ => change.everything = true,
            }
        }
        change
    }

    /// What it does to episodes of a task with a rubric.
    pub(super) fn reach(&self, task: &str, rubric: &str) -> Reach {
        let family = task.split_once('/').map_or(task, |(family, _)| family);
        let rubric = self.rubrics.contains(rubric);
        if self.everything || self.tasks.contains(family) {
            Reach::Everything
        } else if self.rules {
            Reach::Rules { rubric }
        } else if rubric {
            Reach::Rubric
        } else {
            Reach::Nothing
        }
    }
}
