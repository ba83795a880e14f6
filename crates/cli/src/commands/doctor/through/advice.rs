//! What to change in which program.

/// What is wrong with a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The address is not the caller's, or there is none.
    Address,
    /// Anybody may speak the PROXY protocol.
    ProxyHeader,
    /// It is a balancer's.
    Balancer,
    /// Method or path are the caller's word.
    Request,
    /// Identity headers are the caller's word, or get lost.
    Identity,
    /// Another protocol is taken up past Keyward.
    Protocol,
    /// CONNECT leads past Keyward.
    Tunnel,
    /// Refusals do not arrive as they are.
    Refusals,
    /// Without an answer of Keyward the door is open, or waits for long.
    Absence,
    /// A cache answers for Keyward.
    Cache,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Nginx,
    Haproxy,
    Apache,
    Caddy,
    Traefik,
    Envoy,
    Other,
}

/// The advice for one kind of gateway.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advice(Family);

impl Advice {
    pub(super) fn for_kind(kind: &str) -> Self {
        Self(match kind {
            "nginx" | "ingress-nginx" => Family::Nginx,
            "haproxy" => Family::Haproxy,
            "apache" => Family::Apache,
            "caddy" => Family::Caddy,
            "traefik" => Family::Traefik,
            "envoy-grpc" | "envoy-http" | "istio" | "gateway-api" | "gateway-api-grpc" => {
                Family::Envoy
            }
            _ => Family::Other,
        })
    }

