//! Files that are not texts, files that are too many, and the files that the repository ships.

use std::{collections::BTreeMap, fs, path::PathBuf};

use casebook_compile::check::compile;
use casebook_syntax::{diagnostic::Code, source, spec};
use serde::Deserialize as _;
use serde_json::Value;

use super::packs;

/// The small pack in a folder of its own, with one more file.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, extra: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("casebook-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder");
        for (file, text) in packs::desk() {
            fs::write(path.join(file), text).expect("written");
        }
        fs::write(path.join("extra.yaml"), extra).expect("written");
        Self(path)
    }

    fn codes(&self) -> Vec<Code> {
        compile(&source::read(std::slice::from_ref(&self.0)), 1)
            .report
            .diagnostics
            .iter()
            .map(|finding| finding.code)
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_file_of_50_mb_is_refused_unread() {
    let folder = Folder::new("large", &vec![b'#'; 50 * 1024 * 1024]);
    assert_eq!(folder.codes(), [Code::TooLarge]);
}

#[test]
fn a_file_of_millions_of_values_is_refused() {
    let folder = Folder::new("many", format!("a: [{}]", "1,".repeat(3_000_000)).as_bytes());
    assert_eq!(folder.codes(), [Code::TooManyNodes]);
}

#[test]
fn bytes_that_are_not_utf_8_are_told_with_their_place() {
    let folder = Folder::new("latin", b"name: caf\xe9");
    assert_eq!(folder.codes(), [Code::NotUtf8]);
    let report = compile(&source::read(std::slice::from_ref(&folder.0)), 1).report;
    assert!(
        report.diagnostics[0].message.ends_with("is not UTF-8 text: byte 9 does not belong"),
        "{}",
        report.render(false)
    );
}

#[test]
fn the_byte_that_does_not_belong_is_shown_in_its_line() {
    let found = |name: &str, bytes: &[u8]| {
        let folder = Folder::new(name, bytes);
        let report = compile(&source::read(std::slice::from_ref(&folder.0)), 1).report;
        let finding = &report.diagnostics[0];
        (finding.line, finding.column, finding.label.clone(), finding.hint.clone(), report.render(false))
    };
    let (line, column, label, _, rendered) = found("byte", b"# \xc3\xbc\nname: caf\xe9\nkind: Rules\n");
    assert_eq!((line, column, label.as_deref()), (2, 10, Some("0xE9, which is `\u{e9}` in Latin-1")), "{rendered}");
    assert!(rendered.contains("name: caf\u{fffd}\n") && !rendered.contains("kind: Rules"), "{rendered}");
    let (line, _, label, ..) = found("control", b"\n\n\x9f");
    assert_eq!((line, label.as_deref()), (3, Some("0x9F")));
    let (.., hint, _) = found("wide", b"\xff\xfen\0a\0");
    assert_eq!(hint.as_deref(), Some("the file is UTF-16; save it as UTF-8"));
}

#[test]
fn a_root_that_is_none_says_what_to_name() {
    let folder = Folder::new("roots", b"");
    fs::remove_file(folder.0.join("extra.yaml")).expect("removed");
    fs::write(folder.0.join("notes.txt"), "kind: Rules").expect("written");
    fs::write(folder.0.join(".hidden.yaml"), "kind: Rules").expect("written");
    let found = |names: &[&str]| {
        let roots: Vec<PathBuf> = names.iter().map(|name| folder.0.join(name)).collect();
        let compiled = compile(&source::read(&roots), 1);
        let told = compiled.report.diagnostics.iter().map(|finding| {
            assert!(finding.hint.is_some(), "{finding:?}");
            finding.message.replace(&folder.0.display().to_string(), "")
        });
        told.collect::<Vec<String>>()
    };
    assert_eq!(found(&["gone"]), ["there is no file or folder `/gone`"]);
    assert_eq!(found(&["notes.txt"]), ["`/notes.txt` is not a file that a pack reads"]);
    assert_eq!(found(&[".hidden.yaml"]), ["`/.hidden.yaml` is not a file that a pack reads"]);
    // A pack that is named twice, by whatever path, is one.
    assert_eq!(found(&["", "rules.yaml", "."]), [] as [&str; 0]);
}

#[test]
fn documents_that_cannot_be_read_are_counted() {
    let whole = packs::desk().len();
    let folder = Folder::new("counted", b"kind: [\n");
    let count = || compile(&source::read(std::slice::from_ref(&folder.0)), 1).documents;
    assert_eq!(count(), whole + 1, "a file that is not YAML");
    fs::write(folder.0.join("extra.yaml"), "kind: Nothing\n---\nkind: Nothing\n").expect("written");
    assert_eq!(count(), whole + 2, "documents of no known kind");
    fs::write(folder.0.join("extra.yaml"), b"\xff").expect("written");
    assert_eq!(count(), whole + 1, "a file that is not text");
}

#[test]
fn a_byte_order_mark_is_fine() {
    let folder = Folder::new(
        "mark",
        "\u{feff}apiVersion: casebook/v1\nkind: Policy\nname: other\ndefault: { queue: close }\n".as_bytes(),
    );
    assert_eq!(folder.codes(), []);
}

#[test]
fn a_folder_without_a_pack_is_told() {
    let folder = std::env::temp_dir().join(format!("casebook-{}-nothing", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let compiled = compile(&source::read(&[folder.clone(), folder.join("missing")]), 1);
    let _ = fs::remove_dir_all(&folder);
    let codes: Vec<Code> = compiled.report.diagnostics.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::NoPack, Code::Unreadable]);
    assert!(compiled.catalog.is_none());
}

#[test]
fn two_packs_of_one_name_are_told() {
    let (one, two) = (Folder::new("one", b""), Folder::new("two", b""));
    for folder in [&one, &two] {
        fs::remove_file(folder.0.join("extra.yaml")).expect("removed");
    }
    let report = compile(&source::read(&[one.0.clone(), two.0.clone()]), 1).report;
    let codes: Vec<Code> = report.diagnostics.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::DuplicateName], "{}", report.render(false));
}

