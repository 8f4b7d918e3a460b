//! What documents choose by a word and episodes run by: each choice once, with what it means.
//!
//! Schemas and readers of documents are made from the same lists; see [`Setting`].

use serde::{Deserialize, Serialize};

/// A choice between words, as a document writes it.
pub trait Setting {
    /// The name of the choice.
    const NAME: &'static str;
    /// What is chosen.
    const ABOUT: &'static str;
    /// The words, each with what it means.
    const WORDS: &'static [(&'static str, &'static str)];
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $name:ident $(= $default:ident)? {
        $($(#[doc = $means:literal])+ $variant:ident, $word:literal;)+
    })+) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[doc = $means])+ #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as documents write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        $(impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        })?

        impl Setting for $name {
            const NAME: &'static str = stringify!($name);
            const ABOUT: &'static str = concat!($($about),+);
            const WORDS: &'static [(&'static str, &'static str)] = &[$(($word, concat!($($means),+))),+];
        }
    )+};
}
pub(crate) use settings;

settings! {
    /// What happens if several rules match.
    Hit = Unique {
        /// It is an error if they decide differently.
        Unique, "unique";
        /// The first one decides.
        First, "first";
        /// Each decides its own decisions; it is an error if two decide the same one differently.
        Collect, "collect";
    }

    /// How serious a decision against a rule is.
    Severity = Normal {
        /// A matter of taste.
        Low, "low";
        /// An ordinary mistake.
        Normal, "normal";
        /// A costly mistake.
        High, "high";
        /// A mistake that must not happen.
        Critical, "critical";
    }

    /// When agents see the parts of the reward and the rules behind them.
    Explain = End {
        /// After every step.
        Step, "step";
        /// When the episode is over.
        End, "end";
        /// Never.
        Never, "never";
    }

    /// How the reward is computed.
    RewardMode = Sum {
        /// The sum of the components under `sum`.
        Sum, "sum";
        /// The gain of the score since the last step, if any. Going back and forth can pump it.
        Improvement, "improvement";
        /// The gain of the score over its best so far, if any. It cannot be pumped: the rewards add up to at most 1.
        BestSoFar, "best_so_far";
        /// The change of the score, up or down; the rewards of an episode add up to its score, less the score at its start.
        Potential, "potential";
        /// 0 until the last step, which earns the score.
        Terminal, "terminal";
    }

    /// How a step counts if the environment fails in it.
    OnFailure = Refuse {
        /// It is refused with an error, the episode stays as it is, and the agent can act again.
        Refuse, "refuse";
        /// It counts as an invalid action and decides nothing.
        Penalize, "penalize";
    }

    /// What happens if an action is invalid, or fails as the pack says.
    OnInvalid = Refuse {
        /// It is refused with an error, the episode stays as it is, and the agent can act again.
        Refuse, "refuse";
        /// It costs a step, counts as an invalid action and does nothing; the feedback gives the reason.
        Penalize, "penalize";
    }

    /// The purpose of a split.
    SplitType {
        /// For training.
        Train, "train";
        /// For choosing between trained agents.
        Validation, "validation";
        /// For measuring the chosen agent, and nothing else.
        Test, "test";
    }

    /// The items to show.
    ItemsSelection {
        /// Items without a decision.
        Pending, "pending";
        /// All items.
        All, "all";
    }

    /// A number that the episode counts.
    Counter {
        /// Steps taken.
        Steps, "steps";
        /// Steps after which the episode ends.
        MaxSteps, "max_steps";
        /// Items.
        Items, "items";
        /// Items without a decision.
        Pending, "pending";
        /// Items with a decision.
        Decided, "decided";
        /// Decisions that the last step made.
        Accepted, "accepted";
        /// Minutes on the episode's clock since it began.
        Minutes, "minutes";
        /// What is left of the task's budget, rounded down.
        BudgetLeft, "budget_left";
    }

    /// How values are combined.
    Aggregate = Mean {
        /// The mean.
        Mean, "mean";
        /// The sum.
        Sum, "sum";
        /// The minimum.
        Min, "min";
        /// The maximum.
        Max, "max";
    }

    /// The part of a value that counts.
    Take = Value {
        /// The value itself.
        Value, "value";
        /// The value if it is above 0, otherwise 0.
        Positive, "positive";
        /// How far the value is below 0, otherwise 0. This applies to each component before they are added.
        Negative, "negative";
    }

    /// What weighs an item in a grader.
    Weigh {
        /// The severity of the rule behind the right decision: low 0.5, normal 1, high 2, critical 4; 1 without a rule.
        Severity, "severity";
    }

    /// Which correlation.
    Correlation = Spearman {
        /// Spearman's rho: Pearson's correlation of mean ranks.
        Spearman, "spearman";
        /// Kendall's tau-b.
        Kendall, "kendall";
    }

    /// The position of a phrase in the text.
    PhrasePlace = Anywhere {
        /// Anywhere.
        Anywhere, "anywhere";
        /// Among the first five words.
        Start, "start";
        /// Among the last ten words.
        End, "end";
    }
}

impl Severity {
    /// How much a decision weighs; an ordinary one weighs 1.
    pub const fn weight(self) -> f64 {
        match self {
            Self::Low => 0.5,
            Self::Normal => 1.0,
            Self::High => 2.0,
            Self::Critical => 4.0,
        }
    }
}

impl SplitType {
    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}
