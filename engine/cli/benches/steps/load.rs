//! The client: sessions that reset and step, as fast as they are answered or at a pace.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use tokio::time::{self, timeout};
use tokio_tungstenite::{
    WebSocketStream, connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};

use crate::{TASK, servers::Server};

/// Open sessions over which the memory of one is measured.
pub(crate) const WAITING: usize = 2_000;
/// One decision an item, all of them archived: the same work on all sides.
const STEPS: [&str; 3] = [r#"{"type":"step","data":{"type":"archive"}}"#; 3];
/// How long one answer may take before a server counts as dead.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a server did under load.
pub(crate) struct Load {
    pub(crate) steps_per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Seconds of the server's processor time a step, resets included.
    pub(crate) processor: f64,
    pub(crate) connect_p50: Duration,
    pub(crate) connect_p99: Duration,
}

impl Load {
    /// The figures of several, each one's median.
    pub(crate) fn median(loads: &[Self]) -> Self {
        let number = |of: fn(&Self) -> f64| {
            let mut all: Vec<f64> = loads.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all[all.len() / 2]
        };
        let time = |of: fn(&Self) -> Duration| percentile(&mut loads.iter().map(of).collect::<Vec<_>>(), 50);
        Self {
            steps_per_second: number(|load| load.steps_per_second),
            p50: time(|load| load.p50),
            p99: time(|load| load.p99),
            processor: number(|load| load.processor),
            connect_p50: time(|load| load.connect_p50),
            connect_p99: time(|load| load.connect_p99),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>7.0} steps/s  p50 {:>8.1?}  p99 {:>8.1?}  {:>5.1} µs of processor a step  connect p50 {:>7.1?} p99 {:>7.1?}",
            self.steps_per_second,
            self.p50,
            self.p99,
            self.processor * 1e6,
            self.connect_p50,
            self.connect_p99
        )
    }
}

/// Bytes of a session that was reset and waits, and of one that has taken a step.
pub(crate) struct Memory {
    pub(crate) after_reset: f64,
    pub(crate) after_step: f64,
}

/// The frames that answer a reset and a step.
pub(crate) struct Exchange {
    pub(crate) reset: String,
    pub(crate) step: String,
}

