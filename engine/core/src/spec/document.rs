//! One document: its tree, head and typed content.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ApiVersion, Environment, Inbox, Kind, Policy, Rubric, Rules, Task, Tree, tree, validate};
use crate::{
    diagnostic::{Code, Diagnostic, Report, list, suggest},
    source::SourceFile,
};

/// One document of a pack.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file that it stands in.
    pub file: SourceFile,
    /// The document with its places.
    pub tree: Tree,
    /// The document without.
    pub value: Value,
    /// What it says.
    pub content: Content,
}

/// What a document says.
#[derive(Debug, Clone)]
pub enum Content {
    /// `kind: Environment`
    Environment(Box<Environment>),
    /// `kind: Inbox`
    Inbox(Box<Inbox>),
    /// `kind: Rules`
    Rules(Box<Rules>),
    /// `kind: Rubric`
    Rubric(Box<Rubric>),
    /// `kind: Task`
    Task(Box<Task>),
    /// `kind: Policy`
    Policy(Box<Policy>),
}

impl Content {
    /// The document's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Environment(content) => &content.name,
            Self::Inbox(content) => &content.name,
            Self::Rules(content) => &content.name,
            Self::Rubric(content) => &content.name,
            Self::Task(content) => &content.name,
            Self::Policy(content) => &content.name,
        }
    }

    /// The document's kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Environment(_) => Kind::Environment,
            Self::Inbox(_) => Kind::Inbox,
            Self::Rules(_) => Kind::Rules,
            Self::Rubric(_) => Kind::Rubric,
            Self::Task(_) => Kind::Task,
            Self::Policy(_) => Kind::Policy,
        }
    }
}

impl Document {
    /// Makes a finding at the value that a JSON pointer names.
    pub fn at(&self, code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let pointer = pointer.into();
        Diagnostic::new(code, &self.file, self.tree.value_span(&pointer), message).at(pointer)
    }

    /// Makes a finding at the key that a JSON pointer ends in.
    pub fn at_key(&self, code: Code, pointer: impl Into<String>, message: impl Into<String>) -> Diagnostic {
        let pointer = pointer.into();
        Diagnostic::new(code, &self.file, self.tree.key_span(&pointer), message).at(pointer)
    }
}

/// What is known of a document that could not be read: its kind and name, when it said them.
pub type Lost = Option<(Kind, String)>;

/// Reads the documents of a file: syntax, then shape. A document with problems is left out and noted as lost.
pub fn read(file: &SourceFile, lost: &mut Vec<Lost>, report: &mut Report) -> Vec<Document> {
    let (trees, problems) = tree::parse(file);
    let syntax = problems.len();
    report.extend(problems);
    if trees.is_empty() && syntax == 0 {
        report.push(
            Diagnostic::new(Code::Empty, file, 0..0, "the file holds no document")
                .hint(format!("begin with `apiVersion: {}`", ApiVersion::CURRENT)),
        );
    }
    if trees.is_empty() {
        lost.push(None);
    }
    let mut documents = Vec::new();
    for tree in trees {
        match read_tree(file, tree, report) {
            Ok(document) if syntax == 0 => documents.push(document),
            // Which of two values of one key was meant is open, and so is what the document means.
            Ok(document) => lost.push(Some((document.content.kind(), document.content.name().to_owned()))),
            Err(head) => lost.push(head),
        }
    }
    documents
}

fn read_tree(file: &SourceFile, tree: Tree, report: &mut Report) -> Result<Document, Lost> {
    let value = tree.to_value();
    let kind = head(file, &tree, &value, report).ok_or(None)?;
    let lost = || value.get("name").and_then(Value::as_str).map(|name| (kind, name.to_owned()));
    let problems = validate::validate(file, &tree, &value, kind);
    if !problems.is_empty() {
        report.extend(problems);
        return Err(lost());
    }
    let content = match kind {
        Kind::Environment => typed(file, &tree, &value, report).map(Content::Environment),
        Kind::Inbox => typed(file, &tree, &value, report).map(Content::Inbox),
        Kind::Rules => typed(file, &tree, &value, report).map(Content::Rules),
        Kind::Rubric => typed(file, &tree, &value, report).map(Content::Rubric),
        Kind::Task => typed(file, &tree, &value, report).map(Content::Task),
        Kind::Policy => typed(file, &tree, &value, report).map(Content::Policy),
    };
    let content = content.ok_or_else(lost)?;
    Ok(Document { file: file.clone(), tree, value, content })
}

fn head(file: &SourceFile, tree: &Tree, value: &Value, report: &mut Report) -> Option<Kind> {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
    let all_kinds = list(&names).unwrap_or_default();
    let Some(map) = value.as_object() else {
        let found = validate::describe(value);
        report.push(
            Diagnostic::new(
                Code::UnknownKind,
                file,
                tree.span.clone(),
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
                    tree.value_span("/apiVersion"),
                    format!("the format `{}` is not known", plain(version)),
                )
                .at("/apiVersion")
                .hint(format!("write `apiVersion: {}`", ApiVersion::CURRENT)),
            );
        }
        None => {
            known = false;
            let near = suggest_key(map, "apiVersion");
            report.push(
                Diagnostic::new(
                    Code::MissingKey,
                    file,
                    first_line(file, tree),
                    "the document does not say its `apiVersion`",
                )
                .hint(near.unwrap_or_else(|| format!("begin with `apiVersion: {}`", ApiVersion::CURRENT))),
            );
        }
    }
    match map.get("kind") {
        Some(Value::String(name)) if Kind::find(name).is_some() => Kind::find(name).filter(|_| known),
        Some(name) => {
            let name = plain(name);
            report.push(
                Diagnostic::new(
                    Code::UnknownKind,
                    file,
                    tree.value_span("/kind"),
                    format!("there is no kind `{name}`"),
                )
                .at("/kind")
                .maybe_hint(suggest(&name, names.iter().copied())),
            );
            None
        }
        None => {
            let near = suggest_key(map, "kind");
            report.push(
                Diagnostic::new(Code::MissingKey, file, first_line(file, tree), "the document does not say its `kind`")
                    .hint(near.unwrap_or_else(|| format!("add `kind:`, one of {all_kinds}"))),
            );
            None
        }
    }
}

fn suggest_key(map: &serde_json::Map<String, Value>, wanted: &str) -> Option<String> {
    crate::diagnostic::nearest(wanted, map.keys().map(String::as_str))
        .map(|near| format!("is `{near}` meant to be `{wanted}`?"))
}

fn first_line(file: &SourceFile, tree: &Tree) -> std::ops::Range<usize> {
    let start = tree.span.start;
    let length = file.text[start..].lines().next().map_or(0, str::len);
    start..start + length
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn typed<T: DeserializeOwned>(file: &SourceFile, tree: &Tree, value: &Value, report: &mut Report) -> Option<Box<T>> {
    match serde_path_to_error::deserialize(value) {
        Ok(content) => Some(Box::new(content)),
        Err(error) => {
            let pointer = pointer_of(error.path());
            report.push(
                Diagnostic::new(
                    Code::Shape,
                    file,
                    tree.value_span(&pointer),
                    format!("this does not fit: {}", error.inner()),
                )
                .at(pointer),
            );
            None
        }
    }
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
