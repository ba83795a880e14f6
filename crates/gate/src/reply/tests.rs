use std::sync::Arc;

use keyward_core::decision::Shown;
use keyward_core::id::{ClientId, SecretId};

use super::*;

fn permit(scope: &str) -> Permit {
    Permit {
        client: ClientId::parse("01234567890123456789").unwrap(),
        account: None,
        scope: Arc::from(scope),
        client_ip: None,
        api: None,
        shown: Shown::Secret(SecretId(1)),
        flow: None,
        confirmation: None,
        once: None,
        would_deny: None,
        token: None,
        revision: 1,
    }
}

#[track_caller]
fn check_scope(scope: &str, expected: Option<&str>) {
    let identity = Identity::of(&permit(scope), RequestId::random(), None);
    let value = identity.map(|identity| identity.0[X_CLIENT_SCOPE].to_str().unwrap().to_owned());
    assert_eq!(value.as_deref(), expected);
}

#[test]
fn what_is_void_is_a_dash() {
    let identity = Identity::of(&permit(""), RequestId::random(), None).unwrap();
    for name in [X_ACCOUNT_ID, X_CLIENT_SCOPE, X_CLIENT_IP, X_CLIENT_ASSERTION] {
        assert_eq!(identity.0[&name], "-", "{name}");
    }
    assert_eq!(identity.0[X_CLIENT_ID], "01234567890123456789");
}

#[test]
fn scopes_stand_in_a_header_or_not_at_all() {
    check_scope("a b:c", Some("a b:c"));
    check_scope("a b\r\nx-client-id:me c", Some("a c"));
    check_scope("é", Some("-"));
    check_scope(&"s".repeat(IDENTITY_BYTES_MAX / 2), Some(&"s".repeat(IDENTITY_BYTES_MAX / 2)));
    check_scope(&"s".repeat(IDENTITY_BYTES_MAX), None);
}

#[test]
fn every_class_has_a_refusal_in_every_style() {
    let classes = [
        Class::BadRequest,
        Class::Challenge,
        Class::Unauthorized,
        Class::Forbidden,
        Class::TooMany,
        Class::Unavailable,
    ];
    let statuses = |form: fn(Class) -> Refusal| classes.map(|class| form(class).status.as_u16());
    assert_eq!(statuses(bare), [401, 401, 401, 403, 429, 503]);
    assert_eq!(statuses(auth_status), [401, 401, 401, 403, 403, 403]);
    assert_eq!(statuses(full), [400, 401, 401, 403, 429, 503]);
}

#[test]
fn a_program_that_knows_two_statuses_is_told_the_others_in_a_header() {
    for (class, status) in [(Class::TooMany, "429"), (Class::Unavailable, "503")] {
        let response = auth_status(class).into_http(RequestId::random());
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["x-auth-status"], status);
        assert_eq!(response.headers()["retry-after"], "1");
    }
    let plain = auth_status(Class::Forbidden).into_http(RequestId::random());
    assert!(!plain.headers().contains_key("x-auth-status"));
}

#[test]
fn the_identity_is_told_in_all_its_headers_and_their_order() {
    let identity = Identity::nobody(None, RequestId::random()).unwrap();
    let names: Vec<&str> = identity.headers().keys().map(HeaderName::as_str).collect();
    assert_eq!(names, keyward_core::gateway::IDENTITY_HEADERS);
}
