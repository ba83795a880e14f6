//! Request ids: random, so that they say nothing and cannot be guessed.

use std::cell::RefCell;
use std::fmt;

/// How many ids are drawn at once. One call of the generator costs about as much as twenty ids.
const DRAWN_AT_ONCE: usize = 64;
const BYTES: usize = 16;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The id of one request: 128 random bits, 32 hexadecimal digits in text. It ties the answer to
/// its log line and its event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; BYTES]);

struct Drawn {
    bytes: [u8; BYTES * DRAWN_AT_ONCE],
    used: usize,
}

thread_local! {
    static DRAWN: RefCell<Drawn> = const {
        RefCell::new(Drawn { bytes: [0; BYTES * DRAWN_AT_ONCE], used: DRAWN_AT_ONCE })
    };
}

impl RequestId {
    /// A new id. Should the system's generator fail, it is all zeros: no verdict hangs on it.
    #[must_use]
    pub fn random() -> Self {
        DRAWN.with_borrow_mut(Drawn::next)
    }

    /// The 32 hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> [u8; BYTES * 2] {
        let mut digits = [b'0'; BYTES * 2];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0) {
            for (digit, half) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
                *digit = HEX.get(usize::from(half)).copied().unwrap_or(b'0');
            }
        }
        digits
    }
}

impl Drawn {
    fn next(&mut self) -> RequestId {
        if self.used >= DRAWN_AT_ONCE {
            if aws_lc_rs::rand::fill(&mut self.bytes).is_err() {
                tracing::error!("the system's random generator failed, request ids are void");
                return RequestId([0; BYTES]);
            }
            self.used = 0;
        }
        let id = self.bytes.chunks_exact(BYTES).nth(self.used).and_then(|id| id.try_into().ok());
        self.used += 1;
        RequestId(id.unwrap_or_default())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_hex()).unwrap_or_default())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_never_the_same_over_several_draws() {
        let ids: HashSet<String> =
            (0..DRAWN_AT_ONCE * 5).map(|_| RequestId::random().to_string()).collect();
        assert_eq!(ids.len(), DRAWN_AT_ONCE * 5);
        assert!(ids.iter().all(|id| id.len() == 32));
    }

    #[test]
    fn the_text_is_hexadecimal_with_the_high_half_first() {
        let mut bytes = [0; BYTES];
        bytes[0] = 0x0f;
        bytes[15] = 0xa1;
        assert_eq!(RequestId(bytes).to_string(), "0f0000000000000000000000000000a1");
    }
}
