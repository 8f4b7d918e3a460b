//! Who may do what: four principals, each with a surface and, where tokens are set, a token of its own.

use std::{error::Error, fmt};

use casebook_syntax::source;
use subtle::{Choice, ConstantTimeEq};

/// The minimum number of characters of a token.
const SHORTEST: usize = 16;

/// Somebody who uses the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs episodes: reset, step, state, sessions, tasks.
    Orchestrator,
    /// Acts within an episode: tools on `/mcp`, and nothing else.
    Agent,
    /// Scores: the grader's endpoints.
    Grader,
    /// Reads metrics, and the results of reloads.
    Observer,
}

/// Whom an endpoint is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// Everybody, token or not.
    Open,
    /// Everybody with a token.
    Known,
    /// Routes that return scores but no right answers: the orchestrator's and the grader's.
    Scores,
    /// One of the principals, and the orchestrator where that one has no token.
    Of(Role),
    /// What all new episodes are played with: the orchestrator's. Without tokens it is shut unless the server is opened on
    /// purpose.
    Control,
    /// What is right: the grader's, and nobody else's. Without tokens it is shut unless the server is opened on purpose.
    Truth,
}

/// The tokens of all principals; without any, everything is open to everybody.
#[derive(Clone, Default)]
pub struct Tokens(Vec<(Role, String)>);

/// Why tokens cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenError {
    /// A line that is not `ROLE TOKEN`; holds its number.
    Line(usize),
    /// A line with more than `ROLE TOKEN`; holds its number.
    Blank(usize),
    /// A role that does not exist; holds the line's number and what it says.
    Role(usize, String),
    /// No token at all, where some were asked for.
    Empty,
    /// A token that no header can hold; holds whose.
    Unsendable(Role),
    /// A token that is too easily guessed; holds whose.
    Short(Role),
    /// A token that two roles share; holds the second.
    Shared(Role),
    /// Tokens, but none of the orchestrator's.
    NoOrchestrator,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Orchestrator, Self::Agent, Self::Grader, Self::Observer];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::Agent => "agent",
            Self::Grader => "grader",
            Self::Observer => "observer",
        }
    }

    /// Whether it may open, reset, step, read and end sessions.
    pub(crate) fn runs_sessions(self) -> bool {
        self == Self::Orchestrator
    }
}

impl Tokens {
    /// Reads lines of the form `ROLE TOKEN`. Empty lines are skipped, and so is what follows a word that starts with `#`.
    ///
    /// # Errors
    ///
    /// When a line cannot be read, or when there is no token: whoever names a file does not mean to serve everybody.
    pub fn read(text: &str) -> Result<Self, TokenError> {
        let mut tokens = Self::default();
        for (at, line) in (1..).zip(source::without_mark(text).lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.split_whitespace();
            let (Some(name), Some(token)) = (words.next(), words.next().filter(|word| !word.starts_with('#'))) else {
                return Err(TokenError::Line(at));
            };
            if words.next().is_some_and(|word| !word.starts_with('#')) {
                return Err(TokenError::Blank(at));
            }
            let role = Role::ALL.into_iter().find(|role| role.name() == name);
            tokens.add(role.ok_or_else(|| TokenError::Role(at, name.to_owned()))?, token)?;
        }
        if tokens.is_empty() { Err(TokenError::Empty) } else { Ok(tokens) }
    }

    /// Adds a token, without the white space around it, such as the line end of a secret; a role may have several.
    ///
    /// # Errors
    ///
    /// When it is too short, holds what no header can hold, or is another role's.
    pub fn add(&mut self, role: Role, token: &str) -> Result<(), TokenError> {
        let token = token.trim();
        if !token.chars().all(|character| character.is_ascii_graphic()) {
            return Err(TokenError::Unsendable(role));
        }
        if token.chars().count() < SHORTEST {
            return Err(TokenError::Short(role));
        }
        if self.0.iter().any(|(other, known)| *other != role && known == token) {
            return Err(TokenError::Shared(role));
        }
        self.0.push((role, token.to_owned()));
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that whoever has a token can be served.
    pub fn validate(&self) -> Result<(), TokenError> {
        if self.is_empty() || self.has(Role::Orchestrator) { Ok(()) } else { Err(TokenError::NoOrchestrator) }
    }

    /// Finds whose token it is, and its place among all; takes as long for a wrong one as for a right one.
    pub(crate) fn find(&self, token: &str) -> Option<(usize, Role)> {
        let mut found = None;
        for (at, (role, known)) in self.0.iter().enumerate() {
            let same: Choice = known.as_bytes().ct_eq(token.as_bytes());
            if bool::from(same) {
                found = Some((at, *role));
            }
        }
        found
    }

    /// Whether a role may use a surface.
    pub(crate) fn admits(&self, surface: Surface, role: Role) -> bool {
        match surface {
            Surface::Open | Surface::Known => true,
            Surface::Scores => matches!(role, Role::Orchestrator | Role::Grader),
            Surface::Truth => role == Role::Grader,
            Surface::Of(owner) if owner == role => true,
            // Whoever runs episodes may do in them what the agent may, and may look on.
            Surface::Control | Surface::Of(Role::Agent | Role::Observer) => role == Role::Orchestrator,
            Surface::Of(owner) => role == Role::Orchestrator && !self.has(owner),
        }
    }

    /// Whose tokens they are, in their order.
    pub(crate) fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().map(|(role, _)| *role)
    }

