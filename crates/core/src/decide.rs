//! The decision: one sync, total function over the policy in memory.
//!
//! Order: exactly one credential → authentic → client, account and secret live → every layer
//! allows the address → audience and scopes → allow. What a caller learns of a denial is its
//! class alone, which is why all steps of one class come before the next.

mod possession;
mod proofs;
mod token_door;

use std::sync::Arc;

use keyward_allowlist::ClientIp;

use crate::allowlist::{CompiledAllowlist, Layer, Mode};
use crate::attempt::{
    Attempt, Credential, Door, Narrowing, Required, ShownAssertion, ShownCertificate,
};
use crate::client::State;
use crate::decision::{Decision, Denial, Permit, Reason, Shown};
use crate::dpop::Once;
use crate::id::{AccountId, ClientId, ClientKey};
use crate::policy::{
    AccountRecord, ApiRecord, ClientRecord, Generation, Policy, SecretRecord, Standing,
};
use crate::possession::Evidence;
use crate::secret::{SecretHash, parse_api_key};
use crate::time::{Clock, Timestamp};
use crate::token::{Dialect, TokenFault, VerifiedToken};
use possession::{Bound, ShownToken, bind, check_required, prove};
use token_door::token_door;

/// How often a decision is made anew because a writer came in between, before it is refused.
/// Each round yields, so this is far more than any transaction takes.
const ROUNDS_MAX: usize = 10_000;

/// Decides an attempt by the policy as it is now.
#[must_use]
pub fn decide(policy: &Policy, attempt: &Attempt<'_>, clock: &(impl Clock + ?Sized)) -> Decision {
    for _ in 0..ROUNDS_MAX {
        let generation = policy.generation();
        let now = clock.now();
        let verdict = evaluate(policy, &generation, attempt, now);
        // Order: policy, then clock, then that generation's own lease. A lease read before the
        // clock, or another generation's, would let an old verdict pass after a confirmed removal.
        match generation.standing(clock.uptime_ms()) {
            Standing::Good => return verdict.unwrap_or_else(Decision::Deny),
            Standing::Poisoned => std::thread::yield_now(),
            Standing::Expired => break,
        }
    }
    Decision::Deny(Denial { reason: Reason::Stale, client: None, revision: policy.revision() })
}

/// Who showed an authentic credential.
struct Subject<'a> {
    key: ClientKey,
    record: &'a ClientRecord,
    shown: Shown,
    token: Option<Arc<VerifiedToken>>,
    once: Option<Once>,
    /// Another account than the client's own, which its token is for: it has a say as well.
    organization: Option<Arc<AccountRecord>>,
}

impl<'a> Subject<'a> {
    /// Somebody who shows what is his own.
    fn without_token(key: ClientKey, record: &'a ClientRecord, shown: Shown) -> Self {
        Self { key, record, shown, token: None, once: None, organization: None }
    }

    fn id(&self) -> ClientId {
        self.record.id(self.key)
    }
}

fn evaluate(
    policy: &Policy,
    generation: &Generation,
    attempt: &Attempt<'_>,
    now: Timestamp,
) -> Result<Decision, Denial> {
    let revision = generation.revision;
    let anonymous = |reason| Denial { reason, client: None, revision };
    let credential = attempt.credential.map_err(|f| anonymous(Reason::Credential(f)))?;
    let clients = policy.clients.pin();
    let find = |key: &ClientKey| clients.get(key);
    let subject = match credential {
        Credential::Pair { client, secret } => by_secret(generation, client, secret, find, now),
        Credential::ApiKey(text) => match parse_api_key(text) {
            Some(parts) => by_secret(generation, parts.client, parts.secret, find, now),
            None => {
                // The same work as for a key in good form, so that time tells nothing.
                let _ = generation.settings.peppers.find("", text, &[].iter());
                Err(Reason::MalformedKey)
            }
        },
        Credential::Token(text) => {
            let shown = ShownToken { text, is_dpop: false, evidence: attempt.evidence };
            by_token(policy, generation, shown, find, now)
        }
        Credential::DpopToken(text) => {
            let shown = ShownToken { text, is_dpop: true, evidence: attempt.evidence };
            by_token(policy, generation, shown, find, now)
        }
        Credential::Assertion(shown) => by_assertion(generation, shown, find, now),
        Credential::Certificate(shown) => by_certificate(shown, find, now),
    };
    let subject = subject.map_err(anonymous)?;
    let known = |reason| Denial { reason, client: Some(subject.id()), revision };
    is_live(&subject).map_err(known)?;
    let mut layers = Layers {
        ip: attempt.client_ip.ok(),
        now,
        asks_possession: asks_possession(attempt),
        deny: None,
        would_deny: None,
    };
    if let Some(organization) = &subject.organization {
        layers.ask(Layer::Account, &organization.allowlist);
    }
    let outcome = match attempt.door {
        Door::Use(required) => {
            use_door(policy, &subject, required, &mut layers).map(|passed| (passed, None))
        }
        Door::Token(request) => token_door(policy, generation, &subject, request, &mut layers)
            .map(|(passed, terms)| (passed, Some(Box::new(terms)))),
    };
    let ((api, scope), token) = outcome.map_err(known)?;
    // Read under the generation like everything else: a flow that is being changed is asked again.
    let flow = matches!(attempt.door, Door::Token(_)).then(|| policy.flow());
    let bound = bound(attempt, &subject, api.as_deref(), now).map_err(known)?;
    Ok(Decision::Allow(Permit {
        client: subject.id(),
        account: account_of(subject.record),
        scope,
        client_ip: layers.ip,
        api,
        shown: subject.shown,
        flow,
        confirmation: bound.to.map(Box::new),
        once: subject.once.or(bound.once).map(Box::new),
        would_deny: layers.would_deny,
        token,
        revision,
    }))
}

