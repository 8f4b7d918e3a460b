//! `cargo bench -p casebook-records --bench regrade [-- EPISODES]`: how large recorded episodes of five steps are on the disk, and
//! how long it takes to grade them again (100,000 when not given): first from the disk, then after a changed weight and a changed
//! rule, as `casebook regrade` without and with `--watch` do it.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and ends when something is wrong")]

use std::{
    env, fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use casebook_compile::check::Checker;
use casebook_records::{Filter, Observer, Records, Regrader, Store, Versions, regrade_all};
use casebook_runtime::{
    episode::Episode,
    policy,
    record::{Details, Recording, Watch, play_observed},
    scenario::{Catalog, Pack},
};
use casebook_syntax::source;
use serde_json::Map;

const TASK: &str = "email-triage-hard";
const POLICIES: [&str; 4] = ["oracle", "oracle_minus_one", "keywords", "random"];
/// What is changed, in which file, and what replaces what there.
type Edit = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// A changed weight, and a changed rule.
const EDITS: [Edit; 2] = [
    ("weight", "rubric.yaml", &[("weight: 0.55", "weight: 0.35"), ("weight: 0.25", "weight: 0.45")]),
    ("rule", "rules.yaml", &[("topic: payment", "topic: [payment, newsletter]")]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("scenarios/email-ops")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, target).map(drop).unwrap() }
    }
}

fn compile(folder: &Path) -> Catalog {
    Checker::with_plugins(None).compile(&source::read(&[folder.to_path_buf()]), 1).catalog.unwrap()
}

fn play(pack: &Arc<Pack>, name: &str, seed: u64) -> Recording {
    let policy = policy::find(pack, name).unwrap();
    let mut observer = Observer::default();
    let mut observe = |episode: &Episode, observation: &str| observer.observe(episode, observation);
    let watch = Watch { step: &mut |_, _, _| {}, observe: &mut observe };
    let trajectory = play_observed(&policy, pack.task(TASK).unwrap(), (seed, &Map::new()), watch).unwrap();
    observer.finish(Recording::new(pack, name, trajectory), Details::default())
}

fn size(path: &Path) -> u64 {
    let metadata = fs::metadata(path).unwrap();
    if metadata.is_dir() {
        fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum()
    } else {
        metadata.len()
    }
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("  {what:<44} {:>7.2} s", begun.elapsed().as_secs_f64());
    done
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn main() {
    let episodes: u64 = env::args().find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    // The files go where the build stands: a folder for temporary files may be memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let first = compile(&root());
    let store = Store::create(&folder.path().join("store")).unwrap();
    println!("{episodes} episodes of `{TASK}`");
    let log = store.new_log();
    let steps: usize = timed("play and write the log", || {
        let mut file = BufWriter::new(fs::File::create(&log).unwrap());
        let mut steps = 0;
        for at in 0..episodes {
            let recording = play(&first.packs()[0], POLICIES[usize::try_from(at % 4).unwrap()], at / 4);
            steps += recording.trajectory.steps.len();
            serde_json::to_writer(&mut file, &recording).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.flush().unwrap();
        steps
    });
    let per_step = |bytes: u64| bytes as f64 / steps as f64;
    println!("  bytes a step in the log {:>29.0}", per_step(size(&log)));
    timed("compact into Parquet", || store.compact().unwrap());
    println!("  bytes a step as Parquet {:>29.0}", per_step(size(store.root())));
    let records = Records::Store(store);
    let packs = EDITS.map(|(name, file, changes)| {
        let pack = folder.path().join(name);
        copy(&root(), &pack);
        let text = fs::read_to_string(pack.join(file)).unwrap();
        let changed = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "`{from}` is not in {file}");
            text.replacen(from, to, 1)
        });
        fs::write(pack.join(file), changed).unwrap();
        (name, compile(&pack))
    });
    let all = Filter::default();
    println!("\n`regrade`, everything read and played");
    for (name, pack) in &packs {
        let versions = Versions { against: pack, played_with: None };
        timed(&format!("a changed {name}"), || regrade_all(&records, &all, versions, 3).unwrap());
    }
    println!("\n`regrade --watch`, one change after the other");
    let mut regrader = timed("read", || Regrader::read(&records, &all).unwrap());
    for (name, pack) in
        [("pack that is the same", &first)].into_iter().chain(packs.iter().map(|(name, pack)| (*name, pack)))
    {
        let versions = Versions { against: pack, played_with: Some(&first) };
        let work = timed(&format!("a {name}, with the report"), || {
            let work = regrader.grade(versions);
            regrader.report(versions, 3).unwrap();
            work
        });
        println!("    {} untouched, {} graded, {} played", work.untouched, work.rescored, work.played);
    }
}
