//! Where something is written.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as findings name it.
    pub path: Arc<Path>,
    /// The line, counted from 1.
    pub line: usize,
}

impl Place {
    /// The file's own name and the line.
    pub fn short(&self) -> String {
        format!("{}:{}", self.path.file_name().unwrap_or_default().to_string_lossy(), self.line)
    }

    /// The file as it is reached from a folder: the same wherever that folder lies; its own name where no path leads there.
    pub fn path_from(&self, folder: &Path) -> PathBuf {
        let (path, from) = (parts(&self.path), parts(folder));
        let shared = path.iter().zip(&from).take_while(|(a, b)| a == b).count();
        let (down, up) = (&path[shared..], &from[shared..]);
        if self.path.is_absolute() != folder.is_absolute() || up.contains(&Component::ParentDir) {
            return self.path.file_name().map(PathBuf::from).unwrap_or_default();
        }
        up.iter().map(|_| &Component::ParentDir).chain(down).collect()
    }
}

/// The parts of a path without the steps that lead out of a folder it has just entered.
fn parts(path: &Path) -> Vec<Component<'_>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_the_same_from_every_folder() {
        let from = |path: &str, folder: &str| {
            let place = Place { path: Path::new(path).into(), line: 3 };
            place.path_from(Path::new(folder)).to_string_lossy().into_owned()
        };
        for (path, folder) in [
            ("packs/desk/rules.yaml", "packs/desk"),
            ("desk/rules.yaml", "./desk"),
            ("rules.yaml", "."),
            ("rules.yaml", ""),
            ("../rules.yaml", ".."),
            ("packs/other/../desk/rules.yaml", "packs/desk/"),
            ("/srv/desk/rules.yaml", "/srv/desk"),
        ] {
            assert_eq!(from(path, folder), "rules.yaml", "{path} from {folder}");
        }
        for (path, folder) in [
            ("packs/base/pack.yaml", "packs/desk"),
            ("../base/pack.yaml", "."),
            ("../../base/pack.yaml", ".."),
            ("/srv/base/pack.yaml", "/srv/desk"),
        ] {
            assert_eq!(from(path, folder), "../base/pack.yaml", "{path} from {folder}");
        }
        assert_eq!(from("/tmp/new.yaml", "desk"), "new.yaml");
        assert_eq!(from("base/pack.yaml", "../desk"), "pack.yaml");
    }
}
