//! Each mistake, planted alone into a configuration that is right.

use super::*;
use crate::commands::doctor::finding::Severity;

/// Right in every part, so that whatever is found was planted.
const RIGHT: &str = r#"user www-data;
events { worker_connections 64; }
http {
    include mime.types;
    map $http_upgrade $kw_upgrade { default ''; ~*^websocket$ websocket; }
    map $kw_upgrade $kw_connection { default ''; websocket upgrade; }
    upstream keyward { server 127.0.0.1:8081; keepalive 16; }
    upstream app { server 127.0.0.1:3000; }
    upstream login { server 127.0.0.1:4000; }
    server {
        listen 80 default_server;
        return 301 https://$host$request_uri;
    }
    server {
        listen 443 ssl;
        set_real_ip_from 10.1.0.0/16;
        real_ip_header X-Forwarded-For;
        real_ip_recursive on;
        error_page 500 502 503 504 /50x.html;
        location = /50x.html { root /usr/share/nginx/html; }
        location / {
            auth_request /_keyward;
            auth_request_set $kw_client $upstream_http_x_client_id;
            auth_request_set $kw_account $upstream_http_x_account_id;
            auth_request_set $kw_scope $upstream_http_x_client_scope;
            auth_request_set $kw_ip $upstream_http_x_client_ip;
            auth_request_set $kw_status $upstream_http_x_auth_status;
            if ($request_method = TRACE) { return 405; }
            proxy_set_header Host $host;
            proxy_set_header Upgrade $kw_upgrade;
            proxy_set_header Connection $kw_connection;
            proxy_set_header X-Client-Id $kw_client;
            proxy_set_header X-Account-Id $kw_account;
            proxy_set_header X-Client-Scope $kw_scope;
            proxy_set_header X-Client-IP $kw_ip;
            proxy_set_header X-Request-Id $request_id;
            proxy_pass http://app;
            error_page 401 = @unauthorized;
            error_page 403 = @denied;
            error_page 502 504 = @sorry;
        }
        location = /_keyward {
            internal;
            proxy_pass http://keyward/v1/check/default;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For "";
            proxy_set_header Forwarded "";
            proxy_set_header X-Original-Method $request_method;
            proxy_set_header X-Original-URI $request_uri;
            proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;
            proxy_set_header X-Gateway-Token secret;
            proxy_connect_timeout 250ms;
            proxy_read_timeout 2s;
        }
        location @unauthorized { internal; return 401 '{"error":"unauthorized"}'; }
        location @denied {
            internal;
            if ($kw_status = 429) { return 429; }
            return 403;
        }
        location @sorry { proxy_pass http://login; }
        location = /health { return 200 ok; }
        location /login { proxy_pass http://login; }
    }
}
"#;

fn examine_text(text: &str) -> Result<Examined, Fault> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mime.types"), "types { text/plain txt; }").unwrap();
    examine(&folder.path().join("nginx.conf"), text, &mut Budget::default())
}

/// Codes, and the lines that they are about.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let examined = examine_text(text).unwrap();
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().trim().to_owned();
    examined.findings.iter().map(|f| (f.code.name, line(f.place.line))).collect()
}

/// Replaces something in the right configuration and looks what is found then: codes and the
/// beginnings of the lines they are about.
#[track_caller]
fn check(old: &str, new: &str, expected: &[(&str, &str)]) {
    assert_eq!(RIGHT.matches(old).count(), 1, "`{old}` must stand there once");
    check_text(&RIGHT.replace(old, new), expected);
}

#[track_caller]
fn check_text(text: &str, expected: &[(&str, &str)]) {
    let found = found(text);
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(f, e)| f.0 == e.0 && f.1.starts_with(e.1));
    assert!(fits, "expected {expected:#?}\nfound {found:#?}\nin {text}");
}

#[test]
fn what_is_right_is_left_alone() {
    let examined = examine_text(RIGHT).unwrap();
    assert_eq!(examined.findings, []);
    assert_eq!((examined.checks, examined.guarded), (1, 1));
}

