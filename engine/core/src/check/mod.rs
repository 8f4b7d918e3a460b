//! What a pack *means*: documents to a [`Catalog`], every problem at its place.
//!
//! | file | what |
//! |---|---|
//! | `documents.rs` | the documents of a pack, laid over those that they extend |
//! | `environment.rs` | columns, decisions, action, observation |
//! | `rules.rs` | rules to predicates and outcomes |
//! | `inbox.rs` | items in every form, with their truth |
//! | `task.rs` | tasks: rubric with weights, instructions, items |
//! | `policy.rs` | scripted policies |
//! | `test.rs` | test documents |
//! | `tools.rs` | the environment's tools |
//! | `template.rs` | templates, with their errors at the author's own lines |
//!
//! A file's problems never hide another's; what depends on a broken document is left unchecked rather than reported twice.

mod documents;
mod environment;
mod inbox;
mod policy;
mod rules;
mod task;
mod template;
mod test;
mod tools;

use std::{cell::Cell, path::Path, sync::Arc};

use indexmap::IndexMap;

pub(crate) use documents::Documents;

use crate::{
    diagnostic::{Code, Diagnostic, Report},
    model::Column,
    rubric::{self, KeywordPool, Rubric},
    rules::RuleSet,
    scenario::{Catalog, Pack, Task},
    source::{MAX_FILE_BYTES, MAX_FILES, PackSource, ReadProblem, SourceFile, SourceSet},
    spec::{self, Content, Document, Kind},
};

/// The outcome of compiling: a catalog unless there were errors, and every finding.
#[derive(Debug)]
pub struct Compiled {
    /// Present exactly when the report has no error.
    pub catalog: Option<Catalog>,
    /// Every finding, warnings included.
    pub report: Report,
    /// How many documents were read.
    pub documents: usize,
}

/// Compiles a whole catalog of the given generation (1, 2, 3, ...).
pub fn compile(sources: &SourceSet, generation: u64) -> Compiled {
    Checker::default().compile(sources, generation)
}

/// Compiles one catalog after the other; files that did not change are not parsed again.
#[derive(Debug, Default)]
pub struct Checker {
    cache: documents::Cache,
}

impl Checker {
    /// Compiles a whole catalog of the given generation.
    pub fn compile(&mut self, sources: &SourceSet, generation: u64) -> Compiled {
        let compiled = compile_all(sources, generation, &mut self.cache);
        self.cache.turn();
        compiled
    }
}

fn compile_all(sources: &SourceSet, generation: u64, cache: &mut documents::Cache) -> Compiled {
    let mut report = Report::default();
    let mut packs = Vec::new();
    let mut documents = 0;
    let mut places: IndexMap<String, Arc<Path>> = IndexMap::new();
    for file in &sources.missing {
        unreadable(file, &mut report);
    }
    for source in &sources.packs {
        let (pack, count) = compile_pack(source, generation, cache, &mut report);
        documents += count;
        if let Some((pack, file, span)) = pack {
            if let Some(first) = places.get(pack.name()) {
                report.push(
                    Diagnostic::new(
                        Code::DuplicateName,
                        &file,
                        span,
                        format!("two packs have the name `{}`", pack.name()),
                    )
                    .hint(format!("the other one is `{}`; rename one of them", first.display())),
                );
            }
            places.insert(pack.name().to_owned(), Arc::clone(&file.path));
            packs.push(Arc::new(pack));
        }
    }
    report.sort();
    packs.sort_by(|a, b| a.name().cmp(b.name()));
    let catalog = (report.errors() == 0 && !packs.is_empty()).then_some(Catalog { generation, packs });
    Compiled { catalog, report, documents }
}

/// What of a pack is compiled before its tasks.
pub(crate) struct Parts<'a> {
    pub(crate) documents: &'a Documents<'a>,
    pub(crate) environment: &'a spec::Environment,
    pub(crate) root: &'a Document,
    pub(crate) fields: Arc<[Column]>,
    pub(crate) decisions: Arc<[Column]>,
    pub(crate) rules: IndexMap<String, RuleSet>,
    pub(crate) rubrics: IndexMap<String, Rubric>,
    /// Whether every document was read and every rule compiled, so that what tasks miss of them is really missing.
    pub(crate) sound: bool,
    /// Bytes of the items made so far, for all tasks together.
    pub(crate) bytes: Cell<usize>,
    /// Regular expressions compiled so far.
    pub(crate) regexes: Cell<usize>,
}

type Compiling = Option<(Pack, SourceFile, std::ops::Range<usize>)>;

fn compile_pack(
    source: &PackSource,
    generation: u64,
    cache: &mut documents::Cache,
    report: &mut Report,
) -> (Compiling, usize) {
    let read = documents::read(source, cache, report);
    let count = read.own;
    let documents = Documents::new(&read);
    documents.check_names(report);
    let Some(root) = find_root(source, &documents, report) else { return (None, count) };
    let Content::Environment(environment) = &root.content else { return (None, count) };
    let pack = assemble(source, generation, &documents, (root, environment), cache, report);
    (pack.map(|pack| (pack, root.file().clone(), root.place("/name").1)), count)
}

