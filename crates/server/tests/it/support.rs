//! What all tests of this binary work with.
//!
//! A [`World`] is a server of its own with a clock that stands still. It begins with one API,
//! `https://api.example`, and no client but the administrator; [`World::customer`] makes more.
//! Requests are written as `world.call("POST", "/oauth/token").from("192.0.2.1").form(&[…]).await`.

// The paths are written out because another test binary includes this file from elsewhere.
#[path = "support/assertions.rs"]
pub(crate) mod assertions;
#[path = "support/call.rs"]
mod call;
#[path = "support/certificates.rs"]
pub(crate) mod certificates;
#[path = "support/clock.rs"]
mod clock;
#[path = "../auth0/described.rs"]
pub(crate) mod described;
#[path = "support/jwt.rs"]
mod jwt;
#[path = "support/world.rs"]
mod world;

pub(crate) use call::{Answer, Call};
pub(crate) use clock::{NOW_S, TestClock};
pub(crate) use jwt::{header_of, payload_of};
pub(crate) use world::{API, Customer, World};
