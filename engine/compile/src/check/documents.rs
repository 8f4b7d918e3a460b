//! The documents of a pack, laid over those that they extend.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use casebook_runtime::{
    hash::sha256,
    rules::RuleSet,
    scenario::{BUILT_IN_POLICIES, Task},
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report, suggest},
    source::{Base, PackSource, ReadProblem, SourceFile},
    spec::{self, Content, Cut, Document, Draft, Kind, Lost, Tree},
};
use rayon::prelude::*;

/// The maximum number of documents in a chain of `extends`.
const MAX_CHAIN: usize = 16;

/// The files that were read last, so that those that did not change need not be read again.
#[derive(Debug, Default)]
pub(super) struct Cache {
    files: HashMap<Arc<Path>, Arc<FileRead>>,
    /// The files of the pack that is being compiled; the others are dropped when it is done.
    used: HashMap<Arc<Path>, Arc<FileRead>>,
    /// Tasks that compiled without a finding, and the bytes of their items, by all that they are made of.
    tasks: HashMap<String, (Arc<Task>, usize)>,
    used_tasks: HashMap<String, (Arc<Task>, usize)>,
    /// Rules that compiled without a finding.
    rules: Vec<RulesRead>,
    used_rules: Vec<RulesRead>,
}

/// Compiled rules, with the documents that they are made of: they themselves, and the environment that they are about.
#[derive(Debug, Clone)]
struct RulesRead {
    document: Arc<Tree>,
    root: Arc<Tree>,
    set: Arc<RuleSet>,
}

/// What one file holds, as far as that depends on nothing else.
#[derive(Debug)]
struct FileRead {
    text: Arc<str>,
    drafts: Vec<Draft>,
    /// The documents that extend nothing, by position in `drafts`.
    whole: Vec<Option<Arc<Document>>>,
    lost: Vec<Lost>,
    /// How many documents it holds, those that cannot be read included.
    count: usize,
    report: Report,
}

impl Cache {
    /// Reads files, those that changed on all cores.
    fn read(&mut self, files: &[SourceFile]) -> Vec<Arc<FileRead>> {
        let known = |file: &SourceFile| {
            let known = self.used.get(&file.path).or_else(|| self.files.get(&file.path))?;
            (Arc::ptr_eq(&known.text, &file.text) || known.text == file.text).then(|| Arc::clone(known))
        };
        let read: Vec<Arc<FileRead>> =
            files.par_iter().map(|file| known(file).unwrap_or_else(|| Arc::new(FileRead::new(file)))).collect();
        let paths = files.iter().map(|file| Arc::clone(&file.path));
        self.used.extend(paths.zip(read.iter().cloned()));
        read
    }

    /// A task that was compiled from the same input, or else the one that `make` makes, which also says whether to keep it.
    pub(super) fn task(
        &mut self,
        key: String,
        make: impl FnOnce() -> Option<(Task, usize, bool)>,
    ) -> Option<(Arc<Task>, usize)> {
        let known = self.used_tasks.get(&key).or_else(|| self.tasks.get(&key)).cloned();
        let (made, keep) = match known {
            Some(known) => (known, true),
            None => make().map(|(task, bytes, keep)| ((Arc::new(task), bytes), keep))?,
        };
        if keep {
            self.used_tasks.insert(key, made.clone());
        }
        Some(made)
    }

    /// Rules that were compiled from the same documents, or else those that `make` makes; kept if that finds nothing.
    pub(super) fn rules(
        &mut self,
        (document, root): (&Document, &Document),
        report: &mut Report,
        make: impl FnOnce(&mut Report) -> Option<RuleSet>,
    ) -> Option<Arc<RuleSet>> {
        let is_same =
            |one: &&RulesRead| Arc::ptr_eq(&one.document, &document.tree) && Arc::ptr_eq(&one.root, &root.tree);
        let known = self.used_rules.iter().chain(&self.rules).find(is_same).cloned();
        let before = report.diagnostics.len();
        let made = if let Some(known) = known {
            known
        } else {
            let (document, root) = (Arc::clone(&document.tree), Arc::clone(&root.tree));
            RulesRead { document, root, set: Arc::new(make(report)?) }
        };
        let set = Arc::clone(&made.set);
        if report.diagnostics.len() == before && !self.used_rules.iter().any(|one| is_same(&one)) {
            self.used_rules.push(made);
        }
        Some(set)
    }

