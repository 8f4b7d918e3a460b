//! Paths as references of RFC 3986.

use std::path::{Component, Path};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// What is written as it is; everything else, bytes that are not UTF-8 included, is percent-encoded.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A relative reference, without a `./` before it; an absolute path as `file:///...`.
pub(super) fn of(path: &Path) -> String {
    let encoded = |part: &std::ffi::OsStr| percent_encode(part.as_encoded_bytes(), UNRESERVED).to_string();
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir | Component::RootDir => {}
            Component::ParentDir => parts.push("..".to_owned()),
            Component::Normal(name) => parts.push(encoded(name)),
            // A drive keeps its colon.
            Component::Prefix(drive) => parts.push(encoded(drive.as_os_str()).replace("%3A", ":")),
        }
    }
    match parts.join("/") {
        inside if path.is_absolute() => format!("file:///{inside}"),
        inside if inside.is_empty() => ".".to_owned(),
        inside => inside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references_that_a_parser_reads_back() {
        for (path, expected) in [
            ("./desk/rules.yaml", "desk/rules.yaml"),
            ("rules.yaml", "rules.yaml"),
            ("../desk/./rules.yaml", "../desk/rules.yaml"),
            ("my desk/prüfung/[1]|^.yaml", "my%20desk/pr%C3%BCfung/%5B1%5D%7C%5E.yaml"),
            ("50%/a#b?.yaml", "50%25/a%23b%3F.yaml"),
            // With a bare colon the first part would be a scheme.
            ("c:d/rules.yaml", "c%3Ad/rules.yaml"),
            (".", "."),
            ("", "."),
            ("/tmp/my desk/a.yaml", "file:///tmp/my%20desk/a.yaml"),
        ] {
            assert_eq!(of(Path::new(path)), expected, "{path}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_utf_8_keep_their_values() {
        use std::os::unix::ffi::OsStrExt as _;
        let path = Path::new(std::ffi::OsStr::from_bytes(b"caf\xe9/a.yaml"));
        assert_eq!(of(path), "caf%E9/a.yaml");
    }
}
