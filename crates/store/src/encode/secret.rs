//! Secrets of clients and tokens of gateways.

use keyward_core::id::SecretId;
use keyward_core::secret::{ClientSecret, PepperId, SecretHash};
use serde::{Deserialize, Serialize};

use super::{Fault, id, moment, written};

/// One secret: its authentication code in hexadecimal, never the secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretBody {
    id: String,
    pepper: u32,
    mac: String,
    created_at: i64,
    #[serde(deserialize_with = "written")]
    expires_at: Option<i64>,
}

impl std::fmt::Debug for SecretBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretBody").field("id", &self.id).finish_non_exhaustive()
    }
}

impl SecretBody {
    pub(super) fn of(secret: &ClientSecret) -> Self {
        Self {
            id: secret.id.to_string(),
            pepper: secret.hash.pepper.0,
            mac: crate::hex::encode(&secret.hash.mac),
            created_at: secret.created_at.millis(),
            expires_at: secret.expires_at.map(|end| end.millis()),
        }
    }

    /// Reads it; `field` is where it stands.
    pub(super) fn read(self, field: &'static str) -> Result<ClientSecret, Fault> {
        let mac = crate::hex::decode(&self.mac)
            .ok_or_else(|| Fault::new(field, "holds a code that is not 64 hexadecimal digits"))?;
        Ok(ClientSecret {
            id: id(field, &self.id, SecretId::parse)?,
            hash: SecretHash { pepper: PepperId(self.pepper), mac },
            created_at: moment(self.created_at),
            expires_at: self.expires_at.map(moment),
        })
    }
}
