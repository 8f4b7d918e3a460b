//! What a pack *means*: documents to a [`Catalog`], every problem at its place.
//!
//! | file | what |
//! |---|---|
//! | `documents.rs` | the documents of a pack, laid over those that they extend |
//! | `environment.rs` | the environment as a whole, columns, decisions |
//! | `counts.rs` | fields that count other items of the episode |
//! | `counted.rs` | the same once the items of a task are made: what is settled at load, and what is tried |
//! | `parts.rs` | what of a pack is compiled before its tasks |
//! | `declared.rs` | what is declared of values: that its keys suit their types |
//! | `scope.rs` | what expressions may read; state, reset arguments, effects |
//! | `action.rs` | what agents send |
//! | `observation.rs` | what agents see |
//! | `rules.rs` | rules to predicates and outcomes |
//! | `proofs.rs` | what rules mean, with items that show it |
//! | `ruled.rs` | the rules of a pack and nothing else of it |
//! | `inbox.rs` | inboxes: their items, by name and together |
//! | `generator/` | what resets draw: generators, and what tasks draw of them |
//! | `forms.rs` | one item in every form that a task can give it |
//! | `heirs.rs` | findings about what several documents inherit |
//! | `truth.rs` | what is right about an item, by labels and rules |
//! | `limits.rs` | numbers of tasks that decide nothing |
//! | `lines.rs` | lines of places in a document, counted on from the last |
//! | `task.rs` | tasks: rubric with weights, instructions, items |
//! | `plant.rs` | instructions that a task plants into its items |
//! | `replies.rs` | labels of texts next to the graders that measure those texts |
//! | `sight.rs` | whether agents can see what the policy text that they get speaks of |
//! | `policy.rs` | scripted policies |
//! | `test.rs` | test documents |
//! | `plugins.rs` | the plugins that an environment declares |
//! | `judge.rs` | the prompts of language models that grade, and what they answered |
//! | `idle.rs` | states and reset arguments that nothing reads |
//! | `vary.rs` | what a task lets vary, and what plugins make of it |
//! | `tools.rs` | the environment's tools |
//! | `computed.rs` | tools whose answers a plugin computes |
//! | `attributes.rs` | properties of list entries that filters name in quotes |
//! | `comparisons.rs` | comparisons in expressions that have one result for every item |
//! | `instructions.rs` | what instructions show of the environment |
//! | `template.rs` | templates, with their errors at the author's own lines |
//! | `trial.rs` | what templates and expressions are tried with besides one sample |
//! | `kept.rs` | what was compiled last |
//! | `unread.rs` | what of packs cannot be read, and why |
//! | `left_out.rs` | which findings may be about what was left out because it does not fit |
//! | `beyond.rs` | problems behind other ones |
//!
//! A file's problems never hide another's; what depends on a broken document is left unchecked rather than reported twice.

mod action;
mod answers;
mod attributes;
mod beyond;
mod comparisons;
mod computed;
mod counted;
mod counts;
mod declared;
mod documents;
mod environment;
mod forms;
mod generator;
mod heirs;
mod idle;
mod inbox;
mod judge;
mod kept;
mod instructions;
mod later;
mod left_out;
mod limits;
mod lines;
mod observation;
mod parts;
mod plant;
mod plugins;
mod policy;
mod proofs;
mod replies;
mod ruled;
mod rules;
mod scope;
mod sight;
mod task;
mod template;
mod test;
mod tools;
mod trial;
mod truth;
mod unread;
mod vary;

use std::{
    cell::Cell,
    path::{Path, PathBuf},
    sync::Arc,
};

use indexmap::IndexMap;
use minijinja::{Environment as Engine, Value as Context};

