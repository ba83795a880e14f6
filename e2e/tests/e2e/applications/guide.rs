//! What the guides show, and what they tell to type and to change.

use std::process::Command;

use serde_json::json;

use super::{Guarded, axum_app, express, fastapi, gateway, go_app, source};
use crate::documents::{blocks, document, noted};
use crate::node::{Credential, INSIDE, Node, OUTSIDE};
use crate::processes::{built, free_port};
use crate::tour::{check, run_script, typed_lines};

const GUIDE: &str = "docs/guides/applications.md";
/// What plays the load balancer.
const BALANCER: &str = "127.0.0.9";

#[test]
fn the_guides_show_the_examples_as_they_are() {
    let mut shown = Vec::new();
    for path in [GUIDE, "docs/guides/assertions.md"] {
        for block in blocks(&document(path)) {
            if block.note.starts_with("examples/") {
                assert_eq!(block.text, document(&block.note), "{path} and {}", block.note);
                shown.push(block.note);
            } else if let Some(file) = block.note.strip_prefix("part of ") {
                assert!(document(file).contains(&block.text), "{path} and {file}:\n{}", block.text);
                shown.push(file.to_owned());
            }
        }
    }
    assert_eq!(
        shown,
        [
            "examples/express/app.js",
            "examples/fastapi/app.py",
            "examples/go/main.go",
            "examples/axum-app/src/main.rs",
            "examples/verify-assertion/verify.mjs",
            "examples/verify-assertion/verify.py",
        ]
    );
}

#[test]
fn the_examples_readme_says_what_the_guide_says() {
    let readme = "examples/axum-app/README.md";
    let noted_as_in_the_guide =
        blocks(&document(readme)).into_iter().filter(|block| block.note.starts_with("guide: "));
    let mut commands = 0;
    for block in noted_as_in_the_guide {
        assert_eq!(block.text, noted(GUIDE, &block.note), "{readme}: {}", block.note);
        commands += 1;
    }
    assert_eq!(commands, 4, "{readme} repeats four blocks");
}

/// The README's second step, then what the guide has to be typed, in one shell.
async fn does_what_it_says(node: &Node, port: u16, before: &str, register: &str) {
    let readme = document("README.md");
    let tour = blocks(&readme).into_iter().filter(|block| block.note == "tour");
    let key = tour.map(|block| block.text).find(|text| text.contains("keyward client create"));
    let typed =
        [key.unwrap(), noted(GUIDE, register), before.to_owned(), noted(GUIDE, "guide: try")];
    let text: String = typed.iter().map(|block| typed_lines(block)).collect();
    let text = node.ports.put_into(&text).replace("keyward-data", "data");
    let text = text.replace("127.0.0.1:3000", &format!("127.0.0.1:{port}"));
    let output = run_script(&text, node.folder(), &[]).await;
    assert_eq!(check(&output), 6, "the tour shows one answer here, and the guide five:\n{output}");
}

/// A command of the guide that starts the example: what follows the program's name.
fn arguments(note: &str) -> String {
    let command = noted(GUIDE, note);
    let arguments =
        command.trim().strip_prefix("cargo run --locked -p keyward-example-axum-app -- ");
    arguments.unwrap_or_else(|| panic!("`{note}` starts the example with cargo")).to_owned()
}

#[tokio::test]
async fn the_guides_commands_do_what_they_say() {
    let node = Node::start().await;
    let port = free_port();
    let program = built("keyward-example-axum-app");
    let program = program.display();
    let start = format!(
        "{program} {} --listen 127.0.0.1:3000 > application.log 2>&1 &\ntrap \"kill $!\" EXIT\n\
         curl -s -o /dev/null --retry 60 --retry-delay 1 --retry-connrefused \
         http://127.0.0.1:3000/\n",
        arguments("guide: start"),
    );
    does_what_it_says(&node, port, &start, "guide: register").await;
}

