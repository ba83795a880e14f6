//! Probes: marked requests, by which `keyward doctor` sees what a gateway makes of a request.
//!
//! A probe is ordered by an operator, lives for minutes, and never lets anything through: a request
//! that shows its credential is refused as ordered, perhaps after a while, and what was seen of it
//! is kept for the operator. A probe may also watch one client, whose requests are decided as
//! always.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use http::HeaderMap;
use keyward_allowlist::{ClientIp, NoClientIp};
use keyward_core::attempt::Credential;
use keyward_core::id::{ClientId, GatewayId};
use keyward_core::time::Timestamp;
use tokio::sync::watch;

use crate::request_id::RequestId;

/// What a probe's credential begins with.
pub const PROBE_PREFIX: &str = "kwp_";
/// The most probes at a time.
pub const PROBES_MAX: usize = 64;
/// The most requests that are kept of one probe.
pub const SIGHTINGS_MAX: usize = 100;
/// The longest time for which a probe's request is held.
pub const HOLD_MAX: Duration = Duration::from_secs(60);
/// The most requests of one probe that are held; further ones are answered at once.
const HELD_MAX: usize = 16;
/// The longest header value that is kept.
const VALUE_BYTES_MAX: usize = 256;

/// How a probe's request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeAnswer {
    /// As a credential that is not good.
    Unauthorized,
    /// As an address that is not on the list.
    Forbidden,
    /// As too many calls.
    TooMany,
    /// As if nothing could be decided.
    Unavailable,
}

impl ProbeAnswer {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Unauthorized, Self::Forbidden, Self::TooMany, Self::Unavailable];

    /// The HTTP status that stands for it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::TooMany => 429,
            Self::Unavailable => 503,
        }
    }
}

/// What a probe is for.
#[derive(Debug, Clone)]
pub struct ProbeOrder {
    /// How its requests are refused.
    pub answer: ProbeAnswer,
    /// How long the answer is held back; at most [`HOLD_MAX`].
    pub hold: Duration,
    /// A client whose requests are seen as well.
    pub client: Option<ClientId>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What was read off a request, without any credential.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The caller's method, as the gateway tells it.
    pub method: Option<String>,
    /// The path that the caller asked for, as the gateway tells it; without its query.
    pub target: Option<String>,
    /// Headers that say where a request comes from or who sent it, in the order of the message.
    pub headers: Vec<(String, String)>,
}

/// One request of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// When.
    pub at: Timestamp,
    /// The id in the answer's `X-Request-Id`.
    pub request_id: RequestId,
    /// Which gateway asked.
    pub gateway: GatewayId,
    /// The client address that would have counted.
    pub client_ip: Result<ClientIp, NoClientIp>,
    /// Whether that address is one of the gateway's own proxies.
    pub client_ip_is_proxy: bool,
    /// The status that was answered.
    pub status: u16,
    /// What else was read.
    pub seen: Seen,
}

/// Why a probe cannot be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {PROBES_MAX} probes already; wait until one ends")]
pub struct TooManyProbes;

type Key = [u8; 32];

struct Probe {
    order: ProbeOrder,
    sightings: Vec<Sighting>,
    /// Requests beyond [`SIGHTINGS_MAX`].
    unseen: u64,
    held: usize,
    /// Goes with the probe, which lets what is held go too.
    present: watch::Sender<()>,
}

/// The probes of this process.
#[derive(Default)]
pub struct Probes {
    /// How many there are, so that checks pay nothing when there is none.
    count: AtomicUsize,
    table: Mutex<HashMap<Key, Probe>>,
}

/// What to do with a request that shows a probe's credential.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) answer: ProbeAnswer,
    pub(crate) hold: Option<Hold>,
}

/// An answer that is held back.
#[derive(Debug)]
pub(crate) struct Hold {
    time: Duration,
    probe: watch::Receiver<()>,
}

impl Hold {
    /// Waits until its time is over, or the probe is.
    pub(crate) async fn over(mut self) {
        tokio::time::timeout(self.time, self.probe.changed()).await.ok();
    }
}

