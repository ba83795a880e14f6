//! Keyward's data plane: the endpoints that gateways ask before they pass a request on.
//!
//! One check: [`router`] takes credential and client address out of the request,
//! [`keyward_core::decide::decide`] decides, `reply` writes the answer, [`Events`] tells what
//! happened. Nothing in between waits, and nothing here can reach a database.

mod counters;
pub mod credential;
mod events;
mod gate;
mod gateways;
mod headers;
mod http;
mod reply;
mod request_id;

pub use crate::http::router;
pub use events::{DecisionEvent, Events};
pub use gate::Gate;
pub use gateways::{DEFAULT_GATEWAY, Gateways};
pub use headers::Headers;
pub use request_id::RequestId;
