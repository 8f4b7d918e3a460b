//! The rules of a pack and nothing else of it.

use std::sync::Arc;

use casebook_runtime::{model::Column, rules::RuleSet, scenario::derived::Derived};
use casebook_syntax::{
    diagnostic::Report,
    source::{self, PackSource, SourceFile},
    spec::{self, Content, Document, Kind},
};
use indexmap::IndexMap;

use super::{Checker, Documents, Parts, compile_rules, documents, environment, find_root, generator, surface};

/// The rules of a pack with what they are about, whether or not its inboxes and tasks agree with them.
#[derive(Debug)]
pub struct Ruled {
    /// The pack's name.
    pub name: String,
    /// The author's version of the pack.
    pub version: String,
    /// The pack's digest.
    pub digest: String,
    /// The digest of its tests, which the pack's own leaves out.
    pub tests: String,
    /// Its `README.md`, which agents may read.
    pub readme: Option<Arc<str>>,
    /// Its data files and those of the packs that it extends.
    pub data: Vec<DataFile>,
    /// Its documents, laid over those that they extend.
    pub documents: Vec<Arc<Document>>,
    /// The fields of its items.
    pub fields: Arc<[Column]>,
    /// What is decided about them.
    pub decisions: Arc<[Column]>,
    /// Its rules, by name.
    pub rules: IndexMap<String, Arc<RuleSet>>,
    /// What computes the derived fields.
    pub derived: Derived,
}

/// A file of a pack that its generators may draw from, such as `people.csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its path within the pack.
    pub path: String,
    /// What it says.
    pub text: Arc<str>,
}

/// The names of the rules that a file holds.
pub fn names_of_rules(file: &SourceFile) -> Vec<String> {
    let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
    drafts.iter().filter(|draft| draft.kind == Kind::Rules).filter_map(|draft| Some(draft.name()?.to_owned())).collect()
}

/// The documents of a pack, laid over those that they extend; of one that is wrong, those that can be read.
pub fn documents_of(source: &PackSource) -> Vec<Arc<Document>> {
    documents::read(source, &mut documents::Cache::default(), &mut Report::default()).all
}

impl Ruled {
    /// Drops the places of what is many in a pack, once nothing else needs them: they take more memory than the rest.
    pub fn forget_places(&mut self) {
        let is_many = |document: &&mut Document| match &document.content {
            Content::Inbox(_) | Content::Generator(_) | Content::Test(_) => true,
            Content::Rules(rules) => rules.table.is_none(),
            Content::Environment(_) | Content::Rubric(_) | Content::Task(_) | Content::Policy(_) => false,
        };
        let documents = self.documents.iter_mut().filter_map(Arc::get_mut);
        documents.filter(is_many).for_each(Document::forget_places);
    }
}

/// Compiles the rules of a pack and nothing else of it; the findings are about those alone.
pub fn ruled(source: &PackSource) -> (Option<Ruled>, Report) {
    compile(source, &mut documents::Cache::default())
}

impl Checker {
    /// Compiles the rules of a pack and nothing else of it; files that a catalog is compiled from next are not read again.
    pub fn ruled(&mut self, source: &PackSource) -> (Option<Ruled>, Report) {
        compile(source, self.kept.documents(source))
    }
}

fn compile(source: &PackSource, cache: &mut documents::Cache) -> (Option<Ruled>, Report) {
    let mut report = Report::default();
    let read = documents::read(source, cache, &mut report);
    let documents = Documents::new(&read);
    documents.check_names(&mut report);
    let ruled = find_root(source, &documents, &mut report).and_then(|root| {
        let Content::Environment(environment) = &root.content else { return None };
        // Rules do not ask plugins for anything.
        let plugins = environment.plugins.keys().map(|name| (name.clone(), None)).collect();
        let mut templates = casebook_runtime::scenario::templates::engine();
        let (columns, surface) = surface((root, environment), &plugins, &mut templates, &mut report)?;
        let broken = columns.broken;
        // What is wrong with formulas is nothing about rules.
        let names = (&surface.data, &surface.regexes);
        let derived = environment::derived(root, environment, &columns, names, &mut Report::default());
        let mut parts = Parts::new(&documents, (root, environment), columns, (surface.reset, surface.first, derived));
        if !broken {
            compile_rules(&mut parts, cache, &mut report);
        }
        let files: Vec<&SourceFile> = source::bases(source).flat_map(|pack| &pack.data).collect();
        Some(Ruled {
            name: environment.name.clone(),
            version: environment.version.clone(),
            digest: generator::digest(documents.digest(), &files),
            tests: documents.digest_of_tests(),
            readme: source.readme.clone(),
            data: source::bases(source).flat_map(data).collect(),
            documents: read.all.clone(),
            fields: parts.fields,
            decisions: parts.decisions,
            rules: parts.rules,
            derived: parts.derived,
        })
    });
    report.sort();
    (ruled.filter(|_| report.errors() == 0), report)
}

fn data(pack: &PackSource) -> impl Iterator<Item = DataFile> {
    pack.data.iter().map(|file| DataFile {
        path: file.path.strip_prefix(&pack.root).unwrap_or(&file.path).to_string_lossy().into_owned(),
        text: Arc::clone(&file.text),
    })
}
