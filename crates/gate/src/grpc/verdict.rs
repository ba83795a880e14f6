//! The answer to a call, which always says what it is.

use ::http::{HeaderMap, StatusCode};
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{
    CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::rpc::Status;
use prost::Message as _;
use tonic::Code;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

use super::check::CheckRequest;
use crate::gate::Reply;
use crate::reply::{Identity, Refusal};
use crate::request_id::RequestId;

/// What is taken away when the application shall not see the credential.
const CREDENTIALS: [&str; 2] = ["authorization", "x-api-key"];

/// An answer. There is no way to make one that does not name its code.
#[derive(Debug)]
pub(crate) struct Verdict(CheckResponse);

impl Verdict {
    pub(super) fn of(reply: Reply, id: RequestId) -> Self {
        match reply {
            Reply::Allow { identity, hide_credential } => Self::allow(&identity, hide_credential),
            Reply::Refuse(refusal) => Self::deny(&refusal, id),
        }
    }

    fn allow(identity: &Identity, hide_credential: bool) -> Self {
        let hidden: &[&str] = if hide_credential { &CREDENTIALS } else { &[] };
        let ok = OkHttpResponse {
            headers: overwriting(identity.headers()),
            headers_to_remove: hidden.iter().map(|name| (*name).to_owned()).collect(),
            response_headers_to_add: Vec::new(),
            query_parameters_to_set: Vec::new(),
            query_parameters_to_remove: Vec::new(),
            ..OkHttpResponse::default()
        };
        Self::new(Code::Ok, HttpResponse::OkResponse(ok))
    }

    fn deny(refusal: &Refusal, id: RequestId) -> Self {
        let denied = DeniedHttpResponse {
            status: Some(HttpStatus { code: i32::from(refusal.status.as_u16()) }),
            headers: overwriting(&refusal.headers(id)),
            body: refusal.body.to_owned(),
        };
        Self::new(denied_code(refusal.status), HttpResponse::DeniedResponse(denied))
    }

    fn new(code: Code, response: HttpResponse) -> Self {
        Self(CheckResponse {
            status: Some(Status {
                code: i32::from(code),
                message: String::new(),
                details: Vec::new(),
            }),
            dynamic_metadata: None,
            http_response: Some(response),
        })
    }
}

/// The gRPC code that goes with a refusal. Never [`Code::Ok`], whatever the status is.
fn denied_code(status: StatusCode) -> Code {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST => Code::Unauthenticated,
        StatusCode::TOO_MANY_REQUESTS => Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        _ => Code::PermissionDenied,
    }
}

/// Headers that take the place of those of the same name.
fn overwriting(headers: &HeaderMap) -> Vec<HeaderValueOption> {
    headers
        .iter()
        .map(|(name, value)| {
            let mut option = HeaderValueOption {
                header: Some(HeaderValue {
                    key: name.as_str().to_owned(),
                    value: value.to_str().unwrap_or_default().to_owned(),
                    raw_value: Vec::new(),
                }),
                keep_empty_value: true,
                ..HeaderValueOption::default()
            };
            option.set_append_action(HeaderAppendAction::OverwriteIfExistsOrAdd);
            option
        })
        .collect()
}

/// Reads requests and writes verdicts.
pub(super) struct CheckCodec;

impl Codec for CheckCodec {
    type Encode = Verdict;
    type Decode = CheckRequest;
    type Encoder = VerdictEncoder;
    type Decoder = RequestDecoder;

    fn encoder(&mut self) -> VerdictEncoder {
        VerdictEncoder
    }

    fn decoder(&mut self) -> RequestDecoder {
        RequestDecoder(ProstDecoder::default())
    }
}

pub(super) struct VerdictEncoder;

impl Encoder for VerdictEncoder {
    type Item = Verdict;
    type Error = tonic::Status;

    fn encode(
        &mut self,
        verdict: Verdict,
        buffer: &mut EncodeBuf<'_>,
    ) -> Result<(), tonic::Status> {
        verdict.0.encode(buffer).map_err(|error| tonic::Status::internal(error.to_string()))
    }
}

pub(super) struct RequestDecoder(ProstDecoder<CheckRequest>);

impl Decoder for RequestDecoder {
    type Item = CheckRequest;
    type Error = tonic::Status;

    fn decode(
        &mut self,
        buffer: &mut DecodeBuf<'_>,
    ) -> Result<Option<CheckRequest>, tonic::Status> {
        self.0.decode(buffer)
    }
}

#[cfg(test)]
mod tests {
    use keyward_core::attempt::CredentialFault;
    use keyward_core::decision::Reason;
    use keyward_core::gateway::{DenyStyle, Disclosure};

    use super::*;
    use crate::probes::ProbeAnswer;

    fn codes(refusal: &Refusal) -> (i32, i32) {
        let verdict = Verdict::deny(refusal, RequestId::random()).0;
        let Some(HttpResponse::DeniedResponse(denied)) = verdict.http_response else { panic!() };
        (verdict.status.unwrap().code, denied.status.unwrap().code)
    }

    #[test]
    fn no_refusal_has_the_code_that_means_allowed() {
        for status in 100..=599 {
            let code = denied_code(StatusCode::from_u16(status).unwrap());
            assert_ne!(code, Code::Ok, "{status}");
        }
        for style in [DenyStyle::Full, DenyStyle::Bare, DenyStyle::AuthStatus] {
            for answer in ProbeAnswer::ALL {
                let (code, status) = codes(&Refusal::ordered(answer, style));
                assert!(code != 0 && status >= 400, "{answer:?} {style:?}");
            }
        }
    }

    #[test]
    fn refusals_have_the_code_of_their_class() {
        let of = |reason| codes(&Refusal::of(reason, Disclosure::Generic, DenyStyle::Full));
        assert_eq!(of(Reason::UnknownClient), (16, 401));
        assert_eq!(of(Reason::Credential(CredentialFault::Several)), (16, 400));
        assert_eq!(of(Reason::Scope), (7, 403));
        assert_eq!(of(Reason::Quota), (8, 429));
        assert_eq!(of(Reason::Stale), (14, 503));
        assert_eq!(codes(&Refusal::turned_away()), (7, 403));
        assert_eq!(codes(&Refusal::unready()), (14, 503));
    }

    #[test]
    fn an_allowed_request_overwrites_what_the_caller_sent() {
        let identity = Identity::nobody(None, RequestId::random()).unwrap();
        let verdict = Verdict::allow(&identity, true).0;
        assert_eq!(verdict.status.unwrap().code, 0);
        let Some(HttpResponse::OkResponse(ok)) = verdict.http_response else { panic!() };
        assert_eq!(ok.headers.len(), 6);
        for option in &ok.headers {
            assert_eq!(option.append_action(), HeaderAppendAction::OverwriteIfExistsOrAdd);
        }
        assert_eq!(ok.headers_to_remove, CREDENTIALS);
    }
}
