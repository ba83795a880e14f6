//! A store in a folder of its own, and things to put into it.

use std::path::PathBuf;

use keyward_allowlist::parse_entry;
use keyward_core::actor::Actor;
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use keyward_core::api::{Account, Api, Scope};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::gateway::{CertificateName, Gateway, GatewayKind};
use keyward_core::id::{AccountId, ApiId, ClientId, GatewayId, GrantId, SecretId};
use keyward_core::organization::{DefaultOrganization, GrantOrganizations, OrganizationUsage};
use keyward_core::policy::Change;
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_core::quota::TokenQuota;
use keyward_core::secret::{ClientSecret, PepperId, SecretHash};
use keyward_core::tenant::{ResourceParameter, Tenant};
use keyward_core::time::Timestamp;
use keyward_store::{Committed, Store, StoreError, Tx};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tempfile::TempDir;

pub(crate) struct Home {
    pub(crate) folder: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("keyward.db")
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.file().display())
    }

    pub(crate) async fn open(&self) -> Store {
        Store::open(&self.url()).await.unwrap()
    }

    /// A second way into the file, around the store.
    pub(crate) async fn raw(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.file()).foreign_keys(false);
        options.connect().await.unwrap()
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

pub(crate) async fn begin(store: &Store) -> Tx {
    store.begin(&Actor::system("test"), "req_test", now()).await.unwrap()
}

/// One write with one step.
pub(crate) async fn write<F>(store: &Store, step: F) -> Result<Committed, StoreError>
where
    F: AsyncFnOnce(&mut Tx) -> Result<(), StoreError>,
{
    let mut tx = begin(store).await;
    step(&mut tx).await?;
    tx.commit().await
}

pub(crate) fn client_id(number: u64) -> ClientId {
    ClientId::parse(&format!("client{number:014}")).unwrap()
}

pub(crate) fn client(number: u64) -> Client {
    Client::new(client_id(number), &format!("Client {number}"), now())
}

pub(crate) fn account_id(name: &str) -> AccountId {
    AccountId::parse(name).unwrap()
}

pub(crate) fn api(id: &str) -> Api {
    let mut api = Api::new(ApiId::parse(id).unwrap(), &format!("https://{id}/"), id, now());
    api.scopes = vec![
        Scope { value: "read:things".to_owned(), description: Some("Read".to_owned()) },
        Scope { value: "write:things".to_owned(), description: None },
    ];
    api
}

pub(crate) fn account(id: &str) -> Account {
    Account::new(account_id(id), &format!("Account {id}"), now())
}

pub(crate) fn grant(id: &str, client: &Client, api: &Api) -> ClientGrant {
    ClientGrant {
        id: GrantId::parse(id).unwrap(),
        client: client.id.clone(),
        api: api.id.clone(),
        scopes: vec!["read:things".to_owned()],
        organizations: GrantOrganizations::default(),
        kept_fields: "{}".to_owned(),
        version: 1,
        created_at: now(),
        updated_at: now(),
    }
}

/// A gateway with every optional field filled.
pub(crate) fn gateway(id: &str) -> Gateway {
    let mut gateway = Gateway::new(GatewayId::parse(id).unwrap(), GatewayKind::Caddy, now());
    gateway.client_address.trusted = vec!["10.0.0.0/8".parse().unwrap()];
    gateway.auth.peers = vec!["192.0.2.7".parse().unwrap()];
    gateway.auth.token = true;
    gateway.auth.tokens = vec![secret(5)];
    gateway.auth.certificates = vec![CertificateName::parse("dns:edge.internal").unwrap()];
    gateway.required_audience = Some("https://orders/".to_owned());
    gateway.required_scopes = vec!["read:things".to_owned()];
    gateway.disclosure = Some(keyward_core::gateway::Disclosure::Uniform);
    gateway.deny_style = Some(keyward_core::gateway::DenyStyle::Bare);
    gateway.public_paths = vec!["/health".to_owned()];
    gateway
}

pub(crate) fn quota() -> TokenQuota {
    TokenQuota { per_hour: Some(5), per_day: None, enforce: true }
}

/// The tenant with every optional field filled.
pub(crate) fn tenant() -> Tenant {
    let mut tenant = Tenant::new(now());
    tenant.default_audience = Some("https://orders/".to_owned());
    tenant.resource_parameter = ResourceParameter::Audience;
    tenant.client_quota = Some(quota());
    tenant.account_quota = Some(quota());
    tenant.kept_fields = r#"{"friendly_name":"Acme"}"#.to_owned();
    tenant
}

pub(crate) fn secret(number: u8) -> ClientSecret {
    ClientSecret {
        id: SecretId(u64::from(number)),
        hash: SecretHash { pepper: PepperId(1), mac: [number; 32] },
        created_at: now(),
        expires_at: (number.is_multiple_of(2)).then(|| now().plus_seconds(60)),
    }
}

pub(crate) fn list(entries: &[&str]) -> Allowlist {
    let entry = |text: &&str| Entry {
        network: parse_entry(text, &Allowlist::entry_rules()).unwrap(),
        label: Some("office".to_owned()),
        expires_at: Some(now().plus_seconds(3600)),
        created_at: now(),
        created_by: "someone".to_owned(),
    };
    Allowlist { mode: Mode::Enforce, entries: entries.iter().map(entry).collect() }
}

/// A store with one thing of each kind, every optional field filled.
pub(crate) async fn filled(store: &Store) -> (Client, Account, Api, ClientGrant) {
    let mut account = account("acc_1");
    account.allowlist = list(&["203.0.113.0/24"]);
    account.metadata.insert("plan".to_owned(), "gold".to_owned());
    let mut api = api("api1");
    api.allowlist = list(&["2001:db8::/32"]);
    api.proof_of_possession = Some(ProofOfPossession {
        mechanism: Mechanism::Dpop,
        required: true,
        required_for: Some(RequiredFor::AllClients),
    });
    api.kept_fields = r#"{"consent":"none"}"#.to_owned();
    let mut client = client(1);
    client.account = Some(account.id.clone());
    client.description = Some("what it is for".to_owned());
    client.secrets = vec![secret(1), secret(2)];
    client.allowlist = list(&["127.0.0.2/32"]);
    client.app_type = Some("non_interactive".to_owned());
    client.token_endpoint_auth_method = Some("client_secret_post".to_owned());
    client.require_proof_of_possession = Some(true);
    client.metadata.insert("tier".to_owned(), "1".to_owned());
    client.tokens_not_before = Some(now());
    client.token_quota = Some(quota());
    account.token_quota = Some(quota());
    let flows = vec!["client_credentials".to_owned()];
    client.default_organization = Some(DefaultOrganization { account: account.id.clone(), flows });
    let mut grant = grant("cgr_1", &client, &api);
    let usage = Some(OrganizationUsage::Require);
    grant.organizations = GrantOrganizations { usage, any: true };
    let mut tx = begin(store).await;
    tx.insert_account(&account).await.unwrap();
    tx.insert_api(&api).await.unwrap();
    tx.insert_client(&client).await.unwrap();
    tx.insert_grant(&grant).await.unwrap();
    tx.commit().await.unwrap();
    (client, account, api, grant)
}

/// Changes in one comparable form.
pub(crate) fn shown(changes: &[Change]) -> Vec<String> {
    changes.iter().map(|change| format!("{change:?}")).collect()
}
