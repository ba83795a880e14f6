use serde_json::json;

use super::*;
use crate::limits::Limits;
use crate::wire::{CacheWrite, Level};

fn engine() -> Engine {
    Engine::new(Arc::default()).unwrap()
}

fn request(event: &serde_json::Value) -> RunRequest {
    RunRequest {
        script: "s".to_owned(),
        event: event.to_string(),
        secrets: json!({ "KEY": "value" }).to_string(),
        allowlist: json!(["203.0.113.0/24"]).to_string(),
        cache: Vec::new(),
        now_ms: 1_000_000,
        limits: Limits { cpu_ms: 60_000, ..Limits::default() },
    }
}

fn event() -> serde_json::Value {
    json!({
        "accessToken": { "customClaims": {}, "scope": ["a", "b"] },
        "client": {
            "client_id": "c1", "name": "Batch", "metadata": { "tier": "gold" },
            "allowlist": { "mode": "enforce" },
        },
        "request": { "ip": "203.0.113.7", "method": "POST", "geoip": {}, "body": {} },
        "resource_server": { "identifier": "https://api.example/" },
        "tenant": { "id": "keyward" },
        "transaction": { "requested_scopes": ["a", "b"], "target_scopes": ["a", "b"] },
    })
}

/// Runs the body of a handler.
fn run(body: &str) -> RunReport {
    run_code(&format!(
        "exports.onExecuteCredentialsExchange = async (event, api) => {{ {body}\n}};"
    ))
}

fn run_code(code: &str) -> RunReport {
    let mut engine = engine();
    engine.load("s".to_owned(), code).unwrap();
    engine.run(request(&event()))
}

#[track_caller]
fn failure(report: &RunReport) -> (FailureKind, String) {
    let failure = report.failure.as_ref().expect("the run failed");
    (failure.kind, failure.message.clone())
}

/// What a body gives back as a claim.
#[track_caller]
fn value(expression: &str) -> serde_json::Value {
    let report = run(&format!("api.accessToken.setCustomClaim('v', {expression});"));
    assert_eq!(report.failure, None, "{expression}");
    serde_json::from_str(&report.claims[0].1).unwrap()
}

