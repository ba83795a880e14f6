//! Keyward gone, Keyward slow, and the gateway reloading: closed, and back again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Client;

use crate::application::Application;
use crate::gateways::front::Front;
use crate::gateways::program::Program;
use crate::gateways::recipe::Setup;
use crate::node::{Credential, INSIDE, OUTSIDE};
use crate::processes::Signal;

/// Longer than Traefik waits, which waits longest: 30 seconds.
const PATIENCE: Duration = Duration::from_secs(50);

fn patient(from: &str) -> Client {
    let builder = Client::builder().local_address(Some(from.parse().unwrap())).no_proxy();
    builder.timeout(PATIENCE).build().unwrap()
}

/// What the guide says that a caller gets while Keyward does not answer.
const fn absent(program: Program) -> &'static [u16] {
    match program {
        Program::Nginx
        | Program::Haproxy
        | Program::Apache
        | Program::EnvoyGrpc
        | Program::EnvoyHttp => &[503],
        Program::Caddy => &[502, 504],
        Program::Traefik => &[500],
    }
}

async fn assert_closed(front: &Front, program: Program) {
    for credential in [Credential::Basic(front.key.clone()), Credential::None] {
        let request = credential.show(patient(INSIDE).get(front.url()));
        let status = front.status_of(request).await;
        assert!(absent(program).contains(&status), "{credential:?}: {status}");
    }
}

/// Some gateways stay away from a node that failed for a while.
async fn assert_opens_again(front: &Front) {
    let mut again = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..200 {
        if front.status_of(front.request(INSIDE)).await == 200 {
            return;
        }
        again.tick().await;
    }
    panic!("it stays closed:\n{}", front.gateway.output());
}

pub(super) async fn keyward_is_gone(program: Program) {
    let mut front = Front::start(program, Setup::PLAIN).await;
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200);
    front.node.process.kill();
    assert_closed(&front, program).await;
    front.node.restart().await;
    assert_opens_again(&front).await;
}

pub(super) async fn keyward_is_slow(program: Program) {
    let front = Front::start(program, Setup::PLAIN).await;
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200);
    front.node.process.signal(Signal::STOP);
    assert_closed(&front, program).await;
    front.node.process.signal(Signal::CONT);
    assert_opens_again(&front).await;
}

/// Envoy's own status for no answer, where its configuration names none.
pub(super) async fn a_timeout_without_a_status_is_403(program: Program) {
    let mistake = [("status_on_error: { code: ServiceUnavailable }", "stat_prefix: checks")];
    let networks = [format!("{INSIDE}/32")];
    let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
    let front = Front::spoiled(program, Setup::PLAIN, &networks, &mistake).await;
    assert_eq!(front.status_of(front.request(INSIDE)).await, 200);
    front.node.process.signal(Signal::STOP);
    assert_eq!(front.status_of(front.request(INSIDE)).await, 403);
    front.node.process.signal(Signal::CONT);
    assert_opens_again(&front).await;
}

pub(super) async fn a_reload_under_load(program: Program) {
    let mut front = Front::start(program, Setup::PLAIN).await;
    let next = Application::start().await;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = [(INSIDE, 200), (OUTSIDE, 403), (INSIDE, 200), (OUTSIDE, 403)]
        .into_iter()
        .map(|(from, status)| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let (client, url) = (patient(from), front.url());
            let key = front.key.clone();
            tokio::spawn(async move {
                let mut broken = 0;
                while !stop.load(Ordering::Relaxed) {
                    let request = Credential::Basic(key.clone()).show(client.get(&url));
                    match request.send().await {
                        Ok(answer) => assert_eq!(answer.status(), status, "from {from}"),
                        Err(error) if error.is_timeout() => panic!("{error}"),
                        // A kept connection that the old process closed at that moment.
                        Err(_) => broken += 1,
                    }
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                broken
            })
        })
        .collect();
    let some_more = async || {
        let before = answered.load(Ordering::Relaxed);
        let mut again = tokio::time::interval(Duration::from_millis(5));
        while answered.load(Ordering::Relaxed) < before + 100 {
            assert!(callers.iter().all(|caller| !caller.is_finished()), "a caller gave up");
            again.tick().await;
        }
    };
    some_more().await;
    assert_eq!(next.seen(), 0);
    front.gateway.reload(&front.recipe_for(&next));
    let mut again = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..1500 {
        if next.seen() > 0 {
            break;
        }
        again.tick().await;
    }
    assert!(next.seen() > 0, "the new recipe is not in force:\n{}", front.gateway.output());
    some_more().await;
    stop.store(true, Ordering::Relaxed);
    let mut broken = 0;
    for caller in callers {
        broken += caller.await.unwrap();
    }
    let answered = answered.load(Ordering::Relaxed);
    assert!(broken * 20 < answered, "{broken} of {answered} calls broke");
    for seen in front.application.take_seen().into_iter().chain(next.take_seen()) {
        assert_eq!(seen.header("x-client-ip"), [INSIDE]);
    }
}
