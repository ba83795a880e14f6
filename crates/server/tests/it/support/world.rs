//! A server of its own, and the people around it.

use std::fs;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use keyward_actions::WorkerProgram;
use keyward_allowlist::{Connection, EntryRules, Peer, parse_entry};
use keyward_core::actor::Actor;
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use keyward_core::api::{Account, Api, Scope};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::id::{AccountId, ApiId, ClientId};
use keyward_core::organization::GrantOrganizations;
use keyward_core::secret::{ClientSecret, PlainSecret};
use keyward_core::time::{Clock as _, Timestamp};
use keyward_gate::{Checks, Events};
use keyward_server::actions::ActionsOptions;
use keyward_server::services::{ADMIN_FILE, AdminFile, Services, ServicesOptions};
use keyward_store::{GrantFilter, Page, Tx};
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::described::Answered;
use super::{Answer, Call, TestClock};

/// The API that every world begins with; also the one of token requests that name none.
pub(crate) const API: &str = "https://api.example";
/// Its scopes.
const API_SCOPES: [&str; 2] = ["read:things", "write:things"];
/// The issuer of every world.
const ISSUER: &str = "https://auth.example/";

/// A server with its data folder.
pub(crate) struct World {
    pub(crate) services: Arc<Services>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) router: Router,
    /// The administrator's credentials.
    pub(crate) admin: AdminFile,
    /// All answers so far, in order.
    pub(crate) answered: Mutex<Vec<Answered>>,
    folder: TempDir,
}

/// A client with its one secret.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    pub(crate) id: ClientId,
    pub(crate) id_text: String,
    pub(crate) secret: String,
    /// `kw_live_…`
    pub(crate) api_key: String,
}

/// One worker, of this crate's own.
fn actions() -> ActionsOptions {
    let program = env!("CARGO_BIN_EXE_keyward-test-worker").into();
    ActionsOptions {
        program: Some(WorkerProgram { program, arguments: Vec::new() }),
        workers: 1,
        ..ActionsOptions::default()
    }
}

impl World {
    /// A server with the defaults.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A server with other options.
    pub(crate) async fn with(edit: impl FnOnce(&mut ServicesOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::new());
        let mut options = ServicesOptions::new(folder.path().join("data"), ISSUER);
        options.clock = Arc::clone(&clock) as _;
        options.default_audience = Some(API.to_owned());
        options.actions = actions();
        edit(&mut options);
        let services = Services::open(options).await.unwrap();
        let admin = fs::read(folder.path().join("data").join(ADMIN_FILE)).unwrap();
        let admin = serde_json::from_slice(&admin).unwrap();
        let router = keyward_server::public_router(&services);
        let answered = Mutex::default();
        let world = Self { services, clock, router, admin, answered, folder };
        world.create_api(API, |_| {}).await;
        world
    }

    /// The same server after its process has ended, without a word to anybody.
    pub(crate) async fn restarted(self) -> Self {
        let Self { services, clock, router, admin, answered, folder } = self;
        drop(router);
        services.store.clone().close().await;
        drop(services);
        let mut options = ServicesOptions::new(folder.path().join("data"), ISSUER);
        options.clock = Arc::clone(&clock) as _;
        options.default_audience = Some(API.to_owned());
        options.actions = actions();
        let services = Services::open(options).await.unwrap();
        let router = keyward_server::public_router(&services);
        Self { services, clock, router, admin, answered, folder }
    }