#[test]
fn the_readmes_snippet_is_right() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, rest) = readme.split_once("```nginx\n").unwrap();
    let (snippet, _) = rest.split_once("```").unwrap();
    let examined = examine_text(snippet).unwrap();
    assert_eq!(examined.findings, []);
    assert_eq!((examined.checks, examined.guarded), (1, 1));
}

#[test]
fn the_address_is_the_peers() {
    let line = "proxy_set_header X-Real-IP $remote_addr;";
    let keeps = "nginx-check-keeps-client-address-header";
    check(line, "", &[(keeps, "location = /_keyward")]);
    for value in [
        "$http_x_forwarded_for",
        "$http_x_real_ip",
        "$proxy_add_x_forwarded_for",
        "$proxy_protocol_addr",
        "\"${arg_ip}\"",
    ] {
        let planted = format!("proxy_set_header x-real-ip {value};");
        check(line, &planted, &[("nginx-check-address-from-client", &planted)]);
    }
    let planted = "proxy_set_header X-Real-IP $realip_remote_addr;";
    check(line, planted, &[("nginx-check-address-unknown", planted)]);
    let twice = format!("{line} proxy_set_header X-Real-IP $remote_addr; # again");
    check(line, &twice, &[("nginx-check-address-twice", line)]);
}

#[test]
fn variables_are_followed_to_what_they_hold() {
    let line = "proxy_set_header X-Real-IP $remote_addr;";
    let planted = "set $ip $http_x_real_ip; set $address $ip; proxy_set_header X-Real-IP $address;";
    check(line, planted, &[("nginx-check-address-from-client", "set $ip")]);
    let text = RIGHT.replace(line, "proxy_set_header X-Real-IP $first;");
    let map = "map $http_x_forwarded_for $first { \"~^([^,]+)\" $1; default $remote_addr; }\n";
    let text = text.replace("upstream app", &format!("{map}upstream app"));
    check_text(&text, &[("nginx-check-address-from-client", "proxy_set_header X-Real-IP $first")]);
    // What is chosen among fixed values is not chosen freely.
    let text = text.replace("\"~^([^,]+)\" $1;", "");
    check_text(&text, &[("nginx-check-address-unknown", "proxy_set_header X-Real-IP $first")]);
}

#[test]
fn headers_set_outside_are_dropped_by_those_inside() {
    // All of the check's headers stand outside, and one inside drops them.
    let text = RIGHT.replace("proxy_set_header X-Real-IP $remote_addr;", "");
    let text = text
        .replace("listen 443 ssl;", "listen 443 ssl;\nproxy_set_header X-Real-IP $remote_addr;");
    check_text(&text, &[("nginx-check-keeps-client-address-header", "location = /_keyward")]);
}

#[test]
fn forwarding_headers_are_cleared() {
    let keeps = "nginx-check-keeps-forwarded";
    check("proxy_set_header X-Forwarded-For \"\";", "", &[(keeps, "location = /_keyward")]);
    check("proxy_set_header Forwarded \"\";", "", &[(keeps, "location = /_keyward")]);
    let planted = "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;";
    check("proxy_set_header X-Forwarded-For \"\";", planted, &[(keeps, planted)]);
    check(
        "proxy_set_header X-Forwarded-For \"\";",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        &[],
    );
}

#[test]
fn the_check_is_internal_and_without_a_body() {
    check(
        "internal;\n            proxy_pass http://keyward",
        "proxy_pass http://keyward",
        &[("nginx-check-not-internal", "location = /_keyward")],
    );
    let body = "nginx-check-keeps-body";
    check("proxy_pass_request_body off;", "", &[(body, "location = /_keyward")]);
    check("proxy_set_header Content-Length \"\";", "", &[(body, "location = /_keyward")]);
}

#[test]
fn the_check_ends_in_time() {
    let code = "nginx-check-no-timeout";
    check("proxy_read_timeout 2s;", "", &[(code, "location = /_keyward")]);
    check("proxy_connect_timeout 250ms;", "", &[(code, "location = /_keyward")]);
}

