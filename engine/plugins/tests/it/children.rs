//! `hostile_children/*`: programs that mean harm, or are merely broken, and what each is told.
//!
//! Each begins with the sentence that it ends in, where `[..]` stands for anything. Each ends in bounded time, and nothing
//! that it has started outlives it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use casebook_plugins::{PluginHost, Processes};
use casebook_runtime::plugin::{Plugin, Program, Refusal};

const CALL: &str = r#"{"grader":"g","parameters":{},"decision":{}}"#;
const BOOM: &str = r#"{"grader":"g","parameters":{},"decision":{"reply":"boom"}}"#;
/// What those sleep that are left behind, which nothing else does.
const LEFT: &str = "31337";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests")
}

pub(crate) fn host() -> PluginHost {
    PluginHost { processes: Processes::Allowed, ..PluginHost::default() }
}

/// A program of one script, beside the plain one.
pub(crate) fn program(script: &Path) -> Program {
    let bytes = |path: &Path| -> Arc<[u8]> { fs::read(path).expect("a script").into() };
    let name = script.file_name().expect("a name");
    // Only those that run into a limit have a short one: a busy machine makes the others slow as well.
    let text = bytes(script);
    let limit = |words: &[&str]| {
        let said = String::from_utf8_lossy(&text);
        Duration::from_secs(if words.iter().any(|words| said.contains(words)) { 2 } else { 60 })
    };
    let command: &[&str] = match script.extension().and_then(|ending| ending.to_str()) {
        Some("py") => &["python3", "-B"],
        _ if text.starts_with(b"#!") => &[],
        _ => &["sh"],
    };
    Program {
        name: "odd".into(),
        digest: "0".repeat(64),
        files: vec![(name.into(), bytes(script)), ("plain.py".into(), bytes(&folder().join("plain.py")))],
        command: command.iter().map(|&word| word.to_owned()).collect(),
        description: None,
        env: [("GIVEN".to_owned(), "by the pack".to_owned())].into(),
        pass_env: Vec::new(),
        processes: 1,
        time: limit(&["did not answer within", "# waits: 2 s"]),
        start: limit(&["did not describe itself within"]),
        memory: 512 * 1024 * 1024,
        file: 16 * 1024 * 1024,
        output: 64 * 1024,
    }
}

fn scripts(kind: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(kind)).expect("the scripts");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    paths
}

fn told(refusal: Refusal) -> String {
    match refusal {
        Refusal::Unfit(text) => text,
        Refusal::Untrue(texts) => texts.join("; "),
        Refusal::NotAllowed => "is not allowed".into(),
    }
}

/// Whether a text is what a pattern says, in which `[..]` stands for anything.
fn fits(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty() || pattern.ends_with("[..]")
}

/// The processes of this machine that sleep as those do that are left behind.
fn left_behind() -> usize {
    let commands = fs::read_dir("/proc").into_iter().flatten().flatten();
    commands
        .filter(|entry| {
            fs::read(entry.path().join("cmdline")).is_ok_and(|line| line.ends_with(format!("\0{LEFT}\0").as_bytes()))
        })
        .count()
}

