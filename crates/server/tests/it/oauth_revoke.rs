//! Revocation: of one's own tokens, stored before it is confirmed.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::http::StatusCode;
use insta::assert_snapshot;
use keyward_core::client::State;
use keyward_core::jwk::Algorithm;
use keyward_core::policy::{Change, Freshness};
use keyward_core::time::{Clock, Timestamp};
use keyward_core::token::Dialect;

use crate::support::{Answer, Customer, TestClock, World};

async fn revoke(world: &World, customer: &Customer, fields: &[(&str, &str)]) -> Answer {
    let call = world.call("POST", "/oauth/revoke").basic(&customer.id_text, &customer.secret);
    call.form(fields).await
}

async fn is_active(world: &World, customer: &Customer, token: &str) -> bool {
    let call = world.call("POST", "/oauth/introspect").basic(&customer.id_text, &customer.secret);
    call.form(&[("token", token)]).await.json()["active"].as_bool().unwrap()
}

#[tokio::test]
async fn a_revoked_token_is_refused_from_the_answer_on() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    for dialect in [Dialect::Auth0, Dialect::Rfc9068] {
        world.edit_api(|api| api.dialect = dialect).await;
        world.pass_s(1).await;
        let token = world.token(&customer).await;
        world.pass_s(1).await;
        let other = world.token(&customer).await;
        assert!(is_active(&world, &customer, &token).await);
        let answer = revoke(&world, &customer, &[("token", &token)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(!is_active(&world, &customer, &token).await);
        assert!(is_active(&world, &customer, &other).await);
        // Once more is no error.
        assert_eq!(revoke(&world, &customer, &[("token", &token)]).await, answer);
    }
}

#[tokio::test]
async fn a_token_after_a_revocation_of_its_twin_is_another_one() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let revoked = world.token(&customer).await;
    revoke(&world, &customer, &[("token", &revoked)]).await;
    // Only here: the store's own time limits must not run out in no time.
    tokio::time::pause();
    let next = world.token(&customer).await;
    tokio::time::resume();
    assert!(is_active(&world, &customer, &next).await);
    assert!(!is_active(&world, &customer, &revoked).await);
}

#[tokio::test]
async fn a_token_that_waits_for_its_second_is_decided_anew_after_it() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let revoked = world.token(&customer).await;
    revoke(&world, &customer, &[("token", &revoked)]).await;
    // The first waits until the second is over; meanwhile the client is suspended.
    let waiting = world.ask_token(&customer);
    let suspending = world.edit_client(&customer.id, |client| client.state = State::Suspended);
    let (answer, ()) = tokio::join!(waiting, suspending);
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer}");
}

#[tokio::test]
async fn a_revocation_survives_in_the_store() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    revoke(&world, &customer, &[("token", &token)]).await;
    let snapshot = world.services.store.snapshot().await.unwrap();
    let revoked = |change: &keyward_core::policy::Change| {
        matches!(change, keyward_core::policy::Change::TokenRevoked { .. })
    };
    assert_eq!(snapshot.changes.iter().filter(|change| revoked(change)).count(), 1);
}

#[tokio::test]
async fn oauth_token_036_an_unknown_token_is_200() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    for token in ["unknown", "a.b.c", "", "eyJ"] {
        let fields = [("token", token), ("token_type_hint", "access_token"), ("x", "y")];
        let expected = if token.is_empty() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        assert_eq!(revoke(&world, &customer, &fields).await.status, expected, "{token}");
    }
}

#[tokio::test]
async fn oauth_token_037_a_foreign_token_stays_valid() {
    let world = World::new().await;
    let (customer, other) = (world.customer('a').await, world.customer('b').await);
    let token = world.token(&customer).await;
    assert_eq!(revoke(&world, &other, &[("token", &token)]).await.status, StatusCode::OK);
    assert!(is_active(&world, &customer, &token).await);
}

