//! Envoy's external authorization, called by its generated client.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use envoy_types::pb::envoy::config::core::v3::address::Address as Kind;
use envoy_types::pb::envoy::config::core::v3::{
    Address, HeaderMap, HeaderValue, Pipe, SocketAddress,
};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::authorization_client::AuthorizationClient;
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use keyward_core::gateway::{Gateway, GatewayKind, parse_source};
use keyward_core::policy::Freshness;
use keyward_core::secret::{ClientSecret, PlainSecret};
use keyward_gate::grpc::GrpcChecks;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::fixture::{FOREIGN, Key, LISTED, LOCAL, World, gateway, networks};
use crate::possession::{Holder, bound};

fn envoy(name: &str) -> Gateway {
    gateway(name, GatewayKind::EnvoyGrpc)
}

/// A call as Envoy makes it.
#[derive(Clone)]
struct Call {
    source: Option<Kind>,
    headers: Vec<(&'static str, String)>,
    raw: bool,
    method: &'static str,
    path: String,
    scheme: &'static str,
    certificate: String,
    extensions: Vec<(&'static str, String)>,
    metadata: Vec<(&'static str, String)>,
}

impl Call {
    fn new(gateway: &str) -> Self {
        Self {
            source: Some(socket(LISTED)),
            headers: Vec::new(),
            raw: false,
            method: "GET",
            path: "/orders".to_owned(),
            scheme: "https",
            certificate: String::new(),
            extensions: vec![("gateway", gateway.to_owned())],
            metadata: Vec::new(),
        }
    }

    fn from(mut self, address: &str) -> Self {
        self.source = Some(socket(address));
        self
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn shows(mut self, key: &Key) -> Self {
        self.headers.push(key.basic());
        self
    }

    fn metadata(mut self, name: &'static str, value: &str) -> Self {
        self.metadata.push((name, value.to_owned()));
        self
    }

    fn extension(mut self, name: &'static str, value: &str) -> Self {
        self.extensions.push((name, value.to_owned()));
        self
    }

    fn request(&self) -> tonic::Request<CheckRequest> {
        let mut http = HttpRequest {
            method: self.method.to_owned(),
            path: self.path.clone(),
            host: "api.example".to_owned(),
            scheme: self.scheme.to_owned(),
            ..HttpRequest::default()
        };
        if self.raw {
            let line = |(name, value): &(&str, String)| HeaderValue {
                key: (*name).to_owned(),
                value: String::new(),
                raw_value: value.as_bytes().to_vec(),
            };
            http.header_map = Some(HeaderMap { headers: self.headers.iter().map(line).collect() });
        } else {
            // Envoy joins repeated headers.
            for (name, value) in &self.headers {
                let joined = http.headers.entry((*name).to_owned()).or_default();
                if !joined.is_empty() {
                    joined.push(',');
                }
                joined.push_str(value);
            }
        }
        let address = self.source.clone().map(|kind| Address { address: Some(kind) });
        let owned = |pairs: &[(&str, String)]| -> HashMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        };
        let attributes = AttributeContext {
            source: Some(Peer {
                address,
                certificate: self.certificate.clone(),
                ..Peer::default()
            }),
            request: Some(Request { time: None, http: Some(http) }),
            context_extensions: owned(&self.extensions),
            ..AttributeContext::default()
        };
        let mut request = tonic::Request::new(CheckRequest { attributes: Some(attributes) });
        for (name, value) in &self.metadata {
            request.metadata_mut().append(*name, value.parse().unwrap());
        }
        request
    }

    /// The HTTP status that the caller would see, and the answer. The code of the call and the
    /// status always agree.
    async fn ask(&self, world: &World) -> (i32, CheckResponse) {
        let checks = GrpcChecks::new(Arc::clone(&world.gate), LOCAL, Arc::default());
        let answer = AuthorizationClient::new(checks).check(self.request()).await.unwrap();
        let answer = answer.into_inner();
        let code = answer.status.as_ref().expect("a code, always").code;
        let status = match answer.http_response.as_ref().expect("an answer, always") {
            HttpResponse::OkResponse(_) => 200,
            HttpResponse::DeniedResponse(denied) => denied.status.as_ref().unwrap().code,
            HttpResponse::ErrorResponse(_) => panic!("{answer:?}"),
        };
        assert_eq!(code == 0, status == 200, "{answer:?}");
        (status, answer)
    }

    async fn status(&self, world: &World) -> i32 {
        self.ask(world).await.0
    }
}

fn socket(address: &str) -> Kind {
    Kind::SocketAddress(SocketAddress { address: address.to_owned(), ..SocketAddress::default() })
}

fn identity(answer: &CheckResponse, name: &str) -> String {
    let Some(HttpResponse::OkResponse(ok)) = &answer.http_response else { panic!("{answer:?}") };
    let header = ok.headers.iter().filter_map(|option| option.header.as_ref());
    header.clone().find(|header| header.key == name).unwrap().value.clone()
}

#[tokio::test]
async fn an_allowed_call_names_the_caller() {
    let mut world = World::new();
    let key = world.listed_key();
    let mut edge = envoy("edge");
    edge.hide_credential = true;
    world.register(edge);
    let (status, answer) = Call::new("edge").shows(&key).ask(&world).await;
    assert_eq!(status, 200);
    assert_eq!(identity(&answer, "x-client-id"), key.id());
    assert_eq!(identity(&answer, "x-client-ip"), LISTED);
    assert_eq!(identity(&answer, "x-account-id"), "-");
    let Some(HttpResponse::OkResponse(ok)) = answer.http_response else { panic!() };
    assert_eq!(ok.headers_to_remove, ["authorization", "x-api-key"]);
}

#[tokio::test]
async fn forward_auth_041_the_address_is_that_of_the_connection() {
    let mut world = World::new();
    let key = world.listed_key();
    world.register(envoy("edge"));
    let spoofed = |call: Call| {
        call.header("x-forwarded-for", LISTED)
            .header("x-real-ip", LISTED)
            .header("x-envoy-external-address", LISTED)
            .metadata("x-client-ip", LISTED)
            .metadata("x-forwarded-for", LISTED)
    };
    assert_eq!(Call::new("edge").shows(&key).status(&world).await, 200);
    let foreign = Call::new("edge").from(FOREIGN).shows(&key);
    assert_eq!(foreign.status(&world).await, 403);
    assert_eq!(spoofed(foreign).status(&world).await, 403);
    let mapped = Call::new("edge").from("::ffff:203.0.113.5").shows(&key);
    assert_eq!(mapped.status(&world).await, 200);
    for source in
        [None, Some(socket("")), Some(socket("nonsense")), Some(Kind::Pipe(Pipe::default()))]
    {
        let call = spoofed(Call { source, ..Call::new("edge").shows(&key) });
        assert_eq!(call.status(&world).await, 403);
    }
}

#[tokio::test]
async fn metadata_counts_where_the_gateway_is_registered_for_it() {
    let mut world = World::new();
    let key = world.listed_key();
    let mut edge = envoy("edge");
    edge.client_address.source = parse_source("metadata").unwrap();
    world.register(edge);
    let call = Call::new("edge").from("10.0.0.1").shows(&key);
    assert_eq!(call.status(&world).await, 403);
    let told = call.clone().metadata("x-client-ip", LISTED);
    assert_eq!(told.status(&world).await, 200);
    assert_eq!(told.clone().metadata("x-client-ip", FOREIGN).status(&world).await, 403);
    assert_eq!(call.clone().metadata("x-client-ip", FOREIGN).status(&world).await, 403);
    assert_eq!(call.header("x-client-ip", LISTED).status(&world).await, 403);
}

#[tokio::test]
async fn a_walk_begins_at_the_connection() {
    let mut world = World::new();
    let key = world.listed_key();
    let mut edge = envoy("edge");
    edge.client_address.source = parse_source("x-forwarded-for").unwrap();
    edge.client_address.trusted = networks(&["10.0.0.0/8"]);
    world.register(edge);
    let call = |source: &str, forwarded: &str| {
        Call::new("edge").from(source).header("x-forwarded-for", forwarded).shows(&key)
    };
    assert_eq!(call("10.0.0.1", LISTED).status(&world).await, 200);
    assert_eq!(
        call("10.0.0.1", &format!("192.0.2.1, {LISTED}, 10.0.0.9")).status(&world).await,
        200
    );
    assert_eq!(call("10.0.0.1", &format!("{LISTED}, {FOREIGN}")).status(&world).await, 403);
    // Whoever is no proxy is the client, whatever it wrote.
    assert_eq!(call(FOREIGN, LISTED).status(&world).await, 403);
    assert_eq!(call("10.0.0.1", &format!("{LISTED}, unknown")).status(&world).await, 403);
    let two = call("10.0.0.1", FOREIGN).header("x-forwarded-for", LISTED);
    assert_eq!(two.status(&world).await, 200, "joined in order");
}

#[tokio::test]
async fn forward_auth_039_joined_credentials_are_not_one() {
    let mut world = World::new();
    let key = world.listed_key();
    world.register(envoy("edge"));
    for raw in [false, true] {
        let call =
            |headers: Vec<(&'static str, String)>| Call { headers, raw, ..Call::new("edge") };
        assert_eq!(call(vec![key.basic()]).status(&world).await, 200, "raw: {raw}");
        assert_eq!(call(vec![key.x_api_key()]).status(&world).await, 200, "raw: {raw}");
        for twice in [
            vec![key.bearer(), key.bearer()],
            vec![key.basic(), key.basic()],
            vec![key.x_api_key(), key.x_api_key()],
            vec![key.basic(), key.x_api_key()],
        ] {
            let status = call(twice.clone()).status(&world).await;
            assert!(matches!(status, 400 | 401), "raw: {raw}, {twice:?}: {status}");
        }
    }
}

#[tokio::test]
async fn forward_auth_040_the_path_carries_the_query() {
    let world = World::new();
    let mut edge = envoy("edge");
    edge.public_paths = vec!["/public".to_owned()];
    edge.allow_preflight = true;
    world.register(edge);
    for (path, status) in [
        ("/public", 200),
        ("/public?x=/../admin", 200),
        ("/public/../admin", 401),
        ("/admin?/public", 401),
    ] {
        let call = Call { path: path.to_owned(), ..Call::new("edge") };
        assert_eq!(call.status(&world).await, status, "{path}");
    }
    let preflight = Call::new("edge")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST");
    assert_eq!(Call { method: "OPTIONS", ..preflight.clone() }.status(&world).await, 200);
    assert_eq!(preflight.status(&world).await, 401);
}

#[tokio::test]
async fn the_route_or_the_call_names_the_gateway() {
    let mut world = World::new();
    let key = world.key();
    world.register(envoy("edge"));
    world.register(envoy("other"));
    let unnamed = Call { extensions: Vec::new(), ..Call::new("").shows(&key) };
    assert_eq!(unnamed.status(&world).await, 403, "there are two");
    assert_eq!(unnamed.clone().metadata("x-gateway", "edge").status(&world).await, 200);
    let same = Call::new("edge").metadata("x-gateway", "edge").shows(&key);
    assert_eq!(same.status(&world).await, 200);
    let two = Call::new("edge").metadata("x-gateway", "other").shows(&key);
    assert_eq!(two.status(&world).await, 403);
    assert_eq!(Call::new("default").shows(&key).status(&world).await, 403, "asks over HTTP");
    // The caller's own headers name nothing.
    let forged = unnamed.clone().header("x-gateway", "edge").header("gateway", "edge");
    assert_eq!(forged.status(&world).await, 403);
    world.apply(vec![keyward_core::policy::Change::GatewayDeleted(envoy("other").id)]);
    assert_eq!(unnamed.status(&world).await, 200, "there is one");
}

#[tokio::test]
async fn a_token_travels_as_metadata() {
    let mut world = World::new();
    let key = world.key();
    let token = keyward_core::policy::gateway_token(&PlainSecret::from_random(&"t".repeat(32)));
    let mut edge = envoy("edge");
    let hash = keyward_core::policy::hash_gateway_token(world.peppers(), &edge.id, &token);
    edge.auth.token = true;
    edge.auth.tokens = vec![ClientSecret {
        id: keyward_core::id::SecretId(1),
        hash,
        created_at: edge.created_at,
        expires_at: None,
    }];
    world.register(edge);
    let call = Call::new("edge").shows(&key);
    assert_eq!(call.status(&world).await, 403);
    assert_eq!(call.clone().metadata("x-gateway-token", &token).status(&world).await, 200);
    assert_eq!(call.clone().metadata("x-gateway-token", "kwg_x").status(&world).await, 403);
    // A caller who knows the token gets nowhere with it.
    assert_eq!(call.header("x-gateway-token", &token).status(&world).await, 403);
}

#[tokio::test]
async fn a_route_narrows_by_its_settings() {
    let mut world = World::new();
    let key = world.key();
    world.register(envoy("edge"));
    let call = Call::new("edge").shows(&key);
    let scoped = |scope: &str| call.clone().extension("require_scope", scope);
    assert_eq!(scoped("read write").status(&world).await, 200);
    assert_eq!(scoped("admin").status(&world).await, 403);
    let audience = |value: &str| call.clone().extension("require_audience", value);
    assert_eq!(audience(crate::fixture::AUDIENCE).status(&world).await, 200);
    assert_eq!(audience("https://other.example/").status(&world).await, 403);
}

#[tokio::test]
async fn nothing_is_allowed_by_saying_nothing() {
    let world = World::new();
    world.register(envoy("edge"));
    let checks = GrpcChecks::new(Arc::clone(&world.gate), LOCAL, Arc::default());
    let mut client = AuthorizationClient::new(checks);
    let empty = client.check(CheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(empty.status.unwrap().code, 16);
    let stale = World::before_the_first_policy(1);
    let (status, answer) = Call::new("edge").ask(&stale).await;
    assert_eq!((status, answer.status.unwrap().code), (503, 14));
}

#[tokio::test]
async fn health_follows_the_policy() {
    let world = World::new();
    let health = async |world: &World, service: &str| {
        let checks = GrpcChecks::new(Arc::clone(&world.gate), LOCAL, Arc::default());
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = HealthClient::new(checks).check(request).await;
        answer.map(|answer| answer.into_inner().status).map_err(|status| status.code())
    };
    let authorization = "envoy.service.auth.v3.Authorization";
    assert_eq!(health(&world, "").await, Ok(1));
    assert_eq!(health(&world, authorization).await, Ok(1));
    assert_eq!(health(&world, "nobody").await, Err(tonic::Code::NotFound));
    world.policy.apply(world.policy.revision() + 1, Vec::new(), Freshness::Until(1));
    assert_eq!(health(&world, authorization).await, Ok(2));
    assert_eq!(health(&World::before_the_first_policy(1), "").await, Ok(2));
}

#[tokio::test]
async fn a_bound_token_needs_its_proof_for_the_callers_own_url() {
    let mut world = World::new();
    let (key, holder) = (world.listed_key(), Holder::new());
    world.register(envoy("edge"));
    let token = bound(&world, &key, Some(holder.confirmation()));
    let url = "https://api.example/orders";
    for raw in [false, true] {
        let call = |url: &str, jti: &str| {
            let mut call = Call::new("edge")
                .header("authorization", &format!("DPoP {token}"))
                .header("dpop", &holder.proof(&world, url, &token, jti));
            call.raw = raw;
            call
        };
        let jti = |number: u8| format!("{raw}{number}");
        assert_eq!(call(url, &jti(1)).status(&world).await, 200);
        assert_eq!(call(url, &jti(1)).status(&world).await, 401);
        assert_eq!(call("https://evil.example/orders", &jti(2)).status(&world).await, 401);
        let mut twice = call(url, &jti(3));
        twice.headers.push(("dpop", holder.proof(&world, url, &token, &jti(4))));
        assert_eq!(twice.status(&world).await, 401);
        let mut elsewhere = call(url, &jti(5));
        elsewhere.path = "/others".to_owned();
        assert_eq!(elsewhere.status(&world).await, 401);
        let mut nowhere = call(url, &jti(6));
        nowhere.scheme = "";
        assert_eq!(nowhere.status(&world).await, 401);
    }
    let as_bearer = Call::new("edge").header("authorization", &format!("Bearer {token}"));
    assert_eq!(as_bearer.status(&world).await, 401);
}

#[tokio::test]
async fn a_certificate_is_that_of_the_callers_connection() {
    let mut world = World::new();
    let key = world.listed_key();
    world.register(envoy("edge"));
    let der = [0x30, 0x03, 0x02, 0x01, 0xfb];
    let thumbprint = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    let cnf = serde_json::json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(thumbprint) });
    let token = bound(&world, &key, Some(cnf));
    let pem = format!(
        "-----BEGIN%20CERTIFICATE-----%0A{}%0A-----END%20CERTIFICATE-----%0A",
        STANDARD.encode(der)
    );
    let call = Call::new("edge").header("authorization", &format!("Bearer {token}"));
    assert_eq!(call.status(&world).await, 401);
    // What the caller writes of it is not read.
    let forged = call.clone().header("x-forwarded-client-cert", &format!("Cert=\"{pem}\""));
    assert_eq!(forged.status(&world).await, 401);
    let mut shown = call;
    shown.certificate = pem.clone();
    assert_eq!(shown.status(&world).await, 200);
    shown.certificate = pem.replace("MAMC", "MAMD");
    assert_eq!(shown.status(&world).await, 401);
}
