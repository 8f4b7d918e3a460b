//! One document: its tree, head and typed content.

use std::{borrow::Cow, ops::Range, path::Path, sync::Arc};

use casebook_runtime::{hash::sha256, names::list};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    ApiVersion, Environment, Generator, Inbox, Kind, Policy, Rubric, Rules, Task, Test, Tree, comma, cut, order,
    partial::{self, Cut},
    tree::{self, Place},
    validate,
};
use crate::{
    diagnostic::{Code, Diagnostic, Hint, Report, suggest},
    source::SourceFile,
};

/// One document of a pack.
#[derive(Debug, Clone)]
pub struct Document {
    /// The files that it is written in: its own, then those of the documents that it extends.
    files: Arc<[SourceFile]>,
    /// The document with its places.
    pub tree: Arc<Tree>,
    /// The document without.
    pub value: Arc<Value>,
    /// What it says.
    pub content: Content,
    /// SHA-256 of what it says, its keys in canonical order, in hex.
    pub digest: String,
}

/// What a document says.
#[derive(Debug, Clone)]
pub enum Content {
    /// `kind: Environment`
    Environment(Box<Environment>),
    /// `kind: Inbox`
    Inbox(Box<Inbox>),
    /// `kind: Generator`
    Generator(Box<Generator>),
    /// `kind: Rules`
    Rules(Box<Rules>),
    /// `kind: Rubric`
    Rubric(Box<Rubric>),
    /// `kind: Task`
    Task(Box<Task>),
    /// `kind: Policy`
    Policy(Box<Policy>),
    /// `kind: Test`
    Test(Box<Test>),
}

impl Content {
    /// The document's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Environment(content) => &content.name,
            Self::Inbox(content) => &content.name,
            Self::Generator(content) => &content.name,
            Self::Rules(content) => &content.name,
            Self::Rubric(content) => &content.name,
            Self::Task(content) => &content.name,
            Self::Policy(content) => &content.name,
            Self::Test(content) => &content.name,
        }
    }

    /// The document's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Environment(_) => Kind::Environment,
            Self::Inbox(_) => Kind::Inbox,
            Self::Generator(_) => Kind::Generator,
            Self::Rules(_) => Kind::Rules,
            Self::Rubric(_) => Kind::Rubric,
            Self::Task(_) => Kind::Task,
            Self::Policy(_) => Kind::Policy,
            Self::Test(_) => Kind::Test,
        }
    }
}

impl Document {
    /// The file that it is in.
    pub fn file(&self) -> &SourceFile {
        &self.files[0]
    }

    /// The files of the documents that it extends.
    pub fn bases(&self) -> impl Iterator<Item = &SourceFile> {
        self.files[1..].iter()
    }

    /// The file and bytes of the value that a JSON pointer names.
    pub fn place(&self, pointer: &str) -> (&SourceFile, Range<usize>) {
        located(&self.files, self.tree.value_place(pointer))
    }

    /// The file and bytes of the key that a JSON pointer ends in.
    pub fn key_place(&self, pointer: &str) -> (&SourceFile, Range<usize>) {
        located(&self.files, self.tree.key_place(pointer))
    }

    /// The file and line (from 1) of the value that a JSON pointer names.
    pub fn line(&self, pointer: &str) -> (Arc<Path>, usize) {
        let (file, span) = self.place(pointer);
        (Arc::clone(&file.path), file.text[..span.start].matches('\n').count() + 1)
    }

    /// Drops the tree and the plain value of what it says: afterwards every place is that of the whole document.
    pub fn forget_places(&mut self) {
        self.tree = Arc::new(self.tree.without_entries());
        self.value = Arc::new(Value::Null);
    }

    /// A value at a JSON pointer as its author wrote it: `007`, where the value is 7.
    pub fn written(&self, pointer: &str, value: &Value) -> String {
        written(&self.tree, pointer, value)
    }

    /// The value at a JSON pointer; numbers and truths that were not written as they print, such as `007`, as texts.
    pub fn as_written(&self, pointer: &str) -> Value {
        self.tree.as_written(pointer)
    }

    /// Makes a finding at the value that a JSON pointer names.
    pub fn at(&self, code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let pointer = pointer.into();
        let (file, span) = self.place(&pointer);
        Diagnostic::new(code, file, span, message).at(pointer)
    }

    /// Checks a part of it against a schema; every mismatch, at its place.
    pub fn check_part(&self, pointer: &str, schema: &Value) -> Vec<Diagnostic> {
        validate::validate_part(&self.files, &self.tree, &self.value, pointer, schema)
    }

