//! The packs that tests play: a small one of their own, and the shipped ones.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use casebook_compile::check::compile;
use casebook_runtime::scenario::{Catalog, Pack};
use casebook_syntax::source;

/// The repository, whichever crate of `engine` includes this file.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate lies in a folder of engine")
}

/// The folder of the small packs and of the cases.
pub(crate) fn tests() -> PathBuf {
    root().join("engine/compile/tests")
}

/// The shipped packs.
pub(crate) fn scenarios() -> PathBuf {
    root().join("scenarios")
}

/// The files of the small pack, by name.
pub(crate) fn desk() -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = fs::read_dir(tests().join("packs/desk"))
        .expect("the pack")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            (
                path.file_name().expect("a name").to_string_lossy().into_owned(),
                fs::read_to_string(&path).expect("a text"),
            )
        })
        .collect();
    files.sort();
    files
}

/// Compiles texts as one pack.
pub(crate) fn catalog(files: &[(String, String)]) -> Catalog {
    let set = source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let compiled = compile(&set, 1);
    let report = compiled.report.render(false);
    compiled.catalog.unwrap_or_else(|| panic!("{report}"))
}

/// The files of the small pack with one text of one file replaced.
pub(crate) fn desk_files_with(file: &str, from: &str, to: &str) -> Vec<(String, String)> {
    let mut files = desk();
    let (_, text) = files.iter_mut().find(|(name, _)| name == file).expect("the file");
    assert!(text.contains(from), "{file} does not hold {from}");
    *text = text.replacen(from, to, 1);
    files
}

/// The small pack with one text of one file replaced.
pub(crate) fn desk_with(file: &str, from: &str, to: &str) -> Arc<Pack> {
    Arc::clone(&catalog(&desk_files_with(file, from, to)).packs()[0])
}

/// Every pack there is to play, compiled once.
pub(crate) fn all() -> Vec<Arc<Pack>> {
    static ALL: LazyLock<Vec<Arc<Pack>>> = LazyLock::new(read_all);
    ALL.clone()
}

fn read_all() -> Vec<Arc<Pack>> {
    let compiled = compile(&source::read(&[scenarios()]), 1);
    let report = compiled.report.render(false);
    let shipped = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
    let mut packs = shipped.packs().to_vec();
    packs.extend(catalog(&desk()).packs().iter().cloned());
    packs
}

/// The shipped packs without items, by name: echo, slow, tools, triage.
pub(crate) fn conformance() -> Catalog {
    let compiled = compile(&source::read(&[scenarios().join("conformance")]), 1);
    let report = compiled.report.render(false);
    compiled.catalog.unwrap_or_else(|| panic!("{report}"))
}

/// One of the shipped packs without items.
pub(crate) fn itemless(name: &str) -> Arc<Pack> {
    Arc::clone(conformance().pack(&format!("conformance-{name}")).expect("it is shipped"))
}

/// Every pack there is to play, those without items last.
pub(crate) fn every() -> Vec<Arc<Pack>> {
    all().into_iter().chain(conformance().packs().iter().cloned()).collect()
}

/// The same, compiled once more, so that nothing is shared.
pub(crate) fn every_anew() -> Vec<Arc<Pack>> {
    read_all().into_iter().chain(conformance().packs().iter().cloned()).collect()
}
