//! What was compiled last, so that what did not change need not be compiled again.

use std::{collections::HashMap, mem, ops::Range, path::PathBuf, sync::Arc};

use casebook_runtime::scenario::Scenario;
use casebook_syntax::{
    diagnostic::Diagnostic,
    source::{PackSource, SourceFile},
    spec::Cut,
};

use super::{
    Proof,
    documents::{self, Misfits},
    generator::{Built, Plans},
    plugins,
};

/// What was compiled last.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) plugins: plugins::Cache,
    /// Whether draws of generators are not tried now.
    pub(super) untried: bool,
    packs: HashMap<PathBuf, KeptPack>,
}

/// What was compiled last of one pack.
#[derive(Debug, Default)]
pub(super) struct KeptPack {
    pub(super) documents: documents::Cache,
    pub(super) generators: Built,
    pub(super) plans: Plans,
    /// Whether draws of generators are not tried now.
    pub(super) untried: bool,
    whole: Option<(PackSource, Outcome)>,
    /// Whether the catalog that is being compiled has the pack.
    used: bool,
    /// Whether it was compiled for that catalog, without an error.
    sound: bool,
}

/// What compiling a pack gave.
#[derive(Debug, Clone, Default)]
pub(super) struct Outcome {
    /// The scenario with the place of its name; none if there were errors.
    pub(super) made: Option<(Arc<Scenario>, SourceFile, Range<usize>)>,
    /// How many documents there are.
    pub(super) count: usize,
    /// Whether some of them could not be read.
    pub(super) broken: bool,
    pub(super) findings: Vec<Diagnostic>,
    /// What was left out of documents that do not fit their schemas.
    pub(super) cuts: Vec<Cut>,
    pub(super) proof: Proof,
}

impl Kept {
    /// The outcome of a pack: the last one if it did not change, otherwise what `make` gives.
    pub(super) fn pack(
        &mut self,
        source: &PackSource,
        (thorough, misfits): (bool, Misfits),
        make: impl FnOnce(&mut KeptPack, &mut plugins::Cache) -> Outcome,
    ) -> Outcome {
        let kept = self.packs.entry(source.root.clone()).or_default();
        kept.used = true;
        kept.untried = self.untried;
        let whole = kept.whole.as_ref().filter(|_| !kept.untried);
        let known = whole.filter(|(of, known)| known.proof.thorough == thorough && of == source);
        // Where every document was read there is nothing to leave out.
        if let Some((_, known)) = known.filter(|(_, known)| misfits == Misfits::Lost || !known.broken) {
            return known.clone();
        }
        let outcome = make(kept, &mut self.plugins);
        kept.sound = outcome.made.is_some();
        // What became of a program that is a plugin may be another time otherwise.
        let is_whole = misfits == Misfits::Lost && source.modules.is_empty() && !kept.untried;
        kept.whole = is_whole.then(|| (source.clone(), outcome.clone()));
        outcome
    }

    /// What was read last of a pack.
    pub(super) fn documents(&mut self, source: &PackSource) -> &mut documents::Cache {
        let kept = self.packs.entry(source.root.clone()).or_default();
        kept.used = true;
        &mut kept.documents
    }

    /// Drops what the catalog that was just compiled did not need.
    pub(super) fn turn(&mut self) {
        self.plugins.turn();
        self.packs.retain(|_, pack| {
            // A mistake leaves much of a pack uncompiled, which is needed again once it is put right.
            pack.documents.turn(mem::take(&mut pack.sound));
            mem::take(&mut pack.used)
        });
    }
}
