//! Keyward's data plane: what gateways ask before they pass a request on.
//!
//! One check: [`Checks`] (HTTP), [`grpc`] (Envoy's external authorization) or [`layer`] (in a Rust
//! service) takes credential and client address out of the request,
//! [`keyward_core::decide::decide`] decides, `reply` says how it is answered, `telling` tells what
//! happened. Nothing in between waits, and nothing here can reach a database.
//!
//! | feature | brings |
//! |---|---|
//! | `grpc` | Envoy's `Authorization/Check` and the health service, with tonic |
//! | `layer` | a tower layer for Rust services, without axum and tonic |

mod assertion;
mod certificate;
mod counters;
pub mod credential;
mod events;
mod gate;
mod gateways;
#[cfg(feature = "grpc")]
pub mod grpc;
mod headers;
mod http;
#[cfg(feature = "layer")]
pub mod layer;
mod lines;
mod possession;
pub mod probes;
mod reply;
mod request;
mod request_id;
mod telling;

pub use crate::http::{CHECK_PATH, Checking, Checks};
pub use assertion::AssertionSigner;
pub use events::{Alarm, AlarmKind, DecisionEvent, Events, GatewayAlarm};
pub use gate::Gate;
pub use headers::Headers;
pub use reply::CheckBody;
pub use request_id::RequestId;