#[test]
fn a_cache_keeps_callers_apart() {
    let at = "proxy_connect_timeout 250ms;";
    let cached = |more: &str| format!("{at} proxy_cache kw; {more}");
    let code = "nginx-check-cache-key";
    for key in [
        "",
        "\nproxy_cache_key $http_authorization$http_x_api_key;",
        "\nproxy_cache_key $remote_user$http_authorization$remote_addr;",
        "\nproxy_cache_key $http_x_api_key$remote_addr;",
    ] {
        let line = if key.is_empty() { at } else { "proxy_cache_key" };
        check(at, &cached(key), &[(code, line)]);
    }
    let good = cached("proxy_cache_key \"$http_authorization|$http_x_api_key|$remote_addr\";");
    check(at, &good, &[]);
    let no_key =
        "proxy_cache_key $http_authorization$remote_addr; proxy_set_header X-API-Key \"\";";
    check(at, &cached(no_key), &[]);
    check(at, &format!("{at} proxy_cache off;"), &[]);
    let ignores = format!("{good}\nproxy_ignore_headers Set-Cookie Cache-Control;");
    check(at, &ignores, &[("nginx-check-ignores-no-store", "proxy_ignore_headers")]);
}

#[test]
fn the_check_asks_keyward() {
    let line = "proxy_pass http://keyward/v1/check/default;";
    for target in
        ["http://keyward", "http://keyward/v1/check", "http://keyward/", "http://app/auth"]
    {
        let planted = format!("proxy_pass {target};");
        check(line, &planted, &[("nginx-check-not-keyward", &planted)]);
    }
    check(line, "return 204;", &[("nginx-check-not-keyward", "location = /_keyward")]);
    let planted = "proxy_pass http://keyward/v1/check/default$request_uri;";
    check(line, planted, &[("nginx-check-appends-client-uri", planted)]);
    check(line, "set $gate keyward; proxy_pass http://$gate/v1/check/default;", &[]);
}

#[test]
fn the_checks_location_is_there() {
    check(
        "auth_request /_keyward;",
        "auth_request /_keywrd;",
        &[("nginx-check-location-missing", "auth_request /_keywrd;")],
    );
    let part = "auth_request /_keyward;\nproxy_pass_request_headers off;\nproxy_pass http://app;";
    check_text(part, &[("nginx-check-location-not-seen", "auth_request")]);
}

