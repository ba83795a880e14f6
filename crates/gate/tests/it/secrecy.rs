//! What a caller must not be able to tell apart.

use keyward_core::allowlist::Mode;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use crate::fixture::{
    Answer, FOREIGN, Header, Key, LISTED, World, account, allowlist, basic, from, suspend,
};

const GATEWAYS: [&str; 4] = ["default", "full", "uniform", "uniform-bare"];

/// Credentials that are not good, each for another reason.
fn bad_credentials(world: &mut World) -> Vec<(&'static str, Header)> {
    let listed = world.listed_key();
    let plain = world.key();
    let gone = world.key();
    world.apply(vec![Change::ClientDeleted(gone.client.id.clone())]);
    let suspended = world.key_with(suspend);
    let expired = world.key_with(|client| {
        client.secrets[0].expires_at = Some(Timestamp::from_millis(1));
    });
    let without_secrets = world.key_with(|client| client.secrets.clear());
    let (id, closed) =
        account("acc_closed", |account| account.state = keyward_core::client::State::Suspended);
    world.apply(vec![closed]);
    let of_closed = world.key_with(|client| client.account = Some(id));
    let revoked = world.key();
    let revoked_token = world.token(&revoked);
    let not_before = Timestamp::from_seconds(i64::from(u32::MAX));
    world.edit(&revoked, |client| client.tokens_not_before = Some(not_before));

    let wrong_checksum = replaced_last(&plain.api_key());
    let secret_of_another = basic(&listed.id(), plain.api_key().rsplit('_').next().unwrap());
    let mut foreign_token = world.token(&plain);
    foreign_token.1.push_str("AAAA");
    vec![
        ("unknown id", basic("00000000000000000000", "whatever")),
        ("unknown foreign id", basic("some-other-client", "whatever")),
        ("id in no form", basic("née", "whatever")),
        ("key of a deleted client", gone.bearer()),
        ("suspended client", suspended.bearer()),
        ("suspended client, basic", suspended.basic()),
        ("expired secret", expired.bearer()),
        ("no secret at all", without_secrets.basic()),
        ("suspended account", of_closed.x_api_key()),
        ("wrong secret", basic(&plain.id(), "wrong")),
        ("wrong secret of a client with a list", secret_of_another),
        ("wrong checksum", ("authorization", format!("Bearer {wrong_checksum}"))),
        ("wrong checksum, other header", ("x-api-key", wrong_checksum)),
        ("not a key", ("x-api-key", "k1".to_owned())),
        ("not a token", ("authorization", "Bearer null".to_owned())),
        ("token with a wrong signature", foreign_token),
        ("revoked tokens", revoked_token),
        ("basic that is not base64", ("authorization", "Basic ???".to_owned())),
    ]
}

fn replaced_last(key: &str) -> String {
    let mut changed = key.to_owned();
    let last = if changed.pop() == Some('0') { '1' } else { '0' };
    changed.push(last);
    changed
}

async fn bearer_class_a(world: &World, gateway: &str) -> Answer {
    world.ask(gateway, &[from(LISTED), basic("00000000000000000000", "whatever")]).await
}

#[tokio::test]
async fn every_401_is_the_same_from_every_address() {
    let mut world = World::new();
    let bad = bad_credentials(&mut world);
    for gateway in GATEWAYS {
        let expected = bearer_class_a(&world, gateway).await;
        assert_eq!(expected.status, 401);
        for (why, shown) in &bad {
            for address in [Some(LISTED), Some(FOREIGN), None] {
                let mut headers = vec![shown.clone()];
                headers.extend(address.map(from));
                let answer = world.ask(gateway, &headers).await;
                assert_eq!(answer, expected, "{why} from {address:?} at {gateway}");
            }
        }
    }
}

