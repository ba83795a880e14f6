//! What is stored comes back as it was: from the row, from a snapshot and from the change log.

use std::collections::BTreeMap;

use keyward_allowlist::{EntryRules, Network, parse_entry};
use keyward_core::action::{
    Action, ActionSecret, ActionVersion, Binding, Bindings, Dependency, Script,
};
use keyward_core::allowlist::{Allowlist, Entry, Mode};
use keyward_core::api::{Account, Api, Scope};
use keyward_core::client::credential::{
    AssertionAlgorithm, AuthenticationMethod, ClientAuthentication, ClientCredential, Proof,
};
use keyward_core::client::{Client, ClientGrant, State};
use keyward_core::gateway::{
    CertificateName, ClientAddress, DenyStyle, Disclosure, Gateway, GatewayAuth, GatewayKind,
    parse_source,
};
use keyward_core::id::{
    AccountId, ActionId, ActionVersionId, ApiId, BindingId, ClientId, CredentialId, GatewayId,
    GrantId, SecretId,
};
use keyward_core::jwk::Algorithm;
use keyward_core::policy::Change;
use keyward_core::possession::{Mechanism, ProofOfPossession, RequiredFor};
use keyward_core::secret::{ClientSecret, Environment, PepperId, SecretHash};
use keyward_core::time::Timestamp;
use keyward_core::token::Dialect;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::support::{Home, begin, now, shown};

fn moment() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_millis)
}

/// Any text at all, line ends, quotes and control characters included.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(any::<char>(), 0..20).prop_map(|all| all.into_iter().collect()),
        "[a-z'\"\\\\\n]{0,20}"
    ]
}

fn network() -> impl Strategy<Value = Network> {
    let host_v4 =
        (1u8..=223, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| format!("{a}.{b}.{c}.{d}/32"));
    let wide_v4 = (1u8..=223, 9u8..=16).prop_map(|(a, len)| format!("{a}.0.0.0/{len}"));
    let v6 = (any::<[u16; 2]>(), 32u8..=128)
        .prop_map(|([a, b], len)| format!("2001:{a:x}:{b:x}::/{}", len.max(48)));
    prop_oneof![host_v4, wide_v4, v6].prop_filter_map("refused by the rules", |text| {
        parse_entry(&text, &EntryRules::default()).ok()
    })
}

fn list() -> impl Strategy<Value = Allowlist> {
    let entry = (network(), of(text()), of(moment()), moment(), text()).prop_map(
        |(network, label, expires_at, created_at, created_by)| Entry {
            network,
            label,
            expires_at,
            created_at,
            created_by,
        },
    );
    let mode = prop_oneof![Just(Mode::Off), Just(Mode::Report), Just(Mode::Enforce)];
    (mode, vec(entry, 0..5)).prop_map(|(mode, entries)| Allowlist { mode, entries })
}

fn secrets() -> impl Strategy<Value = Vec<ClientSecret>> {
    let secret = (any::<u64>(), any::<u32>(), any::<[u8; 32]>(), moment(), of(moment()));
    let secret = secret.prop_map(|(id, pepper, mac, created_at, expires_at)| ClientSecret {
        id: SecretId(id),
        hash: SecretHash { pepper: PepperId(pepper), mac },
        created_at,
        expires_at,
    });
    vec(secret, 0..5)
}

fn credentials() -> impl Strategy<Value = Vec<ClientCredential>> {
    let algorithm = proptest::sample::select(&AssertionAlgorithm::ALL[..]);
    let proof = prop_oneof![
        (text(), algorithm, text()).prop_map(|(kid, algorithm, jwk)| Proof::PublicKey {
            kid,
            algorithm,
            jwk
        }),
        text().prop_map(Proof::Subject),
        (any::<[u8; 32]>(), text())
            .prop_map(|(thumbprint, subject)| Proof::Certificate { thumbprint, subject }),
    ];
    let credential = (credential_id(), text(), proof, of(moment()), moment(), moment());
    let credential =
        credential.prop_map(|(id, name, proof, expires_at, created_at, updated_at)| {
            ClientCredential { id, name, proof, expires_at, created_at, updated_at }
        });
    vec(credential, 0..3)
}

fn credential_id() -> impl Strategy<Value = CredentialId> {
    "[A-Za-z0-9_-]{1,64}".prop_map(|text| CredentialId::parse(&text).unwrap())
}

