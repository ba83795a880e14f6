//! What a gateway's application may verify of an allowed request: a short-lived JWT (RFC 7519)
//! that says who called, from where and with which scopes.
//!
//! Headers can be stripped or forged by whoever comes past the gateway; a signature cannot. It is
//! no access token and is not taken for one: it has a `typ` of its own (RFC 8725 §3.11).

use keyward_allowlist::ClientIp;

use crate::id::{AccountId, ClientId, GatewayId};
use crate::jws::json::ObjectText;

/// The `typ` in the header.
pub const ASSERTION_TYP: &str = "keyward-assertion+jwt";
/// How long it is good, in seconds.
pub const ASSERTION_LIFETIME_S: i64 = 30;

/// What an assertion says.
#[derive(Debug, Clone, Copy)]
pub struct AssertionClaims<'a> {
    /// `iss`: Keyward's issuer.
    pub issuer: &'a str,
    /// `sub` and `client_id`.
    pub client: &'a ClientId,
    /// `account_id`; absent for a client without account.
    pub account: Option<&'a AccountId>,
    /// `scope`, space separated.
    pub scope: &'a str,
    /// `client_ip`; absent when no address was found.
    pub client_ip: Option<ClientIp>,
    /// `aud`: the API's identifier. Where the gateway guards no single API,
    /// `urn:keyward:gateway:` and the gateway's id.
    pub audience: Option<&'a str>,
    /// `gateway`: through which it came.
    pub gateway: &'a GatewayId,
    /// `jti`: the id of the request.
    pub request_id: &'a str,
    /// `iat`, in seconds since the Unix epoch.
    pub issued_at_s: i64,
}

impl AssertionClaims<'_> {
    /// The payload as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let client = self.client.to_string();
        let mut out = ObjectText::new();
        out.text("iss", self.issuer);
        out.text("sub", &client);
        match self.audience {
            Some(audience) => out.text("aud", audience),
            None => out.text("aud", &format!("urn:keyward:gateway:{}", self.gateway)),
        }
        out.raw("iat", &self.issued_at_s.to_string());
        out.raw("exp", &self.issued_at_s.saturating_add(ASSERTION_LIFETIME_S).to_string());
        out.text("jti", self.request_id);
        out.text("client_id", &client);
        if let Some(account) = self.account {
            out.text("account_id", account.as_str());
        }
        out.text("scope", self.scope);
        if let Some(client_ip) = self.client_ip {
            out.text("client_ip", &client_ip.to_string());
        }
        out.text("gateway", self.gateway.as_str());
        out.finish()
    }
}

#[cfg(test)]
mod tests {
    use keyward_allowlist::parse_address;

    use super::*;

    #[test]
    fn it_says_who_from_where_and_for_whom() {
        let client = ClientId::parse("01234567890123456789").unwrap();
        let account = AccountId::parse("acc_1").unwrap();
        let gateway = GatewayId::parse("edge").unwrap();
        let mut claims = AssertionClaims {
            issuer: "https://id.example/",
            client: &client,
            account: Some(&account),
            scope: "read write",
            client_ip: Some(parse_address("203.0.113.5").unwrap().into()),
            audience: Some("https://api.example/"),
            gateway: &gateway,
            request_id: "r1",
            issued_at_s: 1_000,
        };
        assert_eq!(
            claims.to_json(),
            r#"{"iss":"https://id.example/","sub":"01234567890123456789","aud":"https://api.example/","iat":1000,"exp":1030,"jti":"r1","client_id":"01234567890123456789","account_id":"acc_1","scope":"read write","client_ip":"203.0.113.5","gateway":"edge"}"#
        );
        (claims.account, claims.client_ip, claims.audience) = (None, None, None);
        let json = claims.to_json();
        assert!(json.contains(r#""aud":"urn:keyward:gateway:edge""#), "{json}");
        assert!(!json.contains("account_id") && !json.contains("client_ip"), "{json}");
    }
}
