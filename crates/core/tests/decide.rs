//! What is decided, case by case, and what writers and readers may see of each other.
#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use keyward_allowlist::{ClientIp, NoClientIp, parse_address, parse_entry};
use keyward_core::allowlist::{Allowlist, Entry, Layer, Mode};
use keyward_core::api::{Account, Api};
use keyward_core::attempt::{
    Attempt, Credential, CredentialFault, Door, Evidence, Narrowing, Required, TokenRequest,
};
use keyward_core::client::{Client, ClientGrant, State};
use keyward_core::decide::decide;
use keyward_core::decision::{Decision, Reason};
use keyward_core::id::{AccountId, ApiId, ClientId, GrantId, SecretId};
use keyward_core::jwk::KeySet;
use keyward_core::policy::{Change, Freshness, Policy, Settings};
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_core::secret::{ClientSecret, Environment, PepperId, Peppers, PlainSecret};
use keyward_core::time::{FixedClock, Timestamp};

const NOW: Timestamp = Timestamp::from_seconds(1_000);
const CLOCK: FixedClock = FixedClock { now: NOW, uptime_ms: 50 };
const INSIDE: &str = "203.0.113.9";
const OUTSIDE: &str = "192.0.2.1";

fn peppers() -> Peppers {
    Peppers::new((PepperId(1), &[9; 32]), &[])
}

fn settings() -> Settings {
    Settings {
        issuer: "https://auth.example/".into(),
        keys: KeySet::default(),
        peppers: peppers(),
        default_audience: None,
        leeway_s: 5,
    }
}

fn secret() -> PlainSecret {
    PlainSecret::from_random("0123456789abcdefghijABCDEFGHIJKL")
}

fn id() -> ClientId {
    ClientId::parse("01234567890123456789").unwrap()
}

fn list(mode: Mode, entries: &[&str]) -> Allowlist {
    let entry = |text: &&str| Entry {
        network: parse_entry(text, &Allowlist::entry_rules()).unwrap(),
        label: None,
        expires_at: None,
        created_at: NOW,
        created_by: "test".into(),
    };
    Allowlist { mode, entries: entries.iter().map(entry).collect() }
}

fn client(allowlist: Allowlist) -> Client {
    let mut client = Client::new(id(), "key", NOW);
    client.allowlist = allowlist;
    client.secrets.push(ClientSecret {
        id: SecretId(1),
        hash: peppers().hash(&id().to_string(), secret().reveal()),
        created_at: NOW,
        expires_at: None,
    });
    client
}

fn api(identifier: &str, allowlist: Allowlist) -> Api {
    let id = ApiId::parse(&identifier.replace(['/', ':', '.'], "")).unwrap();
    let mut api = Api::new(id, identifier, identifier, NOW);
    api.allowlist = allowlist;
    api
}

