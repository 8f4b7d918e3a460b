//! Clients and changes that behave badly: nothing leaks, nothing panics, and no other episode is disturbed.

use std::{fs, time::Duration};

use casebook_server::Config;
use futures_util::{StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use crate::{
    client::{Socket, error, get, post, until},
    packs::desk_with,
    serve::{Running, config, start},
};

/// Waits until no session is left.
async fn empty(server: &Running) {
    let quiet = async || {
        let text = get(server, "/metrics").await.text;
        let none = |name: &str| text.lines().any(|line| line == format!("{name} 0"));
        none("casebook_slots_used") && none(r#"casebook_sessions{status="attached"}"#)
    };
    until("every session has ended", quiet).await;
}

/// Plays a whole episode, and checks what it is paid.
async fn plays(socket: &mut Socket) -> Value {
    let reset = socket.reset(json!({ "task_id": "calm" })).await;
    let generation = reset["data"]["metadata"]["generation"].clone();
    for (action, reward, done) in [("answer", 1.0, false), ("close", 1.0, true)] {
        let step = socket.step(json!({ "action": action })).await;
        let data = &step["data"];
        assert_eq!((&data["reward"], &data["done"]), (&json!(reward), &json!(done)), "{step}");
        assert_eq!(data["metadata"]["generation"], generation);
    }
    generation
}

#[tokio::test]
async fn clients_that_die_within_a_frame() {
    let server = start(config()).await;
    let mut witness = Socket::open(&server, "/ws").await;
    for cut in [1, 3, 6, 9, 40] {
        let mut socket = Socket::open(&server, "/ws").await;
        let mut frame = vec![0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4];
        frame.resize(200, b'x');
        socket.say_raw(&frame[..cut]).await;
        drop(socket.into_stream());
        plays(&mut witness).await;
    }
    drop(witness.into_stream());
    empty(&server).await;
}

#[tokio::test]
async fn clients_that_die_within_the_handshake_or_never_begin_it() {
    let server = start(config()).await;
    for sent in [
        "",
        "GET /ws HT",
        "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n",
        "POST /reset HTTP/1.1\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(sent.as_bytes()).await.expect("it is sent");
        drop(stream);
    }
    empty(&server).await;
    get(&server, "/health").await.expect(200);
}

#[tokio::test]
async fn frames_of_garbage() {
    let server = start(config()).await;
    let mut witness = Socket::open(&server, "/ws").await;
    // Reserved opcodes and bits, a continuation of nothing, a control frame that is too long, text that is no UTF-8.
    let long_ping = [&[0x89, 0xfe, 0x00, 0x7e][..], &[0; 130]].concat();
    let frames: [&[u8]; 6] = [
        &[0x83, 0x80, 0, 0, 0, 0],
        &[0xf1, 0x80, 0, 0, 0, 0],
        &[0x80, 0x80, 0, 0, 0, 0],
        &long_ping,
        &[0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for frame in frames {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.say_raw(frame).await;
        // It ends, with or without a word.
        while socket.next().await.is_some() {}
        plays(&mut witness).await;
    }
    drop(witness.into_stream());
    empty(&server).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_nobody_but_itself() {
    let server = start(config()).await;
    let mut slow = Socket::open(&server, "/ws").await;
    slow.reset(json!({ "task_id": "calm" })).await;
    let talk = async {
        // Far more replies than the buffers of the connection hold.
        for _ in 0..200_000 {
            slow.say(r#"{"type":"state"}"#).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(600), talk).await.expect_err("it is held up");
    let mut witness = Socket::open(&server, "/ws").await;
    for _ in 0..20 {
        plays(&mut witness).await;
    }
    drop(slow.into_stream());
    drop(witness.into_stream());
    empty(&server).await;
}

#[tokio::test]
async fn frames_of_ten_megabytes() {
    let server = start(config()).await;
    let large = json!({ "type": "step", "data": { "action": "answer", "note": "x".repeat(10_000_000) } }).to_string();
    let clients = (0..4).map(async |_| {
        let mut socket = Socket::open(&server, "/ws").await;
        socket.reset(json!({ "task_id": "calm" })).await;
        socket.say(&large).await;
        let reply = socket.hear().await;
        error(&reply, "VALIDATION_ERROR");
        assert!(reply.to_string().len() < 2_000, "an error repeats the whole frame");
        assert_eq!(socket.state().await["step_count"], 0);
    });
    join_all(clients).await;
    empty(&server).await;
}

#[tokio::test]
async fn a_burst_of_connects_and_disconnects() {
    let server = start(Config { max_sessions: 40, ..config() }).await;
    let once = async |at: u32| {
        let mut socket = Socket::open(&server, "/ws").await;
        if at.is_multiple_of(3) {
            socket.say(r#"{"type":"reset"}"#).await;
        }
        if at.is_multiple_of(2) {
            drop(socket.into_stream());
        } else {
            socket.say(r#"{"type":"close"}"#).await;
            while socket.next().await.is_some() {}
        }
    };
    stream::iter(0..2_000).for_each_concurrent(60, once).await;
    empty(&server).await;
    let mut socket = Socket::open(&server, "/ws").await;
    plays(&mut socket).await;
}

#[tokio::test]
async fn a_storm_of_reloads_under_load() {
    let server = start(Config { watch: true, poll: Some(Duration::from_millis(5)), ..config() }).await;
    let file = server.path().join("desk/pack.yaml");
    let storm = async {
        for round in 0..60 {
            let text = match round % 3 {
                0 => "kind: [".to_string(),
                1 => desk_with("A calm morning", &format!("Morning {round}")),
                _ => desk_with("A busy evening", &format!("Evening {round}")),
            };
            fs::write(&file, text).expect("it is written");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let players = join_all((0..8).map(async |_| {
        let mut socket = Socket::open(&server, "/ws").await;
        let mut last = 0;
        for _ in 0..60 {
            let generation = plays(&mut socket).await.as_u64().expect("a number");
            assert!(generation >= last, "from {last} back to {generation}");
            last = generation;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }));
    tokio::join!(storm, players);
    empty(&server).await;
    fs::write(&file, desk_with("A calm morning", "The last one")).expect("it is written");
    until("the last change is loaded", async || {
        get(&server, "/reload").await.expect(200)["outcome"] == "loaded"
            && get(&server, "/tasks").await.text.contains("The last one")
    })
    .await;
    post(&server, "/reset", &json!({})).await.expect(200);
}