    /// Ends the compilation of a pack; drops what it did not need, if it was compiled to the end.
    pub(super) fn turn(&mut self, to_the_end: bool) {
        if to_the_end {
            self.files.clear();
            self.tasks.clear();
            self.rules.clear();
        }
        self.files.extend(std::mem::take(&mut self.used));
        self.tasks.extend(std::mem::take(&mut self.used_tasks));
        self.rules.append(&mut self.used_rules);
    }
}

impl FileRead {
    fn new(file: &SourceFile) -> Self {
        let (mut lost, mut report) = (Vec::new(), Report::default());
        let drafts = spec::read(file, &mut lost, &mut report);
        let count = drafts.len() + lost.len();
        let mut whole = Vec::with_capacity(drafts.len());
        for draft in &drafts {
            whole.push(if draft.extends().is_some() {
                None
            } else {
                match draft.finish(&mut report) {
                    Ok(document) => Some(Arc::new(document)),
                    Err(head) => {
                        lost.push(head);
                        None
                    }
                }
            });
        }
        Self { text: Arc::clone(&file.text), drafts, whole, lost, count, report }
    }
}

/// The documents of a pack: its own, laid over what they extend, then those that it takes over as they are.
pub(super) struct Read {
    pub(super) all: Vec<Arc<Document>>,
    /// How many of them are its own.
    pub(super) own: usize,
    /// How many documents its files hold, those that cannot be read included.
    pub(super) count: usize,
    pub(super) lost: Vec<Lost>,
    /// What was left out of documents that do not fit their schemas; empty unless that was asked for.
    pub(super) cuts: Vec<Cut>,
    /// All of them once more, as other packs extend them.
    drafts: Vec<(Draft, Option<Arc<Document>>)>,
}

/// Reads the documents of a pack, and of the one that it extends.
pub(super) fn read(source: &PackSource, cache: &mut Cache, report: &mut Report) -> Read {
    read_with(source, cache, Misfits::Lost, report)
}

/// How a document that does not fit its schema is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misfits {
    /// It is lost as a whole.
    Lost,
    /// The parts that do not fit are left out; it still counts as lost, so that names it may declare stay open.
    Cut,
}

