//! Texts, their paths and hashes.
use std::path::{Path, PathBuf};

/// All files of all packs, as they were read together.
#[derive(Debug, Clone, Default)]
pub struct SourceSet {}

/// Reads every pack below the given roots; a root is a pack or a folder of packs.
///
/// Problems of single files (unreadable, too large, not UTF-8) are kept in the set and reported by `scenario::compile`.
pub fn read(roots: &[PathBuf]) -> SourceSet {
    let _ = roots;
    todo!()
}

impl SourceSet {
    /// SHA-256 over paths and contents, in hex: equal exactly when nothing changed on disk.
    pub fn hash(&self) -> &str {
        todo!()
    }
    /// The folders that a watcher should watch (recursively).
    pub fn folders(&self) -> &[PathBuf] {
        todo!()
    }
    /// Whether a path belongs to a pack's files (by its ending), for filtering file events.
    pub fn is_source(path: &Path) -> bool {
        let _ = path;
        todo!()
    }
}