impl Probes {
    /// Makes a probe whose credential is `credential` ([`PROBE_PREFIX`] and something random).
    ///
    /// # Errors
    /// [`TooManyProbes`].
    pub fn order(
        &self,
        credential: &str,
        order: ProbeOrder,
        now: Timestamp,
    ) -> Result<(), TooManyProbes> {
        let mut table = self.lock();
        table.retain(|_, probe| now < probe.order.expires_at);
        if table.len() >= PROBES_MAX {
            return Err(TooManyProbes);
        }
        let present = watch::Sender::new(());
        let probe = Probe { order, sightings: Vec::new(), unseen: 0, held: 0, present };
        table.insert(key(credential), probe);
        self.count.store(table.len(), Ordering::Release);
        Ok(())
    }

    /// What a probe has seen so far, and how many requests came beyond [`SIGHTINGS_MAX`]. `None`
    /// when there is no such probe (any more).
    #[must_use]
    pub fn sightings(&self, credential: &str, now: Timestamp) -> Option<(Vec<Sighting>, u64)> {
        let table = self.lock();
        let probe = table.get(&key(credential)).filter(|probe| now < probe.order.expires_at)?;
        Some((probe.sightings.clone(), probe.unseen))
    }

    /// Ends a probe; whether there was one.
    pub fn end(&self, credential: &str) -> bool {
        let mut table = self.lock();
        let ended = table.remove(&key(credential)).is_some();
        self.count.store(table.len(), Ordering::Release);
        ended
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    /// What to do with a request, if it shows a probe's credential.
    pub(crate) fn ordered(&self, credential: &Credential<'_>, now: Timestamp) -> Option<Ordered> {
        let text = match credential {
            Credential::Token(text) | Credential::ApiKey(text) => *text,
            Credential::Pair { .. }
            | Credential::DpopToken(_)
            | Credential::Assertion(_)
            | Credential::Certificate(_) => return None,
        };
        if !text.starts_with(PROBE_PREFIX) || self.is_idle() {
            return None;
        }
        let mut table = self.lock();
        let probe = table.get_mut(&key(text)).filter(|probe| now < probe.order.expires_at)?;
        let time = probe.order.hold.min(HOLD_MAX);
        let is_held = !time.is_zero() && probe.held < HELD_MAX;
        let hold = is_held.then(|| Hold { time, probe: probe.present.subscribe() });
        probe.held += usize::from(is_held);
        Some(Ordered { answer: probe.order.answer, hold })
    }

    /// Keeps what was seen of a request that showed a probe's credential.
    pub(crate) fn saw(&self, credential: &Credential<'_>, sighting: Sighting) {
        if let Credential::Token(text) | Credential::ApiKey(text) = credential
            && let Some(probe) = self.lock().get_mut(&key(text))
        {
            probe.keep(sighting);
        }
    }

    /// Forgets what has ended by itself, so that checks pay for no probe that nobody waits for.
    pub fn sweep(&self, now: Timestamp) {
        if self.is_idle() {
            return;
        }
        let mut table = self.lock();
        table.retain(|_, probe| now < probe.order.expires_at);
        self.count.store(table.len(), Ordering::Release);
    }

    /// Keeps what was seen of a client's request, where a probe watches that client.
    pub(crate) fn saw_client(&self, client: &ClientId, sighting: impl Fn() -> Sighting) {
        for probe in self.lock().values_mut() {
            if probe.order.client.as_ref() == Some(client) {
                let sighting = sighting();
                if sighting.at < probe.order.expires_at {
                    probe.keep(sighting);
                }
            }
        }
    }

    /// A poisoned table is as good as any: each change of it is one step.
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Probe>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe {
    fn keep(&mut self, sighting: Sighting) {
        if self.sightings.len() < SIGHTINGS_MAX {
            self.sightings.push(sighting);
        } else {
            self.unseen = self.unseen.saturating_add(1);
        }
    }
}

impl fmt::Debug for Probes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probes").field("count", &self.count).finish_non_exhaustive()
    }
}