use casebook_runtime::{
    expression::Expression,
    json::Name,
    model::Keyword,
    plugin::Host,
    rubric::KeywordPool,
    scenario::{
        Catalog, Pack, ResetModel, Scenario, Script, StateVariable, Task,
        action::ActionModel,
        observation::{Part, schema, with_answers, with_instructions},
    },
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    source::{self, PackSource, SourceFile, SourceSet},
    spec::{self, Content, Cut, Document, Kind},
};
pub(crate) use documents::Documents;
use documents::Misfits;
pub use forms::template_fields;
pub use judge::{AnswerFile, AnswerLine, read_answers};
pub(crate) use judge::{check_sensitive, prompt};
use kept::{Kept, KeptPack, Outcome};
pub(crate) use parts::Parts;
pub use plugins::{Lock, authoring, locks};
pub use proofs::Proof;
pub use ruled::{DataFile, Ruled, documents_of, names_of_rules, ruled};
pub use unread::unread;
use unread::{hinted, passed_over, unreadable, why_unread};

use crate::{
    plugin::Declared,
    rubric::{self, Surroundings},
};

/// The outcome of compiling: a catalog unless there were errors, and every finding.
#[derive(Debug)]
pub struct Compiled {
    /// Present exactly when the report has no error.
    pub catalog: Option<Catalog>,
    /// The packs that have no error themselves, also if others have some.
    pub sound: Catalog,
    /// The folders of the others, and what gave no pack.
    pub broken: Vec<PathBuf>,
    /// Every finding, warnings included.
    pub report: Report,
    /// How many documents there are, those that cannot be read included.
    pub documents: usize,
    /// What was asked about rules.
    pub proof: Proof,
}

/// Compiles a whole catalog of the given generation (1, 2, 3, ...).
pub fn compile(sources: &SourceSet, generation: u64) -> Compiled {
    Checker::default().compile(sources, generation)
}

/// Compiles a whole catalog and asks all that there is to ask about its rules.
pub fn prove(sources: &SourceSet) -> Compiled {
    Checker::default().prove(sources)
}

/// Compiles one catalog after the other; files that did not change are not parsed again.
#[derive(Debug, Default)]
pub struct Checker {
    kept: Kept,
}

impl Checker {
    /// A checker for packs with plugins; without a host every plugin is refused.
    pub fn with_plugins(host: Option<Arc<dyn Host>>) -> Self {
        let mut checker = Self::default();
        checker.kept.plugins = plugins::Cache::new(host);
        checker
    }

    /// Compiles a whole catalog of the given generation.
    pub fn compile(&mut self, sources: &SourceSet, generation: u64) -> Compiled {
        let (mut compiled, _) = compile_all(sources, generation, (Proof::default(), Misfits::Lost), &mut self.kept);
        if compiled.catalog.is_none() {
            beyond::look(sources, &mut self.kept, &mut compiled.report);
        }
        self.kept.turn();
        compiled
    }

    /// Compiles a whole catalog of which nobody plays what is drawn: generators are not tried.
    pub fn compile_untried(&mut self, sources: &SourceSet) -> Compiled {
        self.kept.untried = true;
        let (compiled, _) = compile_all(sources, 1, (Proof::default(), Misfits::Lost), &mut self.kept);
        self.kept.untried = false;
        self.kept.turn();
        compiled
    }

    /// Compiles a whole catalog and asks all that there is to ask about its rules.
    pub fn prove(&mut self, sources: &SourceSet) -> Compiled {
        let proof = Proof { thorough: true, ..Proof::default() };
        let (mut compiled, _) = compile_all(sources, 1, (proof, Misfits::Lost), &mut self.kept);
        if compiled.catalog.is_none() {
            beyond::look(sources, &mut self.kept, &mut compiled.report);
        }
        self.kept.turn();
        compiled
    }
}