fn assemble(
    source: &PackSource,
    generation: u64,
    documents: &Documents<'_>,
    (root, environment): (&Document, &spec::Environment),
    cache: &mut documents::Cache,
    report: &mut Report,
) -> Option<Pack> {
    let before = report.errors();
    let mut templates = crate::scenario::templates::engine();
    let columns = environment::columns(root, environment, report);
    let action = environment::action(root, environment, &columns, &mut templates, report);
    let observation = environment::observation(root, environment, &columns, &mut templates, report);
    let tools: Vec<String> = environment.tools.keys().cloned().collect();
    let single = environment.action.shape == spec::Shape::Single && !environment.action.revise;
    let mut parts = Parts {
        documents,
        environment,
        root,
        fields: columns.fields.into(),
        decisions: columns.decisions.into(),
        rules: IndexMap::new(),
        rubrics: IndexMap::new(),
        sound: false,
        bytes: Cell::new(0),
        regexes: Cell::new(0),
    };
    // Columns that are wrong would make every condition and label wrong as well.
    if report.errors() > before && columns.broken {
        return None;
    }
    compile_rules(&mut parts, report);
    for document in documents.of(Kind::Rubric) {
        if let Content::Rubric(spec) = &document.content {
            let rubric = rubric::compile(document, spec, &parts.decisions, &tools, single, report);
            parts.rubrics.extend(rubric.map(|rubric| (spec.name.clone(), rubric)));
        }
    }
    environment::check_truth(&parts, report);
    parts.sound = !documents.broken() && report.errors() == before;
    let mut policies = IndexMap::new();
    for document in documents.of(Kind::Policy) {
        if let Content::Policy(spec) = &document.content {
            policies.extend(
                policy::compile(document, spec, &parts, &mut templates, report)
                    .map(|script| (spec.name.clone(), script)),
            );
        }
    }
    if let Some(name) = &environment.baseline
        && documents.find(Kind::Policy, name).is_none()
    {
        documents.missing(Kind::Policy, name, root, "/baseline", report);
    }
    let mut tasks = compile_tasks(&parts, cache, report);
    let mut suites = Vec::new();
    for document in documents.of(Kind::Test) {
        if let Content::Test(spec) = &document.content {
            suites.extend(test::compile(document, spec, &parts, &tasks, (action.as_ref(), &observation), report));
        }
    }
    inbox::check_unplayed(&parts, report);
    if documents.of(Kind::Task).next().is_none() && !documents.broken() {
        report.push(
            root.at(Code::NoTasks, "", "the pack has no task, so nobody can play it")
                .hint("add a document with `kind: Task`"),
        );
    }
    if report.errors() == before && !documents.broken() {
        documents.check_use(report);
    }
    tasks.sort_by(|a, b| a.difficulty.total_cmp(&b.difficulty).then_with(|| a.name.cmp(&b.name)));
    let title = environment.title.clone().unwrap_or_else(|| environment.name.clone());
    let revealed: Vec<usize> =
        action.iter().flat_map(|model| &model.tools).flat_map(|tool| tool.reveals.iter().copied()).collect();
    let observation_schema =
        crate::scenario::observation::schema(&observation, &parts.fields, &revealed, &format!("{title}: observation"));
    (report.errors() == before).then_some(())?;
    Some(Pack {
        name: environment.name.clone(),
        title,
        description: environment.description.clone(),
        version: environment.version.clone(),
        noun: environment.item.noun.clone(),
        readme: source.readme.clone(),
        digest: documents.digest(),
        generation,
        fields: parts.fields,
        keyword_pools: keyword_pools(&tasks, parts.decisions.len()),
        decisions: parts.decisions,
        action: action?,
        observation,
        observation_schema,
        templates,
        tasks,
        policies,
        rules: parts.rules,
        truth: environment.decision.values().map(|spec| spec.truth.as_ref().map(|truth| truth.rules.clone())).collect(),
        digests: documents.digests(),
        suites,
        baseline: environment.baseline.clone(),
    })
}

fn compile_rules(parts: &mut Parts<'_>, report: &mut Report) {
    for document in parts.documents.of(Kind::Rules) {
        if let Content::Rules(spec) = &document.content {
            let set = rules::compile(document, spec, parts, report);
            parts.rules.extend(set.map(|set| (spec.name.clone(), set)));
        }
    }
}

/// The rules of a pack with what they are about, whether or not its inboxes and tasks agree with them.
#[derive(Debug)]
pub struct Ruled {
    /// The pack's name.
    pub name: String,
    /// The author's version of the pack.
    pub version: String,
    /// The pack's digest.
    pub digest: String,
    /// The fields of its items.
    pub fields: Arc<[Column]>,
    /// What is decided about them.
    pub decisions: Arc<[Column]>,
    /// Its rules, by name.
    pub rules: IndexMap<String, RuleSet>,
}

