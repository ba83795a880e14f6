//! Where log streams may lead: out to the world over TLS, and to networks of one's own only where
//! the machine's operator says so.
//!
//! Security: whoever may make a stream must not reach what only this machine reaches (a cloud's
//! metadata, a database, the gate). So every address is judged when the connection is made, after
//! the name was resolved; redirects are not followed and no proxy is asked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use keyward_allowlist::{ClientIp, NetworkSet, parse_address};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url};

/// How long a delivery may take, the answer included.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection waits for the next delivery.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest URL, in bytes.
const URL_BYTES_MAX: usize = 2_048;

/// The setting that opens networks to log streams.
const SETTING: &str = "log_stream_networks";

/// Networks of one's own that streams may lead to, also without TLS.
#[derive(Debug, Clone, Default)]
pub struct OwnNetworks(Arc<NetworkSet>);

impl OwnNetworks {
    /// These networks.
    #[must_use]
    pub fn new(networks: NetworkSet) -> Self {
        Self(Arc::new(networks))
    }

    fn allows(&self, address: IpAddr, encrypted: bool) -> bool {
        let address = ClientIp::from(address).get();
        self.0.contains(address) || (encrypted && is_public(address))
    }

    /// Looks at an endpoint as somebody wrote it. What its name resolves to is judged later, each
    /// time.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check(&self, endpoint: &str) -> Result<Url, String> {
        if endpoint.len() > URL_BYTES_MAX {
            return Err(format!("has more than {URL_BYTES_MAX} bytes"));
        }
        let url: Url = endpoint.parse().map_err(|_| "is no URL".to_owned())?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" if !self.0.is_empty() => false,
            _ => return Err(format!("must begin with https:// (http:// only reaches {SETTING})")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user or a password: use httpAuthorization".to_owned());
        }
        if url.fragment().is_some() {
            return Err("holds a fragment, which nobody would get".to_owned());
        }
        match literal(&url) {
            Some(address) if !self.allows(address, encrypted) => Err(format!(
                "names an address that log streams do not reach: the setting {SETTING} opens \
                 networks to them"
            )),
            Some(_) | None => Ok(url),
        }
    }
}

/// The address in a URL that names no host.
fn literal(url: &Url) -> Option<IpAddr> {
    parse_address(url.host_str()?.trim_matches(['[', ']'])).ok()
}

/// Whether an address belongs to somebody on the open internet, as far as its number tells.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => !matches!(
            ip.octets(),
            [0 | 10 | 127 | 224..=255, ..]
                | [100, 64..=127, ..]
                | [169, 254, ..]
                | [172, 16..=31, ..]
                | [192, 0, 0 | 2, _]
                | [192, 88, 99, _]
                | [192, 168, ..]
                | [198, 18 | 19, ..]
                | [198, 51, 100, _]
                | [203, 0, 113, _]
        ),
        // Of the unicast space, less what carries IPv4 addresses inside or is for documents.
        IpAddr::V6(ip) => !matches!(
            ip.segments(),
            [0..=0x1fff | 0x4000..=0xffff, ..]
                | [0x2001, 0..=0x01ff | 0x0db8, ..]
                | [0x2002, ..]
                | [0x3ffe | 0x3fff, ..]
        ),
    }
}

/// Resolves names to addresses that may be reached.
struct Guarded {
    networks: OwnNetworks,
    encrypted: bool,
}

/// A name leads nowhere that may be reached.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to no address that log streams reach")]
struct OutOfReach;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(reached(self.networks.clone(), self.encrypted, name))
    }
}

/// The addresses of a name that may be reached.
async fn reached(
    networks: OwnNetworks,
    encrypted: bool,
    name: Name,
) -> Result<Addrs, Box<dyn std::error::Error + Send + Sync>> {
    let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
    let reached = found.filter(|address| networks.allows(address.ip(), encrypted));
    let reached: Vec<SocketAddr> = reached.collect();
    if reached.is_empty() {
        return Err(OutOfReach.into());
    }
    Ok(Box::new(reached.into_iter()))
}

/// The HTTP client of log streams.
#[derive(Debug, Clone)]
pub struct Egress {
    networks: OwnNetworks,
    encrypted: Client,
    plain: Client,
}

