//! One authorization call, as Envoy 1.40 makes it by our recipe, and what its answer must be.

use anyhow::{Context as _, ensure};
use envoy_types::pb::envoy::config::core::v3::address::Address as Kind;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, Metadata, SocketAddress};
use envoy_types::pb::envoy::service::auth::v3::attribute_context::{HttpRequest, Peer, Request};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{AttributeContext, CheckRequest, CheckResponse};
use envoy_types::pb::google::protobuf::Timestamp;
use hyper::body::Bytes;
use prost::Message as _;

use crate::callers::Caller;

/// What the calls say who asks.
pub(super) const GATEWAY: &str = "edge";

/// A prepared call.
pub(super) struct Call {
    /// The whole body: the prefix of gRPC, not compressed, and the message.
    pub(super) body: Bytes,
    status: i32,
}

impl Call {
    pub(super) fn of(caller: &Caller) -> Self {
        let Caller { header: (name, value), ip, status } = caller;
        let http = HttpRequest {
            id: "7073960579585982032".to_owned(),
            method: "GET".to_owned(),
            // The recipe lets it send no others.
            headers: [(name.to_ascii_lowercase(), value.clone())].into(),
            path: "/orders/1234?page=1".to_owned(),
            host: "api.example.com:8000".to_owned(),
            scheme: "http".to_owned(),
            protocol: "HTTP/1.1".to_owned(),
            ..HttpRequest::default()
        };
        let time = Timestamp { seconds: 1_795_542_636, nanos: 884_278_000 };
        let attributes = AttributeContext {
            source: Some(peer(&ip.to_string(), 52_725)),
            destination: Some(peer("127.0.0.1", 8000)),
            request: Some(Request { time: Some(time), http: Some(http) }),
            metadata_context: Some(Metadata::default()),
            route_metadata_context: Some(Metadata::default()),
            ..AttributeContext::default()
        };
        let message = CheckRequest { attributes: Some(attributes) }.encode_to_vec();
        let mut body = vec![0];
        body.extend_from_slice(&(message.len() as u32).to_be_bytes());
        body.extend_from_slice(&message);
        Self { body: body.into(), status: i32::from(*status) }
    }

    /// The same for a service that lets everybody pass.
    pub(super) fn expecting_200(&self) -> Self {
        Self { body: self.body.clone(), status: 200 }
    }

    /// Whether an answer's body is the right one.
    pub(super) fn check(&self, body: &[u8]) -> anyhow::Result<()> {
        let (prefix, message) = body.split_at_checked(5).context("an answer without a message")?;
        let length = (message.len() as u32).to_be_bytes();
        ensure!(prefix[0] == 0 && prefix[1..] == length, "the answer is not one plain message");
        let answer = CheckResponse::decode(message)?;
        let code = answer.status.context("an answer without a code")?.code;
        let status = match answer.http_response.context("an answer that says nothing")? {
            HttpResponse::OkResponse(_) => 200,
            HttpResponse::DeniedResponse(denied) => {
                denied.status.context("a refusal without a status")?.code
            }
            HttpResponse::ErrorResponse(_) => 0,
        };
        ensure!((code == 0) == (status == 200), "code {code} and status {status}");
        ensure!(status == self.status, "status {status}, expected {}", self.status);
        Ok(())
    }
}

fn peer(address: &str, port: u32) -> Peer {
    let socket = SocketAddress {
        address: address.to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(port)),
        ..SocketAddress::default()
    };
    Peer {
        address: Some(Address { address: Some(Kind::SocketAddress(socket)) }),
        ..Peer::default()
    }
}
