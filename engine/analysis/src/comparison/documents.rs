//! What else changes from one version of a pack to another: every difference of what its documents say.
//!
//! Documents are compared as they were read, with every default filled in, so layout, comments and keys that say what
//! would count anyway are not a difference. What rules decide is proved elsewhere; here is the rest of their documents.

use std::{collections::HashMap, sync::Arc};

use casebook_compile::check::Ruled;
use casebook_runtime::scenario::Pack;
use casebook_syntax::spec::{Content, Document, Kind};
use serde::Serialize;
use serde_json::{Value, json};

use super::tree::{Found, Tree};

/// One difference that is not about what rules decide.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// Under which head it is shown.
    pub head: Head,
    /// What it is about, such as ``task `monday` ``.
    pub subject: String,
    /// The key, from the document's root; empty for the whole of the subject.
    pub key: String,
    /// What happened to it.
    pub change: Change,
    /// The value before; none where there was none, and for whole documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// The value after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
    /// Whether an agent or a score can notice it, or a check is gone, so that it needs a sign-off.
    pub counts: bool,
}

/// What happened to a part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Only the new version has it.
    Added,
    /// Only the old version has it.
    Removed,
    /// Both have it, and differ.
    Changed,
    /// The same entries are in another order.
    Reordered,
}

/// What differences are about, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// The rules as agents read them, where no edit of a rule shows it.
    PolicyText,
    /// Why rules decide; it is part of the policy text and of explained scores.
    Reasons,
    /// How bad it is to decide against a rule.
    Severity,
    /// Whether rules decide or are on trial.
    Mode,
    /// When rules are valid.
    Dates,
    /// Named lists of rules.
    Lists,
    /// The instructions of agents.
    Instructions,
    /// The moment at which tasks play.
    Clock,
    /// After how many steps an episode ends.
    StepLimits,
    /// Which tasks there are, and what else they say.
    Tasks,
    /// Splits, groups and difficulty of tasks.
    Splits,
    /// How actions are rewarded and scored.
    Rubric,
    /// How a step counts in which the environment fails.
    Failures,
    /// Which splits agents may open for practice, and where the pack is served.
    Access,
    /// What agents may call.
    Tools,
    /// What agents send.
    Action,
    /// What agents see.
    Observation,
    /// When an episode is over.
    Done,
    /// The fields of items.
    Fields,
    /// What is decided about items.
    Decisions,
    /// What an episode remembers.
    State,
    /// What a reset may be asked for.
    Reset,
    /// Constants.
    Data,
    /// Code that the pack brings along.
    Plugins,
    /// The items of the inboxes.
    Items,
    /// Files that generators draw from.
    DataFiles,
    /// What is right about items, which overrides the rules.
    Labels,
    /// Scripted policies.
    Policies,
    /// Tests of the pack.
    Tests,
    /// Names, versions and descriptions.
    About,
}

impl Head {
    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::PolicyText => "policy text",
            Self::Reasons => "reasons",
            Self::Severity => "severity",
            Self::Mode => "mode",
            Self::Dates => "dates",
            Self::Lists => "lists",
            Self::Instructions => "instructions",
            Self::Clock => "clock",
            Self::StepLimits => "step limits",
            Self::Tasks => "tasks",
            Self::Splits => "splits and difficulty",
            Self::Rubric => "rubric",
            Self::Failures => "scoring of failed steps",
            Self::Access => "access and practice",
            Self::Tools => "tools",
            Self::Action => "action",
            Self::Observation => "observation",
            Self::Done => "end of an episode",
            Self::Fields => "fields of items",
            Self::Decisions => "decisions",
            Self::State => "state",
            Self::Reset => "reset arguments",
            Self::Data => "constants",
            Self::Plugins => "plugins",
            Self::Items => "inbox items",
            Self::DataFiles => "data files",
            Self::Labels => "labels",
            Self::Policies => "scripted policies",
            Self::Tests => "tests",
            Self::About => "names and descriptions",
        }
    }
}

impl Difference {
    pub(super) fn new(head: Head, subject: String, found: Found) -> Self {
        let Found { key, change, old, new } = found;
        // A test that is new takes nothing away.
        let counts = head != Head::Tests || change != Change::Added;
        Self { head, subject, key, change, old, new, counts }
    }
}

/// Every difference between the documents of two versions except what rules decide, by head.
pub fn documents(old: &Ruled, new: &Ruled) -> Vec<Difference> {
    let mut all = super::wording::differences(old, new);
    let (known, kept) = (by_name(old), by_name(new));
    for before in &old.documents {
        match kept.get(&(before.content.kind(), named(before))) {
            Some(after) => compare(before, after, &mut all),
            None => all.extend(whole(before, Change::Removed)),
        }
    }
    for after in &new.documents {
        if !known.contains_key(&(after.content.kind(), named(after))) {
            all.extend(whole(after, Change::Added));
        }
    }
    let text = |readme: &Option<Arc<str>>| Value::from(readme.as_deref());
    all.extend(
        Tree::of(Kind::Environment)
            .differences(&text(&old.readme), &text(&new.readme))
            .into_iter()
            .map(|found| Difference::new(Head::About, "`README.md`".to_owned(), found)),
    );
    all.extend(super::data::differences(old, new));
    all.sort_by_key(|difference| difference.head);
    all
}