fn compile_all(
    sources: &SourceSet,
    generation: u64,
    (mut proof, misfits): (Proof, Misfits),
    kept: &mut Kept,
) -> (Compiled, Vec<Cut>) {
    let mut left_out = Vec::new();
    let mut report = Report::default();
    let mut packs = Vec::new();
    let mut documents = 0;
    let mut broken: Vec<PathBuf> = sources.missing.iter().map(|file| file.path.to_path_buf()).collect();
    let mut places: IndexMap<String, Arc<Path>> = IndexMap::new();
    for file in &sources.missing {
        unreadable(file, &mut report);
    }
    for source in &sources.packs {
        for file in source::bases(source).flat_map(|pack| &pack.passed_over) {
            passed_over(file, &mut report);
        }
        let how = (proof.thorough, misfits);
        let Outcome { made, count, findings, cuts, proof: asked, .. } =
            kept.pack(source, how, |kept, plugins| compile_pack(source, how, kept, plugins));
        left_out.extend(cuts);
        documents += count;
        let errors = report.errors();
        report.extend(findings);
        let mut is_sound = made.is_some() && report.errors() == errors;
        proof.questions += asked.questions;
        proof.unknown.extend(asked.unknown);
        proof.left.extend(asked.left);
        if let Some((scenario, file, span)) = made {
            let pack = Pack { generation, scenario };
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
            is_sound &= report.errors() == errors;
            places.insert(pack.name().to_owned(), Arc::clone(&file.path));
            if is_sound {
                packs.push(Arc::new(pack));
            }
        }
        broken.extend((!is_sound).then(|| source.root.clone()));
    }
    report.sort();
    packs.sort_by(|a, b| a.name().cmp(b.name()));
    let sound = Catalog { generation, packs };
    let catalog = (report.errors() == 0 && !sound.packs.is_empty()).then(|| sound.clone());
    (Compiled { catalog, sound, broken, report, documents, proof }, left_out)
}

fn compile_pack(
    source: &PackSource,
    (thorough, misfits): (bool, Misfits),
    kept: &mut KeptPack,
    plugins: &mut plugins::Cache,
) -> Outcome {
    let (mut report, mut proof) = (Report::default(), Proof { thorough, ..Proof::default() });
    let read = documents::read_with(source, &mut kept.documents, misfits, &mut report);
    let documents = Documents::new(&read);
    documents.check_names(&mut report);
    let root = find_root(source, &documents, &mut report);
    let made = root.and_then(|root| {
        let Content::Environment(environment) = &root.content else { return None };
        let made = assemble(source, &documents, (root, environment), (kept, plugins, &mut proof), &mut report)?;
        Some((Arc::new(made), root.file().clone(), root.place("/name").1))
    });
    let broken = documents.broken();
    Outcome { made, count: read.count, broken, findings: report.diagnostics, cuts: read.cuts, proof }
}

