//! `X-Client-Assertion` and the examples of `docs/guides/assertions.md`: what ordinary JWT libraries
//! say of it, and of what only looks like it.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::runtimes::{node_js, project, python};
use crate::node::{Credential, INSIDE, Key, Node};
use crate::processes::http_client;
use crate::stack::Stack;

/// An API whose access tokens are signed like assertions.
const SIGNED: &str = "https://signed.example/";

/// One of the examples, ready to be run.
struct Verifier {
    program: std::path::PathBuf,
    script: std::path::PathBuf,
}

/// What it said of an assertion.
#[derive(Debug)]
enum Verdict {
    Accepted(Value),
    Refused(String),
}

impl Verifier {
    fn javascript(folder: &TempDir) -> Option<Verifier> {
        let (program, libraries) = node_js("verify-assertion")?;
        let script = folder.path().join("verify.mjs");
        fs::copy(project("examples/verify-assertion/verify.mjs"), &script).unwrap();
        symlink(libraries, folder.path().join("node_modules")).unwrap();
        Some(Verifier { program, script })
    }

    fn python() -> Option<Verifier> {
        let program = python("verify-assertion")?;
        Some(Verifier { program, script: project("examples/verify-assertion/verify.py") })
    }

    async fn verify(&self, arguments: &[&str], assertion: &str) -> Verdict {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).args(arguments).env("NO_PROXY", "127.0.0.1");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(assertion.as_bytes()).await.unwrap();
        drop(stdin);
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        if output.status.success() {
            return Verdict::Accepted(serde_json::from_str(&said).unwrap());
        }
        assert!(said.is_empty(), "claims of a refused assertion: {said}");
        let why = complained.strip_prefix("refused: ");
        Verdict::Refused(why.unwrap_or_else(|| panic!("it broke: {complained}")).to_owned())
    }

    #[track_caller]
    fn refuses(verdict: &Verdict, because_of: &str, what: &str) {
        let as_expected =
            matches!(verdict, Verdict::Refused(why) if why.to_lowercase().contains(because_of));
        assert!(as_expected, "{what}: {verdict:?}, expected a refusal because of {because_of}");
    }
}

/// A gateway whose allowed requests carry an assertion, and one of them.
async fn assertion(node: &Node, key: &Key, gateway: &str, audience: Option<&str>) -> String {
    let body = json!({
        "id": gateway,
        "kind": "application",
        "auth": { "token": true },
        "required": { "audience": audience },
        "assertion": true,
    });
    let token = node.gateway(body).await;
    let url = format!("http://127.0.0.1:{}/v1/check/{gateway}", node.ports.gate);
    let request = http_client("127.0.0.1").get(url).header("X-Gateway-Token", token);
    let request = request.header("X-Real-IP", INSIDE);
    let response = Credential::Basic(key.clone()).show(request).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["x-client-assertion"].to_str().unwrap().to_owned()
}

/// Real assertions of a real node, and what must not pass for one.
async fn verifies(verifier: Verifier) {
    let node = Node::start().await;
    let key = node.key_for_inside().await;
    let api = json!({
        "name": "Signed",
        "identifier": SIGNED,
        "signing_alg": "ES256",
        "scopes": [{ "value": "read:orders", "description": "Read orders" }],
    });
    node.manage("POST", "/api/v2/resource-servers", api, 201).await;
    let grant = json!({ "client_id": key.id, "audience": SIGNED, "scope": ["read:orders"] });
    node.manage("POST", "/api/v2/client-grants", grant, 201).await;
    let issuer = node.issuer();
    let good = assertion(&node, &key, "signed", Some(SIGNED)).await;
    let of_gateway = assertion(&node, &key, "any", None).await;

    let Verdict::Accepted(claims) = verifier.verify(&[&issuer, SIGNED], &good).await else {
        panic!("a good assertion is refused");
    };
    assert_eq!(claims["client_id"], key.id.as_str());
    assert_eq!(claims["sub"], key.id.as_str());
    assert_eq!(claims["client_ip"], INSIDE);
    assert_eq!(claims["scope"], "read:orders");
    assert_eq!(claims["gateway"], "signed");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 30);
    let urn = "urn:keyward:gateway:any";
    let verdict = verifier.verify(&[&issuer, urn], &of_gateway).await;
    assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");

    let check = async |arguments: &[&str], assertion: &str, because_of: &str, what: &str| {
        Verifier::refuses(&verifier.verify(arguments, assertion).await, because_of, what);
    };
    check(&[&issuer, SIGNED], &of_gateway, "aud", "that of another gateway").await;
    check(&[&issuer, urn], &good, "aud", "another audience").await;
    let keys = format!("{issuer}.well-known/jwks.json");
    check(&["https://other.example/", SIGNED, &keys], &good, "iss", "another issuer").await;
    let token = access_token(&node, &key).await;
    check(&[&issuer, SIGNED], &token, "typ", "an access token").await;
    let [header, payload, signature]: [&str; 3] =
        good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let [_, other, _]: [&str; 3] = of_gateway.split('.').collect::<Vec<_>>().try_into().unwrap();
    let swapped = format!("{header}.{other}.{signature}");
    check(&[&issuer, urn], &swapped, "signature", "other claims under its signature").await;
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let (_, rest) = signature.split_at(1);
    let changed = format!("{header}.{payload}.{first}{rest}");
    check(&[&issuer, SIGNED], &changed, "signature", "another signature").await;
    // {"alg":"none","typ":"keyward-assertion+jwt"}
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoia2V5d2FyZC1hc3NlcnRpb24rand0In0";
    check(&[&issuer, SIGNED], &format!("{unsigned}.{payload}."), "", "no signature").await;
    check(&[&issuer, SIGNED], "-", "", "what stands for none").await;
}

