//! What travels: large bodies, web sockets, HTTP/2; and what may not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::gateways::front::Front;
use crate::gateways::program::Program;
use crate::gateways::recipe::Setup;
use crate::node::{INSIDE, OUTSIDE};
use crate::processes::http_client;
use crate::tour::run_script;

pub(super) async fn five_mebibytes(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let body = vec![b'a'; 5 << 20];
    let post = |from: &str| {
        let request = http_client(from).post(front.url()).body(body.clone());
        request.bearer_auth(front.key.one_string())
    };
    let answer = post(INSIDE).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(front.application.take_seen()[0].body_bytes, body.len());

    // A refusal may come, and the connection go, before all of it is sent.
    if let Ok(answer) = post(OUTSIDE).send().await {
        assert_eq!(answer.status(), 403);
    }
    assert_eq!(front.application.seen(), 0);
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200, "and it goes on");
}

pub(super) async fn a_websocket(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let open = async |from: &str| {
        let mut request = format!("ws://{}/socket", front.place).into_client_request().unwrap();
        let key = format!("Bearer {}", front.key.one_string());
        request.headers_mut().insert("Authorization", key.parse().unwrap());
        tokio_tungstenite::client_async(request, front.connect(from).await).await
    };
    match open(OUTSIDE).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 403),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(front.application.seen(), 0);

    let (mut socket, _) = open(INSIDE).await.unwrap();
    for text in ["one", "two"] {
        socket.send(Message::text(text)).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    assert_eq!(front.address_told(), INSIDE);
}

/// An application that takes up another protocol would be asked there without Keyward: with `h2c`,
/// any number of requests.
pub(super) async fn another_protocol_is_not_taken_up(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    for protocol in [
        "h2c",
        "H2C",
        "tls/1.2",
        "h2c, websocket",
        "websocket, h2c",
        "websocket/13",
        "websocket\r\nUpgrade: h2c",
        "h2c\r\nUpgrade: websocket",
    ] {
        let head = format!(
            "GET /orders HTTP/1.1\r\nHost: {}\r\n{}Connection: Upgrade, HTTP2-Settings\r\n\
             Upgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
            front.place,
            front.key_line()
        );
        let answer = front.send_raw(INSIDE, head.as_bytes()).await;
        assert!(!answer.contains("101"), "{protocol}: {answer}");
        for seen in front.application.take_seen() {
            let taken_up = seen.header("upgrade").join(",");
            assert!(matches!(&*taken_up, "" | "websocket"), "{protocol}: {:?}", seen.headers);
        }
    }
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200, "and it goes on");
}

/// An application that takes CONNECT for a wish it can grant would be asked in that tunnel, by whom
/// and whatever.
pub(super) async fn connect_opens_no_tunnel(program: Program) {
    let mut front = Front::start(program, Setup::PLAIN).await;
    front.application.stop().await;
    let listener = TcpListener::bind(front.application.address).await.unwrap();
    let seen = Arc::new(Mutex::new(String::new()));
    let granting = tokio::spawn(grant_everything(listener, Arc::clone(&seen)));

    let mut caller = front.connect(INSIDE).await;
    let connect = format!("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n{}\r\n", front.key_line());
    caller.write_all(connect.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = timeout(Duration::from_secs(5), caller.read(&mut answer)).await.unwrap().unwrap();
    assert_ne!(read, 0, "some answer to CONNECT");
    let second = "GET /second HTTP/1.1\r\nHost: a\r\nX-Client-Id: forged\r\n\r\n";
    // A gateway that hangs up is as good as one that answers.
    caller.write_all(second.as_bytes()).await.ok();
    timeout(Duration::from_secs(2), caller.read(&mut answer)).await.ok();

    let answer = String::from_utf8_lossy(&answer).into_owned();
    for unwanted in ["/second", "CONNECT"] {
        assert!(!seen.lock().unwrap().contains(unwanted), "{answer}\n{}", seen.lock().unwrap());
    }
    assert_eq!(front.request(INSIDE).send().await.unwrap().status(), 200, "and it goes on");
    assert!(seen.lock().unwrap().contains("GET /orders"), "which the application sees");
    granting.abort();
}

/// An application that answers 200 to each head, and keeps all that it is sent.
async fn grant_everything(listener: TcpListener, seen: Arc<Mutex<String>>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            let mut bytes = [0; 16 << 10];
            while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
                let length = if text.starts_with("CONNECT") { "" } else { "Content-Length: 0\r\n" };
                seen.lock().unwrap().push_str(&text);
                let granted = format!("HTTP/1.1 200 OK\r\n{length}\r\n");
                stream.write_all(granted.as_bytes()).await.ok();
            }
        });
    }
}

/// A browser's question before the real one, which carries no credential.
pub(super) async fn a_preflight_passes_where_it_may(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let preflight = |method: &str| {
        let request = http_client(OUTSIDE).request(method.parse().unwrap(), front.url());
        request.header("Origin", "https://a").header("Access-Control-Request-Method", "PUT")
    };
    assert_eq!(front.status_of(preflight("OPTIONS")).await, 401);
    let command = "keyward gateway edit edge --allow-preflight";
    run_script(command, front.node.folder(), &front.node.environment()).await;
    let forged = preflight("OPTIONS").header("X-Client-Id", "forged");
    assert_eq!(front.status_of(forged).await, 200);
    assert_eq!(front.application.take_seen()[0].header("x-client-id"), ["-"]);
    assert_eq!(front.status_of(preflight("PUT")).await, 401, "nothing else comes in with it");
    let plain = http_client(OUTSIDE).request("OPTIONS".parse().unwrap(), front.url());
    assert_eq!(front.status_of(plain).await, 401);
}

pub(super) async fn http2(program: Program) {
    let front = Front::start(program, Setup { http2: true, ..Setup::PLAIN }).await;
    let client = |from: &str| {
        let builder = Client::builder().local_address(Some(from.parse().unwrap())).no_proxy();
        builder.http2_prior_knowledge().build().unwrap()
    };
    let request = |from| client(from).get(front.url()).bearer_auth(front.key.one_string());
    let answer = request(INSIDE).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, Version::HTTP_2));
    assert_eq!(front.address_told(), INSIDE);
    let spoofed = request(OUTSIDE).header("x-forwarded-for", INSIDE).header("x-real-ip", INSIDE);
    assert_eq!(front.status_of(spoofed).await, 403);
    let forged = request(INSIDE).header("x-client-id", "forged").header("x-client-ip", OUTSIDE);
    assert_eq!(front.status_of(forged).await, 200);
    let seen = front.application.take_seen().remove(0);
    assert_eq!(seen.header("x-client-id"), [front.key.id.as_str()]);
    assert_eq!(seen.header("x-client-ip"), [INSIDE]);
}
