//! Episodes that tests record.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_compile::check::Checker;
use casebook_records::Observer;
use casebook_runtime::{
    episode::Episode,
    policy,
    record::{Details, Recording, Usage, Watch, play_observed},
    scenario::{Catalog, Pack},
};
use casebook_syntax::source;
use serde_json::Map;

/// A pack of the repository.
pub(crate) fn pack(path: &str) -> Arc<Pack> {
    catalog(path).packs()[0].clone()
}

pub(crate) fn catalog(path: &str) -> Catalog {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in engine/records");
    let roots: Vec<PathBuf> = vec![root.join(path)];
    let compiled = Checker::with_plugins(None).compile(&source::read(&roots), 1);
    compiled.catalog.unwrap_or_else(|| panic!("{}", compiled.report.render(false)))
}

/// Plays an episode as `run --records` does.
pub(crate) fn play(pack: &Arc<Pack>, (task, seed): (usize, u64), name: &str, details: Details) -> Recording {
    let policy = policy::find(pack, name).expect("it is built in");
    let tasks = pack.tasks();
    let task = &tasks[task % tasks.len()];
    let mut observer = Observer::default();
    let mut observe = |episode: &Episode, observation: &str| observer.observe(episode, observation);
    let watch = Watch { step: &mut |_, _, _| {}, observe: &mut observe };
    let trajectory = play_observed(&policy, task, (seed, &Map::new()), watch).expect("it plays");
    let count = trajectory.steps.len() as u64;
    let details = Details {
        times: if details.times.is_empty() { Vec::new() } else { (1..=count).map(|at| at * 7).collect() },
        usage: details.usage.first().map_or_else(Vec::new, |usage| (0..count).map(|_| *usage).collect::<Vec<Usage>>()),
        ..details
    };
    observer.finish(Recording::new(pack, name, trajectory), details)
}
