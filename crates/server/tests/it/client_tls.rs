//! `tls_client_auth` and `self_signed_tls_client_auth` at the OAuth endpoints.

use insta::assert_snapshot;
use keyward_core::client::Client;
use keyward_core::client::credential::AuthenticationMethod;
use keyward_core::time::Clock as _;
use keyward_server::listen::{
    ClientAuthorities, ListenAddress, ListenOptions, bind, serve, tls_config_asking_clients,
};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::operator::Operator;
use crate::support::certificates::{Authority, Issued, self_signed, self_signed_with, url_encoded};
use crate::support::{Answer, Customer, World, payload_of};

const GRANT: (&str, &str) = ("grant_type", "client_credentials");
const REFUSED: &str = r#"401 {"error":"access_denied","error_description":"Unauthorized"}"#;

/// A world whose listener asks for certificates and trusts an authority.
async fn trusting(authority: &Authority) -> World {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &authority.pem).unwrap();
    let authorities = ClientAuthorities::read(&file).unwrap();
    World::with(|options| {
        options.client_authorities = Some(authorities);
        options.asks_client_certificates = true;
    })
    .await
}

/// A customer who authenticates by certificate: its subject, or itself.
async fn certified(
    world: &World,
    letter: char,
    method: AuthenticationMethod,
    one: &Issued,
) -> Customer {
    let operator = Operator::new(world).await;
    let customer = world.customer(letter).await;
    let path = format!("/api/v2/clients/{}", customer.id_text);
    let by_subject = method == AuthenticationMethod::TlsClientAuth;
    let kind = if by_subject { "cert_subject_dn" } else { "x509_cert" };
    let body = json!({ "credential_type": kind, "pem": one.pem });
    let made = operator.post(&format!("{path}/credentials"), body).await;
    let ids = json!([{ "id": made.text("id") }]);
    let body =
        json!({ "client_authentication_methods": { method.name(): { "credentials": ids } } });
    let switched = operator.patch(&path, body).await;
    assert_eq!(switched.status, 200, "{switched}");
    customer
}

/// Asks for a token with a certificate, or with none.
async fn ask(world: &World, client: &str, one: Option<&Issued>) -> Answer {
    let mut call = world.call("POST", "/oauth/token");
    if let Some(one) = one {
        call = call.certificate(&one.der);
    }
    call.form(&[GRANT, ("client_id", client)]).await
}

#[tokio::test]
async fn a_subject_counts_when_an_authority_vouches_for_it() {
    let authority = Authority::new();
    let world = trusting(&authority).await;
    let one = authority.issue("billing");
    let customer = certified(&world, 'a', AuthenticationMethod::TlsClientAuth, &one).await;
    let id = customer.id_text.as_str();
    let token = ask(&world, id, Some(&one)).await;
    assert_eq!(token.status, 200, "{token}");
    assert_eq!(payload_of(&token.text("access_token"))["azp"], json!(id));
    // A renewed certificate has the same subject.
    assert_eq!(ask(&world, id, Some(&authority.issue("billing"))).await.status, 200);
    let expired = authority
        .issue_with("billing", |params| params.not_after = rcgen::date_time_ymd(2025, 6, 1));
    let early = authority
        .issue_with("billing", |params| params.not_before = rcgen::date_time_ymd(2026, 6, 1));
    for (what, one) in [
        ("none", None),
        ("another subject", Some(authority.issue("Billing"))),
        ("another authority's", Some(Authority::new().issue("billing"))),
        ("self-signed", Some(self_signed("billing"))),
        ("expired", Some(expired)),
        ("not yet good", Some(early)),
    ] {
        assert_eq!(ask(&world, id, one.as_ref()).await.to_string(), REFUSED, "{what}");
    }
}

#[tokio::test]
async fn without_authorities_no_subject_counts() {
    let world = World::new().await;
    let one = Authority::new().issue("billing");
    let customer = certified(&world, 'a', AuthenticationMethod::TlsClientAuth, &one).await;
    assert_eq!(ask(&world, &customer.id_text, Some(&one)).await.to_string(), REFUSED);
}