/// By digest, so that a look-up tells nothing of the credentials that are there.
fn key(credential: &str) -> Key {
    let mut key = [0; 32];
    let hash = digest::digest(&digest::SHA256, credential.as_bytes());
    key.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    key
}

/// Headers that a probe is shown, by name: no credential is among them. Names that begin alike are
/// not, and some proxies put tokens there.
const SHOWN: &[&str] = &[
    "cf-connecting-ip",
    "client-ip",
    "connection",
    "early-data",
    "fastly-client-ip",
    "forwarded",
    "host",
    "true-client-ip",
    "via",
    "x-account-id",
    "x-client-id",
    "x-client-ip",
    "x-client-scope",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-envoy-original-path",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-method",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-uri",
    "x-original-forwarded-for",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-require-audience",
    "x-require-scope",
];
/// The most header lines that are kept of a request.
pub(crate) const LINES_MAX: usize = 64;

impl Seen {
    /// What is shown of a request's headers.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        Self { method: None, target: None, headers: shown(lines) }
    }

    /// What the caller asked for, as far as it is kept: without a query, which may hold secrets.
    pub(crate) fn asking(mut self, method: Option<&str>, target: Option<&str>) -> Self {
        let path = target.map(|target| target.split('?').next().unwrap_or_default());
        self.method = method.map(|method| text(method.as_bytes()));
        self.target = path.map(|path| text(path.as_bytes()));
        self
    }
}

/// The lines that are shown, names in lower case.
pub(crate) fn shown<'a>(lines: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<(String, String)> {
    let known = lines.filter_map(|(name, value)| {
        let name = SHOWN.iter().find(|known| known.eq_ignore_ascii_case(name))?;
        Some(((*name).to_owned(), text(value)))
    });
    known.take(LINES_MAX).collect()
}

