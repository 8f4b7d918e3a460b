//! Answers of models, by what was asked.

use std::{
    fs,
    path::{Path, PathBuf},
};

use casebook_runtime::hash::sha256;
use serde_json::{Value, json};

use crate::files;

/// A folder with a file for each request.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens a folder, or makes it.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(super) fn open(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| format!("`{}` cannot be made: {error}", folder.display()))?;
        Ok(Self { folder: folder.to_path_buf() })
    }

    /// The answer of an endpoint to a request; one that cannot be read counts as none.
    pub(super) fn get(&self, request: (&str, &str)) -> Option<Value> {
        let text = fs::read_to_string(self.path(request)).ok()?;
        let mut kept: Value = serde_json::from_str(&text).ok()?;
        Some(kept["answer"].take()).filter(Value::is_object)
    }

    /// Keeps an answer.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(super) fn put(&self, request: (&str, &str), answer: &Value) -> Result<(), String> {
        let path = self.path(request);
        let asked: Value = serde_json::from_str(request.1).unwrap_or_default();
        let text = json!({ "endpoint": request.0, "request": asked, "answer": answer }).to_string();
        // Another thread may ask the same: whoever is last replaces a whole file by a whole one.
        let unfinished = path.with_extension(format!("{:?}.unfinished", std::thread::current().id()));
        let written = files::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, &path));
        written.map_err(|error| format!("`{}` cannot be written: {error}", path.display()))
    }

    fn path(&self, (endpoint, request): (&str, &str)) -> PathBuf {
        self.folder.join(format!("{}.json", sha256(format!("{endpoint}\n{request}").as_bytes())))
    }
}
