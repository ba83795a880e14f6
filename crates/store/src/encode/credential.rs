//! Keys and certificates of clients.

use keyward_core::client::credential::{
    AssertionAlgorithm, AuthenticationMethod, ClientAuthentication, ClientCredential, Proof,
};
use keyward_core::id::CredentialId;
use serde::{Deserialize, Serialize};

use super::{Fault, id, moment, word, written};

/// The column that both stand in, for faults.
const CREDENTIALS: &str = "credentials";
const AUTHENTICATION: &str = "authentication";

/// One credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CredentialBody {
    id: String,
    name: String,
    proof: ProofBody,
    #[serde(deserialize_with = "written")]
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "kind", rename_all = "snake_case")]
enum ProofBody {
    PublicKey { kid: String, algorithm: String, jwk: String },
    Subject { subject: String },
    Certificate { thumbprint: String, subject: String },
}

/// How a client authenticates that has no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AuthenticationBody {
    method: String,
    credentials: Vec<String>,
}

impl CredentialBody {
    pub(super) fn of(credential: &ClientCredential) -> Self {
        Self {
            id: credential.id.to_string(),
            name: credential.name.clone(),
            proof: match &credential.proof {
                Proof::PublicKey { kid, algorithm, jwk } => ProofBody::PublicKey {
                    kid: kid.clone(),
                    algorithm: algorithm.name().to_owned(),
                    jwk: jwk.clone(),
                },
                Proof::Subject(subject) => ProofBody::Subject { subject: subject.clone() },
                Proof::Certificate { thumbprint, subject } => ProofBody::Certificate {
                    thumbprint: crate::hex::encode(thumbprint),
                    subject: subject.clone(),
                },
            },
            expires_at: credential.expires_at.map(|end| end.millis()),
            created_at: credential.created_at.millis(),
            updated_at: credential.updated_at.millis(),
        }
    }

    pub(super) fn read(self) -> Result<ClientCredential, Fault> {
        let proof = match self.proof {
            ProofBody::PublicKey { kid, algorithm, jwk } => Proof::PublicKey {
                kid,
                algorithm: word(CREDENTIALS, &algorithm, AssertionAlgorithm::parse)?,
                jwk,
            },
            ProofBody::Subject { subject } => Proof::Subject(subject),
            ProofBody::Certificate { thumbprint, subject } => Proof::Certificate {
                thumbprint: crate::hex::decode(&thumbprint).ok_or_else(|| {
                    Fault::new(CREDENTIALS, "holds a hash that is not 64 hexadecimal digits")
                })?,
                subject,
            },
        };
        Ok(ClientCredential {
            id: id(CREDENTIALS, &self.id, CredentialId::parse)?,
            name: self.name,
            proof,
            expires_at: self.expires_at.map(moment),
            created_at: moment(self.created_at),
            updated_at: moment(self.updated_at),
        })
    }
}

impl AuthenticationBody {
    pub(super) fn of(authentication: &ClientAuthentication) -> Self {
        Self {
            method: authentication.method.name().to_owned(),
            credentials: authentication.credentials.iter().map(ToString::to_string).collect(),
        }
    }

    pub(super) fn read(self) -> Result<ClientAuthentication, Fault> {
        let ids = self.credentials.iter();
        Ok(ClientAuthentication {
            method: word(AUTHENTICATION, &self.method, AuthenticationMethod::parse)?,
            credentials: ids
                .map(|text| id(AUTHENTICATION, text, CredentialId::parse))
                .collect::<Result<_, _>>()?,
        })
    }
}
