//! `casebook plugin`, and what other commands tell of plugins.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{code, copy, root, stderr, stdout};

/// Runs the binary in a folder; returns standard output, standard error and the exit code.
fn casebook(folder: &Path, args: &[&str]) -> (String, String, i32) {
    let output = crate::shell::casebook(folder, args);
    (stdout(&output), stderr(&output), code(&output))
}

#[test]
fn a_new_plugin_is_built_checked_and_used() {
    let folder = TempDir::new().expect("a folder");
    let (output, _, code) = casebook(folder.path(), &["plugin", "new", "half"]);
    assert_eq!(code, 0, "{output}");
    let module = wat::parse_str(include_str!("plugins/half.wat")).expect("a module");
    fs::write(folder.path().join("half.wasm"), module).expect("written");

    let (output, error, code) = casebook(folder.path(), &["plugin", "check", "half.wasm", "--format", "json"]);
    assert_eq!(code, 0, "{output}{error}");
    let told: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!((&told["name"], &told["version"]), (&"half".into(), &"1.0.0".into()));
    assert_eq!(told["graders"][0]["failed"], serde_json::json!([]));
    assert!(told["graders"][0]["fuel"].as_u64() > Some(0), "{told}");
    assert_eq!(told["imports"], serde_json::json!([]));

    let (_, error, code) = casebook(folder.path(), &["plugin", "new", "half"]);
    assert_eq!((code, error.contains("exists already")), (1, true), "{error}");
    let (_, error, code) = casebook(folder.path(), &["plugin", "new", "Half"]);
    assert_eq!((code, error.contains("cannot be a name")), (2, true), "{error}");
}

#[test]
fn what_is_no_plugin_is_told() {
    let folder = TempDir::new().expect("a folder");
    let importing = "(module (import \"env\" \"clock\" (func (result i64))))";
    fs::write(folder.path().join("clock.wasm"), wat::parse_str(importing).expect("a module")).expect("written");
    let (_, error, code) = casebook(folder.path(), &["plugin", "check", "clock.wasm"]);
    assert_eq!((code, error.contains("it imports `env.clock`")), (1, true), "{error}");
    let (_, error, code) = casebook(folder.path(), &["plugin", "check", "nothing.wasm"]);
    assert_eq!((code, error.contains("cannot be read")), (3, true), "{error}");
}

#[test]
fn a_lock_pins_a_pack_to_its_files() {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join("docs/cookbook/calibration"), &folder.path().join("pack"));
    let pack = folder.path().join("pack/pack.yaml");
    let locked = fs::read_to_string(&pack).expect("a pack");
    let open: Vec<&str> = locked.lines().filter(|line| !line.contains("digest:")).collect();
    fs::write(&pack, open.join("\n") + "\n").expect("written");
    let (output, _, code) = casebook(folder.path(), &["plugin", "lock", "pack"]);
    assert_eq!((code, output.contains("locked calibration")), (0, true), "{output}");
    assert_eq!(fs::read_to_string(&pack).expect("a pack"), locked);

    let other = root().join("plugins/readability/readability.wasm");
    fs::copy(other, folder.path().join("pack/plugins/calibration.wasm")).expect("copied");
    let (_, error, code) = casebook(folder.path(), &["check", "pack"]);
    assert_eq!((code, error.contains("CB702")), (1, true), "{error}");
}

#[test]
fn lists_tests_pages_and_schemas_tell_of_plugins() {
    let folder = TempDir::new().expect("a folder");
    let recipe = root().join("docs/cookbook/calibration").display().to_string();
    let (output, _, code) = casebook(folder.path(), &["plugin", "list", &recipe]);
    assert_eq!((code, output.contains("forecasts: calibration 1.0.0 (graders brier, log)")), (0, true), "{output}");
    let (output, _, code) = casebook(folder.path(), &["test", "--verbose", &recipe]);
    assert_eq!((code, output.contains("example plugin calibration: brier: sure and right")), (0, true), "{output}");
    let (output, _, code) = casebook(folder.path(), &["docs", &recipe]);
    assert_eq!((code, output.contains("### calibration 1.0.0")), (0, true), "{output}");

    let (output, error, code) = casebook(folder.path(), &["schema", "--pack", &recipe, "--out", "schemas"]);
    assert_eq!(code, 0, "{output}{error}");
    let schema = fs::read_to_string(folder.path().join("schemas/rubric.schema.json")).expect("a schema");
    assert!(schema.contains("The decision that holds the confidence."), "the parameters are not folded in");
    let plain = fs::read_to_string(root().join("schemas/rubric.schema.json")).expect("a schema");
    assert!(!plain.contains("The decision that holds the confidence."));
}