/// As the guide sets nginx up to pass it on: each line beside its like.
#[tokio::test]
async fn nginx_passes_an_assertion_on() {
    let stack = Stack::start().await;
    let key = stack.node.key_for_inside().await;
    let set = json!({ "assertion": true });
    stack.node.manage("PATCH", "/v1/gateways/default", set, 200).await;
    let request = http_client(INSIDE).get(&stack.guarded).header("X-Client-Assertion", "forged");
    assert_eq!(Credential::Basic(key).show(request).send().await.unwrap().status(), 200);
    let seen = stack.application.take_seen();
    let assertions = seen[0].header("x-client-assertion");
    assert!(matches!(assertions[..], [one] if one.split('.').count() == 3), "{assertions:?}");
}

/// An access token for the same API, signed with the same key.
async fn access_token(node: &Node, key: &Key) -> String {
    let response = node.ask_token(INSIDE, key, SIGNED).await;
    let body: Value = response.json().await.unwrap();
    body["access_token"].as_str().unwrap().to_owned()
}

/// Two assertions under a key that was thrown away, alike but for their ends: in the year 2100, and
/// thirty seconds after it was signed in 2023.
mod written_before {
    pub(super) const ISSUER: &str = "https://id.example/";
    pub(super) const AUDIENCE: &str = "https://orders.example/";
    pub(super) const KEYS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"-gw1sUKJVPomMzOvi8MIN9WVDco4O5xS5sU9bSmHMng","y":"4dk-e07utnEkkVxFdV-1ZqTyzA2qUBXwcjDbQpl_3CI","kid":"test","alg":"ES256","use":"sig"}]}"#;
    pub(super) const LIVE: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6InRlc3QiLCJ0eXAiOiJrZXl3YXJkLWFzc2VydGlvbitqd3QifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUvIiwic3ViIjoiMDEyMzQ1Njc4OTAxMjM0NTY3ODkiLCJhdWQiOiJodHRwczovL29yZGVycy5leGFtcGxlLyIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjo0MTAyNDQ0ODAwLCJjbGllbnRfaWQiOiIwMTIzNDU2Nzg5MDEyMzQ1Njc4OSIsInNjb3BlIjoicmVhZDpvcmRlcnMiLCJnYXRld2F5Ijoib3JkZXJzIn0.xhU3XMFDHHGGmk-VwsxPc-8jcvgy6cJa0AjJsG5eDjFJPF_YZ2yNz32GKQG58pkxsUJo6vM1C4Z-PWMrtK4hDA";
    pub(super) const EXPIRED: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6InRlc3QiLCJ0eXAiOiJrZXl3YXJkLWFzc2VydGlvbitqd3QifQ.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wbGUvIiwic3ViIjoiMDEyMzQ1Njc4OTAxMjM0NTY3ODkiLCJhdWQiOiJodHRwczovL29yZGVycy5leGFtcGxlLyIsImlhdCI6MTcwMDAwMDAwMCwiZXhwIjoxNzAwMDAwMDMwLCJjbGllbnRfaWQiOiIwMTIzNDU2Nzg5MDEyMzQ1Njc4OSIsInNjb3BlIjoicmVhZDpvcmRlcnMiLCJnYXRld2F5Ijoib3JkZXJzIn0.DGpXAptaBiwJMTVMirjuic72GhdqgFBuX7tWbgbIJURJ70W2qHIqAsm4u_QbXw4MqGPWoZcZ1MTWRFdXE28unQ";
}

async fn refuses_what_has_expired(verifier: Verifier) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let keys = format!("http://{}/jwks.json", listener.local_addr().unwrap());
    let router = Router::new().route("/jwks.json", get(|| async { written_before::KEYS }));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let arguments = [written_before::ISSUER, written_before::AUDIENCE, &keys];
    let live = verifier.verify(&arguments, written_before::LIVE).await;
    assert!(matches!(live, Verdict::Accepted(_)), "{live:?}");
    let expired = verifier.verify(&arguments, written_before::EXPIRED).await;
    Verifier::refuses(&expired, "exp", "an expired one");
}

#[tokio::test]
async fn jose_verifies_an_assertion_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let Some(verifier) = Verifier::javascript(&folder) else { return };
    verifies(verifier).await;
}

#[tokio::test]
async fn pyjwt_verifies_an_assertion_and_nothing_else() {
    let Some(verifier) = Verifier::python() else { return };
    verifies(verifier).await;
}

#[tokio::test]
async fn jose_refuses_an_assertion_that_has_expired() {
    let folder = TempDir::new().unwrap();
    let Some(verifier) = Verifier::javascript(&folder) else { return };
    refuses_what_has_expired(verifier).await;
}

#[tokio::test]
async fn pyjwt_refuses_an_assertion_that_has_expired() {
    let Some(verifier) = Verifier::python() else { return };
    refuses_what_has_expired(verifier).await;
}
