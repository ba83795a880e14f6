//! What somebody may write of a gateway, and the rules for it.

use keyward_allowlist::{Network, Source};

use super::opening::is_normal_path;
use super::{
    CertificateName, DenyStyle, Disclosure, Gateway, GatewayAuth, GatewayKind, Protocol,
    source_name,
};
use crate::api::patch::IDENTIFIER_CHARS_MAX;
use crate::client::State;
use crate::client::patch::set;
use crate::client::secrets::{remove_secret, rotate};
use crate::id::SecretId;
use crate::invalid::{Faults, Invalid};
use crate::secret::ClientSecret;
use crate::time::Timestamp;

/// The most networks of each of a gateway's lists.
pub const NETWORKS_MAX: usize = 1_000;
/// The most certificate names of a gateway.
pub const CERTIFICATES_MAX: usize = 100;
/// The most required scopes of a gateway.
pub const REQUIRED_SCOPES_MAX: usize = 100;
/// The most public paths of a gateway.
pub const PUBLIC_PATHS_MAX: usize = 100;
/// The most characters of a public path.
pub const PUBLIC_PATH_CHARS_MAX: usize = 500;

/// Changes to a gateway; `None` leaves a field alone. Id and kind never change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatewayPatch {
    /// See [`Gateway::state`].
    pub state: Option<State>,
    /// See [`super::ClientAddress::source`].
    pub source: Option<Source>,
    /// See [`super::ClientAddress::trusted`].
    pub trusted: Option<Vec<Network>>,
    /// See [`GatewayAuth::peers`].
    pub peers: Option<Vec<Network>>,
    /// See [`GatewayAuth::unix`].
    pub unix: Option<bool>,
    /// See [`GatewayAuth::token`].
    pub token: Option<bool>,
    /// See [`GatewayAuth::certificates`].
    pub certificates: Option<Vec<CertificateName>>,
    /// See [`Gateway::required_audience`].
    pub required_audience: Option<Option<String>>,
    /// See [`Gateway::required_scopes`].
    pub required_scopes: Option<Vec<String>>,
    /// See [`Gateway::disclosure`].
    pub disclosure: Option<Option<Disclosure>>,
    /// See [`Gateway::deny_style`].
    pub deny_style: Option<Option<DenyStyle>>,
    /// See [`Gateway::allow_preflight`].
    pub allow_preflight: Option<bool>,
    /// See [`Gateway::public_paths`].
    pub public_paths: Option<Vec<String>>,
    /// See [`Gateway::assertion`].
    pub assertion: Option<bool>,
    /// See [`Gateway::hide_credential`].
    pub hide_credential: Option<bool>,
}

impl Gateway {
    /// Applies a patch.
    ///
    /// # Errors
    /// Everything that is wrong with it; the gateway is to be thrown away then.
    pub fn apply(&mut self, patch: GatewayPatch, now: Timestamp) -> Result<(), Vec<Invalid>> {
        set(&mut self.state, patch.state);
        set(&mut self.client_address.source, patch.source);
        set(&mut self.client_address.trusted, patch.trusted);
        set(&mut self.auth.peers, patch.peers);
        set(&mut self.auth.unix, patch.unix);
        set(&mut self.auth.token, patch.token);
        set(&mut self.auth.certificates, patch.certificates);
        set(&mut self.required_audience, patch.required_audience);
        set(&mut self.required_scopes, patch.required_scopes);
        set(&mut self.disclosure, patch.disclosure);
        set(&mut self.deny_style, patch.deny_style);
        set(&mut self.allow_preflight, patch.allow_preflight);
        set(&mut self.public_paths, patch.public_paths);
        set(&mut self.assertion, patch.assertion);
        set(&mut self.hide_credential, patch.hide_credential);
        if !self.auth.token {
            self.auth.tokens.clear();
        }
        self.updated_at = now;
        self.check()
    }

