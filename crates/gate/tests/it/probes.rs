//! Probes: what an operator sees, and that they open nothing.

use std::time::Duration;

use http::Method;
use keyward_core::gateway::GatewayKind;
use keyward_core::time::{Clock as _, Timestamp};
use keyward_gate::probes::{ProbeAnswer, ProbeOrder};

use crate::fixture::{FOREIGN, LISTED, World, from, gateway, request};

const CREDENTIAL: &str = "kwp_0123456789abcdef";

fn order(answer: ProbeAnswer) -> ProbeOrder {
    let expires_at = Timestamp::from_seconds(i64::from(u32::MAX));
    ProbeOrder { answer, hold: Duration::ZERO, client: None, expires_at }
}

#[tokio::test]
async fn a_probe_is_refused_as_ordered_and_shows_what_came() {
    let world = World::new();
    let now = world.clock.now();
    for (answer, full, nginx) in [
        (ProbeAnswer::Unauthorized, 401, 401),
        (ProbeAnswer::Forbidden, 403, 403),
        (ProbeAnswer::TooMany, 429, 403),
        (ProbeAnswer::Unavailable, 503, 403),
    ] {
        world.gate.probes().order(CREDENTIAL, order(answer), now).unwrap();
        world.register(gateway("nginx", GatewayKind::Nginx));
        let bearer = ("authorization", format!("Bearer {CREDENTIAL}"));
        let key = ("x-api-key", CREDENTIAL.to_owned());
        assert_eq!(world.ask("full", &[from(LISTED), bearer]).await.status, full);
        assert_eq!(world.ask("nginx", &[from(LISTED), key]).await.status, nginx);
    }
    let (seen, unseen) = world.gate.probes().sightings(CREDENTIAL, now).unwrap();
    assert_eq!((seen.len(), unseen), (2, 0), "each order begins anew");
    assert_eq!(seen[0].gateway.as_str(), "full");
    assert_eq!(seen[0].client_ip.unwrap().to_string(), LISTED);
    assert_eq!(seen[1].status, 503);
}

#[tokio::test]
async fn a_probe_sees_spoofed_headers_and_no_credential() {
    let world = World::new();
    let now = world.clock.now();
    world.gate.probes().order(CREDENTIAL, order(ProbeAnswer::Forbidden), now).unwrap();
    let headers = [
        from(FOREIGN),
        ("x-forwarded-for", LISTED.to_owned()),
        ("x-client-id", "admin".to_owned()),
        ("cookie", "session=secret".to_owned()),
        ("x-original-uri", "/orders?page=1".to_owned()),
        ("x-api-key", CREDENTIAL.to_owned()),
    ];
    world.send(request(Method::GET, "/v1/check/default", &headers)).await;
    let (seen, _) = world.gate.probes().sightings(CREDENTIAL, now).unwrap();
    assert_eq!(seen[0].seen.target.as_deref(), Some("/orders"));
    let has = |name: &str, value: &str| {
        seen[0].seen.headers.contains(&(name.to_owned(), value.to_owned()))
    };
    assert!(has("x-forwarded-for", LISTED) && has("x-client-id", "admin"));
    assert!(!format!("{seen:?}").contains("secret"));
    assert!(!format!("{seen:?}").contains(CREDENTIAL));
}

#[tokio::test]
async fn no_probe_lets_anything_through() {
    let mut world = World::new();
    let key = world.key();
    let now = world.clock.now();
    let mut open = gateway("open", GatewayKind::Nginx);
    open.public_paths = vec!["/public".to_owned()];
    world.register(open);
    for answer in ProbeAnswer::ALL {
        let watch = ProbeOrder { client: Some(key.client.id.clone()), ..order(answer) };
        world.gate.probes().order(CREDENTIAL, watch, now).unwrap();
        let target = ("x-original-uri", "/public".to_owned());
        for gateway in ["default", "full", "open"] {
            let shown = ("x-api-key", CREDENTIAL.to_owned());
            let answer = world.ask(gateway, &[from(LISTED), target.clone(), shown]).await;
            assert_ne!(answer.status, 200, "{gateway}");
            assert!(answer.header("x-client-id").is_none());
        }
    }
    // A probe that ended is a credential that is not good.
    world.gate.probes().end(CREDENTIAL);
    let shown = ("x-api-key", CREDENTIAL.to_owned());
    assert_eq!(world.ask("full", &[from(LISTED), shown]).await.status, 401);
}

#[tokio::test]
async fn a_watched_client_is_decided_as_always() {
    let mut world = World::new();
    let key = world.listed_key();
    let now = world.clock.now();
    let watch = ProbeOrder { client: Some(key.client.id.clone()), ..order(ProbeAnswer::Forbidden) };
    world.gate.probes().order(CREDENTIAL, watch, now).unwrap();
    assert_eq!(world.ask("full", &[from(LISTED), key.basic()]).await.status, 200);
    assert_eq!(world.ask("full", &[from(FOREIGN), key.basic()]).await.status, 403);
    let other = world.key();
    assert_eq!(world.ask("full", &[from(FOREIGN), other.basic()]).await.status, 200);
    let (seen, _) = world.gate.probes().sightings(CREDENTIAL, now).unwrap();
    let told: Vec<_> =
        seen.iter().map(|one| (one.status, one.client_ip.unwrap().to_string())).collect();
    assert_eq!(told, [(200, LISTED.to_owned()), (403, FOREIGN.to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_may_hold_its_answer() {
    let world = World::new();
    let now = world.clock.now();
    let hold = Duration::from_secs(20);
    let held = ProbeOrder { hold, ..order(ProbeAnswer::Unavailable) };
    world.gate.probes().order(CREDENTIAL, held, now).unwrap();
    let started = tokio::time::Instant::now();
    let shown = ("x-api-key", CREDENTIAL.to_owned());
    assert_eq!(world.ask("full", &[from(LISTED), shown]).await.status, 503);
    assert!(started.elapsed() >= hold);
}
