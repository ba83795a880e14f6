//! Which program a gateway is, and what follows from that.

use keyward_allowlist::Source;

use super::DenyStyle;

/// How a gateway asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// An HTTP request to `/v1/check/{gateway}`.
    Http,
    /// Envoy's `envoy.service.auth.v3.Authorization/Check`.
    Grpc,
}

/// Where a check over HTTP says what the caller asked for. Only headers that the program sets
/// itself, in the recipes, are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OriginalRequest {
    /// In headers.
    Headers {
        /// The method.
        method: &'static str,
        /// The request target.
        target: &'static str,
        /// Whether the target is a whole URL rather than a path.
        is_url: bool,
    },
    /// In the request line: its method, and what follows `/v1/check/{gateway}`.
    RequestLine,
}

/// Where a check over HTTP says at which scheme and host the caller asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OriginalPlace {
    /// In headers.
    Headers {
        /// The scheme.
        scheme: &'static str,
        /// The host, with its port unless it is the scheme's own.
        host: &'static str,
    },
    /// In the URL that [`OriginalRequest`] has.
    Url,
    /// The scheme in a header, and the host where the question's own stands.
    OwnHost {
        /// The header.
        scheme: &'static str,
    },
    /// Nowhere that could be believed.
    Nowhere,
}

/// How a client certificate is spelled in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateForm {
    /// RFC 9440: base64 of DER between colons.
    ByteSequence,
    /// PEM, URL-encoded.
    EscapedPem,
    /// What stands between the first and last line of PEM, in one line, perhaps URL-encoded.
    EscapedBase64,
    /// The `Cert` of Envoy's `x-forwarded-client-cert`.
    Xfcc,
}

/// A program that can stand in front of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GatewayKind {
    /// nginx with `auth_request`.
    Nginx,
    /// The ingress controller of Kubernetes that is made of nginx.
    IngressNginx,
    /// HAProxy with Lua.
    Haproxy,
    /// Apache's httpd with `mod_lua`.
    Apache,
    /// Caddy's `forward_auth`.
    Caddy,
    /// Traefik's `ForwardAuth`.
    Traefik,
    /// Apache APISIX's `forward-auth`.
    Apisix,
    /// Kong with a plugin that asks like Traefik.
    Kong,
    /// Envoy's `ext_authz` over HTTP.
    EnvoyHttp,
    /// The Gateway API's `ExternalAuth` over HTTP.
    GatewayApi,
    /// Envoy's `ext_authz` over gRPC.
    EnvoyGrpc,
    /// Istio's `envoyExtAuthzGrpc`.
    Istio,
    /// The Gateway API's `ExternalAuth` over gRPC.
    GatewayApiGrpc,
    /// The tower layer of `keyward-gate`.
    Tower,
    /// A program that asks by itself, such as a web application.
    Application,
}

/// Names, older or longer names, and what people call the program.
const NAMES: &[(GatewayKind, &[&str], &str)] = &[
    (GatewayKind::Nginx, &["nginx"], "nginx"),
    (GatewayKind::IngressNginx, &["ingress-nginx"], "ingress-nginx"),
    (GatewayKind::Haproxy, &["haproxy", "haproxy-lua"], "HAProxy"),
    (GatewayKind::Apache, &["apache", "httpd"], "Apache"),
    (GatewayKind::Caddy, &["caddy"], "Caddy"),
    (GatewayKind::Traefik, &["traefik"], "Traefik"),
    (GatewayKind::Apisix, &["apisix"], "APISIX"),
    (GatewayKind::Kong, &["kong", "kong-like"], "Kong"),
    (GatewayKind::EnvoyHttp, &["envoy-http"], "Envoy"),
    (GatewayKind::GatewayApi, &["gateway-api"], "the Gateway API"),
    (GatewayKind::EnvoyGrpc, &["envoy-grpc", "envoy"], "Envoy"),
    (GatewayKind::Istio, &["istio"], "Istio"),
    (GatewayKind::GatewayApiGrpc, &["gateway-api-grpc"], "the Gateway API"),
    (GatewayKind::Tower, &["tower"], "the tower layer"),
    (GatewayKind::Application, &["application"], "the application"),
];

/// Why a header is no source for a program.
const NOT_SET: &str = "this program does not set it, so the caller could";