/// Reads the documents of a pack, and of the one that it extends.
pub(super) fn read_with(source: &PackSource, cache: &mut Cache, misfits: Misfits, report: &mut Report) -> Read {
    let (mut lost, mut found, mut cuts) = (Vec::new(), 0, Vec::new());
    let mut without_misfits = |draft: &Draft| {
        let (document, left_out) = Some(draft).filter(|_| misfits == Misfits::Cut)?.partial()?;
        cuts.extend(left_out);
        Some(Arc::new(document))
    };
    let mut own: Vec<(Draft, Option<Arc<Document>>)> = Vec::new();
    for (file, read) in source.files.iter().zip(cache.read(&source.files)) {
        found += read.count;
        if file.problem.is_some() {
            super::unreadable(file, report);
            lost.push(None);
        } else {
            report.extend(read.report.diagnostics.iter().cloned());
            lost.extend(read.lost.iter().cloned());
            own.extend(read.drafts.iter().cloned().zip(read.whole.iter().cloned()));
        }
    }
    for (file, read) in source.replacing.iter().zip(cache.read(&source.replacing)) {
        if file.problem.is_some() {
            super::unreadable(file, report);
            lost.push(None);
            continue;
        }
        report.extend(read.report.diagnostics.iter().cloned());
        lost.extend(read.lost.iter().cloned());
        for (draft, whole) in read.drafts.iter().zip(&read.whole) {
            own.retain(|(other, _)| (other.kind, other.name()) != (draft.kind, draft.name()));
            own.push((draft.clone(), whole.clone()));
        }
    }
    let mut base_cuts = Vec::new();
    let base = match &source.base {
        None => Vec::new(),
        Some(Base::Pack(base)) => {
            let base = read_with(base, cache, misfits, report);
            lost.extend(base.lost);
            base_cuts = base.cuts;
            base.drafts
        }
        Some(Base::Problem(problem)) => {
            lost.push(None);
            report.extend(own.iter().find_map(|(draft, _)| missing_base(draft, problem)));
            Vec::new()
        }
    };
    let resolver =
        Resolver { own: &own, base: &base, lost: &lost, unread: source.base.is_none(), broken: RefCell::default() };
    let mut all = Vec::with_capacity(own.len() + base.len());
    let mut drafts = Vec::with_capacity(own.len() + base.len());
    let mut more_lost = Vec::new();
    for (draft, whole) in &own {
        let Some(name) = draft.extends() else {
            all.extend(whole.clone().or_else(|| without_misfits(draft)));
            drafts.push((draft.clone(), whole.clone()));
            continue;
        };
        let mut found = Report::default();
        let Some(laid) = resolver.resolve(draft, name, 0, &mut found) else {
            report.extend(found.diagnostics);
            more_lost.push(draft.lost());
            continue;
        };
        // Laid over a broken document, a sound one seems to lack what that one does not say.
        if resolver.extends_broken(draft, 0) {
            more_lost.push(draft.lost());
            all.extend(without_misfits(&laid));
            drafts.push((laid, None));
            continue;
        }
        match laid.finish(&mut found) {
            Ok(document) => {
                let document = Arc::new(document);
                all.push(Arc::clone(&document));
                drafts.push((laid, Some(document)));
            }
            Err(head) => {
                more_lost.push(head);
                all.extend(without_misfits(&laid));
                drafts.push((laid, None));
            }
        }
        report.extend(found.diagnostics);
    }
    let count = all.len();
    let names: HashSet<(Kind, Option<&str>)> = own.iter().map(|(draft, _)| (draft.kind, draft.name())).collect();
    for (draft, whole) in base {
        let taken_over =
            !matches!(draft.kind, Kind::Environment | Kind::Test) && !names.contains(&(draft.kind, draft.name()));
        if taken_over {
            all.extend(whole.clone().or_else(|| without_misfits(&draft)));
            drafts.push((draft, whole));
        }
    }
    lost.extend(more_lost);
    cuts.extend(base_cuts);
    Read { all, own: count, count: found, lost, cuts, drafts }
}

/// What is wrong with the pack that an environment extends.
fn missing_base(root: &Draft, problem: &ReadProblem) -> Option<Diagnostic> {
    let what = root.extends().filter(|_| root.kind == Kind::Environment)?;
    let (code, message) = match problem {
        ReadProblem::Circle => (Code::Cycle, format!("the pack `{what}` extends this one")),
        ReadProblem::Outside => {
            (Code::NotAllowed, format!("`{what}` is neither next to this pack nor in a folder that is read"))
        }
        _ => (Code::UnknownName, format!("there is no pack in `{what}`")),
    };
    let hint = match problem {
        ReadProblem::Outside => "move it next to this pack, or read the folder that holds both",
        _ => "write the folder of a pack, as seen from this file's own, such as `../ticket-desk`",
    };
    Some(root.at_extends(code, message).hint(hint))
}

struct Resolver<'a> {
    own: &'a [(Draft, Option<Arc<Document>>)],
    base: &'a [(Draft, Option<Arc<Document>>)],
    lost: &'a [Lost],
    /// Whether no pack was looked for that this one may extend.
    unread: bool,
    /// Whether documents that extend others and are extended themselves have errors, as far as that was asked.
    broken: RefCell<HashMap<(Kind, String), bool>>,
}

