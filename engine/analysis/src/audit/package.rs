//! The files of a package.

use std::{
    fs,
    path::{Path, PathBuf},
};

use casebook_runtime::{hash::sha256, scenario::Pack};

use super::{dockerfile::Dockerfile, lock, manifest::Manifest, sbom};

/// Files in which a bill of materials may stand, by how their names end.
const BILLS: [&str; 6] = [".cdx.json", ".spdx.json", "sbom.json", "bom.json", ".cdx.xml", ".spdx"];
/// Folders in which they are looked for.
const FOLDERS: [&str; 3] = ["", "deploy", "sbom"];

/// How many folders above a pack a package without a Dockerfile may be.
const FURTHEST: usize = 2;

/// A file with its text.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Names and versions.
type Listed = Vec<(String, String)>;

/// What a package consists of besides packs: what it declares, how its image is built, and with what.
#[derive(Debug)]
pub struct Package {
    /// Its folder.
    pub folder: PathBuf,
    pub(super) manifest_file: File,
    pub(super) manifest: Result<Manifest, Vec<super::manifest::Problem>>,
    pub(super) dockerfile: Option<(File, Dockerfile)>,
    pub(super) lock: Option<File>,
    pub(super) bill: Option<(File, Option<Listed>)>,
}

impl Package {
    /// The package that a pack belongs to: the nearest folder with an `openenv.yaml` that is about it, the pack's own or one
    /// above it, in the same repository.
    ///
    /// One above it is about the pack if its image is built with the pack's files; without a Dockerfile, if it is not further
    /// than the folder that has the folder of packs, such as `scenarios`.
    ///
    /// # Errors
    ///
    /// When a file of it cannot be read.
    pub fn of(pack: &Path) -> Result<Option<Self>, String> {
        let from = fs::canonicalize(pack).map_err(|error| format!("`{}` cannot be read: {error}", pack.display()))?;
        // As it was named, where that is enough.
        let here = std::env::current_dir().ok().and_then(|here| fs::canonicalize(here).ok()).unwrap_or_default();
        for (up, folder) in from.ancestors().enumerate() {
            if folder.join("openenv.yaml").is_file() {
                let shown = folder.strip_prefix(&here).map_or_else(|_| folder.to_path_buf(), Path::to_path_buf);
                let package = Self::read(&shown)?;
                let below = from.strip_prefix(folder).unwrap_or(&from);
                let is_about = match &package.dockerfile {
                    Some((_, dockerfile)) => up == 0 || dockerfile.copies(below),
                    None => up <= FURTHEST,
                };
                if is_about {
                    return Ok(Some(package));
                }
            }
            // Another repository is another package.
            if folder.join(".git").exists() {
                break;
            }
        }
        Ok(None)
    }

    /// Reads the package in a folder.
    ///
    /// # Errors
    ///
    /// When a file of it cannot be read.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let manifest_file = file(&folder.join("openenv.yaml"))?;
        let manifest = Manifest::read(&manifest_file.text);
        let execution = manifest.as_ref().ok().and_then(|manifest| manifest.validation.execution.clone());
        let recipe = execution.unwrap_or_default().dockerfile;
        let recipe = [folder.join(&recipe), folder.join("server/Dockerfile")].into_iter().find(|path| path.is_file());
        let dockerfile = recipe.map(|path| file(&path)).transpose()?;
        let dockerfile = dockerfile.map(|file| (file.clone(), Dockerfile::read(&file.text)));
        let lock = lock::NAMES.iter().map(|name| folder.join(name)).find(|path| path.is_file());
        let lock = lock.map(|path| file(&path)).transpose()?;
        let bill = FOLDERS.iter().find_map(|below| bill_in(&folder.join(below)));
        let bill = bill.map(|path| file(&path)).transpose()?;
        let bill = bill.map(|file| (file.clone(), sbom::listed(&file.text)));
        Ok(Self { folder: folder.to_path_buf(), manifest_file, manifest, dockerfile, lock, bill })
    }

    /// Its folder, for messages.
    pub(super) fn shown(&self) -> String {
        if self.folder.as_os_str().is_empty() { ".".into() } else { self.folder.display().to_string() }
    }

    /// What it declares, where that is valid.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref().ok()
    }

    /// The text of its `Cargo.lock`, if that is its lock file.
    pub fn cargo_lock(&self) -> Option<&str> {
        self.lock.as_ref().filter(|file| file.path.ends_with("Cargo.lock")).map(|file| file.text.as_str())
    }

    /// The pack that the manifest is about, among some: the one that the image serves at its root, else the only one, else
    /// the one that puts itself there.
    pub fn described<'a>(&self, packs: &[&'a Pack]) -> Option<&'a Pack> {
        if let Some(name) = self.dockerfile.as_ref().and_then(|(_, dockerfile)| dockerfile.environment()) {
            return packs.iter().copied().find(|pack| pack.name() == name);
        }
        match packs {
            [only] => Some(only),
            packs => packs.iter().copied().find(|pack| pack.root),
        }
    }

    /// SHA-256, in hex, of what was read of it and of the packs.
    pub fn source_digest(&self, packs: &[&Pack]) -> String {
        let files = [Some(&self.manifest_file), self.dockerfile.as_ref().map(|(file, _)| file), self.lock.as_ref()];
        let texts: Vec<String> = files.into_iter().flatten().map(|file| sha256(file.text.as_bytes())).collect();
        let packs: Vec<&str> = packs.iter().map(|pack| pack.digest()).collect();
        sha256(format!("{} {}", texts.join(" "), packs.join(" ")).as_bytes())
    }
}

/// The digest of a task distribution: what the documents of its pack say, which decides every task and every item that a
/// seed can draw.
pub fn distribution_digest(pack: &Pack) -> String {
    format!("sha256:{}", pack.digest())
}

fn bill_in(folder: &Path) -> Option<PathBuf> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(here).ok()?.filter_map(Result::ok).map(|entry| folder.join(entry.file_name()));
    let is_bill = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && BILLS.iter().any(|end| name.ends_with(end))
    };
    entries.filter(is_bill).min()
}

fn file(path: &Path) -> Result<File, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    Ok(File { path: path.to_path_buf(), text })
}
