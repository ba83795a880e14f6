//! The recipes of `examples/gateways`, and what their guides say to change in them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::documents::{Block, blocks, document};
use crate::node::Ports;

use super::program::Program;

/// How a recipe asks, where a guide has two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Only,
    Grpc,
    Http,
}

/// What stands in front of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Balancer {
    /// Nothing: callers reach it.
    None,
    /// A balancer that speaks HTTP and writes `X-Forwarded-For`.
    Http,
    /// A balancer that speaks the PROXY protocol.
    Proxy,
}

/// Where the gateway listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listen {
    /// On 127.0.0.1.
    V4,
    /// On `::1`.
    V6,
    /// On an IPv6 socket that takes IPv4 connections too, whose peers are `::ffff:a.b.c.d`.
    Mapped,
}

/// How a recipe is to be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) balancer: Balancer,
    pub(crate) listen: Listen,
    /// HTTP/2 without TLS, where that has to be asked for.
    pub(crate) http2: bool,
}

impl Setup {
    /// Exactly the recipe.
    pub(crate) const PLAIN: Setup =
        Setup { balancer: Balancer::None, listen: Listen::V4, http2: false };

    /// With a balancer in front.
    pub(crate) const fn behind(balancer: Balancer) -> Setup {
        Setup { balancer, ..Setup::PLAIN }
    }

    /// Listening elsewhere.
    pub(crate) const fn listening(listen: Listen) -> Setup {
        Setup { listen, ..Setup::PLAIN }
    }
}

/// The address that the balancer of the tests has. It writes what it is told to.
pub(crate) const BALANCER: &str = "127.0.0.9";

/// The files of a recipe, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    files: BTreeMap<&'static str, String>,
}

impl Recipe {
    /// A program's recipe, changed as its guide says for this set-up, with the test's ports.
    pub(crate) fn of(
        program: Program,
        setup: Setup,
        ports: &Ports,
        application: SocketAddr,
        front: u16,
    ) -> Recipe {
        let read = |name: &&'static str| {
            (*name, document(&format!("examples/gateways/{}/{name}", program.name())))
        };
        let mut recipe = Recipe { files: program.files().iter().map(read).collect() };
        for (anchor, text) in replacements(program, setup.balancer) {
            let applied: usize =
                recipe.files.values_mut().map(|file| put_in_place(file, &anchor, &text)).sum();
            assert!(
                applied == 1 || (applied == 0 && program.way() != Way::Only),
                "the recipe of {program:?} has `{anchor}` {applied} times"
            );
        }
        for file in recipe.files.values_mut() {
            *file = at_home(file, program, setup, ports, application, front);
        }
        recipe
    }

    /// Puts mistakes into it: in place of a text that it has, another.
    pub(crate) fn spoil(&mut self, mistakes: &[(&str, &str)]) {
        for (right, wrong) in mistakes {
            let mut files = self.files.values_mut();
            let file = files.find(|file| file.contains(right));
            let file = file.unwrap_or_else(|| panic!("no file of the recipe has `{right}`"));
            *file = file.replace(right, wrong);
        }
    }

    /// One of its files.
    pub(crate) fn file(&self, name: &str) -> &str {
        &self.files[name]
    }
}

/// The guide of a program.
pub(crate) fn guide(program: Program) -> Vec<Block> {
    blocks(&document(&format!("docs/guides/{}.md", program.name())))
}

/// The commands of the guide that register the gateway for this set-up.
pub(crate) fn registration(program: Program, balancer: Balancer) -> String {
    let first =
        if program.way() == Way::Http { "tour over HTTP: register" } else { "tour: register" };
    let mut script = String::new();
    for block in guide(program) {
        let further = match (balancer, program.way()) {
            (Balancer::None, _) => false,
            (_, Way::Grpc) => {
                block.note == format!("{}: register over gRPC", balancer.words())
                    || block.note == format!("{}: register", balancer.words())
            }
            _ => block.note == format!("{}: register", balancer.words()),
        };
        if block.note == first || further {
            script += &block.text;
        }
    }
    assert!(script.contains("keyward gateway create"), "{program:?}: {script}");
    in_tests(&script)
}

