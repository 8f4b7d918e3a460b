//! Who the server is for: those who train and test, or those who only call tools.

use std::{fmt, str::FromStr};

/// What of the HTTP surface a server registers; the WebSocket is there in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything.
    #[default]
    Simulation,
    /// Neither `/reset` nor `/step` nor `/state`.
    Production,
}

impl Mode {
    /// Its name, as `OPENENV_MODE` writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Simulation => "simulation",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Simulation, Self::Production];
        let found = known.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(text.trim()));
        found.ok_or_else(|| format!("unknown mode `{text}`; a server runs in `simulation` or in `production`"))
    }
}
