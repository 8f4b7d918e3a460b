//! The one registry of diagnostic codes; a code is never reused.

use std::fmt;

use serde::{Serialize, Serializer};

use super::Severity;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $severity:ident;)+) => {
        /// What kind of finding it is: `CB0` files, `CB1` YAML, `CB2` shape, `CB3` names, `CB4` types and values,
        /// `CB5` what a pack means, `CB6` what its rules mean, `CB7` plugins.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it is printed.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it means, in a sentence.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii(),)+ }
            }

            /// Whether it says what rules mean together, which is proved or shown by an item.
            pub fn is_proof(self) -> bool {
                self.text().starts_with("CB6")
            }

            /// Whether it may be about a name that a pack gives, and not about one of the language.
            pub fn is_about_names(self) -> bool {
                !["CB1", "CB2"].iter().any(|kind| self.text().starts_with(kind))
            }

            /// Whether it says that a document does not fit its schema, so that the document is not read.
            pub fn is_about_shape(self) -> bool {
                self.text().starts_with("CB2")
            }

            /// Whether it is about one name, value, condition or template, and not about what parts mean together.
            pub fn is_about_one_place(self) -> bool {
                let is_whole = matches!(self, Self::Cycle | Self::Environment);
                !is_whole && ["CB1", "CB2", "CB3", "CB4"].iter().any(|kind| self.text().starts_with(kind))
            }

            /// What it is about and how to fix it, with a wrong and a right example, in Markdown.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("explain/", $text, ".md")),)+ }
            }

            /// How bad it is.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)+ }
            }
        }
    };
}

codes! {
    /// A file or folder cannot be read.
    Unreadable = "CB001", Error;
    /// A file is larger than the limit, or a pack has too many files.
    TooLarge = "CB002", Error;
    /// A file is not UTF-8 text.
    NotUtf8 = "CB003", Error;
    /// A folder without a pack.
    NoPack = "CB004", Error;
    /// A file or folder of a pack is not read.
    PassedOver = "CB005", Warning;

    /// A file is not YAML.
    Syntax = "CB101", Error;
    /// A duplicate key in a map.
    DuplicateKey = "CB102", Error;
    /// Maps and lists are nested too deeply.
    TooDeep = "CB103", Error;
    /// Aliases expand to too many values.
    TooManyNodes = "CB104", Error;
    /// YAML that Casebook does not accept: tags, merge keys, keys that are not text.
    Unsupported = "CB105", Error;
    /// A file is empty.
    Empty = "CB106", Error;
    /// A text without quotes that ends before a `#`.
    CutText = "CB107", Warning;

    /// A key that does not exist.
    UnknownKey = "CB201", Error;
    /// A required key is missing.
    MissingKey = "CB202", Error;
    /// A value of another type than expected.
    WrongType = "CB203", Error;
    /// A value that is not allowed.
    NotAllowed = "CB204", Error;
    /// A number, text or list outside its bounds.
    OutOfBounds = "CB205", Error;
    /// A document of an unknown kind or version.
    UnknownKind = "CB206", Error;
    /// Any other mismatch between a document and its schema.
    Shape = "CB207", Error;

    /// A name that does not exist.
    UnknownName = "CB301", Error;
    /// A duplicate name.
    DuplicateName = "CB302", Error;
    /// References that form a cycle.
    Cycle = "CB303", Error;
    /// A pack without an environment, or with several.
    Environment = "CB304", Error;
    /// A name with characters that are not allowed.
    BadName = "CB305", Error;

    /// A value that does not fit its field.
    BadValue = "CB401", Error;
    /// A condition that does not fit its field's type.
    BadCondition = "CB402", Error;
    /// A regular expression that does not compile.
    BadRegex = "CB403", Error;
    /// A template or expression that does not work.
    BadTemplate = "CB404", Error;
    /// A hidden field where only visible fields can be read.
    HiddenField = "CB405", Error;
    /// A declaration that contradicts itself.
    BadDeclaration = "CB406", Error;

    /// A label or rule is missing, so that an item has no truth.
    NoTruth = "CB501", Error;
    /// Ranks with ties or gaps.
    BadRanks = "CB502", Error;
    /// Two rules decide the same item differently.
    Overlap = "CB503", Error;
    /// Weights that do not add up to 1, or are not finite.
    Weights = "CB504", Error;
    /// A grader with nothing to grade, or with a field that does not suit it.
    BadGrader = "CB505", Error;
    /// A label that contradicts the rules without a reason.
    Contradiction = "CB506", Error;
    /// A keyword that can never match.
    DeadKeyword = "CB507", Error;
    /// A document, or a part of a generator, that nothing uses.
    Unused = "CB508", Warning;
    /// A pack without tasks.
    NoTasks = "CB510", Error;
    /// A rule or condition that reads the clock, and no clock is set.
    NoClock = "CB511", Error;
    /// A test that asserts nothing.
    EmptyTest = "CB512", Error;
    /// A key without an effect.
    NoEffect = "CB513", Warning;
    /// A rule in the instructions that agents cannot apply.
    Unseen = "CB514", Warning;
    /// A text that is graded by its label and has none.
    Unlabelled = "CB515", Warning;
    /// A reference that does not get full marks.
    WeakReference = "CB516", Warning;
    /// A generator that fails for something that it draws.
    FailedDraw = "CB517", Error;
    /// A hidden field that a visible one shows.
    Shown = "CB518", Warning;
    /// A hidden field that agents are to read from a text that says nothing about it.
    Untold = "CB519", Warning;
    /// A number with which a limit, an arrival or a grader decides nothing.
    Pointless = "CB520", Warning;
    /// A reward that grows without the score.
    Pumped = "CB521", Warning;
    /// An agent without understanding that may score more than its ceiling, for no reason.
    RaisedCeiling = "CB522", Warning;

    /// A rule that no item can match.
    NeverMatches = "CB601", Warning;
    /// A rule that decides nothing, because earlier rules match every item that it matches.
    HiddenRule = "CB602", Warning;
    /// Two rules that can match the same item and decide it differently.
    RuleOverlap = "CB603", Error;
    /// A rule on trial that would conflict with another rule.
    TrialOverlap = "CB604", Warning;
    /// Items that no rule decides.
    Uncovered = "CB605", Warning;
    /// Values that rules decide and that have the same effect in every grader.
    Indistinct = "CB606", Warning;
    /// A list that no rule uses, or an entry that another entry covers.
    ListEntry = "CB607", Warning;
    /// A rule or threshold that no item of a generator reaches.
    OutOfReach = "CB608", Warning;

    /// A plugin that cannot be loaded, or that does not describe itself.
    BadPlugin = "CB701", Error;
    /// A plugin of another name, version or digest than the pack asks for.
    OtherPlugin = "CB702", Error;
    /// A plugin that fails its own examples.
    UntruePlugin = "CB703", Error;
    /// A plugin that is a process, and processes are not allowed.
    ProcessNotAllowed = "CB704", Error;
    /// A plugin that does not offer what the pack uses, or that reads what the pack does not have.
    BadPluginUse = "CB705", Error;
    /// A filler that does not make its values.
    FailedFill = "CB706", Error;
    /// An answer of a language model that cannot be read, or that its grader does not take.
    BadAnswers = "CB707", Error;
    /// Answers of language models that no grader asks for.
    StaleAnswers = "CB708", Warning;
    /// A prompt that sends sensitive fields to a language model.
    SensitivePrompt = "CB709", Error;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}