#[test]
fn every_hostile_child_ends_in_its_error() {
    let mut wrong = Vec::new();
    let cases = scripts("hostile_children");
    assert!(cases.len() >= 35, "only {} cases", cases.len());
    for path in cases {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a script");
        let says = text.lines().find_map(|line| line.strip_prefix("# says: ")).expect("what it is told");
        let loaded = casebook_compile::plugin::start_checked(&host(), &program(&path));
        let error = match (name.starts_with("call_"), loaded) {
            (true, Ok(plugin)) => {
                let grader = &plugin.description.graders[0];
                let once = plugin.grade(grader, BOOM).expect_err(&name);
                // Another process answers the next question.
                assert_eq!(plugin.grade(grader, CALL).map(|answer| answer.value), Ok(0.5), "{name}");
                once
            }
            (false, Err(refusal)) => told(refusal),
            (true, Err(refusal)) => format!("is refused: {}", told(refusal)),
            (false, Ok(_)) => "is taken".to_owned(),
        };
        let error = error.strip_prefix("the plugin `odd` 1.0.0 ").unwrap_or(&error);
        if !fits(error, says) {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(left_behind(), 0, "processes that sleep {LEFT} s are left");
}

fn start(script: &str, change: impl FnOnce(&mut Program)) -> Plugin {
    let mut program = program(&folder().join("children").join(script));
    change(&mut program);
    casebook_compile::plugin::start_checked(&host(), &program).expect(script)
}

fn reason(plugin: &Plugin, call: &str) -> String {
    plugin.grade(&plugin.description.graders[0], call).expect("an answer").reason.expect("a reason")
}

#[test]
fn a_process_lives_on_and_has_its_own_files_around_it() {
    let plugin = start("who.py", |_| {});
    let said = reason(&plugin, CALL);
    assert!(said.ends_with(" ['plain.py', 'who.py'] 0"), "{said}");
    assert_eq!(reason(&plugin, CALL), said);
    let much = format!(r#"{{"grader":"g","parameters":{{}},"much":"{}"}}"#, "x".repeat(1_000_000));
    assert!(reason(&plugin, &much).ends_with(" 1000000"));
    let process = Path::new("/proc").join(said.split(' ').next().expect("a number"));
    assert!(process.exists());
    let folder = fs::read_link(process.join("cwd")).expect("its folder");
    drop(plugin);
    assert!(!process.exists() && !folder.exists(), "{said} is left");
}

#[test]
fn as_many_processes_answer_at_one_time_as_the_pack_allows() {
    let plugin = start("who.py", |program| program.processes = 3);
    let call = r#"{"grader":"g","parameters":{"sleep":0.3}}"#;
    let who: BTreeSet<String> = thread::scope(|scope| {
        let calls: Vec<_> = (0..6).map(|_| scope.spawn(|| reason(&plugin, call))).collect();
        calls.into_iter().map(|call| call.join().expect("an answer")).collect()
    });
    assert_eq!(who.len(), 3, "{who:?}");
}

#[test]
fn who_waits_too_long_for_a_free_process_is_told() {
    let plugin = start("who.py", |program| program.time = Duration::from_millis(600));
    let call = r#"{"grader":"g","parameters":{"sleep":0.5}}"#;
    let told: Vec<Result<(), String>> = thread::scope(|scope| {
        let calls: Vec<_> =
            (0..4).map(|_| scope.spawn(|| plugin.grade(&plugin.description.graders[0], call).map(drop))).collect();
        calls.into_iter().map(|call| call.join().expect("it ends")).collect()
    });
    assert!(told.contains(&Ok(())), "{told:?}");
    let waited = "the plugin `odd` 1.0.0 had no process free within 0.6 s; it may have 1";
    assert!(told.contains(&Err(waited.into())), "{told:?}");
}

#[test]
fn one_that_dies_is_started_again_at_once_and_one_that_keeps_dying_later() {
    let plugin = start("once.py", |_| {});
    let grader = &plugin.description.graders[0];
    for _ in 0..3 {
        assert!(plugin.grade(grader, CALL).expect_err("it died").contains("ended (exit status: 1)"));
        assert!(plugin.grade(grader, CALL).is_ok());
        assert!(plugin.grade(grader, CALL).is_ok());
    }
    let plugin = start("broken_from_now_on.py", |program| program.time = Duration::from_secs(1));
    let grader = &plugin.description.graders[0];
    assert!(plugin.grade(grader, BOOM).expect_err("it breaks").contains("ended (exit status: 1)"));
    let errors: Vec<String> = (0..12).map(|_| plugin.grade(grader, CALL).expect_err("it is broken")).collect();
    assert!(errors[0].contains("its last output: `broken for good`"), "{errors:?}");
    assert!(errors[11].contains("times in a row and is not started again for"), "{errors:?}");
}

#[test]
fn one_that_listens_no_more_is_not_asked_again() {
    let plugin = start("deaf_afterwards.py", |program| program.time = Duration::from_secs(10));
    let grader = &plugin.description.graders[0];
    for _ in 0..2 {
        assert!(plugin.grade(grader, BOOM).is_ok());
        assert_eq!(plugin.grade(grader, CALL).map(|answer| answer.value), Ok(0.5));
    }
}

#[test]
fn what_cannot_be_computed_again_says_so() {
    let plugin = start("random.py", |_| {});
    assert!(plugin.records() && !plugin.description.deterministic);
    assert_ne!(reason(&plugin, CALL), reason(&plugin, CALL));
}

#[test]
fn programs_are_started_where_that_is_allowed() {
    let mut program = program(&folder().join("children/who.py"));
    let refused = PluginHost::default();
    let described = PluginHost { processes: Processes::Described, ..PluginHost::default() };
    assert_eq!(casebook_compile::plugin::start_checked(&refused, &program).err(), Some(Refusal::NotAllowed));
    assert_eq!(casebook_compile::plugin::start_checked(&described, &program).err(), Some(Refusal::NotAllowed));
    let plugin = casebook_compile::plugin::start_checked(&host(), &program).expect("a plugin");
    program.description = Some(plugin.outline()["description"].to_string().into_bytes().into());
    let known = casebook_compile::plugin::start_checked(&described, &program).expect("it is described");
    let error = known.grade(&known.description.graders[0], CALL).expect_err("it does not run");
    assert!(error.contains("is a process, which is not allowed here"), "{error}");
    program.description = Some(Arc::from(&b"{}"[..]));
    let other = casebook_compile::plugin::start_checked(&host(), &program).map(drop).map_err(told);
    assert_eq!(other, Err("it describes itself otherwise than its description file".into()));
}

#[test]
fn an_answer_to_half_a_question_is_none() {
    for script in ["early.py", "deaf.py"] {
        let plugin = start(script, |_| {});
        let grader = &plugin.description.graders[0];
        let much = format!(r#"{{"grader":"g","parameters":{{}},"much":"{}"}}"#, "x".repeat(1_000_000));
        let error = plugin.grade(grader, &much).expect_err("it did not read it");
        assert_eq!(error, "the plugin `odd` 1.0.0 answered before it had read the whole question", "{script}");
        assert!(plugin.grade(grader, CALL).is_ok(), "{script}");
    }
}
