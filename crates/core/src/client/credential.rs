//! Credentials that are no secret: public keys and certificates by which a client shows who it is
//! (OAuth `private_key_jwt`, RFC 7523; `tls_client_auth` and `self_signed_tls_client_auth`,
//! RFC 8705).
//!
//! A client that authenticates in such a way has no secret: what could be stolen from a
//! configuration file must not open what a key is to guard.

use serde_json::Value;

use crate::client::Client;
use crate::id::CredentialId;
use crate::invalid::{Faults, Invalid};
use crate::jwk::{JwkError, VerifyingKey};
use crate::time::Timestamp;

/// The most credentials of one client (as Auth0's): the present one and the one that replaces it.
pub const CREDENTIALS_MAX: usize = 2;
/// The most characters of a credential's name (as Auth0's).
pub const CREDENTIAL_NAME_CHARS_MAX: usize = 128;
/// The most characters of a subject (as Auth0's).
pub const SUBJECT_CHARS_MAX: usize = 256;
/// How long a key id may be that somebody chose (as Auth0's), in characters.
pub const KEY_ID_CHARS: std::ops::RangeInclusive<usize> = 10..=64;
/// The field that faults of all this are told of.
const METHODS: &str = "client_authentication_methods";

/// How a client's assertions are signed. A credential has one, and no other is taken with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AssertionAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl AssertionAlgorithm {
    /// Every algorithm, in the order documents list them.
    pub const ALL: [Self; 5] = [Self::Rs256, Self::Rs384, Self::Ps256, Self::Es256, Self::EdDsa];

    /// The name in `alg` members.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads a name exactly as [`AssertionAlgorithm::name`] writes it (RFC 7515 §4.1.1).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// What a client proves itself by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// Signatures of a key.
    PublicKey {
        /// Its id; unique for the client.
        kid: String,
        /// How it signs.
        algorithm: AssertionAlgorithm,
        /// The public key as a JSON Web Key: `kty` and its numbers alone.
        jwk: String,
    },
    /// A certificate of that subject for which an authority vouches.
    Subject(
        /// The distinguished name (RFC 4514).
        String,
    ),
    /// That very certificate.
    Certificate {
        /// SHA-256 of the certificate.
        thumbprint: [u8; 32],
        /// Its subject (RFC 4514), for people.
        subject: String,
    },
}

impl Proof {
    /// A public key, without what does not belong to it.
    ///
    /// # Errors
    /// [`JwkError`] when it is none, or none that signs in that way. RSA needs 2048 to 4096 bits.
    pub fn public_key(
        jwk: &Value,
        algorithm: AssertionAlgorithm,
        kid: Option<String>,
    ) -> Result<Self, JwkError> {
        AssertionKey::new(jwk, algorithm)?;
        let kid = kid.map_or_else(|| VerifyingKey::thumbprint(jwk), Ok)?;
        let jwk = Value::Object(crate::jwk::public_members(jwk)?).to_string();
        Ok(Self::PublicKey { kid, algorithm, jwk })
    }

    /// The kind of credential, in Auth0's words.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::PublicKey { .. } => "public_key",
            Self::Subject(_) => "cert_subject_dn",
            Self::Certificate { .. } => "x509_cert",
        }
    }
}

/// A public key with the one way in which its signatures are checked.
#[derive(Debug)]
pub struct AssertionKey {
    algorithm: AssertionAlgorithm,
    parsed: aws_lc_rs::signature::ParsedPublicKey,
    signature_bytes: usize,
}

impl AssertionKey {
    /// Parses a public JSON Web Key.
    ///
    /// # Errors
    /// [`JwkError`].
    pub fn new(jwk: &Value, algorithm: AssertionAlgorithm) -> Result<Self, JwkError> {
        let (parsed, signature_bytes) = crate::jwk::parse_for(jwk, algorithm)?;
        Ok(Self { algorithm, parsed, signature_bytes })
    }

    /// The only algorithm that it verifies with.
    #[must_use]
    pub fn algorithm(&self) -> AssertionAlgorithm {
        self.algorithm
    }

    /// Whether `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes
            && self.parsed.verify_sig(message, signature).is_ok()
    }
}

/// One credential of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCredential {
    /// Its identifier.
    pub id: CredentialId,
    /// What people call it; may be empty.
    pub name: String,
    /// What is proven.
    pub proof: Proof,
    /// From when on it is refused; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// How a client authenticates that has no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthenticationMethod {
    /// By signed assertions (RFC 7523).
    PrivateKeyJwt,
    /// By a certificate that an authority vouches for (RFC 8705 §2.1).
    TlsClientAuth,
    /// By a certificate that is registered itself (RFC 8705 §2.2).
    SelfSignedTlsClientAuth,
}

impl AuthenticationMethod {
    /// All of them.
    pub const ALL: [Self; 3] =
        [Self::PrivateKeyJwt, Self::TlsClientAuth, Self::SelfSignedTlsClientAuth];