#[tokio::test]
async fn oauth_token_038_what_is_not_stored_is_not_confirmed() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    world.services.store.clone().close().await;
    for fields in [&[("token", token.as_str())][..], &[("revoke_all", "true")]] {
        let answer = revoke(&world, &customer, fields).await;
        assert_eq!(
            answer.to_string(),
            r#"503 {"error":"temporarily_unavailable","error_description":"The server cannot answer now, try again"}"#
        );
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[tokio::test]
async fn authentication_comes_first() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    let anonymous = world.call("POST", "/oauth/revoke").form(&[("token", &token)]).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    let wrong = world.call("POST", "/oauth/revoke").basic(&customer.id_text, "WRONG");
    assert_eq!(wrong.form(&[("token", &token)]).await.status, StatusCode::UNAUTHORIZED);
    assert!(is_active(&world, &customer, &token).await);
    let get = world.call("GET", "/oauth/revoke").empty().await;
    assert_eq!((get.status, get.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
}

#[tokio::test]
async fn a_refused_address_revokes_nothing() {
    let world = World::new().await;
    let list = world.enforce(&["192.0.2.1"]);
    let customer = world.customer_with('a', |client| client.allowlist = list).await;
    let answer = revoke(&world, &customer, &[("revoke_all", "true")]).await;
    assert_snapshot!(answer, @r#"403 {"error":"access_denied","error_description":"The request is not allowed"}"#);
}

#[tokio::test]
async fn all_tokens_of_a_client_can_be_revoked_at_once() {
    let world = World::new().await;
    let (customer, other) = (world.customer('a').await, world.customer('b').await);
    world.edit_api(|api| api.signing_algorithm = Algorithm::Es256).await;
    let first = world.token(&customer).await;
    world.pass_s(1).await;
    let second = world.token(&customer).await;
    let foreign = world.token(&other).await;
    let answer = revoke(&world, &customer, &[("revoke_all", "true")]).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
    assert!(!is_active(&world, &customer, &first).await);
    assert!(!is_active(&world, &customer, &second).await);
    assert!(is_active(&world, &other, &foreign).await);
    world.pass_s(1).await;
    let third = world.token(&customer).await;
    assert!(is_active(&world, &customer, &third).await);
}

#[tokio::test]
async fn one_token_and_all_of_them_is_no_request() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let token = world.token(&customer).await;
    let answer = revoke(&world, &customer, &[("token", &token), ("revoke_all", "true")]).await;
    assert_snapshot!(answer, @r#"400 {"error":"invalid_request","error_description":"Either token or revoke_all=true, not both"}"#);
    assert!(is_active(&world, &customer, &token).await);
}

#[tokio::test]
async fn an_api_key_is_no_token() {
    let world = World::new().await;
    let customer = world.customer('a').await;
    let answer = revoke(&world, &customer, &[("token", &customer.api_key)]).await;
    assert_snapshot!(answer, @r#"400 {"error":"unsupported_token_type","error_description":"API keys are not tokens: rotate the secret or suspend the client instead"}"#);
    let both = revoke(&world, &customer, &[("revoke_all", "maybe")]).await;
    assert_eq!(both.status, StatusCode::BAD_REQUEST);
}

type Deed = Box<dyn FnOnce() + Send>;

/// A clock that lets something happen at one of the times that it is asked.
struct Meddler {
    clock: TestClock,
    asked: AtomicU32,
    then: Mutex<Option<(u32, Deed)>>,
}

impl Meddler {
    fn new() -> Arc<Self> {
        let (clock, asked) = (TestClock::new(), AtomicU32::new(0));
        Arc::new(Self { clock, asked, then: Mutex::new(None) })
    }

    /// Lets it happen when it is next asked for the `nth` time.
    fn arm(&self, nth: u32, then: impl FnOnce() + Send + 'static) {
        self.asked.store(0, Ordering::SeqCst);
        *self.then.lock().unwrap() = Some((nth, Box::new(then)));
    }

    /// Lets it happen unless it has.
    fn fire(&self, asked: u32) {
        let due = self.then.lock().unwrap().take_if(|(nth, _)| *nth <= asked);
        if let Some((_, then)) = due {
            then();
        }
    }
}

impl fmt::Debug for Meddler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.clock.fmt(f)
    }
}

impl Clock for Meddler {
    fn now(&self) -> Timestamp {
        self.fire(self.asked.fetch_add(1, Ordering::SeqCst) + 1);
        self.clock.now()
    }

    fn uptime_ms(&self) -> u64 {
        self.clock.uptime_ms()
    }
}

#[tokio::test]
async fn no_token_for_an_old_secret_outlives_a_revocation_of_all() {
    for nth in 1..=6 {
        let meddler = Meddler::new();
        let world = World::with(|options| options.clock = Arc::clone(&meddler) as _).await;
        let customer = world.customer('a').await;
        let mut client = world.services.store.client(&customer.id).await.unwrap().unwrap();
        client.secrets.clear();
        client.tokens_not_before = Some(world.clock.now());
        let policy = Arc::clone(&world.services.policy);
        meddler.arm(nth, move || {
            let change = Change::Client(Box::new(client));
            policy.apply(policy.revision() + 1, vec![change], Freshness::Authority);
        });
        tokio::time::pause();
        let answer = world.ask_token(&customer).await;
        tokio::time::resume();
        meddler.fire(u32::MAX);
        if answer.status == StatusCode::OK {
            let call = world.call("POST", "/oauth/introspect");
            let call = call.basic(&world.admin.client_id, &world.admin.client_secret);
            let seen = call.form(&[("token", &answer.text("access_token"))]).await;
            assert_eq!((nth, seen.json()["active"].as_bool()), (nth, Some(false)));
        }
    }
}
