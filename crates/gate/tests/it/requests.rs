//! Methods, paths and bodies.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Version};
use http_body::Body;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use keyward_gate::Checks;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::fixture::{Answer, LISTED, LOCAL, World, from, request};

async fn with_method(world: &World, method: &str, headers: &[crate::fixture::Header]) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    world.send(request(method, "/v1/check/default", headers)).await
}

const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "FOO", "get"];

#[tokio::test]
async fn forward_auth_001_to_010_every_method_is_decided_alike() {
    let world = World::new();
    let expected = with_method(&world, "GET", &[from(LISTED)]).await;
    assert_eq!(expected.status, 401);
    for method in METHODS {
        assert_eq!(with_method(&world, method, &[from(LISTED)]).await, expected, "{method}");
    }
}

#[tokio::test]
async fn every_method_passes_with_a_good_credential() {
    let mut world = World::new();
    let key = world.listed_key();
    for method in METHODS {
        let answer = with_method(&world, method, &[from(LISTED), key.basic()]).await;
        assert_eq!(answer.status, 200, "{method}");
    }
}

#[tokio::test]
async fn forward_auth_011_connect_is_denied() {
    let mut world = World::new();
    let key = world.key();
    // What a server makes of `CONNECT example.com:443`: no path at all.
    let connect = request(Method::CONNECT, "example.com:443", &[from(LISTED), key.basic()]);
    assert_eq!(world.send(connect).await.status, 403);
    assert_eq!(with_method(&world, "CONNECT", &[from(LISTED)]).await.status, 401);
}

#[tokio::test]
async fn only_the_exact_path_is_a_check() {
    let mut world = World::new();
    let key = world.key();
    for path in [
        "/",
        "/v1/check",
        "/v1/check/",
        "/v1/check/default/",
        "/v1/check/default/a",
        "/v1//check/default",
        "//v1/check/default",
        "/v1/check/../check/default",
        "/v1/check/%64efault",
        "/v1/check/default%2f..",
        "/V1/check/default",
        "/livez",
        "/metrics",
        "*",
    ] {
        let answer = world.send(request(Method::GET, path, &[key.basic()])).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    let with_query = request(Method::GET, "/v1/check/default?x=/admin", &[key.basic()]);
    assert_eq!(world.send(with_query).await.status, 200);
}

#[tokio::test]
async fn the_query_carries_no_credential() {
    let mut world = World::new();
    let key = world.key();
    let path = format!("/v1/check/default?access_token={0}&api_key={0}", key.api_key());
    assert_eq!(world.send(request(Method::GET, &path, &[from(LISTED)])).await.status, 401);
}

/// A body that is announced and never comes.
#[derive(Debug)]
struct Silence;

impl Body for Silence {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        panic!("the gate must not read bodies")
    }
}

fn silent(version: Version, headers: &[crate::fixture::Header]) -> Request<Silence> {
    let mut request = request(Method::POST, "/v1/check/default", headers);
    *request.version_mut() = version;
    request.map(|_| Silence)
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let mut world = World::new();
    let key = world.key();
    let answer = world.send(silent(Version::HTTP_11, &[key.basic()])).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("connection"), Some("close"));
    let answer = world.send(silent(Version::HTTP_11, &[])).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (401, Some("close")));
    let answer = world.send(silent(Version::HTTP_2, &[key.basic()])).await;
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, None));
    let bodiless = request(Method::POST, "/v1/check/default", &[key.basic()]);
    assert_eq!(world.send(bodiless).await.header("connection"), None);
}