/// The names of the rules that a file holds.
pub fn names_of_rules(file: &SourceFile) -> Vec<String> {
    let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
    drafts.iter().filter(|draft| draft.kind == Kind::Rules).filter_map(|draft| Some(draft.name()?.to_owned())).collect()
}

/// Compiles the rules of a pack and nothing else of it; the findings are about those alone.
pub fn ruled(source: &PackSource) -> (Option<Ruled>, Report) {
    let mut report = Report::default();
    let mut cache = documents::Cache::default();
    let read = documents::read(source, &mut cache, &mut report);
    let documents = Documents::new(&read);
    documents.check_names(&mut report);
    let ruled = find_root(source, &documents, &mut report).and_then(|root| {
        let Content::Environment(environment) = &root.content else { return None };
        let columns = environment::columns(root, environment, &mut report);
        let mut parts = Parts {
            documents: &documents,
            environment,
            root,
            fields: columns.fields.into(),
            decisions: columns.decisions.into(),
            rules: IndexMap::new(),
            rubrics: IndexMap::new(),
            sound: false,
            bytes: Cell::new(0),
            regexes: Cell::new(0),
        };
        if !columns.broken {
            compile_rules(&mut parts, &mut report);
        }
        Some(Ruled {
            name: environment.name.clone(),
            version: environment.version.clone(),
            digest: documents.digest(),
            fields: parts.fields,
            decisions: parts.decisions,
            rules: parts.rules,
        })
    });
    report.sort();
    (ruled.filter(|_| report.errors() == 0), report)
}

/// Compiles the tasks; those of which nothing changed are taken from the cache.
fn compile_tasks(parts: &Parts<'_>, cache: &mut documents::Cache, report: &mut Report) -> Vec<Arc<Task>> {
    let documents = parts.documents;
    let mut tasks = Vec::new();
    let shared = documents.shared_digest();
    for document in documents.of(Kind::Task) {
        let Content::Task(spec) = &document.content else { continue };
        let bytes = parts.bytes.get();
        let made = cache.task(documents.key_of_task(document, &spec.inbox, &shared), || {
            let found = report.diagnostics.len();
            let task = task::compile(document, spec, parts, report)?;
            // A task with findings is compiled again, so that they are told again.
            (report.diagnostics.len() == found && parts.sound).then(|| (task, parts.bytes.get() - bytes))
        });
        if let Some((task, added)) = made {
            parts.bytes.set(bytes + added);
            tasks.push(task);
        }
    }
    tasks
}

/// The keywords of all items of all tasks, in every form, by decision.
fn keyword_pools(tasks: &[Arc<Task>], decisions: usize) -> Vec<KeywordPool> {
    let mut pools = vec![KeywordPool::default(); decisions];
    for item in tasks.iter().flat_map(|task| &task.items).flat_map(|variants| &variants.forms) {
        for (pool, truth) in pools.iter_mut().zip(&item.truth) {
            for keyword in &truth.keywords {
                pool.add(keyword);
            }
        }
    }
    pools
}

fn find_root<'a>(source: &PackSource, documents: &Documents<'a>, report: &mut Report) -> Option<&'a Document> {
    let mut roots = documents.of(Kind::Environment);
    let first = roots.next();
    for other in roots {
        report.push(
            other
                .at(Code::Environment, "/kind", "the pack has a second environment")
                .hint("keep one; a pack is one environment"),
        );
    }
    if first.is_none() && !documents.broken() {
        let file = SourceFile::new(&source.root, "");
        report.push(
            Diagnostic::new(Code::Environment, &file, 0..0, "the pack has no environment")
                .hint("add a document with `kind: Environment`; it is the pack's root"),
        );
    }
    first
}

fn unreadable(file: &SourceFile, report: &mut Report) {
    let path = file.path.display();
    let (code, message, hint) = match file.problem.as_ref() {
        None => return,
        Some(ReadProblem::Io(error)) => (Code::Unreadable, format!("`{path}` cannot be read: {error}"), None),
        Some(ReadProblem::TooLarge(size)) => (
            Code::TooLarge,
            format!("`{path}` has {size} bytes; a file may have {MAX_FILE_BYTES}"),
            Some("split it into several files of the same pack"),
        ),
        Some(ReadProblem::NotUtf8(at)) => (
            Code::NotUtf8,
            format!("`{path}` is not UTF-8 text: byte {at} does not belong"),
            Some("save the file as UTF-8"),
        ),
        Some(ReadProblem::TooManyFiles) => {
            (Code::TooLarge, format!("`{path}` holds more than {MAX_FILES} files"), Some("split the pack"))
        }
        Some(ReadProblem::Circle) => {
            (Code::Cycle, format!("the pack `{path}` extends itself"), Some("a pack cannot extend one that extends it"))
        }
        Some(ReadProblem::NoPack) => (
            Code::NoPack,
            format!("there is no pack in `{path}`"),
            Some("a pack is a folder with YAML files, one of which says `kind: Environment`"),
        ),
    };
    let mut diagnostic = Diagnostic::new(code, file, 0..0, message);
    if let Some(hint) = hint {
        diagnostic = diagnostic.hint(hint);
    }
    report.push(diagnostic);
}