    /// Asks at the gate, from loopback.
    pub(crate) async fn check(&self, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap) {
        let gate = Arc::new(self.services.gate(Events::unheard()));
        let peer = Peer::Ip([127, 0, 0, 1].into());
        let checks = Checks::new(gate, Connection { peer, proxied: None }, Arc::default());
        let mut request = Request::builder().uri(format!("/v1/check/{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = checks.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        (response.status().as_u16(), response.headers().clone())
    }

    /// A request on the public listener.
    pub(crate) fn call(&self, method: &str, path: &str) -> Call<'_> {
        Call::new(self, method, path)
    }

    /// Lets time pass, during which the server keeps its policy fresh.
    pub(crate) async fn pass_ms(&self, ms: u32) {
        self.clock.advance_ms(ms);
        self.services.refresh().await.unwrap();
    }

    /// Lets time pass.
    pub(crate) async fn pass_s(&self, seconds: u32) {
        self.pass_ms(seconds * 1000).await;
    }

    /// Writes the log events that wait, as the job does each second.
    pub(crate) async fn write_logs(&self) {
        self.services.logs.write(&self.services.store, self.clock.now()).await.unwrap();
    }

    /// A management token of the administrator, with all scopes.
    pub(crate) async fn operator(&self) -> String {
        let answer = self
            .call("POST", "/oauth/token")
            .form(&[
                ("grant_type", "client_credentials"),
                ("client_id", &self.admin.client_id),
                ("client_secret", &self.admin.client_secret),
                ("audience", &self.admin.audience),
            ])
            .await;
        answer.text("access_token")
    }

    /// An API with two scopes.
    pub(crate) async fn create_api(&self, identifier: &str, edit: impl FnOnce(&mut Api)) -> Api {
        let id = self.services.new_api_id().unwrap();
        let mut api = Api::new(id, identifier, identifier, self.clock.now());
        let scope = |value: &str| Scope { value: value.to_owned(), description: None };
        api.scopes = API_SCOPES.into_iter().map(scope).collect();
        edit(&mut api);
        let mut tx = self.begin().await;
        tx.insert_api(&api).await.unwrap();
        self.services.commit(tx).await.unwrap();
        api
    }

    /// Changes the API that every world begins with.
    pub(crate) async fn edit_api(&self, edit: impl FnOnce(&mut Api)) {
        let mut api = self.api(API).await;
        edit(&mut api);
        let mut tx = self.begin().await;
        tx.update_api(&api).await.unwrap();
        self.services.commit(tx).await.unwrap();
    }

    pub(crate) async fn api(&self, identifier: &str) -> Api {
        self.services.store.api_by_identifier(identifier).await.unwrap().unwrap()
    }

    /// An account.
    pub(crate) async fn create_account(&self, name: &str) -> AccountId {
        let account = Account::new(self.services.new_account_id().unwrap(), name, self.clock.now());
        let mut tx = self.begin().await;
        tx.insert_account(&account).await.unwrap();
        self.services.commit(tx).await.unwrap();
        account.id
    }

    pub(crate) async fn edit_account(&self, id: &AccountId, edit: impl FnOnce(&mut Account)) {
        let mut tx = self.begin().await;
        let mut account = tx.account(id).await.unwrap().unwrap();
        edit(&mut account);
        tx.update_account(&account).await.unwrap();
        self.services.commit(tx).await.unwrap();
    }

    /// A client with one secret and a grant for [`API`]. The id is `letter`, twenty times.
    pub(crate) async fn customer(&self, letter: char) -> Customer {
        self.customer_with(letter, |_| {}).await
    }

    /// Such a client with something else about it.
    pub(crate) async fn customer_with(
        &self,
        letter: char,
        edit: impl FnOnce(&mut Client),
    ) -> Customer {
        let id = ClientId::parse(&letter.to_string().repeat(20)).unwrap();
        let mut client = Client::new(id.clone(), &format!("customer {letter}"), self.clock.now());
        let plain = PlainSecret::from_random(&letter.to_string().repeat(32));
        client.secrets.push(self.secret(&id, &plain));
        edit(&mut client);
        let environment = client.environment.clone();
        let mut tx = self.begin().await;
        tx.insert_client(&client).await.unwrap();
        self.services.commit(tx).await.unwrap();
        let api = self.api(API).await;
        self.grant(&id, &api.id, &API_SCOPES).await;
        Customer {
            id_text: id.to_string(),
            secret: plain.reveal().to_owned(),
            api_key: plain.api_key(&environment, &id),
            id,
        }
    }

    /// What is stored of a secret.
    pub(crate) fn secret(&self, client: &ClientId, plain: &PlainSecret) -> ClientSecret {
        ClientSecret {
            id: self.services.new_secret_id().unwrap(),
            hash: self.services.hash_secret(client, plain),
            created_at: self.clock.now(),
            expires_at: None,
        }
    }

    pub(crate) async fn grant(&self, client: &ClientId, api: &ApiId, scopes: &[&str]) {
        let now = self.clock.now();
        let grant = ClientGrant {
            id: self.services.new_grant_id().unwrap(),
            client: client.clone(),
            api: api.clone(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            organizations: GrantOrganizations::default(),
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let mut tx = self.begin().await;
        tx.insert_grant(&grant).await.unwrap();
        self.services.commit(tx).await.unwrap();
    }

    /// Changes the client's grant for [`API`].
    pub(crate) async fn edit_grant(&self, id: &ClientId, edit: impl FnOnce(&mut ClientGrant)) {
        let filter = GrantFilter { client: Some(id.clone()), ..GrantFilter::default() };
        let page = Page::After { cursor: None, limit: 1 };
        let mut grant = self.services.store.grants(&filter, &page).await.unwrap().items.remove(0);
        edit(&mut grant);
        let mut tx = self.begin().await;
        tx.update_grant(&grant).await.unwrap();
        self.services.commit(tx).await.unwrap();
    }

    pub(crate) async fn edit_client(&self, id: &ClientId, edit: impl FnOnce(&mut Client)) {
        let mut tx = self.begin().await;
        let mut client = tx.client(id).await.unwrap().unwrap();
        edit(&mut client);
        tx.update_client(&client).await.unwrap();
        self.services.commit(tx).await.unwrap();
    }

    /// An enforcing list.
    pub(crate) fn enforce(&self, networks: &[&str]) -> Allowlist {
        let entry = |text: &&str| Entry {
            network: parse_entry(text, &EntryRules::default()).unwrap(),
            label: None,
            expires_at: None,
            created_at: self.clock.now(),
            created_by: "test".to_owned(),
        };
        Allowlist { mode: Mode::Enforce, entries: networks.iter().map(entry).collect() }
    }

    /// Asks for a token for [`API`], in the body, from 127.0.0.1.
    pub(crate) async fn ask_token(&self, customer: &Customer) -> Answer {
        self.ask_token_from("127.0.0.1", customer, &customer.secret).await
    }

    /// Asks for a token from somewhere, with this secret.
    pub(crate) async fn ask_token_from(
        &self,
        address: &str,
        customer: &Customer,
        secret: &str,
    ) -> Answer {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &customer.id_text),
            ("client_secret", secret),
        ];
        self.call("POST", "/oauth/token").from(address).form(&fields).await
    }

    /// A token for [`API`].
    pub(crate) async fn token(&self, customer: &Customer) -> String {
        self.ask_token(customer).await.text("access_token")
    }

    /// A write in nobody's name but the test's.
    pub(crate) async fn begin(&self) -> Tx {
        let now: Timestamp = self.clock.now();
        self.services.store.begin(&Actor::system("test"), "test", now).await.unwrap()
    }
}
