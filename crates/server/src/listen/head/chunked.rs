//! The chunked transfer coding, read strictly (RFC 9112, section 7.1).

use super::Violation;
use super::field::is_value_byte;

/// Hex digits of a chunk size accepted: a chunk of 4 GiB is more than any body here.
const SIZE_DIGITS_MAX: u8 = 8;
/// Bytes of one chunk extension accepted; extensions are ignored, so none needs to be long.
const EXTENSION_BYTES_MAX: u8 = 128;

/// How far a step came.
pub(super) enum ChunkStep {
    /// This many bytes were consumed and the body goes on.
    More(usize),
    /// This many bytes were consumed and the body is complete.
    End(usize),
}

#[derive(Debug, Clone, Copy)]
enum State {
    Size,
    Extension { bytes: u8 },
    SizeEnd,
    Data { left: u64 },
    DataReturn,
    DataEnd,
    Last,
    LastEnd,
}

/// Follows one chunked body.
#[derive(Debug, Clone)]
pub(super) struct ChunkedScanner {
    state: State,
    size: u64,
    digits: u8,
}

impl Default for ChunkedScanner {
    fn default() -> Self {
        Self { state: State::Size, size: 0, digits: 0 }
    }
}

impl ChunkedScanner {
    /// Consumes the start of `rest`, which is not empty.
    pub(super) fn step(&mut self, rest: &[u8]) -> Result<ChunkStep, (usize, Violation)> {
        let Some(&byte) = rest.first() else { return Ok(ChunkStep::More(0)) };
        let mut used = 1;
        match (self.state, byte) {
            (State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (State::Size, b'\r') if self.digits > 0 => self.state = State::SizeEnd,
            (State::Size, b';') if self.digits > 0 => self.state = State::Extension { bytes: 0 },
            (State::Extension { .. }, b'\r') => self.state = State::SizeEnd,
            (State::Extension { bytes }, _)
                if is_value_byte(byte) && bytes < EXTENSION_BYTES_MAX =>
            {
                self.state = State::Extension { bytes: bytes + 1 };
            }
            (State::SizeEnd, b'\n') if self.size == 0 => self.state = State::Last,
            (State::SizeEnd, b'\n') => self.state = State::Data { left: self.size },
            (State::Data { left }, _) => {
                used = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                let left = left - used as u64;
                self.state = if left == 0 { State::DataReturn } else { State::Data { left } };
            }
            (State::DataReturn, b'\r') => self.state = State::DataEnd,
            (State::DataEnd, b'\n') => *self = Self::default(),
            // Trailer fields are refused: nothing here reads them, and what is read twice differs.
            (State::Last, b'\r') => self.state = State::LastEnd,
            (State::LastEnd, b'\n') => return Ok(ChunkStep::End(1)),
            (
                State::Size
                | State::Extension { .. }
                | State::SizeEnd
                | State::DataReturn
                | State::DataEnd
                | State::Last
                | State::LastEnd,
                _,
            ) => return Err((0, Violation::Chunk)),
        }
        Ok(ChunkStep::More(used))
    }

    fn digit(&mut self, byte: u8) -> Result<(), (usize, Violation)> {
        if self.digits >= SIZE_DIGITS_MAX {
            return Err((0, Violation::Chunk));
        }
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => byte.wrapping_sub(b'A').wrapping_add(10),
        };
        self.digits += 1;
        self.size = self.size * 16 + u64::from(value);
        Ok(())
    }
}
