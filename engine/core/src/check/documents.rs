//! The documents of a pack, laid over those that they extend.

use std::collections::{HashMap, HashSet};

use crate::{
    diagnostic::{Code, Report, suggest},
    source::{Base, PackSource, ReadProblem, sha256},
    spec::{self, Content, Document, Draft, Kind, Lost},
};

/// Documents that extend each other in a row at the most.
const MAX_CHAIN: usize = 16;

/// Reads the documents of a pack, those that it has from the pack that it extends included.
pub(super) fn read(source: &PackSource, report: &mut Report) -> (Vec<Document>, Vec<Lost>) {
    let mut lost = Vec::new();
    let mut documents = Vec::new();
    for draft in drafts(source, &mut lost, report) {
        match draft.finish(report) {
            Ok(document) => documents.push(document),
            Err(head) => lost.push(head),
        }
    }
    (documents, lost)
}

/// The drafts of a pack: its own, laid over what they extend, then those that it takes over as they are.
fn drafts(source: &PackSource, lost: &mut Vec<Lost>, report: &mut Report) -> Vec<Draft> {
    let mut own = Vec::new();
    for file in &source.files {
        if file.problem.is_some() {
            super::unreadable(file, report);
            lost.push(None);
        } else {
            own.extend(spec::read(file, lost, report));
        }
    }
    let base = match &source.base {
        None => Vec::new(),
        Some(Base::Pack(base)) => drafts(base, lost, report),
        Some(Base::Problem(problem)) => {
            lost.push(None);
            let root = own.iter().find(|draft| draft.kind == Kind::Environment && draft.extends().is_some());
            report.extend(root.map(|root| {
                let what = root.extends().unwrap_or_default();
                let message = match problem {
                    ReadProblem::Circle => format!("the pack `{what}` extends this one"),
                    _ => format!("there is no pack in `{what}`"),
                };
                let code = if *problem == ReadProblem::Circle { Code::Cycle } else { Code::UnknownName };
                root.at_extends(code, message)
                    .hint("write the folder of a pack, as seen from this file's own, such as `../ticket-desk`")
            }));
            Vec::new()
        }
    };
    let resolver = Resolver { own: &own, base: &base, unread: source.base.is_none() };
    let laid: Vec<Option<Option<Draft>>> =
        own.iter().map(|draft| draft.extends().map(|name| resolver.resolve(draft, name, 0, report))).collect();
    let names: HashSet<(Kind, Option<&str>)> = own.iter().map(|draft| (draft.kind, draft.name())).collect();
    let taken_over: Vec<Draft> = base
        .iter()
        .filter(|draft| !matches!(draft.kind, Kind::Environment | Kind::Test))
        .filter(|draft| !names.contains(&(draft.kind, draft.name())))
        .cloned()
        .map(Draft::taken_over)
        .collect();
    let mut all = Vec::with_capacity(own.len() + taken_over.len());
    for (draft, laid) in own.into_iter().zip(laid) {
        match laid {
            None => all.push(draft),
            Some(Some(whole)) => all.push(whole),
            Some(None) => lost.push(draft.lost()),
        }
    }
    all.extend(taken_over);
    all
}

struct Resolver<'a> {
    own: &'a [Draft],
    base: &'a [Draft],
    /// Whether no pack was looked for that this one may extend.
    unread: bool,
}

impl Resolver<'_> {
    /// Lays a draft over what it extends, over what that extends, and so on.
    fn resolve(&self, draft: &Draft, name: &str, depth: usize, report: &mut Report) -> Option<Draft> {
        if depth > MAX_CHAIN {
            report.push(
                draft
                    .at_extends(Code::Cycle, format!("`{name}` extends itself in the end"))
                    .hint("let one of the documents extend nothing"),
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
            let root = self.base.iter().find(|base| base.kind == Kind::Environment);
            return Some(root.map_or_else(|| draft.clone(), |root| draft.clone().over(root, report)));
        }
        let here = self.own.iter().find(|other| {
            other.kind == draft.kind && other.name() == Some(name) && draft.name() != Some(name)
        });
        if let Some(other) = here {
            return match other.extends() {
                None => Some(draft.clone().over(other, report)),
                Some(name) => Some(draft.clone().over(&self.resolve(other, name, depth + 1, report)?, report)),
            };
        }
        if let Some(base) = self.base.iter().find(|other| other.kind == draft.kind && other.name() == Some(name)) {
            return Some(draft.clone().over(base, report));
        }
        let (noun, kind) = (draft.kind.name().to_lowercase(), draft.kind);
        let names = self.own.iter().chain(self.base).filter(|other| other.kind == kind && !std::ptr::eq(*other, draft));
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
    /// What could not be read.
    lost: Vec<Lost>,
}

impl<'a> Documents<'a> {
    pub(super) fn new(read: &'a [Document], mut lost: Vec<Lost>) -> Self {
        // A document of a bad name may be the one that others mean.
        lost.extend(read.iter().any(|document| !is_name(document.content.name())).then_some(None));
        Self { all: read.iter().collect(), lost }
    }

    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = &'a Document> + '_ {
        self.all.iter().copied().filter(move |document| document.content.kind() == kind)
    }

    pub(super) fn find(&self, kind: Kind, name: &str) -> Option<&'a Document> {
        self.of(kind).find(|document| document.content.name() == name)
    }

    pub(super) fn names(&self, kind: Kind) -> Vec<&'a str> {
        self.of(kind).map(|document| document.content.name()).collect()
    }

    /// Whether some document could not be read.
    pub(super) fn broken(&self) -> bool {
        !self.lost.is_empty()
    }

    /// Reports a name that no document of a kind has; silent when the document may be one that could not be read.
    pub(super) fn missing(&self, kind: Kind, name: &str, at: &Document, pointer: &str, report: &mut Report) {
        let may_be =
            |lost: &Lost| lost.as_ref().is_none_or(|(lost_kind, lost_name)| *lost_kind == kind && lost_name == name);
        if !self.lost.iter().any(may_be) {
            let noun = kind.name().to_lowercase();
            report.push(
                at.at(Code::UnknownName, pointer, format!("the pack has no {noun} `{name}`")).hint(
                    suggest(name, self.names(kind))
                        .unwrap_or_else(|| format!("add a document with `kind: {kind}` and `name: {name}`").into()),
                ),
            );
        }
    }

    /// SHA-256 of what all documents but the tests say, sorted by kind and name. The order of the author's own names
    /// counts, for observations follow it; that of other keys does not.
    pub(super) fn digest(&self) -> String {
        let mut all: Vec<&Document> =
            self.all.iter().copied().filter(|document| document.content.kind() != Kind::Test).collect();
        all.sort_by(|a, b| (a.content.kind(), a.content.name()).cmp(&(b.content.kind(), b.content.name())));
        let lines: Vec<String> = all
            .iter()
            .map(|document| spec::order::canonical(document.content.kind(), &document.value).to_string())
            .collect();
        sha256(lines.join("\n").as_bytes())
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
                    used.insert((Kind::Inbox, &task.inbox));
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
                            .map(|truth| (Kind::Rules, truth.rules.as_str())),
                    );
                }
                _ => {}
            }
        }
        for document in &self.all {
            let (kind, name) = (document.content.kind(), document.content.name());
            let unused = matches!(kind, Kind::Inbox | Kind::Rubric | Kind::Rules) && !used.contains(&(kind, name));
            if unused && !document.inherited {
                report.push(
                    document
                        .at(Code::Unused, "/name", format!("nothing uses the {} `{name}`", kind.name().to_lowercase()))
                        .hint("refer to it, or remove it"),
                );
            }
        }
    }
}
