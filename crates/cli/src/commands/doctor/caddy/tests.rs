//! Each mistake, planted alone into a configuration that is right.

use super::*;

/// Right in every part, so that whatever is found was planted.
const RIGHT: &str = r#"{
	admin off
	servers {
		trusted_proxies static 10.1.0.0/16
		trusted_proxies_strict
		client_ip_headers X-Forwarded-For
		listener_wrappers {
			proxy_protocol {
				allow 10.1.0.0/16
			}
		}
	}
}

(identity) {
	header_up X-Client-Id {header.X-Client-Id}
	header_up X-Account-Id {header.X-Account-Id}
	header_up X-Client-Scope {header.X-Client-Scope}
	header_up X-Client-IP {header.X-Client-IP}
	header_up X-Request-Id {http.request.header.X-Request-Id}
}

http://api.example:8000, http://api2.example:8000 {
	handle /v1/* {
		forward_auth 127.0.0.1:8081 {
			uri /v1/check/edge?
			header_up X-Real-IP {client_ip}
			header_up -Client-Cert
			header_up X-Gateway-Token secret
			copy_headers X-Client-Id X-Account-Id X-Client-Scope X-Client-IP X-Request-Id
			transport http {
				dial_timeout 250ms
				response_header_timeout 2s
			}
			@denied status 401 403
			handle_response @denied {
				respond `{"error":"access_denied"}` {rp.status_code}
			}
		}
		@another_protocol not vars_regexp {header.Upgrade} (?i)^websocket$
		request_header @another_protocol -Upgrade
		reverse_proxy http://127.0.0.1:3000 {
			import identity
		}
	}
	handle /login {
		reverse_proxy 127.0.0.1:4000
	}
	handle {
		respond 404
	}
	handle_errors {
		respond "{err.status_code} {err.status_text}"
	}
}

http://www.example:8000 {
	root * /srv/www
	file_server
}
"#;

fn examine_text(text: &str) -> Result<Examined, Fault> {
    examine(Path::new("Caddyfile"), text, &mut Budget::default())
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
    let examined = examine_text(text).unwrap();
    let line = |number: usize| text.lines().nth(number - 1).unwrap_or_default().trim();
    let found: Vec<(&str, &str)> =
        examined.findings.iter().map(|f| (f.code.name, line(f.place.line))).collect();
    let fits = found.len() == expected.len()
        && found.iter().zip(expected).all(|(f, e)| f.0 == e.0 && f.1.starts_with(e.1));
    assert!(fits, "expected {expected:#?}\nfound {found:#?}\nin {text}");
}

#[test]
fn a_certificate_is_told_by_caddy() {
    let code = "caddy-check-keeps-client-certificate";
    check("header_up -Client-Cert", "", &[(code, "forward_auth 127.0.0.1:8081 {")]);
    let own = "header_up Client-Cert :{http.request.tls.client.certificate_der_base64}:";
    check("header_up -Client-Cert", own, &[]);
    let planted = "header_up Client-Cert {header.Client-Cert}";
    check("header_up -Client-Cert", planted, &[(code, planted)]);
}

#[test]
fn what_is_right_is_left_alone() {
    let examined = examine_text(RIGHT).unwrap();
    assert_eq!(examined.findings, []);
    assert_eq!((examined.checks, examined.guarded), (1, 1));
}

#[test]
fn the_address_is_the_peers() {
    let line = "header_up X-Real-IP {client_ip}";
    check(line, "", &[("caddy-check-keeps-client-address-header", "forward_auth")]);
    check(line, "header_up -X-Real-IP", &[("caddy-check-keeps-client-address-header", "forward")]);
    check(line, "header_up x-real-ip {remote_host}", &[]);
    for planted in [
        "header_up X-Real-IP {header.X-Forwarded-For}",
        "header_up X-Real-IP {http.request.header.X-Real-IP}",
        "header_up +X-Real-IP {client_ip}",
        "header_up X-Real-IP (.*) $1",
    ] {
        check(line, planted, &[("caddy-check-address-from-client", planted)]);
    }
    let planted = "header_up X-Real-IP {remote}";
    check(line, planted, &[("caddy-check-address-unknown", planted)]);
}

#[test]
fn the_check_asks_keyward() {
    let line = "uri /v1/check/edge?";
    let not = "caddy-check-not-keyward";
    for planted in ["uri /auth?", "uri /v1/check/?", "uri /v1/check?"] {
        check(line, planted, &[(not, planted)]);
    }
    check(line, "", &[(not, "forward_auth")]);
    let planted = "uri /v1/check/edge";
    check(line, planted, &[("caddy-check-passes-query", planted)]);
}

#[test]
fn another_services_check_is_left_alone() {
    let other = "forward_auth 127.0.0.1:4000 {\n uri /verify\n}\nreverse_proxy 127.0.0.1:3000";
    check("root * /srv/www", other, &[("other-check", "forward_auth 127.0.0.1:4000")]);
}

#[test]
fn the_credential_arrives_in_time() {
    let at = "header_up X-Gateway-Token secret";
    let one = format!("{at}\nheader_up -X-API-Key");
    check(at, &one, &[]);
    let both = format!("{one}\nheader_up -Authorization");
    check(at, &both, &[("caddy-check-drops-credential", "forward_auth")]);
    for line in ["dial_timeout 250ms", "response_header_timeout 2s"] {
        check(line, "", &[("caddy-check-no-timeout", "forward_auth")]);
    }
}

#[test]
fn identity_comes_from_the_check_and_stays() {
    for header in ["X-Client-Id ", "X-Account-Id ", "X-Client-Scope ", "X-Client-IP "] {
        let text = RIGHT
            .replace("copy_headers ", "copy_headers A ")
            .replace(&format!(" {header}X-"), " X-");
        check_text(&text, &[("caddy-identity-header-not-copied", "copy_headers A")]);
    }
    let line = "copy_headers X-Client-Id X-Account-Id X-Client-Scope X-Client-IP X-Request-Id";
    let renamed = line.replace("X-Client-Id", "X-Client-Id>X-User");
    check(line, &renamed, &[("caddy-identity-header-not-copied", "copy_headers")]);
    check(line, "", &[("caddy-identity-header-not-copied", "forward_auth")]);
    let block = "copy_headers {\nX-Client-Id\nX-Account-Id\nX-Client-Scope\nX-Client-IP\n\
                 Request>X-Request-Id\n}";
    check(line, block, &[]);

    check("import identity", "", &[("caddy-identity-strippable", "reverse_proxy http")]);
    let line = "header_up X-Client-Id {header.X-Client-Id}";
    check(line, "", &[("caddy-identity-strippable", "reverse_proxy http")]);
    let planted = "header_up X-Client-Id {header.X-User}";
    check(line, planted, &[("caddy-identity-from-client", planted)]);
    check(line, "header_up -X-Client-*", &[]);
}

#[test]
fn refusals_stay_refusals() {
    let open = "caddy-fails-open";
    let line = "respond `{\"error\":\"access_denied\"}` {rp.status_code}";
    check(line, "respond 403", &[]);
    check(line, "redir * /login", &[]);
    check(line, "reverse_proxy 127.0.0.1:4000", &[]);
    check(line, "route {\nrespond \"no\" 403\n}", &[]);
    check(line, "copy_response 403", &[]);
    // As tried with Caddy 2.11: what answers nothing lets the request go on.
    check(line, "header X-Denied yes", &[(open, "handle_response @denied")]);
    check(line, "respond @some 403", &[(open, "handle_response @denied")]);
    check(line, "respond \"sorry\"", &[(open, "respond \"sorry\"")]);
    check(line, "respond \"sorry\" 200", &[(open, "respond \"sorry\" 200")]);
    check(line, "copy_response 200", &[(open, "copy_response 200")]);
    check(line, "reverse_proxy 127.0.0.1:3000", &[(open, "reverse_proxy 127.0.0.1:3000")]);
    check("handle_response @denied {", "handle_response {", &[]);
    let planted = "replace_status @denied 200";
    let at = "@denied status 401 403";
    check(at, &format!("{at}\n{planted}"), &[(open, planted)]);
    let good = format!("{at}\n@good {{\nstatus 2xx\n}}\nhandle_response @good {{\nheader A b\n}}");
    check(at, &good, &[]);
}

#[test]
fn failures_end_in_errors() {
    let open = "caddy-fails-open";
    let line = "respond \"{err.status_code} {err.status_text}\"";
    check(line, "reverse_proxy 127.0.0.1:3000", &[(open, "reverse_proxy 127.0.0.1:3000")]);
    check(line, "respond \"sorry\" 200", &[(open, "respond \"sorry\" 200")]);
    check(line, "respond @404 \"not there\" 200", &[]);
    let elsewhere = "caddy-failure-goes-elsewhere";
    for planted in ["reverse_proxy 127.0.0.1:5000", "reverse_proxy @gone 127.0.0.1:3000"] {
        check(line, planted, &[(elsewhere, planted)]);
    }
    let text = RIGHT.replace(line, "reverse_proxy 127.0.0.1:3000");
    check_text(&text.replace("handle_errors {", "handle_errors 404 410 {"), &[]);
    check_text(
        &text.replace("handle_errors {", "handle_errors 404 502 {"),
        &[(open, "reverse_proxy 127.0.0.1:3000")],
    );
}

#[test]
fn doors_beside_the_guarded_one_are_named() {
    let line = "reverse_proxy 127.0.0.1:4000";
    let planted = "reverse_proxy https://127.0.0.1:3000";
    check(line, planted, &[("caddy-unguarded-route", planted)]);
    let cleared = "reverse_proxy 127.0.0.1:3000 {\nheader_up -X-Client-*\nheader_up -X-Account-Id\n\
                   header_up -X-Request-Id\n}";
    check(line, cleared, &[]);
    // The check is for some requests only, and all are passed on.
    let text = RIGHT.replace("forward_auth 127", "forward_auth /v1/orders/* 127");
    check_text(&text, &[("caddy-unguarded-route", "reverse_proxy http://127.0.0.1:3000")]);
    // Here what it is for goes its own way.
    let text = text.replace("reverse_proxy http", "reverse_proxy /v1/orders/* http").replace(
        "handle /login",
        "reverse_proxy 127.0.0.1:5000
	handle /login",
    );
    check_text(&text, &[]);
}

#[test]
fn in_a_route_the_order_counts() {
    let route = RIGHT.replace("handle /v1/* {", "route /v1/* {");
    check_text(&route, &[]);
    let early = "route /v1/* {\nreverse_proxy /fast/* 127.0.0.1:3000";
    check("handle /v1/* {", early, &[("caddy-check-after-proxy", "reverse_proxy /fast/*")]);
    // A check in a route of its own refuses before what comes later.
    let text = RIGHT
        .replace("forward_auth 127", "route {\nforward_auth 127")
        .replace("\t\treverse_proxy http", "}\n\t\treverse_proxy http");
    check_text(&text, &[]);
}

#[test]
fn the_gateways_token_is_keywards_alone() {
    let code = "caddy-token-visible-to-app";
    let planted = "header_up X-Gateway-Token secret";
    check("import identity", &format!("import identity\n{planted}"), &[(code, planted)]);
    let planted = "request_header X-Gateway-Token secret";
    let at = "\t\treverse_proxy http";
    check(at, &format!("{planted}\n{at}"), &[(code, planted)]);
}

#[test]
fn only_balancers_are_believed() {
    check(
        "trusted_proxies_strict",
        "",
        &[("caddy-trusted-proxies-not-strict", "trusted_proxies static")],
    );
    let line = "trusted_proxies static 10.1.0.0/16";
    for network in ["0.0.0.0/0", "10.1.0.0/16 ::/0"] {
        let planted = format!("trusted_proxies static {network}");
        check(line, &planted, &[("caddy-trusts-anyone", &planted)]);
    }
    let planted = "trusted_proxies static private_ranges";
    check(line, planted, &[("caddy-trusts-private-ranges", planted)]);
    check(line, "", &[("caddy-client-ip-headers-unused", "client_ip_headers")]);

    let line = "allow 10.1.0.0/16";
    check(line, "", &[("caddy-proxy-protocol-ignored", "proxy_protocol")]);
    check(line, "allow 0.0.0.0/0", &[("caddy-proxy-protocol-from-anyone", "proxy_protocol")]);
    let planted = "fallback_policy USE";
    check(line, planted, &[("caddy-proxy-protocol-from-anyone", planted)]);
}

#[test]
fn a_check_that_is_written_out_is_one() {
    let text = "route {
	reverse_proxy 127.0.0.1:8081 {
		method GET
		rewrite /v1/check/edge?
		header_up X-Real-IP {header.X-Real-IP}
		header_up -Client-Cert
		transport http {
			dial_timeout 250ms
			response_header_timeout 2s
		}
		@good status 2xx
		handle_response @good {
			request_header X-Client-Id {rp.header.X-Client-Id}
		}
	}
	request_header -Upgrade
	reverse_proxy 127.0.0.1:3000
}";
    check_text(
        text,
        &[
            ("caddy-identity-strippable", "reverse_proxy 127.0.0.1:3000"),
            ("caddy-check-address-from-client", "header_up X-Real-IP"),
        ],
    );
}

#[test]
fn sites_may_have_no_braces() {
    let (_, inner) = RIGHT.split_once("handle /v1/* {\n").unwrap();
    let (inner, _) = inner.split_once("\n\t}\n\thandle /login").unwrap();
    let identity = RIGHT.split_once("(identity)").unwrap().1.split_once('}').unwrap();
    assert!(!identity.0.is_empty());
    let inner = inner.replace("import identity", "");
    for head in ["", ":80\n", "{\nadmin off\n}\n:80\n"] {
        let text = format!("{head}{inner}");
        check_text(&text, &[("caddy-identity-strippable", "reverse_proxy")]);
    }
}

#[test]
fn snippets_and_files_are_read_where_they_are_imported() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    let (options, rest) = RIGHT.split_once("(identity)").unwrap();
    let (identity, sites) = rest.split_once("http://api.example").unwrap();
    let sites = format!("http://api.example{sites}");
    let sites = sites.replace("header_up X-Real-IP {client_ip}", "import ../real.caddy {remote}");
    write("sites/api.caddy", &sites);
    write("real.caddy", "\nheader_up X-Real-IP {args[0]}");
    let text = format!("{options}(identity){identity}\nimport sites/*.caddy\nimport gone/*\n");
    let path = write("Caddyfile", &text);
    let examined = examine(&path, &text, &mut Budget::default()).unwrap();
    let [finding] = examined.findings.as_slice() else { panic!("{examined:?}") };
    assert_eq!(finding.code.name, "caddy-check-address-unknown");
    assert!(finding.place.to_string().ends_with("real.caddy:2"), "{}", finding.place);
    assert_eq!((examined.checks, examined.guarded), (1, 1));

    check_text(&format!("{RIGHT}\nimport nowhere.caddy"), &[("file-not-read", "import nowhere")]);
    let fault = examine_text("(a) {\nimport a\n}\n:80 {\nimport a\n}").unwrap_err();
    assert!(fault.message.contains("does one import itself?"), "{fault}");
    let growing: String = (1..12)
        .map(|n| format!("(s{n}) {{\n{}}}\n", format!("import s{}\n", n - 1).repeat(12)))
        .collect();
    let fault = examine_text(&format!("(s0) {{\nheader a b\n}}\n{growing}:80 {{\nimport s11\n}}"));
    assert!(fault.unwrap_err().message.contains("too long to judge"));
}

#[test]
fn snippets_get_words_and_blocks() {
    let text = "(guard) {
	forward_auth {args[0]} {
		uri /v1/check/{args[1]}?
		{block}
		copy_headers {args[2:]}
	}
}
:80 {
	import guard 127.0.0.1:8081 edge {
		header_up X-Real-IP {client_ip}
		header_up -Client-Cert
		transport http {
			dial_timeout 1s
			response_header_timeout 1s
		}
	}
}";
    let text = text
        .replace("{args[2:]}", "X-Client-Id X-Account-Id X-Client-Scope X-Client-IP X-Request-Id");
    check_text(&text, &[]);
    assert_eq!(examine_text(&text).unwrap().checks, 1);
}

#[test]
fn json_is_refused_with_advice() {
    let fault = examine_text("{\"apps\": {}}").unwrap_err();
    assert!(fault.message.contains("give the Caddyfile"), "{fault}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_rules_panic(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "\n", "\n", ":80", "forward_auth", "uri", "/v1/check/a?", "reverse_proxy", "a:1",
            "header_up", "X-Real-IP", "{client_ip}", "handle", "route", "/a/*", "@a", "handle_errors",
            "handle_response", "respond", "200", "import", "(a)", "a", "servers", "trusted_proxies",
            "static", "::/0", "copy_headers", "{args[:]}", "{block}", "invoke", "&(a)",
        ]), 0..60)
    ) {
        let _ = examine_text(&words.join(" "));
    }
}

#[test]
fn no_other_protocol_is_taken_up() {
    let right = "request_header @another_protocol -Upgrade";
    check(right, "", &[("caddy-other-protocol", "reverse_proxy http://127.0.0.1:3000")]);
    check(right, "request_header -Upgrade", &[]);
    check(
        right,
        "request_header @another_protocol -Via",
        &[("caddy-other-protocol", "reverse_proxy http://127.0.0.1:3000")],
    );
}
