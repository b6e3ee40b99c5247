//! From an address to a connection: directly, or through the proxy that the environment names.
//!
//! A proxy for `http` addresses is sent the request itself, with the whole address; one for `https` addresses opens a
//! tunnel, inside which TLS runs from end to end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

use crate::Error;

/// More than any working network takes, and far less than the system's own limit.
const PATIENCE: Duration = Duration::from_secs(30);
/// A peer that is gone without a word is noticed after a minute or two.
const ALIVE: Duration = Duration::from_secs(30);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Connects by TCP, with the proxies of the environment.
#[derive(Clone)]
pub struct Connector {
    direct: HttpConnector,
    proxies: Arc<Matcher>,
}

/// The connector for `http` and `https`, with the certificates of the system.
pub fn connector(proxies: Arc<Matcher>) -> Result<HttpsConnector<Connector>, Error> {
    let mut direct = HttpConnector::new();
    direct.enforce_http(false);
    direct.set_nodelay(true);
    direct.set_keepalive(Some(ALIVE));
    direct.set_connect_timeout(Some(PATIENCE));
    let mut roots = RootCertStore::empty();
    // A system without certificates can still reach what needs none; TLS says what it does not trust.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Start(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
    Ok(builder.wrap_connector(Connector { direct, proxies }))
}

/// What a request to this address has to show a proxy, where one gets it and asks for it.
pub fn proxy_authorization(proxies: &Matcher, url: &Uri) -> Option<HeaderValue> {
    if url.scheme_str() != Some("http") {
        return None;
    }
    proxies.intercept(url).and_then(|proxy| proxy.basic_auth().cloned())
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.direct.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let direct = self.direct.clone();
        let proxy = self.proxies.intercept(&url);
        Box::pin(async move {
            match proxy {
                None => Ok(Stream { io: reach(direct, url).await?, asks_proxy: false }),
                Some(proxy) => through(direct, &proxy, url).await,
            }
        })
    }
}

async fn through(direct: HttpConnector, proxy: &Intercept, url: Uri) -> Result<Stream, Failure> {
    if proxy.uri().scheme_str() != Some("http") {
        return Err("a proxy's address has to begin with http://".into());
    }
    if url.scheme_str() == Some("http") {
        return Ok(Stream { io: reach(direct, proxy.uri().clone()).await?, asks_proxy: true });
    }
    let mut tunnel = Tunnel::new(proxy.uri().clone(), direct);
    if let Some(shown) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(shown.clone());
    }
    // A proxy may take the connection and say nothing.
    let io = tokio::time::timeout(PATIENCE, tunnel.call(url)).await??;
    Ok(Stream { io, asks_proxy: false })
}

async fn reach(mut direct: HttpConnector, url: Uri) -> Result<TokioIo<TcpStream>, Failure> {
    Ok(direct.call(url).await?)
}

/// A connection that knows whether its requests go to a proxy.
pub struct Stream {
    io: TokioIo<TcpStream>,
    asks_proxy: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.asks_proxy)
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
