//! Base62 (`0-9A-Za-z`) of numbers: identifiers and checksums that a double click selects whole.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// 62 to the power of `digits`; saturates at `u128::MAX`.
#[must_use]
pub const fn power(digits: usize) -> u128 {
    let mut value: u128 = 1;
    let mut left = digits;
    while left > 0 {
        value = value.saturating_mul(62);
        left = left.saturating_sub(1);
    }
    value
}

/// Stands for a character that is no digit.
const NO_DIGIT: u8 = u8::MAX;
/// The value of each character. A look-up has no branch to guess, and digits are random.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks the bounds")]
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value: u8 = 0;
    while (value as usize) < ALPHABET.len() {
        digits[ALPHABET[value as usize] as usize] = value;
        value = value.wrapping_add(1);
    }
    digits
};

/// The value of one base62 character.
#[must_use]
pub fn digit(byte: u8) -> Option<u8> {
    DIGITS.get(usize::from(byte)).copied().filter(|value| *value != NO_DIGIT)
}

/// How many digits are worked on as 64 bits at a time: arithmetic in 128 bits is many times slower.
const DIGITS_AT_ONCE: usize = 10;
/// 62 to the power of [`DIGITS_AT_ONCE`], which is below 2^60.
const CHUNK: u128 = power(DIGITS_AT_ONCE);

/// Reads a number. `None` for an empty text, another character or a number over 128 bits.
#[must_use]
pub fn decode(text: &str) -> Option<u128> {
    if text.is_empty() {
        return None;
    }
    text.as_bytes().chunks(DIGITS_AT_ONCE).try_fold(0u128, |value, digits| {
        let read = digits
            .iter()
            .try_fold(0u64, |value, byte| value.checked_mul(62)?.checked_add(digit(*byte)?.into()));
        let scale = if digits.len() == DIGITS_AT_ONCE { CHUNK } else { power(digits.len()) };
        value.checked_mul(scale)?.checked_add(u128::from(read?))
    })
}

/// Writes the lowest `N` base62 digits of a number, leading zeros included.
#[must_use]
pub fn encode_fixed<const N: usize>(mut value: u128) -> [u8; N] {
    let mut out = [b'0'; N];
    for places in out.rchunks_mut(DIGITS_AT_ONCE) {
        let mut low = u64::try_from(value % CHUNK).unwrap_or_default();
        value /= CHUNK;
        for place in places.iter_mut().rev() {
            let index = usize::try_from(low % 62).unwrap_or_default();
            *place = ALPHABET.get(index).copied().unwrap_or(b'0');
            low /= 62;
        }
    }
    out
}

/// Whether every byte is a base62 character.
#[must_use]
pub fn is_base62(text: &str) -> bool {
    // Without an early end the compiler looks at many bytes at once.
    text.bytes().fold(true, |all, byte| all & byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_and_reading_agree() {
        for value in [0, 1, 61, 62, u128::from(u32::MAX), power(20) - 1] {
            let text = encode_fixed::<20>(value);
            assert_eq!(decode(std::str::from_utf8(&text).unwrap()), Some(value));
        }
    }

    #[test]
    fn digits_read_alike_in_every_split() {
        for digits in 1..=21 {
            let text = "9Az0".chars().cycle().take(digits).collect::<String>();
            let plain = text
                .bytes()
                .fold(0u128, |value, byte| value * 62 + u128::from(digit(byte).unwrap()));
            assert_eq!(decode(&text), Some(plain), "{text}");
            let padded = format!("{text:0>21}");
            assert_eq!(encode_fixed::<21>(plain).as_slice(), padded.as_bytes(), "{text}");
        }
        let most = encode_fixed::<22>(u128::MAX);
        assert_eq!(decode(std::str::from_utf8(&most).unwrap()), Some(u128::MAX));
        assert_eq!(decode(&format!("0{}", std::str::from_utf8(&most).unwrap())), Some(u128::MAX));
    }

    #[test]
    fn what_is_not_base62_is_refused() {
        assert_eq!(decode(""), None);
        assert_eq!(decode("a-b"), None);
        assert_eq!(decode(&"z".repeat(23)), None);
    }
}
