//! The application behind a gateway: it answers 200 to everything, echoes web sockets, and remembers
//! what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

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
    serving: JoinHandle<()>,
}

impl Application {
    /// Starts it on a free port.
    pub(crate) async fn start() -> Application {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Application { address, seen, serving }
    }

    /// Stops it, and waits until its port is free.
    pub(crate) async fn stop(&mut self) {
        self.serving.abort();
        (&mut self.serving).await.ok();
    }

    /// How many requests got through since the last [`Self::take_seen`].
    pub(crate) fn seen(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// What got through since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(State(seen): State<Arc<Mutex<Vec<Seen>>>>, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let (method, headers) = (head.method.to_string(), headers.collect());
    let socket = WebSocketUpgrade::from_request_parts(&mut head, &()).await;
    let body: Bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    seen.lock().unwrap().push(Seen { method, headers, body_bytes: body.len() });
    match socket {
        Ok(socket) => socket.on_upgrade(echo),
        Err(_) => "the application's answer\n".into_response(),
    }
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if socket.send(message).await.is_err() {
            break;
        }
    }
}
