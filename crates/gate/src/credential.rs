//! Exactly one credential from a request's headers.
//!
//! Read are `Authorization` (Basic, Bearer, DPoP) and `X-API-Key`. Never read: the query string,
//! cookies, `Proxy-Authorization`, and names that differ in an underscore.

use std::fmt;

use crate::lines::Line;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName};
use keyward_core::attempt::{Credential, CredentialFault};
use keyward_core::jws::TOKEN_BYTES_MAX;
use keyward_core::secret::API_KEY_PREFIX;

use zeroize::{Zeroize as _, Zeroizing};

/// The longest Basic credential on an API, in bytes after base64.
pub const BASIC_BYTES_MAX: usize = 510;
/// The longest Basic credential at the token endpoint, in bytes after base64. Form encoding may
/// take three bytes for one.
pub const BASIC_OAUTH_BYTES_MAX: usize = 3 * BASIC_BYTES_MAX;
/// The longest Bearer credential, in bytes. Refused before anything is hashed.
pub const BEARER_BYTES_MAX: usize = TOKEN_BYTES_MAX;
/// API keys have at most 123 bytes; nothing longer is hashed.
const API_KEY_BYTES_MAX: usize = 256;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Room for a decoded Basic credential, so that none touches the heap. Wiped when dropped.
pub struct BasicBuffer {
    bytes: [u8; BASIC_BYTES_MAX],
    used: usize,
}

impl BasicBuffer {
    /// Empty room.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; BASIC_BYTES_MAX], used: 0 }
    }
}

impl Default for BasicBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for BasicBuffer {
    fn drop(&mut self) {
        if let Some(used) = self.bytes.get_mut(..self.used) {
            used.zeroize();
        }
    }
}

impl fmt::Debug for BasicBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicBuffer(redacted)")
    }
}

/// A client id and its secret from a Basic credential of the token endpoint.
#[derive(Clone)]
pub struct BasicPair {
    /// The client id, as decoded.
    pub client: String,
    /// The secret, as decoded; wiped when dropped.
    pub secret: Zeroizing<String>,
}

impl fmt::Debug for BasicPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicPair").field("client", &self.client).finish_non_exhaustive()
    }
}

/// Finds the one credential of a request on an API. Basic is read as RFC 7617 has it: percent
/// signs are just that.
///
/// # Errors
/// A [`CredentialFault`] when there is none, more than one (two lines or two methods), or one
/// that cannot be read.
pub fn credential<'a>(
    headers: &'a HeaderMap,
    buffer: &'a mut BasicBuffer,
) -> Result<Credential<'a>, CredentialFault> {
    let line = |name: &HeaderName| {
        let mut lines = headers.get_all(name).iter();
        match (lines.next(), lines.next()) {
            (None, _) => Line::None,
            (Some(value), None) => Line::One(value),
            (Some(_), Some(_)) => Line::Several,
        }
    };
    credential_in(line(&AUTHORIZATION), line(&X_API_KEY), buffer)
}

/// The same from the lines of the two headers.
pub(crate) fn credential_in<'a>(
    authorization: Line<'a>,
    api_key: Line<'a>,
    buffer: &'a mut BasicBuffer,
) -> Result<Credential<'a>, CredentialFault> {
    match (authorization, api_key) {
        (Line::None, Line::None) => Err(CredentialFault::Missing),
        (Line::None, Line::One(value)) => Ok(Credential::ApiKey(api_key_text(value.as_bytes()))),
        (Line::One(value), Line::None) => from_authorization(value.as_bytes(), buffer),
        (Line::Several, _) | (_, Line::Several) | (Line::One(_), Line::One(_)) => {
            Err(CredentialFault::Several)
        }
    }
}

