//! A policy with clients, the gate over it, and requests to that gate.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty};
use keyward_allowlist::{Connection, Network, Peer, Source};
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use keyward_core::api::{Account, Api};
use keyward_core::client::{Client, ClientGrant, State};
use keyward_core::gateway::{ClientAddress, DenyStyle, Disclosure, Gateway, GatewayKind};
use keyward_core::id::{AccountId, ApiId, ClientId, GatewayId, GrantId, SecretId};
use keyward_core::jwk::{Algorithm, KeySet, VerifyingKey};
use keyward_core::jws::{attach_signature, encode_header, signing_input};
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{ClientSecret, PepperId, Peppers, PlainSecret};
use keyward_core::time::{Clock, Timestamp};
use keyward_core::token::{Dialect, TokenClaims};
use keyward_gate::{Checks, DecisionEvent, Events, Gate, GatewayAlarm};
use serde_json::json;
use tokio::sync::mpsc;
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://id.example/";
pub(crate) const AUDIENCE: &str = "https://api.example/";
/// The address on the lists below.
pub(crate) const LISTED: &str = "203.0.113.5";
/// An address on no list.
pub(crate) const FOREIGN: &str = "198.51.100.7";
const NOW_S: i64 = 1_800_000_000;

/// A clock that tests set.
#[derive(Debug, Default)]
pub(crate) struct TestClock {
    pub(crate) now_ms: AtomicI64,
    pub(crate) uptime_ms: AtomicU64,
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms.load(Ordering::SeqCst))
    }

    fn uptime_ms(&self) -> u64 {
        self.uptime_ms.load(Ordering::SeqCst)
    }
}

/// A client with its secret in clear.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) client: Client,
    secret: PlainSecret,
}

impl Key {
    pub(crate) fn id(&self) -> String {
        self.client.id.to_string()
    }

    pub(crate) fn basic(&self) -> Header {
        basic(&self.id(), self.secret.reveal())
    }

    pub(crate) fn api_key(&self) -> String {
        self.secret.api_key(&self.client.environment, &self.client.id)
    }

    pub(crate) fn bearer(&self) -> Header {
        ("authorization", format!("Bearer {}", self.api_key()))
    }

    pub(crate) fn x_api_key(&self) -> Header {
        ("x-api-key", self.api_key())
    }
}

pub(crate) type Header = (&'static str, String);

pub(crate) fn basic(id: &str, secret: &str) -> Header {
    ("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
}

pub(crate) fn from(address: &str) -> Header {
    ("x-real-ip", address.to_owned())
}

/// An answer, whole, `X-Request-Id` aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }
}

pub(crate) struct World {
    pub(crate) policy: Arc<Policy>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) events: mpsc::Receiver<DecisionEvent>,
    pub(crate) alarms: mpsc::Receiver<GatewayAlarm>,
    peppers: Peppers,
    signer: Ed25519KeyPair,
    clients: u8,
}

impl World {
    /// A policy with one API and no client, fresh for ever, and the gateways `default` (built in),
    /// `full`, `uniform`, `uniform-bare`, `scoped` and `far`.
    pub(crate) fn new() -> Self {
        let world = Self::before_the_first_policy(64);
        let api = Api::new(api_id(), AUDIENCE, "The API", world.clock.now());
        let mut changes = vec![Change::Api(Box::new(api))];
        changes.extend(gateways().into_iter().map(|gateway| Change::Gateway(Box::new(gateway))));
        world.apply(changes);
        world
    }