    /// What to do about a name that nothing has, where it is the rest of a text that a comma has cut.
    pub fn comma(&self, pointer: &str, key: &str) -> Option<Hint> {
        comma::cut(&self.files, &self.tree, &self.value, pointer, key).map(|cut| cut.hint.into())
    }

    /// Makes a finding at the key that a JSON pointer ends in.
    pub fn at_key(&self, code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let pointer = pointer.into();
        let (file, span) = located(&self.files, self.tree.key_place(&pointer));
        Diagnostic::new(code, file, span, message).at(pointer)
    }
}

/// The file and bytes of a place.
pub(super) fn located(files: &[SourceFile], place: Place) -> (&SourceFile, Range<usize>) {
    (files.get(place.file).unwrap_or(&files[0]), place.span)
}

/// A value at a place of a tree as it was written; a text that was made of it is itself.
pub(super) fn written(tree: &Tree, pointer: &str, value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string(),
        _ => tree.written(pointer).map_or_else(|| value.to_string(), Cow::into_owned),
    }
}

/// What is known of a document that could not be read: its kind and name, if they could be read.
pub type Lost = Option<(Kind, String)>;

/// A document whose head is known; it may still have to be laid over the one that it extends.
///
/// A clone costs next to nothing.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its kind.
    pub kind: Kind,
    files: Arc<[SourceFile]>,
    tree: Arc<Tree>,
    value: Arc<Value>,
    /// Whether it has a key twice, so that its meaning is open.
    broken: bool,
}

impl Draft {
    /// Its name, when it is a text.
    pub fn name(&self) -> Option<&str> {
        self.value.get("name").and_then(Value::as_str)
    }

    /// What it extends: the name of a document, or of an environment the folder of a pack.
    pub fn extends(&self) -> Option<&str> {
        self.value.get("extends").and_then(Value::as_str)
    }

    /// What it says, with its keys in canonical order.
    pub fn canonical(&self) -> Value {
        order::canonical(self.kind, &self.value)
    }

    /// Its own file.
    pub fn file(&self) -> &SourceFile {
        &self.files[0]
    }

    /// What it says with its places, without what it takes over from others.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What it says, without what it takes over from others.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The bytes of the value that a JSON pointer names, in the file of the document.
    pub fn span(&self, pointer: &str) -> Range<usize> {
        self.tree.value_place(pointer).span
    }

    /// What is known of it when it cannot be used.
    pub fn lost(&self) -> Lost {
        self.name().map(|name| (self.kind, name.to_owned()))
    }

    /// Makes a finding at what it extends.
    pub fn at_extends(&self, code: Code, message: impl Into<String>) -> Diagnostic {
        let (file, span) = located(&self.files, self.tree.value_place("/extends"));
        Diagnostic::new(code, file, span, message).at("/extends")
    }

    /// Lays it over the document that it extends.
    #[must_use]
    pub fn over(&self, base: &Self, report: &mut Report) -> Self {
        let nameless = self.name().is_none();
        if nameless {
            let (file, span) = (&self.files[0], first_line(&self.files[0], &self.tree));
            report.push(
                Diagnostic::new(Code::MissingKey, file, span, "a document that extends another needs its own `name`")
                    .hint("add `name:`"),
            );
        }
        let (mut tree, idle) = Tree::clone(&self.tree).overlay(&base.tree, self.files.len());
        for (key, place) in idle {
            let (file, span) = located(&self.files, place);
            report.push(
                Diagnostic::new(Code::UnknownKey, file, span, format!("there is no `{key}` to remove"))
                    .hint("`key: null` removes what the extended document has; remove this line"),
            );
        }
        tree.remove("extends");
        Self {
            kind: self.kind,
            files: self.files.iter().chain(base.files.iter()).cloned().collect(),
            value: Arc::new(tree.to_value()),
            tree: Arc::new(tree),
            broken: self.broken || base.broken || nameless,
        }
    }

