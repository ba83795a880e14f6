//! `/api/v2/clients/{id}/credentials`, and clients that authenticate by them.

use aws_lc_rs::rsa::KeySize;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::operator::{Operator, tidy};
use crate::support::World;
use crate::support::assertions::{ClientKey, ask_with, claims};
use crate::support::certificates::{self_signed, self_signed_with};

/// An answer with key ids and thumbprints named instead of shown.
fn plain(answer: &crate::support::Answer) -> String {
    let mut text = tidy(answer);
    let json = answer.json();
    for name in ["kid", "thumbprint_sha256"] {
        if let Some(value) = json[name].as_str() {
            text = text.replace(value, &format!("{name}, {} characters", value.len()));
        }
    }
    text
}

async fn client(operator: &Operator<'_>) -> String {
    operator.create_client("backend", &[]).await.text("client_id")
}

#[tokio::test]
async fn a_key_is_added_used_changed_and_deleted() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = client(&operator).await;
    let (path, key) = (format!("/api/v2/clients/{id}/credentials"), ClientKey::p256());
    let body = json!({ "credential_type": "public_key", "name": "first", "pem": key.pem() });
    let made = operator.post(&path, body).await;
    assert_snapshot!(plain(&made), @r#"201 {"alg":"ES256","created_at":"2026-01-01T00:00:00.252Z","credential_type":"public_key","id":"id, 27 characters","kid":"kid, 43 characters","name":"first","updated_at":"2026-01-01T00:00:00.252Z"}"#);
    let credential = made.text("id");
    assert!(credential.starts_with("cred_"));
    let one = format!("{path}/{credential}");
    assert_eq!(operator.get(&one).await.json(), made.json());
    assert_eq!(operator.get(&path).await.json(), json!([made.json()]));

    let end = json!({ "expires_at": "2026-06-30T12:00:00+02:00" });
    let changed = operator.patch(&one, end).await;
    assert_eq!(changed.status, 200, "{changed}");
    assert_eq!(changed.text("expires_at"), "2026-06-30T10:00:00.000Z");
    let never = operator.patch(&one, json!({ "expires_at": null })).await;
    assert_eq!(never.json().get("expires_at"), None, "{never}");
    assert_snapshot!(operator.patch(&one, json!({})).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Too few properties defined (0), minimum 1'.","statusCode":400}"#);
    assert_snapshot!(operator.patch(&one, json!({ "name": "x" })).await, @r#"400 {"error":"Bad Request","errorCode":"invalid_body","message":"Payload validation error: 'Additional properties not allowed: name'.","statusCode":400}"#);

    for _ in 0..2 {
        assert_eq!(tidy(&operator.delete(&one).await), "204");
    }
    assert_snapshot!(operator.get(&one).await, @r#"404 {"error":"Not Found","errorCode":"inexistent_client_credential","message":"The credential does not exist","statusCode":404}"#);
    assert_eq!(operator.get(&path).await.json(), json!([]));
    for missing in ["/api/v2/clients/none/credentials", "/api/v2/clients/none/credentials/cred_x"] {
        assert_eq!(operator.get(missing).await.text("errorCode"), "inexistent_client", "{missing}");
    }
}

#[tokio::test]
async fn every_kind_of_pem_is_read() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let rsa = ClientKey::rsa(KeySize::Rsa2048);
    let certificate = self_signed("client");
    let of_key = |pem: &str, more: Value| {
        let mut body = json!({ "credential_type": "public_key", "pem": pem });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let cases = [
        (of_key(&rsa.pem(), json!({})), "alg", "RS256"),
        (of_key(&rsa.pkcs1_pem(), json!({ "alg": "PS256" })), "alg", "PS256"),
        (of_key(&rsa.pem().replace('\n', "\r\n"), json!({ "alg": "RS384" })), "alg", "RS384"),
        (of_key(&ClientKey::ed25519().pem(), json!({})), "alg", "EdDSA"),
        (of_key(&certificate.pem, json!({})), "alg", "ES256"),
        (of_key(&rsa.pem(), json!({ "kid": "my-key_2026" })), "kid", "my-key_2026"),
        (
            of_key(&certificate.pem, json!({ "parse_expiry_from_cert": true })),
            "expires_at",
            "2035-01-01T00:00:00.000Z",
        ),
        (
            json!({ "credential_type": "cert_subject_dn", "pem": certificate.pem }),
            "subject_dn",
            "CN=client,O=Acme\\, Inc.",
        ),
        (
            json!({ "credential_type": "cert_subject_dn", "subject_dn": "cn=a,o=\"b\"" }),
            "subject_dn",
            "CN=a,O=\\\"b\\\"",
        ),
        (
            json!({ "credential_type": "x509_cert", "pem": certificate.pem }),
            "expires_at",
            "2035-01-01T00:00:00.000Z",
        ),
    ];
    for (body, field, expected) in cases {
        let id = client(&operator).await;
        let made = operator.post(&format!("/api/v2/clients/{id}/credentials"), body.clone()).await;
        assert_eq!(made.status, 201, "{body}: {made}");
        assert_eq!(made.text(field), expected, "{body}");
    }
    // One key has one key id, however it is written.
    let id = client(&operator).await;
    let path = format!("/api/v2/clients/{id}/credentials");
    let kid = operator.post(&path, of_key(&rsa.pem(), json!({}))).await.text("kid");
    let again = operator.post(&path, of_key(&rsa.pkcs1_pem(), json!({}))).await;
    assert!(again.text("message").contains(&kid), "{again}");
}

#[tokio::test]
async fn what_is_no_good_key_is_refused_and_not_repeated() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = client(&operator).await;
    let path = format!("/api/v2/clients/{id}/credentials");
    let (key, certificate) = (ClientKey::p256(), self_signed("client"));
    let expired = self_signed_with("old", |params| {
        params.not_after = rcgen::date_time_ymd(2025, 6, 1);
    });
    let nameless = self_signed_with("", |params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
    });
    let small = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let public = |more: Value| {
        let mut body = json!({ "credential_type": "public_key", "pem": key.pem() });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (body, told) in [
        (json!({ "pem": key.pem() }), "Missing required property: credential_type"),
        (json!({ "credential_type": "secret" }), "No enum match for: secret"),
        (json!({ "credential_type": "public_key" }), "Missing required property: pem"),
        (public(json!({ "pem": "hello" })), "Not one PEM section"),
        (public(json!({ "pem": certificate.key_pem })), "A private key"),
        (public(json!({ "pem": "x".repeat(4_097) })), "String is too long"),
        (public(json!({ "pem": small.public_key_pem() })), "none of RSA, EC with P-256"),
        (public(json!({ "alg": "RS256" })), "`alg` must be"),
        (public(json!({ "alg": "none" })), "No enum match for: none"),
        (public(json!({ "alg": "HS256" })), "No enum match for: HS256"),
        (public(json!({ "kid": "short" })), "does not match pattern"),
        (public(json!({ "subject_dn": "CN=a" })), "Additional properties not allowed: subject_dn"),
        (public(json!({ "parse_expiry_from_cert": true })), "no certificate"),
        (public(json!({ "expires_at": "tomorrow" })), "format date-time"),
        (public(json!({ "expires_at": "2025-12-31T23:59:59Z" })), "expired already"),
        (public(json!({ "secret": 1 })), "Additional properties not allowed: secret"),
        (public(json!({ "name": "x".repeat(129) })), "more than 128 characters"),
        (json!({ "credential_type": "cert_subject_dn" }), "Missing required property: subject_dn"),
        (
            json!({ "credential_type": "cert_subject_dn", "subject_dn": "CN=a", "pem": certificate.pem }),
            "exclude each other",
        ),
        (json!({ "credential_type": "cert_subject_dn", "subject_dn": "a" }), "RFC 4514"),
        (json!({ "credential_type": "cert_subject_dn", "subject_dn": "" }), "RFC 4514"),
        (json!({ "credential_type": "cert_subject_dn", "pem": nameless.pem }), "1 to 256"),
        (
            json!({ "credential_type": "cert_subject_dn", "subject_dn": "CN=a", "alg": "RS256" }),
            "Additional properties not allowed: alg",
        ),
        (json!({ "credential_type": "x509_cert", "pem": key.pem() }), "A certificate is needed"),
        (json!({ "credential_type": "x509_cert", "pem": expired.pem }), "expired already"),
    ] {
        let answer = operator.post(&path, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {answer}");
        assert!(answer.text("message").contains(told), "{body}: {answer}");
        let key_text: String = certificate.key_pem.lines().nth(1).unwrap().to_owned();
        assert!(!answer.body.contains(&key_text), "{answer}");
    }
    assert_eq!(operator.get(&path).await.json(), json!([]));
}

#[tokio::test]
async fn a_client_is_made_with_its_keys_and_has_no_secret() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let key = ClientKey::p256();
    let body = json!({
        "name": "backend",
        "app_type": "non_interactive",
        "grant_types": ["client_credentials"],
        "client_authentication_methods": {
            "private_key_jwt": {
                "credentials": [{ "credential_type": "public_key", "name": "k", "pem": key.pem() }],
            },
        },
    });
    let made = operator.post("/api/v2/clients", body).await;
    assert_eq!(made.status, 201, "{made}");
    assert_eq!(made.json().get("client_secret"), None, "{made}");
    let id = made.text("client_id");
    let path = format!("/api/v2/clients/{id}");
    let methods = operator.get(&path).await.json()["client_authentication_methods"].clone();
    let credential = operator.get(&format!("{path}/credentials")).await.json()[0]["id"].clone();
    assert_eq!(methods, json!({ "private_key_jwt": { "credentials": [{ "id": credential }] } }));

    // Nor does it get one.
    let refused = operator.post(&format!("{path}/rotate-secret"), json!({})).await;
    assert!(refused.text("message").contains("private_key_jwt and has no secrets"), "{refused}");
    let strong = json!({ "client_secret": "Zk3v-x8Qw_71LmPzT0aYb2Rd" });
    assert_eq!(operator.patch(&path, strong).await.status, 400);
    let ours = operator.post(&format!("/v1/clients/{id}/secrets"), json!({})).await;
    assert_eq!(ours.status, 422, "{ours}");
    let method = json!({ "token_endpoint_auth_method": "client_secret_post" });
    let both = operator.patch(&path, method.clone()).await;
    assert_snapshot!(both.text("message"), @"Payload validation error: 'must be null while client_authentication_methods says how the client authenticates' on property token_endpoint_auth_method.");

    let back = json!({
        "client_authentication_methods": null,
        "token_endpoint_auth_method": "client_secret_post",
    });
    let back = operator.patch(&path, back).await;
    assert_eq!(
        (back.status.as_u16(), back.json().get("client_authentication_methods")),
        (200, None)
    );
    assert!(operator.post(&format!("{path}/rotate-secret"), json!({})).await.status.is_success());
}

#[tokio::test]
async fn a_switch_to_a_key_ends_the_secret_everywhere() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let (customer, key) = (world.customer('a').await, ClientKey::p256());
    let path = format!("/api/v2/clients/{}", customer.id_text);
    let body = json!({ "credential_type": "public_key", "pem": key.pem() });
    let credential = operator.post(&format!("{path}/credentials"), body).await.text("id");
    // It counts once it is named.
    world.pass_s(2).await;
    let assertion = |jti: &str| {
        let claims = claims(&customer.id_text, jti, 2).to_string();
        key.jwt(&json!({ "alg": "ES256" }), &claims)
    };
    assert_eq!(ask_with(&world, &assertion("1")).await.status, 401);
    assert_eq!(world.ask_token(&customer).await.status, 200);
    let by = |ids: Value| json!({ "client_authentication_methods": { "private_key_jwt": { "credentials": ids } } });
    let switched = operator.patch(&path, by(json!([{ "id": credential }]))).await;
    assert_eq!(switched.status, 200, "{switched}");
    assert_eq!(world.ask_token(&customer).await.status, 401);
    assert_eq!(ask_with(&world, &assertion("2")).await.status, 200);
    assert!(operator.stored(&customer.id_text).await.secrets.is_empty());

    // Deleted, it authenticates nobody from that moment on.
    assert_eq!(operator.delete(&format!("{path}/credentials/{credential}")).await.status, 204);
    assert_eq!(ask_with(&world, &assertion("3")).await.status, 401);
    let shown = operator.get(&path).await.json();
    assert_eq!(shown["client_authentication_methods"]["private_key_jwt"]["credentials"], json!([]));
    for (methods, told) in [
        (by(json!([{ "id": credential }])), "is no credential of this client"),
        (by(json!([{ "id": "c d" }])), "not a valid credential identifier"),
        (by(json!([{}])), "Missing required property: id"),
        (by(json!([{ "id": "cred_a", "pem": "x" }])), "Additional properties not allowed: pem"),
        (by(json!([{ "id": "a" }, { "id": "b" }, { "id": "c" }])), "Array is too long"),
        (json!({ "client_authentication_methods": {} }), "Too few properties"),
        (
            json!({ "client_authentication_methods": { "tls_client_auth": {}, "private_key_jwt": {} } }),
            "Too many properties",
        ),
        (
            json!({ "client_authentication_methods": { "tls_client_auth": {} } }),
            "Missing required property: credentials",
        ),
        (
            json!({ "client_authentication_methods": { "client_secret": {} } }),
            "Additional properties not allowed: client_secret",
        ),
    ] {
        let answer = operator.patch(&path, methods.clone()).await;
        assert_eq!(answer.status, 400, "{methods}: {answer}");
        assert!(answer.text("message").contains(told), "{methods}: {answer}");
    }
}

#[tokio::test]
async fn each_operation_asks_for_its_own_scope() {
    let world = World::new().await;
    let operator = Operator::new(&world).await;
    let id = client(&operator).await;
    let path = format!("/api/v2/clients/{id}/credentials");
    let body = json!({ "credential_type": "cert_subject_dn", "subject_dn": "CN=a" });
    let credential = operator.post(&path, body.clone()).await.text("id");
    let one = format!("{path}/{credential}");
    for (letter, scope) in [('r', "read"), ('c', "create"), ('u', "update"), ('d', "delete")] {
        let scope = format!("{scope}:client_credentials");
        let only = Operator::with_scopes(&world, letter, &[&scope]).await;
        let statuses = [
            ("read", only.get(&path).await.status),
            ("read", only.get(&one).await.status),
            ("create", only.post(&path, body.clone()).await.status),
            ("update", only.patch(&one, json!({ "expires_at": null })).await.status),
            ("delete", only.delete(&one).await.status),
        ];
        for (needed, status) in statuses {
            assert_eq!(status != 403, scope.starts_with(needed), "{needed} with {scope}: {status}");
        }
    }
}
