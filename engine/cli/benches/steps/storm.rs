//! A soak: clients that come and go as fast as they can while a pack is saved again and again, and a few that play on.
//!
//! Half of those that go close properly, half break off, some within a frame. Afterwards sessions and memory must be what
//! they were, and no episode may have changed under its player.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, future::join_all};
use tokio::{io::AsyncWriteExt, time};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    load::{ask, connect, reset},
    servers::{self, Server},
};

/// Clients that come and go at the same time.
const PASSERS: usize = 32;
/// Clients that play episode after episode.
const PLAYERS: usize = 8;
/// How often the pack is saved.
const SAVES: Duration = Duration::from_millis(100);

#[derive(Default)]
struct Seen {
    connects: AtomicU64,
    refused: AtomicU64,
    episodes: AtomicU64,
    disturbed: AtomicU64,
    saves: AtomicU64,
}

pub(crate) async fn run(seconds: f64) {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("email-ops");
    copy(&servers::root().join("scenarios/email-ops"), &pack);
    let server = servers::watching(&pack);
    // What one storm leaves behind in buffers and caches is no leak; what each one adds is.
    let mut resident = Vec::new();
    for round in 1..=3 {
        let seen = Seen::default();
        let begun = Instant::now();
        let ends = begun + Duration::from_secs_f64(seconds / 3.0);
        let passers = join_all((0..PASSERS).map(|number| pass(&server, number, ends, &seen)));
        let players = join_all((0..PLAYERS).map(|number| play(&server, number, ends, &seen)));
        tokio::join!(passers, players, save(&pack, ends, &seen));
        while server.metric("casebook_slots_used") != Some(0.0) {
            assert!(begun.elapsed().as_secs_f64() < seconds + 60.0, "sessions are left");
            time::sleep(Duration::from_millis(50)).await;
        }
        resident.push(server.resident());
        let count = |what: &AtomicU64| what.load(Ordering::Relaxed);
        println!(
            "  round {round}: {} connects ({:.0} a second, {} failed), {} saves, {} episodes, {} of them disturbed, \
             0 sessions left, {:.1} MiB resident",
            count(&seen.connects),
            u32::try_from(count(&seen.connects)).map_or(0.0, f64::from) / begun.elapsed().as_secs_f64(),
            count(&seen.refused),
            count(&seen.saves),
            count(&seen.episodes),
            count(&seen.disturbed),
            crate::mib(server.resident()),
        );
        assert_eq!(count(&seen.disturbed), 0, "an episode changed under its player");
    }
    let resident: Vec<f64> = resident.into_iter().map(crate::mib).collect();
    println!("  resident: {:.1} MiB at the start, after the rounds {resident:.1?}", crate::mib(server.resident));
}

/// Comes, perhaps resets, and goes.
async fn pass(server: &Server, number: usize, ends: Instant, seen: &Seen) {
    for turn in number.. {
        if Instant::now() >= ends {
            return;
        }
        seen.connects.fetch_add(1, Ordering::Relaxed);
        let Ok(mut socket) = connect(server.port).await else {
            seen.refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        if turn % 3 == 0 {
            let _ = ask(&mut socket, &reset(turn)).await;
        }
        match turn % 4 {
            // Breaks off within a frame.
            0 => {
                let _ = socket.get_mut().write_all(&[0x81, 0xfe, 0x01, 0x00, 1, 2]).await;
            }
            1 => drop(socket),
            2 => {
                let _ = socket.send(Message::text(r#"{"type":"close"}"#)).await;
            }
            _ => {
                let _ = socket.close(None).await;
            }
        }
    }
}

/// Plays on, and looks whether an episode stays with the generation that it began with and pays what it should.
async fn play(server: &Server, number: usize, ends: Instant, seen: &Seen) {
    let mut socket = connect(server.port).await.unwrap();
    for turn in 0.. {
        if Instant::now() >= ends {
            let _ = socket.close(None).await;
            return;
        }
        let begin = ask(&mut socket, &reset(number + turn * PLAYERS)).await.unwrap();
        for _ in 0..3 {
            let frame = ask(&mut socket, r#"{"type":"step","data":{"type":"archive"}}"#).await.unwrap();
            if digest(&frame) != digest(&begin) {
                seen.disturbed.fetch_add(1, Ordering::Relaxed);
            }
            time::sleep(Duration::from_millis(10)).await;
        }
        seen.episodes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Saves the rules in turn as they were, with another reason, and broken.
async fn save(pack: &std::path::Path, ends: Instant, seen: &Seen) {
    let file = pack.join("rules.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let texts = [text.replace("because: ", "because: Now. "), text.replace("kind: Rules", "kind: ["), text];
    while Instant::now() < ends {
        for text in &texts {
            fs::write(&file, text).unwrap();
            seen.saves.fetch_add(1, Ordering::Relaxed);
            time::sleep(SAVES).await;
        }
    }
}

fn digest(frame: &str) -> Option<&str> {
    let from = frame.find(r#""digest":""#)? + 10;
    frame.get(from..from + 64)
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}
