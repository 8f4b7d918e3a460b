//! What may take the place of what is loaded: the packs without errors, and the loaded versions of those with some.

use std::{path::Path, sync::Arc, time::SystemTime};

use casebook_compile::check::Compiled;
use casebook_runtime::scenario::{Catalog, Pack};
use casebook_syntax::diagnostic::{Diagnostic, Report, Severity};

use super::Rejected;

/// A change that can be loaded.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The hash of the files that it was compiled from.
    pub digest: String,
    /// When it was compiled.
    pub found_at: SystemTime,
    /// The environments that it changes, adds or takes away, by name.
    pub changed: Vec<String>,
    /// What its packs are warned about.
    pub report: Arc<Report>,
    /// What is wrong with packs that have errors: their loaded version goes on, and they are left out where there is none.
    pub rejected: Option<Arc<Rejected>>,
    pub(super) catalog: Catalog,
}

impl Candidate {
    /// Joins what was compiled with what is loaded.
    ///
    /// # Errors
    ///
    /// When no pack is left, or a pack with errors has the name of one without and was there first.
    pub(crate) fn new(compiled: Compiled, digest: &str, loaded: &Catalog) -> Result<Self, Rejected> {
        let Compiled { sound, broken, report, .. } = compiled;
        let is_broken = |path: &Path| broken.iter().any(|folder| path.starts_with(folder));
        let generation = sound.generation;
        let mut packs = sound.packs;
        let kept = loaded.packs.iter().filter(|pack| is_broken(&pack.folder));
        for pack in kept.filter(|pack| !packs.iter().any(|other| other.folder == pack.folder)).collect::<Vec<_>>() {
            if packs.iter().any(|other| other.name == pack.name) {
                return Err(Rejected { report, reason: None });
            }
            packs.push(Arc::new(Pack { generation, scenario: Arc::clone(&pack.scenario) }));
        }
        if packs.is_empty() {
            return Err(Rejected { report, reason: None });
        }
        packs.sort_by(|a, b| a.name.cmp(&b.name));
        let is_wrong = |found: &Diagnostic| found.severity == Severity::Error || is_broken(&found.path);
        let (wrong, right): (Vec<_>, Vec<_>) = report.diagnostics.into_iter().partition(is_wrong);
        let rejected = (!broken.is_empty()).then(|| Arc::new(Rejected { report: gathered(wrong), reason: None }));
        let catalog = Catalog { generation, packs };
        Ok(Self {
            digest: digest.to_owned(),
            found_at: SystemTime::now(),
            changed: changed(loaded, &catalog),
            report: Arc::new(gathered(right)),
            rejected,
            catalog,
        })
    }

    /// The packs, as they would be loaded.
    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The packs that are new or changed.
    pub(super) fn changed_packs(&self) -> Vec<Arc<Pack>> {
        let is_changed = |pack: &&Arc<Pack>| self.changed.contains(&pack.name);
        self.catalog.packs.iter().filter(is_changed).map(Arc::clone).collect()
    }
}

/// The same packs as another generation.
pub(super) fn numbered(catalog: &Catalog, generation: u64) -> Catalog {
    let packs = catalog.packs.iter().map(|pack| Arc::new(Pack { generation, scenario: Arc::clone(&pack.scenario) }));
    Catalog { generation, packs: packs.collect() }
}

fn gathered(diagnostics: Vec<Diagnostic>) -> Report {
    let mut report = Report::default();
    report.extend(diagnostics);
    report
}

/// The names of packs that are not the same in both, in order.
fn changed(before: &Catalog, after: &Catalog) -> Vec<String> {
    let same = |pack: &Pack, other: &Catalog| {
        other.pack(&pack.name).is_some_and(|found| Arc::ptr_eq(&found.scenario, &pack.scenario))
    };
    let gone = before.packs.iter().filter(|pack| after.pack(&pack.name).is_none());
    let mut names: Vec<String> =
        after.packs.iter().filter(|pack| !same(pack, before)).chain(gone).map(|pack| pack.name.clone()).collect();
    names.sort();
    names
}