#[tokio::test]
async fn the_guides_commands_for_embedding_do_what_they_say() {
    let port = free_port();
    let node = Node::embedded(|data, ports| {
        let mut command = Command::new(built("keyward-example-axum-app"));
        let arguments = arguments("guide: embedded").replace("keyward-data", "data");
        command.args(arguments.split(' ')).current_dir(data.parent().unwrap());
        command.args(["--public", &format!("127.0.0.1:{}", ports.public)]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        command
    })
    .await;
    does_what_it_says(&node, port, "", "guide: register the embedded").await;
}

/// An example's source with the guide's line in place of the one that tells the peer.
fn behind_a_balancer(file: &str, header: &str) -> String {
    let with = noted(GUIDE, &format!("for {header} in examples/{file}"));
    let source = source(file);
    let quoted = format!("\"{header}\"");
    let mut lines = source.lines().filter(|line| line.contains(&quoted));
    let (line, more) = (lines.next().unwrap(), lines.next());
    assert_eq!(more, None, "{file} tells the peer in one line");
    source.replace(&format!("{line}\n"), &with)
}

/// Who is behind the balancer is believed to be there, and nobody else.
async fn believes_its_balancer(
    gateway_walks: bool,
    start: impl FnOnce(&Node, u16) -> Option<Command>,
) {
    let node = Node::start().await;
    let port = free_port();
    let Some(command) = start(&node, port) else { return };
    let key = Credential::Basic(node.key_for_inside().await);
    let token = node.gateway(gateway("application")).await;
    if gateway_walks {
        let networks = format!("{BALANCER}/32");
        let command = noted(GUIDE, "guide: balancer").replace("10.1.0.0/16", &networks);
        let output = run_script(&command, node.folder(), &node.environment()).await;
        assert!(output.contains(&networks), "{output}");
    }
    let app = Guarded::start(&node, &token, command, port).await;
    let beyond = format!("{INSIDE}, {OUTSIDE}");
    for (from, chain, status) in [
        (BALANCER, Some(INSIDE), 200),
        (BALANCER, Some(OUTSIDE), 403),
        (BALANCER, Some(beyond.as_str()), 403),
        (BALANCER, None, 403),
        (INSIDE, None, 200),
        (INSIDE, Some(OUTSIDE), 200),
        (OUTSIDE, Some(INSIDE), 403),
        ("127.0.0.1", Some(INSIDE), 403),
    ] {
        let mut request = app.request(from, "/orders");
        if let Some(chain) = chain {
            request = request.header("X-Forwarded-For", chain);
        }
        let response = key.show(request).send().await.unwrap();
        assert_eq!(response.status(), status, "{chain:?} from {from}");
        if status == 200 {
            let body: serde_json::Value = response.json().await.unwrap();
            assert_eq!(body["client_ip"], json!(INSIDE));
        }
    }
    // Some balancers add a line of their own and leave the caller's.
    let lines = app.request(BALANCER, "/orders").header("X-Forwarded-For", INSIDE);
    let response = key.show(lines.header("X-Forwarded-For", OUTSIDE)).send().await.unwrap();
    assert_eq!(response.status(), 403, "two lines");
}

#[tokio::test]
async fn express_believes_its_balancer() {
    let source = behind_a_balancer("express/app.js", "X-Real-IP");
    believes_its_balancer(true, |node, _| express(node.folder(), source)).await;
}

#[tokio::test]
async fn fastapi_believes_its_balancer() {
    let source = behind_a_balancer("fastapi/app.py", "X-Real-IP");
    believes_its_balancer(true, |node, _| fastapi(node.folder(), source)).await;
}

#[tokio::test]
async fn go_believes_its_balancer() {
    let source = behind_a_balancer("go/main.go", "X-Real-Ip");
    believes_its_balancer(true, |node, _| go_app(node.folder(), source)).await;
}

#[tokio::test]
async fn axum_believes_its_balancer() {
    let start = |node: &Node, port| {
        let mut command = axum_app(node, port);
        command.args(["--trusted", &format!("{BALANCER}/32")]);
        Some(command)
    };
    believes_its_balancer(false, start).await;
}
