//! Connections: HTTP on each of them, and how long a client may take to send a request and to take its answer.
//!
//! Who says nothing, or a letter a minute, would otherwise keep a connection for ever, and so would who never reads. The head
//! of a request has as long as its body; between two requests a connection may rest for as long, and for as long may nothing
//! of an answer go through. Whether the client of a WebSocket is still there its heartbeat tells.

mod stream;

use std::{
    error::Error,
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, HttpBody},
    extract::ConnectInfo,
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
use stream::Stream;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{Sleep, sleep},
};

/// Takes connections until the server stops; those that are open then go on until their request is answered.
///
/// Each holds a receiver of `stopping`, so that whoever stops the server can wait for the last of them.
pub(crate) async fn accept(
    mut listener: TcpListener,
    router: Router,
    stopping: watch::Sender<bool>,
    patience: Option<Duration>,
) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let http = Arc::new(http);
    let mut stopped = stopping.subscribe();
    loop {
        let (stream, address) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            _ = stopped.wait_for(|stopping| *stopping) => return,
        };
        // Without it answers wait for more, so losing it costs time and nothing else.
        let _ = stream.set_nodelay(true);
        let connection = Connection { stream, address, patience };
        tokio::spawn(connection.serve(Arc::clone(&http), service.clone(), stopping.subscribe()));
    }
}

struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    patience: Option<Duration>,
}

impl Connection {
    async fn serve(
        self,
        http: Arc<http1::Builder>,
        inner: TowerToHyperService<Router>,
        mut stopping: watch::Receiver<bool>,
    ) {
        let Self { stream, address, patience } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(|body| timed(body, patience));
            request.extensions_mut().insert(ConnectInfo(address));
            inner.call(request)
        });
        let mut serving =
            std::pin::pin!(http.serve_connection(TokioIo::new(Stream::new(stream, patience)), service).with_upgrades());
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
pub(crate) fn bare(upgraded: Upgraded) -> Option<(TcpStream, Vec<u8>)> {
    let parts = upgraded.downcast::<TokioIo<Stream>>().ok()?;
    Some((parts.io.into_inner().into_inner(), parts.read_buf.to_vec()))
}

/// The body's time begins when it does.
fn timed(body: Incoming, patience: Option<Duration>) -> Body {
    match patience {
        Some(patience) if !body.is_end_stream() => Body::new(Timed { body, late: Box::pin(sleep(patience)), patience }),
        _ => Body::new(body),
    }
}

/// A body that has to end in time.
struct Timed {
    body: Incoming,
    late: Pin<Box<Sleep>>,
    patience: Duration,
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

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => match self.late.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(Box::new(Late(self.patience))))),
                Poll::Pending => Poll::Pending,
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