#[test]
fn an_action_refuses_and_sets_claims() {
    let report = run("console.log('from %s', event.request.ip, { a: [1, 'x'], b: null });
         api.accessToken.setCustomClaim('https://x/ip', event.request.ip)
            .accessToken.setCustomClaim('tier', event.client.metadata.tier);
         return api.access.deny('invalid_request', `no: ${event.secrets.KEY}`);");
    assert_eq!(report.failure, None);
    assert_eq!(report.denied, Some(("invalid_request".to_owned(), "no: value".to_owned())));
    let claims = [("https://x/ip", "\"203.0.113.7\""), ("tier", "\"gold\"")];
    assert_eq!(report.claims, claims.map(|(name, json)| (name.to_owned(), json.to_owned())));
    assert_eq!(report.console[0].level, Level::Log);
    assert_eq!(report.console[0].text, "from 203.0.113.7 { a: [ 1, 'x' ], b: null }");
}

#[test]
fn a_run_without_a_result_fails() {
    for (code, kind) in [
        ("exports.x = 1", FailureKind::NoHandler),
        ("exports.onExecuteCredentialsExchange = 5", FailureKind::NoHandler),
        ("module.exports = null", FailureKind::Threw),
        ("throw new TypeError('at the top')", FailureKind::Threw),
    ] {
        assert_eq!(failure(&run_code(code)).0, kind, "{code}");
    }
    for (body, kind) in [
        ("throw null", FailureKind::Threw),
        ("throw new Error('x')", FailureKind::Threw),
        ("await new Promise(() => {})", FailureKind::Pending),
        ("(async () => { throw new Error('nobody waits') })()", FailureKind::Threw),
        ("queueMicrotask(() => { throw new Error('nobody catches') })", FailureKind::Threw),
        ("require('crypto').randomBytes(1, () => { throw new Error('x') })", FailureKind::Threw),
        ("api.access.deny('access_denied', 'x')", FailureKind::Misuse),
        ("try { api.access.deny('access_denied', 'x') } catch {}", FailureKind::Misuse),
        ("api.accessToken.setCustomClaim('a', 'x'.repeat(110000))", FailureKind::TooLarge),
        ("try { api.accessToken.setCustomClaim(5, 1) } catch {}", FailureKind::Misuse),
        ("const f = (n) => f(n + 1) + 1; f(0)", FailureKind::Threw),
        ("const a = []; for (;;) a.push(new Array(1000).fill(1))", FailureKind::Memory),
        ("try { 'x'.repeat(2 ** 28).toUpperCase() } catch {}", FailureKind::Memory),
        ("const a = {}; try { for (;;) a[Symbol('x')] = 1 } catch {}", FailureKind::Memory),
    ] {
        assert_eq!(failure(&run(body)).0, kind, "{body}");
    }
}

#[test]
fn an_error_says_where() {
    let code = "\n\nexports.onExecuteCredentialsExchange = async () => {\n  missing();\n};";
    let report = run_code(code);
    let failure = report.failure.unwrap();
    assert_eq!(
        (failure.name.as_str(), failure.message.as_str()),
        ("ReferenceError", "missing is not defined")
    );
    assert_eq!(failure.stack.trim(), "at <anonymous> (action.js:4:3)");
    let fault = engine().load("s".to_owned(), "const a = 1;\nconst b = ;").unwrap_err();
    assert_eq!(fault.kind, FailureKind::Syntax);
    assert!(fault.message.starts_with("line 2: "), "{fault:?}");
}

#[test]
fn code_that_leaves_its_function_is_none() {
    for code in [
        "}); (function () {",
        "}, function () {",
        "}[0] = function () {",
        "}[x] = function () {",
        "} f2() {",
        "}; function g() {",
        "} }); ({ f() {",
        "} } {{",
        "return 1;\n}",
    ] {
        let fault = engine().load("s".to_owned(), code).unwrap_err();
        assert_eq!(fault.kind, FailureKind::Syntax, "{code}");
    }
    assert_eq!(engine().load("s".to_owned(), "return // at the top is a function's"), Ok(()));
}

#[test]
fn a_promise_that_is_caught_later_is_no_failure() {
    let report =
        run("const p = Promise.reject(new Error('x')); await null; await p.catch(() => {});");
    assert_eq!(report.failure, None);
}

#[test]
fn no_compiler_is_in_reach() {
    for attempt in [
        "Function('return 1')()",
        "(() => {}).constructor('return 1')()",
        "(async () => {}).constructor('return 1')()",
        "(function* () {}).constructor('return 1')()",
        "Reflect.construct((async function* () {}).constructor, ['return 1'])",
    ] {
        let (kind, message) = failure(&run(attempt));
        assert_eq!(
            (kind, message.as_str()),
            (FailureKind::Threw, "eval is not supported"),
            "{attempt}"
        );
    }
    assert_eq!(failure(&run("eval('1')")).1, "eval is not defined");
    assert!(failure(&run("await import('fs')")).1.contains("fs"));
    let absent = "['eval', 'process', 'Atomics', 'SharedArrayBuffer', 'WeakRef', 'performance',
        'FinalizationRegistry', 'fetch', 'setTimeout', 'std', 'os', 'scriptArgs', 'print']
        .filter((name) => name in globalThis)";
    assert_eq!(value(absent), json!([]));
}

#[test]
fn intrinsics_are_frozen_and_own_properties_are_not() {
    let frozen = "[Object, Array, Function, String, Promise, Map, JSON, Reflect, Error, Uint8Array,
        console, Buffer, api, api.access]
        .flatMap((one) => [one, one.prototype]).filter((one) => one && !Object.isFrozen(one)).length";
    assert_eq!(value(frozen), json!(0));
    let own = "(() => {
        class DenyError extends Error { constructor() { super('m'); this.name = 'DenyError'; } }
        function Old() {}
        Old.prototype = Object.create(Object.prototype);
        Old.prototype.constructor = Old;
        Old.prototype.toString = () => 'old';
        const plain = {};
        plain.hasOwnProperty = 1;
        plain.valueOf = () => 7;
        return [new DenyError().name, `${new Old()}`, plain.hasOwnProperty, plain + 1,
            Object.keys(plain).length, new Error('x').toString()];
    })()";
    assert_eq!(value(own), json!(["DenyError", "old", 1, 8, 2, "Error: x"]));
    let stays = "(() => { Array.prototype.push = 1; Object.prototype.toString = 1; JSON.parse = 1;
        return typeof [].push + typeof {}.toString + typeof JSON.parse; })()";
    assert_eq!(value(stays), json!("functionfunctionfunction"));
}

