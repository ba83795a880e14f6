//! The server's surfaces, driven in process: a router, a store in a temporary folder, a clock that
//! stands still, and actors who may or may not do a thing.

#![cfg(test)]

mod support;

mod oauth_discovery;
mod oauth_introspect;
mod oauth_requests;
mod oauth_revoke;
mod oauth_token;
