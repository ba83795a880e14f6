//! Each mistake, planted alone into a configuration that is right.

use super::*;

/// Right in every part, so that whatever is found was planted. The check is over HTTP.
const HTTP: &str = r#"static_resources:
  listeners:
  - name: edge
    address: {socket_address: {address: 127.0.0.1, port_value: 8000}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: edge
          use_remote_address: true
          normalize_path: true
          merge_slashes: true
          path_with_escaped_slashes_action: REJECT_REQUEST
          upgrade_configs:
          - upgrade_type: websocket
          common_http_protocol_options:
            headers_with_underscores_action: REJECT_REQUEST
          route_config:
            name: all
            virtual_hosts:
            - name: api
              domains: ["*"]
              routes:
              - match: {path: /health}
                direct_response: {status: 200}
                typed_per_filter_config:
                  envoy.filters.http.ext_authz:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute
                    disabled: true
              - name: everything
                match: {prefix: /}
                route: {cluster: app}
          http_filters:
          - name: envoy.filters.http.ext_authz
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz
              transport_api_version: V3
              failure_mode_allow: false
              status_on_error: {code: ServiceUnavailable}
              allowed_headers:
                patterns:
                - exact: x-api-key
              http_service:
                server_uri: {uri: http://127.0.0.1:8081, cluster: keyward, timeout: 0.5s}
                path_prefix: /v1/check/edge
                authorization_request:
                  headers_to_add:
                  - key: x-real-ip
                    value: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
                authorization_response:
                  allowed_upstream_headers:
                    patterns:
                    - exact: x-client-id
                    - exact: x-account-id
                    - exact: x-client-scope
                    - exact: x-client-ip
                    - exact: x-request-id
                  allowed_client_headers:
                    patterns:
                    - exact: www-authenticate
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
  clusters:
  - name: app
    connect_timeout: 1s
    type: STATIC
    load_assignment: {cluster_name: app, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 3000}}}}]}]}
  - name: keyward
    connect_timeout: 0.25s
    type: STATIC
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
    load_assignment: {cluster_name: keyward, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8081}}}}]}]}
"#;

/// The same over gRPC, in the service's words.
fn grpc() -> String {
    let (head, rest) = HTTP.split_once("              http_service:").unwrap();
    let (_, tail) = rest.split_once("          - name: envoy.filters.http.router").unwrap();
    let head = head.replace(
        "- exact: x-api-key",
        "- exact: x-api-key\n                - exact: authorization",
    );
    format!(
        "{head}              grpc_service:
                timeout: 0.5s
                envoy_grpc: {{cluster_name: keyward}}
                initial_metadata:
                - key: x-gateway
                  value: edge
                - key: x-client-ip
                  value: \"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\"
          - name: envoy.filters.http.router{tail}"
    )
}

fn examine_text(text: &str) -> Result<Examined, Fault> {
    examine(Path::new("envoy.yaml"), text, &mut Budget::default())
}

/// Replaces something in a right configuration and looks what is found then: codes and the
/// beginnings of the lines they are about.
#[track_caller]
fn check_in(right: &str, old: &str, new: &str, expected: &[(&str, &str)]) {
    assert_eq!(right.matches(old).count(), 1, "`{old}` must stand there once");
    check_text(&right.replace(old, new), expected);
}

#[track_caller]
fn check(old: &str, new: &str, expected: &[(&str, &str)]) {
    check_in(HTTP, old, new, expected);
}

#[track_caller]
fn check_text(text: &str, expected: &[(&str, &str)]) {
    let examined = examine_text(text).unwrap();
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().trim();
    let found: Vec<(&str, &str)> =
        examined.findings.iter().map(|f| (f.code.name, line(f.place.line))).collect();
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(f, e)| f.0 == e.0 && f.1.starts_with(e.1));
    assert!(fits, "expected {expected:#?}\nfound {found:#?}\nin {text}");
}