/// Reads the value of an `Authorization` header at the token endpoint: RFC 6749 §2.3.1, where id
/// and secret are form-encoded before base64.
///
/// # Errors
/// [`CredentialFault::UnknownScheme`] when the scheme is not Basic,
/// [`CredentialFault::MalformedBasic`] for everything that is not one id and one secret.
pub fn basic_oauth(value: &[u8]) -> Result<BasicPair, CredentialFault> {
    let (scheme, encoded) = split_scheme(value);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Err(CredentialFault::UnknownScheme);
    }
    let encoded = encoded.ok_or(CredentialFault::MalformedBasic)?;
    if encoded.len() > BASIC_OAUTH_BYTES_MAX.div_ceil(3) * 4 {
        return Err(CredentialFault::MalformedBasic);
    }
    let decoded = STANDARD.decode(encoded).map(Zeroizing::new);
    let decoded = decoded.map_err(|_| CredentialFault::MalformedBasic)?;
    let text = std::str::from_utf8(&decoded).map_err(|_| CredentialFault::MalformedBasic)?;
    let (client, secret) = text.split_once(':').ok_or(CredentialFault::MalformedBasic)?;
    let mut client = form_decode(client).ok_or(CredentialFault::MalformedBasic)?;
    let secret = form_decode(secret).ok_or(CredentialFault::MalformedBasic)?;
    Ok(BasicPair { client: std::mem::take(&mut *client), secret })
}

fn from_authorization<'a>(
    value: &'a [u8],
    buffer: &'a mut BasicBuffer,
) -> Result<Credential<'a>, CredentialFault> {
    let (scheme, rest) = split_scheme(value);
    if scheme.eq_ignore_ascii_case(b"bearer") {
        let text = rest.and_then(bearer_text).ok_or(CredentialFault::MalformedBearer)?;
        if text.starts_with(API_KEY_PREFIX) {
            return Ok(Credential::ApiKey(api_key_text(text.as_bytes())));
        }
        return Ok(Credential::Token(text));
    }
    if scheme.eq_ignore_ascii_case(b"dpop") {
        let text = rest.and_then(bearer_text).ok_or(CredentialFault::MalformedBearer)?;
        return Ok(Credential::DpopToken(text));
    }
    if scheme.eq_ignore_ascii_case(b"basic") {
        let pair = rest.and_then(|encoded| basic_pair(encoded, buffer));
        let (client, secret) = pair.ok_or(CredentialFault::MalformedBasic)?;
        return Ok(Credential::Pair { client, secret });
    }
    Err(CredentialFault::UnknownScheme)
}

/// The scheme and, after one or more spaces, what follows it (RFC 9110 §11.4).
fn split_scheme(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = value.splitn(2, |byte| *byte == b' ');
    let scheme = parts.next().unwrap_or_default();
    let rest = parts.next().map(|rest| {
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        rest.get(spaces..).unwrap_or_default()
    });
    (scheme, rest)
}

/// A `b64token` (RFC 6750 §2.1) of bearable length.
fn bearer_text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() > BEARER_BYTES_MAX {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let token = text.trim_end_matches('=');
    let fits =
        |b: u8| b.is_ascii_alphanumeric() | matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    // Without an early end the compiler looks at many bytes at once.
    let all_fit = token.bytes().fold(true, |all, byte| all & fits(byte));
    (!token.is_empty() && all_fit).then_some(text)
}

/// What cannot be a key becomes the empty one, which is refused like every malformed key.
fn api_key_text(bytes: &[u8]) -> &str {
    if bytes.len() > API_KEY_BYTES_MAX {
        return "";
    }
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Strict base64 (canonical, padded), UTF-8, one colon at least, no control characters, neither
/// part empty.
fn basic_pair<'a>(encoded: &[u8], buffer: &'a mut BasicBuffer) -> Option<(&'a str, &'a str)> {
    // Whatever a failing decoder left behind is wiped as well.
    buffer.used = BASIC_BYTES_MAX;
    let length = STANDARD.decode_slice(encoded, &mut buffer.bytes).ok()?;
    buffer.used = length;
    let text = std::str::from_utf8(buffer.bytes.get(..length)?).ok()?;
    let (client, secret) = text.split_once(':')?;
    let sound = |part: &str| !part.is_empty() && !part.chars().any(char::is_control);
    (sound(client) && sound(secret)).then_some((client, secret))
}

/// `application/x-www-form-urlencoded` of one value, strictly (RFC 6749 appendix B).
fn form_decode(text: &str) -> Option<Zeroizing<String>> {
    // The final length at once: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    let decoded = std::str::from_utf8(&bytes).ok()?;
    let sound = !decoded.is_empty() && !decoded.chars().any(char::is_control);
    sound.then(|| Zeroizing::new(decoded.to_owned()))
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
