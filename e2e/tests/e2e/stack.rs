//! Keyward, nginx with exactly the README's snippet, and the application together.

use reqwest::Response;

use crate::application::Application;
use crate::documents::readme_snippet;
use crate::node::{Credential, Node};
use crate::processes::{Process, accepts, free_port, http_client, start_nginx};

/// One whole installation in a folder of its own.
pub(crate) struct Stack {
    /// Keyward.
    pub(crate) node: Node,
    /// The application behind nginx.
    pub(crate) application: Application,
    /// `http://…` of the guarded API, through nginx.
    pub(crate) guarded: String,
    _nginx: Process,
}

impl Stack {
    /// Starts everything.
    pub(crate) async fn start() -> Stack {
        Stack::start_with(&readme_snippet()).await
    }

    /// The same with another configuration of nginx.
    pub(crate) async fn start_with(snippet: &str) -> Stack {
        Stack::around(Node::start().await, snippet).await
    }

    /// The same with TLS on Keyward's public listener.
    pub(crate) async fn start_with_tls() -> Stack {
        Stack::around(Node::start_with_tls().await, &readme_snippet()).await
    }

    async fn around(node: Node, snippet: &str) -> Stack {
        let application = Application::start().await;
        let front = free_port();
        let snippet = node
            .ports
            .put_into(snippet)
            .replace("127.0.0.1:3000", &application.address.to_string())
            .replace("listen 8000", &format!("listen 127.0.0.1:{front}"));
        let mut nginx = start_nginx(node.folder(), &snippet);
        nginx.wait_until("nginx accepts connections", || accepts(front)).await;
        Stack { node, application, guarded: format!("http://127.0.0.1:{front}"), _nginx: nginx }
    }

    /// A request to the guarded API from one address.
    pub(crate) async fn call(&self, from: &str, credential: &Credential) -> Response {
        let request = http_client(from).get(format!("{}/orders?page=1", self.guarded));
        credential.show(request).send().await.unwrap()
    }
}
