//! `keyward doctor --through`: each mistake in a real gateway is found, and named.

use std::process::Command;

use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket};

use super::front::Front;
use super::program::Program;
use super::recipe::{BALANCER, Setup};
use crate::node::INSIDE;
use crate::processes::{Process, Signal, free_port, keyward};
use crate::tour::run_script;

/// What the doctor says of a set-up.
struct Diagnosis(Value);

impl Diagnosis {
    async fn of(front: &Front, options: &str) -> Diagnosis {
        Diagnosis::through(front, &front.place, options).await
    }

    /// Through something else that leads to the gateway.
    async fn through(front: &Front, place: &str, options: &str) -> Diagnosis {
        let command = format!("keyward doctor --json --through http://{place}/ {options}");
        let output = run_script(&command, front.node.folder(), &front.node.environment()).await;
        let (json, complaints) = output.split_once("\n--- standard error\n").unwrap();
        assert_eq!(complaints, "", "{command}");
        Diagnosis(serde_json::from_str(json).unwrap_or_else(|_| panic!("{output}")))
    }

    /// Codes of what was found, with how bad it is.
    fn found(&self) -> Vec<(&str, &str)> {
        let findings = self.0["findings"].as_array().unwrap().iter();
        let mut found: Vec<_> = findings
            .map(|finding| (finding["result"].as_str().unwrap(), finding["code"].as_str().unwrap()))
            .filter(|(result, _)| matches!(*result, "error" | "warning"))
            .collect();
        found.dedup();
        found
    }

    #[track_caller]
    fn assert_found(&self, result: &str, code: &str) {
        let found = self.found();
        assert!(found.contains(&(result, code)), "{code} among {found:?}\n{:#}", self.0);
        let finding = self.0["findings"].as_array().unwrap().iter();
        let finding = finding.filter(|finding| finding["code"] == code).collect::<Vec<_>>();
        assert!(finding.iter().any(|finding| finding["fix"].is_string()), "{finding:#?}");
    }
}

async fn spoiled(program: Program, mistakes: &[(&str, &str)]) -> Front {
    Front::spoiled(program, Setup::PLAIN, &[&format!("{INSIDE}/32")], mistakes).await
}

async fn no_client_is_left(front: &Front) {
    let clients = front.node.manage("GET", "/api/v2/clients", Value::Null, 200).await;
    assert!(!clients.to_string().contains("keyward doctor"), "{clients}");
}

/// The doctor stands in for the application.
async fn with_application(program: Program, mistakes: &[(&str, &str)]) -> Diagnosis {
    let mut front = spoiled(program, mistakes).await;
    front.application.stop().await;
    let diagnosis = Diagnosis::of(&front, &format!("--app {}", front.application.address)).await;
    no_client_is_left(&front).await;
    diagnosis
}

async fn without_application(program: Program, mistakes: &[(&str, &str)]) -> Diagnosis {
    let front = spoiled(program, mistakes).await;
    let diagnosis = Diagnosis::of(&front, "").await;
    no_client_is_left(&front).await;
    diagnosis
}

#[tokio::test]
async fn the_recipes_are_sound() {
    for program in [
        Program::Nginx,
        Program::Haproxy,
        Program::Apache,
        Program::Caddy,
        Program::EnvoyGrpc,
        Program::EnvoyHttp,
    ] {
        let diagnosis = with_application(program, &[]).await;
        assert_eq!(diagnosis.found(), [], "{program:?}: {:#}", diagnosis.0);
        let looked_at = diagnosis.0["findings"].as_array().unwrap();
        // Envoy refuses odd `Connection` headers by itself; everything was looked at all the same.
        assert!(looked_at.iter().all(|finding| finding["result"] == "ok"), "{looked_at:#?}");
        assert_eq!(looked_at.len(), 9, "{looked_at:#?}");
    }
}

#[tokio::test]
async fn traefik_is_sound_but_waits_for_long() {
    let diagnosis = with_application(Program::Traefik, &[]).await;
    assert_eq!(diagnosis.found(), [("warning", "waits-for-long")], "{:#}", diagnosis.0);
}