/// No byte of them is read.
#[test]
fn a_module_of_a_gigabyte_is_refused_by_its_size() {
    let folder = TempDir::new().expect("a folder");
    let file = fs::File::create(folder.path().join("large.wasm")).expect("a file");
    file.set_len(1 << 30).expect("a size");
    let (_, error, code) = casebook(folder.path(), &["plugin", "check", "large.wasm"]);
    assert_eq!((code, error.contains("it has 1073741824 bytes; a module may have 4194304")), (1, true), "{error}");
}

#[test]
fn every_language_has_a_template_with_its_library() {
    let folder = TempDir::new().expect("a folder");
    for (language, files) in [
        ("c", &["README.md", "nice-one.c", "description.h", "casebook.h"][..]),
        ("rust", &["README.md", "Cargo.toml", "description.json", "src/lib.rs", "src/casebook.rs"]),
    ] {
        let (output, error, code) =
            casebook(folder.path(), &["plugin", "new", "nice-one", "--lang", language, "--in", language]);
        assert_eq!(code, 0, "{output}{error}");
        for file in files {
            let text = fs::read_to_string(folder.path().join(language).join("nice-one").join(file)).expect(file);
            assert!(!text.contains("PLUGIN_"), "{language} {file}");
        }
    }
    let page = fs::read_to_string(folder.path().join("rust/nice-one/README.md")).expect("a page");
    assert!(page.contains("release/nice_one.wasm"), "{page}");
}

#[test]
fn fillers_tools_and_importers_are_told_of_as_graders_are() {
    let folder = TempDir::new().expect("a folder");
    for (recipe, listed, printed, schema, described) in [
        (
            "generated-numbers",
            "numbers 1.0.0 (fillers card, iban)",
            "**card**, a filler of the type text",
            "task",
            "The network; visa when not given.",
        ),
        (
            "check-digits",
            "checksum 1.0.0 (tool verify)",
            "**verify**, a tool of the type object",
            "environment",
            "What the number is one of.",
        ),
        ("imported-rows", "rows 1.0.0 (importer csv)", "**csv**, an importer", "task", ""),
    ] {
        let pack = root().join("docs/cookbook").join(recipe).display().to_string();
        let (output, error, _) = casebook(folder.path(), &["plugin", "list", &pack]);
        assert!(output.contains(listed), "{output}{error}");
        let (output, error, _) = casebook(folder.path(), &["docs", &pack]);
        assert!(output.contains(printed), "{output}{error}");
        let (output, error, code) = casebook(folder.path(), &["schema", "--pack", &pack, "--out", recipe]);
        assert_eq!(code, 0, "{output}{error}");
        let path = folder.path().join(recipe).join(format!("{schema}.schema.json"));
        assert!(fs::read_to_string(path).expect("a schema").contains(described), "{recipe}");
    }
}