impl Resolver<'_> {
    /// Whether the document that a draft extends has errors of its own.
    fn extends_broken(&self, draft: &Draft, depth: usize) -> bool {
        let Some(name) = draft.extends() else { return false };
        let is_base =
            |other: &Draft| other.kind == draft.kind && (draft.kind == Kind::Environment || other.name() == Some(name));
        let own = self.own.iter().filter(|(other, _)| draft.kind != Kind::Environment && other.name() != draft.name());
        let found = own.chain(self.base).find(|(other, _)| is_base(other));
        let Some((other, whole)) = found else { return false };
        let Some(base) = other.extends().filter(|_| whole.is_none()) else { return whole.is_none() };
        if depth > MAX_CHAIN {
            return true;
        }
        let key = (other.kind, other.name().unwrap_or_default().to_owned());
        if let Some(known) = self.broken.borrow().get(&key) {
            return *known;
        }
        let mut found = Report::default();
        let is_broken = self.extends_broken(other, depth + 1)
            || self.resolve(other, base, depth, &mut found).is_none_or(|laid| laid.finish(&mut found).is_err());
        self.broken.borrow_mut().insert(key, is_broken);
        is_broken
    }

    /// Lays a draft over what it extends, over what that extends, and so on.
    fn resolve(&self, draft: &Draft, name: &str, depth: usize, report: &mut Report) -> Option<Draft> {
        if depth > MAX_CHAIN {
            report.push(
                draft
                    .at_extends(Code::Cycle, format!("`{name}` extends itself in the end"))
                    .hint("remove `extends` from one of the documents"),
            );
            return None;
        }
        if draft.kind == Kind::Environment {
            // What it extends is a pack; a problem with that was told where the pack was read.
            if self.unread {
                report.push(
                    draft
                        .at_extends(Code::Unsupported, format!("the pack `{name}` was not looked for"))
                        .hint("write `kind: Environment` and `extends:` plainly, each at the beginning of a line"),
                );
                return None;
            }
            let root = self.base.iter().map(|(base, _)| base).find(|base| base.kind == Kind::Environment);
            return Some(root.map_or_else(|| draft.clone(), |root| draft.over(root, report)));
        }
        let here = self
            .own
            .iter()
            .map(|(other, _)| other)
            .find(|other| other.kind == draft.kind && other.name() == Some(name) && draft.name() != Some(name));
        if let Some(other) = here {
            return match other.extends() {
                None => Some(draft.over(other, report)),
                Some(name) => Some(draft.over(&self.resolve(other, name, depth + 1, report)?, report)),
            };
        }
        if let Some(base) = self
            .base
            .iter()
            .map(|(other, _)| other)
            .find(|other| other.kind == draft.kind && other.name() == Some(name))
        {
            return Some(draft.over(base, report));
        }
        // An environment that cannot be read may be the one that extends the pack with that name.
        let may_be = |lost: &Lost| {
            lost.as_ref().is_none_or(|(kind, lost)| {
                *kind == draft.kind && lost == name && draft.name() != Some(name)
                    || *kind == Kind::Environment && self.base.is_empty()
            })
        };
        if self.lost.iter().any(may_be) {
            return None;
        }
        let (noun, kind) = (draft.kind.name().to_lowercase(), draft.kind);
        let others = self.own.iter().chain(self.base).map(|(other, _)| other);
        let names = others.filter(|other| other.kind == kind && other.name() != draft.name());
        let hint = if draft.name() == Some(name) && self.base.is_empty() {
            Some("a document cannot extend itself; name another one, or let the environment extend a pack".into())
        } else {
            suggest(name, names.filter_map(Draft::name))
        };
        report.push(
            draft.at_extends(Code::UnknownName, format!("there is no {noun} `{name}` to extend")).maybe_hint(hint),
        );
        None
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte))
}

/// The documents of one pack, by kind and name.
pub(crate) struct Documents<'a> {
    all: Vec<&'a Document>,
    /// How many of them are the pack's own; the others come from the pack that it extends.
    own: usize,
    /// What could not be read.
    lost: Vec<Lost>,
    /// The documents of each kind, and the first one of each name.
    by_kind: HashMap<Kind, Vec<&'a Document>>,
    by_name: HashMap<(Kind, &'a str), &'a Document>,
}