fn assemble(
    source: &PackSource,
    documents: &Documents<'_>,
    (root, environment): (&Document, &spec::Environment),
    (kept, loaded, proof): (&mut KeptPack, &mut plugins::Cache, &mut Proof),
    report: &mut Report,
) -> Option<Scenario> {
    let before = report.errors();
    let mut templates = casebook_runtime::scenario::templates::engine();
    let plugins = plugins::load(root, environment, source, loaded, report);
    let (columns, surface) = surface((root, environment), &plugins, &mut templates, report)?;
    let Surface { action, observation, done, data, state, reset, after, first, regexes } = surface;
    let broken = columns.broken;
    let derived = environment::derived(root, environment, &columns, (&data, &regexes), report);
    let mut parts = Parts::new(documents, (root, environment), columns, (reset, first, derived));
    parts.take(plugins, (source, loaded), report);
    parts.regexes.set(regexes.get());
    parts.untried = kept.untried;
    parts.rankings = environment::rankings(root, environment, (&parts.fields, &parts.decisions), report).into();
    // Columns that are wrong would make every condition and label wrong as well.
    (report.errors() == before || !broken).then_some(())?;
    compile_rules(&mut parts, &mut kept.documents, report);
    compile_rubrics(&mut parts, (&mut templates, &after), report);
    environment::check_truth(&parts, report);
    parts.sound = !documents.broken() && report.errors() == before;
    if parts.sound {
        tools::check_costs(root, environment, documents, report);
    }
    let policies = compile_policies(&parts, (action.as_ref(), &mut templates), report);
    check_baseline(&parts, report);
    (!parts.lacks_counts()).then_some(())?;
    let files: Vec<&SourceFile> = source::bases(source).flat_map(|pack| &pack.data).collect();
    parts.generators = generator::compile_all(&parts, &files, &mut kept.generators, report);
    let mut tasks = compile_tasks(&mut parts, &files, kept, report);
    let keyword_pools = keyword_pools(&tasks, parts.decisions.len());
    if parts.sound {
        replies::check(&parts, &tasks, &keyword_pools, report);
        counted::check(&parts, &tasks, report);
        check_sound(&parts, source, report);
    }
    task::check_splits(&parts, report);
    task::check_practice(&parts, report);
    let suites = compile_suites(&parts, &tasks, (action.as_ref(), &observation), report);
    inbox::check_unplayed(&parts, report);
    proofs::check(&parts, &tasks, proof, report);
    check_has_task(root, documents, report);
    if report.errors() == before && !documents.broken() {
        documents.check_use(report);
    }
    tasks.sort_by(|a, b| a.difficulty.total_cmp(&b.difficulty).then_with(|| a.name.cmp(&b.name)));
    let title = environment.title.clone().unwrap_or_else(|| environment.name.clone());
    let tools = action.iter().flat_map(|model| &model.tools);
    let revealed: Vec<usize> = tools.flat_map(casebook_runtime::scenario::tools::Tool::revealed).collect();
    let reset_observation_schema = schema(&observation, &parts.fields, &revealed, &format!("{title}: observation"));
    // The first observation is also what a refused action leaves.
    let (reset_observation_schema, observation_schema) = match environment.action {
        None => {
            let first = with_instructions(reset_observation_schema);
            (first.clone(), with_answers(first))
        }
        Some(_) => (reset_observation_schema.clone(), reset_observation_schema),
    };
    let cards = action
        .as_ref()
        .map(|model| action::cards(root, environment, model, &parts.decisions, &observation_schema, report))
        .unwrap_or_default();
    let reads_actions = done.is_some() || reads_actions(&observation, &tasks);
    (report.errors() == before).then_some(())?;
    Some(Scenario {
        name: environment.name.clone(),
        title,
        description: environment.description.clone(),
        folder: source.root.clone(),
        version: environment.version.clone(),
        noun: environment.item.as_ref().map(|item| item.noun.clone()).unwrap_or_default(),
        has_items: environment.item.is_some(),
        data,
        state,
        readme: source.readme.clone(),
        digest: generator::digest(plugins::digest(documents.digest(), &parts.plugins), &files),
        attached: generator::digest(plugins::digest(String::new(), &parts.plugins), &files),
        fields: parts.fields,
        keyword_pools,
        decisions: parts.decisions,
        derived: parts.derived,
        rankings: parts.rankings,
        action: action?,
        done,
        reads_actions,
        cards,
        observation,
        observation_schema,
        reset_observation_schema,
        reset: parts.reset,
        templates,
        tasks,
        policies,
        rules: parts.rules,
        truth: environment.decision.values().map(|spec| spec.truth.as_ref()?.rules.clone()).collect(),
        digests: documents.digests().into_iter().map(|(kind, name, digest)| (kind.name(), name, digest)).collect(),
        plugins: parts.plugins.into_iter().filter_map(|(_, plugin)| plugin).collect(),
        suites,
        baseline: environment.baseline.clone(),
        has_processes: environment.plugins.values().any(|plugin| plugin.process.is_some()),
        splits: environment.splits.clone(),
        on_failure: environment.on_failure,
        practice: environment.practice.clone(),
        root: environment.root,
    })
}

/// Whether a part of the observation or a rubric computes something, which may read the last action.
fn reads_actions(observation: &[(Name, Part)], tasks: &[Arc<Task>]) -> bool {
    observation.iter().any(|(_, part)| matches!(part, Part::Value(..) | Part::Template(_)))
        || tasks.iter().any(|task| task.rubric.has_expressions())
}

fn check_has_task(root: &Document, documents: &Documents<'_>, report: &mut Report) {
    if documents.of(Kind::Task).next().is_none() && !documents.broken() {
        report.push(
            root.at(Code::NoTasks, "", "the pack has no task, so nobody can play it")
                .hint("add a document with `kind: Task`"),
        );
    }
}

/// What agents send and see, and what that may read.
struct Surface {
    action: Option<ActionModel>,
    observation: Vec<(Name, Part)>,
    done: Option<Expression>,
    data: Context,
    state: Vec<StateVariable>,
    reset: ResetModel,
    /// What expressions may read after a step and before the first one, with sample values.
    after: Context,
    first: Context,
    /// Regular expressions compiled so far.
    regexes: Cell<usize>,
}

