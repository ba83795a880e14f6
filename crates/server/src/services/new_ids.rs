//! New identifiers and secrets, from random numbers.

use keyward_core::base62;
use keyward_core::id::{
    AccountId, ActionId, ActionVersionId, ApiId, BindingId, ClientId, CredentialId, GrantId,
    SecretId,
};
use keyward_core::secret::{PlainSecret, SECRET_RANDOM_LENGTH};

use super::Services;
use crate::signing::{RandomError, random_base62, random_bytes};

impl Services {
    /// A new secret.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_secret(&self) -> Result<PlainSecret, RandomError> {
        Ok(PlainSecret::from_random(&random_base62(SECRET_RANDOM_LENGTH)?))
    }

    /// A new client id.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_client_id(&self) -> Result<ClientId, RandomError> {
        random_bytes().map(ClientId::from_random)
    }

    /// A new secret id.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_secret_id(&self) -> Result<SecretId, RandomError> {
        random_bytes().map(|bytes| SecretId(u64::from_be_bytes(bytes)))
    }

    /// A new id of a client's key or certificate.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_credential_id(&self) -> Result<CredentialId, RandomError> {
        let text = format!("{}{}", CredentialId::PREFIX, random_text::<22>()?);
        CredentialId::parse(&text).map_err(|_| RandomError)
    }

    /// A new account id.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_account_id(&self) -> Result<AccountId, RandomError> {
        let text = format!("{}{}", AccountId::PREFIX, random_text::<16>()?);
        AccountId::parse(&text).map_err(|_| RandomError)
    }

    /// A new API id: 24 hexadecimal characters.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_api_id(&self) -> Result<ApiId, RandomError> {
        new_api_id()
    }

    /// A new grant id.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_grant_id(&self) -> Result<GrantId, RandomError> {
        new_grant_id()
    }

    /// A new id of an Action.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_action_id(&self) -> Result<ActionId, RandomError> {
        ActionId::parse(&random_uuid()?).map_err(|_| RandomError)
    }

    /// A new id of a version of an Action.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_action_version_id(&self) -> Result<ActionVersionId, RandomError> {
        ActionVersionId::parse(&random_uuid()?).map_err(|_| RandomError)
    }

    /// A new id of a place at a trigger.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_binding_id(&self) -> Result<BindingId, RandomError> {
        BindingId::parse(&random_uuid()?).map_err(|_| RandomError)
    }

    /// A new id of an execution.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new_execution_id(&self) -> Result<String, RandomError> {
        random_uuid()
    }
}

pub(super) fn new_api_id() -> Result<ApiId, RandomError> {
    let bytes: [u8; 12] = random_bytes()?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    ApiId::parse(&text).map_err(|_| RandomError)
}

pub(super) fn new_grant_id() -> Result<GrantId, RandomError> {
    let text = format!("{}{}", GrantId::PREFIX, random_text::<16>()?);
    GrantId::parse(&text).map_err(|_| RandomError)
}

/// A UUID of version 4 (RFC 9562 §5.4).
fn random_uuid() -> Result<String, RandomError> {
    let random = u128::from_be_bytes(random_bytes()?);
    let bits = (random & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62);
    let (a, b, c) = (bits >> 96, (bits >> 80) & 0xffff, (bits >> 64) & 0xffff);
    let (d, e) = ((bits >> 48) & 0xffff, bits & 0xffff_ffff_ffff);
    Ok(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"))
}

fn random_text<const N: usize>() -> Result<String, RandomError> {
    let digits = base62::encode_fixed::<N>(u128::from_be_bytes(random_bytes()?));
    Ok(digits.iter().map(|byte| char::from(*byte)).collect())
}
