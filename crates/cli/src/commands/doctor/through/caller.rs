//! The caller of a trial: requests as an attacker would write them, from chosen addresses.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::{HeaderMap, StatusCode};
use keyward_allowlist::parse_address;
use reqwest::{Client, Url};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Longer than a probe is held, and than any gateway should wait.
const PATIENCE: Duration = Duration::from_secs(70);
/// A gateway that knows no PROXY protocol may wait for a request that makes sense.
const PROXIED_PATIENCE: Duration = Duration::from_secs(5);
/// How long a second request on a connection may take to be asked about.
const TUNNEL_PATIENCE: Duration = Duration::from_secs(2);
/// How much of an answer is read.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Sends the requests.
#[derive(Debug)]
pub(super) struct Caller {
    url: Url,
    /// One client for each address to send from; at least one.
    clients: Vec<Client>,
    own: Option<IpAddr>,
}

/// What the caller got.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
    pub(super) after: Duration,
}

impl Caller {
    /// # Errors
    /// When the URL is none, or an address is not this machine's.
    pub(super) fn new(url: &str, from: &[IpAddr]) -> anyhow::Result<Self> {
        let url = Url::parse(url).with_context(|| {
            format!("`{url}` is no URL: give one such as https://api.example/orders")
        })?;
        anyhow::ensure!(
            matches!(url.scheme(), "http" | "https") && url.username().is_empty(),
            "`{url}` must be an http:// or https:// URL without a user"
        );
        let mut sources: Vec<Option<IpAddr>> = from.iter().copied().map(Some).collect();
        if sources.is_empty() {
            sources = usual_sources(&url);
        }
        let clients = sources.iter().map(|source| client(*source));
        let clients = clients.collect::<Result<_, _>>()?;
        let own = sources.first().copied().flatten().or_else(|| address_towards(&url));
        Ok(Self { url, clients, own })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether there is a second address to send from.
    pub(super) fn has_second_address(&self) -> bool {
        self.clients.len() > 1
    }

    /// The address that the first requests leave this machine with.
    pub(super) fn own_address(&self) -> Option<String> {
        self.own.map(|own| own.to_canonical().to_string())
    }

    /// Whether somebody on the way can read the requests.
    pub(super) fn tells_in_clear(&self) -> bool {
        self.url.scheme() == "http" && !is_loopback(&self.url)
    }

    /// GET with a credential, from the first address or the second.
    pub(super) async fn get(
        &self,
        source: usize,
        credential: &str,
        headers: &[(&str, String)],
    ) -> anyhow::Result<Answer> {
        let client = self.clients.get(source).context("there is no such address to send from")?;
        let mut request = client.get(self.url.clone()).bearer_auth(credential);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let began = Instant::now();
        let mut answer = request.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > BODY_BYTES_MAX {
                break;
            }
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status, headers, body, after: began.elapsed() })
    }

    /// GET over plain HTTP, after a PROXY header. What comes back does not matter.
    pub(super) async fn get_proxied(&self, credential: &str, header: &[u8]) -> anyhow::Result<()> {
        let to = self.url.socket_addrs(|| None)?;
        let mut stream = self.connect(*to.first().context("the host has no address")?).await?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\n\
             Authorization: Bearer {credential}\r\nConnection: close\r\n\r\n",
            self.url.path(),
            self.url.host_str().unwrap_or_default(),
        );
        stream.write_all(&[header, request.as_bytes()].concat()).await?;
        let mut answer = Vec::new();
        let mut stream = stream.take(BODY_BYTES_MAX as u64);
        timeout(PROXIED_PATIENCE, stream.read_to_end(&mut answer)).await??;
        Ok(())
    }

    /// CONNECT, and then GET on the same connection, both with a credential, over plain HTTP. The
    /// answer is whether the first was told that it has its tunnel.
    pub(super) async fn connect_then_get(&self, credential: &str) -> anyhow::Result<bool> {
        let to = self.url.socket_addrs(|| None)?;
        let mut stream = self.connect(*to.first().context("the host has no address")?).await?;
        let host = self.url.host_str().unwrap_or_default();
        let head = |line: &str| {
            format!("{line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {credential}\r\n\r\n")
        };
        stream.write_all(head(&format!("CONNECT {host}:80")).as_bytes()).await?;
        let mut reader = BufReader::new(stream.take(BODY_BYTES_MAX as u64));
        let mut line = String::new();
        timeout(PROXIED_PATIENCE, reader.read_line(&mut line)).await??;
        let told = line.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        let get = head(&format!("GET {}", self.url.path()));
        // A gateway that hangs up after a refusal opens no tunnel.
        if reader.get_mut().get_mut().write_all(get.as_bytes()).await.is_ok() {
            let mut rest = Vec::new();
            timeout(TUNNEL_PATIENCE, reader.read_to_end(&mut rest)).await.ok();
        }
        Ok(told)
    }

    async fn connect(&self, to: SocketAddr) -> anyhow::Result<TcpStream> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(own) = self.own.filter(|own| own.is_ipv4() == to.is_ipv4()) {
            socket.bind(SocketAddr::new(own, 0))?;
        }
        Ok(timeout(PROXIED_PATIENCE, socket.connect(to)).await??)
    }

    /// Whether a PROXY header can be forged without speaking TLS after it.
    pub(super) fn is_plain(&self) -> bool {
        self.url.scheme() == "http"
    }
}

fn client(source: Option<IpAddr>) -> anyhow::Result<Client> {
    let client = Client::builder()
        .local_address(source)
        .connect_timeout(Duration::from_secs(5))
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("keyward-doctor/", env!("CARGO_PKG_VERSION")));
    client.build().context("cannot make a client of HTTP")
}

/// All of 127.0.0.0/8 is this machine, so there two addresses can be played.
fn usual_sources(url: &Url) -> Vec<Option<IpAddr>> {
    let is_v6 = url.host_str().is_some_and(|host| host.starts_with('['));
    if is_loopback(url) && !is_v6 && cfg!(target_os = "linux") {
        vec![Some(IpAddr::from([127, 0, 0, 2])), Some(IpAddr::from([127, 0, 0, 3]))]
    } else {
        vec![None]
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = parse_address(host.trim_start_matches('[').trim_end_matches(']'));
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The address of this machine that packets to the URL's host leave with. Nothing is sent.
fn address_towards(url: &Url) -> Option<IpAddr> {
    let to: Vec<SocketAddr> = url.socket_addrs(|| None).ok()?;
    let to = *to.first()?;
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
