//! Episodes in a store and out of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use casebook_records::{Filter, Records, Store, Target, Versions, export, id_of, regrade_all};
use casebook_runtime::{
    record::{Details, Recording, Usage},
    scenario::{Catalog, Pack},
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::played::{catalog, pack, play};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| catalog("scenarios/email-triage"));
static PACK: LazyLock<Arc<Pack>> = LazyLock::new(|| CATALOG.packs()[0].clone());

fn details() -> impl Strategy<Value = Details> {
    let text = || prop::option::of("[a-zA-Z/ =%.\\u{e9}\"\\n]{0,12}");
    let usage =
        prop::option::of((prop::option::of(0u64..5000), prop::option::of(0u64..5000), prop::option::of(0.0..2.0)));
    (text(), text(), prop::option::of(0u32..2), any::<bool>(), usage).prop_map(|(group, split, day, timed, usage)| {
        Details {
            session: group.clone(),
            group,
            split,
            started: day.map(|day| format!("2026-01-0{}T09:00:00.{day:03}Z", day + 1)),
            times: if timed { vec![1] } else { Vec::new() },
            usage: usage
                .map(|(input_tokens, output_tokens, cost)| vec![Usage { input_tokens, output_tokens, cost }])
                .unwrap_or_default(),
            ..Details::default()
        }
    })
}

/// Recordings as servers of now and of before write them.
fn recordings() -> impl Strategy<Value = Vec<Recording>> {
    let policy = prop::sample::select(vec!["oracle", "nothing", "random"]);
    let one = (0usize..4, 0u64..1000, policy, details(), any::<bool>(), prop::option::of("[a-z/-]{1,6}")).prop_map(
        |(task, seed, policy, details, is_old, environment)| {
            let mut recording = play(&PACK, (task, seed), policy, details);
            if is_old {
                recording.details = None;
            }
            if let Some(environment) = environment {
                recording.environment = environment;
            }
            recording
        },
    );
    prop::collection::vec(one, 1..5)
}

fn write_log(store: &Store, name: &str, recordings: &[Recording]) -> PathBuf {
    let path = store.root().join("wal").join(name);
    let lines: String =
        recordings.iter().map(|recording| serde_json::to_string(recording).expect("JSON") + "\n").collect();
    fs::write(&path, lines).expect("written");
    path
}

