//! Keyward, a gateway by its recipe, and the application, with what a caller does.

use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::application::Application;
use crate::node::{Credential, INSIDE, Key, Node};
use crate::processes::{accepts_at, free_port, http_client};
use crate::tour::run_script;

use super::program::{Program, Running};
use super::recipe::{Listen, Recipe, Setup, registration};

/// One whole installation in a folder of its own.
pub(crate) struct Front {
    /// Keyward.
    pub(crate) node: Node,
    /// The application behind the gateway.
    pub(crate) application: Application,
    /// The gateway.
    pub(crate) gateway: Running,
    /// A key for the networks asked for.
    pub(crate) key: Key,
    /// `127.0.0.1:…` of the guarded API, through the gateway.
    pub(crate) place: String,
    program: Program,
    setup: Setup,
    port: u16,
}

impl Front {
    /// Starts everything by the guide, with a key for [`INSIDE`].
    pub(crate) async fn start(program: Program, setup: Setup) -> Front {
        Front::with_key_for(program, setup, &[&format!("{INSIDE}/32")]).await
    }

    /// Starts everything by the guide, with a key for these networks.
    pub(crate) async fn with_key_for(program: Program, setup: Setup, networks: &[&str]) -> Front {
        Front::spoiled(program, setup, networks, &[]).await
    }

    /// Starts everything by the guide, with mistakes: texts of the recipe and what stands there
    /// instead.
    pub(crate) async fn spoiled(
        program: Program,
        setup: Setup,
        networks: &[&str],
        mistakes: &[(&str, &str)],
    ) -> Front {
        let node = Node::start().await;
        let application = Application::start().await;
        let key = node.key_for(networks).await;
        let script = node.ports.put_into(&registration(program, setup.balancer));
        let script = program.at_home(&script, node.folder());
        let output =
            run_script(&format!("set -e\n{script}"), node.folder(), &node.environment()).await;
        assert!(output.contains("gateway  "), "{script}\n{output}");

        let port = free_port();
        let mut recipe = Recipe::of(program, setup, &node.ports, application.address, port);
        recipe.spoil(mistakes);
        let gateway = program.start(&recipe, node.folder(), free_port());
        let host = if setup.listen == Listen::V6 { "[::1]" } else { "127.0.0.1" };
        let place = format!("{host}:{port}");
        let mut front = Front { node, application, gateway, key, place, program, setup, port };
        let place = front.place.clone();
        front.gateway.process.wait_until("the gateway listens", || accepts_at(&place)).await;
        if program == Program::Traefik {
            // It listens before it has read its routes, and knows no path until then.
            let caller = if setup.listen == Listen::V6 { "::1" } else { INSIDE };
            let url = front.url();
            let routed =
                || async { http_client(caller).get(&url).send().await.unwrap().status() != 404 };
            front.gateway.process.wait_until("the gateway has its routes", routed).await;
        }
        front
    }

    /// The recipe with another application behind it.
    pub(crate) fn recipe_for(&self, application: &Application) -> Recipe {
        Recipe::of(self.program, self.setup, &self.node.ports, application.address, self.port)
    }

    /// `http://…` of the guarded API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/orders?page=1", self.place)
    }

    /// A request from an address, with the key.
    pub(crate) fn request(&self, from: &str) -> RequestBuilder {
        Credential::Basic(self.key.clone()).show(http_client(from).get(self.url()))
    }

    /// The status of a request, and that nothing got through unless it is 200, and then exactly
    /// one request did.
    pub(crate) async fn status_of(&self, request: RequestBuilder) -> u16 {
        self.application.take_seen();
        let status = request.send().await.unwrap().status().as_u16();
        let through = self.application.seen();
        assert_eq!(through, usize::from(status == 200), "{status}, and {through} got through");
        status
    }

    /// The address that Keyward told the application of the last request that got through.
    pub(crate) fn address_told(&self) -> String {
        let seen = self.application.take_seen();
        let told = seen.last().map(|seen| seen.header("x-client-ip").join(","));
        told.unwrap_or_else(|| "nothing got through".to_owned())
    }

    /// The credential's header line.
    pub(crate) fn key_line(&self) -> String {
        format!("Authorization: Bearer {}\r\n", self.key.one_string())
    }

    /// A connection from an address.
    pub(crate) async fn connect(&self, from: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        socket.connect(self.place.parse().unwrap()).await.unwrap()
    }

    /// Sends bytes as they are, and gives the first line of the answer: nothing when there is
    /// none.
    pub(crate) async fn send_raw(&self, from: &str, bytes: &[u8]) -> String {
        let mut stream = self.connect(from).await;
        // A gateway that hangs up early is as good as one that answers.
        stream.write_all(bytes).await.ok();
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        let read = reader.read_line(&mut line);
        tokio::time::timeout(Duration::from_secs(5), read).await.ok();
        line.trim_end().to_owned()
    }
}
