//! Bound tokens are good with what they are bound to, and what a caller writes about that is not
//! believed.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::gateways::front::Front;
use crate::gateways::program::Program;
use crate::gateways::recipe::Setup;
use crate::node::{API, INSIDE};
use crate::processes::http_client;

/// Who holds the key that a token is bound to.
struct Holder(Ed25519KeyPair);

impl Holder {
    /// A proof for a request, and for a token when there is one.
    fn proof(&self, method: &str, url: &str, token: Option<&str>, jti: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "a client has no clock but the machine's")]
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
        let x = URL_SAFE_NO_PAD.encode(self.0.public_key());
        let header = json!({
            "typ": "dpop+jwt",
            "alg": "EdDSA",
            "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x },
        });
        let mut claims = json!({ "jti": jti, "htm": method, "htu": url, "iat": now.as_secs() });
        if let Some(token) = token {
            claims["ath"] = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes())).into();
        }
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let input = format!("{}.{}", part(&header), part(&claims));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(input.as_bytes())))
    }
}

/// Says how the API binds its tokens.
async fn bind_by(front: &Front, mechanism: &str) {
    let path = format!("/api/v2/resource-servers/{}", API.replace(':', "%3A").replace('/', "%2F"));
    let body = json!({ "proof_of_possession": { "mechanism": mechanism, "required": true } });
    front.node.manage("PATCH", &path, body, 200).await;
}

/// A token request, to which what it is to be bound to is added.
async fn token(front: &Front, show: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Value {
    let body = json!({
        "grant_type": "client_credentials",
        "client_id": front.key.id,
        "client_secret": front.key.secret,
        "audience": API,
    });
    let request = http_client(INSIDE).post(format!("{}/oauth/token", front.node.public()));
    let answer = show(request.json(&body)).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    answer.json().await.unwrap()
}

pub(super) async fn a_token_bound_to_a_key(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    bind_by(&front, "dpop").await;
    let holder = Holder(Ed25519KeyPair::generate().unwrap());
    let endpoint = format!("{}oauth/token", front.node.issuer());
    let proof = holder.proof("POST", &endpoint, None, "token");
    let answer = token(&front, |request| request.header("DPoP", proof)).await;
    assert_eq!(answer["token_type"], "DPoP");
    let token = answer["access_token"].as_str().unwrap();

    let plain = || http_client(INSIDE).get(front.url());
    let dpop = |proof: &str| {
        plain().header("Authorization", format!("DPoP {token}")).header("DPoP", proof)
    };
    // As the caller sees it, without the query.
    let url = format!("http://{}/orders", front.place);
    let proof = |url: &str, jti: &str| holder.proof("GET", url, Some(token), jti);
    let good = proof(&url, "1");
    assert_eq!(front.status_of(dpop(&good)).await, 200, "{url}");
    assert_eq!(front.status_of(dpop(&good)).await, 401, "once more");
    assert_eq!(front.status_of(plain().bearer_auth(token)).await, 401, "as bearer token");
    let two = dpop(&proof(&url, "2")).header("DPoP", proof(&url, "3"));
    assert_eq!(front.status_of(two).await, 401, "two proofs");
    let elsewhere = proof(&format!("http://{}/others", front.place), "4");
    assert_eq!(front.status_of(dpop(&elsewhere)).await, 401, "for another path");
    let post = holder.proof("POST", &url, Some(token), "5");
    assert_eq!(front.status_of(dpop(&post)).await, 401, "for another method");
    // A proof that was made for somebody else, and words that would make it one for here.
    let stolen = dpop(&proof("https://evil.example/orders", "6"))
        .header("X-Original-Host", "evil.example")
        .header("X-Original-Proto", "https")
        .header("X-Original-URL", "https://evil.example/orders")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https");
    assert_eq!(front.status_of(stolen).await, 401, "for another place");
    // Nothing of this used up what is good.
    assert_eq!(front.status_of(dpop(&proof(&url, "6"))).await, 200);
}

pub(super) async fn a_certificate_is_not_the_callers_to_tell(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    bind_by(&front, "mtls").await;
    let gateway = json!({ "id": "terminator", "kind": "nginx", "auth": { "token": true } });
    let gateway_token = front.node.gateway(gateway).await;
    let own = rcgen::generate_simple_self_signed(["robot".to_owned()]).unwrap().cert;
    let pem = own.pem().replace('+', "%2B").replace('\n', "%0A").replace(' ', "%20");
    let answer = token(&front, |request| {
        request.header("cname-api-key", gateway_token).header("client-certificate", &pem)
    })
    .await;
    let token = answer["access_token"].as_str().unwrap();

    let bearer = || http_client(INSIDE).get(front.url()).bearer_auth(token);
    assert_eq!(front.status_of(bearer()).await, 401, "without certificate");
    let base64 = STANDARD.encode(own.der());
    let forged = bearer()
        .header("X-SSL-Client-Cert", &pem)
        .header("SSL-Client-Cert", &pem)
        .header("Client-Cert", format!(":{base64}:"))
        .header("X-Forwarded-Tls-Client-Cert", base64.replace('+', "%2B"))
        .header("X-Forwarded-Client-Cert", format!("Cert=\"{pem}\""));
    assert_eq!(front.status_of(forged).await, 401, "with one that the caller tells");
}