fn grant(api: &Api, scopes: &str) -> ClientGrant {
    ClientGrant {
        id: GrantId::parse(&format!("cgr_{}", api.id)).unwrap(),
        client: id(),
        api: api.id.clone(),
        scopes: scopes.split(' ').map(str::to_owned).collect(),
        organizations: Default::default(),
        kept_fields: "{}".into(),
        version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn policy(changes: Vec<Change>) -> Policy {
    let policy = Policy::new(settings());
    policy.apply(1, changes, Freshness::Authority);
    policy
}

fn with_client(client: Client) -> Policy {
    policy(vec![Change::Client(Box::new(client))])
}

fn ip(text: &str) -> Result<ClientIp, NoClientIp> {
    parse_address(text).map(ClientIp::from).map_err(|_| NoClientIp::Malformed)
}

fn pair() -> (String, PlainSecret) {
    (id().to_string(), secret())
}

fn use_from(
    policy: &Policy,
    from: Result<ClientIp, NoClientIp>,
    required: Required<'_>,
) -> Decision {
    let (id, secret) = pair();
    let credential = Ok(Credential::Pair { client: &id, secret: secret.reveal() });
    let attempt = Attempt {
        credential,
        client_ip: from,
        evidence: Evidence::None,
        door: Door::Use(required),
    };
    decide(policy, &attempt, &CLOCK)
}

fn reason_from(policy: &Policy, from: &str) -> Option<Reason> {
    use_from(policy, ip(from), Required::default()).reason()
}

fn ask_token(policy: &Policy, request: TokenRequest<'_>) -> Result<String, Reason> {
    let (id, secret) = pair();
    let credential = Ok(Credential::Pair { client: &id, secret: secret.reveal() });
    let attempt = Attempt {
        credential,
        client_ip: ip(INSIDE),
        evidence: Evidence::None,
        door: Door::Token(request),
    };
    match decide(policy, &attempt, &CLOCK) {
        Decision::Allow(permit) => Ok(permit.scope.to_string()),
        Decision::Deny(denial) => Err(denial.reason),
    }
}

#[test]
fn where_bound_tokens_are_required_a_secret_is_not_enough() {
    let off = || list(Mode::Off, &[]);
    let audience = "https://orders.example/";
    let decide_with = |rule: Option<ProofOfPossession>, by_client: Option<bool>| {
        let mut api = api(audience, off());
        api.proof_of_possession = rule;
        let mut client = client(off());
        client.require_proof_of_possession = by_client;
        let grant = grant(&api, "read:orders");
        let policy = policy(vec![
            Change::Api(Box::new(api)),
            Change::Client(Box::new(client)),
            Change::Grant(Box::new(grant)),
        ]);
        let one = Required { audience: Some(audience), ..Required::default() };
        let own = Required { is_authentication: true, ..Required::default() };
        [one, Required::default(), own].map(|door| use_from(&policy, ip(INSIDE), door).reason())
    };
    let rule = |required, required_for| {
        Some(ProofOfPossession { mechanism: Mechanism::Dpop, required, required_for })
    };
    let refused = [Some(Reason::UnprovenToken), Some(Reason::UnprovenToken), None];
    let allowed = [None, None, None];
    for (rule, by_client, expected) in [
        (None, None, allowed),
        (rule(false, None), None, allowed),
        (rule(true, Some(RequiredFor::PublicClients)), None, allowed),
        (rule(true, None), None, refused),
        (rule(true, Some(RequiredFor::AllClients)), None, refused),
        (None, Some(true), refused),
    ] {
        let got = decide_with(rule, by_client);
        // At a door that names no API only grants count, and a client's own rule with them.
        assert_eq!(got, expected, "{rule:?} {by_client:?}");
    }
}

#[test]
fn an_enforced_list_lets_its_networks_in_and_nobody_else() {
    let policy = with_client(client(list(Mode::Enforce, &["203.0.113.0/24"])));
    assert_eq!(reason_from(&policy, INSIDE), None);
    assert_eq!(reason_from(&policy, "::ffff:203.0.113.9"), None);
    assert_eq!(reason_from(&policy, OUTSIDE), Some(Reason::Address(Layer::Client)));
    let missing = use_from(&policy, Err(NoClientIp::MissingHeader), Required::default());
    assert_eq!(missing.reason(), Some(Reason::NoClientAddress(Layer::Client)));
}

#[test]
fn enforce_without_entries_refuses_everybody_and_off_nobody() {
    let enforce = with_client(client(list(Mode::Enforce, &[])));
    assert_eq!(reason_from(&enforce, INSIDE), Some(Reason::Address(Layer::Client)));
    let off = with_client(client(list(Mode::Off, &["203.0.113.0/24"])));
    assert_eq!(reason_from(&off, OUTSIDE), None);
    assert!(use_from(&off, Err(NoClientIp::MissingHeader), Required::default()).is_allow());
}

#[test]
fn report_only_allows_and_says_so_inside_alone() {
    let policy = with_client(client(list(Mode::Report, &["203.0.113.0/24"])));
    let Decision::Allow(permit) = use_from(&policy, ip(OUTSIDE), Required::default()) else {
        panic!("report-only refused")
    };
    assert_eq!(permit.would_deny, Some(Reason::Address(Layer::Client)));
    let Decision::Allow(permit) = use_from(&policy, ip(INSIDE), Required::default()) else {
        panic!("report-only refused")
    };
    assert_eq!(permit.would_deny, None);
}

#[test]
fn an_entry_that_expires_stops_counting_and_leaves_the_mode() {
    let mut allowlist = list(Mode::Enforce, &["203.0.113.0/24", "203.0.113.9"]);
    for (entry, seconds) in allowlist.entries.iter_mut().zip([1_000, 1_001]) {
        entry.expires_at = Some(Timestamp::from_seconds(seconds));
    }
    let policy = with_client(client(allowlist));
    assert_eq!(reason_from(&policy, INSIDE), None, "the narrow entry still lives");
    assert_eq!(reason_from(&policy, "203.0.113.8"), Some(Reason::Address(Layer::Client)));
}

#[test]
fn all_three_layers_must_agree_and_the_first_that_refuses_is_named() {
    let account_id = AccountId::parse("acc_1").unwrap();
    let mut account = Account::new(account_id.clone(), "Acme", NOW);
    account.allowlist = list(Mode::Enforce, &["203.0.113.0/25"]);
    let api = api("https://api.example", list(Mode::Enforce, &["203.0.113.0/26"]));
    let mut client = client(list(Mode::Enforce, &["203.0.113.0/24"]));
    client.account = Some(account_id);
    let policy = policy(vec![
        Change::Client(Box::new(client)),
        Change::Account(Box::new(account)),
        Change::Api(Box::new(api.clone())),
        Change::Grant(Box::new(grant(&api, "read"))),
    ]);
    for required in [Some("https://api.example"), None] {
        let required = Required { audience: required, ..Required::default() };
        let reason = |from| use_from(&policy, ip(from), required).reason();
        assert_eq!(reason("203.0.113.9"), None);
        assert_eq!(reason("203.0.113.70"), Some(Reason::Address(Layer::Api)));
        assert_eq!(reason("203.0.113.140"), Some(Reason::Address(Layer::Api)));
        assert_eq!(reason(OUTSIDE), Some(Reason::Address(Layer::Api)));
    }
}

#[test]
fn credentials_that_are_not_good_are_told_apart_inside() {
    let policy = with_client(client(Allowlist::default()));
    let reason = |credential| {
        let door = Door::Use(Required::default());
        decide(
            &policy,
            &Attempt { credential, client_ip: ip(INSIDE), evidence: Evidence::None, door },
            &CLOCK,
        )
        .reason()
    };
    let (id, secret) = pair();
    let other = "98765432109876543210";
    let wrong = PlainSecret::from_random("0123456789abcdefghijABCDEFGHIJKX");
    let key = secret.api_key(&Environment::default(), &crate::id());
    let pair = |client, secret| Ok(Credential::Pair { client, secret });
    assert_eq!(reason(Ok(Credential::ApiKey(&key))), None);
    assert_eq!(reason(pair(&id, wrong.reveal())), Some(Reason::WrongSecret));
    assert_eq!(reason(pair(other, secret.reveal())), Some(Reason::UnknownClient));
    assert_eq!(reason(pair("no:id", secret.reveal())), Some(Reason::UnknownClient));
    let longer = format!("{key}0");
    assert_eq!(reason(Ok(Credential::ApiKey(&longer))), Some(Reason::MalformedKey));
    assert!(matches!(reason(Ok(Credential::Token("a.b.c"))), Some(Reason::Token(_))));
    let fault = CredentialFault::Missing;
    assert_eq!(reason(Err(fault)), Some(Reason::Credential(fault)));
}

#[test]
fn suspended_and_orphaned_clients_and_expired_secrets_are_refused() {
    let mut suspended = client(Allowlist::default());
    suspended.state = State::Suspended;
    assert_eq!(reason_from(&with_client(suspended), INSIDE), Some(Reason::SuspendedClient));
    let mut orphan = client(Allowlist::default());
    orphan.account = Some(AccountId::parse("acc_gone").unwrap());
    assert_eq!(reason_from(&with_client(orphan), INSIDE), Some(Reason::SuspendedAccount));
    let mut expired = client(Allowlist::default());
    expired.secrets[0].expires_at = Some(NOW);
    assert_eq!(reason_from(&with_client(expired), INSIDE), Some(Reason::ExpiredSecret));
}

#[test]
fn a_deleted_client_is_unknown_and_takes_its_grants_along() {
    let api = api("https://api.example", Allowlist::default());
    let policy = policy(vec![
        Change::Api(Box::new(api.clone())),
        Change::Client(Box::new(client(Allowlist::default()))),
        Change::Grant(Box::new(grant(&api, "read"))),
    ]);
    policy.apply(2, vec![Change::ClientDeleted(id())], Freshness::Authority);
    assert_eq!(reason_from(&policy, INSIDE), Some(Reason::UnknownClient));
    let again = vec![Change::Client(Box::new(client(Allowlist::default())))];
    policy.apply(3, again, Freshness::Authority);
    let request = TokenRequest { audience: Some("https://api.example"), ..TokenRequest::default() };
    assert_eq!(ask_token(&policy, request), Err(Reason::NoGrant));
}

#[test]
fn the_token_door_grants_what_the_grant_says() {
    let api = api("https://api.example", Allowlist::default());
    let policy = policy(vec![
        Change::Api(Box::new(api.clone())),
        Change::Client(Box::new(client(list(Mode::Enforce, &["203.0.113.0/24"])))),
        Change::Grant(Box::new(grant(&api, "read write"))),
    ]);
    let ask =
        |audience, scope| ask_token(&policy, TokenRequest { audience, scope, organization: None });
    let here = Some("https://api.example");
    assert_eq!(ask(here, None).as_deref(), Ok("read write"));
    assert_eq!(ask(here, Some("write read write")).as_deref(), Ok("read write"));
    assert_eq!(ask(here, Some("read")).as_deref(), Ok("read"));
    assert_eq!(ask(here, Some("read admin")), Err(Reason::Scope));
    assert_eq!(ask(None, None), Err(Reason::MissingAudience));
    assert_eq!(ask(Some("https://other.example"), None), Err(Reason::UnknownAudience));
    let gone = vec![Change::ApiDeleted(api.id)];
    policy.apply(2, gone, Freshness::Authority);
    assert_eq!(ask(here, None), Err(Reason::UnknownAudience));
}

#[test]
fn a_gateway_that_guards_an_api_asks_for_its_grant_and_scopes() {
    let api = api("https://api.example", Allowlist::default());
    let changes = |scopes: Option<&str>| {
        let mut changes = vec![
            Change::Api(Box::new(api.clone())),
            Change::Client(Box::new(client(Allowlist::default()))),
        ];
        changes.extend(scopes.map(|scopes| Change::Grant(Box::new(grant(&api, scopes)))));
        policy(changes)
    };
    let wanted = ["write".to_owned()];
    let required =
        Required { audience: Some("https://api.example"), scopes: &wanted, ..Required::default() };
    let reason = |scopes| use_from(&changes(scopes), ip(INSIDE), required).reason();
    assert_eq!(reason(None), Some(Reason::NoGrant));
    assert_eq!(reason(Some("read")), Some(Reason::Scope));
    assert_eq!(reason(Some("read write")), None);
}

/// A key with grants for two APIs: one with a list, one without.
fn between_two_apis() -> Policy {
    let listed = api("https://listed.example", list(Mode::Enforce, &["203.0.113.0/24"]));
    let mut open = api("https://open.example", Allowlist::default());
    open.id = ApiId::parse("api_open").unwrap();
    let mut for_open = grant(&open, "read admin");
    for_open.id = GrantId::parse("cgr_open").unwrap();
    policy(vec![
        Change::Api(Box::new(listed.clone())),
        Change::Api(Box::new(open)),
        Change::Client(Box::new(client(Allowlist::default()))),
        Change::Grant(Box::new(grant(&listed, "read write"))),
        Change::Grant(Box::new(for_open)),
    ])
}

#[test]
fn a_route_only_takes_away() {
    let policy = between_two_apis();
    let narrowed = |audiences: &'static [&'static str], scopes: &'static [&'static str], from| {
        let narrowing = Narrowing { audiences, scopes };
        match use_from(&policy, ip(from), Required { narrowing, ..Required::default() }) {
            Decision::Allow(permit) => Ok(permit.scope.to_string()),
            Decision::Deny(denial) => Err(denial.reason),
        }
    };
    assert_eq!(narrowed(&[], &[], INSIDE).as_deref(), Ok("read write admin"));
    assert_eq!(narrowed(&["https://open.example"], &[], INSIDE).as_deref(), Ok("read admin"));
    assert_eq!(narrowed(&[], &["read", "write"], INSIDE).as_deref(), Ok("read write admin"));
    assert_eq!(narrowed(&[], &["delete"], INSIDE), Err(Reason::Scope));
    assert_eq!(narrowed(&["https://open.example"], &["write"], INSIDE), Err(Reason::Scope));
    assert_eq!(narrowed(&["https://none.example"], &[], INSIDE), Err(Reason::NoGrant));
    // Naming the API without a list does not get around the list of the other.
    for audiences in [&[][..], &["https://open.example"], &["https://listed.example"]] {
        assert_eq!(narrowed(audiences, &[], OUTSIDE), Err(Reason::Address(Layer::Api)));
    }
}

