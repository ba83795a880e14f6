//! Issuing a token: the signature, and the whole token.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use keyward_core::jwk::Algorithm;
use keyward_core::jws;
use keyward_core::time::Clock as _;
use keyward_core::token::Dialect;
use keyward_server::clock::SystemClock;
use keyward_server::signing::SigningKey;

use crate::arguments::Arguments;
use crate::decisions::claims;
use crate::measure::{Contender, race};
use crate::report::{Table, us};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut table = Table::new("Issuing tokens");
    for algorithm in Algorithm::ALL {
        signing(&mut table, arguments, algorithm)?;
    }
    table.print();
    Ok(())
}

/// The bare signature of the library, with nothing of ours around it.
pub(crate) enum Bare {
    Rsa(Box<RsaKeyPair>, &'static dyn RsaEncoding),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

impl Bare {
    pub(crate) fn new(key: &SigningKey) -> anyhow::Result<Self> {
        let pkcs8 = key.to_pkcs8()?;
        Ok(match key.algorithm() {
            Algorithm::Rs256 => {
                Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8)?), &RSA_PKCS1_SHA256)
            }
            Algorithm::Ps256 => {
                Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(&pkcs8)?), &RSA_PSS_SHA256)
            }
            Algorithm::Es256 => Self::P256(Box::new(EcdsaKeyPair::from_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &pkcs8,
            )?)),
            Algorithm::EdDsa => Self::Ed25519(Box::new(Ed25519KeyPair::from_pkcs8(&pkcs8)?)),
        })
    }

    pub(crate) fn sign(&self, message: &[u8]) -> bool {
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = [0; 256];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature).is_ok()
            }
            Self::P256(pair) => pair.sign(&SystemRandom::new(), message).is_ok(),
            Self::Ed25519(pair) => pair.try_sign(message).is_ok(),
        }
    }
}

/// What the signature of a token of this key is over.
pub(crate) fn signed_by(key: &SigningKey) -> String {
    let claims = claims(1, SystemClock.now().seconds());
    let header = jws::encode_header(key.algorithm(), Dialect::Rfc9068.typ(), key.kid());
    jws::signing_input(&header, claims.to_json(Dialect::Rfc9068).as_bytes())
}

fn signing(table: &mut Table, arguments: &Arguments, algorithm: Algorithm) -> anyhow::Result<()> {
    let key = SigningKey::generate(algorithm)?;
    let bare = Bare::new(&key)?;
    let count = arguments.either(200, 50);
    let claims = claims(1, SystemClock.now().seconds());
    let input = signed_by(&key);
    let issue = || key.token(Dialect::Rfc9068, &claims).is_ok();
    let times = race(
        algorithm.name(),
        count,
        &mut [
            Contender::new("token", |_| (0..count).map(|_| u64::from(issue())).sum()),
            Contender::new("signature", |_| {
                (0..count).map(|_| u64::from(bare.sign(input.as_bytes()))).sum()
            }),
        ],
    )?;
    let peer = ("bare aws-lc-rs signature", times[1] / 1e3);
    table.compare(format!("{algorithm}: whole token"), times[0] / 1e3, peer, None, us);
    Ok(())
}