#[tokio::test]
async fn a_self_signed_certificate_counts_as_itself_alone() {
    let authority = Authority::new();
    let world = trusting(&authority).await;
    let one = self_signed("billing");
    let method = AuthenticationMethod::SelfSignedTlsClientAuth;
    let customer = certified(&world, 'a', method, &one).await;
    let id = customer.id_text.as_str();
    assert_eq!(ask(&world, id, Some(&one)).await.status, 200);
    for (what, other) in [
        ("none", None),
        ("the same subject", Some(self_signed("billing"))),
        ("the same subject, vouched for", Some(authority.issue("billing"))),
    ] {
        assert_eq!(ask(&world, id, other.as_ref()).await.to_string(), REFUSED, "{what}");
    }
    // Other clients, known or not, with or without certificates of their own.
    let (second, third) = (world.customer('b').await, self_signed("third"));
    let third = certified(&world, 'c', method, &third).await;
    for client in [second.id_text.as_str(), third.id_text.as_str(), "nobody", "a b"] {
        assert_eq!(ask(&world, client, Some(&one)).await.to_string(), REFUSED, "{client}");
    }
    // The certificate alone does not say who.
    let nameless = world.call("POST", "/oauth/token").certificate(&one.der).form(&[GRANT]).await;
    assert_snapshot!(nameless, @r#"401 {"error":"invalid_client","error_description":"Missing client_id"}"#);
}

#[tokio::test]
async fn a_certificate_that_ended_is_refused_whatever_is_stored() {
    let world = World::new().await;
    let one = self_signed_with("billing", |params| {
        params.not_after = rcgen::date_time_ymd(2026, 1, 2);
    });
    let method = AuthenticationMethod::SelfSignedTlsClientAuth;
    let customer = certified(&world, 'a', method, &one).await;
    let forever = |client: &mut Client| client.credentials[0].expires_at = None;
    world.edit_client(&customer.id, forever).await;
    assert_eq!(ask(&world, &customer.id_text, Some(&one)).await.status, 200);
    world.pass_s(2 * 86_400).await;
    assert_eq!(ask(&world, &customer.id_text, Some(&one)).await.to_string(), REFUSED);
}

#[tokio::test]
async fn a_gateway_tells_the_certificate_and_nobody_else_does() {
    use keyward_core::gateway::{Gateway, GatewayKind};
    use keyward_core::id::GatewayId;
    use keyward_core::secret::ClientSecret;

    let world = World::new().await;
    let id = GatewayId::parse("edge").unwrap();
    let (token, hash) = world.services.new_gateway_token(&id).unwrap();
    let now = world.clock.now();
    let mut gateway = Gateway::new(id, GatewayKind::Nginx, now);
    gateway.auth.token = true;
    let secret = world.services.new_secret_id().unwrap();
    gateway.auth.tokens =
        vec![ClientSecret { id: secret, hash, created_at: now, expires_at: None }];
    let mut tx = world.begin().await;
    tx.insert_gateway(&gateway).await.unwrap();
    world.services.commit(tx).await.unwrap();
    let one = self_signed("billing");
    let by_subject = certified(&world, 'a', AuthenticationMethod::TlsClientAuth, &one).await;
    let method = AuthenticationMethod::SelfSignedTlsClientAuth;
    let by_itself = certified(&world, 'b', method, &one).await;
    let ask = async |client: &Customer, key: &str, pem: &str, verified: &str| {
        let call = world.call("POST", "/oauth/token").header("cname-api-key", key);
        let call = call.header("client-certificate", pem);
        let call = call.header("client-certificate-ca-verified", verified);
        call.form(&[GRANT, ("client_id", &client.id_text)]).await
    };
    let pem = url_encoded(&one.pem);
    assert_eq!(ask(&by_subject, &token, &pem, "SUCCESS").await.status, 200);
    assert_eq!(ask(&by_itself, &token, &pem, "SUCCESS").await.status, 200);
    assert_eq!(ask(&by_itself, &token, &pem, "FAILED:self signed").await.status, 200);
    for (client, key, pem, verified) in [
        (&by_subject, &*token, &*pem, "FAILED:self signed"),
        (&by_subject, &token, &pem, "NONE"),
        (&by_subject, &token, "nonsense", "SUCCESS"),
        (&by_subject, &token, "", "SUCCESS"),
        (&by_subject, "", &pem, "SUCCESS"),
        (&by_subject, "kwg_forged", &pem, "SUCCESS"),
        (&by_itself, "kwg_forged", &pem, "SUCCESS"),
        (&by_itself, &by_itself.secret, &pem, "SUCCESS"),
    ] {
        let answer = ask(client, key, pem, verified).await;
        assert_eq!(answer.to_string(), REFUSED, "{key} {verified}");
    }
}

#[tokio::test]
async fn a_certificate_beside_a_secret_changes_nothing() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let one = self_signed("billing");
    let fields = [GRANT, ("client_id", &*customer.id_text), ("client_secret", &*customer.secret)];
    let with = world.call("POST", "/oauth/token").certificate(&one.der).form(&fields).await;
    assert_eq!(with.status, 200, "{with}");
    // Who authenticates by certificate has no secret that could.
    let method = AuthenticationMethod::SelfSignedTlsClientAuth;
    let certified = certified(&world, 'b', method, &one).await;
    let fields = [GRANT, ("client_id", &*certified.id_text), ("client_secret", &*certified.secret)];
    let both = world.call("POST", "/oauth/token").certificate(&one.der).form(&fields).await;
    assert_eq!(both.to_string(), REFUSED);
}