/// Whether a use of an API is to be bound where the API wants that.
fn asks_possession(attempt: &Attempt<'_>) -> bool {
    let is_use = matches!(attempt.door, Door::Use(required) if !required.is_authentication);
    is_use && !matches!(attempt.evidence, Evidence::JudgedElsewhere)
}

fn bound(
    attempt: &Attempt<'_>,
    subject: &Subject<'_>,
    api: Option<&ApiRecord>,
    now: Timestamp,
) -> Result<Bound, Reason> {
    match (attempt.door, api) {
        (Door::Token(_), Some(api)) => bind(subject.record, api, attempt.evidence, now),
        (Door::Token(_), None) | (Door::Use(_), _) => Ok(Bound::default()),
    }
}

fn by_secret<'a>(
    generation: &Generation,
    client: &str,
    secret: &str,
    find: impl Fn(&ClientKey) -> Option<&'a ClientRecord>,
    now: Timestamp,
) -> Result<Subject<'a>, Reason> {
    let key = ClientId::parse(client).ok().map(|id| id.key());
    let record = key.as_ref().and_then(find);
    let secrets: &[SecretRecord] = record.map_or(&[], |record| &record.secrets);
    let hashes = secrets.iter().map(|secret| &secret.hash);
    let place = find_secret(generation, client, secret, &hashes);
    let (Some(key), Some(record)) = (key, record) else { return Err(Reason::UnknownClient) };
    let Some(fitting) = place.and_then(|place| record.secrets.get(place)) else {
        return Err(Reason::WrongSecret);
    };
    if now >= fitting.expires_at {
        return Err(Reason::ExpiredSecret);
    }
    Ok(Subject::without_token(key, record, Shown::Secret(fitting.id)))
}

/// A client without a secret, or no client at all, is compared with something all the same.
fn find_secret<'a>(
    generation: &Generation,
    client: &str,
    secret: &str,
    hashes: &(impl ExactSizeIterator<Item = &'a SecretHash> + Clone),
) -> Option<usize> {
    let peppers = &generation.settings.peppers;
    if hashes.len() > 0 {
        return peppers.find(client, secret, hashes);
    }
    let nothing = SecretHash { pepper: crate::secret::PepperId(u32::MAX), mac: [0; 32] };
    peppers.find(client, secret, &std::iter::once(&nothing)).and(None)
}

fn by_assertion<'a>(
    generation: &Generation,
    shown: ShownAssertion<'_>,
    find: impl Fn(&ClientKey) -> Option<&'a ClientRecord>,
    now: Timestamp,
) -> Result<Subject<'a>, Reason> {
    let key = ClientId::parse(&shown.assertion.client).ok().map(|id| id.key());
    let record = key.as_ref().and_then(find);
    let issuer = &generation.settings.issuer;
    let checked = proofs::check_assertion(record, issuer, shown, now)?;
    let (Some(key), Some(record)) = (key, record) else { return Err(Reason::UnknownClient) };
    Ok(Subject::without_token(key, record, checked))
}

fn by_certificate<'a>(
    shown: ShownCertificate<'_>,
    find: impl Fn(&ClientKey) -> Option<&'a ClientRecord>,
    now: Timestamp,
) -> Result<Subject<'a>, Reason> {
    let key = ClientId::parse(shown.client).map_err(|_| Reason::UnknownClient)?.key();
    let Some(record) = find(&key) else { return Err(Reason::UnknownClient) };
    let checked = proofs::check_certificate(record, shown, now)?;
    Ok(Subject::without_token(key, record, checked))
}

