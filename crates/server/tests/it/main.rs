//! The server's surfaces, driven in process: a router, a store in a temporary folder, a clock that
//! stands still, and actors who may or may not do a thing.

#![cfg(test)]

mod operator;
mod support;

mod auth0_description;
mod authz_coverage;
mod client_assertion;
mod client_certificate;
mod client_tls;
mod management_actions;
mod management_client_grants;
mod management_clients;
mod management_credentials;
mod management_log_streams;
mod management_logs;
mod management_resource_servers;
mod management_signing_keys;
mod management_tenant;
mod oauth_actions;
mod oauth_discovery;
mod oauth_introspect;
mod oauth_organization;
mod oauth_possession;
mod oauth_quota;
mod oauth_requests;
mod oauth_revoke;
mod oauth_token;
mod ops;
mod request_log;
mod v1_accounts;
mod v1_actions;
mod v1_allowlists;
mod v1_clients;
mod v1_gateways;