#[test]
fn another_services_check_is_left_alone() {
    let other = "location /_sso { internal; proxy_pass http://login/verify; }
        location /office { auth_request /_sso; proxy_pass http://app/office; }
        location /login {";
    check("location /login {", other, &[("other-check", "location /_sso")]);
    let wrong_path = other.replace("http://login/verify", "http://keyward/check");
    let text = RIGHT.replace("location /login {", &wrong_path);
    let codes: Vec<&str> = found(&text).iter().map(|(code, _)| *code).collect();
    assert!(codes.contains(&"nginx-check-not-keyward"), "{codes:?}");
}

#[test]
fn what_the_caller_asked_for_is_told_by_nginx() {
    let code = "nginx-check-keeps-original-request";
    check("proxy_set_header X-Original-URI $request_uri;", "", &[(code, "location = /_keyward")]);
    check(
        "proxy_set_header X-Original-Method $request_method;",
        "",
        &[(code, "location = /_keyward")],
    );
    let planted = "proxy_set_header X-Original-URI $http_x_original_uri;";
    check("proxy_set_header X-Original-URI $request_uri;", planted, &[(code, planted)]);
}

#[test]
fn a_certificate_is_told_by_nginx() {
    let code = "nginx-check-keeps-client-certificate";
    let line = "proxy_set_header X-SSL-Client-Cert $ssl_client_escaped_cert;";
    check(line, "", &[(code, "location = /_keyward")]);
    check(line, "proxy_set_header X-SSL-Client-Cert \"\";", &[]);
    let planted = "proxy_set_header X-SSL-Client-Cert $http_x_ssl_client_cert;";
    check(line, planted, &[(code, planted)]);
}

#[test]
fn the_credential_arrives() {
    let at = "proxy_connect_timeout 250ms;";
    let one = format!("{at} proxy_set_header Authorization \"\";");
    check(at, &one, &[]);
    let both = format!("{one} proxy_set_header X-API-Key \"\";");
    check(at, &both, &[("nginx-check-drops-credential", "location = /_keyward")]);
    let none = format!("{at} proxy_pass_request_headers off;");
    check(at, &none, &[("nginx-check-drops-credential", "location = /_keyward")]);
}

#[test]
fn early_data_is_told() {
    let code = "nginx-early-data-not-told";
    check("listen 443 ssl;", "ssl_early_data on;", &[(code, "ssl_early_data on;")]);
    let told = RIGHT.replace("listen 443 ssl;", "ssl_early_data on;").replace(
        "proxy_connect_timeout 250ms;",
        "proxy_connect_timeout 250ms; proxy_set_header Early-Data $ssl_early_data;",
    );
    check_text(&told, &[]);
}

#[test]
fn identity_comes_from_the_check() {
    let not_set = "nginx-identity-header-not-set";
    for header in ["X-Client-Id", "X-Account-Id", "X-Client-Scope", "X-Client-IP", "X-Request-Id"] {
        let text: String = RIGHT
            .lines()
            .filter(|line| !line.contains(&format!("proxy_set_header {header} ")))
            .map(|line| format!("{line}\n"))
            .collect();
        check_text(&text, &[(not_set, "proxy_pass http://app;")]);
    }
    let line = "proxy_set_header X-Client-Id $kw_client;";
    let planted = "proxy_set_header X-Client-Id $http_x_client_id;";
    check(line, planted, &[("nginx-identity-from-client", planted)]);
    let not_from = "nginx-identity-not-from-check";
    for value in ["$upstream_http_x_client_id", "$kw_account"] {
        let planted = format!("proxy_set_header X-Client-Id {value};");
        check(line, &planted, &[(not_from, &planted)]);
    }
    check(line, "proxy_set_header X-Client-Id \"\";", &[]);
    let assertion =
        format!("{line}\nproxy_set_header X-Client-Assertion $http_x_client_assertion;");
    check(line, &assertion, &[("nginx-identity-from-client", "proxy_set_header X-Client-A")]);
}

#[test]
fn one_header_inside_drops_those_outside() {
    let inner = "location /v2 { proxy_set_header X-Api-Version 2; proxy_pass http://app; }
            proxy_pass http://app;\n            error_page 401";
    let text = RIGHT.replace("proxy_pass http://app;\n            error_page 401", inner);
    check_text(&text, &[("nginx-identity-header-not-set", "location /v2")]);
    let message = &examine_text(&text).unwrap().findings[0].message;
    assert!(
        message.ends_with("the `proxy_set_header` of line 37 drops what line 32 sets"),
        "{message}"
    );

    let text =
        text.replace("proxy_set_header X-Api-Version 2;", "auth_request_set $x $sent_http_x;");
    let codes = found(&text);
    assert_eq!(codes.len(), 4, "{codes:?}");
    assert!(codes.iter().all(|(code, _)| *code == "nginx-identity-not-from-check"), "{codes:?}");
    check_text(&text.replace("auth_request_set $x $sent_http_x;", ""), &[]);
}

#[test]
fn fastcgi_and_grpc_have_their_own_words() {
    let fastcgi = RIGHT
        .replace("proxy_pass http://app;", "fastcgi_pass unix:/run/php.sock;")
        .replace("proxy_set_header X-Client-Id $kw", "fastcgi_param HTTP_X_CLIENT_ID $kw")
        .replace("proxy_set_header X-Account-Id", "fastcgi_param HTTP_X_ACCOUNT_ID")
        .replace("proxy_set_header X-Client-Scope", "fastcgi_param HTTP_X_CLIENT_SCOPE")
        .replace("proxy_set_header X-Client-IP", "fastcgi_param HTTP_X_CLIENT_IP")
        .replace("proxy_set_header X-Request-Id", "fastcgi_param HTTP_X_REQUEST_ID");
    check_text(&fastcgi, &[]);
    let grpc = RIGHT.replace("proxy_pass http://app;", "grpc_pass grpc://app;");
    check_text(&grpc, &[("nginx-identity-header-not-set", "grpc_pass")]);
}

#[test]
fn a_named_location_behind_try_files_is_guarded() {
    let text = RIGHT.replace("proxy_pass http://app;", "try_files $uri @app;").replace(
        "location /login",
        "location @app { proxy_set_header X-Client-Id $kw_client; proxy_pass http://app; }
        location /login",
    );
    check_text(&text, &[("nginx-identity-header-not-set", "location @app")]);
}

#[test]
fn nothing_answers_before_the_check() {
    let at = "proxy_set_header Host $host;";
    let before = "nginx-return-before-check";
    check(at, "return 204;", &[(before, "return 204;")]);
    check(at, "if ($arg_x) { return 200 ok; }", &[(before, "if ($arg_x)")]);
    check("listen 443 ssl;", "return 200 ok;", &[(before, "return 200 ok;")]);
    check(at, "return 404;", &[]);
    check(at, "if ($scheme = http) { return 301 https://$host/; }", &[]);
    check(at, "return 301 /login;", &[("nginx-redirect-before-check", "return 301")]);
    check(at, "rewrite ^/a/(.*)$ /$1 break;", &[]);
    let open = RIGHT.replace(
        "location /login",
        "location /open/ { proxy_pass http://login; }\nlocation /login",
    );
    let text = open.replace(at, "rewrite ^/a/(.*)$ /open/$1 last;");
    check_text(&text, &[("nginx-rewrite-skips-check", "rewrite")]);
    check_text(&open.replace(at, "rewrite ^/a/(.*)$ /$1 last;"), &[]);
}

#[test]
fn forward_auth_034_satisfy_any_is_an_error() {
    check("listen 443 ssl;", "satisfy any;", &[("nginx-satisfy-any", "satisfy any;")]);
    check("listen 443 ssl;", "satisfy all;", &[]);
}

#[test]
fn failures_end_in_refusals() {
    let line = "error_page 403 = @denied;";
    let open = "nginx-fails-open";
    // As tried with nginx 1.22: without `=` the status stays 500, and the application has answered.
    for planted in ["error_page 500 @app;", "error_page 500 = @app;", "error_page 403 /app;"] {
        let text = RIGHT.replace(line, planted).replace(
            "location @sorry",
            "location @app { proxy_pass http://app; }
        location /app { internal; proxy_pass http://app/x; }
        location @sorry",
        );
        check_text(&text, &[(open, planted)]);
    }
    for planted in ["error_page 500 =200 /50x.html;", "error_page 401 500 = /health;"] {
        check(line, planted, &[(open, planted)]);
    }
    check(line, "error_page 500 = @sorry;", &[("nginx-failure-goes-elsewhere", "error_page 500")]);
    check(line, "error_page 401 = @sorry;", &[]);
    check(line, "error_page 500 /health;", &[]);
    check(line, "error_page 500 502 https://status.example/;", &[]);
    check(line, "error_page 502 504 =200 /health;", &[]);
}

#[test]
fn a_target_that_asks_itself_is_no_hole() {
    let text = RIGHT
        .replace("            auth_request /_keyward;", "")
        .replace("listen 443 ssl;", "listen 443 ssl; auth_request /_keyward;")
        .replace("location /login { proxy_pass http://login; }", "")
        .replace("location @sorry { proxy_pass http://login; }", "location @sorry { return 503; }")
        .replace("location = /health { return 200 ok; }", "")
        .replace("error_page 403 = @denied;", "error_page 500 = /;");
    check_text(&text, &[]);
}

#[test]
fn a_check_that_fails_lets_nobody_in() {
    let at = "proxy_connect_timeout 250ms;";
    let open = "nginx-fails-open";
    let planted = |line: &str| format!("{at}\n{line}");
    check(at, &planted("error_page 502 504 =200 /50x.html;"), &[(open, "error_page 502 504 =200")]);
    check(at, &planted("error_page 502 = /health;"), &[(open, "error_page 502 = /health")]);
    check(at, &planted("error_page 502 = @denied;"), &[]);
    check(at, &planted("error_page 403 =200 /health;"), &[]);
    let intercepted = planted("proxy_intercept_errors on;\nerror_page 403 =200 /health;");
    check(at, &intercepted, &[(open, "error_page 403 =200")]);
}

#[test]
fn doors_beside_the_guarded_one_are_named() {
    let at = "location = /health { return 200 ok; }";
    let beside = format!("{at}\nlocation /static {{ proxy_pass http://app/static; }}");
    check(at, &beside, &[("nginx-unguarded-route", "location /static")]);
    let inner = "proxy_set_header Host $host;\nlocation /open { auth_request off; proxy_pass http://app; proxy_set_header A b; }";
    check("proxy_set_header Host $host;", inner, &[("nginx-location-opts-out", "location /open")]);
    let cleared: String =
        ["X-Client-Id", "X-Account-Id", "X-Client-Scope", "X-Client-IP", "X-Request-Id"]
            .map(|header| format!("proxy_set_header {header} \"\"; "))
            .concat();
    check("proxy_set_header Host $host;", &inner.replace("proxy_set_header A b;", &cleared), &[]);
}

#[test]
fn the_gateways_token_is_keywards_alone() {
    let at = "proxy_set_header Host $host;";
    let planted = "proxy_set_header X-Gateway-Token secret;";
    let text = RIGHT.replace(at, &format!("{at}\n{planted}"));
    check_text(&text, &[("nginx-token-visible-to-app", planted)]);
}

#[test]
fn only_balancers_are_believed() {
    let line = "set_real_ip_from 10.1.0.0/16;";
    for network in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.1/1", "2000::/3"] {
        let planted = format!("set_real_ip_from {network};");
        check(line, &planted, &[("nginx-real-ip-from-anyone", &planted)]);
    }
    for network in ["10.0.0.0/8", "fc00::/7", "fd00::/8", "192.0.2.1", "unix:", "lb.example"] {
        check(line, &format!("set_real_ip_from {network};"), &[]);
    }
    check(line, "", &[("nginx-real-ip-without-trust", "real_ip_header")]);
    check("real_ip_recursive on;", "", &[("nginx-real-ip-not-recursive", "real_ip_header")]);
}

#[test]
fn the_proxy_protocol_is_used_when_it_is_spoken() {
    let text = RIGHT.replace("listen 443 ssl;", "listen 443 ssl proxy_protocol;");
    check_text(&text, &[]);
    let text = text.replace("real_ip_header X-Forwarded-For;", "");
    check_text(&text, &[("nginx-proxy-protocol-ignored", "listen 443")]);
}

#[test]
fn names_with_underscores_stay_out() {
    let code = "nginx-underscores-in-headers";
    for planted in ["underscores_in_headers on;", "ignore_invalid_headers off;"] {
        check("listen 443 ssl;", planted, &[(code, planted)]);
    }
    check("listen 443 ssl;", "underscores_in_headers off;", &[]);
}

#[test]
fn included_files_are_read_where_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let (head, rest) = RIGHT.split_once("    server {\n        listen 443").unwrap();
    let server = format!("server {{\n        listen 443{}", rest.trim_end().trim_end_matches('}'));
    let server = server.replace("proxy_set_header X-Real-IP $remote_addr;", "include real.conf;");
    let main = write("nginx.conf", &format!("{head}include conf.d/*.conf;\ninclude gone.d/*;\n}}"));
    let part = write("conf.d/api.conf", &server);
    write("mime.types", "types { }");
    write("real.conf", "\nproxy_set_header X-Real-IP $http_x_real_ip;");

    for path in [&main, &part] {
        let text = std::fs::read_to_string(path).unwrap();
        let examined = examine(path, &text, &mut Budget::default()).unwrap();
        let [finding] = examined.findings.as_slice() else { panic!("{examined:?}") };
        assert_eq!(finding.code.name, "nginx-check-address-from-client");
        assert!(finding.place.to_string().ends_with("real.conf:2"), "{}", finding.place);
        assert_eq!((examined.checks, examined.guarded), (1, 1));
    }

    std::fs::remove_file(folder.path().join("real.conf")).unwrap();
    let examined = examine(&part, &server, &mut Budget::default()).unwrap();
    let codes: Vec<_> = examined.findings.iter().map(|f| f.code.name).collect();
    assert_eq!(codes, ["file-not-read", "nginx-check-keeps-client-address-header"]);
    assert_eq!(examined.findings[0].code.severity, Severity::Note);

    let itself = write("itself.conf", "include itself.conf;");
    let fault = examine(&itself, "include itself.conf;", &mut Budget::default()).unwrap_err();
    assert!(fault.message.contains("does one include itself?"), "{fault}");
    write("broken.conf", "a;\nb");
    let fault = examine(&itself, "include broken.conf;", &mut Budget::default()).unwrap_err();
    assert!(fault.to_string().ends_with("broken.conf:2: the directive `b` has no `;`"), "{fault}");
}

#[test]
fn other_configurations_are_not_taken_for_it() {
    assert!(looks_like_it(RIGHT));
    assert!(looks_like_it("server{listen 80;}"));
    assert!(looks_like_it("  auth_request /x;"));
    assert!(!looks_like_it("<VirtualHost *:80>\n  ProxyPass / http://app/\n</VirtualHost>"));
    assert!(!looks_like_it("frontend web\n  bind :80\n  server app 127.0.0.1:80\n"));
    assert!(!looks_like_it(""));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_rules_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "server", "{", "}", ";", "location", "=", "/", "@a", "auth_request", "off", "if", "return",
            "200", "proxy_pass", "http://a/v1/check/b", "proxy_set_header", "X-Real-IP", "$http_a",
            "error_page", "500", "=200", "rewrite", "last", "set", "$a", "map", "try_files",
            "set_real_ip_from", "::/0", "\"\"", "x_by_lua_block",
        ]), 0..60)
    ) {
        let _ = examine_text(&words.join(" "));
    }
}

