//! Assertions by which clients authenticate themselves with a key (RFC 7523 §2.2, §3;
//! `private_key_jwt`).
//!
//! Reading is separate from believing: [`ClientAssertion::parse`] looks at form alone, and
//! [`crate::decide`] at signature, audience and time. That one is used once is for whoever asks for
//! the decision to see to ([`crate::replay`]).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::client::credential::AssertionAlgorithm;
use crate::jws::json::StrictJson;
use crate::time::Timestamp;

/// The `client_assertion_type` of a JWT (RFC 7523 §2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest assertion looked at, in bytes (as Auth0's).
pub const ASSERTION_BYTES_MAX: usize = 2_048;
/// The longest `iss`, `sub` and `jti`, in characters (as Auth0's).
pub const CLAIM_CHARS_MAX: usize = 64;
/// How long an assertion may live, in seconds (as Auth0's).
pub const LIFETIME_S_MAX: i64 = 300;
/// How far a client's clock may be ahead, in seconds (as Auth0's).
pub const SKEW_S: i64 = 10;
/// The last moment an assertion may name, in seconds: the end of the year 9999.
const SECONDS_MAX: i64 = 253_402_300_799;

/// Why an assertion authenticates nobody. The caller learns none of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AssertionFault {
    /// `client_assertion_type` is missing or another.
    #[error("the assertion's type is not {ASSERTION_TYPE}")]
    Type,
    /// Longer than [`ASSERTION_BYTES_MAX`].
    #[error("the assertion is longer than {ASSERTION_BYTES_MAX} bytes")]
    TooLong,
    /// Not three parts of base64url, or a header or payload that is no JSON object or names a
    /// member twice.
    #[error("the assertion is no JWT")]
    Malformed,
    /// The header has a `crit`, and no extension is known (RFC 7515 §4.1.11).
    #[error("the assertion demands an extension")]
    Critical,
    /// `alg` is missing, `none`, symmetric or otherwise not taken.
    #[error("the assertion's algorithm is not taken")]
    Algorithm,
    /// A claim is missing, of the wrong type, too long or empty.
    #[error("the assertion's claim `{0}` is missing or not as it must be")]
    Claim(&'static str),
    /// `iss` and `sub` are not one client, or not the one that the request names.
    #[error("the assertion's issuer and subject are not the client")]
    Client,
    /// `aud` is not this server alone.
    #[error("the assertion is not for this server alone")]
    Audience,
    /// It has ended.
    #[error("the assertion has ended")]
    Expired,
    /// It is good longer than is allowed.
    #[error("the assertion lives longer than {LIFETIME_S_MAX} seconds")]
    TooLongLived,
    /// `iat` or `nbf` is in the future.
    #[error("the assertion is from the future")]
    NotYet,
    /// No credential of the client has the `kid`, or signs with that algorithm.
    #[error("the assertion's key or algorithm is none of the client's")]
    UnknownKey,
    /// The signature is not that of a key of the client.
    #[error("the assertion's signature does not verify")]
    Signature,
}

/// An assertion in good form, not yet believed.
pub struct ClientAssertion<'a> {
    signing_input: &'a str,
    signature: Vec<u8>,
    /// How it says to be signed; compared with the key's algorithm, which is the one that counts.
    pub algorithm: AssertionAlgorithm,
    /// The key that it names.
    pub kid: Option<String>,
    /// Who: `iss` and `sub`, which are the same.
    pub client: String,
    /// For whom: the one audience.
    pub audience: String,
    /// Its id.
    pub jti: String,
    /// When it ends (exclusive).
    pub expires_at: Timestamp,
    /// When it was made, if it says.
    pub issued_at: Option<Timestamp>,
    /// Before when it is not good.
    pub not_before: Option<Timestamp>,
}

impl std::fmt::Debug for ClientAssertion<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientAssertion").field("client", &self.client).finish_non_exhaustive()
    }
}