    /// Checks its shape and reads what it says.
    pub fn finish(&self, report: &mut Report) -> Result<Document, Lost> {
        let Self { kind, files, mut tree, mut value, broken } = self.clone();
        // An environment that extends nothing readable is told where its pack is put together.
        let is_part = value.get("extends").is_some_and(Value::is_string);
        if is_part {
            let mut rest = Tree::clone(&tree);
            rest.remove("extends");
            value = Arc::new(rest.to_value());
            tree = Arc::new(rest);
        }
        let problems = validate::validate(&files, &tree, &value, kind);
        if !problems.is_empty() {
            // What it lacks the other one may have.
            let lacks = |one: &Diagnostic| is_part && one.code == Code::MissingKey && one.pointer.is_empty();
            report.extend(problems.into_iter().filter(|one| !lacks(one)));
            return Err(self.lost());
        }
        let content = content(kind, &files, &tree, &value, report);
        match content {
            Some(content) if !broken => {
                report.extend(cut::by_hashes(kind, &files[0], &tree, &value));
                let digest = digest(kind, &tree, &value);
                Ok(Document { files, tree, value, content, digest })
            }
            _ => Err(self.lost()),
        }
    }

    /// Reads what it says without the parts that do not fit, which are returned; `None` where it fits, where nothing useful is
    /// left, or where its meaning is open.
    pub fn partial(&self) -> Option<(Document, Vec<Cut>)> {
        let Self { kind, files, tree, broken, .. } = self;
        if *broken || self.extends().is_some() {
            return None;
        }
        let (tree, cuts) = partial::fitting(files, tree, *kind)?;
        let value = tree.to_value();
        let content = content(*kind, files, &tree, &value, &mut Report::default()).filter(|_| !cuts.is_empty())?;
        let digest = digest(*kind, &tree, &value);
        let document =
            Document { files: Arc::clone(files), tree: Arc::new(tree), value: Arc::new(value), content, digest };
        Some((document, cuts))
    }
}

/// What a document that fits its schema says.
fn content(kind: Kind, files: &[SourceFile], tree: &Tree, value: &Value, report: &mut Report) -> Option<Content> {
    match kind {
        Kind::Environment => typed(files, tree, value, report).map(Content::Environment),
        Kind::Inbox => typed(files, tree, value, report).map(Content::Inbox),
        Kind::Generator => typed(files, tree, value, report).map(Content::Generator),
        Kind::Rules => typed(files, tree, value, report).map(Content::Rules),
        Kind::Rubric => typed(files, tree, value, report).map(Content::Rubric),
        Kind::Task => typed(files, tree, value, report).map(Content::Task),
        Kind::Policy => typed(files, tree, value, report).map(Content::Policy),
        Kind::Test => typed(files, tree, value, report).map(Content::Test),
    }
}

/// SHA-256 of what a document says, its keys in canonical order, in hex.
fn digest(kind: Kind, tree: &Tree, value: &Value) -> String {
    let mut said = order::canonical_text(kind, value);
    // What varies is printed as it was written.
    if let Some(varies) = value.get("vary").filter(|_| kind == Kind::Task) {
        let written = tree.as_written("/vary");
        if written != *varies {
            said.push_str(&written.to_string());
        }
    }
    sha256(said.as_bytes())
}

/// Reads the documents of a file: syntax and heads. A document without a head is left out and noted as lost.
pub fn read(file: &SourceFile, lost: &mut Vec<Lost>, report: &mut Report) -> Vec<Draft> {
    let (trees, problems, lossy) = tree::parse(file);
    let syntax = problems.len();
    report.extend(problems);
    report.extend(lossy);
    if trees.is_empty() && syntax == 0 {
        report.push(
            Diagnostic::new(Code::Empty, file, 0..0, "the file holds no document")
                .hint(format!("begin with `apiVersion: {}`", ApiVersion::CURRENT)),
        );
    }
    if trees.is_empty() {
        lost.push(None);
    }
    let mut drafts = Vec::new();
    for tree in trees {
        let value = tree.to_value();
        match head(file, &tree, &value, report) {
            Some(kind) => drafts.push(Draft {
                kind,
                files: [file.clone()].into(),
                tree: Arc::new(tree),
                value: Arc::new(value),
                broken: syntax > 0,
            }),
            None => lost.push(None),
        }
    }
    drafts
}