    /// How many tokens a role has.
    pub(crate) fn count(&self, role: Role) -> usize {
        self.0.iter().filter(|(owner, _)| *owner == role).count()
    }

    fn has(&self, role: Role) -> bool {
        self.0.iter().any(|(owner, _)| *owner == role)
    }
}

/// Shows whose tokens there are, never the tokens.
impl fmt::Debug for Tokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(role, _)| role)).finish()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(at) => write!(formatter, "line {at} is not `ROLE TOKEN`"),
            Self::Blank(at) => write!(
                formatter,
                "line {at} is more than `ROLE TOKEN`: a token has no blanks, and a comment begins with `#`"
            ),
            Self::Role(at, name) => {
                let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
                let text =
                    crate::names::unknown_name("role", name, crate::names::nearest(name, &names), "there are", &names);
                write!(formatter, "line {at}: {text}")
            }
            Self::Empty => formatter.write_str(
                "there is no token; add a line such as `orchestrator TOKEN`, or leave the file out to serve everybody",
            ),
            Self::Unsendable(role) => write!(
                formatter,
                "a token of the {} has blanks or characters that no header can hold; use letters, digits and signs of ASCII",
                role.name()
            ),
            Self::Short(role) => {
                write!(formatter, "a token of the {} has fewer than {SHORTEST} characters", role.name())
            }
            Self::Shared(role) => write!(formatter, "a token of the {} is another role's as well", role.name()),
            Self::NoOrchestrator => formatter.write_str("there are tokens, but none of the orchestrator"),
        }
    }
}

impl Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "
        # who trains
        orchestrator orchestrator-0123456789
        agent\tagent-0123456789abcdef
    ";

    #[test]
    fn a_file_is_read_and_tokens_are_found_by_whole_text() {
        let tokens = Tokens::read(FILE).expect("it is fine");
        assert_eq!(tokens.find("agent-0123456789abcdef"), Some((1, Role::Agent)));
        assert_eq!(tokens.find("agent-0123456789abcde"), None);
        assert_eq!(tokens.find(""), None);
        assert_eq!(format!("{tokens:?}"), "[Orchestrator, Agent]");
    }

    #[test]
    fn white_space_around_a_token_is_no_part_of_it() {
        let mut tokens = Tokens::read("\u{feff}orchestrator orchestrator-0123456789\r\n").expect("it is fine");
        tokens.add(Role::Agent, "agent-0123456789abcdef\n").expect("it is fine");
        for token in ["orchestrator-0123456789", "agent-0123456789abcdef"] {
            assert!(tokens.find(token).is_some(), "{token}");
        }
        assert_eq!(tokens.add(Role::Agent, "agent-0123456789\nabcdef"), Err(TokenError::Unsendable(Role::Agent)));
        assert_eq!(tokens.add(Role::Agent, "  \n"), Err(TokenError::Short(Role::Agent)));
    }

    #[test]
    fn a_comment_behind_a_token_is_no_part_of_it() {
        let tokens =
            Tokens::read("orchestrator orchestrator-0123456789 \t # who trains\nagent\t agent#0123456789abcdef #")
                .expect("it is fine");
        for token in ["orchestrator-0123456789", "agent#0123456789abcdef"] {
            assert!(tokens.find(token).is_some(), "{token}");
        }
    }

    #[test]
    fn each_role_has_its_surface() {
        let tokens = Tokens::read(FILE).expect("it is fine");
        assert!(tokens.admits(Surface::Of(Role::Agent), Role::Agent));
        assert!(!tokens.admits(Surface::Of(Role::Orchestrator), Role::Agent));
        assert!(!tokens.admits(Surface::Of(Role::Grader), Role::Agent));
        // Nobody else has a token for it.
        assert!(tokens.admits(Surface::Of(Role::Grader), Role::Orchestrator));
        let mut tokens = tokens;
        tokens.add(Role::Grader, "grader-0123456789abcdef").expect("it is fine");
        assert!(!tokens.admits(Surface::Of(Role::Grader), Role::Orchestrator));
    }

    #[test]
    fn bad_files_say_where() {
        for (text, expected) in [
            ("agent", "line 1 is not `ROLE TOKEN`"),
            (
                "agent 0123456789abcdef of the desk",
                "line 1 is more than `ROLE TOKEN`: a token has no blanks, and a comment begins with `#`",
            ),
            ("agent # 0123456789abcdef", "line 1 is not `ROLE TOKEN`"),
            (
                "\nagnet 0123456789abcdef",
                "line 2: unknown role `agnet`; did you mean `agent`? there are `orchestrator`, `agent`, `grader`, `observer`",
            ),
            (
                "# none\n\n",
                "there is no token; add a line such as `orchestrator TOKEN`, or leave the file out to serve everybody",
            ),
            (
                "agent 0123456789abcdé",
                "a token of the agent has blanks or characters that no header can hold; use letters, digits and signs of ASCII",
            ),
            ("agent short", "a token of the agent has fewer than 16 characters"),
            ("agent 0123456789abcdef\ngrader 0123456789abcdef", "a token of the grader is another role's as well"),
        ] {
            assert_eq!(Tokens::read(text).expect_err("it is refused").to_string(), expected);
        }
        let tokens = Tokens::read("agent 0123456789abcdef").expect("it is fine");
        assert_eq!(tokens.validate(), Err(TokenError::NoOrchestrator));
    }
}
