//! The corpus area `http` against a real listener.

#[cfg(test)]
#[path = "../../../corpus/loader.rs"]
mod loader;
#[expect(dead_code, reason = "this binary needs a part of it")]
#[cfg(test)]
#[path = "listen/support.rs"]
mod support;

use axum::Router;
use keyward_server::listen::ListenOptions;
use tokio::runtime::Runtime;

use support::{Server, read_answer, status};

#[test]
fn http_corpus() {
    let runtime = Runtime::new().unwrap();
    let router = Router::new().fallback(|| async { "" });
    let server = runtime.block_on(Server::start(router, ListenOptions::new("corpus")));
    loader::run("http", |case| {
        let raw = loader::text(&case.input["raw"]).ok_or("the input has no raw text")?;
        let answer = runtime.block_on(async {
            let mut stream = server.send(raw.as_bytes()).await;
            read_answer(&mut stream).await
        });
        let expected = case.expect["status"].as_u64().ok_or("no status is expected")?;
        if u64::from(status(&answer)) == expected { Ok(()) } else { Err(format!("{answer:?}")) }
    });
}