impl Egress {
    /// A client that reaches the open internet and these networks.
    ///
    /// # Errors
    /// When TLS cannot be set up, such as on a machine without certificates of authorities.
    pub fn new(networks: OwnNetworks) -> Result<Self, reqwest::Error> {
        let client = |encrypted| {
            Client::builder()
                .dns_resolver(Arc::new(Guarded { networks: networks.clone(), encrypted }))
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .timeout(TIMEOUT)
                .connect_timeout(CONNECT_TIMEOUT)
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(1)
                .user_agent(concat!("keyward/", env!("CARGO_PKG_VERSION")))
                .build()
        };
        Ok(Self { encrypted: client(true)?, plain: client(false)?, networks })
    }

    /// A request to an endpoint, judged anew: the setting may have changed since it was stored.
    ///
    /// # Errors
    /// What is wrong with the endpoint.
    pub(super) fn post(&self, endpoint: &str) -> Result<reqwest::RequestBuilder, String> {
        let url = self.networks.check(endpoint)?;
        let client = if url.scheme() == "https" { &self.encrypted } else { &self.plain };
        Ok(client.post(url))
    }
}

#[cfg(test)]
mod tests {
    use keyward_allowlist::{EntryRules, parse_entry};

    use super::*;

    fn own(networks: &[&str]) -> OwnNetworks {
        let entry = |text: &&str| parse_entry(text, &EntryRules::default()).unwrap();
        OwnNetworks::new(NetworkSet::compile(&networks.iter().map(entry).collect::<Vec<_>>()))
    }

    #[test]
    fn what_only_this_machine_reaches_is_out_of_reach() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
        ] {
            let ip: IpAddr = address.parse().unwrap();
            assert!(!OwnNetworks::default().allows(ip, true), "{address}");
        }
        for address in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:1.1.1.1"]
        {
            let ip: IpAddr = address.parse().unwrap();
            assert!(OwnNetworks::default().allows(ip, true), "{address}");
            assert!(!OwnNetworks::default().allows(ip, false), "{address} without TLS");
        }
        assert!(own(&["10.0.0.0/8"]).allows("10.1.2.3".parse().unwrap(), false));
        assert!(!own(&["10.0.0.0/8"]).allows("127.0.0.1".parse().unwrap(), true));
    }

    #[test]
    fn an_endpoint_is_looked_at_before_it_is_stored() {
        let (none, here) = (OwnNetworks::default(), own(&["127.0.0.0/8"]));
        for (networks, endpoint, wrong) in [
            (&none, "https://logs.example/in?x=1", ""),
            (&none, "http://logs.example/in", "must begin with https://"),
            (&none, "https://127.0.0.1/", "log_stream_networks"),
            (&none, "https://[::1]:8081/", "log_stream_networks"),
            // The readings that hide an address from a look at its text.
            (&none, "https://0x7f.1/", "log_stream_networks"),
            (&none, "https://2130706433/", "log_stream_networks"),
            (&none, "https://[::ffff:169.254.169.254]/", "log_stream_networks"),
            (&none, "https://user:pass@logs.example/", "user or a password"),
            (&none, "https://logs.example/#x", "fragment"),
            (&none, "file:///etc/passwd", "must begin with https://"),
            (&none, "logs.example", "is no URL"),
            (&here, "http://127.0.0.1:9000/in", ""),
            (&here, "http://192.168.0.1/in", "log_stream_networks"),
            (&here, "http://1.1.1.1/in", "log_stream_networks"),
        ] {
            match networks.check(endpoint) {
                Ok(_) => assert_eq!(wrong, "", "{endpoint}"),
                Err(text) => {
                    assert!(!wrong.is_empty() && text.contains(wrong), "{endpoint}: {text}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_name_for_this_machine_is_out_of_reach() {
        let egress = Egress::new(OwnNetworks::default()).unwrap();
        let sent = egress.post("https://localhost:1/").unwrap().send().await.unwrap_err();
        let mut causes =
            std::iter::successors(Some(&sent as &dyn std::error::Error), |e| e.source());
        assert!(causes.any(|cause| cause.is::<OutOfReach>()), "{sent:?}");
    }
}