    pub(crate) fn before_the_first_policy(events: usize) -> Self {
        let signer = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(signer.public_key());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "k1", "alg": "EdDSA"});
        let peppers = Peppers::new((PepperId(1), &[7; 32]), &[]);
        let settings = Settings {
            issuer: ISSUER.to_owned(),
            keys: KeySet::from_iter([VerifyingKey::from_jwk(&jwk).unwrap()]),
            peppers: peppers.clone(),
            default_audience: None,
            leeway_s: 5,
        };
        let policy = Arc::new(Policy::new(settings));
        let clock = Arc::new(TestClock::default());
        clock.now_ms.store(NOW_S * 1000, Ordering::SeqCst);
        clock.uptime_ms.store(1_000, Ordering::SeqCst);
        let (sender, events) = Events::unheard().with_decisions(events);
        let (sender, alarms) = sender.with_alarms(64);
        let gate = Arc::new(Gate::new(policy.clone(), clock.clone(), sender));
        Self { policy, clock, gate, events, alarms, peppers, signer, clients: 0 }
    }

    pub(crate) fn apply(&self, changes: Vec<Change>) {
        self.policy.apply(self.policy.revision() + 1, changes, Freshness::Authority);
    }

    /// A new client with a grant for the API and without a list.
    pub(crate) fn key(&mut self) -> Key {
        self.key_with(|_| {})
    }

    /// A new client that may be used from [`LISTED`] alone.
    pub(crate) fn listed_key(&mut self) -> Key {
        self.key_with(|client| client.allowlist = allowlist(Mode::Enforce, &[LISTED]))
    }

    pub(crate) fn key_with(&mut self, edit: impl FnOnce(&mut Client)) -> Key {
        self.clients += 1;
        let now = self.clock.now();
        let id = ClientId::from_random([self.clients; 16]);
        let digit = char::from(b'a' + self.clients);
        let secret = PlainSecret::from_random(&digit.to_string().repeat(32));
        let mut client = Client::new(id.clone(), "a client", now);
        client.secrets.push(ClientSecret {
            id: SecretId(u64::from(self.clients)),
            hash: self.peppers.hash(&id.to_string(), secret.reveal()),
            created_at: now,
            expires_at: None,
        });
        edit(&mut client);
        let grant = ClientGrant {
            id: GrantId::parse(&format!("cgr_{}", self.clients)).unwrap(),
            client: id,
            api: api_id(),
            scopes: vec!["read".to_owned(), "write".to_owned()],
            organizations: Default::default(),
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let key = Key { client, secret };
        let client = Change::Client(Box::new(key.client.clone()));
        self.apply(vec![client, Change::Grant(Box::new(grant))]);
        key
    }

    pub(crate) fn peppers(&self) -> &Peppers {
        &self.peppers
    }

    /// Replaces the client of a key.
    pub(crate) fn edit(&self, key: &Key, edit: impl FnOnce(&mut Client)) {
        let mut client = key.client.clone();
        edit(&mut client);
        self.apply(vec![Change::Client(Box::new(client))]);
    }

    pub(crate) fn claims(&self, key: &Key) -> TokenClaims {
        TokenClaims {
            issuer: ISSUER.into(),
            client: key.client.id.clone(),
            audience: AUDIENCE.to_owned(),
            scope: Some("read".to_owned()),
            issued_at_s: NOW_S,
            expires_at_s: NOW_S + 3600,
            jti: Some("j1".to_owned()),
            organization: None,
            permissions: None,
            cnf: None,
            extra: serde_json::Map::new(),
        }
    }

    pub(crate) fn sign(&self, claims: &TokenClaims) -> Header {
        let payload = claims.to_json(Dialect::Rfc9068);
        let head = encode_header(Algorithm::EdDsa, Dialect::Rfc9068.typ(), "k1");
        let input = signing_input(&head, payload.as_bytes());
        let signature = self.signer.sign(input.as_bytes());
        ("authorization", format!("Bearer {}", attach_signature(input, signature.as_ref())))
    }

    pub(crate) fn token(&self, key: &Key) -> Header {
        self.sign(&self.claims(key))
    }

    /// Asks as the program on this machine.
    pub(crate) async fn ask(&self, gateway: &str, headers: &[Header]) -> Answer {
        self.send(request(Method::GET, &format!("/v1/check/{gateway}"), headers)).await
    }

    /// Registers a gateway, or changes it.
    pub(crate) fn register(&self, gateway: Gateway) {
        self.apply(vec![Change::Gateway(Box::new(gateway))]);
    }

    /// Asks over a connection from this machine.
    pub(crate) async fn send<B: Body>(&self, request: Request<B>) -> Answer {
        self.send_over(LOCAL, request).await
    }

    /// Asks over a connection.
    pub(crate) async fn send_over<B>(&self, connection: Connection, request: Request<B>) -> Answer
    where
        B: Body,
    {
        let checks = Checks::new(Arc::clone(&self.gate), connection, Arc::default());
        let response = checks.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
        let id = parts.headers.get_all("x-request-id").iter().map(text).collect::<Vec<_>>();
        assert!(id.len() == 1 && id[0].len() == 32, "{id:?}");
        let others = parts.headers.iter().filter(|(name, _)| *name != "x-request-id");
        let headers = others.map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }
}

