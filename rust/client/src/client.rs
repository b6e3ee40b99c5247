//! The client: one thread, one pool of connections, and the answers that nobody has taken yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, PROXY_AUTHORIZATION};
use hyper::http::response::Parts;
use hyper::{Method, Request, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::Error;
use crate::connect::{Connector, connector, proxy_authorization};

/// Below what servers wait before they close an idle connection (uvicorn: 5 s), so that none is closed under a request.
const IDLE: Duration = Duration::from_secs(4);
/// Threads that look up names, the only blocking work there is.
const LOOK_UPS: usize = 8;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    /// The body as it came, compressed or not; of a body that came in pieces, what is left of it: nothing.
    pub body: Vec<u8>,
}

/// What has come of one request since the last time.
#[derive(Debug)]
pub enum Came {
    /// A piece of the body; more will come.
    Piece(Vec<u8>),
    /// The end.
    End(Outcome),
}

/// What came of one request.
pub type Outcome = Result<Answer, Error>;

type Http = legacy::Client<HttpsConnector<Connector>, Full<Bytes>>;

/// Sends requests; dropped, it closes every connection.
pub struct Client {
    http: Http,
    proxies: Arc<Matcher>,
    runtime: Handle,
    desk: Arc<Desk>,
    stop: Option<oneshot::Sender<()>>,
    process: u32,
}

/// Where the caller's thread and the client's meet.
struct Desk {
    wake: Box<dyn Fn() + Send + Sync>,
    papers: Mutex<Papers>,
}

#[derive(Default)]
struct Papers {
    last: u64,
    sent: HashMap<u64, AbortHandle>,
    came: Vec<(u64, Came)>,
}

impl Client {
    /// Starts a client with the proxies of the environment and the certificates of the system.
    ///
    /// `wake` is called on the client's thread when an answer has arrived and none was waiting to be taken.
    ///
    /// # Errors
    /// [`Error::Start`] where there is no thread or no TLS.
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> Result<Self, Error> {
        let proxies = Arc::new(Matcher::from_system());
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector(Arc::clone(&proxies))?);
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(LOOK_UPS)
            .build()
            .map_err(|error| Error::Start(error.to_string()))?;
        let (stop, stopped) = oneshot::channel();
        let handle = runtime.handle().clone();
        std::thread::Builder::new()
            .name("burnish-http".into())
            .spawn(move || {
                // Ended by a message or by the end of whoever could send one.
                let _ = runtime.block_on(stopped);
                runtime.shutdown_background();
            })
            .map_err(|error| Error::Start(error.to_string()))?;
        let desk = Arc::new(Desk { wake: Box::new(wake), papers: Mutex::default() });
        let process = std::process::id();
        Ok(Self { http, proxies, runtime: handle, desk, stop: Some(stop), process })
    }

    /// Sends a POST request; its number comes back with the answer.
    ///
    /// With `pieces`, the body of an answer that is a stream of events comes as it arrives; any other comes whole.
    ///
    /// # Errors
    /// [`Error::Request`] where the address or a header is not HTTP's.
    pub fn post<'a>(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Vec<u8>,
        pieces: bool,
    ) -> Result<u64, Error> {
        self.send(Method::POST, url, headers, body, pieces)
    }

    /// Sends a GET request; its number comes back with the answer.
    ///
    /// # Errors
    /// [`Error::Request`] where the address or a header is not HTTP's.
    pub fn get<'a>(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<u64, Error> {
        self.send(Method::GET, url, headers, Vec::new(), false)
    }

    fn send<'a>(
        &self,
        method: Method,
        url: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Vec<u8>,
        pieces: bool,
    ) -> Result<u64, Error> {
        let url = Uri::try_from(url).map_err(|error| Error::Request(error.to_string()))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
            return Err(Error::Request("no address with http or https and a host".into()));
        }
        let shown = proxy_authorization(&self.proxies, &url);
        let request =
            headers.into_iter().fold(Request::builder().method(method).uri(url), |request, (name, value)| {
                request.header(name, value)
            });
        let mut request = request.body(Full::new(Bytes::from(body)))?;
        if let Some(shown) = shown {
            request.headers_mut().insert(PROXY_AUTHORIZATION, shown);
        }
        let (http, desk) = (self.http.clone(), Arc::clone(&self.desk));
        // Held until the task is noted, so that its answer cannot come first.
        let mut papers = self.desk.papers();
        papers.last += 1;
        let number = papers.last;
        let task = self.runtime.spawn(async move {
            let tell = |piece: Bytes| desk.tell(number, Came::Piece(piece.into()));
            let outcome = exchange(&http, request, pieces.then_some(tell)).await;
            desk.tell(number, Came::End(outcome));
        });
        papers.sent.insert(number, task.abort_handle());
        Ok(number)
    }

    /// Gives a request up: its connection is closed, and no answer to it comes.
    pub fn cancel(&self, number: u64) {
        let mut papers = self.desk.papers();
        if let Some(task) = papers.sent.remove(&number) {
            task.abort();
        }
        papers.came.retain(|(of, _)| *of != number);
    }

    /// What has come of requests since the last time, in the order in which it came.
    #[must_use]
    pub fn take(&self) -> Vec<(u64, Came)> {
        std::mem::take(&mut self.desk.papers().came)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The child of a fork has no such thread, and the thread may have held a lock at the fork.
        if let Some(stop) = self.stop.take() {
            if self.process == std::process::id() {
                let _ = stop.send(());
            } else {
                std::mem::forget(stop);
            }
        }
    }
}

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        // Nothing that holds it leaves it half done.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, number: u64, came: Came) {
        let mut papers = self.papers();
        let known = match came {
            Came::Piece(_) => papers.sent.contains_key(&number),
            Came::End(_) => papers.sent.remove(&number).is_some(),
        };
        if !known {
            return;
        }
        let first = papers.came.is_empty();
        papers.came.push((number, came));
        drop(papers);
        if first {
            (self.wake)();
        }
    }
}

async fn exchange(http: &Http, request: Request<Full<Bytes>>, tell: Option<impl Fn(Bytes)>) -> Outcome {
    let (head, mut body) = http.request(request).await?.into_parts();
    let rest = match tell {
        Some(tell) if is_stream(&head) => {
            in_pieces(&mut body, tell).await?;
            Vec::new()
        }
        _ => body.collect().await?.to_bytes().into(),
    };
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: rest })
}

async fn in_pieces(body: &mut Incoming, tell: impl Fn(Bytes)) -> Result<(), hyper::Error> {
    while let Some(frame) = body.frame().await {
        if let Ok(piece) = frame?.into_data() {
            tell(piece);
        }
    }
    Ok(())
}

/// Whether a body is a stream of events that can be read as it comes: a refusal, a page or packed bytes are not.
fn is_stream(head: &Parts) -> bool {
    let kind = head.headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let events = b"text/event-stream";
    head.status.is_success()
        && !head.headers.contains_key(CONTENT_ENCODING)
        && kind.get(..events.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(events))
}
