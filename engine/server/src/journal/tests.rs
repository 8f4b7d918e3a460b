//! Journals on disks that are full, slow or broken.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{Book, Demand, Journal, LineFile, file::tests::Faults};

/// Lines as they are handed over.
struct Plain(LineFile);

impl Book for Plain {
    type Entry = String;
    const NAME: &'static str = "test";
    const THREAD: &'static str = "test";
    const KEPT: u64 = 100;

    fn text(&mut self, entry: String) -> Result<String, String> {
        Ok(entry)
    }

    fn file(&mut self) -> &mut LineFile {
        &mut self.0
    }

    fn lines<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> (String, usize) {
        let texts: Vec<&str> = texts.take(16).collect();
        (texts.join("\n") + "\n", texts.len())
    }
}

/// A journal on a disk with faults.
struct Bench {
    _folder: TempDir,
    path: PathBuf,
    faults: Arc<Faults>,
    journal: Arc<Journal<String>>,
}

impl Bench {
    fn new(demand: Demand, slow: u64) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("lines");
        let faults = Arc::<Faults>::default();
        faults.slow.store(slow, Ordering::Relaxed);
        let file = LineFile::open(&path, "test").expect("it opens").with_faults(&faults);
        let journal = Arc::new(Journal::start(Plain(file), demand).expect("a thread"));
        Self { _folder: folder, path, faults, journal }
    }

    fn room(&self, room: Option<u64>) {
        *self.faults.room.lock().expect("no panic") = room;
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.path).expect("a text").lines().map(str::to_owned).collect()
    }

    fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what} does not happen: {:?}", self.journal.status());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Hands over and waits from many tasks; `check` sees each number after it is settled.
