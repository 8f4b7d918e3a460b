//! Files that commands read whole, and write whole or not at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read as _, Write as _},
    path::Path,
};

use casebook_syntax::source::{text_from, without_mark};
use tempfile::NamedTempFile;

/// The greatest number of bytes of a file that is read whole; a device has no end.
const MAX_BYTES: u64 = 512 << 20;

/// The bytes of a file.
///
/// # Errors
///
/// When it cannot be read, or has more bytes than any file that is read whole.
pub(crate) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    up_to(path, MAX_BYTES)
}

/// The text of a file as it is.
///
/// # Errors
///
/// As for [`bytes`], and when it is not UTF-8.
pub(crate) fn plain_text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

fn up_to(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

/// The text of a file, without a byte order mark; the error names the file.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let bytes = bytes(path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    match text_from(bytes) {
        Ok(text) => Ok(without_mark(&text).to_owned()),
        Err(problem) if problem.wide => {
            Err(format!("`{}` is UTF-16 text; save it as UTF-8 (\"CSV UTF-8\" in a spreadsheet)", path.display()))
        }
        Err(problem) => {
            let (line, column) = (problem.line(), problem.column());
            Err(format!("{}:{line}: not UTF-8 text in column {column}; save the file as UTF-8", path.display()))
        }
    }
}

/// Whether a file holds a text; `None` where it cannot be read. Of devices, which have no end, nothing is read.
pub(crate) fn holds(path: &Path, text: &str) -> Option<bool> {
    let file = File::open(path).ok().filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_file()))?;
    let mut bytes = Vec::new();
    file.take(text.len() as u64 + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes == text.as_bytes())
}

/// Whether a file can be written later, as far as that shows without touching it; the error says why not.
pub(crate) fn check_writable(path: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = if path.is_dir() {
        "it is a folder".to_owned()
    } else if !folder.is_dir() {
        format!("there is no folder `{}`", folder.display())
    } else if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly()) {
        "it is read-only".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("`{}` cannot be written: {problem}", path.display()))
}

/// Writes a file whole or not at all: a full disk leaves the one that was there as it is.
///
/// The text goes to a file next to it, which takes its place. Where that cannot be done (a folder in which no file may be
/// made, a file that is mounted) it is written in place, and so are devices and pipes. A link stays a link.
///
/// # Errors
///
/// When the disk is full, or the file cannot be written.
pub(crate) fn write(path: &Path, text: impl AsRef<[u8]>) -> io::Result<()> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => match replace(path, &metadata, text.as_ref()) {
            Ok(()) => Ok(()),
            Err(error) if is_lack_of_room(&error) => Err(error),
            Err(_) => fs::write(path, text),
        },
        _ => fs::write(path, text),
    }
}

fn replace(path: &Path, old: &fs::Metadata, text: &[u8]) -> io::Result<()> {
    if old.permissions().readonly() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = NamedTempFile::with_prefix_in(".casebook-", folder)?;
    new.write_all(text)?;
    new.as_file().set_permissions(old.permissions())?;
    new.as_file().sync_data()?;
    new.persist(path)?;
    Ok(())
}

fn is_lack_of_room(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_compared_with_a_text_and_a_device_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        assert_eq!(holds(&path, "one"), None);
        fs::write(&path, "one").expect("written");
        assert_eq!(
            [holds(&path, "one"), holds(&path, "on"), holds(&path, "two")],
            [Some(true), Some(false), Some(false)]
        );
        #[cfg(unix)]
        {
            assert_eq!(holds(Path::new("/dev/zero"), "one"), None);
            let problem = up_to(Path::new("/dev/zero"), 1 << 20).expect_err("it has no end");
            assert_eq!(problem.to_string(), "it has more than 1 MiB");
        }
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_permissions_and_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        write(&path, "one").expect("it is new");
        write(&path, "two").expect("it is there");
        assert_eq!(fs::read_to_string(&path).expect("a text"), "two");
        #[cfg(unix)]
        {
            use std::os::unix::fs::{PermissionsExt as _, symlink};
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
            let link = folder.path().join("link.yaml");
            symlink("a.yaml", &link).expect("a link");
            write(&link, "three").expect("the link is followed");
            assert!(fs::symlink_metadata(&link).expect("it is there").is_symlink());
            let mode = fs::metadata(&path).expect("it is there").permissions().mode() & 0o777;
            assert_eq!((fs::read_to_string(&path).expect("a text"), mode), ("three".to_owned(), 0o640));
            let full = write(Path::new("/dev/full"), "four").map_err(|error| error.kind());
            assert_eq!(full, Err(ErrorKind::StorageFull));
        }
        let names = fs::read_dir(folder.path()).expect("a folder").count();
        assert!(names <= 2, "nothing is left next to it");
    }
}
