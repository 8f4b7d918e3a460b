//! Connections: HTTP on each of them, and how long a client may take to send a request and to take its answer.
//!
//! Who says nothing, or a letter a minute, would otherwise keep a connection for ever, and so would who never reads. The head
//! of a request has as long as its body; between two requests a connection may rest for as long, and for as long may nothing
//! of an answer go through. The heartbeat of a WebSocket shows whether its client is still there.

mod open;
mod stream;

use std::{
    error::Error,
    fmt,
    io::Write as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::Request,
    serve::Listener,
};
use hyper::{
    body::{Bytes, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::{Service, service_fn},
    upgrade::Upgraded,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
pub(crate) use open::{Open, Place};
use stream::Stream;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Sleep, sleep},
};

use crate::{
    client::{Key, Peer},
    limits::{Unfinished, Unread},
};

/// Takes connections until the server stops; those that are open then go on until their request is answered.
///
/// Each holds a receiver of `stopping`, so that whoever stops the server can wait for the last of them.
pub(crate) async fn accept(
    mut listener: TcpListener,
    router: Router,
    (open, unfinished): (Arc<Open>, Arc<Unfinished>),
    stopping: watch::Sender<bool>,
    patience: Option<Duration>,
) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let http = Arc::new(http);
    let mut stopped = stopping.subscribe();
    let mut connection = 0;
    loop {
        let (stream, address) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            _ = stopped.wait_for(|stopping| *stopping) => return,
        };
        // Without it answers wait for more, so losing it costs time and nothing else.
        let _ = stream.set_nodelay(true);
        connection += 1;
        let peer = Peer { address: Key::at(address.ip()), connection, forwarded: 0 };
        let Some(place) = open.enter(peer) else {
            refuse(stream);
            continue;
        };
        let unfinished = Arc::clone(&unfinished);
        tokio::spawn(Connection { stream, place, peer, unfinished, patience }.serve(
            Arc::clone(&http),
            service.clone(),
            stopping.subscribe(),
        ));
    }
}

/// What a connection is answered for which there is no place.
const CROWDED: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
                       connection: close\r\ncontent-length: 59\r\n\r\n\
                       {\"detail\":\"too many connections are open; try again later\"}";

/// Says that there is no place, to a client that is not waited for.
fn refuse(stream: TcpStream) {
    if let Ok(mut stream) = stream.into_std() {
        // Whatever becomes of it, the connection ends.
        let _ = stream.write_all(CROWDED.as_bytes());
    }
}

struct Connection {
    stream: TcpStream,
    place: Place,
    peer: Peer,
    unfinished: Arc<Unfinished>,
    patience: Option<Duration>,
}

impl Connection {
    async fn serve(
        self,
        http: Arc<http1::Builder>,
        inner: TowerToHyperService<Router>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let Self { stream, place, peer, unfinished, patience } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| watched(body, patience, unfinished.of(peer.address)));
            request.extensions_mut().insert(peer);
            inner.call(request)
        });
        let mut serving = std::pin::pin!(
            http.serve_connection(TokioIo::new(Stream::new(stream, place, patience)), service).with_upgrades()
        );
        let served = tokio::select! {
            served = serving.as_mut() => Some(served),
            _ = stopping.wait_for(|stopping| *stopping) => None,
        };
        let served = if let Some(served) = served {
            served
        } else {
            serving.as_mut().graceful_shutdown();
            serving.await
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection broke off");
        }
    }
}

/// A connection that speaks HTTP no longer, and what was read of what came after; nothing for one that is not from here.
pub(crate) fn bare(upgraded: Upgraded) -> Option<(TcpStream, Place, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    let (tcp, place) = parts.io.into_inner().into_inner();
    Some((tcp, place, parts.read_buf.to_vec()))
}

/// The body's time begins when it does.
fn watched(body: Incoming, patience: Option<Duration>, unread: Unread) -> Body {
    if body.is_end_stream() {
        return Body::new(body);
    }
    let late = patience.map(|patience| (Box::pin(sleep(patience)), patience));
    Body::new(Watched { body, late, unread, read: 0 })
}

/// A body that has to end in time, and is counted meanwhile.
struct Watched {
    body: Incoming,
    late: Option<(Pin<Box<Sleep>>, Duration)>,
    unread: Unread,
    /// Bytes that have come.
    read: usize,
}

/// The rest of a body did not come in time.
#[derive(Debug)]
pub(crate) struct Late(Duration);

impl fmt::Display for Late {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the body took longer than {} s", self.0.as_secs_f64())
    }
}

impl Error for Late {}

impl Late {
    /// The one behind an error, if there is one.
    pub(crate) fn behind<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a Self> {
        error.downcast_ref().or_else(|| error.source().and_then(Self::behind))
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                this.read += frame.data_ref().map_or(0, Bytes::len);
                let counted = this.unread.cover(this.read).map(|()| frame);
                Poll::Ready(Some(counted.map_err(Into::into)))
            }
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => match &mut this.late {
                Some((late, patience)) => {
                    late.as_mut().poll(context).map(|()| Some(Err(Box::new(Late(*patience)) as Self::Error)))
                }
                None => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
