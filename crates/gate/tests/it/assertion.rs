//! The signed assertion of an allowed request.

use std::sync::{Arc, Mutex};

use keyward_core::assertion::AssertionClaims;
use keyward_core::gateway::{Gateway, GatewayKind};
use keyward_gate::{AssertionSigner, Events, Gate};

use crate::fixture::{AUDIENCE, LISTED, World, from, gateway};

/// Keeps what it was to sign.
#[derive(Default)]
struct Signer {
    claims: Mutex<Vec<String>>,
    answer: Option<String>,
}

impl AssertionSigner for Signer {
    fn sign_assertion(&self, claims: &AssertionClaims<'_>) -> Option<String> {
        self.claims.lock().unwrap().push(claims.to_json());
        self.answer.clone()
    }
}

fn with_signer(world: &mut World, answer: Option<&str>) -> Arc<Signer> {
    let signer = Arc::new(Signer { answer: answer.map(str::to_owned), ..Signer::default() });
    let gate = Gate::new(world.policy.clone(), world.clock.clone(), Events::unheard());
    world.gate = Arc::new(gate.with_signer(signer.clone()));
    signer
}

fn asserting(name: &str) -> Gateway {
    let mut gateway = gateway(name, GatewayKind::Caddy);
    gateway.assertion = true;
    gateway
}

#[tokio::test]
async fn it_is_there_where_it_was_ordered_and_void_elsewhere() {
    let mut world = World::new();
    let key = world.key();
    let signer = with_signer(&mut world, Some("a.b.c"));
    let mut guarding_one = asserting("one-api");
    guarding_one.required_audience = Some(AUDIENCE.to_owned());
    world.register(guarding_one);
    world.register(asserting("any-api"));
    let headers = [from(LISTED), key.basic()];
    let plain = world.ask("full", &headers).await;
    assert_eq!(plain.header("x-client-assertion"), Some("-"));
    assert!(signer.claims.lock().unwrap().is_empty());
    for name in ["one-api", "any-api"] {
        let answer = world.ask(name, &headers).await;
        assert_eq!(answer.header("x-client-assertion"), Some("a.b.c"), "{name}");
    }
    let claims = signer.claims.lock().unwrap().clone();
    let (one, any) = (&claims[0], &claims[1]);
    assert!(one.contains(&format!(r#""aud":"{AUDIENCE}""#)), "{one}");
    assert!(any.contains(r#""aud":"urn:keyward:gateway:any-api""#), "{any}");
    assert!(one.contains(&format!(r#""client_ip":"{LISTED}""#)), "{one}");
    assert!(one.contains(&format!(r#""sub":"{}""#, key.id())), "{one}");
}

#[tokio::test]
async fn nobody_is_let_in_without_one() {
    let mut world = World::new();
    let key = world.key();
    world.register(asserting("edge"));
    let headers = [from(LISTED), key.basic()];
    assert_eq!(world.ask("edge", &headers).await.status, 503, "nobody signs");
    with_signer(&mut world, None);
    assert_eq!(world.ask("edge", &headers).await.status, 503, "signing fails");
    assert_eq!(world.ask("full", &headers).await.status, 200);
    with_signer(&mut world, Some(&"a".repeat(4_000)));
    assert_eq!(world.ask("edge", &headers).await.status, 403, "longer than a header may be");
}
