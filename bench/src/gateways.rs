//! Whole requests through real programs: asking Keyward, asking a trivial service, asking nobody.

mod contender;
mod data;
mod load;
mod own;
pub(crate) mod program;
mod recipe;

use anyhow::Context as _;
use keyward_core::gateway::{Gateway, GatewayKind, Protocol};
use keyward_core::id::GatewayId;
use keyward_core::time::Clock as _;
use keyward_server::clock::SystemClock;
use keyward_server::listen::{CheckHandler, GrpcHandler};

use crate::arguments::Arguments;
use crate::load::{CONNECTIONS, SERVER_CORE};
use crate::measure::ROUNDS;
use crate::report::{Goal, Table, at_least, plain, us};
use crate::{machine, population, serving};
use contender::{Contender, Service};
use data::{CLIENTS, Question, visitors};
use own::Own;
use recipe::{Kind, Recipe};

/// What the recipes call themselves.
const GATEWAY: &str = "edge";
const ANY_KEY: &str = "each key its list";
const ONE_KEY: &str = "one key with 10,000 networks";

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let application = Service::start(&["serve-trivial"])?;
    let bench = Bench { application: application.port, arguments };
    for kind in Kind::ALL {
        let (command, _) = kind.command();
        let compared = match (program::find(command), kind) {
            (None, _) => {
                println!(
                    "## Whole requests through {}\nskipped: `{command}` is not installed; \
                     `scripts/setup.sh gateways` installs it\n",
                    kind.title()
                );
                continue;
            }
            (Some(_), Kind::Nginx) => bench.nginx(),
            (Some(_), Kind::Haproxy) => bench.haproxy(),
            (Some(_), Kind::Envoy) => bench.envoy(),
            (Some(_), Kind::Caddy) => bench.caddy(),
        };
        let measured = compared.and_then(Compared::measured);
        measured.with_context(|| format!("through {command}"))?.table(kind).print();
    }
    Ok(())
}

/// The gate as `keyward serve` runs it, for a gateway of this kind as its guide registers it.
pub(crate) fn serve_keyward(kind: &str) -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    let kind = GatewayKind::parse(kind).context("no such kind of gateway")?;
    let mut gateway = Gateway::new(GatewayId::parse(GATEWAY)?, kind, SystemClock.now());
    gateway.auth.peers = vec!["127.0.0.1/32".parse()?];
    gateway.required_audience = Some(population::AUDIENCE.to_owned());
    let gate = serving::gate(data::policy(), gateway)?;
    match kind.protocol() {
        Protocol::Grpc => serving::serve_handler(GrpcHandler(gate)),
        Protocol::Http => serving::serve_handler(CheckHandler(gate)),
    }
}

/// Sets up what is compared through each program.
struct Bench<'a> {
    application: u16,
    arguments: &'a Arguments,
}

impl Bench<'_> {
    /// A recipe before Keyward; so many requests over each connection.
    fn keyward(
        &self,
        name: &'static str,
        recipe: Recipe,
        question: Question,
        each: usize,
    ) -> anyhow::Result<Contender> {
        let service = Service::start(&["serve-gateway", recipe.registered()])?;
        let visitors = visitors(question, each, true);
        Contender::asking(name, recipe, service, self.application, visitors)
    }

    fn own(
        &self,
        name: &'static str,
        own: Own,
        question: Question,
        each: usize,
    ) -> anyhow::Result<Contender> {
        let visitors = visitors(question, each, own.has_401());
        Contender::alone(name, own, self.application, visitors)
    }

    fn nginx(&self) -> anyhow::Result<Compared> {
        let each = self.arguments.either(600, 150);
        let told = Service::start(&["serve-as-told"])?;
        let visitors = visitors(Question::AnyKey, each, true);
        Ok(Compared {
            contenders: vec![
                self.keyward("Keyward", Recipe::Nginx, Question::AnyKey, each)?,
                Contender::asking(
                    "a trivial service",
                    Recipe::Nginx,
                    told,
                    self.application,
                    visitors,
                )?,
                self.own("geo and maps", Own::GeoAndMaps, Question::AnyKey, each)?,
            ],
            pairs: vec![
                Pair { goal: at_least("times trivial", 0.9), ..Pair::new(ANY_KEY, 0, 1) },
                Pair::new(ANY_KEY, 0, 2),
            ],
            notes: vec![
                "a trivial service: the same recipe, and hyper answers the status that the \
                 request says in a header, and no identity",
                "geo and maps: a map from key to client, a geo from address to network, a map of \
                 the listed pairs of both; secrets in clear, a reload for each change",
            ],
        })
    }

    fn haproxy(&self) -> anyhow::Result<Compared> {
        let each = self.arguments.either(250, 80);
        Ok(Compared {
            contenders: vec![
                self.keyward("Keyward", Recipe::Haproxy, Question::AnyKey, each)?,
                self.own("maps and ACL", Own::MapsAndAcl, Question::AnyKey, each)?,
            ],
            pairs: vec![Pair::new(ANY_KEY, 0, 1)],
            notes: vec![
                "maps and ACL: a map from key to client, a map from address to network, an ACL \
                 file of the listed pairs of both",
            ],
        })
    }

    fn envoy(&self) -> anyhow::Result<Compared> {
        let each = self.arguments.either(150, 40);
        // Each of these requests takes as long as dozens of the others.
        let few = self.arguments.either(25, 10);
        let (any, one) = (Question::AnyKey, Question::OneKey);
        Ok(Compared {
            contenders: vec![
                self.keyward("Keyward", Recipe::EnvoyGrpc, any, each)?,
                self.keyward("Keyward", Recipe::EnvoyHttp, any, each)?,
                self.own("RBAC, 10,000 policies", Own::PolicyPerKey, any, few)?,
                self.own("RBAC, matcher tree", Own::MatcherTree, any, each)?,
                self.keyward("Keyward", Recipe::EnvoyGrpc, one, each)?,
                self.own("RBAC, one policy", Own::OnePolicy, one, each)?,
            ],
            pairs: vec![
                Pair::new("gRPC, each key its list", 0, 2),
                Pair::new("gRPC, each key its list", 0, 3),
                Pair::new("HTTP, each key its list", 1, 3),
                Pair::new("gRPC, one key with 10,000 networks", 4, 5),
            ],
            notes: vec![
                "RBAC knows no 401, so its refusals are all 403; it gives no identity to the \
                 application",
                "10,000 policies: of each key, tried in turn; matcher tree: a map from key to a \
                 trie of its networks; one policy: the one key and a list of 10,000 `remote_ip`",
            ],
        })
    }

    fn caddy(&self) -> anyhow::Result<Compared> {
        let each = self.arguments.either(150, 40);
        Ok(Compared {
            contenders: vec![
                self.keyward("Keyward", Recipe::Caddy, Question::OneKey, each)?,
                self.own("remote_ip", Own::RemoteIp, Question::OneKey, each)?,
                self.keyward("Keyward", Recipe::Caddy, Question::AnyKey, each)?,
            ],
            pairs: vec![Pair::new(ONE_KEY, 0, 1), Pair::alone(ANY_KEY, 2)],
            notes: vec![
                "remote_ip: a matcher of the one key and 10,000 networks; Caddy has no way of its \
                 own for 10,000 keys with lists that is not as many matchers in turn",
            ],
        })
    }
}