    /// What to change.
    pub(super) const fn on(self, subject: Subject) -> &'static str {
        match subject {
            Subject::Address => self.address(),
            Subject::ProxyHeader => self.proxy_header(),
            Subject::Balancer => self.balancer(),
            Subject::Request => self.request(),
            Subject::Identity => self.identity(),
            Subject::Protocol => self.protocol(),
            Subject::Tunnel => self.tunnel(),
            Subject::Refusals => self.refusals(),
            Subject::Absence => self.absence(),
            Subject::Cache => self.cache(),
        }
    }

    const fn address(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "in the location that asks Keyward, `proxy_set_header X-Real-IP $remote_addr;` and \
                 nothing of the caller's; `set_real_ip_from` names only your own balancers"
            }
            Family::Haproxy => {
                "take X-Real-IP from `src`, and use `set-src` or `expect-proxy` only `if { src \
                 BALANCER }`"
            }
            Family::Apache => {
                "take X-Real-IP from `r.useragent_ip`; `RemoteIPInternalProxy` names only your own \
                 balancers"
            }
            Family::Caddy => {
                "in forward_auth, `header_up X-Real-IP {client_ip}`; `trusted_proxies` names only \
                 your own balancers, with `trusted_proxies_strict`"
            }
            Family::Traefik => {
                "`trustForwardHeader: false`, or `forwardedHeaders.trustedIPs` with only your own \
                 balancers in it; never `insecure: true`"
            }
            Family::Envoy => {
                "`use_remote_address: true` without `xff_num_trusted_hops`; behind a balancer, \
                 `xff_trusted_cidrs` with only its networks in it"
            }
            Family::Other => {
                "write the address of the connection into the header that Keyward reads, whatever \
                 the caller has written there"
            }
        }
    }

    const fn proxy_header(self) -> &'static str {
        match self.0 {
            Family::Nginx => "`set_real_ip_from` names only your own balancers",
            Family::Haproxy => {
                "`tcp-request connection expect-proxy layer4 if { src BALANCER }` in place of \
                 `accept-proxy`"
            }
            Family::Apache => {
                "`RemoteIPProxyProtocolExceptions` for everybody but the balancer, as the guide \
                 writes it"
            }
            Family::Caddy => "`allow` in `proxy_protocol`, with only your own balancers in it",
            Family::Traefik => "`proxyProtocol.trustedIPs` names only your own balancers",
            Family::Envoy => {
                "`filter_chain_match` with `direct_source_prefix_ranges` that hold only your own \
                 balancers"
            }
            Family::Other => "take a PROXY header only from your own balancers",
        }
    }

    const fn balancer(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "tell nginx about the balancer: `set_real_ip_from`, `real_ip_header` and \
                 `real_ip_recursive on`"
            }
            Family::Haproxy => {
                "tell HAProxy about the balancer: `http-request set-src req.hdr_ip(x-forwarded-for,\
                 -1) if { src BALANCER }`, or `expect-proxy`"
            }
            Family::Apache => {
                "tell Apache about the balancer: `RemoteIPHeader` and `RemoteIPInternalProxy`"
            }
            Family::Caddy => {
                "tell Caddy about the balancer: `trusted_proxies` and `trusted_proxies_strict`"
            }
            Family::Traefik => {
                "tell Traefik about the balancer: `proxyProtocol.trustedIPs`, or \
                 `forwardedHeaders.trustedIPs` with `trustForwardHeader: true`"
            }
            Family::Envoy => {
                "tell Envoy about the balancer: `xff_trusted_cidrs`, and over gRPC the metadata \
                 x-client-ip; or the PROXY protocol"
            }
            Family::Other => "tell the gateway about the balancer, or Keyward about its networks",
        }
    }

    const fn request(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "in the location that asks Keyward, set X-Original-Method to $request_method and \
                 X-Original-URI to $request_uri"
            }
            Family::Traefik => {
                "`trustForwardHeader: false`, or a balancer that writes \
                 X-Forwarded-Method and X-Forwarded-Uri itself"
            }
            Family::Haproxy | Family::Apache | Family::Caddy | Family::Envoy | Family::Other => {
                "have the gateway write the method and the path of the question \
                 itself"
            }
        }
    }

    const fn identity(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "for each header of the identity, `auth_request_set` and `proxy_set_header` in the \
                 location that passes the request on"
            }
            Family::Haproxy => {
                "`http-request del-header` for the headers of the identity, in both spellings, \
                 before Keyward is asked, and `Connection` rewritten"
            }
            Family::Apache => {
                "`RequestHeader unset … early` for the headers of the identity, in both spellings, \
                 and `Connection` rewritten in the script"
            }
            Family::Caddy => {
                "name each header of the identity in `copy_headers`, and again with `header_up` in \
                 `reverse_proxy`"
            }
            Family::Traefik => {
                "name each header of the identity in `authResponseHeaders`, and take out the \
                 spellings with `_` by `customRequestHeaders`"
            }
            Family::Envoy => {
                "over HTTP, name each header of the identity in `allowed_upstream_headers`; \
                 `headers_with_underscores_action: DROP_HEADER`"
            }
            Family::Other => {
                "write each header of the identity yourself, and take out what the caller wrote \
                 there, also spelled with `_`"
            }
        }
    }

    const fn protocol(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "`map $http_upgrade $kw_upgrade { default \"\"; ~*^websocket$ websocket; }` and \
                 `proxy_set_header Upgrade $kw_upgrade;`"
            }
            Family::Haproxy => {
                "`http-request del-header Upgrade` unless it is `websocket`, as in the guide"
            }
            Family::Apache => {
                "take `Upgrade` out in the script unless it is `websocket`, as in the guide"
            }
            Family::Caddy => {
                "`@another_protocol not vars_regexp {header.Upgrade} (?i)^websocket$` and \
                 `request_header @another_protocol -Upgrade`"
            }
            Family::Traefik => {
                "take `Upgrade` out by `customRequestHeaders`, but on a router for WebSocket, as \
                 in the guide"
            }
            Family::Envoy => "only `upgrade_type: websocket` in `upgrade_configs`",
            Family::Other => "take `Upgrade` out of what callers send unless it is `websocket`",
        }
    }

    const fn tunnel(self) -> &'static str {
        match self.0 {
            Family::Haproxy => {
                "`http-request deny deny_status 405 if METH_CONNECT`, before anything else in the \
                 frontend"
            }
            Family::Apache => "`if r.method == \"CONNECT\" then return 405 end` in the script",
            Family::Caddy => "`@connect method CONNECT` and `respond @connect 405`",
            Family::Nginx | Family::Traefik | Family::Envoy | Family::Other => {
                "refuse the method CONNECT at the gateway"
            }
        }
    }

    const fn refusals(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "`auth_request` passes on 401 and 403 alone: take the status from X-Auth-Status, \
                 as the guide's `@denied` does, and `keyward gateway edit NAME --deny-style auth-status`"
            }
            Family::Haproxy | Family::Apache => {
                "take the status from X-Auth-Status when Keyward answers 403, as the guide's \
                 script does"
            }
            Family::Caddy | Family::Traefik | Family::Envoy | Family::Other => {
                "pass on Keyward's status, WWW-Authenticate and Retry-After as they are"
            }
        }
    }

    const fn absence(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "no `error_page 500` to a location that answers 2xx or proxies; \
                 `proxy_connect_timeout` and `proxy_read_timeout` in the location that asks Keyward"
            }
            Family::Haproxy => {
                "`http-request deny … unless { var(txn.keyward) -m str allowed }`, and a `timeout \
                 server` in `listen keyward`"
            }
            Family::Apache => "refuse whatever is not 200, and give the script's socket a timeout",
            Family::Caddy => {
                "no `handle_response` or `handle_errors` that lets requests on; `dial_timeout` and \
                 `response_header_timeout` in forward_auth"
            }
            Family::Traefik => {
                "no `errors` middleware that lets requests on. Traefik waits 30 s, which cannot be \
                 set: keep Keyward near it, and more than one node"
            }
            Family::Envoy => {
                "`failure_mode_allow: false` and a `timeout`; `status_on_error` to tell it apart"
            }
            Family::Other => "let in on exactly 200, refuse everything else, and set a timeout",
        }
    }

    const fn cache(self) -> &'static str {
        match self.0 {
            Family::Nginx => {
                "no `proxy_cache` for the check, or one with the credential and $remote_addr in \
                 `proxy_cache_key` and a life of seconds"
            }
            Family::Haproxy
            | Family::Apache
            | Family::Caddy
            | Family::Traefik
            | Family::Envoy
            | Family::Other => {
                "keep no answers of Keyward, which forbids it (`Cache-Control: no-store`), or keep \
                 them by credential and client address, for seconds"
            }
        }
    }
}