    /// Adds a token. The ones there end `overlap_s` seconds from now (0: at once).
    ///
    /// # Errors
    /// When too many would be live with it, the overlap is too long, or the gateway asks for none.
    pub fn rotate_token(
        &mut self,
        token: ClientSecret,
        overlap_s: u32,
        now: Timestamp,
    ) -> Result<(), Invalid> {
        if !self.auth.token {
            let message = "this gateway shows no token; set `auth.token` first";
            return Err(Invalid::new("auth.token", "no_token", message));
        }
        rotate(&mut self.auth.tokens, "tokens", token, overlap_s, now)?;
        self.updated_at = now;
        Ok(())
    }

    /// Removes a token; whether there was one. A gateway may be left without any.
    pub fn remove_token(&mut self, id: SecretId, now: Timestamp) -> bool {
        self.updated_at = now;
        remove_secret(&mut self.auth.tokens, id)
    }

    /// Whether everything in it is acceptable.
    ///
    /// # Errors
    /// Everything that is not.
    pub fn check(&self) -> Result<(), Vec<Invalid>> {
        let mut faults = Faults::default();
        self.check_address(&mut faults);
        check_auth(&mut faults, &self.auth);
        if let Some(audience) = &self.required_audience {
            let plain = !audience.is_empty() && audience.bytes().all(|b| b.is_ascii_graphic());
            faults.require(plain, "required.audience", "audience", || {
                "must be the identifier of an API, without blanks".to_owned()
            });
            faults.check_length("required.audience", audience, IDENTIFIER_CHARS_MAX);
        }
        bound(&mut faults, "required.scopes", self.required_scopes.len(), REQUIRED_SCOPES_MAX);
        for (place, scope) in self.required_scopes.iter().enumerate() {
            faults.check_scope(&format!("required.scopes[{place}]"), scope);
        }
        bound(&mut faults, "public_paths", self.public_paths.len(), PUBLIC_PATHS_MAX);
        for (place, path) in self.public_paths.iter().enumerate() {
            let field = format!("public_paths[{place}]");
            faults.check_length(&field, path, PUBLIC_PATH_CHARS_MAX);
            faults.require(is_normal_path(path), &field, "path", || {
                "must be a whole path such as `/health`, without escapes, `//`, `.` and `..` \
                 segments, `;`, `?` and `#`"
                    .to_owned()
            });
        }
        self.check_openings(&mut faults);
        let can_hide = self.kind == GatewayKind::Tower || self.kind.protocol() == Protocol::Grpc;
        faults.require(can_hide || !self.hide_credential, "hide_credential", "kind", || {
            let title = self.kind.title();
            format!(
                "Keyward cannot take the credential out for {title}: it does so by its own settings"
            )
        });
        faults.finish()
    }

    /// Security: Traefik that believes forwarding headers passes the caller's own method and path
    /// on, so whoever writes `X-Forwarded-Uri` would choose a public path.
    fn check_openings(&self, faults: &mut Faults) {
        let believes = self.kind == GatewayKind::Traefik && !self.client_address.trusted.is_empty();
        let message = || {
            "behind a balancer Traefik passes on the caller's own X-Forwarded-Uri and \
             X-Forwarded-Method, so nothing can be let in by them; leave `client_address.trusted` \
             empty (a balancer with the PROXY protocol needs none), or guard every path"
                .to_owned()
        };
        if believes && self.has_openings() {
            let field = if self.allow_preflight { "allow_preflight" } else { "public_paths" };
            faults.push(Invalid::new(field, "forged_path", message()));
        }
    }

    fn check_address(&self, faults: &mut Faults) {
        let source = &self.client_address.source;
        if let Some(objection) = self.kind.objection_to(source) {
            let field = "client_address.source";
            let message = format!(
                "`{}` is no source for {}: {objection}",
                source_name(source),
                self.kind.name()
            );
            faults.push(Invalid::new(field, "source_not_for_kind", message));
        }
        let trusted = self.client_address.trusted.len();
        bound(faults, "client_address.trusted", trusted, NETWORKS_MAX);
        let named = *source != Source::ProxyProtocol || trusted > 0;
        faults.require(named, "client_address.trusted", "empty", || {
            "must name who may send a PROXY header".to_owned()
        });
    }
}

