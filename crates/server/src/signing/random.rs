//! Random numbers, all from the cryptographic generator of the library (seeded by the system).

use aws_lc_rs::rand;
use keyward_core::base62;
use zeroize::Zeroizing;

/// The largest multiple of 62 in a byte. Bytes from here on are drawn again, or the first eight
/// characters would come up more often.
const UNBIASED: u8 = 248;

/// The generator gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system's random number generator failed")]
pub struct RandomError;

/// `N` random bytes.
///
/// # Errors
/// [`RandomError`] when the generator fails.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| RandomError)?;
    Ok(bytes)
}

/// `length` random base62 characters, each of the 62 equally likely; wiped when dropped.
///
/// # Errors
/// [`RandomError`] when the generator fails.
pub fn random_base62(length: usize) -> Result<Zeroizing<String>, RandomError> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    while text.len() < length {
        let bytes = Zeroizing::new(random_bytes::<64>()?);
        for byte in bytes.iter().filter(|byte| **byte < UNBIASED) {
            if text.len() < length {
                let [character] = base62::encode_fixed(u128::from(*byte % 62));
                text.push(char::from(character));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_has_the_length_asked_for_and_every_character() {
        for length in [0, 1, 20, 32, 65, 200] {
            assert_eq!(random_base62(length).unwrap().len(), length);
        }
        // Of 20,000 characters each of 62 is expected 322 times with a deviation of 18; outside of
        // 12 deviations the generator is broken, not unlucky.
        let text = random_base62(20_000).unwrap();
        assert!(base62::is_base62(&text));
        for digit in 0..62 {
            let [character] = base62::encode_fixed(digit);
            let count = text.bytes().filter(|byte| *byte == character).count();
            assert!((106..540).contains(&count), "{} came {count} times", char::from(character));
        }
    }

    #[test]
    fn bytes_differ_from_draw_to_draw() {
        assert_ne!(random_bytes::<32>().unwrap(), random_bytes::<32>().unwrap());
    }
}