/// What the connection manager's findings are about: its first line.
const MANAGER: &str = "\"@type\": type.googleapis.com/envoy.extensions.filters.network.http_conn";
/// And the check's.
const CHECK: &str =
    "\"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtA";

#[test]
fn what_is_right_is_left_alone() {
    for text in [HTTP, &grpc()] {
        let examined = examine_text(text).unwrap();
        assert_eq!(examined.findings, []);
        assert_eq!((examined.checks, examined.guarded), (1, 1));
    }
}

#[test]
fn json_and_its_spelling_are_understood() {
    let text = HTTP
        .replace("use_remote_address", "useRemoteAddress")
        .replace("http_filters", "httpFilters")
        .replace("typed_config", "typedConfig")
        .replace("headers_to_add", "headersToAdd");
    check_text(&text, &[]);
    let json = r#"{"@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "failureModeAllow": true, "statusOnError": {"code": 503}, "transportApiVersion": "V3",
        "grpcService": {"timeout": "1s", "envoyGrpc": {"clusterName": "keyward"}}}"#;
    check_text(json, &[("envoy-fails-open", "\"failureModeAllow\"")]);
}

#[test]
fn forward_auth_038_failing_open_is_an_error() {
    check(
        "failure_mode_allow: false",
        "failure_mode_allow: true",
        &[("envoy-fails-open", "failure_mode_allow: true")],
    );
    check(
        "status_on_error: {code: ServiceUnavailable}",
        "",
        &[("envoy-no-status-on-error", CHECK)],
    );
    check_in(&grpc(), "transport_api_version: V3", "", &[("envoy-no-api-version", "grpc_service")]);
}

#[test]
fn the_address_is_told_by_envoy() {
    let line = "- key: x-real-ip";
    let keeps = "envoy-check-keeps-client-address-header";
    check(line, "- key: x-other", &[(keeps, "http_service:")]);
    let value = "value: \"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\"";
    let from_client = "value: \"%REQ(X-FORWARDED-FOR)%\"";
    let code = "envoy-check-address-from-client";
    check(value, from_client, &[(code, from_client)]);
    check_in(&grpc(), value, from_client, &[(code, from_client)]);
    let unknown = "value: \"%UPSTREAM_REMOTE_ADDRESS%\"";
    check(value, unknown, &[("envoy-check-address-unknown", unknown)]);
    check(value, "value: \"%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%\"", &[]);
    let keeps = "envoy-check-keeps-forwarded";
    for planted in ["- exact: x-forwarded-for", "- prefix: x-"] {
        check("- exact: x-api-key", planted, &[(keeps, "allowed_headers:")]);
    }
    check("- exact: x-api-key", "- safe_regex: {regex: .*}", &[]);
}

#[test]
fn the_check_asks_keyward() {
    let not = "envoy-check-not-keyward";
    let line = "path_prefix: /v1/check/edge";
    for planted in ["path_prefix: /check", "path_prefix: /v1/check/"] {
        check(line, planted, &[(not, planted)]);
    }
    check(line, "", &[(not, "http_service:")]);
    let filter = "          - name: envoy.filters.http.router\n";
    let other = format!(
        "          - name: sso
            typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz, http_service: {{server_uri: {{cluster: sso}}}}}}
{filter}"
    );
    check(filter, &other, &[("other-check", "typed_config: {")]);
}

#[test]
fn the_credential_arrives_in_time() {
    let text = grpc();
    let lines = "- exact: x-api-key\n                - exact: authorization";
    let code = "envoy-check-drops-credential";
    check_in(&text, lines, "- exact: cookie", &[(code, "allowed_headers:")]);
    check_in(&text, lines, "- exact: authorization", &[]);
    check_in(&text, lines, "- prefix: x-", &[]);
    let code = "envoy-check-timeout";
    check_in(&text, "timeout: 0.5s\n", "\n", &[(code, "grpc_service:")]);
    check_in(&text, "timeout: 0.5s\n", "timeout: 0s\n", &[(code, "timeout: 0s")]);
    check("timeout: 0.5s", "timeout: 0s", &[(code, "server_uri:")]);
    let http1 = "explicit_http_config: {http_protocol_options: {}}";
    let http2 = "explicit_http_config: {http2_protocol_options: {}}";
    check_in(&text, http2, http1, &[("envoy-cluster-not-http2", "- name: keyward")]);
    check(http2, http1, &[]);
}