/// What is compared with each other: ours, and a peer, by their places among the contenders.
struct Pair {
    title: &'static str,
    ours: usize,
    peer: Option<usize>,
    /// For the requests per second.
    goal: Option<Goal>,
}

impl Pair {
    const fn new(title: &'static str, ours: usize, peer: usize) -> Self {
        Self { title, ours, peer: Some(peer), goal: None }
    }

    const fn alone(title: &'static str, ours: usize) -> Self {
        Self { title, ours, peer: None, goal: None }
    }
}

/// All that goes through one program.
struct Compared {
    contenders: Vec<Contender>,
    pairs: Vec<Pair>,
    notes: Vec<&'static str>,
}

impl Compared {
    fn measured(mut self) -> anyhow::Result<Self> {
        for round in 0..=ROUNDS {
            for contender in &mut self.contenders {
                contender.round()?;
                if round == 0 {
                    contender.forget();
                }
            }
        }
        Ok(self)
    }

    fn table(&self, kind: Kind) -> Table {
        let (command, ask) = kind.command();
        let version = program::find(command).and_then(|program| program::version(&program, ask));
        let program = kind.title();
        let mut table = Table::new(format!(
            "Whole requests through {program} {}, {CLIENTS} clients, {CLIENTS} networks",
            version.unwrap_or_default()
        ));
        for pair in &self.pairs {
            self.rows(&mut table, pair, program);
        }
        for note in &self.notes {
            table.note(*note);
        }
        table.note(format!(
            "gateway with one worker, service and application on one core, {CONNECTIONS} kept \
             connections from as many addresses on the other; CPU of all of a program's \
             processes, from schedstat; the application's is not in it, but in the requests per \
             second"
        ));
        let answers: Vec<String> = self.contenders.iter().map(Contender::answers).collect();
        table.note(format!("answers in each round, all as expected: {}", answers.join("; ")));
        table
    }

    fn rows(&self, table: &mut Table, pair: &Pair, program: &str) {
        let ours = &self.contenders[pair.ours];
        let names = [
            format!("{}: requests per second, best round", pair.title),
            format!("  CPU of {program} and {} per request", ours.name),
            format!("    of it {program}"),
            format!("    of it {}", ours.name),
        ];
        let values = |contender: &Contender| {
            [
                contender.of_both.per_s(),
                contender.of_both.cpu_us(),
                contender.of_gateway.cpu_us(),
                contender.of_service.cpu_us(),
            ]
        };
        let peer = pair.peer.map(|peer| &self.contenders[peer]);
        for (place, (name, value)) in names.into_iter().zip(values(ours)).enumerate() {
            let format = if place == 0 { plain } else { us };
            let goal = pair.goal.filter(|_| place == 0);
            match peer.map(|peer| (peer.name, values(peer)[place])) {
                Some((peer, theirs)) if theirs > 0.0 => {
                    table.compare(name, value, (peer, theirs), goal, format);
                }
                // Who asks nobody has no service.
                Some(_) | None => table.alone(name, value, None, format),
            }
        }
    }
}