async fn from_many(bench: &Bench, each: usize, check: impl Fn(&Bench, u64) + Send + Sync + Clone + 'static) {
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let (journal, faults, path, check) =
                (Arc::clone(&bench.journal), Arc::clone(&bench.faults), bench.path.clone(), check.clone());
            tokio::spawn(async move {
                let bench = Bench { _folder: TempDir::new().expect("a folder"), path, faults, journal };
                for at in 0..each {
                    let handed = bench.journal.hand([format!("{task}-{at}")]);
                    bench.journal.settled(&handed).await.expect("it is written");
                    check(&bench, handed.number());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no panic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_required_is_on_the_disk_when_it_is_answered_and_many_share_a_sync() {
    let bench = Bench::new(Demand::OnDisk, 2);
    from_many(&bench, 10, |bench, number| assert!(bench.journal.status().synced >= number)).await;
    let status = bench.journal.close();
    assert_eq!((status.written, status.synced, status.lost, status.waiting), (160, 160, 0, 0));
    assert_eq!(bench.lines().len(), 160);
    let syncs = bench.faults.syncs.load(Ordering::Relaxed);
    assert!(syncs < 100, "{syncs} syncs for 160 answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_a_slow_disk_what_is_answered_and_not_written_is_bounded() {
    let bench = Bench::new(Demand::AtMost(4), 5);
    from_many(&bench, 10, |bench, number| {
        let written = bench.journal.status().written;
        assert!(number <= written + 4, "{number} is answered, {written} are written");
    })
    .await;
    assert_eq!(bench.journal.close().written, 160);
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost_for_which_there_is_room_in_memory() {
    let bench = Bench::new(Demand::AtMost(4), 0);
    bench.room(Some(12));
    for at in 0..50 {
        let handed = bench.journal.hand([format!("line {at}")]);
        bench.journal.settled(&handed).await.expect("nobody waits for a full disk");
    }
    bench.until("it fails", |bench| bench.journal.status().failing.is_some());
    assert!(bench.journal.refusal().is_none(), "it is not required");
    assert!(bench.lines().len() <= 1 && bench.journal.status().waiting >= 49);
    bench.room(None);
    bench.until("it is written", |bench| bench.journal.status().waiting == 0 && bench.journal.failing().is_none());
    assert_eq!(bench.lines(), (0..50).map(|at| format!("line {at}")).collect::<Vec<_>>());
    bench.room(Some(0));
    bench.journal.hand((0..500).map(|at| format!("more {at}")));
    bench.until("too many wait", |bench| bench.journal.status().lost > 0);
    let status = bench.journal.close();
    assert_eq!((status.written, status.lost, status.waiting), (50, 500, 0));
}

#[tokio::test]
async fn a_sync_that_fails_refuses_the_answer_and_what_is_taken_back_is_not_written() {
    let bench = Bench::new(Demand::OnDisk, 0);
    let first = bench.journal.hand(["first".to_owned()]);
    bench.journal.settled(&first).await.expect("it is written");
    bench.faults.broken.store(true, Ordering::Relaxed);
    let second = bench.journal.hand(["second".to_owned()]);
    let error = bench.journal.settled(&second).await.expect_err("the disk is broken");
    assert!(error.contains("input/output error"), "{error}");
    second.withdraw();
    assert!(bench.journal.refusal().is_some());
    let third = bench.journal.hand(["third".to_owned()]);
    bench.journal.settled(&third).await.expect_err("the disk is still broken");
    bench.faults.broken.store(false, Ordering::Relaxed);
    bench.until("it works again", |bench| bench.journal.failing().is_none() && bench.journal.status().waiting == 0);
    assert_eq!(bench.lines(), ["first", "third"]);
    let status = bench.journal.close();
    assert_eq!((status.written, status.synced, status.lost), (2, 2, 0));
}

#[tokio::test]
async fn what_is_taken_back_is_not_waited_for_when_there_is_room_again() {
    for written_after in [false, true] {
        let bench = Bench::new(Demand::OnDisk, 0);
        bench.room(Some(0));
        let refused = bench.journal.hand(["refused".to_owned()]);
        bench.journal.settled(&refused).await.expect_err("the disk is full");
        let kept = written_after.then(|| bench.journal.hand(["kept".to_owned()]));
        let also = bench.journal.hand(["also refused".to_owned()]);
        refused.withdraw();
        also.withdraw();
        bench.room(None);
        bench.until("it works again", |bench| bench.journal.status().failing.is_none());
        if let Some(kept) = kept {
            bench.journal.settled(&kept).await.expect("it is written");
        }
        bench.until("nothing waits", |bench| bench.journal.status().behind.is_zero());
        assert_eq!(bench.lines().len(), usize::from(written_after));
    }
}

#[test]
fn a_write_that_does_not_return_counts_as_failing() {
    let bench = Bench::new(Demand::AtMost(0), 7000);
    bench.journal.hand(["slow".to_owned()]);
    bench.until("it counts", |bench| bench.journal.failing().is_some_and(|error| error.contains("has not returned")));
    bench.faults.slow.store(0, Ordering::Relaxed);
    bench.until("it recovers", |bench| bench.journal.failing().is_none());
}

#[cfg(unix)]
#[test]
fn a_file_that_is_moved_or_removed_is_begun_again() {
    let bench = Bench::new(Demand::OnDisk, 0);
    let write = |line: &str| {
        let handed = bench.journal.hand([line.to_owned()]);
        bench.journal.settle(&handed).expect("it is written");
    };
    write("one");
    let aside = bench.path.with_extension("1");
    fs::rename(&bench.path, &aside).expect("moved");
    write("two");
    assert_eq!(
        (fs::read_to_string(&aside).expect("a text").as_str(), bench.lines()),
        ("one\n", vec!["two".to_owned()])
    );
    fs::rename(&bench.path, &aside).expect("moved");
    bench.journal.follow();
    bench.until("it is begun without a line", |bench| bench.path.exists());
    fs::remove_file(&bench.path).expect("removed");
    write("three");
    assert_eq!(bench.lines(), ["three"]);
}