fn surface(
    (root, spec): (&Document, &spec::Environment),
    plugins: &Declared,
    templates: &mut Engine<'static>,
    report: &mut Report,
) -> Option<(environment::Columns, Surface)> {
    let before = report.errors();
    environment::check_shape(root, spec, report);
    // What the parts say means nothing as long as some are missing.
    (report.errors() == before).then_some(())?;
    let columns = environment::columns(root, spec, report);
    let names = scope::names(root, spec, templates, report)?;
    let action = action::action(root, spec, (&columns, &names, plugins), templates, report);
    let observation = observation::observation(root, spec, (&columns, &names), templates, report);
    let after = observation::after(spec, &columns, &names);
    let first = names.before();
    let done = spec.done.as_ref().and_then(|text| {
        let what = scope::What { name: "done".into(), pointer: "/done", text: &text.0 };
        scope::number(templates, root, what, (&after, None), report)
    });
    let scope::Names { data, state, reset, regexes, .. } = names;
    Some((columns, Surface { action, observation, done, data, state, reset, after, first, regexes }))
}

/// Checks that the policy exists that stands as the baseline.
fn check_baseline(parts: &Parts<'_>, report: &mut Report) {
    if let Some(name) = &parts.environment.baseline
        && parts.documents.find(Kind::Policy, name).is_none()
    {
        parts.documents.missing(Kind::Policy, name, parts.root, "/baseline", report);
    }
}

fn compile_rules(parts: &mut Parts<'_>, cache: &mut documents::Cache, report: &mut Report) {
    for document in parts.documents.of(Kind::Rules) {
        if let Content::Rules(spec) = &document.content {
            let before = report.errors();
            let make = |report: &mut Report| rules::compile(document, spec, parts, report);
            let set = cache.rules((document, parts.root), report, make);
            parts.broken_rules.extend((report.errors() > before).then(|| spec.name.clone()));
            parts.rules.extend(set.map(|set| (spec.name.clone(), set)));
        }
    }
}

/// Checks what only a pack without errors so far can be asked.
fn check_sound(parts: &Parts<'_>, source: &PackSource, report: &mut Report) {
    judge::check_answers(source, &parts.rubrics, report);
    sight::check(parts, report);
    idle::check(parts, report);
}

fn compile_rubrics(parts: &mut Parts<'_>, (templates, after): (&mut Engine<'static>, &Context), report: &mut Report) {
    let tools: Vec<String> = parts.environment.tools.keys().cloned().collect();
    let action = parts.environment.action.as_ref();
    let revise = action.is_some_and(|one| one.revise);
    let single = action.is_some_and(|one| one.shape == spec::Shape::Single && !one.revise);
    let penalizes = action.is_some_and(|one| {
        let unknown = one.properties.values().any(|property| property.unknown == Some(spec::UnknownItem::Penalize));
        unknown || one.invalid == casebook_runtime::settings::OnInvalid::Penalize
    });
    let idle = revise || penalizes || !tools.is_empty() || parts.environment.item.is_none();
    for document in parts.documents.of(Kind::Rubric) {
        if let Content::Rubric(spec) = &document.content {
            let mut add = |document: &Document, pointer: &str, text: &str, report: &mut Report| {
                let what = scope::What { name: format!("rubric:{}:{pointer}", spec.name), pointer, text };
                // A reward is paid after an action; a score may be asked for before one.
                let before = (!pointer.starts_with("/reward")).then_some(&parts.first);
                scope::number(templates, document, what, (after, before), report)
            };
            let around = Surroundings {
                decisions: &parts.decisions,
                fields: &parts.fields,
                tools: &tools,
                plugins: &parts.plugins,
                judge: &parts.judge,
                single,
                revise,
                idle,
            };
            let rubric = rubric::compile(document, spec, around, &mut add, report);
            parts.rubrics.extend(rubric.map(|rubric| (spec.name.clone(), rubric)));
        }
    }
}