#[test]
fn the_hash_changes_with_any_byte_and_the_digest_only_with_meaning() {
    let hash = |files: &[(String, String)]| {
        let set = source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        let compiled = compile(&set, 1);
        (set.hash().to_owned(), compiled.catalog.expect("sound").packs()[0].digest().to_owned())
    };
    let files = packs::desk();
    let mut commented = files.clone();
    commented[0].1.push_str("# a remark\n");
    let mut changed = files.clone();
    for (_, text) in &mut changed {
        *text = text.replace("gte: 100", "gte: 101");
    }
    let (plain, commented, changed) = (hash(&files), hash(&commented), hash(&changed));
    assert_ne!(plain.0, commented.0);
    assert_eq!(plain.1, commented.1);
    assert_ne!(plain.1, changed.1);
}

#[test]
fn the_schemas_in_the_repository_are_the_types() {
    let folder = packs::scenarios().parent().expect("the root").join("schemas");
    let mut known: BTreeMap<String, String> = fs::read_dir(&folder)
        .expect("the schemas")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && !path.ends_with("README.md"))
        .map(|path| {
            (
                path.file_name().expect("a name").to_string_lossy().into_owned(),
                fs::read_to_string(&path).expect("a text"),
            )
        })
        .collect();
    for (name, schema) in spec::schemas() {
        assert!(known.remove(name) == Some(format!("{schema:#}\n")), "{name} is stale; run `casebook schema`");
    }
    assert!(known.is_empty(), "nothing makes {:?}", known.keys());
}

#[test]
fn the_reference_in_the_repository_is_of_the_types() {
    let path = packs::scenarios().join("../docs/reference.md");
    let told = fs::read_to_string(path).expect("the reference");
    assert!(
        told == spec::reference(),
        "docs/reference.md is stale; run `casebook schema --reference docs/reference.md`"
    );
}

#[test]
fn every_shipped_file_is_valid_against_its_published_schema() {
    let mut seen = 0;
    let mut folders = vec![packs::scenarios()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                let text = fs::read_to_string(&path).expect("a text");
                assert!(text.starts_with("# yaml-language-server: $schema="), "{} has no modeline", path.display());
                // Read by another reader than the engine's.
                for document in serde_yaml::Deserializer::from_str(&text) {
                    let value = Value::deserialize(document).expect("YAML");
                    let kind = spec::Kind::find(value["kind"].as_str().expect("a kind")).expect("a known kind");
                    let schema = spec::published(kind);
                    let problems: Vec<String> = jsonschema::draft202012::new(&schema)
                        .expect("a schema")
                        .iter_errors(&value)
                        .map(|error| format!("{}: {error}", error.instance_path()))
                        .collect();
                    assert!(problems.is_empty(), "{}: {problems:?}", path.display());
                    let named = [kind.schema_file(), "casebook.schema.json"].iter().any(|file| text.contains(file));
                    assert!(named, "{} names another schema", path.display());
                }
                seen += 1;
            }
        }
    }
    assert!(seen >= 19, "only {seen} files");
}