#[test]
fn a_new_program_is_checked_locked_and_used_where_it_is_allowed() {
    let folder = TempDir::new().expect("a folder");
    let pack = folder.path().join("pack");
    copy(&root().join("docs/cookbook/textsim"), &pack);
    fs::remove_dir_all(pack.join("plugins")).expect("removed");
    let (output, error, code) = casebook(&pack, &["plugin", "new", "variety", "--lang", "python"]);
    assert_eq!(code, 0, "{output}{error}");
    let script = "pack/plugins/variety/variety.py";
    let (_, error, code) = casebook(folder.path(), &["plugin", "check", script]);
    assert_eq!((code, error.contains("it is a process; pass `--allow-process-plugins`")), (1, true), "{error}");
    let (_, error, code) = casebook(folder.path(), &["plugin", "check", "pack/pack.yaml"]);
    assert_eq!((code, error.contains("`pack/pack.yaml` is not a plugin: name a module")), (1, true), "{error}");
    let allowed = ["plugin", "check", script, "--allow-process-plugins"];
    let (output, error, code) = casebook(folder.path(), &allowed);
    assert_eq!(code, 0, "{output}{error}");
    assert!(output.contains("a process: python3 -B variety.py"), "{output}");
    assert!(output.contains("grader variety: 2 of 2 examples hold, each the same twice; "), "{output}");
    let told = casebook(folder.path(), &[&allowed[..], &["--format", "json"]].concat()).0;
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["name"], &told["graders"][0]["fuel"]), (&"variety".into(), &Value::Null));

    let file = pack.join("pack.yaml");
    let text = fs::read_to_string(&file).expect("a pack").replace("textsim", "variety");
    let corpus = ", corpus: [You may keep your card for ever., We are here for you.]";
    assert!(text.contains(corpus));
    fs::write(&file, text.replace(corpus, "")).expect("written");
    fs::remove_file(pack.join("tests.yaml")).expect("removed");
    let (output, error, code) = casebook(folder.path(), &["plugin", "lock", "pack"]);
    assert_eq!((code, output.contains("locked variety")), (0, true), "{output}{error}");
    let (output, error, code) = casebook(folder.path(), &["test", "pack", "--allow-process-plugins", "--verbose"]);
    assert!(output.contains("ok   example plugin variety: variety: no word"), "{code} {output}{error}");

    let script = folder.path().join(script);
    fs::write(&script, fs::read_to_string(&script).expect("a script") + "# a remark\n").expect("written");
    let (output, error, code) = casebook(folder.path(), &["check", "pack"]);
    assert_eq!((code, error.contains("error[CB702]")), (1, true), "{output}{error}");
}

#[cfg(unix)]
#[test]
fn a_module_behind_a_link_out_of_the_pack_is_explained() {
    let folder = TempDir::new().expect("a folder");
    let pack = folder.path().join("home/pack");
    copy(&root().join("docs/cookbook/tests"), &pack);
    fs::create_dir_all(pack.join("plugins")).expect("a folder");
    fs::write(folder.path().join("outside.wasm"), b"").expect("written");
    std::os::unix::fs::symlink(folder.path().join("outside.wasm"), pack.join("plugins/x.wasm")).expect("a link");
    crate::shell::edit(
        &pack.join("pack.yaml"),
        "version: 1.0.0\n",
        "version: 1.0.0\nplugins: { x: { file: plugins/x.wasm, version: '1' } }\n",
    );
    let (_, told, code) = casebook(folder.path(), &["check", "home/pack"]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("plugins/x.wasm` is a link that leads out of the pack"), "{told}");
    assert!(!told.contains("Outside"), "{told}");
}

#[test]
fn no_process_outlives_a_command_that_is_interrupted() {
    let folder = TempDir::new().expect("a folder");
    let started = folder.path().join("started");
    let script = format!("touch {}\nexec sleep 31338\n", started.display());
    fs::write(folder.path().join("slow.sh"), script).expect("written");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_casebook"));
    command.args(["plugin", "check", "slow.sh", "--command", "sh", "--allow-process-plugins"]);
    let mut running = command.current_dir(folder.path()).spawn().expect("it runs");
    while !started.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let interrupt = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status();
    assert!(interrupt.expect("it is sent").success());
    assert_eq!(running.wait().expect("it ends").code(), Some(130));
    let sleeps =
        |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).is_ok_and(|line| line.ends_with(b"\x0031338\0"));
    // One that was ended takes a moment to be gone.
    let left = || fs::read_dir("/proc").into_iter().flatten().flatten().any(sleeps);
    let gone = (0..400).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(25));
        !left()
    });
    assert!(gone, "a process is left");
}