impl<'a> ClientAssertion<'a> {
    /// Reads an assertion.
    ///
    /// # Errors
    /// The first [`AssertionFault`] of its form.
    pub fn parse(text: &'a str) -> Result<Self, AssertionFault> {
        if text.len() > ASSERTION_BYTES_MAX {
            return Err(AssertionFault::TooLong);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(AssertionFault::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(AssertionFault::Malformed)?;
        let (header, payload) = (decode(header)?, decode(payload)?);
        let (header, payload) = (object(&header)?, object(&payload)?);
        if header.get("crit").is_some() {
            return Err(AssertionFault::Critical);
        }
        let algorithm = header.get("alg").and_then(StrictJson::as_text);
        let algorithm = algorithm.and_then(AssertionAlgorithm::parse);
        let client = short(&payload, "iss")?;
        if short(&payload, "sub")? != client {
            return Err(AssertionFault::Client);
        }
        Ok(Self {
            signing_input,
            signature: decode(signature)?,
            algorithm: algorithm.ok_or(AssertionFault::Algorithm)?,
            kid: match header.get("kid") {
                None => None,
                Some(kid) => Some(kid.as_text().ok_or(AssertionFault::Malformed)?.to_owned()),
            },
            client: client.to_owned(),
            audience: audience(&payload)?.to_owned(),
            jti: short(&payload, "jti")?.to_owned(),
            expires_at: moment(&payload, "exp")?.ok_or(AssertionFault::Claim("exp"))?,
            issued_at: moment(&payload, "iat")?,
            not_before: moment(&payload, "nbf")?,
        })
    }

    /// What is signed (RFC 7515 §5.1).
    #[must_use]
    pub fn signing_input(&self) -> &str {
        self.signing_input
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Judges its times.
    ///
    /// # Errors
    /// [`AssertionFault::Expired`], [`AssertionFault::TooLongLived`], [`AssertionFault::NotYet`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), AssertionFault> {
        if now >= self.expires_at {
            return Err(AssertionFault::Expired);
        }
        // A client whose clock is ahead counts its five minutes from later.
        let longest = |from: Timestamp| from.plus_seconds(LIFETIME_S_MAX);
        if self.expires_at > longest(now.plus_seconds(SKEW_S))
            || self.issued_at.is_some_and(|issued_at| self.expires_at > longest(issued_at))
        {
            return Err(AssertionFault::TooLongLived);
        }
        let latest = now.plus_seconds(SKEW_S);
        let is_early = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment > latest);
        if is_early(self.issued_at) || is_early(self.not_before) {
            return Err(AssertionFault::NotYet);
        }
        Ok(())
    }

    /// What tells it from every other: client and `jti`, as [`crate::replay::ReplayCache`] takes
    /// them.
    #[must_use]
    pub fn replay_id(&self) -> [u8; 16] {
        // Ids of clients have no blank, so that the joint is unambiguous.
        let whole = format!("client_assertion {} {}", self.client, self.jti);
        let mut id = [0; 16];
        let hash = digest(&SHA256, whole.as_bytes());
        id.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
        id
    }

    /// Whether it may have been used by that moment, by what it says of itself. One that is used no
    /// earlier than it says it was issued was not.
    #[must_use]
    pub fn may_have_been_used_by(&self, moment: Timestamp) -> bool {
        match self.issued_at {
            Some(issued_at) => issued_at < moment,
            // It could not be used longer before its end.
            None => self.expires_at <= moment.plus_seconds(LIFETIME_S_MAX.saturating_add(SKEW_S)),
        }
    }
}

fn decode(part: &str) -> Result<Vec<u8>, AssertionFault> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AssertionFault::Malformed)
}

fn object(bytes: &[u8]) -> Result<StrictJson<'_>, AssertionFault> {
    let json = StrictJson::parse(bytes).map_err(|_| AssertionFault::Malformed)?;
    if json.is_object() { Ok(json) } else { Err(AssertionFault::Malformed) }
}

/// A claim that is a text, not empty and not long.
fn short<'p>(payload: &'p StrictJson<'_>, name: &'static str) -> Result<&'p str, AssertionFault> {
    let text = payload.get(name).and_then(StrictJson::as_text).filter(|text| {
        let length = text.chars().count();
        (1..=CLAIM_CHARS_MAX).contains(&length)
    });
    text.ok_or(AssertionFault::Claim(name))
}

/// `aud`: a text, or a list of just one. An assertion for others as well could be theirs to replay.
fn audience<'p>(payload: &'p StrictJson<'_>) -> Result<&'p str, AssertionFault> {
    let one = match payload.get("aud") {
        Some(StrictJson::List(list)) => match list.as_slice() {
            [one] => Some(one),
            _ => None,
        },
        other => other,
    };
    one.and_then(StrictJson::as_text).ok_or(AssertionFault::Audience)
}

