//! A listener to talk to with raw bytes.

use std::net::SocketAddr;

use keyward_server::listen::{Bound, Handler, ListenAddress, ListenOptions, bind, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running listener.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) stop: oneshot::Sender<()>,
    pub(crate) task: JoinHandle<()>,
}

impl Server {
    /// Serves on a free port of the loopback address.
    pub(crate) async fn start(handler: impl Handler, options: ListenOptions) -> Self {
        let bound = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
        let Ok(ListenAddress::Tcp(address)) = bound.address() else { panic!("not on TCP") };
        Self::on(bound, address, handler, options)
    }

    fn on(
        bound: Bound,
        address: SocketAddr,
        handler: impl Handler,
        options: ListenOptions,
    ) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(serve(bound, handler, options, async {
            let _ = stopped.await;
        }));
        Self { address, stop, task }
    }

    /// A fresh connection.
    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// A fresh connection on which `bytes` were sent.
    pub(crate) async fn send(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream
    }

    /// All that comes back on a fresh connection after `bytes`, until the server closes it.
    pub(crate) async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        // The server may refuse and close while we are still sending.
        let _ = stream.write_all(bytes).await;
        read_to_end(&mut stream).await
    }
}

/// Reads until the peer closes.
pub(crate) async fn read_to_end(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is a way to close, too.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one answer with a `content-length` body.
pub(crate) async fn read_answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => answer.push(byte),
            Err(_) => return String::from_utf8_lossy(&answer).into_owned(),
        }
    }
    let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.unwrap();
    answer.extend(body);
    String::from_utf8_lossy(&answer).into_owned()
}

/// The status of an answer; 0 when the connection was closed without one.
pub(crate) fn status(answer: &str) -> u16 {
    answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .map_or(0, |status| status.parse().unwrap())
}

/// All statuses in what came back, in order.
pub(crate) fn statuses(answers: &str) -> Vec<u16> {
    let starts = answers.match_indices("HTTP/1.1 ");
    starts.map(|(at, _)| status(answers.get(at..).unwrap())).collect()
}

/// The body of an answer.
pub(crate) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
