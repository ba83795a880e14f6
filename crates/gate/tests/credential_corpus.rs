//! The corpus areas `basic_auth` and `bearer`, through the check endpoint.

#[cfg(test)]
#[path = "../../../corpus/loader.rs"]
mod loader;

#[cfg(test)]
mod corpus {
    use std::net::IpAddr;
    use std::sync::Arc;

    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
    use http_body_util::Empty;
    use keyward_allowlist::{Connection, Network, Peer, Source};
    use keyward_core::attempt::{Credential, CredentialFault};
    use keyward_core::gateway::{DenyStyle, Gateway, GatewayKind};
    use keyward_core::id::GatewayId;
    use keyward_core::jwk::KeySet;
    use keyward_core::policy::{Change, Freshness, Policy, Settings};
    use keyward_core::secret::{PepperId, Peppers};
    use keyward_core::time::{FixedClock, Timestamp};
    use keyward_gate::credential::{BasicBuffer, basic_oauth, credential};
    use keyward_gate::{CheckBody, Checks, Events, Gate};
    use serde_json::Value;
    use tower::ServiceExt as _;

    use crate::loader::{self, Case};

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// A gate that knows no client, with the gateways `bare` and `full`.
    fn gate() -> Arc<Gate> {
        let policy = Policy::new(Settings {
            issuer: "https://id.example/".to_owned(),
            keys: KeySet::default(),
            peppers: Peppers::new((PepperId(1), &[1; 32]), &[]),
            default_audience: None,
            leeway_s: 0,
        });
        let gateways = [("bare", DenyStyle::Bare), ("full", DenyStyle::Full)];
        let gateways = gateways.into_iter().map(|(name, deny_style)| {
            let id = GatewayId::parse(name).unwrap();
            let mut gateway = Gateway::new(id, GatewayKind::Application, Timestamp::default());
            gateway.client_address.source = Source::Peer;
            gateway.auth.peers = vec![Network::host(PEER)];
            gateway.deny_style = Some(deny_style);
            Change::Gateway(Box::new(gateway))
        });
        policy.apply(1, gateways.collect(), Freshness::Authority);
        let clock = Arc::new(FixedClock::default());
        Arc::new(Gate::new(Arc::new(policy), clock, Events::unheard()))
    }

    async fn ask(gateway: &str, query: &str, headers: &HeaderMap) -> Response<CheckBody> {
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = format!("/v1/check/{gateway}{query}").parse().unwrap();
        *request.headers_mut() = headers.clone();
        let connection = Connection { peer: Peer::Ip(PEER), proxied: None };
        Checks::new(gate(), connection, Arc::default()).oneshot(request).await.unwrap()
    }

    fn refusal(gateway: &str, query: &str, headers: &HeaderMap) -> (StatusCode, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let response = runtime.block_on(ask(gateway, query, headers));
        let challenge = response.headers().get("www-authenticate");
        (response.status(), challenge.map_or("", |value| value.to_str().unwrap()).to_owned())
    }

    fn header_value(value: &Value) -> HeaderValue {
        let text = loader::text(value).expect("a header value is a string");
        HeaderValue::from_bytes(text.as_bytes()).expect("the case has a possible header value")
    }

    /// Id and secret in the mode that the case is about.
    fn pair(mode: &str, headers: &HeaderMap) -> Result<(String, String), CredentialFault> {
        let mut buffer = BasicBuffer::new();
        let found = credential(headers, &mut buffer);
        match (mode, found) {
            ("oauth", Err(fault @ (CredentialFault::Missing | CredentialFault::Several))) => {
                Err(fault)
            }
            ("oauth", _) => {
                let pair = basic_oauth(headers["authorization"].as_bytes())?;
                Ok((pair.client.clone(), pair.secret.to_string()))
            }
            ("raw", Ok(Credential::Pair { client, secret })) => {
                Ok((client.to_owned(), secret.to_owned()))
            }
            ("raw", Ok(_)) => Err(CredentialFault::UnknownScheme),
            ("raw", Err(fault)) => Err(fault),
            (other, _) => panic!("no such mode: {other}"),
        }
    }

    #[test]
    fn basic_auth() {
        loader::run("basic_auth", |case: &Case| {
            let mut headers = HeaderMap::new();
            for value in case.input["authorization"].as_array().unwrap() {
                headers.append("authorization", header_value(value));
            }
            let got = pair(case.input["mode"].as_str().unwrap(), &headers);
            if case.expect["ok"] == true {
                let text = |name: &str| case.expect[name].as_str().unwrap().to_owned();
                let expected = (text("id"), text("secret"));
                return if got.as_ref() == Ok(&expected) {
                    Ok(())
                } else {
                    Err(format!("{got:?}"))
                };
            }
            if let Ok(accepted) = got {
                return Err(format!("accepted as {accepted:?}"));
            }
            let (status, challenge) = refusal("bare", "", &headers);
            let expected = case.expect["www_authenticate"].as_str().unwrap();
            if case.expect["status"] == status.as_u16() && challenge.starts_with(expected) {
                Ok(())
            } else {
                Err(format!("{status} {challenge}"))
            }
        });
    }

    #[test]
    fn bearer() {
        loader::run("bearer", |case: &Case| {
            let mut headers = HeaderMap::new();
            for line in case.input["headers"].as_array().unwrap() {
                let name = line[0].as_str().unwrap().parse::<HeaderName>().unwrap();
                headers.append(name, header_value(&line[1]));
            }
            if let Some(expected) = case.expect["credential"].as_str() {
                let mut buffer = BasicBuffer::new();
                return match credential(&headers, &mut buffer) {
                    Ok(Credential::Token(text) | Credential::ApiKey(text)) if text == expected => {
                        Ok(())
                    }
                    other => Err(format!("{other:?}")),
                };
            }
            let query = case.input["path"].as_str().unwrap().split_once('?');
            let query = query.map_or(String::new(), |(_, query)| format!("?{query}"));
            let (status, challenge) = refusal("full", &query, &headers);
            let error =
                challenge.split_once("error=\"").map(|(_, rest)| rest.trim_end_matches('"'));
            let scheme = case.expect["www_authenticate"].as_str().unwrap_or("Bearer");
            let right = case.expect["status"] == status.as_u16()
                && case.expect["error"].as_str() == error
                && challenge.split([',', ' ']).any(|word| word == scheme);
            let bare = refusal("bare", &query, &headers).0 == StatusCode::UNAUTHORIZED;
            if right && bare {
                Ok(())
            } else {
                Err(format!("{status} {challenge}, bare 401: {bare}"))
            }
        });
    }
}
