//! The matrix: what must hold behind every gateway.

mod address;
mod availability;
mod identity;
mod possession;
mod transport;

use super::program::Program;

#[tokio::test]
async fn forward_auth_037_a_timeout_is_a_refusal() {
    for program in [Program::EnvoyGrpc, Program::EnvoyHttp] {
        availability::a_timeout_without_a_status_is_403(program).await;
    }
}

/// Something else that answers 200 where Keyward should be lets nobody in.
#[tokio::test]
async fn a_200_that_is_not_keywards_is_a_refusal() {
    for program in [Program::Haproxy, Program::Apache] {
        identity::a_200_of_somebody_else(program).await;
    }
}

/// One test for each gateway and cell.
macro_rules! matrix {
    ($($module:ident: $program:expr),+ $(,)?) => { $(
        mod $module {
            use super::{address, availability, identity, possession, transport};
            use crate::gateways::program::Program::{self, *};

            const PROGRAM: Program = $program;

            cells! {
                address::a_key_opens_from_its_own_network_only
                address::spoofed_headers_move_nothing
                address::two_forwarded_for_lines
                address::a_port_in_forwarded_for
                address::a_mapped_address
                address::an_ipv6_address
                address::a_proxy_header
                identity::a_forged_identity_never_arrives
                identity::connection_cannot_drop_the_identity
                identity::two_credentials_are_none
                identity::refusals_as_the_caller_sees_them
                possession::a_token_bound_to_a_key
                possession::a_certificate_is_not_the_callers_to_tell
                transport::five_mebibytes
                transport::a_websocket
                transport::another_protocol_is_not_taken_up
                transport::connect_opens_no_tunnel
                transport::a_preflight_passes_where_it_may
                transport::http2
                availability::keyward_is_gone
                availability::keyward_is_slow
                availability::a_reload_under_load
            }
        }
    )+ };
}

macro_rules! cells {
    ($($file:ident::$name:ident)+) => { $(
        #[tokio::test]
        async fn $name() {
            $file::$name(PROGRAM).await;
        }
    )+ };
}

matrix! {
    nginx: Nginx,
    haproxy: Haproxy,
    apache: Apache,
    caddy: Caddy,
    traefik: Traefik,
    envoy_grpc: EnvoyGrpc,
    envoy_http: EnvoyHttp,
}