impl GatewayKind {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().and_then(|(_, names, _)| names.first().copied()).unwrap_or_default()
    }

    /// What people call the program.
    #[must_use]
    pub fn title(self) -> &'static str {
        self.row().map_or("", |(_, _, title)| title)
    }

    /// Reads the word, or another name for the same.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        NAMES.iter().find(|(_, names, _)| names.contains(&text)).map(|(kind, ..)| *kind)
    }

    /// All kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(kind, ..)| *kind)
    }

    fn row(self) -> Option<&'static (Self, &'static [&'static str], &'static str)> {
        NAMES.iter().find(|(kind, ..)| *kind == self)
    }

    /// How it asks.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::EnvoyGrpc | Self::Istio | Self::GatewayApiGrpc => Protocol::Grpc,
            Self::Nginx
            | Self::IngressNginx
            | Self::Haproxy
            | Self::Apache
            | Self::Caddy
            | Self::Traefik
            | Self::Apisix
            | Self::Kong
            | Self::EnvoyHttp
            | Self::GatewayApi
            | Self::Tower
            | Self::Application => Protocol::Http,
        }
    }

    /// Where its checks over HTTP say what the caller asked for.
    #[must_use]
    pub const fn original_request(self) -> OriginalRequest {
        match self {
            Self::Nginx | Self::Haproxy | Self::Apache | Self::Tower | Self::Application => {
                OriginalRequest::Headers {
                    method: "x-original-method",
                    target: "x-original-uri",
                    is_url: false,
                }
            }
            Self::IngressNginx => OriginalRequest::Headers {
                method: "x-original-method",
                target: "x-original-url",
                is_url: true,
            },
            Self::Caddy | Self::Traefik | Self::Apisix | Self::Kong => OriginalRequest::Headers {
                method: "x-forwarded-method",
                target: "x-forwarded-uri",
                is_url: false,
            },
            Self::EnvoyHttp
            | Self::GatewayApi
            | Self::EnvoyGrpc
            | Self::Istio
            | Self::GatewayApiGrpc => OriginalRequest::RequestLine,
        }
    }

    /// Where its checks over HTTP say at which scheme and host the caller asked.
    #[must_use]
    pub const fn original_place(self) -> OriginalPlace {
        match self {
            Self::Nginx | Self::Haproxy | Self::Apache | Self::Tower | Self::Application => {
                OriginalPlace::Headers { scheme: "x-original-proto", host: "x-original-host" }
            }
            Self::IngressNginx => OriginalPlace::Url,
            Self::Caddy | Self::Traefik | Self::Apisix | Self::Kong => {
                OriginalPlace::Headers { scheme: "x-forwarded-proto", host: "x-forwarded-host" }
            }
            // Envoy sets it at the edge, whatever the caller wrote.
            Self::EnvoyHttp => OriginalPlace::OwnHost { scheme: "x-forwarded-proto" },
            // The Gateway API has no way to add what the caller cannot write.
            Self::GatewayApi | Self::EnvoyGrpc | Self::Istio | Self::GatewayApiGrpc => {
                OriginalPlace::Nowhere
            }
        }
    }

    /// In which header its checks over HTTP tell the caller's client certificate, and how.
    #[must_use]
    pub const fn client_certificate(self) -> Option<(&'static str, CertificateForm)> {
        match self {
            Self::Nginx => Some(("x-ssl-client-cert", CertificateForm::EscapedPem)),
            Self::Haproxy | Self::Apache | Self::Caddy | Self::Tower | Self::Application => {
                Some(("client-cert", CertificateForm::ByteSequence))
            }
            Self::Traefik => Some(("x-forwarded-tls-client-cert", CertificateForm::EscapedBase64)),
            Self::EnvoyHttp => Some(("x-forwarded-client-cert", CertificateForm::Xfcc)),
            // The controller sets its header where it asks for certificates, and passes the caller's
            // own on where it does not.
            Self::IngressNginx
            | Self::Apisix
            | Self::Kong
            | Self::GatewayApi
            | Self::EnvoyGrpc
            | Self::Istio
            | Self::GatewayApiGrpc => None,
        }
    }

    /// How its refusals are written unless the gateway says otherwise.
    #[must_use]
    pub const fn deny_style(self) -> DenyStyle {
        match self {
            Self::Nginx | Self::IngressNginx | Self::Haproxy | Self::Apache => {
                DenyStyle::AuthStatus
            }
            Self::Caddy
            | Self::Traefik
            | Self::Apisix
            | Self::Kong
            | Self::EnvoyHttp
            | Self::GatewayApi
            | Self::EnvoyGrpc
            | Self::Istio
            | Self::GatewayApiGrpc
            | Self::Tower
            | Self::Application => DenyStyle::Full,
        }
    }

    /// The address source of its recipe.
    #[must_use]
    pub fn usual_source(self) -> Source {
        match self {
            Self::Traefik | Self::Apisix | Self::Kong | Self::GatewayApi => Source::XForwardedFor,
            Self::EnvoyGrpc | Self::Istio | Self::GatewayApiGrpc => Source::SourceAddress,
            Self::Nginx
            | Self::IngressNginx
            | Self::Haproxy
            | Self::Apache
            | Self::Caddy
            | Self::EnvoyHttp
            | Self::Tower
            | Self::Application => Source::SingleHeader("x-real-ip".to_owned()),
        }
    }

    /// Why an address source cannot be used with it; `None` when it can.
    #[must_use]
    pub fn objection_to(self, source: &Source) -> Option<&'static str> {
        match (self.protocol(), source) {
            (
                Protocol::Grpc,
                Source::SourceAddress | Source::Metadata(_) | Source::XForwardedFor,
            )
            | (Protocol::Http, Source::Peer | Source::XForwardedFor | Source::ProxyProtocol) => {
                None
            }
            // Security: in a CheckRequest these are the caller's own headers.
            (Protocol::Grpc, Source::SingleHeader(_) | Source::Forwarded) => {
                Some("an authorization call carries the caller's own header of that name")
            }
            (Protocol::Grpc, Source::Peer | Source::ProxyProtocol) => {
                Some("the peer of an authorization call is the gateway itself")
            }
            (Protocol::Http, Source::SourceAddress | Source::Metadata(_)) => {
                Some("only authorization calls over gRPC have it")
            }
            // Security: Traefik and APISIX set X-Forwarded-For and leave X-Real-IP to the caller.
            (Protocol::Http, Source::SingleHeader(_)) => {
                matches!(self, Self::Traefik | Self::Apisix).then_some(NOT_SET)
            }
            (Protocol::Http, Source::Forwarded) => {
                matches!(self, Self::Traefik | Self::Apisix | Self::Caddy).then_some(NOT_SET)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::parse_source;

    #[test]
    fn names_read_back_and_are_unique() {
        for kind in GatewayKind::all() {
            assert_eq!(GatewayKind::parse(kind.name()), Some(kind));
            assert!(!kind.title().is_empty());
        }
        let all: Vec<&str> = NAMES.iter().flat_map(|(_, names, _)| names.iter().copied()).collect();
        let unique: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!((all.len(), NAMES.len()), (unique.len(), 15));
        assert_eq!(GatewayKind::parse("haproxy-lua"), Some(GatewayKind::Haproxy));
        assert_eq!(GatewayKind::parse("envoy"), Some(GatewayKind::EnvoyGrpc));
        assert_eq!(GatewayKind::parse("Nginx"), None);
    }

    #[test]
    fn every_kind_may_use_its_usual_source() {
        for kind in GatewayKind::all() {
            assert_eq!(kind.objection_to(&kind.usual_source()), None, "{kind:?}");
        }
    }

    #[test]
    fn what_the_caller_can_write_is_no_source() {
        for (kind, source) in [
            ("envoy-grpc", "x-real-ip"),
            ("envoy-grpc", "forwarded"),
            ("envoy-grpc", "peer"),
            ("istio", "proxy-protocol"),
            ("traefik", "x-real-ip"),
            ("apisix", "x-real-ip"),
            ("traefik", "forwarded"),
            ("apisix", "forwarded"),
            ("caddy", "forwarded"),
            ("nginx", "metadata"),
            ("caddy", "source-address"),
        ] {
            let kind = GatewayKind::parse(kind).unwrap();
            assert!(
                kind.objection_to(&parse_source(source).unwrap()).is_some(),
                "{kind:?} {source}"
            );
        }
    }
}
