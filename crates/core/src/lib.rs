//! Keyward's pure core: the model, the policy in memory and the decision.
//!
//! Nothing here does I/O, asks a clock, draws a random number or serialises: time comes in through
//! [`time::Clock`], bytes through arguments. Data flows one way:
//! [`attempt::Attempt`] → [`decide::decide`] over a [`policy::Policy`] → [`decision::Decision`].

#![warn(clippy::arithmetic_side_effects)]

pub mod action;
pub mod actor;
pub mod allowlist;
pub mod api;
pub mod assertion;
pub mod attempt;
pub mod base62;
pub mod client;
pub mod client_assertion;
pub mod decide;
pub mod decision;
pub mod dpop;
pub mod explain;
pub mod gateway;
pub mod id;
pub mod invalid;
pub mod jwk;
pub mod jws;
pub mod organization;
pub mod policy;
pub mod possession;
pub mod quota;
pub mod replay;
pub mod secret;
pub mod tenant;
pub mod time;
pub mod token;