#[tokio::test]
async fn a_bare_gateway_knows_one_401_alone() {
    let world = World::new();
    let expected = bearer_class_a(&world, "default").await;
    let shown = |value: &str| ("authorization", value.to_owned());
    for headers in [
        vec![],
        vec![shown("Bearer")],
        vec![shown("Bearer a b")],
        vec![shown("Digest x")],
        vec![shown("Bearer a"), shown("Bearer b")],
        vec![shown("Bearer a"), ("x-api-key", "b".to_owned())],
    ] {
        assert_eq!(world.ask("default", &headers).await, expected, "{headers:?}");
    }
    assert_eq!(expected.header_names(), ["www-authenticate", "cache-control"]);
    assert_eq!(
        expected.header("www-authenticate"),
        Some(r#"Basic realm="api", charset="UTF-8", Bearer"#)
    );
}

#[tokio::test]
async fn every_403_is_the_same() {
    let mut world = World::new();
    let listed = world.listed_key();
    let (id, change) =
        account("acc_1", |account| account.allowlist = allowlist(Mode::Enforce, &[LISTED]));
    world.apply(vec![change]);
    let of_account = world.key_with(|client| client.account = Some(id));
    let empty = world.key_with(|client| client.allowlist = allowlist(Mode::Enforce, &[]));
    let wide = world.key();
    let expected = world.ask("default", &[from(FOREIGN), listed.basic()]).await;
    assert_eq!(expected.status, 403);
    assert_eq!(expected.header_names(), ["cache-control"]);
    for headers in [
        vec![listed.basic()],
        vec![from("unknown"), listed.bearer()],
        vec![from(FOREIGN), listed.x_api_key()],
        vec![from(FOREIGN), world.token(&listed)],
        vec![from(FOREIGN), of_account.basic()],
        vec![from(LISTED), empty.basic()],
    ] {
        assert_eq!(world.ask("default", &headers).await, expected, "{headers:?}");
    }
    for gateway in ["nobody", "far", "", "default/", "default/x", "Default"] {
        assert_eq!(world.ask(gateway, &[from(LISTED), wide.basic()]).await, expected, "{gateway}");
    }
    let expected = world.ask("full", &[from(FOREIGN), listed.basic()]).await;
    assert_eq!(expected.body, r#"{"error":"access_denied"}"#);
    let other_policy = world.ask("scoped", &[from(LISTED), world.token(&wide)]).await;
    assert_eq!(other_policy, expected);
}

#[tokio::test]
async fn report_only_shows_nothing() {
    let mut world = World::new();
    let key = world.key();
    let expected = world.ask("default", &[from(FOREIGN), key.basic()]).await;
    world.edit(&key, |client| client.allowlist = allowlist(Mode::Report, &[LISTED]));
    while world.events.try_recv().is_ok() {}
    assert_eq!(world.ask("default", &[from(FOREIGN), key.basic()]).await, expected);
    let event = world.events.try_recv().unwrap();
    assert_eq!(event.would_deny.unwrap().code(), "address_not_allowed_by_client");
    assert!(event.denied.is_none());
}

#[tokio::test]
async fn bearer_031_an_unknown_key_gets_invalid_token() {
    let world = World::new();
    let answer = bearer_class_a(&world, "full").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body, r#"{"error":"invalid_token"}"#);
    let challenge = answer.header("www-authenticate").unwrap();
    assert!(challenge.ends_with(r#"Bearer error="invalid_token""#), "{challenge}");
}

async fn is_class_a(world: &World, key: &Key) {
    for gateway in GATEWAYS {
        let expected = bearer_class_a(world, gateway).await;
        for shown in [key.bearer(), key.basic(), key.x_api_key()] {
            assert_eq!(world.ask(gateway, &[from(LISTED), shown]).await, expected);
        }
    }
}

#[tokio::test]
async fn bearer_032_a_revoked_key_is_like_an_unknown_one() {
    let mut world = World::new();
    let key = world.listed_key();
    assert_eq!(world.ask("full", &[from(LISTED), key.bearer()]).await.status, 200);
    world.edit(&key, |client| client.secrets.clear());
    is_class_a(&world, &key).await;
    world.edit(&key, suspend);
    is_class_a(&world, &key).await;
    world.apply(vec![Change::ClientDeleted(key.client.id.clone())]);
    is_class_a(&world, &key).await;
}

#[tokio::test]
async fn bearer_033_an_expired_key_is_like_an_unknown_one() {
    let mut world = World::new();
    let key = world.key_with(|client| {
        client.secrets[0].expires_at = Some(Timestamp::from_millis(1));
    });
    is_class_a(&world, &key).await;
}

#[tokio::test]
async fn bearer_034_a_wrong_checksum_is_like_an_unknown_key() {
    let mut world = World::new();
    let key = replaced_last(&world.key().api_key());
    let expected = bearer_class_a(&world, "full").await;
    let shown = ("authorization", format!("Bearer {key}"));
    assert_eq!(world.ask("full", &[from(LISTED), shown]).await, expected);
}

#[tokio::test]
async fn bearer_035_a_foreign_address_gets_a_403_that_names_no_list() {
    let mut world = World::new();
    let key = world.listed_key();
    let answer = world.ask("full", &[from(FOREIGN), key.bearer()]).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.body, r#"{"error":"access_denied"}"#);
    let names = answer.header_names();
    assert_eq!(names, ["cache-control", "content-type"]);
}

#[tokio::test]
async fn bearer_036_every_policy_denial_is_that_403() {
    let mut world = World::new();
    let (listed, plain) = (world.listed_key(), world.key());
    let by_address = world.ask("full", &[from(FOREIGN), listed.bearer()]).await;
    let by_scope = world.ask("scoped", &[from(FOREIGN), world.token(&plain)]).await;
    assert_eq!(by_scope, by_address);
}

#[tokio::test]
async fn bearer_037_uniform_disclosure_hides_that_the_key_lives() {
    let mut world = World::new();
    let key = world.listed_key();
    for gateway in ["uniform", "uniform-bare"] {
        let expected = bearer_class_a(&world, gateway).await;
        for shown in [key.bearer(), key.basic(), key.x_api_key(), world.token(&key)] {
            let refused = world.ask(gateway, &[from(FOREIGN), shown.clone()]).await;
            assert_eq!(refused, expected);
            assert_eq!(world.ask(gateway, std::slice::from_ref(&shown)).await, expected);
            assert_eq!(world.ask(gateway, &[from(LISTED), shown]).await.status, 200);
        }
    }
}

#[tokio::test]
async fn bearer_038_a_wrong_secret_learns_nothing_from_the_right_address() {
    let mut world = World::new();
    let key = world.listed_key();
    let wrong = basic(&key.id(), "wrong");
    let expected = bearer_class_a(&world, "full").await;
    for address in [LISTED, FOREIGN] {
        assert_eq!(world.ask("full", &[from(address), wrong.clone()]).await, expected);
    }
}

#[tokio::test]
async fn bearer_039_nothing_remembers_unknown_keys() {
    let mut world = World::new();
    let first = bearer_class_a(&world, "full").await;
    let key = world.key();
    world.apply(vec![Change::ClientDeleted(key.client.id.clone())]);
    assert_eq!(world.ask("full", &[from(LISTED), key.bearer()]).await, first);
    assert_eq!(world.ask("full", &[from(LISTED), key.bearer()]).await, first);
    // A refusal that was remembered would now be wrong.
    world.apply(vec![Change::Client(Box::new(key.client.clone()))]);
    assert_eq!(world.ask("full", &[from(LISTED), key.bearer()]).await.status, 200);
}