/// A connection from this machine.
pub(crate) const LOCAL: Connection =
    Connection { peer: Peer::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)), proxied: None };

pub(crate) type NoBody = Empty<Bytes>;

/// A request without body.
pub(crate) fn request(method: Method, path: &str, headers: &[Header]) -> Request<NoBody> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, value.as_bytes());
    }
    request.body(Empty::new()).unwrap()
}

pub(crate) fn allowlist(mode: Mode, networks: &[&str]) -> Allowlist {
    let entry = |text: &&str| Entry {
        network: text.parse().unwrap(),
        label: None,
        expires_at: None,
        created_at: Timestamp::default(),
        created_by: "test".to_owned(),
    };
    Allowlist { mode, entries: networks.iter().map(entry).collect() }
}

pub(crate) fn account(name: &str, edit: impl FnOnce(&mut Account)) -> (AccountId, Change) {
    let id = AccountId::parse(name).unwrap();
    let mut account = Account::new(id.clone(), name, Timestamp::default());
    edit(&mut account);
    (id, Change::Account(Box::new(account)))
}

pub(crate) fn suspend(client: &mut Client) {
    client.state = State::Suspended;
}

pub(crate) fn api_id() -> ApiId {
    ApiId::parse("api1").unwrap()
}

/// A gateway on this machine that tells the client address in `X-Real-IP`.
pub(crate) fn gateway(name: &str, kind: GatewayKind) -> Gateway {
    let mut gateway = Gateway::new(GatewayId::parse(name).unwrap(), kind, Timestamp::default());
    gateway.auth.peers = networks(&["127.0.0.0/8"]);
    gateway
}

fn gateways() -> Vec<Gateway> {
    let local = |name: &str, deny_style, disclosure| {
        let mut gateway = gateway(name, GatewayKind::Nginx);
        gateway.client_address.trusted = networks(&["127.0.0.0/8"]);
        gateway.deny_style = Some(deny_style);
        gateway.disclosure = Some(disclosure);
        gateway
    };
    let mut scoped = local("scoped", DenyStyle::Full, Disclosure::Generic);
    scoped.required_audience = Some(AUDIENCE.to_owned());
    scoped.required_scopes = vec!["write".to_owned()];
    let mut far = local("far", DenyStyle::Bare, Disclosure::Generic);
    far.client_address =
        ClientAddress { source: Source::XForwardedFor, trusted: networks(&["10.0.0.0/8"]) };
    far.auth.peers = networks(&["10.0.0.0/8"]);
    vec![
        Gateway::built_in(Timestamp::default()).unwrap(),
        local("full", DenyStyle::Full, Disclosure::Generic),
        local("uniform", DenyStyle::Full, Disclosure::Uniform),
        local("uniform-bare", DenyStyle::Bare, Disclosure::Uniform),
        scoped,
        far,
    ]
}

pub(crate) fn networks(texts: &[&str]) -> Vec<Network> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}
