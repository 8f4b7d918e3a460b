//! Findings and test results as CI systems read them.

pub(crate) mod github;
pub(crate) mod junit;
pub(crate) mod sarif;
mod uri;
