//! People with management tokens, and their requests.

use keyward_core::client::Client;
use serde_json::{Value, json};

use crate::support::{Answer, Customer, World};

/// Somebody with a management token.
pub(crate) struct Operator<'w> {
    pub(crate) world: &'w World,
    pub(crate) token: String,
}

impl<'w> Operator<'w> {
    /// The administrator, who has every scope.
    pub(crate) async fn new(world: &'w World) -> Self {
        Self { world, token: world.operator().await }
    }

    /// Somebody who has just these scopes; the client id is `letter`, twenty times.
    pub(crate) async fn with_scopes(world: &'w World, letter: char, scopes: &[&str]) -> Self {
        let customer = world.customer(letter).await;
        let system = world.api(&world.services.management_audience()).await;
        world.grant(&customer.id, &system.id, scopes).await;
        let token = token_for(world, &customer, &system.identifier).await;
        Self { world, token }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.world.call("GET", path).bearer(&self.token).empty().await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.world.call("DELETE", path).bearer(&self.token).empty().await
    }

    /// Comes a millisecond after whatever was before, so that lists have an order.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.world.pass_ms(1).await;
        self.send("POST", path, &body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.send("PUT", path, &body).await
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.world.call(method, path).bearer(&self.token).json(body).await
    }

    /// Sends a body that is no JSON, or says so.
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Answer {
        self.world.call(method, path).bearer(&self.token).raw(content_type, body).await
    }

    /// A write that is meant for one version.
    pub(crate) async fn when(&self, tag: &str, method: &str, path: &str, body: Value) -> Answer {
        let call = self.world.call(method, path).bearer(&self.token);
        call.header("if-match", tag).json(&body).await
    }

    /// A write that is done once.
    pub(crate) async fn once(&self, key: &str, path: &str, body: Value) -> Answer {
        let call = self.world.call("POST", path).bearer(&self.token);
        call.header("idempotency-key", key).json(&body).await
    }

    /// A machine client with this list, by the ordinary request.
    pub(crate) async fn create_client(&self, name: &str, allowed_ips: &[&str]) -> Answer {
        let body = json!({
            "name": name,
            "app_type": "non_interactive",
            "grant_types": ["client_credentials"],
            "allowed_ips": allowed_ips,
        });
        let answer = self.post("/api/v2/clients", body).await;
        assert_eq!(answer.status, 201, "{answer}");
        answer
    }

    /// What is stored of a client.
    pub(crate) async fn stored(&self, id: &str) -> Client {
        let id = id.parse_id();
        self.world.services.store.client(&id).await.unwrap().unwrap()
    }
}

trait ParseId {
    fn parse_id(&self) -> keyward_core::id::ClientId;
}

impl ParseId for str {
    fn parse_id(&self) -> keyward_core::id::ClientId {
        keyward_core::id::ClientId::parse(self).unwrap()
    }
}

/// A token of a customer for some API.
pub(crate) async fn token_for(world: &World, customer: &Customer, audience: &str) -> String {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &customer.id_text),
        ("client_secret", &customer.secret),
        ("audience", audience),
    ];
    world.call("POST", "/oauth/token").form(&fields).await.text("access_token")
}

/// Status and body with random values named instead of shown.
pub(crate) fn tidy(answer: &Answer) -> String {
    if answer.body.is_empty() {
        return answer.status.as_u16().to_string();
    }
    let mut body = answer.json();
    name_random(&mut body);
    format!("{} {body}", answer.status.as_u16())
}

fn name_random(value: &mut Value) {
    const RANDOM: [&str; 7] =
        ["client_id", "client_secret", "id", "api_key", "hash", "previous_hash", "request_id"];
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let (true, Value::String(text)) = (RANDOM.contains(&name.as_str()), &*member) {
                    *member = format!("{name}, {} characters", text.len()).into();
                } else {
                    name_random(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(name_random),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
