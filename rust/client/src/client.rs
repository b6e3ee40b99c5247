//! The client: one thread, one pool of connections, and the answers that nobody has taken yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::HeaderMap;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::Error;

/// Below what servers wait before they close an idle connection (uvicorn: 5 s), so that none is closed under a request.
const IDLE: Duration = Duration::from_secs(4);
/// More than any working network takes, and far less than the system's own limit.
const CONNECT: Duration = Duration::from_secs(30);
/// Threads that look up names, the only blocking work there is.
const LOOK_UPS: usize = 8;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    /// The body as it came, compressed or not.
    pub body: Vec<u8>,
}

/// What came of one request.
pub type Outcome = Result<Answer, Error>;

/// Sends requests; dropped, it closes every connection.
pub struct Client {
    http: reqwest::Client,
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
    answered: Vec<(u64, Outcome)>,
}

impl Client {
    /// Starts a client with the proxies of the environment and the certificates of the system.
    ///
    /// `wake` is called on the client's thread when an answer has arrived and none was waiting to be taken.
    ///
    /// # Errors
    /// [`Error::Start`] where there is no thread or no TLS.
    pub fn start(wake: impl Fn() + Send + Sync + 'static) -> Result<Self, Error> {
        // Fails only where a provider is set already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| Error::Start(Error::from(error).to_string()))?;
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
        let desk = Desk { wake: Box::new(wake), papers: Mutex::default() };
        Ok(Self {
            http,
            runtime: handle,
            desk: Arc::new(desk),
            stop: Some(stop),
            process: std::process::id(),
        })
    }

    /// Sends a POST request; its number comes back with the answer.
    ///
    /// # Errors
    /// [`Error::Request`] where the address or a header is not HTTP's.
    pub fn post<'a>(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (&'a str, &'a str)>,
        body: Vec<u8>,
    ) -> Result<u64, Error> {
        let request = self.http.post(url).body(body);
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let request = request.build()?;
        let (http, desk) = (self.http.clone(), Arc::clone(&self.desk));
        // Held until the task is noted, so that its answer cannot come first.
        let mut papers = self.desk.papers();
        papers.last += 1;
        let number = papers.last;
        let task = self.runtime.spawn(async move {
            let outcome = exchange(&http, request).await;
            desk.answer(number, outcome);
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
        papers.answered.retain(|(answered, _)| *answered != number);
    }

    /// What has come of requests since the last time, in the order in which it came.
    #[must_use]
    pub fn take(&self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut self.desk.papers().answered)
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

    fn answer(&self, number: u64, outcome: Outcome) {
        let mut papers = self.papers();
        if papers.sent.remove(&number).is_none() {
            return;
        }
        let first = papers.answered.is_empty();
        papers.answered.push((number, outcome));
        drop(papers);
        if first {
            (self.wake)();
        }
    }
}

async fn exchange(http: &reqwest::Client, request: reqwest::Request) -> Outcome {
    let response = http.execute(request).await?;
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let body = response.bytes().await?.into();
    Ok(Answer { status, headers, body })
}