#[tokio::test]
async fn an_address_that_the_caller_writes() {
    let in_nginx = [("X-Real-IP $remote_addr", "X-Real-IP $http_x_real_ip")];
    let diagnosis = without_application(Program::Nginx, &in_nginx).await;
    diagnosis.assert_found("error", "address-missing");
    diagnosis.assert_found("error", "spoofed-address");

    let in_nginx =
        [("listen ", "set_real_ip_from 0.0.0.0/0; real_ip_header X-Forwarded-For; listen ")];
    let diagnosis = without_application(Program::Nginx, &in_nginx).await;
    diagnosis.assert_found("error", "spoofed-address");

    let in_caddy = [("protocols h1 h2", "protocols h1 h2\n\t\ttrusted_proxies static 0.0.0.0/0")];
    let diagnosis = without_application(Program::Caddy, &in_caddy).await;
    diagnosis.assert_found("error", "spoofed-address");

    let in_envoy = [("use_remote_address: true", "use_remote_address: false")];
    let diagnosis = without_application(Program::EnvoyHttp, &in_envoy).await;
    diagnosis.assert_found("error", "spoofed-address");

    let in_envoy = [(
        "use_remote_address: true",
        "use_remote_address: true\n                xff_num_trusted_hops: 1",
    )];
    let diagnosis = without_application(Program::EnvoyHttp, &in_envoy).await;
    diagnosis.assert_found("error", "spoofed-address");

    let in_haproxy = [(
        "http-request lua",
        "http-request set-src req.hdr_ip(x-forwarded-for)\n    http-request lua",
    )];
    let diagnosis = without_application(Program::Haproxy, &in_haproxy).await;
    diagnosis.assert_found("error", "spoofed-address");
}

#[tokio::test]
async fn an_open_door_shows_without_the_application() {
    let in_envoy = [("failure_mode_allow: false", "failure_mode_allow: true")];
    let diagnosis = with_application(Program::EnvoyGrpc, &in_envoy).await;
    diagnosis.assert_found("error", "fails-open");

    // Nobody answers behind the gateway: then it cannot be told, which is said.
    let mut front = spoiled(Program::EnvoyGrpc, &in_envoy).await;
    front.application.stop().await;
    let diagnosis = Diagnosis::of(&front, "").await;
    diagnosis.assert_found("warning", "application-away");
}

#[tokio::test]
async fn another_protocol_past_keyward() {
    let in_nginx = [
        (
            "proxy_set_header Upgrade            $kw_upgrade",
            "proxy_set_header Upgrade $http_upgrade",
        ),
        (
            "map $kw_upgrade $kw_connection {",
            "map $http_upgrade $kw_connection {\n    h2c upgrade;",
        ),
    ];
    let diagnosis = with_application(Program::Nginx, &in_nginx).await;
    diagnosis.assert_found("warning", "other-protocol");

    let in_caddy = [("request_header @another_protocol -Upgrade", "")];
    let diagnosis = with_application(Program::Caddy, &in_caddy).await;
    diagnosis.assert_found("warning", "other-protocol");
}

#[tokio::test]
async fn a_tunnel_past_keyward() {
    let in_haproxy = [("http-request deny deny_status 405 if METH_CONNECT", "")];
    let diagnosis = with_application(Program::Haproxy, &in_haproxy).await;
    diagnosis.assert_found("error", "tunnel");
}

#[tokio::test]
async fn a_forged_identity_in_another_spelling() {
    let in_haproxy =
        [("http-request del-header [^a-z0-9-] -m reg", "http-request del-header ^x_ -m reg")];
    let diagnosis = with_application(Program::Haproxy, &in_haproxy).await;
    diagnosis.assert_found("error", "forged-identity");
}

#[tokio::test]
async fn a_doctor_that_is_told_to_end_leaves_no_client() {
    let mut front = spoiled(Program::Haproxy, &[]).await;
    front.application.stop().await;
    // An application that takes connections and says nothing, so that the trial stands still there.
    let _silent = TcpListener::bind(front.application.address).await.unwrap();
    let clients = async || {
        let clients = front.node.manage("GET", "/api/v2/clients", Value::Null, 200).await;
        clients.to_string()
    };
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let mut command = Command::new(keyward());
        command.args(["doctor", "--through", &front.url()]).envs(front.node.environment());
        let mut doctor = Process::start(&mut command, &front.node.folder().join("doctor.log"));
        let has_client = || async { clients().await.contains("keyward doctor") };
        doctor.wait_until("the doctor has its client", has_client).await;
        doctor.signal(signal);
        assert_eq!(doctor.ended().await.code(), Some(1), "{}", doctor.output());
        no_client_is_left(&front).await;
        assert!(doctor.output().contains("interrupted by SIG"), "{}", doctor.output());
    }
}

