//! The corpus area `jwt`, through the real decision: each token is signed as its case says and then
//! used on an API, under a policy that holds the clients and lists of the case.
//!
//! (`cfg(test)` tells clippy that functions outside of tests are test code too.)

#![cfg(test)]

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE};
use keyward_allowlist::{ClientIp, NoClientIp, parse_address, parse_entry};
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use keyward_core::api::Api;
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Reason};
use keyward_core::id::{ApiId, ClientId, GrantId};
use keyward_core::jwk::{Algorithm, KeySet};
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::secret::{PepperId, Peppers};
use keyward_core::time::{FixedClock, Timestamp};
use keyward_core::token::{Dialect, TokenFault, TokenId};
use serde_json::{Value, json};

#[path = "jose/keys.rs"]
mod keys;
#[path = "../../../corpus/loader.rs"]
mod loader;

use keys::{TestKey, base64url};
use loader::Case;

/// The keys the cases speak of.
struct Keys {
    k1: TestKey,
    k2: TestKey,
    client: TestKey,
    attacker: TestKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys {
    k1: TestKey::generate("k1", Algorithm::Es256),
    k2: TestKey::generate("k2", Algorithm::Rs256),
    client: TestKey::generate("client", Algorithm::Es256),
    attacker: TestKey::generate("attacker", Algorithm::Es256),
});

const ISSUER: &str = "https://auth.example";
const AUDIENCE: &str = "https://api.example";
/// Stands in every client's way unless a case says otherwise.
const ADDRESS: &str = "203.0.113.9";

fn payload() -> Value {
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "client_1", "client_id": "client_1",
           "iat": 1000, "exp": 1600, "jti": "j1"})
}

/// The token of a case.
fn token(input: &Value) -> Result<String, String> {
    let text = |name: &str| input.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(raw) = text("raw") {
        return Ok(raw);
    }
    let json = |name: &str| input.get(name).map(Value::to_string);
    let header = text("raw_header")
        .or_else(|| json("header"))
        .unwrap_or_else(|| json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"}).to_string());
    let claims = text("raw_payload").or_else(|| json("payload"));
    let claims = claims.unwrap_or_else(|| payload().to_string());
    let signing_input = keys::signing_input(&header, &claims);
    let with = text("sign_with").unwrap_or_default();
    let named = input.pointer("/header/kid").and_then(Value::as_str);
    let own = if named == Some("k2") { &KEYS.k2 } else { &KEYS.k1 };
    Ok(match signature(&with, own, &signing_input)? {
        Some(signature) => format!("{signing_input}.{signature}"),
        None => signing_input,
    })
}

/// The third part of a token, or nothing when there is to be none.
fn signature(with: &str, own: &TestKey, input: &str) -> Result<Option<String>, String> {
    let hmac = |secret: &[u8]| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes()).as_ref().to_vec()
    };
    let bytes = match with {
        "nothing" => return Ok(None),
        "empty" => Vec::new(),
        "k1" => KEYS.k1.sign(input),
        "k2" => KEYS.k2.sign(input),
        "client key" => KEYS.client.sign(input),
        "attacker" => KEYS.attacker.sign(input),
        "valid signature with one bit flipped" => {
            let mut signature = own.sign(input);
            signature[7] ^= 1;
            signature
        }
        "valid signature + trailing byte" => [&own.sign(input)[..], &[0]].concat(),
        "r=0,s=0" => vec![0; 64],
        "DER encoded ECDSA signature" => KEYS.k1.sign_der(input),
        "base64 with padding =" => return Ok(Some(URL_SAFE.encode(own.sign(input)))),
        "base64 with + and /" => {
            // Few signatures have neither; ECDSA makes a new one each time.
            let texts = (0..1000).map(|_| STANDARD_NO_PAD.encode(own.sign(input)));
            return Ok(texts.into_iter().find(|text| text.contains(['+', '/'])));
        }
        "HMAC keyed with RSA public PEM of k2" => hmac(KEYS.k2.public_pem().as_bytes()),
        "HMAC keyed with EC public point of k1" => hmac(KEYS.k1.public_bytes()),
        other => return Err(format!("an unknown way to sign: {other}")),
    };
    Ok(Some(base64url(&bytes)))
}

/// A policy with the API, its two clients, and what the environment of a case adds.
fn policy(env: &Value) -> Result<Policy, String> {
    let text = |name: &str| env.get(name).and_then(Value::as_str);
    let leeway = env.get("leeway_s").and_then(Value::as_u64).unwrap_or(5);
    let policy = Policy::new(Settings {
        issuer: text("issuer").unwrap_or(ISSUER).into(),
        keys: KeySet::from_iter([KEYS.k1.public(), KEYS.k2.public()]),
        peppers: Peppers::new((PepperId(1), &[9; 32]), &[]),
        default_audience: None,
        leeway_s: u32::try_from(leeway).map_err(|error| error.to_string())?,
    });
    let start = Timestamp::default();
    let mut api = Api::new(
        ApiId::parse("api").map_err(|error| error.to_string())?,
        text("audience").unwrap_or(AUDIENCE),
        "the API",
        start,
    );
    api.dialect = Dialect::Rfc9068;
    let mut changes = vec![Change::Api(Box::new(api.clone()))];
    for name in ["client_1", "client_2"] {
        let id = client_id(name)?;
        let mut client = Client::new(id.clone(), name, start);
        if let Some(entries) = env.get("allowlist").and_then(Value::as_array) {
            client.allowlist = enforced(entries)?;
        }
        changes.push(Change::Client(Box::new(client)));
        changes.push(Change::Grant(Box::new(ClientGrant {
            id: GrantId::parse(name).map_err(|error| error.to_string())?,
            client: id,
            api: api.id.clone(),
            scopes: Vec::new(),
            organizations: Default::default(),
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: start,
            updated_at: start,
        })));
    }
    let revoked = |what: &str| env.pointer(&format!("/revoked/{what}")).and_then(Value::as_str);
    if let Some(jti) = revoked("jti") {
        let token = TokenId::of_jti(&client_id("client_1")?, jti);
        changes.push(Change::TokenRevoked { token, expires_at: Timestamp::from_seconds(1600) });
    }
    if let Some(client) = revoked("client") {
        changes.push(Change::ClientDeleted(client_id(client)?));
    }
    policy.apply(1, changes, Freshness::Authority);
    Ok(policy)
}