#[test]
fn a_route_adds_the_list_of_its_api() {
    let policy = between_two_apis();
    let narrowing = Narrowing { audiences: &["https://listed.example"], scopes: &[] };
    let required = |narrowing| Required {
        audience: Some("https://open.example"),
        narrowing,
        ..Required::default()
    };
    let reason = |from, narrowing| use_from(&policy, ip(from), required(narrowing)).reason();
    assert_eq!(reason(OUTSIDE, Narrowing::default()), None);
    assert_eq!(reason(OUTSIDE, narrowing), Some(Reason::Address(Layer::Api)));
    assert_eq!(reason(INSIDE, narrowing), None);
}

#[test]
fn before_the_first_policy_and_past_its_bound_everybody_is_refused_as_stale() {
    let policy = Policy::new(settings());
    assert_eq!(reason_from(&policy, INSIDE), Some(Reason::Stale));
    let changes = vec![Change::Client(Box::new(client(Allowlist::default())))];
    policy.apply(1, changes, Freshness::Until(51));
    assert_eq!(reason_from(&policy, INSIDE), None);
    policy.renew(1, Freshness::Until(50));
    assert_eq!(reason_from(&policy, INSIDE), Some(Reason::Stale));
    policy.renew(0, Freshness::Until(99));
    assert_eq!(reason_from(&policy, INSIDE), Some(Reason::Stale), "another revision's lease");
    policy.renew(1, Freshness::Until(99));
    assert_eq!(reason_from(&policy, INSIDE), None);
}

