//! The guides themselves: their recipes are the files, and their commands do what they say.

use std::path::Path;

use super::front::Front;
use super::program::Program;
use super::recipe::{Setup, guide};
use crate::documents::{blocks, document};
use crate::node::Node;
use crate::tour::{check, run_script, typed_lines};

const PROGRAMS: [Program; 7] = [
    Program::Nginx,
    Program::Haproxy,
    Program::Apache,
    Program::Caddy,
    Program::Traefik,
    Program::EnvoyGrpc,
    Program::EnvoyHttp,
];

#[test]
fn the_recipes_in_the_guides_are_the_files() {
    for program in PROGRAMS {
        let blocks = guide(program);
        for name in program.files() {
            let path = format!("examples/gateways/{}/{name}", program.name());
            let shown = blocks.iter().find(|block| block.note == format!("recipe: {path}"));
            let shown = shown.unwrap_or_else(|| panic!("the guide does not show {path}"));
            assert_eq!(shown.text, document(&path), "{path}");
        }
    }
}

/// Also of those guides whose program is not run here.
#[tokio::test]
async fn every_command_about_a_gateway_is_accepted() {
    let node = Node::start().await;
    node.key_for_inside().await;
    for name in [
        "nginx",
        "haproxy",
        "apache",
        "caddy",
        "traefik",
        "envoy",
        "ingress-nginx",
        "gateway-api",
        "istio",
        "kong",
        "apisix",
    ] {
        let blocks = blocks(&document(&format!("docs/guides/{name}.md")));
        let commands = blocks.iter().filter(|block| block.language == "sh");
        let commands = commands.flat_map(|block| block.text.lines());
        let commands = commands.filter(|line| line.starts_with("keyward gateway "));
        let mut count = 0;
        for command in commands {
            // A guide may show two ways to register; what follows is about the first.
            let creates = command.starts_with("keyward gateway create edge");
            let script = match (creates, count) {
                (true, 0) => format!("keyward gateway delete edge >/dev/null 2>&1; {command}"),
                (true, _) => command.replace("create edge", &format!("create {name}-{count}")),
                (false, _) => command.to_owned(),
            };
            let output = run_script(&script, node.folder(), &node.environment()).await;
            assert!(output.ends_with("--- standard error\n"), "{name}: {command}\n{output}");
            assert!(output.contains("gateway  "), "{name}: {command}\n{output}");
            count += 1;
        }
        assert!(count > 0, "{name} registers no gateway");
    }
}

/// Types the commands of a guide, after those of the README's tour that it builds on.
async fn follow(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    let mut environment = front.node.environment();
    environment.push(("id", front.key.id.clone()));
    environment.push(("secret", front.key.secret.clone()));
    let typed = guide(program).into_iter().filter(|block| block.note == "tour");
    let script: String = typed.map(|block| typed_lines(&block.text)).collect();
    let script = script.replace("127.0.0.1:8000", &front.place);
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = run_script(&script, &project, &environment).await;
    assert!(output.ends_with("--- standard error\n"), "{output}");
    assert!(check(&output) >= 4, "the guide shows at least four answers:\n{output}");
}

macro_rules! guides {
    ($($name:ident: $program:ident),+) => { $(
        #[tokio::test]
        async fn $name() {
            follow(Program::$program).await;
        }
    )+ };
}

guides! {
    nginx: Nginx,
    haproxy: Haproxy,
    apache: Apache,
    caddy: Caddy,
    traefik: Traefik,
    envoy_grpc: EnvoyGrpc,
    envoy_http: EnvoyHttp
}