fn by_token<'a>(
    policy: &Policy,
    generation: &Generation,
    shown: ShownToken<'_>,
    find: impl Fn(&ClientKey) -> Option<&'a ClientRecord>,
    now: Timestamp,
) -> Result<Subject<'a>, Reason> {
    let token = policy.verify(generation, shown.text).map_err(Reason::Token)?;
    token.check_time(now, generation.settings.leeway_s).map_err(Reason::Token)?;
    let key = token.client.key();
    let Some(record) = find(&key) else { return Err(Reason::UnknownClient) };
    if policy.is_revoked(&token.token_id) || token.issued_at <= record.tokens_not_before {
        return Err(Reason::RevokedToken);
    }
    let once = prove(shown, &token, now)?;
    let shown = Shown::Token { expires_at_s: token.expires_at.seconds() };
    let organization = match &token.organization {
        Some(id) if account_of(record).as_ref() != Some(id) => {
            Some(policy.account(id).ok_or(Reason::SuspendedAccount)?)
        }
        Some(_) | None => None,
    };
    Ok(Subject { key, record, shown, token: Some(token), once, organization })
}

fn is_live(subject: &Subject<'_>) -> Result<(), Reason> {
    if subject.record.state != State::Active {
        return Err(Reason::SuspendedClient);
    }
    if subject.organization.as_ref().is_some_and(|account| account.state != State::Active) {
        return Err(Reason::SuspendedAccount);
    }
    let Some(account) = &subject.record.account else { return Ok(()) };
    let active = account.load().as_ref().is_some_and(|account| account.state == State::Active);
    if active { Ok(()) } else { Err(Reason::SuspendedAccount) }
}

fn account_of(record: &ClientRecord) -> Option<AccountId> {
    record.account.as_ref().and_then(|cell| cell.load().as_ref().map(|account| account.id.clone()))
}

/// Collects what the lists say. All lists are asked, whatever the first one said.
struct Layers {
    ip: Option<ClientIp>,
    now: Timestamp,
    /// Whether bound tokens are asked for where they are required.
    asks_possession: bool,
    deny: Option<Reason>,
    would_deny: Option<Reason>,
}

impl Layers {
    /// Asks what an API wants of a use: a bound token, where it takes no other, and its list.
    fn ask_api(&mut self, subject: &Subject<'_>, api: Option<&ApiRecord>) -> Result<(), Reason> {
        if self.asks_possession {
            check_required(subject.record, subject.token.as_deref(), api)?;
        }
        if let Some(api) = api {
            self.ask(Layer::Api, &api.allowlist);
        }
        Ok(())
    }

    fn ask(&mut self, layer: Layer, list: &CompiledAllowlist) {
        if list.mode() == Mode::Off || list.covers(self.ip, self.now) {
            return;
        }
        let reason = match self.ip {
            Some(_) => Reason::Address(layer),
            None => Reason::NoClientAddress(layer),
        };
        if list.mode() == Mode::Enforce {
            self.deny.get_or_insert(reason);
        } else {
            self.would_deny.get_or_insert(reason);
        }
    }

    /// The account's and the client's own list, after those of the APIs.
    fn finish(&mut self, record: &ClientRecord) -> Result<(), Reason> {
        if let Some(cell) = &record.account
            && let Some(account) = cell.load().as_deref()
        {
            self.ask(Layer::Account, &account.allowlist);
        }
        self.ask(Layer::Client, &record.allowlist);
        self.deny.map_or(Ok(()), Err)
    }
}

/// The API, where there is one, and the scopes.
type Passed = (Option<Arc<ApiRecord>>, Arc<str>);

fn use_door(
    policy: &Policy,
    subject: &Subject<'_>,
    required: Required<'_>,
    layers: &mut Layers,
) -> Result<Passed, Reason> {
    ask_narrowed(policy, subject, required.narrowing, layers)?;
    let (api, scope) = match required.audience {
        Some(audience) => use_of_one_api(policy, subject, audience, layers)?,
        None => use_of_any_api(policy, subject, layers)?,
    };
    let (api, scope) = narrow(policy, subject, required.narrowing, api, scope)?;
    let has = |wanted: &str| scope.split(' ').any(|granted| granted == wanted);
    let required_here = required.scopes.iter().map(String::as_str);
    let required_by_route = required.narrowing.scopes.iter().copied();
    if required_here.chain(required_by_route).all(has) {
        Ok((api, scope))
    } else {
        Err(Reason::Scope)
    }
}