fn check_auth(faults: &mut Faults, auth: &GatewayAuth) {
    let anybody =
        !auth.peers.is_empty() || auth.unix || auth.token || !auth.certificates.is_empty();
    faults.require(anybody, "auth", "empty", || {
        "must say how the gateway shows who it is: `peers`, `unix`, `token` or `certificates`"
            .to_owned()
    });
    bound(faults, "auth.peers", auth.peers.len(), NETWORKS_MAX);
    bound(faults, "auth.certificates", auth.certificates.len(), CERTIFICATES_MAX);
}

fn bound(faults: &mut Faults, field: &str, count: usize, most: usize) {
    faults.require(count <= most, field, "too_many", || format!("has more than {most} items"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::GatewayId;
    use crate::secret::{PepperId, SecretHash};

    fn gateway() -> Gateway {
        let id = GatewayId::parse("edge").unwrap();
        let mut gateway = Gateway::new(id, GatewayKind::Nginx, Timestamp::default());
        gateway.auth.token = true;
        gateway
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Gateway), field: &str) {
        let mut gateway = gateway();
        edit(&mut gateway);
        let faults = gateway.check().unwrap_err();
        assert!(faults.iter().any(|fault| fault.field == field), "{field} not in {faults:?}");
    }

    #[test]
    fn what_cannot_work_is_refused_by_its_field() {
        assert_eq!(gateway().check(), Ok(()));
        refused(|g| g.auth.token = false, "auth");
        refused(|g| g.client_address.source = Source::SourceAddress, "client_address.source");
        refused(|g| g.client_address.source = Source::ProxyProtocol, "client_address.trusted");
        refused(|g| g.required_audience = Some(String::new()), "required.audience");
        refused(|g| g.required_audience = Some("a b".to_owned()), "required.audience");
        refused(|g| g.required_scopes = vec!["a b".to_owned()], "required.scopes[0]");
        refused(
            |g| g.public_paths = vec!["/a".to_owned(), "/a/../b".to_owned()],
            "public_paths[1]",
        );
        let network: Network = "203.0.113.0/24".parse().unwrap();
        refused(|g| g.auth.peers = vec![network; NETWORKS_MAX + 1], "auth.peers");
    }

    #[test]
    fn traefik_behind_a_balancer_opens_nothing() {
        let id = GatewayId::parse("edge").unwrap();
        let mut gateway = Gateway::new(id, GatewayKind::Traefik, Timestamp::default());
        gateway.auth.token = true;
        gateway.public_paths = vec!["/health".to_owned()];
        gateway.allow_preflight = true;
        assert_eq!(gateway.check(), Ok(()), "its peer is the caller");
        gateway.client_address.trusted = vec!["10.1.0.0/16".parse().unwrap()];
        assert_eq!(gateway.check().unwrap_err()[0].code, "forged_path");
        gateway.allow_preflight = false;
        assert_eq!(gateway.check().unwrap_err()[0].field, "public_paths");
        gateway.public_paths.clear();
        assert_eq!(gateway.check(), Ok(()));
    }

    #[test]
    fn a_credential_is_hidden_where_keyward_can() {
        for (kind, can) in [
            (GatewayKind::EnvoyGrpc, true),
            (GatewayKind::Tower, true),
            (GatewayKind::EnvoyHttp, false),
            (GatewayKind::Nginx, false),
        ] {
            let id = GatewayId::parse("edge").unwrap();
            let mut gateway = Gateway::new(id, kind, Timestamp::default());
            gateway.auth.token = true;
            gateway.hide_credential = true;
            assert_eq!(gateway.check().is_ok(), can, "{kind:?}");
        }
    }

    #[test]
    fn a_gateway_that_shows_no_token_keeps_none() {
        let now = Timestamp::from_seconds(10);
        let mut gateway = gateway();
        let hash = SecretHash { pepper: PepperId(1), mac: [0; 32] };
        let token = ClientSecret { id: SecretId(1), hash, created_at: now, expires_at: None };
        gateway.rotate_token(token.clone(), 0, now).unwrap();
        let peers = Some(vec!["10.0.0.0/8".parse().unwrap()]);
        let patch = GatewayPatch { token: Some(false), peers, ..GatewayPatch::default() };
        gateway.apply(patch, now).unwrap();
        assert!(gateway.auth.tokens.is_empty());
        assert_eq!(gateway.rotate_token(token, 0, now).unwrap_err().code, "no_token");
    }
}