/// A `NumericDate` (RFC 7519 §2), in whole seconds or with a fraction, which is cut off.
fn moment(
    payload: &StrictJson<'_>,
    name: &'static str,
) -> Result<Option<Timestamp>, AssertionFault> {
    let seconds = match payload.get(name) {
        None => return Ok(None),
        Some(StrictJson::Integer(seconds)) => *seconds,
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates; checked below")]
        Some(StrictJson::Real(seconds)) => seconds.floor() as i64,
        Some(_) => return Err(AssertionFault::Claim(name)),
    };
    if (0..=SECONDS_MAX).contains(&seconds) {
        Ok(Some(Timestamp::from_seconds(seconds)))
    } else {
        Err(AssertionFault::Claim(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn text(header: &str, payload: &str) -> String {
        let encode = |part: &str| URL_SAFE_NO_PAD.encode(part);
        format!("{}.{}.{}", encode(header), encode(payload), encode("signature"))
    }

    fn payload(edit: impl FnOnce(&mut Value)) -> String {
        let mut payload = json!({
            "iss": "c", "sub": "c", "aud": "https://auth.example/", "jti": "1", "exp": 1_000,
        });
        edit(&mut payload);
        payload.to_string()
    }

    const HEADER: &str = r#"{"alg":"RS256"}"#;

    fn fault(header: &str, payload: &str) -> Option<AssertionFault> {
        ClientAssertion::parse(&text(header, payload)).err()
    }

    #[test]
    fn an_assertion_in_good_form_is_read() {
        let listed = payload(|p| p["aud"] = json!(["https://auth.example/"]));
        for payload in [payload(|_| ()), listed] {
            let text = text(r#"{"alg":"PS256","kid":"k","typ":"JWT"}"#, &payload);
            let read = ClientAssertion::parse(&text).unwrap();
            assert_eq!(
                (read.client.as_str(), read.audience.as_str()),
                ("c", "https://auth.example/")
            );
            assert_eq!(
                (read.algorithm, read.kid.as_deref()),
                (AssertionAlgorithm::Ps256, Some("k"))
            );
            assert_eq!((read.expires_at, read.issued_at, read.not_before), (at(1_000), None, None));
            assert!(text.starts_with(read.signing_input()));
            assert_eq!(read.signature(), b"signature");
        }
    }

    #[test]
    fn headers_that_are_not_taken() {
        use AssertionFault::{Algorithm, Critical, Malformed};
        for (header, expected) in [
            (r#"{"alg":"none"}"#, Algorithm),
            (r#"{"alg":"HS256"}"#, Algorithm),
            (r#"{"alg":"rs256"}"#, Algorithm),
            (r#"{"alg":["RS256"]}"#, Algorithm),
            ("{}", Algorithm),
            (r#"{"alg":"RS256","crit":["exp"]}"#, Critical),
            (r#"{"alg":"RS256","crit":[]}"#, Critical),
            (r#"{"alg":"RS256","kid":1}"#, Malformed),
            (r#"{"alg":"RS256","alg":"RS256"}"#, Malformed),
            (r#"["RS256"]"#, Malformed),
            ("", Malformed),
        ] {
            assert_eq!(fault(header, &payload(|_| ())), Some(expected), "{header}");
        }
    }

    #[test]
    fn claims_that_are_not_taken() {
        use AssertionFault::{Audience, Claim, Client, Malformed};
        let long = "x".repeat(65);
        let cases: [(&str, Value, AssertionFault); 21] = [
            ("iss", json!(null), Claim("iss")),
            ("iss", json!(""), Claim("iss")),
            ("iss", json!(long), Claim("iss")),
            ("sub", json!("d"), Client),
            ("sub", json!(long), Claim("sub")),
            ("jti", json!(""), Claim("jti")),
            ("jti", json!(long), Claim("jti")),
            ("jti", json!(7), Claim("jti")),
            ("aud", json!(null), Audience),
            ("aud", json!([]), Audience),
            ("aud", json!(["https://auth.example/", "https://evil.example/"]), Audience),
            ("aud", json!([["https://auth.example/"]]), Audience),
            ("aud", json!({ "0": "https://auth.example/" }), Audience),
            ("exp", json!("1000"), Claim("exp")),
            ("exp", json!(-1), Claim("exp")),
            ("exp", json!(1e300), Claim("exp")),
            ("exp", json!(null), Claim("exp")),
            ("iat", json!("now"), Claim("iat")),
            ("iat", json!(null), Claim("iat")),
            ("nbf", json!([1]), Claim("nbf")),
            ("nbf", json!(i64::MAX), Claim("nbf")),
        ];
        for (name, value, expected) in cases {
            assert_eq!(
                fault(HEADER, &payload(|p| p[name] = value.clone())),
                Some(expected),
                "{name} {value}"
            );
        }
        for name in ["iss", "sub", "jti", "exp"] {
            let cut = payload(|p| {
                p.as_object_mut().unwrap().remove(name);
            });
            assert_eq!(fault(HEADER, &cut), Some(Claim(name)), "{name}");
        }
        let nested = payload(|_| ()).replacen('{', r#"{"x":{"a":1,"a":2},"#, 1);
        assert_eq!(fault(HEADER, &nested), Some(Malformed));
        let twice = payload(|_| ()).replacen('{', r#"{"aud":"https://evil.example/","#, 1);
        assert_eq!(fault(HEADER, &twice), Some(Malformed));
    }

    #[test]
    fn what_is_no_jwt_is_refused() {
        let good = text(HEADER, &payload(|_| ()));
        for bad in [
            "",
            "a",
            "a.b",
            "..",
            &format!("{good}.x"),
            &format!("{good}="),
            &good.replace('.', ".."),
        ] {
            assert_eq!(ClientAssertion::parse(bad).err(), Some(AssertionFault::Malformed), "{bad}");
        }
        let long = "x".repeat(ASSERTION_BYTES_MAX + 1);
        assert_eq!(ClientAssertion::parse(&long).err(), Some(AssertionFault::TooLong));
    }

    #[test]
    fn times_are_judged_with_ten_seconds_for_clocks_and_five_minutes_of_life() {
        let check = |exp: i64, iat: Option<i64>, nbf: Option<i64>| {
            let text = text(
                HEADER,
                &payload(|p| {
                    p["exp"] = json!(exp);
                    for (name, value) in [("iat", iat), ("nbf", nbf)] {
                        if let Some(value) = value {
                            p[name] = json!(value);
                        }
                    }
                }),
            );
            ClientAssertion::parse(&text).unwrap().check_time(at(1_000)).err()
        };
        use AssertionFault::{Expired, NotYet, TooLongLived};
        for (exp, iat, nbf, expected) in [
            (1_001, None, None, None),
            (1_000, None, None, Some(Expired)),
            (1_310, None, None, None),
            (1_311, None, None, Some(TooLongLived)),
            (1_310, Some(1_010), None, None),
            (1_310, Some(1_009), None, Some(TooLongLived)),
            (1_100, Some(800), None, None),
            (1_100, Some(799), None, Some(TooLongLived)),
            (1_100, Some(1_010), Some(1_010), None),
            (1_100, Some(1_011), None, Some(NotYet)),
            (1_100, None, Some(1_011), Some(NotYet)),
            (1_100, Some(1_000), Some(0), None),
        ] {
            assert_eq!(check(exp, iat, nbf), expected, "{exp} {iat:?} {nbf:?}");
        }
    }

    #[test]
    fn what_may_have_been_used_before_is_told_from_what_cannot() {
        let used = |exp: i64, iat: Option<i64>| {
            let text = text(
                HEADER,
                &payload(|p| {
                    p["exp"] = json!(exp);
                    if let Some(iat) = iat {
                        p["iat"] = json!(iat);
                    }
                }),
            );
            ClientAssertion::parse(&text).unwrap().may_have_been_used_by(at(1_000))
        };
        for (exp, iat, expected) in [
            (1_200, Some(999), true),
            (1_200, Some(1_000), false),
            (1_310, None, true),
            (1_311, None, false),
        ] {
            assert_eq!(used(exp, iat), expected, "{exp} {iat:?}");
        }
    }

    #[test]
    fn an_id_counts_once_for_each_client() {
        let id = |client: &str, jti: &str| {
            let text = text(
                HEADER,
                &payload(|p| {
                    p["iss"] = json!(client);
                    p["sub"] = json!(client);
                    p["jti"] = json!(jti);
                }),
            );
            ClientAssertion::parse(&text).unwrap().replay_id()
        };
        assert_eq!(id("a", "1"), id("a", "1"));
        assert_ne!(id("a", "1"), id("a", "2"));
        assert_ne!(id("a", "1"), id("b", "1"));
    }
}