impl Balancer {
    fn words(self) -> &'static str {
        match self {
            Balancer::None => "",
            Balancer::Http => "over HTTP",
            Balancer::Proxy => "PROXY protocol",
        }
    }
}

/// The guide's blocks that stand `in place of: …` a line, for one kind of balancer.
fn replacements(program: Program, balancer: Balancer) -> Vec<(String, String)> {
    if balancer == Balancer::None {
        return Vec::new();
    }
    let start = format!("{}, in place of: ", balancer.words());
    let found: Vec<(String, String)> = guide(program)
        .into_iter()
        .filter_map(|block| Some((block.note.strip_prefix(&start)?.to_owned(), block.text)))
        .collect();
    assert!(!found.is_empty(), "the guide of {program:?} says nothing for {balancer:?}");
    found
}

/// Puts a text in place of the one line that is the anchor, as far in as that was.
fn put_in_place(file: &mut String, anchor: &str, text: &str) -> usize {
    let mut count = 0;
    let mut changed = String::new();
    for line in file.lines() {
        let code = line.split("  #").next().unwrap_or(line).trim();
        if line.trim() != anchor && code != anchor {
            changed += line;
            changed.push('\n');
            continue;
        }
        count += 1;
        let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
        for line in text.lines() {
            changed += &format!("{indent}{line}\n");
        }
    }
    *file = changed;
    count
}

/// The documents' networks, as the tests have them.
fn in_tests(text: &str) -> String {
    text.replace("10.1.0.0/16", &format!("{BALANCER}/32")).replace(
        "address_prefix: 10.1.0.0, prefix_len: 16",
        &format!("address_prefix: {BALANCER}, prefix_len: 32"),
    )
}

fn at_home(
    text: &str,
    program: Program,
    setup: Setup,
    ports: &Ports,
    application: SocketAddr,
    front: u16,
) -> String {
    let (host, mapped) = match setup.listen {
        Listen::V4 => ("127.0.0.1", false),
        Listen::V6 => ("[::1]", false),
        Listen::Mapped => ("[::ffff:127.0.0.1]", true),
    };
    let place = format!("{host}:{front}");
    let app = application.to_string();
    let text = in_tests(&ports.put_into(text))
        .replace("127.0.0.1:3000", &app)
        .replace(
            "address: 127.0.0.1, port_value: 3000",
            &format!("address: 127.0.0.1, port_value: {}", application.port()),
        )
        .replace(
            "address: 127.0.0.1, port_value: 8081",
            &format!("address: 127.0.0.1, port_value: {}", ports.gate),
        )
        .replace(
            "address: 127.0.0.1, port_value: 8082",
            &format!("address: 127.0.0.1, port_value: {}", ports.grpc),
        );
    match program {
        Program::Nginx => {
            let mut listen = format!("listen {place}");
            if setup.http2 {
                listen += " http2";
            }
            if mapped {
                listen += " ipv6only=off";
            }
            text.replace("listen 8000", &listen)
        }
        Program::Haproxy => {
            text.replace("bind :8000", &format!("bind {}", haproxy_place(setup, front)))
        }
        Program::Apache => text
            .replace("Listen 8000", &format!("Listen {place}"))
            .replace("<VirtualHost *:8000>", &format!("<VirtualHost *:{front}>")),
        Program::Caddy => {
            let bare = host.trim_matches(['[', ']']);
            let text = text.replace(":8000 {", &format!(":{front} {{\n\tbind {bare}"));
            if setup.http2 { text.replace("protocols h1 h2", "protocols h1 h2c") } else { text }
        }
        Program::Traefik => text.replace(":8000\"", &format!("{place}\"")),
        Program::EnvoyGrpc | Program::EnvoyHttp => {
            let bare = host.trim_matches(['[', ']']);
            let compat = if mapped { ", ipv4_compat: true" } else { "" };
            text.replace(
                "address: 0.0.0.0, port_value: 8000",
                &format!("address: \"{bare}\", port_value: {front}{compat}"),
            )
        }
    }
}

fn haproxy_place(setup: Setup, front: u16) -> String {
    match setup.listen {
        Listen::V4 => format!("127.0.0.1:{front}"),
        Listen::V6 => format!("ipv6@::1:{front}"),
        Listen::Mapped => format!("ipv6@::ffff:127.0.0.1:{front} v4v6"),
    }
}
