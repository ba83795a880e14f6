//! When nothing can be decided.

use std::sync::atomic::Ordering;

use keyward_core::gateway::Gateway;
use keyward_core::policy::Freshness;
use keyward_core::time::Timestamp;

use crate::fixture::{Answer, LISTED, World, from};

fn is_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.header("x-client-id").is_none());
    assert!(answer.header("www-authenticate").is_none());
}

#[tokio::test]
async fn forward_auth_044_a_policy_past_its_bound_refuses() {
    let mut world = World::new();
    let key = world.key();
    let headers = [from(LISTED), key.basic()];
    world.policy.apply(world.policy.revision() + 1, Vec::new(), Freshness::Until(5_000));
    world.clock.uptime_ms.store(4_999, Ordering::SeqCst);
    assert_eq!(world.ask("default", &headers).await.status, 200);
    world.clock.uptime_ms.store(5_000, Ordering::SeqCst);
    while world.events.try_recv().is_ok() {}
    is_unavailable(&world.ask("default", &headers).await);
    assert_eq!(world.events.try_recv().unwrap().denied.unwrap().code(), "policy_stale");
    is_unavailable(&world.ask("full", &headers).await);
    // Not even an unknown key is told that it is unknown.
    is_unavailable(&world.ask("default", &[from(LISTED)]).await);
    world.policy.apply(world.policy.revision() + 1, Vec::new(), Freshness::Until(9_000));
    assert_eq!(world.ask("default", &headers).await.status, 200);
}

#[tokio::test]
async fn forward_auth_045_nothing_passes_before_the_first_policy() {
    let mut later = World::new();
    let key = later.key();
    let world = World::before_the_first_policy(8);
    is_unavailable(&world.ask("default", &[from(LISTED), key.basic()]).await);
    is_unavailable(&world.ask("default", &[]).await);
}

#[tokio::test]
async fn forward_auth_043_a_full_event_queue_neither_opens_nor_delays() {
    let mut world = World::before_the_first_policy(1);
    world.register(Gateway::built_in(Timestamp::default()).unwrap());
    let key = world.listed_key();
    for _ in 0..5 {
        assert_eq!(world.ask("default", &[from("192.0.2.1"), key.basic()]).await.status, 403);
        assert_eq!(world.ask("default", &[]).await.status, 401);
        assert_eq!(world.ask("default", &[from(LISTED), key.basic()]).await.status, 200);
    }
    assert!(world.events.try_recv().is_ok());
    assert!(world.events.try_recv().is_err(), "the rest was dropped");
    world.policy.apply(world.policy.revision() + 1, Vec::new(), Freshness::Until(1));
    is_unavailable(&world.ask("default", &[from(LISTED), key.basic()]).await);
}
