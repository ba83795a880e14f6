//! The application behind nginx: it answers 200 to everything and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use tokio::net::TcpListener;

/// One request that got through.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The method.
    pub(crate) method: String,
    /// Every header line, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The length of the body, in bytes.
    pub(crate) body_bytes: usize,
}

impl Seen {
    /// All values of one header.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.headers.iter().filter(|(line, _)| line == name);
        lines.map(|(_, value)| value.as_str()).collect()
    }
}

/// The application. It stops with the test's runtime.
pub(crate) struct Application {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Application {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Application {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Application { address, seen }
    }

    /// What got through since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(State(seen): State<Arc<Mutex<Vec<Seen>>>>, request: Request) -> &'static str {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    seen.lock().unwrap().push(Seen {
        method: head.method.to_string(),
        headers: headers.collect(),
        body_bytes: body.len(),
    });
    "the application's answer\n"
}
