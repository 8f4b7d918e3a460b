//! The small pack of the tests of `compile` with one file replaced.

use casebook_compile::check::{Compiled, compile};
use casebook_syntax::source;

/// The files, by name.
pub const FILES: [(&str, &str); 6] = [
    ("environment.yaml", include_str!("../../compile/tests/packs/desk/environment.yaml")),
    ("inbox.yaml", include_str!("../../compile/tests/packs/desk/inbox.yaml")),
    ("policy.yaml", include_str!("../../compile/tests/packs/desk/policy.yaml")),
    ("rubric.yaml", include_str!("../../compile/tests/packs/desk/rubric.yaml")),
    ("rules.yaml", include_str!("../../compile/tests/packs/desk/rules.yaml")),
    ("task.yaml", include_str!("../../compile/tests/packs/desk/task.yaml")),
];

/// Compiles the pack with another text for a file; a name that none has adds one.
pub fn with(name: &str, text: &str) -> Compiled {
    let mut files: Vec<(&str, &str)> = FILES.iter().copied().filter(|(known, _)| *known != name).collect();
    files.push((name, text));
    let compiled = compile(&source::from_texts("desk", files), 1);
    compiled.report.render(false);
    compiled
}