fn all(records: &Records) -> BTreeMap<String, Recording> {
    let mut all = BTreeMap::new();
    let problems = records
        .entries(&Filter::default(), &mut |entry| {
            assert_eq!(entry.id, id_of(&entry.recording));
            assert!(all.insert(entry.id, entry.recording).is_none(), "an episode is shown twice");
        })
        .expect("it is read");
    assert_eq!(problems, Vec::<String>::new());
    all
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|ending| ending == "parquet") {
            files.insert(path.clone(), fs::read(&path).expect("bytes"));
        }
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_goes_in_comes_out_and_compaction_can_be_done_again(recordings in recordings()) {
        let folder = TempDir::new().expect("a folder");
        let store = Store::create(folder.path()).expect("a store");
        let wanted: BTreeMap<String, Recording> =
            recordings.iter().map(|recording| (id_of(recording), recording.clone())).collect();
        let path = write_log(&store, "1-1.jsonl", &recordings);
        let log = fs::read(&path).expect("bytes");
        let modified = fs::metadata(&path).expect("it is there").modified().expect("a time");
        let records = Records::Store(store.clone());
        prop_assert_eq!(&all(&records), &wanted, "as a log");
        let compacted = store.compact().expect("compacted");
        prop_assert_eq!((compacted.logs, compacted.episodes), (1, recordings.len()));
        prop_assert!(!path.exists());
        prop_assert_eq!(&all(&records), &wanted, "as Parquet");
        let first = files(folder.path());
        // As if the process had been killed before it could remove the log.
        fs::write(&path, &log).expect("written");
        fs::File::open(&path).expect("it is there").set_modified(modified).expect("set");
        prop_assert_eq!(&all(&records), &wanted, "in both");
        store.compact().expect("compacted again");
        prop_assert_eq!(files(folder.path()), first);
        // Joined with others, nothing changes but the files.
        write_log(&store, "2-1.jsonl", &recordings);
        store.compact().expect("compacted");
        store.join().expect("joined");
        prop_assert_eq!(&all(&records), &wanted, "joined");
    }

    #[test]
    fn an_export_imported_is_the_same(recordings in recordings()) {
        let (one, other) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        let store = Store::create(one.path()).expect("a store");
        write_log(&store, "1-1.jsonl", &recordings);
        store.compact().expect("compacted");
        let records = Records::Store(store);
        let mut lines = Vec::new();
        export(&records, &Filter::default(), Target::Jsonl, &mut lines).expect("exported");
        let path = other.path().join("all.jsonl");
        fs::write(&path, lines).expect("written");
        let copy = Store::create(&other.path().join("store")).expect("a store");
        let added = copy.add(&Records::File(path.clone())).expect("added").added;
        let copied = Records::Store(copy.clone());
        prop_assert_eq!(all(&copied), all(&records));
        prop_assert_eq!(added, all(&records).len());
        prop_assert_eq!(copy.add(&Records::File(path)).expect("added").added, 0);
        prop_assert_eq!(copy.add(&records).expect("added").added, 0);
        // Of all that is there, a filter removes what it accepts.
        let filter = Filter { policies: vec!["oracle".into()], ..Filter::default() };
        let removed = copy.prune(&filter, false).expect("removed");
        let left = all(&copied);
        prop_assert_eq!(removed + left.len(), added);
        prop_assert!(left.values().all(|recording| recording.policy != "oracle"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn grading_again_under_the_same_pack_reproduces_every_reward(
        episodes in prop::collection::vec((0usize..4, 0u64..1000, prop::sample::select(vec!["oracle", "nothing", "random"])), 1..6),
    ) {
        let folder = TempDir::new().expect("a folder");
        let store = Store::create(folder.path()).expect("a store");
        let play = |(task, seed, policy): &(usize, u64, &str)| play(&PACK, (*task, *seed), policy, Details::default());
        let recordings: Vec<Recording> = episodes.iter().map(play).collect();
        let count = recordings.iter().map(id_of).collect::<BTreeSet<_>>().len();
        write_log(&store, "1-1.jsonl", &recordings);
        let records = Records::Store(store.clone());
        let versions = Versions { against: &CATALOG, played_with: None };
        let again = || regrade_all(&records, &Filter::default(), versions, 3).expect("graded");
        let as_log = again();
        prop_assert_eq!((as_log.episodes, as_log.identical, as_log.unplayed()), (count, count, 0));
        store.compact().expect("compacted");
        let as_parquet = again();
        prop_assert_eq!((as_parquet.episodes, as_parquet.identical), (count, count));
        prop_assert_eq!(as_parquet.max_shift().to_bits(), 0.0_f64.to_bits());
        for component in &as_parquet.environments[0].components {
            prop_assert_eq!(component.old, component.new, "{}", component.component);
        }
    }
}

#[test]
fn lines_that_are_none_are_put_aside_and_a_log_in_use_is_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(folder.path()).expect("a store");
    let recording = play(&PACK, (0, 1), "oracle", Details::default());
    let line = serde_json::to_string(&recording).expect("JSON");
    let path = folder.path().join("wal/1-1.jsonl");
    fs::write(&path, format!("{line}\n{{\"engine\":1}}\nnothing\n")).expect("written");
    let live = folder.path().join("wal/2-1.jsonl");
    fs::write(&live, format!("{line}\n{{\"eng")).expect("written");
    let writer = fs::OpenOptions::new().append(true).open(&live).expect("it opens");
    writer.try_lock().expect("nobody has it");
    let compacted = store.compact().expect("compacted");
    assert_eq!((compacted.logs, compacted.episodes, compacted.in_use), (1, 1, 1));
    assert_eq!(compacted.unreadable.len(), 2);
    assert!(compacted.unreadable[0].contains("1-1.jsonl:2: not a recording: "), "{:?}", compacted.unreadable);
    let aside = fs::read_to_string(folder.path().join("wal/1-1.jsonl.unreadable")).expect("it is kept");
    assert_eq!(aside, "{\"engine\":1}\nnothing\n");
    assert!(live.exists() && !path.exists());
    // The same episode is in both, and the line that is still written does not count yet.
    assert_eq!(all(&Records::Store(store.clone())).len(), 1);
    drop(writer);
    let compacted = store.compact().expect("compacted");
    assert_eq!((compacted.logs, compacted.unreadable.len()), (1, 1));
}

#[test]
fn a_damaged_file_is_named_and_the_others_are_read() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(folder.path()).expect("a store");
    for seed in [1, 2] {
        write_log(&store, &format!("{seed}-1.jsonl"), &[play(&PACK, (0, seed), "oracle", Details::default())]);
        store.compact().expect("compacted");
    }
    let damaged = files(&folder.path().join("episodes")).into_keys().next().expect("a file");
    let bytes = fs::read(&damaged).expect("bytes");
    fs::write(&damaged, &bytes[..bytes.len() / 2]).expect("written");
    let records = Records::Store(store);
    let mut seeds = Vec::new();
    let take = &mut |entry: casebook_records::Entry| seeds.push(entry.recording.trajectory.seed);
    let problems = records.entries(&Filter::default(), take).expect("the others are read");
    assert_eq!((seeds.len(), problems.len()), (1, 1));
    assert!(
        problems[0].contains(".parquet`: ") && problems[0].ends_with("; its episodes are left out"),
        "{problems:?}"
    );
    let mut count = 0;
    let problems = records.summaries(&Filter::default(), &mut |_| count += 1).expect("the others are read");
    assert_eq!((count, problems.len()), (1, 1));
    let regrader = casebook_records::Regrader::read(&records, &Filter::default()).expect("the others are read");
    assert_eq!((regrader.len(), regrader.unreadable().len()), (1, 1));
}