/// Asks the lists of the APIs that the route names, before any verdict of the lists.
///
/// Security: besides the others, never in their place. A route's header may reach us from the
/// caller himself, and must not let him choose the API whose list is the wider one.
fn ask_narrowed(
    policy: &Policy,
    subject: &Subject<'_>,
    narrowing: Narrowing<'_>,
    layers: &mut Layers,
) -> Result<(), Reason> {
    for audience in narrowing.audiences {
        if subject.token.as_ref().is_some_and(|token| !token.has_audience(audience)) {
            return Err(Reason::Token(TokenFault::Audience));
        }
        layers.ask_api(subject, policy.api(audience).as_deref())?;
    }
    Ok(())
}

/// Takes away what is not granted for the APIs that the route names.
fn narrow(
    policy: &Policy,
    subject: &Subject<'_>,
    narrowing: Narrowing<'_>,
    mut api: Option<Arc<ApiRecord>>,
    mut scope: Arc<str>,
) -> Result<Passed, Reason> {
    for audience in narrowing.audiences {
        let named = policy.api(audience).filter(|api| !api.is_system).ok_or(Reason::NoGrant)?;
        let grant = subject.record.grant_for(&named.id).ok_or(Reason::NoGrant)?;
        scope = grant.scopes.narrow(&scope);
        api.get_or_insert(named);
    }
    Ok((api, scope))
}

fn use_of_one_api(
    policy: &Policy,
    subject: &Subject<'_>,
    audience: &str,
    layers: &mut Layers,
) -> Result<Passed, Reason> {
    let api = policy.api(audience);
    if let Some(token) = &subject.token {
        let fits = api.is_some() && token.has_audience(audience);
        if !fits {
            return Err(Reason::Token(TokenFault::Audience));
        }
        check_dialect(token, api.as_deref())?;
    }
    layers.ask_api(subject, api.as_deref())?;
    layers.finish(subject.record)?;
    let api = api.ok_or(Reason::NoGrant)?;
    let grant = subject.record.grant_for(&api.id).ok_or(Reason::NoGrant)?;
    let scope = match &subject.token {
        Some(token) => grant.scopes.narrow(&token.scope),
        None => Arc::clone(grant.scopes.text()),
    };
    Ok((Some(api), scope))
}

/// The door names no API. A token must then be for some API other than Keyward's own, and counts
/// for those; a key counts for every API that it has a grant for, and all their lists must agree.
fn use_of_any_api(
    policy: &Policy,
    subject: &Subject<'_>,
    layers: &mut Layers,
) -> Result<Passed, Reason> {
    let Some(token) = &subject.token else {
        for grant in &subject.record.grants {
            let api = grant.api.load();
            if let Some(api) = api.as_deref().filter(|api| !api.is_system) {
                layers.ask_api(subject, Some(api))?;
            }
        }
        layers.finish(subject.record)?;
        return Ok((None, Arc::clone(subject.record.all_scopes.text())));
    };
    let mut scope: Option<Arc<str>> = None;
    let mut only: Option<Arc<ApiRecord>> = None;
    let mut known: usize = 0;
    for api in token.audience.iter().filter_map(|audience| policy.api(audience)) {
        if api.is_system {
            continue;
        }
        check_dialect(token, Some(&api))?;
        layers.ask_api(subject, Some(&api))?;
        known = known.saturating_add(1);
        if let Some(grant) = subject.record.grant_for(&api.id) {
            let more = grant.scopes.narrow(&token.scope);
            scope = Some(scope.map_or(Arc::clone(&more), |have| join_scopes(&have, &more)));
        }
        only = Some(api);
    }
    if known == 0 {
        return Err(Reason::Token(TokenFault::Audience));
    }
    layers.finish(subject.record)?;
    let scope = scope.ok_or(Reason::NoGrant)?;
    Ok((only.filter(|_| known == 1), scope))
}

fn join_scopes(have: &str, more: &str) -> Arc<str> {
    let mut all: Vec<&str> = have.split(' ').filter(|scope| !scope.is_empty()).collect();
    for scope in more.split(' ').filter(|scope| !scope.is_empty()) {
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    Arc::from(all.join(" "))
}

/// Tokens in Auth0's dialect are good only for an API that chose it; `at+jwt` is good for all.
fn check_dialect(token: &VerifiedToken, api: Option<&ApiRecord>) -> Result<(), Reason> {
    let chosen = api.is_some_and(|api| api.dialect == Dialect::Auth0);
    if token.dialect == Dialect::Rfc9068 || chosen {
        Ok(())
    } else {
        Err(Reason::Token(TokenFault::Type))
    }
}
