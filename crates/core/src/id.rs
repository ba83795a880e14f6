//! Identifiers. Each kind of thing has its own type, so that they cannot be mixed up.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;

use crate::base62;

/// How many base62 characters a client id of our own making has (119 bits).
pub const CLIENT_ID_LENGTH: usize = 20;

/// The longest foreign client id that is accepted, in characters.
pub const FOREIGN_CLIENT_ID_MAX: usize = 64;

/// Foreign ids live above every native id (62^20 < 2^120) in the key space.
const FOREIGN_MARK: u128 = 0xff << 120;

/// Why a text is no identifier of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} identifier: {rule}")]
pub struct IdError {
    /// The kind of identifier, as people call it.
    pub kind: &'static str,
    /// What such an identifier looks like.
    pub rule: &'static str,
}

/// The public identifier of a client (OAuth 2.0 `client_id`, RFC 6749 §2.2).
///
/// Ids that Keyward makes are 20 base62 characters and are held as one number.
/// Ids that came from elsewhere (imports) keep their own text: 1 to 64 of `[A-Za-z0-9_.~-]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Repr);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Native(u128),
    Foreign(Arc<str>),
}

/// What clients are looked up by: 128 bits, without the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(pub u128);

impl ClientId {
    /// Reads an id.
    ///
    /// # Errors
    /// When the text is empty, longer than 64 characters or has a character outside
    /// `[A-Za-z0-9_.~-]` (the set that form encoding and RFC 7617 read alike).
    pub fn parse(text: &str) -> Result<Self, IdError> {
        if text.len() == CLIENT_ID_LENGTH
            && let Some(number) = base62::decode(text)
        {
            return Ok(Self(Repr::Native(number)));
        }
        let fits = (1..=FOREIGN_CLIENT_ID_MAX).contains(&text.len());
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.~-".contains(&b));
        if fits && plain {
            Ok(Self(Repr::Foreign(Arc::from(text))))
        } else {
            Err(IdError { kind: "client", rule: "1 to 64 of A-Z a-z 0-9 _ . ~ -" })
        }
    }

    /// Makes a native id of 16 random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 16]) -> Self {
        const SPACE: u128 = base62::power(CLIENT_ID_LENGTH);
        // 62^20 does not divide 2^128, the bias is below 2^-8 of one value in 2^119: irrelevant
        // for an identifier that is public anyway.
        Self(Repr::Native(u128::from_be_bytes(bytes) % SPACE))
    }

    /// The look-up key. Native and foreign ids never share one.
    #[must_use]
    pub fn key(&self) -> ClientKey {
        match &self.0 {
            Repr::Native(number) => ClientKey(*number),
            Repr::Foreign(text) => {
                let hash = digest::digest(&digest::SHA256, text.as_bytes());
                let mut first = [0; 16];
                first.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
                ClientKey(u128::from_be_bytes(first) | FOREIGN_MARK)
            }
        }
    }

    /// The text of an id that Keyward did not make, if it is one.
    #[must_use]
    pub fn foreign_text(&self) -> Option<&Arc<str>> {
        match &self.0 {
            Repr::Native(_) => None,
            Repr::Foreign(text) => Some(text),
        }
    }
}

impl ClientKey {
    /// Rebuilds the id; a foreign one needs its text, which the key does not hold.
    #[must_use]
    pub fn to_id(self, foreign: Option<&Arc<str>>) -> ClientId {
        match foreign {
            Some(text) => ClientId(Repr::Foreign(Arc::clone(text))),
            None => ClientId(Repr::Native(self.0)),
        }
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Native(number) => {
                let text = base62::encode_fixed::<CLIENT_ID_LENGTH>(*number);
                f.write_str(std::str::from_utf8(&text).unwrap_or_default())
            }
            Repr::Foreign(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({self})")
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// What ids of our own making begin with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads an id.
            ///
            /// # Errors
            /// When the text is empty, longer than 64 characters or has a character outside
            /// `[A-Za-z0-9_-]`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if plain && (1..=64).contains(&text.len()) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(IdError { kind: $kind, rule: $rule })
                }
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

text_id!(
    /// The identifier of an account (Auth0: organization).
    AccountId, "account", "acc_", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of an API (Auth0: resource server); 24 hexadecimal characters of our making.
    ApiId, "API", "", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of a client grant.
    GrantId, "client grant", "cgr_", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of an Action; a UUID (RFC 9562) of our making.
    ActionId, "Action", "", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of a version of an Action; a UUID of our making.
    ActionVersionId, "Action version", "", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of an Action's place at a trigger; a UUID of our making.
    BindingId, "binding", "", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of a gateway, as it stands in `/v1/check/{gateway}`.
    GatewayId, "gateway", "", "1 to 64 of A-Z a-z 0-9 _ -"
);
text_id!(
    /// The identifier of a client's key or certificate.
    CredentialId, "credential", "cred_", "1 to 64 of A-Z a-z 0-9 _ -"
);

/// The public name of one secret of a client. It says nothing of the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId(pub u64);

impl SecretId {
    const DIGITS: usize = 11;
    const PREFIX: &'static str = "sec_";

    /// Reads `sec_` and 11 base62 digits.
    ///
    /// # Errors
    /// When the text has another form.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        text.strip_prefix(Self::PREFIX)
            .filter(|digits| digits.len() == Self::DIGITS)
            .and_then(base62::decode)
            .and_then(|number| u64::try_from(number).ok())
            .map(Self)
            .ok_or(IdError { kind: "secret", rule: "sec_ and 11 base62 digits" })
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = base62::encode_fixed::<{ Self::DIGITS }>(u128::from(self.0));
        write!(f, "{}{}", Self::PREFIX, std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_id_reads_back() {
        for number in [0, 1, u64::MAX] {
            let id = SecretId(number);
            assert_eq!(SecretId::parse(&id.to_string()).unwrap(), id);
        }
        assert!(SecretId::parse("sec_1").is_err());
    }

    #[test]
    fn a_native_id_is_a_number_and_reads_back() {
        let id = ClientId::from_random([7; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), CLIENT_ID_LENGTH);
        assert_eq!(ClientId::parse(&text).unwrap(), id);
        assert!(id.foreign_text().is_none());
        assert_eq!(id.key().to_id(None), id);
    }

    #[test]
    fn a_foreign_id_keeps_its_text_and_has_a_key_of_its_own() {
        let id = ClientId::parse("abcDEF0123456789abcDEF0123456789").unwrap();
        assert_eq!(id.to_string(), "abcDEF0123456789abcDEF0123456789");
        assert!(id.key().0 >= FOREIGN_MARK);
        assert_eq!(id.key().to_id(id.foreign_text()), id);
    }

    #[test]
    fn ids_with_other_characters_are_refused() {
        for text in ["", "a b", "a:b", "a\n", "é", &"x".repeat(65)] {
            assert!(ClientId::parse(text).is_err(), "{text:?}");
        }
        assert!(AccountId::parse("a/b").is_err());
    }
}
