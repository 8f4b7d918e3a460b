//! What of a pack is compiled before its tasks.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use casebook_runtime::{
    model::Column,
    plugin::Judge,
    rubric::Rubric,
    rules::RuleSet,
    scenario::{ResetModel, derived::Derived, ranking::Ranking},
};
use casebook_syntax::{
    diagnostic::Report,
    source::{self, PackSource, SourceFile},
    spec::{self, Document},
};
use indexmap::IndexMap;
use minijinja::Value as Context;

use super::{counts, documents::Documents, environment, generator, judge, plugins};
use crate::plugin::Declared;

/// What of a pack is compiled before its tasks.
pub(crate) struct Parts<'a> {
    pub(crate) documents: &'a Documents<'a>,
    pub(crate) environment: &'a spec::Environment,
    pub(crate) root: &'a Document,
    pub(crate) fields: Arc<[Column]>,
    pub(crate) decisions: Arc<[Column]>,
    pub(crate) derived: Derived,
    pub(crate) rankings: Arc<[Ranking]>,
    pub(crate) reset: ResetModel,
    /// What expressions may read before the first step, with sample values.
    pub(crate) first: Context,
    pub(crate) rules: IndexMap<String, Arc<RuleSet>>,
    /// The names of rules that have errors, so that what is left of them decides something else.
    pub(crate) broken_rules: Vec<String>,
    pub(crate) rubrics: IndexMap<String, Rubric>,
    /// The generators, by name and level.
    pub(crate) generators: generator::Generators,
    /// Whether draws of generators are not tried.
    pub(crate) untried: bool,
    /// How draws of generators are steered, as far as that was tried.
    pub(super) plans: RefCell<generator::Plans>,
    /// The plugins; `None` for one that was refused.
    pub(crate) plugins: Declared,
    /// Who is asked where language models grade.
    pub(crate) judge: Judge,
    /// The digests of the files with answers of language models.
    pub(super) answers: String,
    /// Whether every document was read and every rule compiled, so that what tasks miss of them is really missing.
    pub(crate) sound: bool,
    /// Bytes of the items made so far, for all tasks together.
    pub(crate) bytes: Cell<usize>,
    /// Regular expressions compiled so far.
    pub(crate) regexes: Cell<usize>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        documents: &'a Documents<'a>,
        (root, environment): (&'a Document, &'a spec::Environment),
        columns: environment::Columns,
        (reset, first, mut derived): (ResetModel, Context, Derived),
    ) -> Self {
        derived.set_greatest_count(counts::greatest(documents));
        Self {
            documents,
            environment,
            root,
            fields: columns.fields.into(),
            decisions: columns.decisions.into(),
            derived,
            rankings: Arc::new([]),
            reset,
            first,
            rules: IndexMap::new(),
            rubrics: IndexMap::new(),
            generators: generator::Generators::new(),
            untried: false,
            plans: RefCell::default(),
            plugins: IndexMap::new(),
            judge: Judge::default(),
            answers: String::new(),
            sound: false,
            broken_rules: Vec::new(),
            bytes: Cell::new(0),
            regexes: Cell::new(0),
        }
    }

    /// Whether fields count other items, so that no item is judged alone.
    pub(super) fn counts(&self) -> bool {
        !self.derived.counts().is_empty()
    }

    /// Whether a count was refused, so that no item can be judged.
    pub(super) fn lacks_counts(&self) -> bool {
        self.derived.counts().len() < self.fields.iter().filter(|column| column.counted).count()
    }

    /// Adds what grades besides the engine: plugins, and language models with what they answered.
    pub(super) fn take(
        &mut self,
        plugins: Declared,
        (source, loaded): (&PackSource, &plugins::Cache),
        report: &mut Report,
    ) {
        self.plugins = plugins;
        self.judge = Judge { answers: judge::answers(source, report), guest: loaded.judge() };
        self.answers = source::bases(source).filter_map(|pack| pack.answers.as_ref()).map(SourceFile::digest).collect();
    }
}
