//! What one request head says about itself.

use super::Violation;
use super::field::{ConnectionOptions, Field, Word, is_host_byte};

/// Digits of a `Content-Length` accepted: more than any body has, and below overflow of a `u64`.
const LENGTH_DIGITS_MAX: usize = 18;

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// There is none.
    None,
    /// This many bytes, not 0.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// What is known of the head being read.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    pub(super) target_bytes: usize,
    pub(super) header_count: usize,
    /// The target is `*`.
    pub(super) asterisk: bool,
    pub(super) http_1_0: bool,
    seen_host: bool,
    seen_authorization: bool,
    seen_transfer_encoding: bool,
    length: Option<u64>,
    length_digits: usize,
    length_ended: bool,
    options: ConnectionOptions,
}

impl Head {
    /// Records that a header of interest occurs, and refuses its second occurrence.
    pub(super) fn note(&mut self, field: Field) -> Result<(), Violation> {
        let seen = match field {
            Field::Host => &mut self.seen_host,
            Field::Authorization => &mut self.seen_authorization,
            Field::TransferEncoding => &mut self.seen_transfer_encoding,
            Field::ContentLength => {
                return match self.length.replace(0) {
                    None => Ok(()),
                    Some(_) => Err(Violation::Repeated),
                };
            }
            Field::Connection | Field::Other => return Ok(()),
        };
        if std::mem::replace(seen, true) { Err(Violation::Repeated) } else { Ok(()) }
    }

    /// Reads a part of a value without control characters; `word` collects what is recognised at
    /// its end.
    pub(super) fn read_value(
        &mut self,
        word: &mut Word,
        text: &[u8],
        field: Field,
    ) -> Result<(), (usize, Violation)> {
        match field {
            Field::Other | Field::Authorization => {}
            Field::Host => {
                for (at, &byte) in text.iter().enumerate() {
                    host_byte(word, byte).map_err(|violation| (at, violation))?;
                }
            }
            Field::ContentLength => {
                for (at, &byte) in text.iter().enumerate() {
                    self.length_byte(byte).map_err(|violation| (at, violation))?;
                }
            }
            Field::TransferEncoding => word.extend(text),
            Field::Connection => {
                for &byte in text {
                    self.options.push(byte);
                }
            }
        }
        Ok(())
    }

    /// Judges a value that is complete.
    pub(super) fn end_value(&mut self, word: &Word, field: Field) -> Result<(), Violation> {
        match field {
            Field::ContentLength if self.length_digits == 0 => Err(Violation::ContentLength),
            Field::TransferEncoding if !word.equals_trimmed(b"chunked") => {
                Err(Violation::TransferEncoding)
            }
            Field::Connection => {
                self.options.end_line();
                Ok(())
            }
            Field::Host
            | Field::ContentLength
            | Field::TransferEncoding
            | Field::Authorization
            | Field::Other => Ok(()),
        }
    }

    /// Judges the head as a whole, and says how its body is delimited.
    pub(super) fn body(&self) -> Result<BodyFraming, Violation> {
        if !self.seen_host && !self.http_1_0 {
            return Err(Violation::HostMissing);
        }
        match (self.seen_transfer_encoding, self.length) {
            (true, Some(_)) => Err(Violation::TransferEncoding),
            (true, None) if self.http_1_0 => Err(Violation::TransferEncoding),
            (true, None) => Ok(BodyFraming::Chunked),
            (false, None | Some(0)) => Ok(BodyFraming::None),
            (false, Some(length)) => Ok(BodyFraming::Length(length)),
        }
    }

    /// Whether the connection ends with this request.
    pub(super) fn is_last(&self) -> bool {
        self.options.close || (self.http_1_0 && !self.options.keep_alive)
    }

    fn length_byte(&mut self, byte: u8) -> Result<(), Violation> {
        if matches!(byte, b' ' | b'\t') {
            self.length_ended = true;
            return Ok(());
        }
        if !byte.is_ascii_digit() || self.length_ended || self.length_digits >= LENGTH_DIGITS_MAX {
            return Err(Violation::ContentLength);
        }
        self.length_digits += 1;
        self.length = Some(self.length.unwrap_or(0) * 10 + u64::from(byte - b'0'));
        Ok(())
    }
}

/// Trailing white space is allowed in a host, white space inside is not.
fn host_byte(word: &mut Word, byte: u8) -> Result<(), Violation> {
    if matches!(byte, b' ' | b'\t') {
        word.push(b' ');
        return Ok(());
    }
    if word.is_empty() && is_host_byte(byte) { Ok(()) } else { Err(Violation::HeaderValue) }
}
