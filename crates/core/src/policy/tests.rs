use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::api::Api;
use crate::client::Client;
use crate::gateway::Gateway;
use crate::id::GatewayId;
use crate::secret::PepperId;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

fn policy() -> Policy {
    let policy = Policy::new(Settings {
        issuer: "https://auth.example/".into(),
        keys: KeySet::default(),
        peppers: Peppers::new((PepperId(1), &[9; 32]), &[]),
        default_audience: None,
        leeway_s: 5,
    });
    policy.apply(1, Vec::new(), Freshness::Authority);
    policy
}

fn client() -> Change {
    Change::Client(Box::new(Client::new(ClientId::from_random([1; 16]), "key", NOW)))
}

fn standing(policy: &Policy) -> Standing {
    policy.generation().standing(0)
}

/// A write that dies with the tables half changed.
fn die_half_way(policy: &Policy) {
    let head = |old: &Generation| Head { revision: 2, ..Head::of(old) };
    let died = catch_unwind(AssertUnwindSafe(|| {
        policy.next(Reach::Part, Freshness::Authority, head, |_| panic!("half way"));
    }));
    assert!(died.is_err());
}

#[test]
fn what_a_dead_writer_left_is_not_believed_until_all_is_replaced() {
    let policy = policy();
    die_half_way(&policy);
    assert_eq!(standing(&policy), Standing::Poisoned);
    policy.renew(1, Freshness::Authority);
    assert_eq!(standing(&policy), Standing::Poisoned, "renewed");
    policy.apply(3, vec![client()], Freshness::Authority);
    assert_eq!(standing(&policy), Standing::Poisoned, "applied");
    assert_eq!(policy.revision(), 1, "so that whoever compares finds the store ahead");
    policy.replace(3, vec![client()], Freshness::Authority);
    assert_eq!((standing(&policy), policy.revision()), (Standing::Good, 3));
}

#[test]
fn a_revoked_token_is_remembered_for_longer_than_anybody_takes_it() {
    let policy = policy();
    let token = TokenId([7; 16]);
    let revoked = Change::TokenRevoked { token, expires_at: NOW };
    policy.apply(2, vec![revoked], Freshness::Authority);
    for later_s in [1, 5, 3_600] {
        policy.forget_ended_tokens(NOW.plus_seconds(later_s));
        assert!(policy.is_revoked(&token), "{later_s} s after its end");
    }
    policy.forget_ended_tokens(NOW.plus_seconds(REVOCATION_KEPT_S + 1));
    assert!(!policy.is_revoked(&token));
}

#[test]
fn an_api_is_not_found_by_the_identifier_that_it_had() {
    let policy = policy();
    let mut api = Api::new(ApiId::parse("a").unwrap(), "https://old/", "an API", NOW);
    policy.apply(2, vec![Change::Api(Box::new(api.clone()))], Freshness::Authority);
    api.identifier = "https://new/".into();
    policy.apply(3, vec![Change::Api(Box::new(api))], Freshness::Authority);
    assert!(policy.api("https://new/").is_some());
    assert!(policy.api("https://old/").is_none());
}

fn gateway() -> Gateway {
    Gateway::built_in(NOW).unwrap()
}

#[test]
fn a_gateway_that_was_changed_has_ended() {
    let policy = policy();
    let put = |revision, gateway: Gateway| {
        policy.apply(revision, vec![Change::Gateway(Box::new(gateway))], Freshness::Authority);
    };
    put(2, gateway());
    let first = policy.gateway("default").unwrap();
    assert!(!first.has_ended());
    put(3, gateway());
    assert!(first.has_ended());
    let second = policy.gateway("default").unwrap();
    assert!(!second.has_ended());
    policy.apply(4, vec![Change::GatewayDeleted(gateway().id)], Freshness::Authority);
    assert!(second.has_ended() && policy.gateway("default").is_none());
}

#[test]
fn a_replaced_policy_keeps_no_gateway_that_is_not_in_it() {
    let policy = policy();
    let mut other = gateway();
    other.id = GatewayId::parse("other").unwrap();
    let both = [gateway(), other].map(|gateway| Change::Gateway(Box::new(gateway)));
    policy.apply(2, both.to_vec(), Freshness::Authority);
    let (kept, gone) = (policy.gateway("default").unwrap(), policy.gateway("other").unwrap());
    policy.replace(3, vec![Change::Gateway(Box::new(gateway()))], Freshness::Authority);
    assert!(kept.has_ended() && gone.has_ended());
    assert!(policy.gateway("default").is_some() && policy.gateway("other").is_none());
}