fn head(file: &SourceFile, tree: &Tree, value: &Value, report: &mut Report) -> Option<Kind> {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let all_kinds = list(&names).unwrap_or_default();
    let Some(map) = value.as_object() else {
        let found = validate::describe(value, &written(tree, "", value));
        report.push(
            Diagnostic::new(
                Code::UnknownKind,
                file,
                tree.value_place("").span,
                format!("a document is a map, but this is {found}"),
            )
            .hint(format!("begin with `apiVersion: {}` and `kind:`, one of {all_kinds}", ApiVersion::CURRENT)),
        );
        return None;
    };
    let mut known = true;
    match map.get("apiVersion") {
        Some(version) if version == ApiVersion::CURRENT => {}
        Some(version) => {
            known = false;
            report.push(
                Diagnostic::new(
                    Code::UnknownKind,
                    file,
                    tree.value_place("/apiVersion").span,
                    format!("the format `{}` is not known", written(tree, "/apiVersion", version)),
                )
                .at("/apiVersion")
                .hint(format!("write `apiVersion: {}`", ApiVersion::CURRENT)),
            );
        }
        None => {
            known = false;
            let (place, near) = suggest_key(file, tree, map, "apiVersion");
            report.push(
                Diagnostic::new(Code::MissingKey, file, place, "the document does not say its `apiVersion`")
                    .hint(near.unwrap_or_else(|| format!("begin with `apiVersion: {}`", ApiVersion::CURRENT))),
            );
        }
    }
    match map.get("kind") {
        Some(Value::String(name)) if Kind::find(name).is_some() => Kind::find(name).filter(|_| known),
        Some(name) => {
            let name = written(tree, "/kind", name);
            report.push(
                Diagnostic::new(
                    Code::UnknownKind,
                    file,
                    tree.value_place("/kind").span,
                    format!("there is no kind `{name}`"),
                )
                .at("/kind")
                .maybe_hint(if map.get("kind").is_some_and(Value::is_null) {
                    Some(format!("give it a value, one of {all_kinds}").into())
                } else {
                    suggest(&name, names.iter().copied())
                }),
            );
            None
        }
        None => {
            let (place, near) = suggest_key(file, tree, map, "kind");
            report.push(
                Diagnostic::new(Code::MissingKey, file, place, "the document does not say its `kind`")
                    .hint(near.unwrap_or_else(|| format!("add `kind:`, one of {all_kinds}"))),
            );
            None
        }
    }
}

/// Where a missing key is reported, with a hint if a key that is there may be a misspelling of it.
fn suggest_key(
    file: &SourceFile,
    tree: &Tree,
    map: &serde_json::Map<String, Value>,
    wanted: &str,
) -> (Range<usize>, Option<String>) {
    let key = |near: &str| format!("/{}", near.replace('~', "~0").replace('/', "~1"));
    match casebook_runtime::names::nearest(wanted, map.keys().map(String::as_str)) {
        Some(near) => (tree.key_place(&key(near)).span, Some(format!("is `{near}` meant to be `{wanted}`?"))),
        None => (first_line(file, tree), None),
    }
}

fn first_line(file: &SourceFile, tree: &Tree) -> std::ops::Range<usize> {
    let start = tree.value_place("").span.start;
    let length = file.text[start..].lines().next().map_or(0, str::len);
    start..start + length
}

fn typed<T: DeserializeOwned>(files: &[SourceFile], tree: &Tree, value: &Value, report: &mut Report) -> Option<Box<T>> {
    match serde_path_to_error::deserialize(&*whole_numbers(value)) {
        Ok(content) => Some(Box::new(content)),
        Err(error) => {
            let pointer = pointer_of(error.path());
            let (file, span) = located(files, tree.value_place(&pointer));
            report.push(
                Diagnostic::new(Code::Shape, file, span, "this value does not fit its place")
                    .at(pointer)
                    .hint("a number may be too large, or a text may have an unexpected form; see `docs/reference.md`"),
            );
            None
        }
    }
}

/// Numbers such as `4.0`, which are whole for a schema, as whole numbers.
fn whole_numbers(value: &Value) -> Cow<'_, Value> {
    fn has_any(value: &Value) -> bool {
        match value {
            Value::Number(number) => number.is_f64() && number.as_f64().is_some_and(|number| number.fract() == 0.0),
            Value::Array(list) => list.iter().any(has_any),
            Value::Object(map) => map.values().any(has_any),
            _ => false,
        }
    }
    fn mend(value: &mut Value) {
        match value {
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Value::Number(number) => {
                let whole = number.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
                if let Some(whole) = whole.filter(|_| number.is_f64()) {
                    *value = (whole as i64).into();
                }
            }
            Value::Array(list) => list.iter_mut().for_each(mend),
            Value::Object(map) => map.values_mut().for_each(mend),
            _ => {}
        }
    }
    if !has_any(value) {
        return Cow::Borrowed(value);
    }
    let mut value = value.clone();
    mend(&mut value);
    Cow::Owned(value)
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}