/// The beginning of a value.
fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value.get(..VALUE_BYTES_MAX).unwrap_or(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn order(end_s: i64) -> ProbeOrder {
        ProbeOrder {
            answer: ProbeAnswer::Forbidden,
            hold: Duration::ZERO,
            client: None,
            expires_at: Timestamp::from_seconds(end_s),
        }
    }

    fn sighting() -> Sighting {
        Sighting {
            at: NOW,
            request_id: RequestId::random(),
            gateway: GatewayId::parse("edge").unwrap(),
            client_ip: Err(NoClientIp::MissingHeader),
            client_ip_is_proxy: false,
            status: 403,
            seen: Seen::default(),
        }
    }

    #[test]
    fn a_probe_ends_and_makes_room() {
        let probes = Probes::default();
        assert!(probes.is_idle());
        for number in 0..PROBES_MAX {
            probes.order(&format!("kwp_{number}"), order(1_060), NOW).unwrap();
        }
        assert_eq!(probes.order("kwp_more", order(1_060), NOW), Err(TooManyProbes));
        let shown = Credential::Token("kwp_0");
        assert!(probes.ordered(&shown, NOW).is_some());
        let later = Timestamp::from_seconds(1_060);
        assert!(probes.ordered(&shown, later).is_none());
        assert!(probes.sightings("kwp_0", later).is_none());
        probes.order("kwp_more", order(2_000), later).unwrap();
        assert!(probes.end("kwp_more") && !probes.end("kwp_more"));
        assert!(probes.is_idle());
    }

    #[test]
    fn what_a_probe_keeps_and_holds_is_bounded() {
        let probes = Probes::default();
        let hold = Duration::from_secs(3_600);
        probes.order("kwp_a", ProbeOrder { hold, ..order(1_060) }, NOW).unwrap();
        let shown = Credential::ApiKey("kwp_a");
        for _ in 0..SIGHTINGS_MAX + 3 {
            probes.saw(&shown, sighting());
        }
        let (kept, unseen) = probes.sightings("kwp_a", NOW).unwrap();
        assert_eq!((kept.len(), unseen), (SIGHTINGS_MAX, 3));
        let held = (0..HELD_MAX + 1).map(|_| probes.ordered(&shown, NOW).unwrap().hold);
        let held: Vec<_> = held.map(|hold| hold.map(|hold| hold.time)).collect();
        assert_eq!((held[0], held[HELD_MAX]), (Some(HOLD_MAX), None));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_goes_with_its_time_or_its_probe() {
        let probes = Probes::default();
        let hold = Duration::from_secs(40);
        probes.order("kwp_a", ProbeOrder { hold, ..order(1_060) }, NOW).unwrap();
        let shown = Credential::ApiKey("kwp_a");
        let held = || probes.ordered(&shown, NOW).unwrap().hold.unwrap();
        let begun = tokio::time::Instant::now();
        held().over().await;
        assert_eq!(begun.elapsed().as_secs(), 40);
        let held = held();
        probes.end("kwp_a");
        held.over().await;
        assert_eq!(begun.elapsed().as_secs(), 40);
    }

    #[test]
    fn other_credentials_are_no_probes() {
        let probes = Probes::default();
        probes.order("kwp_a", order(1_060), NOW).unwrap();
        for other in [
            Credential::Token("kwp_b"),
            Credential::Token("kwp_"),
            Credential::Token("kw_live_a_b"),
            Credential::Pair { client: "kwp_a", secret: "kwp_a" },
        ] {
            assert!(probes.ordered(&other, NOW).is_none());
        }
    }

    #[test]
    fn a_watched_client_is_seen_by_those_who_watch_it() {
        let probes = Probes::default();
        let client = ClientId::parse("01234567890123456789").unwrap();
        let other = ClientId::parse("98765432109876543210").unwrap();
        let watch = ProbeOrder { client: Some(client.clone()), ..order(1_060) };
        probes.order("kwp_a", watch, NOW).unwrap();
        probes.order("kwp_b", order(1_060), NOW).unwrap();
        probes.saw_client(&client, sighting);
        probes.saw_client(&other, sighting);
        assert_eq!(probes.sightings("kwp_a", NOW).unwrap().0.len(), 1);
        assert_eq!(probes.sightings("kwp_b", NOW).unwrap().0.len(), 0);
    }

    #[test]
    fn no_credential_is_shown() {
        let mut headers = HeaderMap::new();
        for name in [
            "authorization",
            "x-api-key",
            "cookie",
            "x-gateway-token",
            "proxy-authorization",
            "x-forwarded-access-token",
            "x-client-secret",
            "x-client-assertion",
        ] {
            headers.insert(name, "secret".parse().unwrap());
        }
        headers.insert("x-forwarded-for", "v".repeat(999).parse().unwrap());
        let seen = Seen::of(&headers);
        assert_eq!(seen.headers, [("x-forwarded-for".to_owned(), "v".repeat(VALUE_BYTES_MAX))]);
        let asked = seen.asking(Some("GET"), Some("/a?access_token=secret"));
        assert_eq!(asked.target.as_deref(), Some("/a"));
    }

    #[test]
    fn what_is_kept_of_a_request_is_bounded() {
        let mut headers = HeaderMap::new();
        for _ in 0..LINES_MAX * 2 {
            headers.append("via", "v".repeat(VALUE_BYTES_MAX * 2).parse().unwrap());
        }
        let long = "/a".repeat(VALUE_BYTES_MAX);
        let seen = Seen::of(&headers).asking(None, Some(&long));
        assert_eq!((seen.headers.len(), seen.headers[0].1.len()), (LINES_MAX, VALUE_BYTES_MAX));
        assert_eq!(seen.target.map(|target| target.len()), Some(VALUE_BYTES_MAX));
    }

    #[test]
    fn an_ended_probe_costs_nothing_and_sees_nothing() {
        let probes = Probes::default();
        probes.order("kwp_a", order(1_001), NOW).unwrap();
        assert!(!probes.is_idle());
        probes.sweep(NOW);
        assert!(!probes.is_idle());
        probes.sweep(Timestamp::from_seconds(1_001));
        assert!(probes.is_idle());
    }
}
