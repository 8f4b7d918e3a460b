//! What rules mean: proofs with items that show them.
//!
//! | file | what |
//! |---|---|
//! | `formula.rs` | conditions as formulas over atoms |
//! | `space.rs` | which values of numbers, moments and choices are worth trying |
//! | `likely.rs` | which values look like those of an item |
//! | `differences.rs` | values of fields that are compared with each other |
//! | `walls.rs` | moments that clocks on walls distinguish |
//! | `lists.rs` | lists, sets and objects whose entries fulfil conditions |
//! | `text.rs` | what one test of a text says about another; texts that pass |
//! | `relations.rs` | what tests of one text or list say about each other: an index |
//! | `spellings.rs` | expressions for the ways in which a text can be written |
//! | `automata.rs` | regular expressions together |
//! | `search.rs` | the search for an item that fulfils a formula |
//! | `shown.rs` | items that show something: completed, computed, cut down |
//! | `needed.rs` | which decisions a formula needs |
//! | `outcome.rs` | what rules decide, and which of them can decide in place of another |
//! | `region.rs` | which rules can meet at all: an index |
//! | `lazy.rs` | questions about many rules, asked with as few of them as it takes |
//! | `claims.rs` | what is found about one set of rules |
//! | `diff.rs` | what changes from one set of rules to another, edit by edit |
//! | `edits.rs` | which edits lead from one set of rules to another |
//! | `moves.rs`, `moves/known.rs` | what one edit moves |
//! | `whole.rs` | what changes where several matching rules count otherwise |
//! | `domain.rs` | what two sets of rules are about, and why they cannot be compared |
//! | `examples.rs` | items that show what no claim shows |
//! | `witness.rs` | an item that shows something, as a case for a test |
//! | `words.rs` | decided atoms as words |
//! | `ranges.rs` | sets of numbers in stretches |
//!
//! An item that is found has been judged by the rules themselves. "Impossible" is reported only where it is proved; else the
//! answer is unknown, with the reason.

mod automata;
mod claims;
mod diff;
mod differences;
mod domain;
mod edits;
mod examples;
mod formula;
mod lazy;
mod likely;
mod lists;
mod moves;
mod needed;
mod outcome;
mod ranges;
mod region;
mod relations;
mod search;
mod shown;
mod space;
mod spellings;
mod text;
mod walls;
mod whole;
mod witness;
mod words;

pub use claims::{Analysis, Claim, Idle, Unknown, Wanted, analyse, idle};
pub use diff::{Diff, Edit, Move, Side, diff};
pub use edits::{EditKind, Subject};
pub use examples::{Entry, decided, listed};
pub use likely::below_nothing;
pub use outcome::Outcome;
pub use search::Known;
pub use witness::Witness;
pub use words::Condition;

/// How long a question is thought about.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Decisions of the search for one question.
    pub steps: usize,
    /// Questions of one set of rules; what is not asked is unknown.
    pub questions: usize,
    /// Work of all questions together: atoms that are looked at.
    pub work: usize,
    /// The maximum number of rules after one that are reported to contradict it; whether more do is unknown.
    pub partners: usize,
}

impl Limits {
    /// As long as it takes for a command that proves.
    pub const THOROUGH: Self = Self { steps: 50_000, questions: 2_000_000, work: 4_000_000_000, partners: 20 };
    /// So short that nobody waits for it at every save.
    pub const QUICK: Self = Self { steps: 400, questions: 4_000, work: 50_000_000, partners: 5 };
}

/// The answer to whether some item fulfils a condition.
#[derive(Debug, Clone)]
enum Answer<T> {
    /// One does.
    Found(T),
    /// None can.
    Impossible,
    /// Nobody knows, and why.
    Unknown(&'static str),
}
