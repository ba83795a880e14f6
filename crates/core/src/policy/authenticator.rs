//! How a client without secrets authenticates, ready to be asked.

use crate::client::Client;
use crate::client::credential::{AssertionKey, AuthenticationMethod, ClientCredential, Proof};
use crate::id::CredentialId;
use crate::time::Timestamp;

/// The method of a client and the credentials that count for it.
#[derive(Debug)]
pub struct Authenticator {
    /// How.
    pub method: AuthenticationMethod,
    /// With what; none of another method's kind.
    pub credentials: Vec<CredentialRecord>,
}

/// A credential as decisions need it.
#[derive(Debug)]
pub struct CredentialRecord {
    /// Which.
    pub id: CredentialId,
    /// What is proven.
    pub proof: ProofRecord,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

/// What is proven.
#[derive(Debug)]
pub enum ProofRecord {
    /// Signatures of a key.
    Key {
        /// Its id.
        kid: Box<str>,
        /// The key.
        key: AssertionKey,
    },
    /// A certificate of that subject.
    Subject(Box<str>),
    /// The certificate with that SHA-256.
    Thumbprint([u8; 32]),
}

impl Authenticator {
    /// `None` for a client that has secrets.
    pub(super) fn compile(client: &Client) -> Option<Self> {
        let authentication = client.authentication.as_ref()?;
        let method = authentication.method;
        let used = authentication.credentials.iter().filter_map(|id| client.credential(id));
        let fitting = used.filter(|credential| method.takes(&credential.proof));
        Some(Self { method, credentials: fitting.filter_map(CredentialRecord::compile).collect() })
    }
}

impl CredentialRecord {
    /// A key that is none (which nobody could have stored) is left out: it authenticates nobody.
    fn compile(credential: &ClientCredential) -> Option<Self> {
        let proof = match &credential.proof {
            Proof::PublicKey { kid, algorithm, jwk } => {
                let jwk = serde_json::from_str(jwk).ok()?;
                let key = AssertionKey::new(&jwk, *algorithm).ok()?;
                ProofRecord::Key { kid: kid.as_str().into(), key }
            }
            Proof::Subject(subject) => ProofRecord::Subject(subject.as_str().into()),
            Proof::Certificate { thumbprint, subject: _ } => ProofRecord::Thumbprint(*thumbprint),
        };
        let expires_at = credential.expires_at.unwrap_or(Timestamp::from_millis(i64::MAX));
        Some(Self { id: credential.id.clone(), proof, expires_at })
    }
}