#[test]
fn replacing_the_policy_forgets_what_is_not_in_it() {
    let policy = with_client(client(Allowlist::default()));
    policy.replace(2, Vec::new(), Freshness::Authority);
    assert_eq!(reason_from(&policy, INSIDE), Some(Reason::UnknownClient));
    assert_eq!(policy.client_count(), 0);
}

/// Two lists move together in each transaction, so that exactly one of them has the address at
/// any time. A reader that saw half a transaction could find it in neither, or in both.
#[test]
fn no_reader_sees_half_a_transaction() {
    let account_id = AccountId::parse("acc_1").unwrap();
    let states = |open_client: bool| {
        let (a, b) = if open_client { (INSIDE, OUTSIDE) } else { (OUTSIDE, INSIDE) };
        let mut account = Account::new(account_id.clone(), "Acme", NOW);
        account.allowlist = list(Mode::Enforce, &[a]);
        let mut client = client(list(Mode::Enforce, &[b]));
        client.account = Some(account_id.clone());
        vec![Change::Account(Box::new(account)), Change::Client(Box::new(client))]
    };
    let policy = Arc::new(policy(states(true)));
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (policy, stop) = (Arc::clone(&policy), Arc::clone(&stop));
        std::thread::spawn(move || {
            let mut rounds = 0u32;
            while !stop.load(Ordering::Relaxed) || rounds == 0 {
                // Each state refuses both addresses; half of one and half of the other admits.
                assert!(reason_from(&policy, INSIDE).is_some());
                assert!(reason_from(&policy, OUTSIDE).is_some());
                rounds += 1;
            }
        })
    };
    for round in 2..3_000 {
        policy.apply(round, states(round % 2 == 0), Freshness::Authority);
    }
    stop.store(true, Ordering::Relaxed);
    reader.join().unwrap();
}

/// Once `apply` has returned, no later decision is made without the change.
#[test]
fn a_removal_is_final_when_apply_returns() {
    let policy = with_client(client(list(Mode::Enforce, &[INSIDE])));
    for round in 2..2_000 {
        let open = round % 2 == 1;
        let entries: &[&str] = if open { &[INSIDE] } else { &[OUTSIDE] };
        let changed = Change::Client(Box::new(client(list(Mode::Enforce, entries))));
        let policy = &policy;
        std::thread::scope(|scope| {
            let racing = scope.spawn(move || use_from(policy, ip(INSIDE), Required::default()));
            policy.apply(round, vec![changed], Freshness::Authority);
            let after = use_from(policy, ip(INSIDE), Required::default());
            assert_eq!(after.is_allow(), open);
            racing.join().unwrap();
        });
    }
}