fn compile_policies(
    parts: &Parts<'_>,
    (action, templates): (Option<&ActionModel>, &mut Engine<'static>),
    report: &mut Report,
) -> IndexMap<String, Script> {
    let mut policies = IndexMap::new();
    for document in parts.documents.of(Kind::Policy) {
        if let Content::Policy(spec) = &document.content {
            let script = policy::compile(document, spec, parts, (action, &mut *templates), report);
            policies.extend(script.map(|script| (spec.name.clone(), script)));
        }
    }
    policies
}

/// Compiles the test documents.
fn compile_suites(
    parts: &Parts<'_>,
    tasks: &[Arc<Task>],
    surface: (Option<&ActionModel>, &[(Name, Part)]),
    report: &mut Report,
) -> Vec<casebook_runtime::scenario::suite::Suite> {
    let mut suites = Vec::new();
    // What agents send and see is only known of a whole environment.
    let is_whole = !parts.documents.is_lost(parts.root);
    for document in parts.documents.of(Kind::Test).filter(|_| is_whole) {
        if let Content::Test(spec) = &document.content {
            suites.extend(test::compile(document, spec, parts, tasks, surface, report));
        }
    }
    suites
}

/// Compiles the tasks; those of which nothing changed are taken from the cache.
fn compile_tasks(
    all: &mut Parts<'_>,
    data: &[&SourceFile],
    kept: &mut KeptPack,
    report: &mut Report,
) -> Vec<Arc<Task>> {
    let parts = &*all;
    let documents = parts.documents;
    let (mut tasks, mut found) = (Vec::new(), Vec::new());
    let keeps_plans = parts.sound && !parts.untried;
    if keeps_plans {
        parts.plans.replace(std::mem::take(&mut kept.plans).under(documents, data));
    }
    let shared = generator::digest(
        plugins::digest(documents.digest_of(&[Kind::Environment, Kind::Rules, Kind::Rubric]), &parts.plugins),
        data,
    ) + &parts.answers
        + if parts.untried { "untried" } else { "" };
    for document in documents.of(Kind::Task) {
        let Content::Task(spec) = &document.content else { continue };
        let (bytes, first) = (parts.bytes.get(), report.diagnostics.len());
        let made = kept.documents.task(documents.key_of_task(document, spec.inbox.as_ref(), &shared), || {
            let found = report.diagnostics.len();
            let task = task::compile(document, spec, parts, report)?;
            // A task with findings is compiled again, so that they are told again.
            let keep = report.diagnostics.len() == found;
            parts.sound.then(|| (task, parts.bytes.get() - bytes, keep))
        });
        if let Some((task, added)) = made {
            parts.bytes.set(bytes + added);
            tasks.push(task);
        }
        found.push((document, first..report.diagnostics.len()));
    }
    heirs::join(&found, report);
    if keeps_plans {
        kept.plans = parts.plans.take();
    }
    generator::add_argument(&mut all.reset, &tasks);
    tasks
}

/// The keywords of all items of all tasks, in every form, by decision.
fn keyword_pools(tasks: &[Arc<Task>], decisions: usize) -> Vec<KeywordPool> {
    let mut pools = vec![KeywordPool::default(); decisions];
    for item in tasks.iter().flat_map(|task| task.known_items()) {
        for (pool, truth) in pools.iter_mut().zip(&item.truth) {
            for way in truth.keywords.iter().flat_map(Keyword::ways) {
                pool.add(way);
            }
        }
    }
    pools
}

fn find_root<'a>(source: &PackSource, documents: &Documents<'a>, report: &mut Report) -> Option<&'a Document> {
    let mut roots = documents.of(Kind::Environment);
    let first = roots.next();
    for other in roots {
        let folder = other.file().path.parent().unwrap_or(Path::new(""));
        let hint = if first.is_some_and(|first| first.file().path.parent() == Some(folder)) {
            "keep one; a pack is one environment".to_owned()
        } else {
            format!("a pack cannot contain another pack; move `{}` next to it", folder.display())
        };
        report.push(other.at(Code::Environment, "/kind", "the pack has a second environment").hint(hint));
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