#[tokio::test]
async fn the_list_counts_and_tokens_are_introspected_and_revoked_by_certificate() {
    let world = World::new().await;
    let one = self_signed("billing");
    let method = AuthenticationMethod::SelfSignedTlsClientAuth;
    let customer = certified(&world, 'a', method, &one).await;
    let list = world.enforce(&["127.0.0.1"]);
    world.edit_client(&customer.id, |client| client.allowlist = list).await;
    let token = ask(&world, &customer.id_text, Some(&one)).await.text("access_token");
    let call = async |path: &str, from: &str| {
        let call = world.call("POST", path).from(from).certificate(&one.der);
        call.form(&[("client_id", &customer.id_text), ("token", &token)]).await
    };
    let elsewhere = world.call("POST", "/oauth/token").from("192.0.2.1").certificate(&one.der);
    assert_eq!(elsewhere.form(&[GRANT, ("client_id", &customer.id_text)]).await.status, 403);
    assert_eq!(call("/oauth/introspect", "127.0.0.1").await.json()["active"], true);
    assert_eq!(call("/oauth/introspect", "192.0.2.1").await.status, 403);
    assert_eq!(call("/oauth/revoke", "127.0.0.1").await.status, 200);
    assert_eq!(call("/oauth/introspect", "127.0.0.1").await.json()["active"], false);
}

#[tokio::test]
async fn discovery_names_certificates_where_there_can_be_any() {
    let methods = async |world: &World| {
        let found = world.call("GET", "/.well-known/openid-configuration").empty().await.json();
        let aliases = found["mtls_endpoint_aliases"]["token_endpoint"].clone();
        (found["token_endpoint_auth_methods_supported"].clone(), aliases)
    };
    let plain = World::new().await;
    let secrets_and_keys = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    assert_eq!(methods(&plain).await, (json!(secrets_and_keys), json!(null)));
    let own = World::with(|options| options.asks_client_certificates = true).await;
    let mut names = secrets_and_keys.to_vec();
    names.push("self_signed_tls_client_auth");
    assert_eq!(methods(&own).await, (json!(names), json!("https://auth.example/oauth/token")));
    names.insert(3, "tls_client_auth");
    let (found, _) = methods(&trusting(&Authority::new()).await).await;
    assert_eq!(found, json!(names));
}

/// A server on a socket of its own, and somebody who speaks TLS with it.
async fn served(world: &World, server: &Issued) -> (std::net::SocketAddr, JoinHandle<()>) {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, &server.pem).unwrap();
    std::fs::write(&key, &server.key_pem).unwrap();
    let mut options = ListenOptions::new("public");
    options.tls = Some(tls_config_asking_clients(&certificate, &key).unwrap());
    let bound = bind(&"127.0.0.1:0".parse().unwrap()).await.unwrap();
    let ListenAddress::Tcp(address) = bound.address().unwrap() else { panic!("not on TCP") };
    let serving = serve(bound, world.router.clone(), options, std::future::pending());
    (address, tokio::spawn(serving))
}

#[tokio::test]
async fn over_a_real_handshake_the_certificate_of_the_connection_counts() {
    let authority = Authority::new();
    let world = trusting(&authority).await;
    let named = |params: &mut rcgen::CertificateParams| {
        let name = rcgen::string::Ia5String::try_from("localhost").unwrap();
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    };
    let server = authority.issue_with("server", named);
    let (address, serving) = served(&world, &server).await;
    let (vouched, own) = (authority.issue("billing"), self_signed("own"));
    let by_subject = certified(&world, 'a', AuthenticationMethod::TlsClientAuth, &vouched).await;
    let method = AuthenticationMethod::SelfSignedTlsClientAuth;
    let by_itself = certified(&world, 'b', method, &own).await;
    let ask = async |client: &Customer, shown: Option<&Issued>, forged: &str| {
        let root = reqwest::Certificate::from_pem(authority.pem.as_bytes()).unwrap();
        let mut builder =
            reqwest::Client::builder().tls_certs_only([root]).resolve("localhost", address);
        if let Some(shown) = shown {
            let pem = format!("{}{}", shown.key_pem, shown.pem);
            builder = builder.identity(reqwest::Identity::from_pem(pem.as_bytes()).unwrap());
        }
        let url = format!("https://localhost:{}/oauth/token", address.port());
        let request = builder.build().unwrap().post(url);
        let request = request.header("client-certificate", forged);
        let request = request.header("client-certificate-ca-verified", "SUCCESS");
        let fields = [GRANT, ("client_id", &client.id_text)];
        request.form(&fields).send().await.unwrap().status().as_u16()
    };
    for (client, shown, forged, status) in [
        (&by_subject, Some(&vouched), "", 200),
        (&by_itself, Some(&own), "", 200),
        (&by_subject, Some(&own), &*url_encoded(&vouched.pem), 401),
        (&by_itself, Some(&vouched), &url_encoded(&own.pem), 401),
        (&by_subject, None, &url_encoded(&vouched.pem), 401),
        (&by_itself, None, &url_encoded(&own.pem), 401),
    ] {
        assert_eq!(ask(client, shown, forged).await, status, "{}", client.id_text);
    }
    serving.abort();
}