/// The plugins whose code changes from one version to another.
pub fn plugins(old: &Pack, new: &Pack) -> Vec<Difference> {
    let same_name = new.plugins().iter().filter_map(|after| {
        let before = old.plugins().iter().find(|before| before.description.name == after.description.name)?;
        (before.digest != after.digest).then_some((before, after))
    });
    same_name
        .map(|(before, after)| {
            let digest = |digest: &str| Some(Value::from(digest));
            let (old, new) = (digest(&before.digest), digest(&after.digest));
            let found = Found { key: "code".to_owned(), change: Change::Changed, old, new };
            Difference::new(Head::Plugins, format!("plugin `{}`", after.description.name), found)
        })
        .collect()
}

fn by_name(ruled: &Ruled) -> HashMap<(Kind, &str), &Document> {
    ruled.documents.iter().map(|document| ((document.content.kind(), named(document)), &**document)).collect()
}

/// An environment is the only one of its pack, under any name.
fn named(document: &Document) -> &str {
    if document.content.kind() == Kind::Environment { "" } else { document.content.name() }
}

fn subject(document: &Document) -> String {
    match document.content.kind() {
        Kind::Environment => "environment".to_owned(),
        kind => format!("{} `{}`", kind.name().to_lowercase(), document.content.name()),
    }
}

/// A document that only one version has; that rules are new or gone is reported where they are compared.
fn whole(document: &Document, change: Change) -> Option<Difference> {
    let head = match document.content.kind() {
        Kind::Rules | Kind::Environment => return None,
        Kind::Inbox | Kind::Generator => Head::Items,
        Kind::Rubric => Head::Rubric,
        Kind::Task => Head::Tasks,
        Kind::Policy => Head::Policies,
        Kind::Test => Head::Tests,
    };
    Some(Difference::new(head, subject(document), Found { key: String::new(), change, old: None, new: None }))
}

fn compare(before: &Document, after: &Document, all: &mut Vec<Difference>) {
    if before.digest == after.digest {
        return;
    }
    let (Some(old), Some(new)) = (value(before), value(after)) else { return };
    let kind = after.content.kind();
    let subject = subject(after);
    for found in Tree::of(kind).differences(&old, &new) {
        all.push(Difference::new(head(kind, &found.key), subject.clone(), found));
    }
}

/// What a document says with every default filled in; of rules what does not decide.
fn value(document: &Document) -> Option<Value> {
    let content = &document.content;
    let mut value = match content {
        Content::Environment(content) => serde_json::to_value(content),
        Content::Inbox(content) => serde_json::to_value(content),
        Content::Generator(content) => serde_json::to_value(content),
        // What they decide is compared by what it means.
        Content::Rules(rules) => Ok(json!({
            "description": rules.description, "lists": rules.lists, "default_because": rules.default_because,
        })),
        Content::Rubric(content) => serde_json::to_value(content),
        Content::Task(content) => serde_json::to_value(content),
        Content::Policy(content) => serde_json::to_value(content),
        Content::Test(content) => serde_json::to_value(content),
    }
    .ok()?;
    // What varies is printed as it was written.
    if let (Content::Task(_), Some(Value::Object(all))) = (content, value.get_mut("vary")) {
        for (name, vary) in all.iter_mut().filter(|(_, vary)| !vary["one_of"].is_null()) {
            vary["one_of"] = document.as_written(&format!("/vary/{name}/one_of"));
        }
    }
    Some(value)
}

fn head(kind: Kind, key: &str) -> Head {
    let first = key.split(['.', '[']).next().unwrap_or_default();
    match (kind, first) {
        (Kind::Environment, "item") => Head::Fields,
        (Kind::Environment, "decision") => Head::Decisions,
        (Kind::Environment, "state") => Head::State,
        (Kind::Environment, "reset") => Head::Reset,
        (Kind::Environment, "data") => Head::Data,
        (Kind::Environment, "action") => Head::Action,
        (Kind::Environment, "tools") => Head::Tools,
        (Kind::Environment, "plugins") => Head::Plugins,
        (Kind::Environment, "done") => Head::Done,
        (Kind::Environment, "observation") => Head::Observation,
        (Kind::Environment, "on_failure") => Head::Failures,
        (Kind::Environment, "practice" | "root") => Head::Access,
        (Kind::Inbox, "items") | (Kind::Generator, "labels")
            if kind == Kind::Generator || key.contains("].labels") || key.ends_with("].override") =>
        {
            Head::Labels
        }
        (Kind::Rules, "lists") => Head::Lists,
        (Kind::Rules, "default_because") => Head::Reasons,
        (Kind::Task, "instructions") => Head::Instructions,
        (Kind::Task, "clock") => Head::Clock,
        (Kind::Task, "max_steps") => Head::StepLimits,
        (Kind::Environment, "splits") | (Kind::Task, "split" | "difficulty" | "group") => Head::Splits,
        (_, "title" | "description" | "name" | "version" | "apiVersion") => Head::About,
        (Kind::Task, "rubric" | "weights") | (Kind::Rubric, _) => Head::Rubric,
        (Kind::Task, _) => Head::Tasks,
        (Kind::Environment, "baseline") | (Kind::Policy, _) => Head::Policies,
        (Kind::Test, _) => Head::Tests,
        (Kind::Inbox, "items") | (Kind::Generator, _) => Head::Items,
        (Kind::Environment | Kind::Inbox | Kind::Rules, _) => Head::About,
    }
}