    /// The name in OAuth's registry (RFC 7591 §4.2).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::TlsClientAuth => "tls_client_auth",
            Self::SelfSignedTlsClientAuth => "self_signed_tls_client_auth",
        }
    }

    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether a credential is of its kind.
    #[must_use]
    pub const fn takes(self, proof: &Proof) -> bool {
        matches!(
            (self, proof),
            (Self::PrivateKeyJwt, Proof::PublicKey { .. })
                | (Self::TlsClientAuth, Proof::Subject(_))
                | (Self::SelfSignedTlsClientAuth, Proof::Certificate { .. })
        )
    }
}

/// The method of a client that has no secret, and which of its credentials count for it. Without
/// any nobody can authenticate as it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthentication {
    /// How.
    pub method: AuthenticationMethod,
    /// With what.
    pub credentials: Vec<CredentialId>,
}

impl Client {
    /// Adds a credential. It counts once [`Client::authentication`] names it.
    ///
    /// # Errors
    /// When there are [`CREDENTIALS_MAX`] already, or one of them has its key id.
    pub fn add_credential(&mut self, credential: ClientCredential) -> Result<(), Vec<Invalid>> {
        self.updated_at = credential.created_at;
        self.credentials.push(credential);
        let mut faults = Faults::default();
        self.check_credentials(&mut faults);
        faults.finish()
    }

    /// The credential of that id.
    #[must_use]
    pub fn credential(&self, id: &CredentialId) -> Option<&ClientCredential> {
        self.credentials.iter().find(|credential| credential.id == *id)
    }

    /// Removes a credential, also from what authenticates the client; whether there was one.
    pub fn remove_credential(&mut self, id: &CredentialId, now: Timestamp) -> bool {
        let before = self.credentials.len();
        self.credentials.retain(|credential| credential.id != *id);
        if let Some(authentication) = &mut self.authentication {
            authentication.credentials.retain(|used| used != id);
        }
        self.updated_at = now;
        before != self.credentials.len()
    }

    /// Sets how the client authenticates: by keys or certificates, for which its secrets end, or
    /// (`None`) by secrets, of which it has none then.
    pub(super) fn set_authentication(&mut self, authentication: Option<ClientAuthentication>) {
        if authentication.is_some() {
            self.secrets.clear();
            self.token_endpoint_auth_method = None;
        }
        self.authentication = authentication;
    }

    pub(super) fn check_authentication(&self, faults: &mut Faults) {
        self.check_credentials(faults);
        let Some(authentication) = &self.authentication else { return };
        let method = authentication.method;
        for (place, id) in authentication.credentials.iter().enumerate() {
            let field = || format!("{METHODS}.{}.credentials[{place}].id", method.name());
            let known = self.credential(id);
            let fault = match known {
                None => Some(("unknown_credential", "is no credential of this client".to_owned())),
                Some(one) if !method.takes(&one.proof) => {
                    let message = format!("is a {}, which is of no use here", one.proof.kind());
                    Some(("credential_type", message))
                }
                Some(_) if authentication.credentials.iter().take(place).any(|o| o == id) => {
                    Some(("repeated", "is there twice".to_owned()))
                }
                Some(_) => None,
            };
            if let Some((code, message)) = fault {
                faults.push(Invalid::new(field(), code, message));
            }
        }
        faults.require(self.secrets.is_empty(), METHODS, "has_secrets", || {
            "a client that authenticates by key or certificate has no secret".to_owned()
        });
        faults.require(
            self.token_endpoint_auth_method.is_none(),
            "token_endpoint_auth_method",
            "two_methods",
            || format!("must be null while {METHODS} says how the client authenticates"),
        );
    }