#[test]
fn crypto_is_nodes() {
    // Values of Node 20.
    for (expression, expected) in [
        (
            "require('crypto').createHash('sha256').update('a').update('b').digest('hex')",
            json!("fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"),
        ),
        (
            "require('node:crypto').createHmac('sha1', 'k').update('m').digest('base64')",
            json!("dytxyKKZfnaL4B2XEeSk80ok7zM="),
        ),
        ("require('crypto').randomBytes(8).length", json!(8)),
        (
            "/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]/.test(require('crypto').randomUUID())",
            json!(true),
        ),
        ("require('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('a'))", json!(true)),
        (
            "Buffer.from('aGk', 'base64').toString() + Buffer.from('fbff', 'hex').toString('base64url')",
            json!("hi-_8"),
        ),
        ("btoa('hi') + atob('aGk=')", json!("aGk=hi")),
        ("[...new TextEncoder().encode('\u{e9}')]", json!([0xc3, 0xa9])),
        ("Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()", json!("ab")),
        ("Buffer.from('abc').includes('bc')", json!(true)),
        ("Buffer.from('abcbc').indexOf('bc', 2)", json!(3)),
        ("Buffer.from('abcd').toString('utf8', 1, 3)", json!("bc")),
        ("Buffer.from(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2).toString('hex')", json!("0203")),
        ("Buffer.alloc(4, 'ab').toString()", json!("abab")),
        ("Buffer.concat([Buffer.from('abc'), Buffer.from('d')], 2).toString()", json!("ab")),
        ("Buffer.from(JSON.parse(JSON.stringify(Buffer.from('hi')))).toString()", json!("hi")),
        ("Buffer.compare(Buffer.from('a'), Buffer.from('ab'))", json!(-1)),
        ("Buffer.from('00000102', 'hex').readUInt32BE()", json!(258)),
        (
            "await new Promise((done) => require('crypto').randomBytes(3, (_, b) => done(b.length)))",
            json!(3),
        ),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    assert!(failure(&run("require('crypto').createHash('md5')")).1.contains("sha256"));
}

#[test]
fn addresses_follow_the_servers_rules() {
    for (expression, expected) in [
        ("require('keyward/ip').parse('::ffff:203.0.113.7')", json!("203.0.113.7")),
        ("require('keyward/ip').isValid('010.0.0.1')", json!(false)),
        ("require('keyward/ip').contains('203.0.113.0/24', '::ffff:203.0.113.7')", json!(true)),
        ("require('keyward/ip').contains('8000::/1', '203.0.113.7')", json!(false)),
        (
            "require('keyward/ip').matches(event.client.allowlist.entries, event.request.ip)",
            json!(true),
        ),
        (
            "require('keyward/ip').find('10.0.0.0/8 # office\\n10.1.0.0/16', '10.1.2.3')",
            json!("10.1.0.0/16"),
        ),
        (
            "require('ipaddr.js').parse('10.1.2.3').match(require('ipaddr.js').parseCIDR('10.0.0.0/8'))",
            json!(true),
        ),
        ("require('ipaddr.js').parse('::ffff:10.1.2.3').kind()", json!("ipv6")),
        ("require('ipaddr.js').process('::ffff:10.1.2.3').toString()", json!("10.1.2.3")),
        ("require('ipaddr.js').parse('10.1.2.3').range()", json!("private")),
        ("require('ipaddr.js').isValid('0x0a.1.2.3')", json!(false)),
        (
            "['2001:db8::1', '::', '::1', 'fe80::', '1:0:0:2:0:0:0:3', '1::2:0:0:3']
            .map((text) => require('ipaddr.js').parse(text).toString())",
            json!(["2001:db8::1", "::", "::1", "fe80::", "1:0:0:2::3", "1::2:0:0:3"]),
        ),
    ] {
        assert_eq!(value(expression), expected, "{expression}");
    }
    let refused = run("require('keyward/ip').matches('10.0.0.1/8', '10.0.0.1')");
    let failure = refused.failure.unwrap();
    assert_eq!(failure.name, "AddressError");
    assert!(failure.message.starts_with("line 1: `10.0.0.1/8` has host bits set"), "{failure:?}");
}

#[test]
fn the_cache_tells_what_it_did() {
    let report = run("const seen = [api.cache.get('a'), api.cache.set('a', '1', { ttl: 5000 }),
            api.cache.set('k'.repeat(65), ''), api.cache.set('b', 'x'.repeat(5000)),
            api.cache.set('b', 5), api.cache.set('b', '', { ttl: 'x' }),
            api.cache.set('b', '', { ttl: 9, expires_at: 1 }), api.cache.get('a').value,
            api.cache.delete('a'), api.cache.delete('a'), api.cache.set('c', '2')];
         api.accessToken.setCustomClaim('v', seen.slice(1));");
    assert_eq!(report.failure, None);
    let seen: serde_json::Value = serde_json::from_str(&report.claims[0].1).unwrap();
    let error = |code: &str| json!({ "type": "error", "code": code });
    assert_eq!(
        seen,
        json!([
            { "type": "success", "record": { "value": "1", "expires_at": 1_005_000 } },
            error("CacheKeySizeExceeded"), error("CacheValueSizeExceeded"),
            error("FailedToSetCacheRecord"), error("InvalidExpiry"), error("ItemAlreadyExpired"),
            "1", { "type": "success" }, error("CacheKeyDoesNotExist"),
            { "type": "success", "record": { "value": "2", "expires_at": 1_900_000 } },
        ])
    );
    assert_eq!(report.cache.len(), 3);
    assert!(matches!(&report.cache[1], CacheWrite::Delete(key) if key == "a"));
    let flood = run(
        "for (let i = 0; i < 100; i++) api.cache.set('a', String(i));
        if (api.cache.set('b', '').code !== 'MaxSideEffectsExceeded') throw new Error('no limit');",
    );
    assert_eq!(flood.failure, None);
}

#[test]
fn nothing_is_done_half() {
    for attempt in [
        "new Date().toLocaleString('en-US', { timeZone: 'America/New_York' })",
        "(5).toLocaleString('en-US', { style: 'percent' })",
        "new TextDecoder('utf-16le')",
    ] {
        assert_eq!(failure(&run(attempt)).0, FailureKind::Threw, "{attempt}");
    }
    assert_eq!(value("new Date(0).toLocaleDateString('en-US')"), json!("01/01/1970"));
    for reason in ["Object.create(null)", "{ toString() { throw 1 } }", "Symbol('x')"] {
        let body = format!("try {{ api.access.deny('invalid_request', {reason}) }} catch {{}}");
        assert!(run(&body).denied.is_some(), "{reason}");
        let body = format!("try {{ api.access.deny({reason}) }} catch {{}}");
        assert_eq!(failure(&run(&body)).0, FailureKind::Misuse, "{reason}");
    }
}

#[test]
fn scopes_are_live() {
    let report = run("api.transaction.removeTargetScope('a'); api.transaction.addTargetScope('c');
         api.accessToken.setCustomClaim('v', event.transaction.target_scopes);");
    assert_eq!(report.scopes, Some(vec!["b".to_owned(), "c".to_owned()]));
    assert_eq!(report.claims[0].1, r#"["b","c"]"#);
    assert_eq!(failure(&run("api.transaction.addTargetScope('two words')")).0, FailureKind::Misuse);
}

#[test]
fn the_console_is_bounded_and_never_throws() {
    let report = run("for (let i = 0; i < 1000; i++) console.warn('x'.repeat(9999));");
    assert!(report.console.len() < 256 && report.console_dropped > 700);
    assert!(report.console.iter().all(|line| line.text.len() <= 2048));
    let report = run(
        "const a = {}; a.a = a; console.log(a, [a], new Map([[1, a]]), () => 1, 5n, Symbol('s'),
            { get x() { throw 1 } });
         console.log({ toString() { throw 1 } }, Object.create(null), new Error('e').message);
         console.error('%s is %d%%, %j', 'x', '5', { a: 1 }, 'more');",
    );
    assert_eq!(report.failure, None);
    let texts: Vec<_> = report.console.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts[0], "(what was written cannot be shown)");
    assert_eq!(texts[2], "x is 5%, {\"a\":1} more");
}

#[test]
fn runs_share_nothing() {
    let mut engine = engine();
    let code = "globalThis.count = (globalThis.count || 0) + 1; let top = globalThis.count;
        exports.onExecuteCredentialsExchange = async (event, api) => {
            top += 1; event.client.name = 'changed'; require('crypto').mark = 1;
            api.accessToken.setCustomClaim('v', [count, top, require('crypto').mark]);
        };";
    engine.load("s".to_owned(), code).unwrap();
    for _ in 0..3 {
        let report = engine.run(request(&event()));
        assert_eq!(report.claims[0].1, "[1,2,null]");
        engine.prepare();
    }
}