type Socket = WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub(crate) fn reset(seed: usize) -> String {
    format!(r#"{{"type":"reset","data":{{"task_id":"{TASK}","seed":{seed}}}}}"#)
}

pub(crate) async fn connect(port: u16) -> Result<Socket, String> {
    let config = WebSocketConfig::default().read_buffer_size(8 * 1024);
    let connected = connect_async_with_config(format!("ws://127.0.0.1:{port}/ws"), Some(config), true);
    let (socket, _) = timeout(PATIENCE, connected).await.map_err(|_| "no handshake")?.map_err(|e| e.to_string())?;
    Ok(socket)
}

pub(crate) async fn ask(socket: &mut Socket, frame: &str) -> Result<String, String> {
    socket.send(Message::text(frame)).await.map_err(|error| error.to_string())?;
    loop {
        let message = timeout(PATIENCE, socket.next()).await.map_err(|_| "no answer in a minute")?;
        match message.ok_or("the socket ended")?.map_err(|error| error.to_string())? {
            Message::Text(text) => {
                let observes = [r#"{"type":"observation""#, r#"{"type": "observation""#];
                return if observes.iter().any(|begin| text.starts_with(begin)) {
                    Ok(text.to_string())
                } else {
                    Err(text.to_string())
                };
            }
            Message::Ping(_) | Message::Pong(_) => {}
            other => return Err(format!("unexpected frame {other:?}")),
        }
    }
}

pub(crate) async fn exchange(port: u16) -> Exchange {
    let mut socket = connect(port).await.unwrap();
    Exchange { reset: ask(&mut socket, &reset(0)).await.unwrap(), step: ask(&mut socket, STEPS[0]).await.unwrap() }
}

/// Plays in all sessions at once for a while, each request as soon as the one before it is answered, or so long after it
/// was sent; every session has been reset before the clock starts.
pub(crate) async fn load(
    server: &Server,
    sessions: usize,
    seconds: f64,
    pace: Option<Duration>,
) -> Result<Load, String> {
    let (mut sockets, mut connects) = (Vec::new(), Vec::new());
    for _ in 0..sessions {
        let begun = Instant::now();
        sockets.push(connect(server.port).await?);
        connects.push(begun.elapsed());
    }
    let ready = each(sockets, |seed, mut socket| async move {
        ask(&mut socket, &reset(seed)).await?;
        Ok(socket)
    });
    let sockets = ready.await?;
    let stop = Arc::new(AtomicBool::new(false));
    let (begun, processor) = (Instant::now(), server.processor());
    let players = each(sockets, |seed, mut socket| {
        let pace = pace.map(|pace| {
            // Spread evenly, so that not all ask in one moment.
            let first = pace.mul_f64(share(seed, sessions));
            time::interval_at(time::Instant::now() + first, pace)
        });
        let stop = Arc::clone(&stop);
        async move {
            let latencies = play(&mut socket, (seed, sessions), pace, &stop).await?;
            Ok((socket, latencies))
        }
    });
    let timer = async {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (all, ()) = tokio::join!(players, timer);
    let (elapsed, processor) = (begun.elapsed().as_secs_f64(), server.processor() - processor);
    let mut latencies = Vec::new();
    for (mut socket, of_one) in all? {
        latencies.extend(of_one);
        let _ = socket.close(None).await;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    let steps = latencies.len() as f64;
    Ok(Load {
        steps_per_second: steps / elapsed,
        p50: percentile(&mut latencies, 50),
        p99: percentile(&mut latencies, 99),
        processor: processor / steps,
        connect_p50: percentile(&mut connects, 50),
        connect_p99: percentile(&mut connects, 99),
    })
}

/// Waits until a server is done with its requests and with the close messages, so that the next one has the core alone.
pub(crate) async fn quiet(server: &Server) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let before = server.processor();
        time::sleep(Duration::from_millis(200)).await;
        if server.processor() - before < 0.02 {
            return;
        }
    }
}

/// Does something with every socket at one time, each in a task of its own: within one they would not have their turns in
/// order.
async fn each<T: Send + 'static, F: Future<Output = Result<T, String>> + Send + 'static>(
    sockets: Vec<Socket>,
    run: impl Fn(usize, Socket) -> F,
) -> Result<Vec<T>, String> {
    let tasks: Vec<_> = sockets.into_iter().enumerate().map(|(at, socket)| tokio::spawn(run(at, socket))).collect();
    let mut done = Vec::with_capacity(tasks.len());
    for task in tasks {
        done.push(task.await.map_err(|error| error.to_string())??);
    }
    Ok(done)
}

/// Plays one episode after the other, and says how long each step took.
async fn play(
    socket: &mut Socket,
    (mut seed, sessions): (usize, usize),
    mut pace: Option<time::Interval>,
    stop: &AtomicBool,
) -> Result<Vec<Duration>, String> {
    let mut latencies = Vec::new();
    loop {
        for step in STEPS {
            if let Some(pace) = &mut pace {
                pace.tick().await;
                if stop.load(Ordering::Relaxed) {
                    return Ok(latencies);
                }
            }
            let sent = Instant::now();
            ask(socket, step).await?;
            latencies.push(sent.elapsed());
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(latencies);
        }
        seed += sessions;
        ask(socket, &reset(seed)).await?;
    }
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
fn share(part: usize, of: usize) -> f64 {
    part as f64 / of as f64
}

fn percentile(values: &mut [Duration], of: usize) -> Duration {
    values.sort_unstable();
    values[(values.len() * of / 100).min(values.len() - 1)]
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(crate) async fn memory(server: &Server) -> Result<Memory, String> {
    let before = server.resident();
    let each = || server.resident().saturating_sub(before) as f64 / WAITING as f64;
    let mut sockets = Vec::new();
    for seed in 0..WAITING {
        let mut socket = connect(server.port).await?;
        ask(&mut socket, &reset(seed)).await?;
        sockets.push(socket);
    }
    let after_reset = each();
    for socket in &mut sockets {
        ask(socket, STEPS[0]).await?;
    }
    let after_step = each();
    for mut socket in sockets {
        let _ = socket.close(None).await;
    }
    Ok(Memory { after_reset, after_step })
}
