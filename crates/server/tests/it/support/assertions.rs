//! Keys of clients, and what they sign.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PSS_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyward_core::client_assertion::ASSERTION_TYPE;
use serde_json::{Value, json};

use super::{Answer, NOW_S, World};

/// A client's key pair.
pub(crate) enum ClientKey {
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl ClientKey {
    pub(crate) fn rsa(size: KeySize) -> Self {
        Self::Rsa(RsaKeyPair::generate(size).unwrap())
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().unwrap())
    }

    /// The public key (`SubjectPublicKeyInfo`) in PEM.
    pub(crate) fn pem(&self) -> String {
        let der: PublicKeyX509Der<'_> = match self {
            Self::Rsa(pair) => pair.public_key().as_der().unwrap(),
            Self::P256(pair) => pair.public_key().as_der().unwrap(),
            Self::Ed25519(pair) => pair.public_key().as_der().unwrap(),
        };
        pem("PUBLIC KEY", der.as_ref())
    }

    /// The public key of an RSA pair as PKCS#1 has it.
    pub(crate) fn pkcs1_pem(&self) -> String {
        let Self::Rsa(pair) = self else { panic!("no RSA key") };
        pem("RSA PUBLIC KEY", pair.public_key().as_ref())
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::P256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let padding: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// A JWT with that header and these claims.
    pub(crate) fn jwt(&self, header: &Value, claims: &str) -> String {
        let algorithm = header["alg"].as_str().unwrap_or_default();
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let input = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign(algorithm, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        lines.push_str(std::str::from_utf8(line).unwrap());
        lines.push('\n');
    }
    format!("{lines}-----END {label}-----\n")
}

/// The claims of a good assertion, made `at_s` seconds after the beginning of the world.
pub(crate) fn claims(client: &str, jti: &str, at_s: i64) -> Value {
    let now = NOW_S + at_s;
    json!({
        "iss": client,
        "sub": client,
        "aud": "https://auth.example/",
        "jti": jti,
        "iat": now,
        "exp": now + 120,
    })
}

/// Asks for a token with an assertion and nothing else.
pub(crate) async fn ask_with(world: &World, assertion: &str) -> Answer {
    ask_with_more(world, assertion, &[]).await
}

/// The same, with more parameters.
pub(crate) async fn ask_with_more(world: &World, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("grant_type", "client_credentials"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    fields.extend_from_slice(more);
    world.call("POST", "/oauth/token").form(&fields).await
}