#[test]
fn every_request_is_checked_as_it_is() {
    let at = "failure_mode_allow: false";
    let indent = "              ";
    let with = |more: &str| format!("{at}\n{indent}{more}");
    let code = "envoy-check-for-some-requests";
    let some = "filter_enabled: {default_value: {numerator: 50, denominator: HUNDRED}}";
    check(at, &with(some), &[(code, "filter_enabled")]);
    let tiny = "filter_enabled: {default_value: {numerator: 100, denominator: MILLION}}";
    check(at, &with(tiny), &[(code, "filter_enabled")]);
    let all = "filter_enabled: {default_value: {numerator: 100}}";
    check(at, &with(all), &[]);
    let denied = with(&format!("{some}\n{indent}deny_at_disable: {{default_value: true}}"));
    check(at, &denied, &[]);
    check(at, &with("filter_enabled_metadata: {}"), &[("envoy-check-conditional", "filter_en")]);
    check(at, &with("with_request_body: {}"), &[("envoy-check-sends-body", "with_request_body")]);
    check(at, &with("clear_route_cache: true"), &[("envoy-clears-route-cache", "clear_route")]);
}

#[test]
fn identity_comes_from_the_check() {
    let code = "envoy-identity-header-not-set";
    for header in ["x-client-id", "x-account-id", "x-client-scope", "x-client-ip", "x-request-id"] {
        let line = format!("- exact: {header}\n");
        check(&line, "- exact: y\n", &[(code, "allowed_upstream_headers:")]);
    }
    check("allowed_upstream_headers:", "allowed_other_headers:", &[(code, "http_service:")]);
    check("- exact: x-client-id\n", "- {prefix: X-Client-, ignore_case: true}\n", &[]);
    let at = "                  allowed_client_headers:";
    for (name, code) in [
        ("allowed_upstream_headers_to_append", "envoy-identity-appended"),
        ("allowed_client_headers_on_success", "envoy-identity-to-caller"),
    ] {
        let more = format!("                  {name}: {{patterns: [{{prefix: x-client}}]}}\n{at}");
        check(at, &more, &[(code, name)]);
    }
}