#[tokio::test]
async fn forwarded_headers_that_traefik_believes() {
    let mistakes = [
        ("trustForwardHeader: false", "trustForwardHeader: true"),
        ("providers:", "    forwardedHeaders:\n      insecure: true\n\nproviders:"),
    ];
    let front = spoiled(Program::Traefik, &mistakes).await;
    let diagnosis = Diagnosis::of(&front, "--no-client").await;
    diagnosis.assert_found("warning", "forged-request");

    // The caller's own network among the trusted ones: every hop is passed over.
    let trusted = json!({ "source": "x-forwarded-for", "trusted": ["127.0.0.2/32"] });
    let trusted = json!({ "client_address": trusted });
    front.node.manage("PATCH", "/v1/gateways/edge", trusted, 200).await;
    let diagnosis = Diagnosis::of(&front, "--no-client").await;
    diagnosis.assert_found("error", "address-missing");
}

#[tokio::test]
async fn a_proxy_header_that_anybody_may_send() {
    let in_caddy = [(
        "protocols h1 h2",
        "protocols h1 h2\n\t\tlistener_wrappers {\n\t\t\tproxy_protocol {\n\t\t\t\tallow \
         0.0.0.0/0\n\t\t\t}\n\t\t}",
    )];
    let diagnosis = without_application(Program::Caddy, &in_caddy).await;
    diagnosis.assert_found("error", "spoofed-proxy-header");

    let in_envoy = [(
        "      filter_chains:",
        "      listener_filters:\n        - name: envoy.filters.listener.proxy_protocol\n          \
         typed_config:\n            \"@type\": type.googleapis.com/envoy.extensions.filters.listener.\
         proxy_protocol.v3.ProxyProtocol\n            allow_requests_without_proxy_protocol: true\n\
         \x20     filter_chains:",
    )];
    let diagnosis = without_application(Program::EnvoyGrpc, &in_envoy).await;
    diagnosis.assert_found("error", "spoofed-proxy-header");
}

#[tokio::test]
async fn a_balancer_that_the_gateway_does_not_know() {
    let front = Front::start(Program::Nginx, Setup::PLAIN).await;
    let known = json!({ "client_address": { "source": "x-real-ip", "trusted": [BALANCER] } });
    front.node.manage("PATCH", "/v1/gateways/edge", known, 200).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let balancing = tokio::spawn(balance(listener, front.place.clone()));
    Diagnosis::through(&front, &place, "--no-client")
        .await
        .assert_found("error", "address-is-proxy");
    balancing.abort();
    // From the balancer's own machine there is nothing to tell it by.
    let diagnosis = Diagnosis::of(&front, &format!("--from {BALANCER} --no-client")).await;
    assert_eq!(diagnosis.found(), [], "{:#}", diagnosis.0);
}

/// A balancer of connections: what comes goes on, from its own address.
async fn balance(listener: TcpListener, place: String) {
    loop {
        let (mut caller, _) = listener.accept().await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{BALANCER}:0").parse().unwrap()).unwrap();
        let mut gateway = socket.connect(place.parse().unwrap()).await.unwrap();
        tokio::spawn(async move { copy_bidirectional(&mut caller, &mut gateway).await });
    }
}

#[tokio::test]
async fn a_request_that_the_caller_describes() {
    let mistakes = [("proxy_set_header X-Original-URI $request_uri;", "")];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("warning", "forged-request");

    let front = spoiled(Program::Nginx, &mistakes).await;
    let public = json!({ "public_paths": ["/public"] });
    front.node.manage("PATCH", "/v1/gateways/edge", public, 200).await;
    Diagnosis::of(&front, "--no-client").await.assert_found("error", "forged-request");
}

