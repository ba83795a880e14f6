//! What passes without a credential: preflight requests and public paths, both off unless the
//! gateway turns them on.
//!
//! A public path is compared as a whole and as it was sent, up to its query. A path that another
//! program could read as something else (escapes, dot segments, doubled slashes, parameters,
//! fragments, backslashes, another case) is equal to none that can be configured, so it is
//! protected.

use super::Gateway;

/// Why a request needs no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// A browser asks whether it may ask (Fetch, CORS-preflight).
    Preflight,
    /// The path is public.
    PublicPath,
}

impl Opening {
    /// A stable word for logs and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Preflight => "preflight",
            Self::PublicPath => "public_path",
        }
    }
}

/// What a caller asked for, as the gateway tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked<'a> {
    /// The method.
    pub method: Option<&'a str>,
    /// The request target: path and query.
    pub target: Option<&'a str>,
    /// Whether it has both headers of a preflight: `Origin` and `Access-Control-Request-Method`.
    pub has_preflight_headers: bool,
}

impl Gateway {
    /// Whether something passes here without a credential, at least sometimes.
    #[must_use]
    pub fn has_openings(&self) -> bool {
        self.allow_preflight || !self.public_paths.is_empty()
    }

    /// Why this request needs no credential; `None` when it does.
    #[must_use]
    pub fn opening(&self, asked: &Asked<'_>) -> Option<Opening> {
        if self.allow_preflight && asked.has_preflight_headers && asked.method == Some("OPTIONS") {
            return Some(Opening::Preflight);
        }
        let target = asked.target?;
        let path = target.split('?').next().unwrap_or_default();
        // A fragment is never sent by whoever means well.
        let public = !target.contains('#') && self.public_paths.iter().any(|known| known == path);
        public.then_some(Opening::PublicPath)
    }
}

/// Whether a path may be configured as public: absolute, and in the one form that no program
/// rewrites.
#[must_use]
pub fn is_normal_path(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,=:@".contains(&b);
    let is_dots = |segment: &str| segment == "." || segment == "..";
    path.starts_with('/')
        && !path.contains("//")
        && path.bytes().all(plain)
        && !path.split('/').any(is_dots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::GatewayKind;
    use crate::id::GatewayId;
    use crate::time::Timestamp;

    fn gateway() -> Gateway {
        let id = GatewayId::parse("edge").unwrap();
        Gateway::new(id, GatewayKind::Nginx, Timestamp::default())
    }

    fn asked<'a>(method: &'a str, target: &'a str) -> Asked<'a> {
        Asked { method: Some(method), target: Some(target), has_preflight_headers: false }
    }

    #[test]
    fn nothing_is_open_unless_it_was_opened() {
        let gateway = gateway();
        assert!(!gateway.has_openings());
        let preflight = Asked { has_preflight_headers: true, ..asked("OPTIONS", "/") };
        assert_eq!(gateway.opening(&preflight), None);
        assert_eq!(gateway.opening(&asked("GET", "/")), None);
    }

    #[test]
    fn a_preflight_has_its_method_and_both_headers() {
        let mut gateway = gateway();
        gateway.allow_preflight = true;
        let preflight = Asked { has_preflight_headers: true, ..asked("OPTIONS", "/orders") };
        assert_eq!(gateway.opening(&preflight), Some(Opening::Preflight));
        for other in [
            asked("OPTIONS", "/orders"),
            Asked { method: Some("POST"), ..preflight },
            Asked { method: Some("options"), ..preflight },
            Asked { method: None, ..preflight },
        ] {
            assert_eq!(gateway.opening(&other), None, "{other:?}");
        }
    }

    #[test]
    fn forward_auth_012_to_024_a_public_path_is_exactly_that_path() {
        let mut gateway = gateway();
        gateway.public_paths = vec!["/public".to_owned()];
        for (target, open) in [
            ("/public", true),
            ("/public/../admin", false),
            ("/public/%2e%2e/admin", false),
            ("/public%2f..%2fadmin", false),
            ("//admin", false),
            ("/admin;x=1", false),
            ("/ADMIN", false),
            ("/admin/.", false),
            ("/admin%00", false),
            ("/adm%69n", false),
            ("/public#/../admin", false),
            ("/public?x=/../admin", true),
            ("/public\\..\\admin", false),
            ("/public/", false),
            ("/Public", false),
            ("/public;x=1", false),
            ("/%70ublic", false),
            ("//public", false),
            ("/./public", false),
            ("/public%3Fx", false),
            ("/public?a#b", false),
            ("", false),
            ("*", false),
        ] {
            let opening = gateway.opening(&asked("GET", target));
            assert_eq!(opening.is_some(), open, "{target}");
        }
        let unknown = Asked { target: None, ..asked("GET", "") };
        assert_eq!(gateway.opening(&unknown), None);
    }

    #[test]
    fn only_paths_in_normal_form_can_be_configured() {
        for good in ["/", "/public", "/a/b.html", "/a/", "/v1/health-check", "/a/...", "/~x"] {
            assert!(is_normal_path(good), "{good}");
        }
        for bad in [
            "", "public", "//", "//a", "/a//b", "/a/./b", "/..", "/a/..", "/%61", "/a;b", "/a?b",
            "/a#b", "/a\\b", "/é", "/a b", "/a\n",
        ] {
            assert!(!is_normal_path(bad), "{bad}");
        }
    }
}