impl<'a> Documents<'a> {
    pub(super) fn new(read: &'a Read) -> Self {
        let all: Vec<&Document> = read.all.iter().map(|document| &**document).collect();
        // A document of a bad name may be the one that others mean.
        let taken = |document: &Document| {
            document.content.kind() == Kind::Policy && BUILT_IN_POLICIES.contains(&document.content.name())
        };
        let unclear = all.iter().any(|document| !is_name(document.content.name()) || taken(document));
        let lost = read.lost.iter().cloned().chain(unclear.then_some(None)).collect();
        let (mut by_kind, mut by_name) = (HashMap::<Kind, Vec<_>>::new(), HashMap::new());
        for document in &all {
            let kind = document.content.kind();
            by_kind.entry(kind).or_default().push(*document);
            by_name.entry((kind, document.content.name())).or_insert(*document);
        }
        Self { all, own: read.own, lost, by_kind, by_name }
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &'a Document> + '_ {
        self.by_kind.get(&kind).into_iter().flatten().copied()
    }

    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<&'a Document> {
        // The name that is looked for need not live as long as the documents.
        let known: &HashMap<(Kind, &str), &'a Document> = &self.by_name;
        known.get(&(kind, name)).copied()
    }

    pub(super) fn names(&self, kind: Kind) -> Vec<&'a str> {
        self.of(kind).map(|document| document.content.name()).collect()
    }

    /// Whether some document could not be read.
    pub(super) fn broken(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Whether some document of a kind could not be read, or in parts, or may be one that could not.
    pub(super) fn some_lost(&self, kind: Kind) -> bool {
        self.lost.iter().any(|lost| lost.as_ref().is_none_or(|(lost_kind, _)| *lost_kind == kind))
    }

    /// Whether parts of a document were left out.
    pub(super) fn is_lost(&self, document: &Document) -> bool {
        let (kind, name) = (document.content.kind(), document.content.name());
        self.lost.iter().flatten().any(|(lost_kind, lost)| (*lost_kind, &**lost) == (kind, name))
    }

    /// Whether a document of a kind may be one that could not be read.
    pub(super) fn may_be_lost(&self, kind: Kind, name: &str) -> bool {
        // A task of a family has the name of its document and a number.
        let document = name.rsplit_once('/').map_or(name, |(family, _)| family);
        self.lost.iter().any(|lost| {
            lost.as_ref()
                .is_none_or(|(lost_kind, lost_name)| *lost_kind == kind && [name, document].contains(&&**lost_name))
        })
    }

    /// Reports a name that no document of a kind has; silent when the document may be one that could not be read.
    pub(super) fn missing(&self, kind: Kind, name: &str, at: &Document, pointer: &str, report: &mut Report) {
        self.missing_among(kind, name, &[], (at, pointer), report);
    }

    /// The same for an entry of a list, where no name may appear twice.
    pub(super) fn missing_among(
        &self,
        kind: Kind,
        name: &str,
        listed: &[String],
        (at, pointer): (&Document, &str),
        report: &mut Report,
    ) {
        if !self.may_be_lost(kind, name) {
            let noun = kind.name().to_lowercase();
            let finding = at.at(Code::UnknownName, pointer, format!("the pack has no {noun} `{name}`"));
            if kind == Kind::Inbox && self.find(Kind::Generator, name).is_some() {
                let hint = format!("the generator `{name}` makes items by `{{ generate: {name}, items: 8 }}`");
                report.push(finding.hint(hint));
                return;
            }
            report.push(
                finding.hint(
                    suggest(name, self.names(kind).into_iter().filter(|known| !listed.iter().any(|one| one == known)))
                        .unwrap_or_else(|| format!("add a document with `kind: {kind}` and `name: {name}`").into()),
                ),
            );
        }
    }

    /// SHA-256 of what all documents but the tests say, sorted by kind and name. The order of the author's own names
    /// counts, for observations follow it; that of other keys does not.
    pub(super) fn digest(&self) -> String {
        self.digest_where(|kind| kind != Kind::Test)
    }

    /// SHA-256 of what the tests say.
    pub(super) fn digest_of_tests(&self) -> String {
        self.digest_where(|kind| kind == Kind::Test)
    }

    fn digest_where(&self, wanted: impl Fn(Kind) -> bool) -> String {
        let mut all: Vec<&Document> =
            self.all.iter().copied().filter(|document| wanted(document.content.kind())).collect();
        all.sort_by(|a, b| (a.content.kind(), a.content.name()).cmp(&(b.content.kind(), b.content.name())));
        let lines: Vec<&str> = all.iter().map(|document| document.digest.as_str()).collect();
        sha256(lines.join("\n").as_bytes())
    }

    /// The digest of each document, by kind and name.
    pub(super) fn digests(&self) -> Vec<(Kind, String, String)> {
        let digest = |document: &&Document| {
            (document.content.kind(), document.content.name().to_owned(), document.digest.clone())
        };
        self.all.iter().map(digest).collect()
    }

    /// A digest of all that a task is made of: its own document, its inboxes and generators, the environment, rules, rubrics
    /// and data.
    pub(super) fn key_of_task(&self, task: &Document, source: Option<&spec::InboxSource>, shared: &str) -> String {
        let mut key = task.digest.clone();
        if let Some(source) = source {
            let inboxes = source.inboxes().into_iter().filter_map(|inbox| self.find(Kind::Inbox, inbox));
            let generators = source.generators().into_iter().filter_map(|name| self.find(Kind::Generator, name));
            inboxes.chain(generators).for_each(|document| key.push_str(&document.digest));
        }
        key + shared
    }

    /// A digest of the documents of some kinds.
    pub(super) fn digest_of(&self, kinds: &[Kind]) -> String {
        let digests: Vec<&str> =
            kinds.iter().flat_map(|kind| self.of(*kind)).map(|document| document.digest.as_str()).collect();
        sha256(digests.join("\n").as_bytes())
    }

    /// Reports names that cannot be names, and those that two documents of a kind have.
    pub(super) fn check_names(&self, report: &mut Report) {
        let mut seen = HashMap::new();
        for document in &self.all {
            let (kind, name) = (document.content.kind(), document.content.name());
            if !is_name(name) {
                report.push(
                    document
                        .at(Code::BadName, "/name", format!("`{name}` cannot be a name"))
                        .hint("a name has lower-case letters, digits, `-` and `_`, at most 64 of them"),
                );
            }
            if kind == Kind::Environment {
                continue;
            }
            let first = *seen.entry((kind, name)).or_insert(document);
            if !std::ptr::eq(first, document) {
                let message = format!("two documents of `kind: {kind}` have the name `{name}`");
                report.push(
                    document
                        .at(Code::DuplicateName, "/name", message)
                        .hint(format!("the first one is in `{}`", first.file().path.display())),
                );
            }
        }
    }

    /// Warns of documents that nothing uses; what is misspelt elsewhere would only seem unused.
    pub(super) fn check_use(&self, report: &mut Report) {
        let mut used: HashSet<(Kind, &str)> = HashSet::new();
        for document in &self.all {
            match &document.content {
                Content::Task(task) => {
                    if let Some(source) = &task.inbox {
                        used.extend(source.inboxes().into_iter().map(|inbox| (Kind::Inbox, inbox)));
                        used.extend(source.generators().into_iter().map(|name| (Kind::Generator, name)));
                    }
                    match &task.rubric {
                        Some(rubric) => used.insert((Kind::Rubric, rubric)),
                        None => self
                            .names(Kind::Rubric)
                            .into_iter()
                            .next()
                            .is_some_and(|only| used.insert((Kind::Rubric, only))),
                    };
                }
                Content::Environment(environment) => {
                    used.extend(
                        environment
                            .decision
                            .values()
                            .filter_map(|decision| decision.truth.as_ref())
                            .filter_map(|truth| Some((Kind::Rules, truth.rules.as_deref()?))),
                    );
                }
                _ => {}
            }
        }
        for document in &self.all[..self.own] {
            let (kind, name) = (document.content.kind(), document.content.name());
            let unused = matches!(kind, Kind::Inbox | Kind::Generator | Kind::Rubric | Kind::Rules)
                && !used.contains(&(kind, name));
            if unused {
                report.push(
                    document
                        .at(Code::Unused, "/name", format!("nothing uses the {} `{name}`", kind.name().to_lowercase()))
                        .hint("refer to it, or remove it"),
                );
            }
        }
    }
}
