//! The page in which a person plays an episode, embedded in the binary.

/// A file of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asset {
    /// Its content type.
    pub(crate) kind: &'static str,
    /// What it holds.
    pub(crate) text: &'static str,
}

pub(crate) const INDEX: Asset = Asset { kind: "text/html; charset=utf-8", text: include_str!("index.html") };
pub(crate) const SCRIPT: Asset = Asset { kind: "text/javascript; charset=utf-8", text: include_str!("studio.js") };
pub(crate) const STYLE: Asset = Asset { kind: "text/css; charset=utf-8", text: include_str!("studio.css") };
