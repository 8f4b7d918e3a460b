//! `order/*.case`: a YAML file, and the same with its keys in canonical order and its comments where they belong.

use std::path::Path;

use casebook_syntax::{source::SourceFile, spec::order};
use libtest_mimic::Failed;

pub(crate) fn run(_: &str, input: &str) -> Result<String, Failed> {
    let reorder = |text: &str| order::reorder(&SourceFile::new(Path::new("a.yaml"), text)).expect("YAML");
    let ordered = reorder(input);
    let again = reorder(&ordered);
    if again == ordered { Ok(ordered) } else { Err(format!("a second pass changes it to\n{again}").into()) }
}