#[tokio::test]
async fn an_identity_that_the_caller_writes() {
    let mistakes = [("proxy_set_header X-Account-Id       $kw_account;", "")];
    let diagnosis = with_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("error", "forged-identity");

    let mistakes = [("headers_with_underscores_action: DROP_HEADER", "max_headers_count: 90")];
    let diagnosis = with_application(Program::EnvoyGrpc, &mistakes).await;
    diagnosis.assert_found("error", "forged-identity");

    let mistakes = [("header_up X-Client-Id {header.X-Client-Id}", "")];
    let diagnosis = with_application(Program::Caddy, &mistakes).await;
    diagnosis.assert_found("error", "identity-dropped");

    let mistakes = [
        ("X-Account-Id X-Client-Scope", "X-Client-Scope"),
        ("header_up X-Account-Id {header.X-Account-Id}", ""),
    ];
    let diagnosis = with_application(Program::Caddy, &mistakes).await;
    diagnosis.assert_found("error", "forged-identity");
}

#[tokio::test]
async fn forward_auth_034_satisfy_any() {
    let mistakes =
        [("auth_request     /_keyward;", "auth_request /_keyward; satisfy any; allow all;")];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("error", "keyward-not-asked");
    assert!(diagnosis.0.to_string().contains("this URL is open"), "{:#}", diagnosis.0);
}

#[tokio::test]
async fn forward_auth_038_a_gateway_that_fails_open() {
    let mistakes = [("failure_mode_allow: false", "failure_mode_allow: true")];
    for program in [Program::EnvoyGrpc, Program::EnvoyHttp] {
        let diagnosis = without_application(program, &mistakes).await;
        diagnosis.assert_found("error", "fails-open");
    }
    let mistakes = [(
        "return 503 '{\"error\":\"temporarily_unavailable\"}';\n    }\n}",
        "return 204;\n    }\n}",
    )];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("error", "fails-open");
}

#[tokio::test]
async fn refusals_that_arrive_as_something_else() {
    let mistakes = [("if ($kw_status = 429)", "if ($kw_status = 999)")];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("warning", "refusal-changed");
}

#[tokio::test]
async fn forward_auth_035_a_cache_that_forgets_the_address() {
    let cached = "proxy_cache checks; proxy_cache_key $http_authorization; \
                  proxy_cache_valid 200 1m; proxy_ignore_headers Cache-Control Vary; internal;";
    let mistakes = [
        ("upstream keyward {", "proxy_cache_path cache keys_zone=checks:1m; upstream keyward {"),
        (
            "location = /_keyward {\n        internal;",
            &format!("location = /_keyward {{\n        {cached}"),
        ),
    ];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("warning", "cached");
    diagnosis.assert_found("error", "cache-forgets-address");
    diagnosis.assert_found("error", "edit-ignored");
}

/// A refused address looks like an unknown key there, and that is no mistake.
#[tokio::test]
async fn uniform_disclosure_is_no_mistake() {
    let front = Front::start(Program::Nginx, Setup::PLAIN).await;
    let uniform = json!({ "disclosure": "uniform" });
    front.node.manage("PATCH", "/v1/gateways/edge", uniform, 200).await;
    let diagnosis = Diagnosis::of(&front, "").await;
    assert_eq!(diagnosis.found(), [], "{:#}", diagnosis.0);
    no_client_is_left(&front).await;
}

#[tokio::test]
async fn a_gateway_that_does_not_ask() {
    let mistakes = [("auth_request     /_keyward;", "")];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("error", "keyward-not-asked");
    // Under another name than it is registered by.
    let mistakes = [("/v1/check/edge", "/v1/check/other")];
    let diagnosis = without_application(Program::Nginx, &mistakes).await;
    diagnosis.assert_found("error", "keyward-not-asked");
}

#[tokio::test]
async fn what_cannot_be_tried_is_said() {
    let front = Front::start(Program::Nginx, Setup::PLAIN).await;
    let closed = free_port();
    for (url, complaint) in [
        ("nonsense", "`nonsense` is no URL"),
        ("ftp://127.0.0.1/", "must be an http:// or https:// URL"),
        (&format!("http://127.0.0.1:{closed}/"), "gives no answer, so there is nothing to look at"),
    ] {
        let command = format!("keyward doctor --through {url}; echo status $?");
        let output = run_script(&command, front.node.folder(), &front.node.environment()).await;
        assert!(output.contains(complaint), "{output}");
        assert!(output.contains("status 1"), "{output}");
    }
    no_client_is_left(&front).await;
}
