//! Requests to an HTTP endpoint of somebody else.

#[cfg(not(feature = "tls"))]
use std::future::{Ready, ready};
use std::{net::ToSocketAddrs as _, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::Runtime,
};

/// The greatest number of bytes of an answer.
const MAX_BYTES: usize = 16 << 20;

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    /// The host with its port.
    host: String,
    /// Whether it speaks TLS.
    tls: bool,
    /// What every path begins with.
    base: String,
    /// The token that is sent.
    token: Option<String>,
    patience: Duration,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Nobody can be reached at the address.
    Unreachable(String),
    /// The connection broke, or it took too long.
    Broken(String),
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// How many seconds to wait before the next request.
    pub(crate) retry_after: Option<f64>,
    pub(crate) text: String,
}

impl Endpoint {
    /// An endpoint at an address such as `http://127.0.0.1:8080/v1`.
    ///
    /// # Errors
    ///
    /// When it is not an address that can be reached.
    pub(crate) fn new(url: &str, token: Option<String>, patience: Duration) -> Result<Self, String> {
        let (rest, tls) = match (url.strip_prefix("http://"), url.strip_prefix("https://")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) if cfg!(feature = "tls") => (rest, true),
            (None, Some(_)) => {
                return Err(format!(
                    "`{url}` needs TLS, which this binary is built without; build it with `--features tls`, as published \
                     ones are, or name a local proxy"
                ));
            }
            (None, None) => return Err(format!("`{url}` is not an endpoint; expected `http://HOST:PORT/v1`")),
        };
        let (host, base) = rest.split_once('/').unwrap_or((rest, ""));
        let has_port = host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
        let host = if has_port { host.to_owned() } else { format!("{host}:{}", if tls { 443 } else { 80 }) };
        let base = base.trim_end_matches('/');
        let base = if base.is_empty() { String::new() } else { format!("/{base}") };
        Ok(Self { host, tls, base, token, patience })
    }

    /// Posts JSON and waits for the answer.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(crate) fn post(&self, runtime: &Runtime, path: &str, body: String) -> Result<Answer, NoAnswer> {
        // The clock is the runtime's, so it is asked for within it.
        let asked = async { tokio::time::timeout(self.patience, self.send(path, body)).await };
        runtime.block_on(asked).unwrap_or_else(|_| {
            let seconds = self.patience.as_secs_f64();
            Err(NoAnswer::Broken(format!("{}: no answer within {seconds} s", self.host)))
        })
    }

    async fn send(&self, path: &str, body: String) -> Result<Answer, NoAnswer> {
        let stream = self.connect().await;
        let stream = stream.map_err(|error| NoAnswer::Unreachable(format!("{}: {error}", self.host)))?;
        let answer = async {
            if self.tls {
                return self.exchange(secured(stream, &self.host).await?, path, body).await;
            }
            self.exchange(stream, path, body).await
        };
        answer.await.map_err(|error| NoAnswer::Broken(format!("{}: {error}", self.host)))
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let address = self.host.to_socket_addrs()?.next().ok_or("the host has no address")?;
        Ok(TcpStream::connect(address).await?)
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        path: &str,
        body: String,
    ) -> Result<Answer, Failure> {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let path = format!("{}{path}", self.base);
        let mut request = Request::post(path).header(HOST, &self.host).header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = Limited::new(answer.into_body(), MAX_BYTES).collect().await?.to_bytes();
        connection.abort();
        Ok(Answer { status, retry_after, text: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The stream as TLS, with the certificates that the system trusts, or those of `SSL_CERT_FILE`.
#[cfg(feature = "tls")]
async fn secured(
    stream: TcpStream,
    host: &str,
) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static, Failure> {
    use std::sync::Arc;

    use tokio_rustls::{
        TlsConnector,
        rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
    };

    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("the system has no certificates to trust; name a file with `SSL_CERT_FILE`".into());
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = ServerName::try_from(name.to_owned())?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

/// There is no TLS; [`Endpoint::new`] refuses what needs it.
#[cfg(not(feature = "tls"))]
fn secured(_: TcpStream, _: &str) -> Ready<Result<TcpStream, Failure>> {
    ready(Err("this binary is built without TLS".into()))
}