    fn check_credentials(&self, faults: &mut Faults) {
        faults.require(
            self.credentials.len() <= CREDENTIALS_MAX,
            "",
            "too_many_credentials",
            || {
                format!(
                    "a client has at most {CREDENTIALS_MAX} credentials; delete one of them first"
                )
            },
        );
        let mut kids: Vec<&str> = Vec::new();
        for credential in &self.credentials {
            faults.check_length("name", &credential.name, CREDENTIAL_NAME_CHARS_MAX);
            if let Proof::PublicKey { kid, .. } = &credential.proof {
                faults.require(!kids.contains(&kid.as_str()), "kid", "repeated", || {
                    format!("another credential of this client has the key id {kid}")
                });
                kids.push(kid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::patch::ClientPatch;
    use crate::id::ClientId;
    use crate::secret::{ClientSecret, PepperId, SecretHash};

    const NOW: Timestamp = Timestamp::from_seconds(1);

    fn credential(id: &str, proof: Proof) -> ClientCredential {
        ClientCredential {
            id: CredentialId::parse(id).unwrap(),
            name: String::new(),
            proof,
            expires_at: None,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    fn key(kid: &str) -> Proof {
        let jwk = String::new();
        Proof::PublicKey { kid: kid.to_owned(), algorithm: AssertionAlgorithm::Rs256, jwk }
    }

    fn client() -> Client {
        let mut client = Client::new(ClientId::from_random([1; 16]), "a", NOW);
        client.add_credential(credential("cred_a", key("key a"))).unwrap();
        client.add_credential(credential("cred_b", Proof::Subject("CN=b".to_owned()))).unwrap();
        client
    }

    fn by(method: AuthenticationMethod, ids: &[&str]) -> ClientPatch {
        let credentials = ids.iter().map(|id| CredentialId::parse(id).unwrap()).collect();
        let authentication = Some(Some(ClientAuthentication { method, credentials }));
        ClientPatch { authentication, ..ClientPatch::default() }
    }

    fn faults(patch: ClientPatch) -> Vec<String> {
        let result = client().apply(patch, "me", NOW);
        result.map_or_else(|f| f.iter().map(ToString::to_string).collect(), |()| Vec::new())
    }

    #[test]
    fn a_client_has_two_credentials_with_key_ids_of_their_own() {
        let mut full = client();
        let one_more = full.add_credential(credential("cred_c", key("key c"))).unwrap_err();
        assert_eq!(one_more[0].code, "too_many_credentials");
        let mut client = client();
        assert!(client.remove_credential(&CredentialId::parse("cred_b").unwrap(), NOW));
        let again = client.add_credential(credential("cred_c", key("key a"))).unwrap_err();
        assert_eq!((again[0].field.as_str(), again[0].code), ("kid", "repeated"));
    }

    #[test]
    fn credentials_fit_the_method_that_names_them() {
        use AuthenticationMethod::{PrivateKeyJwt, SelfSignedTlsClientAuth, TlsClientAuth};
        for (patch, wrong) in [
            (by(PrivateKeyJwt, &["cred_a"]), ""),
            (by(TlsClientAuth, &["cred_b"]), ""),
            (by(PrivateKeyJwt, &[]), ""),
            (by(PrivateKeyJwt, &["cred_b"]), "is a cert_subject_dn, which is of no use here"),
            (by(SelfSignedTlsClientAuth, &["cred_b"]), "is a cert_subject_dn"),
            (by(PrivateKeyJwt, &["cred_x"]), "is no credential of this client"),
            (by(PrivateKeyJwt, &["cred_a", "cred_a"]), "[1].id: is there twice"),
        ] {
            let told = faults(patch.clone()).join("; ");
            assert!(
                told.contains(wrong) && told.is_empty() == wrong.is_empty(),
                "{patch:?}: {told}"
            );
        }
    }

    #[test]
    fn a_client_with_a_key_has_no_secret_and_gets_none() {
        let mut client = client();
        let hash = SecretHash { pepper: PepperId(1), mac: [0; 32] };
        let id = crate::id::SecretId(1);
        let secret = ClientSecret { id, hash, created_at: NOW, expires_at: None };
        client.rotate_secret(secret.clone(), 0, NOW).unwrap();
        client.token_endpoint_auth_method = Some("client_secret_post".to_owned());
        client.apply(by(AuthenticationMethod::PrivateKeyJwt, &["cred_a"]), "me", NOW).unwrap();
        assert!(client.secrets.is_empty());
        assert_eq!(client.token_endpoint_auth_method, None);
        let fault = client.rotate_secret(secret.clone(), 0, NOW).unwrap_err();
        assert_eq!(fault.code, "no_secrets");
        let both = ClientPatch {
            token_endpoint_auth_method: Some(Some("client_secret_post".to_owned())),
            ..ClientPatch::default()
        };
        let fault = client.clone().apply(both.clone(), "me", NOW).unwrap_err();
        assert_eq!(fault[0].code, "two_methods");
        // Both at once is no switch, in either order.
        let patch = by(AuthenticationMethod::PrivateKeyJwt, &["cred_a"]);
        let method = both.token_endpoint_auth_method.clone();
        let fault = faults(ClientPatch { token_endpoint_auth_method: method, ..patch });
        assert!(fault.join("").contains("token_endpoint_auth_method"), "{fault:?}");
        let back = ClientPatch { authentication: Some(None), ..both };
        client.apply(back, "me", NOW).unwrap();
        client.rotate_secret(secret, 0, NOW).unwrap();
    }

    #[test]
    fn what_is_deleted_authenticates_nobody() {
        let mut client = client();
        client.apply(by(AuthenticationMethod::PrivateKeyJwt, &["cred_a"]), "me", NOW).unwrap();
        let id = CredentialId::parse("cred_a").unwrap();
        assert!(client.remove_credential(&id, NOW));
        assert!(!client.remove_credential(&id, NOW));
        assert_eq!(client.authentication.as_ref().unwrap().credentials, []);
        assert_eq!(client.check(), Ok(()));
    }
}