/// Serves one connection with hyper and returns all that comes back for these bytes.
async fn exchange(world: &World, bytes: String) -> String {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let checks = Checks::new(Arc::clone(&world.gate), LOCAL, Arc::default());
    let service = TowerToHyperService::new(checks);
    let serving = tokio::spawn(
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service),
    );
    let (mut reader, mut writer) = tokio::io::split(client);
    writer.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // To the end: so the server must close, although the client does not.
    reader.read_to_string(&mut answer).await.unwrap();
    serving.await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn a_connection_is_kept_until_a_body_is_announced_that_does_not_come() {
    let mut world = World::new();
    let (_, shown) = world.key().basic();
    let head = format!("HTTP/1.1\r\nHost: gate\r\nX-Real-IP: {LISTED}\r\n");
    let bytes = format!(
        "GET /v1/check/default {head}\r\n\
         POST /v1/check/default {head}Authorization: {shown}\r\nContent-Length: 0\r\n\r\n\
         POST /v1/check/default {head}Authorization: {shown}\r\nContent-Length: 9\r\n\r\n"
    );
    let answer = exchange(&world, bytes).await;
    let statuses: Vec<&str> =
        answer.lines().filter_map(|line| line.strip_prefix("HTTP/1.1 ")).collect();
    assert_eq!(statuses, ["401 Unauthorized", "200 OK", "200 OK"]);
    assert_eq!(answer.matches("connection: close").count(), 1, "{answer}");
}

#[tokio::test]
async fn an_announced_body_is_never_invited() {
    let world = World::new();
    let bytes = "PUT /v1/check/default HTTP/1.1\r\nHost: gate\r\nExpect: 100-continue\r\n\
                 Transfer-Encoding: chunked\r\n\r\n";
    let answer = exchange(&world, bytes.to_owned()).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn forward_auth_047_an_upgrade_is_decided_like_anything_else() {
    let mut world = World::new();
    let key = world.listed_key();
    let upgrade = [
        ("connection", "Upgrade".to_owned()),
        ("upgrade", "websocket".to_owned()),
        ("sec-websocket-version", "13".to_owned()),
    ];
    for (address, status) in [(LISTED, 200), ("203.0.113.6", 403)] {
        let mut headers = vec![from(address), key.basic()];
        headers.extend(upgrade.clone());
        let answer = world.ask("default", &headers).await;
        assert_eq!(answer.status, status);
        assert!(answer.header("upgrade").is_none());
    }
}

#[tokio::test]
async fn forward_auth_046_a_malformed_cookie_opens_nothing() {
    let world = World::new();
    for cookie in ["session=%%%", "session=", "=;=;=", "session=eyJhbGciOiJub25lIn0.e30."] {
        let answer = world.ask("default", &[from(LISTED), ("cookie", cookie.to_owned())]).await;
        assert_eq!(answer.status, 401, "{cookie:?}");
        assert!(answer.header("x-client-id").is_none());
    }
}

#[tokio::test]
async fn forward_auth_033_no_answer_has_another_status() {
    let mut world = World::new();
    let key = world.listed_key();
    let mut seen = std::collections::BTreeSet::new();
    for path in ["/v1/check/default", "/v1/check/uniform-bare", "/v1/check/nobody", "/x"] {
        for headers in [
            vec![],
            vec![from(LISTED), key.basic()],
            vec![from("203.0.113.6"), key.basic()],
            vec![key.basic(), key.x_api_key()],
            vec![("range", "bytes=0-1".to_owned()), from(LISTED), key.basic()],
            vec![("if-none-match", "*".to_owned()), from(LISTED), key.basic()],
            vec![("expect", "100-continue".to_owned()), from(LISTED), key.basic()],
        ] {
            seen.insert(world.send(request(Method::GET, path, &headers)).await.status.as_u16());
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 401, 403]);
}

#[tokio::test]
async fn forward_auth_032_no_answer_is_a_redirect() {
    let mut world = World::new();
    let key = world.listed_key();
    // What web frameworks like to mend with a redirect.
    for path in ["/v1/check/default/", "/v1//check/default", "/v1/check", "/V1/Check/Default", "/"]
    {
        for method in [Method::GET, Method::POST, Method::HEAD] {
            for headers in [vec![from(LISTED)], vec![from(LISTED), key.basic()]] {
                let answer = world.send(request(method.clone(), path, &headers)).await;
                assert!(!answer.status.is_redirection(), "{method} {path}: {}", answer.status);
                assert!(answer.header("location").is_none() && answer.header("refresh").is_none());
            }
        }
    }
}