#[test]
fn the_connection_manager_knows_who_the_client_is() {
    let code = "envoy-address-from-client";
    let line = "use_remote_address: true";
    for text in [HTTP, &grpc()] {
        check_in(text, line, "use_remote_address: false", &[(code, MANAGER)]);
        check_in(text, line, "", &[(code, MANAGER)]);
        let hops = format!("{line}\n          xff_num_trusted_hops: 1");
        check_in(text, line, &hops, &[("envoy-trusted-hops", "xff_num_trusted_hops")]);
    }
    // The peer of the connection is right whatever the connection manager believes.
    let by_peer = grpc().replace("- key: x-client-ip", "- key: x-other");
    check_in(&by_peer, line, "", &[]);

    let extension = |config: &str| {
        format!(
            "original_ip_detection_extensions:
          - name: xff
            typed_config: {{\"@type\": type.googleapis.com/envoy.extensions.http.original_ip_detection.{config}}}"
        )
    };
    let xff = |more: &str| extension(&format!("xff.v3.XffConfig{more}"));
    let cidrs = |prefix: &str| {
        xff(&format!(", xff_trusted_cidrs: {{cidrs: [{{address_prefix: {prefix}}}]}}"))
    };
    check(line, &cidrs("10.1.0.0, prefix_len: 16"), &[]);
    for anyone in ["0.0.0.0, prefix_len: 0", "10.0.0.0", "\"::\", prefix_len: 0"] {
        check(line, &cidrs(anyone), &[("envoy-trusts-anyone", "typed_config")]);
    }
    check(line, &xff(""), &[(code, "- name: xff")]);
    check(line, &xff(", xff_num_trusted_hops: 1"), &[("envoy-trusted-hops", "- name: xff")]);
    let header = extension("custom_header.v3.CustomHeaderConfig, header_name: cf-connecting-ip");
    check(line, &header, &[("envoy-address-from-header", "- name: xff")]);
}

#[test]
fn paths_and_names_are_plain() {
    for line in ["normalize_path: true", "merge_slashes: true"] {
        check(line, "", &[("envoy-path-not-normalized", MANAGER)]);
    }
    check(
        "headers_with_underscores_action: REJECT_REQUEST",
        "{}",
        &[("envoy-underscores-in-headers", MANAGER)],
    );
}

#[test]
fn the_check_comes_first() {
    let (head, rest) = HTTP.split_once("          - name: envoy.filters.http.ext_authz\n").unwrap();
    let (asks, rest) = rest.split_once("          - name: envoy.filters.http.router\n").unwrap();
    let (router, tail) = rest.split_once("  clusters:").unwrap();
    let text = format!(
        "{head}          - name: envoy.filters.http.router\n{router}          - name: envoy.filters.http.ext_authz\n{asks}  clusters:{tail}"
    );
    check_text(&text, &[("envoy-check-after-router", "- name: envoy.filters.http.ext_authz")]);
    let cache = "          - name: cache
            typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.cache.v3.CacheConfig}
          - name: envoy.filters.http.ext_authz\n";
    check(
        "          - name: envoy.filters.http.ext_authz\n",
        cache,
        &[("envoy-cache-before-check", "- name: cache")],
    );
}

#[test]
fn the_check_is_on() {
    let line = "          - name: envoy.filters.http.ext_authz\n";
    let off = format!("{line}            disabled: true\n");
    check(line, &off, &[("envoy-check-disabled", "disabled: true")]);
    let text = HTTP.replace(line, &off).replace(
        "route: {cluster: app}",
        "route: {cluster: app}
                typed_per_filter_config: {envoy.filters.http.ext_authz: {}}",
    );
    check_text(&text, &[("envoy-check-on-some-routes", "disabled: true")]);
}

#[test]
fn routes_without_a_check_are_named() {
    let code = "envoy-route-opts-out";
    let settings = |indent: &str, inner: &str| {
        format!(
            "{indent}typed_per_filter_config:\n{indent}  envoy.filters.http.ext_authz: {{{inner}}}\n"
        )
    };
    let off =
        "\"@type\": t/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute, disabled: true";
    let route = "                route: {cluster: app}\n";
    let in_route = format!("{route}{}", settings("                ", off));
    check(route, &in_route, &[(code, "envoy.filters.http.ext_authz: {")]);
    let examined = examine_text(&HTTP.replace(route, &in_route)).unwrap();
    assert_eq!(examined.findings[0].message, "the route `everything` turns the check off");

    let host = "              domains: [\"*\"]\n";
    let in_host = format!("{host}{}", settings("              ", off));
    check(host, &in_host, &[(code, "envoy.filters.http.ext_authz: {")]);
    let config = format!("{route}{}", settings("                ", &format!("config: {{{off}}}")));
    check(route, &config, &[(code, "envoy.filters.http.ext_authz: {")]);

    let public = in_route.replace(
        route,
        &format!("{route}                request_headers_to_remove: [x-client-id, x-account-id, x-client-scope, X-Client-IP, x-request-id]\n"),
    );
    check(route, &public, &[]);
    check(route, &format!("{route}{}", settings("                ", "check_settings: {}")), &[]);
    // Routes that come by themselves, as a file of `rds` has them.
    let (head, rest) = HTTP.split_once("          route_config:").unwrap();
    let (routes, tail) = rest.split_once("          http_filters:").unwrap();
    let text = format!("{head}          http_filters:{tail}routes:{routes}");
    check_text(&text.replace(route, &in_route), &[(code, "envoy.filters.http.ext_authz: {")]);
}

#[test]
fn a_listener_beside_the_guarded_one_is_named() {
    let second = "  clusters:
  - name: app
";
    let open = format!(
        "  - name: inside
    filter_chains:
    - filters:
      - name: hcm
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          route_config: {{virtual_hosts: [{{routes: [{{route: {{weighted_clusters: {{clusters: [{{name: app}}]}}}}}}]}}]}}
{second}"
    );
    check(second, &open, &[("envoy-unguarded-listener", MANAGER)]);
    check(second, &open.replace("clusters: [{name: app}]", "clusters: [{name: other}]"), &[]);
}

#[test]
fn proxy_headers_come_from_the_balancer() {
    let at = "    filter_chains:\n    - filters:";
    let filter = |more: &str| {
        format!(
            "    listener_filters:
    - name: proxy
      typed_config:
        \"@type\": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol
{more}    filter_chains:
    - filter_chain_match: {{direct_source_prefix_ranges: [{{address_prefix: 10.1.0.0, prefix_len: 16}}]}}
      filters:"
        )
    };
    check(at, &filter(""), &[]);
    let anyone = "envoy-proxy-protocol-from-anyone";
    check(at, &filter("").replace("prefix_len: 16", "prefix_len: 0"), &[(anyone, "- name: proxy")]);
    let open = filter("").replace("- filter_chain_match", "- other");
    check(at, &open, &[(anyone, "- name: proxy")]);
    let optional = "        allow_requests_without_proxy_protocol: true\n";
    check(at, &filter(optional), &[("envoy-proxy-protocol-optional", "allow_requests")]);
}

#[test]
fn what_comes_from_elsewhere_is_said() {
    let text = format!("dynamic_resources: {{lds_config: {{}}}}\n{HTTP}");
    check_text(&text, &[("file-not-read", "dynamic_resources")]);
    check("route_config:", "rds:", &[("file-not-read", "rds:")]);
}

#[test]
fn other_files_are_not_taken_for_it() {
    assert!(looks_like_it(HTTP));
    assert!(!looks_like_it("http:\n  routers: {}\n  middlewares: {a: {forwardAuth: {}}}\n"));
}

proptest::proptest! {
    #[test]
    fn no_tree_makes_the_rules_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", "\"@type\": x.ext_authz.v3.ExtAuthz", "http_filters:",
            "\"@type\": x.http_connection_manager.v3.HttpConnectionManager", "http_service:", "a",
            "typed_config:", "grpc_service:", "route_config:", "virtual_hosts:", "routes:", "route:",
            "clusters:", "name: a", "disabled: true", "listener_filters:", "filter_chains:",
            "typed_per_filter_config:", "filter_enabled:", "xff_trusted_cidrs:", "key: x-real-ip",
        ]), 0..60)
    ) {
        let _ = examine_text(&words.join(" "));
    }
}

#[test]
fn no_other_protocol_is_taken_up() {
    let right = "          - upgrade_type: websocket\n";
    for wrong in ["          - upgrade_type: CONNECT\n", "          - {upgrade_type: h2c}\n"] {
        check(right, wrong, &[("envoy-other-protocol", wrong.trim())]);
    }
    check(right, "          - {upgrade_type: CONNECT, enabled: false}\n", &[]);
    check(
        "route: {cluster: app}",
        "route: {cluster: app, upgrade_configs: [{upgrade_type: h2c}]}",
        &[("envoy-other-protocol", "route: {cluster: app")],
    );
}