fn client_id(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).map_err(|error| error.to_string())
}

fn enforced(entries: &[Value]) -> Result<Allowlist, String> {
    let entry = |text: &Value| {
        let text = text.as_str().ok_or("an entry is text")?;
        Ok::<_, String>(Entry {
            network: parse_entry(text, &Allowlist::entry_rules())
                .map_err(|error| error.to_string())?,
            label: None,
            expires_at: None,
            created_at: Timestamp::default(),
            created_by: "corpus".to_owned(),
        })
    };
    let entries = entries.iter().map(entry).collect::<Result<_, _>>()?;
    Ok(Allowlist { mode: Mode::Enforce, entries })
}

/// Uses a token on the API from the address of a case.
fn use_token(token: &str, env: &Value) -> Result<Decision, String> {
    let client_ip = match env.get("ip") {
        Some(Value::Null) => Err(NoClientIp::MissingHeader),
        other => {
            let text = other.and_then(Value::as_str).unwrap_or(ADDRESS);
            Ok(ClientIp::from(parse_address(text).map_err(|error| error.to_string())?))
        }
    };
    let audience = env.get("audience").and_then(Value::as_str).unwrap_or(AUDIENCE);
    let attempt = Attempt {
        credential: Ok(Credential::Token(token)),
        client_ip,
        evidence: Evidence::None,
        door: Door::Use(Required { audience: Some(audience), ..Required::default() }),
    };
    let now_s = env.get("now").and_then(Value::as_i64).unwrap_or(1200);
    let clock = FixedClock { now: Timestamp::from_seconds(now_s), uptime_ms: 1 };
    Ok(decide(&policy(env)?, &attempt, &clock))
}

/// What the caller learns of a reason: its class.
fn status(reason: Reason) -> u16 {
    let forbidden = matches!(
        reason,
        Reason::Address(_) | Reason::NoClientAddress(_) | Reason::NoGrant | Reason::Scope
    );
    if forbidden {
        403
    } else if reason == Reason::Stale {
        503
    } else {
        401
    }
}

fn check(case: &Case) -> Result<(), String> {
    let env = case.input.get("env").cloned().unwrap_or(Value::Null);
    let decision = use_token(&token(&case.input)?, &env)?;
    let accept = case.expect.get("accept").and_then(Value::as_bool);
    let expected_status = case.expect.get("status").and_then(Value::as_u64);
    match decision {
        Decision::Allow(_) if accept == Some(true) => Ok(()),
        Decision::Allow(permit) => Err(format!("accepted as {}", permit.client)),
        Decision::Deny(denial) => {
            let got = status(denial.reason);
            let fits = expected_status.is_none_or(|expected| expected == u64::from(got));
            if accept == Some(false) && fits {
                Ok(())
            } else {
                Err(format!("{got} because {:?}", denial.reason))
            }
        }
    }
}

#[test]
fn jwt() {
    loader::run("jwt", check);
}

fn reason(header: &Value, payload: &Value, key: &TestKey) -> Option<Reason> {
    let token = key.token(&header.to_string(), &payload.to_string());
    use_token(&token, &Value::Null).unwrap().reason()
}

fn header(typ: &str) -> Value {
    json!({"alg": "ES256", "typ": typ, "kid": "k1"})
}

#[test]
fn jwt_070_a_dpop_proof_is_not_an_access_token() {
    let proof = json!({"jti": "x", "htm": "POST", "htu": "https://api.example/v1", "iat": 1200});
    let unknown = reason(&header("dpop+jwt"), &proof, &KEYS.client);
    assert!(matches!(unknown, Some(Reason::Token(TokenFault::Jws(_)))), "{unknown:?}");
    // Not even signed with a key of ours.
    let signed = reason(&header("dpop+jwt"), &proof, &KEYS.k1);
    assert_eq!(signed, Some(Reason::Token(TokenFault::Type)));
    let claims = reason(&header("dpop+jwt"), &payload(), &KEYS.k1);
    assert_eq!(claims, Some(Reason::Token(TokenFault::Type)));
}

#[test]
fn jwt_073_a_dpop_bound_token_is_no_bearer_token() {
    let mut bound = payload();
    bound["cnf"] = json!({"jkt": "A"});
    let reason = reason(&header("at+jwt"), &bound, &KEYS.k1);
    assert_eq!(reason, Some(Reason::UnprovenToken));
    assert_eq!(reason.map(status), Some(401));
}

#[test]
fn jwt_074_a_certificate_bound_token_needs_its_certificate() {
    let mut bound = payload();
    bound["cnf"] = json!({"x5t#S256": "A"});
    let reason = reason(&header("at+jwt"), &bound, &KEYS.k1);
    assert_eq!(reason, Some(Reason::UnprovenToken));
    assert_eq!(reason.map(status), Some(401));
}
