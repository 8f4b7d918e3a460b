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
/// The page's modules, with the places where they import each other.
pub(crate) const SCRIPTS: &[(&str, Asset)] = &[
    ("/studio/controls.js", script(include_str!("controls.js"))),
    ("/studio/form.js", script(include_str!("form.js"))),
    ("/studio/kept.js", script(include_str!("kept.js"))),
    ("/studio/parts.js", script(include_str!("parts.js"))),
    ("/studio/reloads.js", script(include_str!("reloads.js"))),
    ("/studio/requests.js", script(include_str!("requests.js"))),
    ("/studio/studio.js", script(include_str!("studio.js"))),
    ("/studio/values.js", script(include_str!("values.js"))),
    ("/studio/view.js", script(include_str!("view.js"))),
];
/// What lets another page bear the token that this one keeps.
pub(crate) const BEAR_TOKEN: &str = include_str!("bear.js");
pub(crate) const STYLE: Asset = Asset { kind: "text/css; charset=utf-8", text: include_str!("studio.css") };

/// The page for a place one folder below the others' own.
pub(crate) fn index_below() -> String {
    let below = INDEX.text.replace("href=\"", "href=\"../").replace("src=\"", "src=\"../");
    below.replace("\"../data:", "\"data:").replace("\"../#", "\"#")
}

const fn script(text: &'static str) -> Asset {
    Asset { kind: "text/javascript; charset=utf-8", text }
}