#[test]
fn no_other_protocol_is_taken_up() {
    let right = "proxy_set_header Upgrade $kw_upgrade;";
    let wrong = [("nginx-other-protocol", "proxy_set_header Upgrade")];
    check(right, "proxy_set_header Upgrade $http_upgrade;", &wrong);
    check("~*^websocket$ websocket;", "~. $http_upgrade;", &wrong);
    check(right, "", &[]);
    check(right, "proxy_set_header Upgrade websocket;", &[]);
}

#[test]
fn an_identity_comes_from_the_check_however_it_is_kept() {
    let right = "auth_request_set $kw_client $upstream_http_x_client_id;";
    for (source, code) in [
        ("$http_x_client_id", "nginx-identity-from-client"),
        ("$arg_client", "nginx-identity-from-client"),
        ("$upstream_http_x_client_idd", "nginx-identity-not-from-check"),
        ("$kw_client_id", "nginx-identity-not-from-check"),
    ] {
        let wrong = format!("auth_request_set $kw_client {source};");
        check(right, &wrong, &[(code, "proxy_set_header X-Client-Id")]);
    }
}

#[test]
fn a_check_that_nothing_asks_is_told() {
    let text = RIGHT.replace("auth_request /_keyward;", "");
    let found = found(&text);
    assert!(
        found.contains(&(
            "nginx-check-unused",
            "proxy_pass http://keyward/v1/check/default;".to_owned()
        )),
        "{found:?}"
    );
}