/// The places of all keys of a document, but those in lists.
fn keys(value: &Value, place: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    for (key, inner) in value.as_object().into_iter().flatten() {
        place.push(key.clone());
        found.push(place.clone());
        keys(inner, place, found);
        place.pop();
    }
}

#[test]
fn the_published_schema_takes_null_for_every_key_of_a_document_that_extends_another() {
    let mut tried = 0;
    let cookbook = packs::scenarios().join("../docs/cookbook");
    let mut folders = vec![packs::scenarios(), cookbook];
    let validators: BTreeMap<&str, jsonschema::Validator> = spec::Kind::ALL
        .iter()
        .map(|kind| (kind.name(), jsonschema::draft202012::new(&spec::published(*kind)).expect("a schema")))
        .collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            folders.extend(path.is_dir().then(|| path.clone()));
            if path.extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            for document in serde_yaml::Deserializer::from_str(&fs::read_to_string(&path).expect("a text")) {
                let Ok(value) = Value::deserialize(document) else { continue };
                let Some(validator) = value["kind"].as_str().and_then(|kind| validators.get(kind)) else { continue };
                let mut places = Vec::new();
                keys(&value, &mut Vec::new(), &mut places);
                for place in
                    places.iter().filter(|place| !["apiVersion", "kind", "name", "extends"].contains(&&*place[0]))
                {
                    let removed = place.iter().rev().fold(Value::Null, |value, key| serde_json::json!({ key: value }));
                    let mut over = serde_json::json!({
                        "apiVersion": value["apiVersion"], "kind": value["kind"], "name": "other", "extends": "base",
                    });
                    over[&place[0]] = removed[&place[0]].clone();
                    let problems: Vec<String> = validator.iter_errors(&over).map(|error| error.to_string()).collect();
                    assert!(problems.is_empty(), "{}: {over}: {problems:?}", path.display());
                    over.as_object_mut().expect("a map").shift_remove("extends");
                    assert!(
                        place.len() > 1 || !validator.is_valid(&over),
                        "{}: {over} extends nothing",
                        path.display()
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 1000, "only {tried} keys");
}

#[test]
fn the_published_schema_takes_what_changes_the_grader_of_an_extended_rubric() {
    let validator = jsonschema::draft202012::new(&spec::published(spec::Kind::Rubric)).expect("a schema");
    let over = |score: Value| {
        let head = serde_json::json!({ "apiVersion": "casebook/v1", "kind": "Rubric", "name": "b", "extends": "a" });
        let mut document = head;
        document["score"] = score;
        validator.is_valid(&document)
    };
    for score in [
        serde_json::json!({ "grader": "exact", "partial": null }),
        serde_json::json!({ "partial": { "north": { "south": 0.25 } } }),
        serde_json::json!({ "correct": 0.5 }),
        serde_json::json!({ "grader": null, "field": null, "weighted_sum": [{ "grader": "exact", "field": "office", "weight": 1 }] }),
        serde_json::json!({ "grader": "completion", "weighted_sum": null, "value": 1 }),
    ] {
        assert!(over(score.clone()), "{score}");
    }
    for score in [
        serde_json::json!({ "grader": "exact", "partial": { "north": {} } }),
        serde_json::json!({ "grader": "exact", "fields": null }),
        serde_json::json!({ "grader": "exakt" }),
        serde_json::json!({ "corect": 0.5 }),
    ] {
        assert!(!over(score.clone()), "{score}");
    }
}

/// The findings about the small pack, after something was done to its folder.
#[cfg(unix)]
fn found(name: &str, change: impl FnOnce(&std::path::Path)) -> Vec<(Code, String)> {
    let folder = Folder::new(name, b"# nothing\n");
    fs::remove_file(folder.0.join("extra.yaml")).expect("removed");
    change(&folder.0);
    let set = source::read(std::slice::from_ref(&folder.0));
    let report = compile(&set, 1).report;
    assert_eq!(set.is_incomplete(), report.diagnostics.iter().any(|one| one.message.contains("cannot be read")));
    report.diagnostics.iter().map(|one| (one.code, one.message.clone())).collect()
}

#[cfg(unix)]
#[test]
fn what_is_passed_over_is_named() {
    use std::os::unix::fs::symlink;
    let test = "apiVersion: casebook/v1\nkind: Test\nname: more\nrules: []\n";
    for ending in ["YAML", "Yml", "yML"] {
        let codes = found("ending", |folder| fs::write(folder.join(format!("more.{ending}")), test).expect("written"));
        assert!(codes.iter().all(|(code, _)| *code == Code::EmptyTest) && !codes.is_empty(), "{ending}: {codes:?}");
    }
    let away = std::env::temp_dir().join(format!("casebook-{}-away", std::process::id()));
    fs::create_dir_all(&away).expect("a folder");
    let codes = found("folder-link", |folder| symlink(&away, folder.join("shared")).expect("a link"));
    assert_eq!(codes[0].0, Code::PassedOver);
    assert!(codes[0].1.ends_with("shared` is a link to a folder, and nothing below it is read"), "{codes:?}");
    let _ = fs::remove_dir_all(&away);
    let codes = found("dangling", |folder| symlink("gone.yaml", folder.join("more.yaml")).expect("a link"));
    assert_eq!(codes[0].0, Code::Unreadable);
    assert!(codes[0].1.contains("more.yaml` cannot be read: No such file"), "{codes:?}");
    let deep = found("deep", |folder| {
        let deep = folder.join("1/2/3/4/5/6/7/8/9");
        fs::create_dir_all(&deep).expect("folders");
        fs::write(deep.join("more.yaml"), test).expect("written");
    });
    assert_eq!(deep[0].0, Code::PassedOver);
    assert!(deep[0].1.contains("1/2/3/4/5/6/7/8/9` is more than 8 folders deep"), "{deep:?}");
    let readme = found("readme", |folder| fs::write(folder.join("README.md"), b"caf\xe9").expect("written"));
    assert_eq!(readme[0].0, Code::PassedOver);
    let hidden = found("hidden", |folder| {
        symlink("gone", folder.join(".#rules.yaml")).expect("a link");
        symlink("/", folder.join(".git")).expect("a link");
    });
    assert_eq!(hidden, []);
}

#[cfg(unix)]
#[test]
fn nothing_is_waited_for_that_is_not_a_file() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let pipe = |folder: &std::path::Path, name: &str| {
        let made = std::process::Command::new("mkfifo").arg(folder.join(name)).status().expect("mkfifo runs");
        assert!(made.success());
    };
    let told = |codes: &[(Code, String)], kind: &str| codes[0].1.ends_with(&format!("is {kind}, not a file"));
    let codes = found("fifo", |folder| pipe(folder, "more.yaml"));
    assert!(codes[0].0 == Code::Unreadable && told(&codes, "a pipe"), "{codes:?}");
    let codes = found("fifo-link", |folder| {
        pipe(folder, "pipe");
        symlink("pipe", folder.join("more.yaml")).expect("a link");
    });
    assert!(codes[0].0 == Code::Unreadable && told(&codes, "a pipe"), "{codes:?}");
    let codes = found("fifo-readme", |folder| pipe(folder, "README.md"));
    assert!(told(&codes, "a pipe"), "{codes:?}");
    let codes = found("device", |folder| symlink("/dev/zero", folder.join("more.yaml")).expect("a link"));
    assert!(codes[0].0 == Code::Unreadable && codes[0].1.ends_with("leads out of the pack"), "{codes:?}");
    let codes = found("socket", |folder| drop(UnixListener::bind(folder.join("more.yaml")).expect("a socket")));
    assert!(codes[0].0 == Code::Unreadable && told(&codes, "a socket"), "{codes:?}");
}

/// A folder with a pack in it, and more around it.
#[cfg(unix)]
fn beside(name: &str) -> Folder {
    let path = std::env::temp_dir().join(format!("casebook-{}-{name}", std::process::id()));
    fs::create_dir_all(path.join("home/pack")).expect("a folder");
    for (file, text) in packs::desk() {
        fs::write(path.join("home/pack").join(file), text).expect("written");
    }
    Folder(path)
}

#[cfg(unix)]
#[test]
fn links_lead_no_further_than_next_to_the_pack() {
    use std::os::unix::fs::symlink;

    let rules = "apiVersion: casebook/v1\nkind: Inbox\nname: more\nitems: []\n";
    for (target, link, allowed) in [
        ("home/shared/more.yaml", "more.yaml", true),
        ("home/pack/below/.hidden/more.yaml", "more.yaml", true),
        ("home/.keys/more.yaml", "more.yaml", false),
        ("home/.env", "more.yaml", false),
        ("home/notes.txt", "more.yaml", false),
        ("elsewhere/more.yaml", "more.yaml", false),
        ("elsewhere/secret.md", "README.md", false),
        ("home/ABOUT.md", "README.md", true),
    ] {
        let folder = beside("links");
        let (target, link) = (folder.0.join(target), folder.0.join("home/pack").join(link));
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        fs::write(&target, rules).expect("written");
        let _ = fs::remove_file(&link);
        symlink(&target, &link).expect("a link");
        let pack = folder.0.join("home/pack");
        let read = source::read(std::slice::from_ref(&pack));
        let held = format!("{:?} {:?}", read.packs[0].files, read.packs[0].readme).contains("name: more");
        assert_eq!(held, allowed, "{}", target.display());
        let told = compile(&read, 1).report.render(false);
        assert_eq!(told.contains("is a link that leads out of the pack"), !allowed, "{told}");
        // What is read as a whole may be linked as one likes.
        let read = source::read(std::slice::from_ref(&folder.0));
        assert!(read.packs.is_empty() || !format!("{read:?}").contains("Outside"));
        let read = source::read(&[pack, folder.0.clone()]);
        assert!(!format!("{read:?}").contains("Outside"), "{}", target.display());
    }
}

#[cfg(unix)]
#[test]
fn a_pack_extends_one_next_to_it_or_one_that_is_read_too() {
    use std::os::unix::fs::symlink;

    let folder = beside("bases");
    let home = folder.0.join("home");
    fs::create_dir_all(home.join("other")).expect("a folder");
    fs::create_dir_all(folder.0.join("far/base")).expect("a folder");
    for base in [home.join("base"), folder.0.join("far/base")] {
        fs::create_dir_all(&base).expect("a folder");
        for (file, text) in packs::desk() {
            fs::write(base.join(file), text).expect("written");
        }
    }
    symlink(folder.0.join("far/base"), home.join("linked")).expect("a link");
    let whole = folder.0.join("far/base").display().to_string();
    for (base, allowed) in [("../base", true), ("../../far/base", false), (whole.as_str(), false), ("../linked", false)]
    {
        let text = format!("apiVersion: casebook/v1\nkind: Environment\nname: other\nextends: {base}\n");
        fs::write(home.join("other/environment.yaml"), text).expect("written");
        let other = home.join("other");
        let told = compile(&source::read(std::slice::from_ref(&other)), 1).report.render(false);
        assert_eq!(
            !told.contains("is neither next to this pack nor in a folder that is read"),
            allowed,
            "{base}: {told}"
        );
        let told = compile(&source::read(&[other, folder.0.join("far")]), 1).report.render(false);
        assert!(!told.contains("is neither next"), "{base}: {told}");
    }
}

#[test]
fn what_is_not_found_is_reported_without_what_follows_from_that() {
    let folder = beside("nowhere");
    let other = folder.0.join("home/other");
    fs::create_dir_all(&other).expect("a folder");
    let text = "apiVersion: casebook/v1\nkind: Environment\nname: other\nextends: ../nowhere-else\n";
    fs::write(other.join("environment.yaml"), text).expect("written");
    let report = compile(&source::read(std::slice::from_ref(&other)), 1).report;
    let codes: Vec<Code> = report.diagnostics.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::UnknownName], "{}", report.render(false));
}

