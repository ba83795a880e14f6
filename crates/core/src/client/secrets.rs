//! Rotation of a client's secrets.

use crate::client::Client;
use crate::id::SecretId;
use crate::invalid::Invalid;
use crate::secret::{ClientSecret, SECRETS_MAX};
use crate::time::Timestamp;

/// The longest time for which an old secret may stay good, in seconds (30 days).
pub const OVERLAP_MAX_S: u32 = 2_592_000;

/// The least strength of a secret that was made elsewhere, in bits.
const IMPORTED_BITS_MIN: f64 = 112.0;

impl Client {
    /// Adds a secret. The ones there end `overlap_s` seconds from now (0: at once), or when they
    /// would have anyway; those that have ended are forgotten.
    ///
    /// # Errors
    /// When five secrets would be live with it, when the overlap is longer than 30 days, or when
    /// the client authenticates by key or certificate.
    pub fn rotate_secret(
        &mut self,
        secret: ClientSecret,
        overlap_s: u32,
        now: Timestamp,
    ) -> Result<(), Invalid> {
        if let Some(authentication) = &self.authentication {
            let message = format!(
                "the client authenticates by {} and has no secrets; set \
                 client_authentication_methods to null first",
                authentication.method.name()
            );
            return Err(Invalid::new("secrets", "no_secrets", message));
        }
        rotate(&mut self.secrets, "secrets", secret, overlap_s, now)?;
        self.updated_at = now;
        Ok(())
    }

    /// Removes a secret; whether there was one. A client may be left without any.
    pub fn remove_secret(&mut self, id: SecretId, now: Timestamp) -> bool {
        self.updated_at = now;
        remove_secret(&mut self.secrets, id)
    }
}

/// Adds a secret to those of one holder, as [`Client::rotate_secret`] says; `called` is what the
/// holder's secrets are called.
pub(crate) fn rotate(
    secrets: &mut Vec<ClientSecret>,
    called: &str,
    secret: ClientSecret,
    overlap_s: u32,
    now: Timestamp,
) -> Result<(), Invalid> {
    if overlap_s > OVERLAP_MAX_S {
        let message = format!("is over {OVERLAP_MAX_S} seconds (30 days)");
        return Err(Invalid::new("overlap_s", "too_long", message));
    }
    let end = now.plus_seconds(i64::from(overlap_s));
    for old in &mut *secrets {
        old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
    }
    secrets.retain(|old| old.is_live(now));
    if secrets.len() >= SECRETS_MAX {
        let message =
            format!("there are {SECRETS_MAX} live {called} already; delete one of them first");
        return Err(Invalid::new(called, "too_many_secrets", message));
    }
    secrets.push(secret);
    Ok(())
}

/// Removes the secret of that name; whether there was one.
pub(crate) fn remove_secret(secrets: &mut Vec<ClientSecret>, id: SecretId) -> bool {
    let before = secrets.len();
    secrets.retain(|secret| secret.id != id);
    before != secrets.len()
}

/// Whether a secret that was made elsewhere is strong enough to be taken over: at least 112 bits
/// if its characters were drawn evenly, and enough different ones for that to be believable.
#[must_use]
pub fn is_strong_enough(secret: &str) -> bool {
    let has = |class: fn(&u8) -> bool, size: f64| {
        if secret.bytes().any(|b| class(&b)) { size } else { 0.0 }
    };
    let alphabet = has(u8::is_ascii_digit, 10.0)
        + has(u8::is_ascii_lowercase, 26.0)
        + has(u8::is_ascii_uppercase, 26.0)
        + has(|b| !b.is_ascii_alphanumeric(), 32.0);
    let distinct: std::collections::BTreeSet<u8> = secret.bytes().collect();
    let length = u32::try_from(secret.len().min(1000)).unwrap_or_default();
    secret.is_ascii()
        && distinct.len() >= 8
        && f64::from(length) * alphabet.max(1.0).log2() >= IMPORTED_BITS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ClientId;
    use crate::secret::{PepperId, SecretHash};

    fn secret(number: u64, now: Timestamp) -> ClientSecret {
        let hash = SecretHash { pepper: PepperId(1), mac: [0; 32] };
        ClientSecret { id: SecretId(number), hash, created_at: now, expires_at: None }
    }

    fn live(client: &Client, now: Timestamp) -> Vec<u64> {
        client.secrets.iter().filter(|s| s.is_live(now)).map(|s| s.id.0).collect()
    }

    #[test]
    fn an_old_secret_lives_through_its_overlap_and_no_longer() {
        let at = Timestamp::from_seconds;
        let mut client = Client::new(ClientId::from_random([1; 16]), "a", at(0));
        client.rotate_secret(secret(1, at(0)), 0, at(0)).unwrap();
        client.rotate_secret(secret(2, at(10)), 60, at(10)).unwrap();
        assert_eq!(live(&client, at(69)), [1, 2]);
        assert_eq!(live(&client, at(70)), [2]);
        // A later, longer overlap does not bring the first one back.
        client.rotate_secret(secret(3, at(20)), 3600, at(20)).unwrap();
        assert_eq!(live(&client, at(70)), [2, 3]);
        client.rotate_secret(secret(4, at(80)), 0, at(80)).unwrap();
        assert_eq!(live(&client, at(80)), [4]);
        assert_eq!(client.secrets.len(), 1);
    }

    #[test]
    fn at_most_five_live_at_a_time() {
        let now = Timestamp::from_seconds(1);
        let mut client = Client::new(ClientId::from_random([1; 16]), "a", now);
        for number in 0..5 {
            client.rotate_secret(secret(number, now), 60, now).unwrap();
        }
        let fault = client.rotate_secret(secret(6, now), 60, now).unwrap_err();
        assert_eq!(fault.code, "too_many_secrets");
        assert!(client.remove_secret(SecretId(0), now));
        assert!(!client.remove_secret(SecretId(0), now));
        client.rotate_secret(secret(6, now), 60, now).unwrap();
        let fault = client.rotate_secret(secret(7, now), OVERLAP_MAX_S + 1, now).unwrap_err();
        assert_eq!(fault.field, "overlap_s");
    }

    #[test]
    fn weak_imported_secrets_are_refused() {
        for (secret, strong) in [
            ("", false),
            ("hunter2", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
            ("0123456789abcdef0123456789abcdef", true),
            ("YOUR_CLIENT_SECRET", false),
            ("Zk3v-x8Qw_71LmPzT0aYb2Rd", true),
        ] {
            assert_eq!(is_strong_enough(secret), strong, "{secret}");
        }
    }
}
