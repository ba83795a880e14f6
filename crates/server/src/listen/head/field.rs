//! Header names of interest, and the byte classes of RFC 9110, section 5.

/// Longest name or value that has to be recognised: `transfer-encoding`.
const WORD_BYTES: usize = 24;

/// The bytes that may stand in a method or a header name.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which refuses a bad index")]
static TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &[u8] =
        b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_!#$%&'*+.^`|~";
    while let [byte, tail @ ..] = rest {
        table[*byte as usize] = true;
        rest = tail;
    }
    table
};

/// How many bytes at the start may stand in a method or a header name.
pub(super) fn token_run(bytes: &[u8]) -> usize {
    let allowed = |byte: u8| TOKEN_BYTES.get(usize::from(byte)).copied().unwrap_or(false);
    bytes.iter().position(|&byte| !allowed(byte)).unwrap_or(bytes.len())
}

/// Whether a byte may stand in a header value: everything but controls.
pub(super) fn is_value_byte(byte: u8) -> bool {
    (byte >= 0x20 && byte != 0x7f) || byte == b'\t'
}

/// How many bytes at the start may stand in a header value.
pub(super) fn value_run(bytes: &[u8]) -> usize {
    let skipped = 8 * clean_words(bytes, |word| below(word, 0x20) | equal(word, 0x7f));
    let rest = bytes.get(skipped..).unwrap_or_default();
    skipped + rest.iter().position(|&byte| !is_value_byte(byte)).unwrap_or(rest.len())
}

/// How many bytes at the start may stand in a request target: visible ASCII except `#`.
pub(super) fn target_run(bytes: &[u8]) -> usize {
    let skipped = 8 * clean_words(bytes, |word| {
        below(word, 0x21) | equal(word, 0x7f) | equal(word, b'#') | (word & HIGH_BITS)
    });
    let rest = bytes.get(skipped..).unwrap_or_default();
    let allowed = |byte: u8| matches!(byte, 0x21..=0x7e) && byte != b'#';
    skipped + rest.iter().position(|&byte| !allowed(byte)).unwrap_or(rest.len())
}

/// Eight bytes that are 1, and eight of which the high bit is set.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// How many words of eight bytes at the start have no byte that `suspect` marks. It may mark too
/// much: what follows is looked at byte by byte.
fn clean_words(bytes: &[u8], suspect: impl Fn(u64) -> u64) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().take_while(|word| suspect(u64::from_ne_bytes(**word)) == 0).count()
}

/// Not 0 when a byte of the word is less than `bound`, which is at most 0x80.
fn below(word: u64, bound: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGH_BITS
}

/// Not 0 when a byte of the word is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * u64::from(byte)), 1)
}

/// Whether a byte may stand in `Host`: a name, an address, brackets, a port.
pub(super) fn is_host_byte(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'['
        | b']' | b'%' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b';' | b'=')
}

/// The headers the framing depends on, or that must be single.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Host,
    ContentLength,
    TransferEncoding,
    Authorization,
    Connection,
    Other,
}

impl Field {
    /// The header with this name.
    pub(super) fn named(name: &Word) -> Self {
        match name.len() {
            4 if name.equals(b"host") => Self::Host,
            10 if name.equals(b"connection") => Self::Connection,
            13 if name.equals(b"authorization") => Self::Authorization,
            14 if name.equals(b"content-length") => Self::ContentLength,
            17 if name.equals(b"transfer-encoding") => Self::TransferEncoding,
            _ => Self::Other,
        }
    }
}

/// A short word being collected in lower case; a longer one equals nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    bytes: [u8; WORD_BYTES],
    len: usize,
}

impl Word {
    /// Adds one byte.
    pub(super) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte.to_ascii_lowercase();
        }
        self.len = self.len.saturating_add(1);
    }

    /// Adds bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        let end = self.len.saturating_add(bytes.len());
        if let Some(slots) = self.bytes.get_mut(self.len..end) {
            for (slot, byte) in slots.iter_mut().zip(bytes) {
                *slot = byte.to_ascii_lowercase();
            }
            self.len = end;
        } else {
            for &byte in bytes.iter().take(WORD_BYTES) {
                self.push(byte);
            }
            self.len = end;
        }
    }

    /// Adds bytes up to `max` in all, or returns the offset of the first byte too many.
    pub(super) fn push_all(&mut self, bytes: &[u8], max: usize) -> Option<usize> {
        let room = max.saturating_sub(self.len);
        if bytes.len() > room {
            return Some(room);
        }
        self.extend(bytes);
        None
    }

    /// How many bytes were added, including those that did not fit.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it is this lower-case word.
    pub(super) fn equals(&self, word: &[u8]) -> bool {
        self.bytes.get(..self.len) == Some(word)
    }

    /// Whether it is this lower-case word, white space after it aside.
    pub(super) fn equals_trimmed(&self, word: &[u8]) -> bool {
        self.bytes.get(..self.len).is_some_and(|bytes| bytes.trim_ascii_end() == word)
    }
}

/// The options of the `Connection` lines of one head.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ConnectionOptions {
    word: Word,
    /// `close` was named.
    pub(super) close: bool,
    /// `keep-alive` was named.
    pub(super) keep_alive: bool,
}

impl ConnectionOptions {
    /// Reads one byte of a value.
    pub(super) fn push(&mut self, byte: u8) {
        match byte {
            b',' => self.end_line(),
            b' ' | b'\t' if self.word.is_empty() => {}
            _ => self.word.push(byte),
        }
    }

    /// Ends an option.
    pub(super) fn end_line(&mut self) {
        self.close |= self.word.equals_trimmed(b"close");
        self.keep_alive |= self.word.equals_trimmed(b"keep-alive");
        self.word = Word::default();
    }
}