#[test]
fn modules_and_program_files_beyond_the_limit_are_refused_with_both_numbers() {
    let folder = Folder::new("modules", b"{}");
    let plugins = folder.0.join("plugins");
    fs::create_dir_all(&plugins).expect("a folder");
    let refusal = |number: usize, most: usize, what: &str| {
        let report = compile(&source::read(std::slice::from_ref(&folder.0)), 1).report;
        let told = report.diagnostics.iter().find(|finding| finding.code == Code::TooLarge);
        let wanted = format!("holds {number} {what}; a pack may have {most}");
        match told {
            Some(finding) => finding.message.ends_with(&wanted),
            None => false,
        }
    };
    for number in 0..=source::MAX_MODULES {
        fs::write(plugins.join(format!("m{number:03}.wasm")), b"").expect("written");
        let too_many = refusal(number + 1, source::MAX_MODULES, "modules of plugins");
        assert_eq!(too_many, number == source::MAX_MODULES, "{number}");
    }
    let names: Vec<String> = (0..=source::MAX_PROGRAM_FILES).map(|number| format!("f{number:03}.py")).collect();
    for name in &names {
        fs::write(plugins.join(name), b"").expect("written");
    }
    let what = "files of plugins that are programs";
    let process = |names: &[String]| format!("# process: {}\n", names.join(" "));
    fs::write(folder.0.join("extra.yaml"), process(&names[1..])).expect("written");
    assert!(!refusal(names.len() - 1, source::MAX_PROGRAM_FILES, what));
    fs::write(folder.0.join("extra.yaml"), process(&names)).expect("written");
    fs::remove_file(plugins.join("m000.wasm")).expect("removed");
    assert!(refusal(names.len(), source::MAX_PROGRAM_FILES, what));
}