fn authentication() -> impl Strategy<Value = Option<ClientAuthentication>> {
    let method = proptest::sample::select(&AuthenticationMethod::ALL[..]);
    of((method, vec(credential_id(), 0..3))
        .prop_map(|(method, credentials)| ClientAuthentication { method, credentials }))
}

fn metadata() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..4)
}

fn kept() -> impl Strategy<Value = String> {
    prop_oneof![Just("{}".to_owned()), Just(r#"{"b": [1, null], "a":"\u0000é" }"#.to_owned())]
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![Just(State::Active), Just(State::Suspended)]
}

fn client() -> impl Strategy<Value = Client> {
    let id = prop_oneof![
        any::<[u8; 16]>().prop_map(ClientId::from_random),
        "[A-Za-z0-9_.~-]{1,64}".prop_map(|text| ClientId::parse(&text).unwrap()),
    ];
    let first = (id, text(), of(text()), "[a-z0-9]{1,16}", state(), secrets(), list());
    let second = (vec(text(), 0..3), of(text()), of(text()), metadata(), of(moment()), kept());
    let first = (first, of(any::<bool>()));
    let third = (credentials(), authentication());
    (first, second, third, moment()).prop_map(|(first, second, third, created_at)| {
        let (credentials, authentication) = third;
        let (first, require_proof_of_possession) = first;
        let (id, name, description, environment, state, secrets, allowlist) = first;
        let (grant_types, app_type, auth_method, metadata, tokens_not_before, kept_fields) = second;
        Client {
            description,
            environment: Environment::parse(&environment).unwrap(),
            state,
            secrets,
            allowlist,
            grant_types,
            app_type,
            credentials,
            authentication,
            token_endpoint_auth_method: auth_method,
            require_proof_of_possession,
            metadata,
            tokens_not_before,
            kept_fields,
            created_at,
            updated_at: now(),
            ..Client::new(id, &name, now())
        }
    })
}

fn account() -> impl Strategy<Value = Account> {
    ("[A-Za-z0-9_-]{1,64}", text(), state(), list(), metadata(), moment()).prop_map(
        |(id, name, state, allowlist, metadata, created_at)| Account {
            state,
            allowlist,
            metadata,
            created_at,
            ..Account::new(AccountId::parse(&id).unwrap(), &name, now())
        },
    )
}

fn possession() -> impl Strategy<Value = ProofOfPossession> {
    let mechanism = prop_oneof![Just(Mechanism::Mtls), Just(Mechanism::Dpop)];
    let whom = prop_oneof![Just(RequiredFor::PublicClients), Just(RequiredFor::AllClients)];
    (mechanism, any::<bool>(), of(whom)).prop_map(|(mechanism, required, required_for)| {
        ProofOfPossession { mechanism, required, required_for }
    })
}

fn api() -> impl Strategy<Value = Api> {
    let scope = (text(), of(text())).prop_map(|(value, description)| Scope { value, description });
    let algorithm = proptest::sample::select(&Algorithm::ALL[..]);
    let dialect = prop_oneof![Just(Dialect::Auth0), Just(Dialect::Rfc9068)];
    let first = ("[A-Za-z0-9_-]{1,64}", text(), text(), vec(scope, 0..4), algorithm, any::<u32>());
    let second = (dialect, any::<[bool; 2]>(), list(), kept(), moment());
    (first, second, of(possession())).prop_map(|(first, second, proof_of_possession)| {
        let (id, identifier, name, scopes, signing_algorithm, token_lifetime_s) = first;
        let (dialect, [permissions_claim, is_system], allowlist, kept_fields, created_at) = second;
        Api {
            scopes,
            signing_algorithm,
            token_lifetime_s,
            dialect,
            permissions_claim,
            proof_of_possession,
            allowlist,
            is_system,
            kept_fields,
            created_at,
            ..Api::new(ApiId::parse(&id).unwrap(), &identifier, &name, now())
        }
    })
}

fn gateway() -> impl Strategy<Value = Gateway> {
    let kinds: Vec<GatewayKind> = GatewayKind::all().collect();
    let source = proptest::sample::select(&["peer", "x-real-ip", "forwarded", "metadata"][..]);
    let certificate = prop_oneof![
        any::<[u8; 32]>().prop_map(CertificateName::Sha256),
        "dns:[a-z]{1,9}".prop_map(|text| CertificateName::parse(&text).unwrap()),
    ];
    let auth = (vec(network(), 0..4), any::<[bool; 2]>(), secrets(), vec(certificate, 0..3));
    let auth = auth.prop_map(|(peers, [unix, token], tokens, certificates)| GatewayAuth {
        peers,
        unix,
        token,
        tokens,
        certificates,
    });
    let disclosure = prop_oneof![Just(Disclosure::Generic), Just(Disclosure::Uniform)];
    let deny_style =
        prop_oneof![Just(DenyStyle::Bare), Just(DenyStyle::AuthStatus), Just(DenyStyle::Full)];
    let first =
        ("[A-Za-z0-9_-]{1,64}", proptest::sample::select(kinds), source, vec(network(), 0..4));
    let second = (auth, of(text()), vec(text(), 0..3), of(disclosure), of(deny_style));
    let third = (any::<[bool; 3]>(), vec(text(), 0..3), state(), moment());
    (first, second, third).prop_map(|(first, second, third)| {
        let (id, kind, source, trusted) = first;
        let (auth, required_audience, required_scopes, disclosure, deny_style) = second;
        let ([allow_preflight, assertion, hide_credential], public_paths, state, created_at) =
            third;
        Gateway {
            state,
            client_address: ClientAddress { source: parse_source(source).unwrap(), trusted },
            auth,
            required_audience,
            required_scopes,
            disclosure,
            deny_style,
            allow_preflight,
            public_paths,
            assertion,
            hide_credential,
            created_at,
            ..Gateway::new(GatewayId::parse(&id).unwrap(), kind, now())
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_back(
        account in account(),
        api in api(),
        client in client(),
        gateway in gateway(),
        owned in any::<bool>(),
        scopes in vec(text(), 0..4),
    ) {
        let client = Client { account: owned.then(|| account.id.clone()), ..client };
        let grant = ClientGrant {
            id: GrantId::parse("cgr_1").unwrap(),
            client: client.id.clone(),
            api: api.id.clone(),
            scopes,
            organizations: Default::default(),
            kept_fields: "{}".to_owned(),
            version: 1,
            created_at: now(),
            updated_at: now(),
        };
        Runtime::new().unwrap().block_on(async {
            gateway_stored_and_read(gateway).await;
            stored_and_read(account, api, client, grant).await;
        });
    }
}

async fn gateway_stored_and_read(gateway: Gateway) {
    let home = Home::new();
    let store = home.open().await;
    let mut tx = begin(&store).await;
    tx.insert_gateway(&gateway).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(store.gateway(&gateway.id).await.unwrap().as_ref(), Some(&gateway));
    let snapshot = store.snapshot().await.unwrap().changes;
    let logged = store.changes_since(0, 10).await.unwrap();
    for change in [&snapshot[0], &logged[0].change] {
        let Change::Gateway(read) = change else { panic!("{change:?}") };
        assert_eq!(**read, gateway);
    }
    let mut tx = begin(&store).await;
    assert!(tx.delete_gateway(&gateway.id).await.unwrap());
    assert!(!tx.delete_gateway(&gateway.id).await.unwrap());
    tx.commit().await.unwrap();
    let logged = store.changes_since(1, 10).await.unwrap();
    let Change::GatewayDeleted(id) = &logged[0].change else { panic!("{logged:?}") };
    assert_eq!(*id, gateway.id);
    assert!(store.snapshot().await.unwrap().changes.is_empty());
}

/// An Action, its version and its place, as they are written together.
fn action_parts() -> (Action, ActionVersion, Bindings) {
    let draft = Script {
        code: "exports.a = 'é'".to_owned(),
        dependencies: vec![Dependency {
            name: "ipaddr.js".to_owned(),
            version: Some("2.0.0".to_owned()),
            registry_url: None,
        }],
        secrets: vec![ActionSecret {
            name: "LIST".to_owned(),
            sealed: vec![0, 255],
            updated_at: now(),
        }],
        ..Script::default()
    };
    let mut action = Action::new(ActionId::parse("a1").unwrap(), "ip check", draft.clone(), now());
    let version = action.deploy(ActionVersionId::parse("v1").unwrap(), draft, now());
    let mut bindings = Bindings::none(now());
    bindings.list.push(Binding {
        id: BindingId::parse("b1").unwrap(),
        action: action.id.clone(),
        display_name: "first".to_owned(),
        created_at: now(),
    });
    (action, version, bindings)
}

#[tokio::test]
async fn an_action_with_its_versions_and_place_comes_back() {
    let home = Home::new();
    let store = home.open().await;
    let (action, version, bindings) = action_parts();
    let mut tx = begin(&store).await;
    tx.insert_action(&action).await.unwrap();
    tx.insert_action_version(&version).await.unwrap();
    tx.insert_bindings(&bindings).await.unwrap();
    let committed = tx.commit().await.unwrap();
    assert_eq!(store.action(&action.id).await.unwrap().as_ref(), Some(&action));
    assert_eq!(store.action_version(&version.id).await.unwrap().as_ref(), Some(&version));
    assert_eq!(
        store.action_versions(&action.id).await.unwrap().as_slice(),
        std::slice::from_ref(&version)
    );
    assert_eq!(store.bindings(&bindings.id).await.unwrap().as_ref(), Some(&bindings));
    let logged = store.changes_since(0, 10).await.unwrap();
    let logged: Vec<_> = logged.into_iter().map(|row| row.change).collect();
    assert_eq!(shown(&logged), shown(&committed.changes));
    let [Change::Action(a), Change::ActionVersion(v), Change::Bindings(b)] = logged.as_slice()
    else {
        panic!("{logged:?}")
    };
    assert_eq!((&**a, &**v, &**b), (&action, &version, &bindings));
    // Versions never change and are read when they are needed.
    let snapshot = store.snapshot().await.unwrap().changes;
    assert!(
        matches!(snapshot.as_slice(), [Change::Action(_), Change::Bindings(_)]),
        "{snapshot:?}"
    );
    let mut tx = begin(&store).await;
    assert!(tx.delete_action(&action.id).await.unwrap());
    assert!(!tx.delete_action(&action.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(store.action_versions(&action.id).await.unwrap(), []);
    let kinds: Vec<_> =
        store.changes_since(3, 10).await.unwrap().into_iter().map(|row| row.change).collect();
    let ended =
        matches!(kinds.as_slice(), [Change::ActionVersionDeleted(_), Change::ActionDeleted(_)]);
    assert!(ended, "{kinds:?}");
}

async fn stored_and_read(account: Account, api: Api, client: Client, grant: ClientGrant) {
    let home = Home::new();
    let store = home.open().await;
    let mut tx = begin(&store).await;
    tx.insert_api(&api).await.unwrap();
    tx.insert_account(&account).await.unwrap();
    tx.insert_client(&client).await.unwrap();
    tx.insert_grant(&grant).await.unwrap();
    let committed = tx.commit().await.unwrap();

    assert_eq!(store.api(&api.id).await.unwrap().as_ref(), Some(&api));
    assert_eq!(store.account(&account.id).await.unwrap().as_ref(), Some(&account));
    assert_eq!(store.client(&client.id).await.unwrap().as_ref(), Some(&client));
    assert_eq!(store.grant(&grant.id).await.unwrap().as_ref(), Some(&grant));
    let expected = shown(&[
        Change::Api(Box::new(api)),
        Change::Account(Box::new(account)),
        Change::Client(Box::new(client.clone())),
        Change::Grant(Box::new(grant)),
    ]);
    assert_eq!(shown(&committed.changes), expected);
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!((snapshot.revision, shown(&snapshot.changes)), (4, expected.clone()));
    let logged = store.changes_since(0, 10).await.unwrap();
    let logged: Vec<_> = logged.into_iter().map(|row| row.change).collect();
    assert_eq!(shown(&logged), expected);
    // `Debug` of a secret hides its code.
    let Change::Client(logged) = &logged[2] else { panic!() };
    assert_eq!(**logged, client);

    let mut tx = begin(&store).await;
    assert_eq!(tx.update_client(&client).await.unwrap(), 1, "nothing differs");
    let state = match client.state {
        State::Active => State::Suspended,
        State::Suspended => State::Active,
    };
    let edited = Client { state, ..client };
    assert_eq!(tx.update_client(&edited).await.unwrap(), 2);
    assert_eq!(tx.commit().await.unwrap().changes.len(), 1);
    let updated = Client { version: 2, ..edited };
    assert_eq!(store.client(&updated.id).await.unwrap(), Some(updated));
    assert_eq!(store.verify_audit().await.unwrap().first_bad, None);
}