#[test]
fn pairs_and_groups_hold_one_version_of_a_pack() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(folder.path()).expect("a store");
    let of = |policy: &str, version: &str| {
        let mut recording = play(&PACK, (0, 1), policy, Details::default());
        recording.digest = version.into();
        let mut observer = casebook_records::Observer::default();
        let mut observe = |episode: &_, text: &str| observer.observe(episode, text);
        let (pack, task) = (&PACK, PACK.tasks()[0].clone());
        let episode =
            casebook_runtime::episode::Episode::start(pack, &task, 1, &serde_json::Map::new()).expect("it starts");
        let actions = recording.trajectory.actions.clone();
        casebook_runtime::record::retell_observed(&episode, actions, &mut observe).expect("it plays");
        observer.finish(recording, Details::default())
    };
    let all = [of("oracle", "old"), of("nothing", "old"), of("oracle", "new"), of("random", "new")];
    write_log(&store, "1-1.jsonl", &all);
    let records = Records::Store(store);
    for target in [Target::Dpo, Target::Grpo] {
        let mut out = Vec::new();
        export(&records, &Filter::default(), target, &mut out).expect("exported");
        let text = String::from_utf8(out).expect("text");
        let versions: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["digest"].clone())
            .collect();
        assert!(!versions.is_empty() && versions.len() <= 2, "{text}");
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let group = line["rewards"].as_array().map_or(2, Vec::len);
            assert!(group <= 2, "a group of several versions: {line}");
        }
    }
}

#[test]
fn sensitive_values_are_in_no_file() {
    let pack = pack("docs/cookbook/sensitive-fields");
    let policy = "oracle";
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(folder.path()).expect("a store");
    let mut recordings = Vec::new();
    for task in 0..pack.tasks().len() {
        recordings.push(play(&pack, (task, 1), policy, Details::default()));
    }
    let is_there = recordings.iter().any(|recording| serde_json::to_string(recording).expect("JSON").contains("***"));
    assert!(is_there, "nothing is masked: the test looks at the wrong pack");
    write_log(&store, "1-1.jsonl", &recordings);
    let mut texts = vec![fs::read(folder.path().join("wal/1-1.jsonl")).expect("bytes")];
    store.compact().expect("compacted");
    let records = Records::Store(store);
    for target in [Target::Sft, Target::Jsonl, Target::Csv, Target::Atif] {
        let mut out = Vec::new();
        export(&records, &Filter::default(), target, &mut out).expect("exported");
        texts.push(out);
    }
    for text in texts {
        let text = String::from_utf8_lossy(&text).to_lowercase();
        for one in ["Ines", "Aalto", "Kofi", "Brandt"] {
            assert!(!text.contains(&one.to_lowercase()), "{one} is in {text}");
        }
    }
}
