//! What is wrong with a list, in words for the person who wrote it.

use std::fmt;
use std::net::IpAddr;

use crate::network::Network;

/// How many characters of a bad entry an error repeats.
const TEXT_CHARS_MAX: usize = 60;
/// How many errors are kept; further ones are only counted.
const ERRORS_MAX: usize = 100;

/// Why a text is not an address or not an acceptable entry.
///
/// [`code`](Self::code) is stable and for programs; `Display` is a sentence for people;
/// [`suggestion`](Self::suggestion) is a replacement text where one is nearly certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// Nothing but blanks.
    #[error("is empty; write an address or a network such as 203.0.113.0/24")]
    Empty,
    /// A character outside ASCII: a no-break space, a byte order mark, a full-width digit.
    #[error(
        "has a character outside ASCII (perhaps an invisible one from a web page or a spreadsheet); type it again"
    )]
    NonAscii,
    /// Longer than any address or network can be.
    #[error("is longer than any address")]
    TooLong,
    /// Not the form of an address: a word, a wildcard, a range, hexadecimal or decimal numbers.
    #[error(
        "is not an address; write IPv4 as 203.0.113.5, IPv6 as 2001:db8::1, and a network as 203.0.113.0/24 (no ranges, wildcards or host names)"
    )]
    Syntax,
    /// The part in front of the slash is missing, holds a blank, or has an octet over 255.
    #[error(
        "has no valid address in front of the slash or as a whole; check for blanks and for numbers over 255"
    )]
    Address,
    /// An octet such as `010`, which is ten for some programs and eight for others.
    #[error("has a number with a leading zero, which some programs read as octal; remove the zero")]
    LeadingZero,
    /// Not four octets, or not eight groups.
    #[error("has too few or too many parts; IPv4 has four numbers, IPv6 eight groups (or `::`)")]
    PartCount,
    /// The prefix length is missing, signed, padded, too large or followed by something.
    #[error(
        "has a wrong prefix length; write a number from 1 to 32 (IPv4) or 128 (IPv6) and nothing after it"
    )]
    Prefix,
    /// A netmask or a wildcard mask in place of a prefix length.
    #[error("has a netmask; write a prefix length{}", hint(.suggestion.as_ref()))]
    Netmask {
        /// The same network with its prefix length, when the mask is a whole one.
        suggestion: Option<Network>,
    },
    /// A port after the address.
    #[error("has a port; write the address alone{}", hint(.suggestion.as_ref()))]
    Port {
        /// The address without the port.
        suggestion: Option<IpAddr>,
    },
    /// Square brackets, which belong to URLs.
    #[error("has brackets; write the address without them")]
    Brackets,
    /// A zone such as `%eth0`, which means something on one machine only.
    #[error("has a zone; an address with `%` means something on one machine only")]
    Zone,
    /// Two entries where one is due.
    #[error("holds more than one entry; write one a line")]
    MultipleEntries,
    /// A bit after the prefix is one.
    #[error("has host bits set; write {network} for the network or {host} for the host")]
    HostBitsSet {
        /// The network around the address.
        network: Network,
        /// The address itself.
        host: IpAddr,
    },
    /// An IPv4-mapped address with a prefix length under 96.
    #[error(
        "is an IPv4 address in IPv6 form with a length under 96; write it as IPv4{}",
        hint(.suggestion.as_ref())
    )]
    MappedPrefixTooShort {
        /// What was probably meant: the length taken as an IPv4 one.
        suggestion: Option<Network>,
    },
    /// An IPv4-compatible address (`::203.0.113.5`), a form that no client ever has.
    #[error("is in the obsolete IPv4-compatible form, which no client has; write {suggestion}")]
    Ipv4Compatible {
        /// The IPv4 network that was probably meant, a host without its length.
        suggestion: Shown,
    },
    /// Beginning in `::/8`, where no client address lies (NAT64 and translated forms among them).
    #[error("lies in the reserved block ::/8, where no client has its address")]
    Reserved,
    /// A network of length 0, which is everybody.
    #[error("admits everybody; to lift the restriction set the mode to off")]
    TooBroad,
    /// `0.0.0.0` or `::`, which is never a client.
    #[error("is the unspecified address, which is never a client's")]
    Unspecified,
    /// A list with more entries than the rules allow.
    #[error("is one entry too many; a list holds at most {max}")]
    TooManyEntries {
        /// [`EntryRules::max_entries`](crate::EntryRules::max_entries).
        max: usize,
    },
    /// A label with a control character, or too long.
    #[error("has a label with control characters or of more than {max} characters")]
    Label {
        /// The most characters a label may have.
        max: usize,
    },
}

/// A network as a person writes it: a single host without its prefix length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown(pub(crate) Network);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Network::host(self.0.address()) {
            write!(f, "{}", self.0.address())
        } else {
            write!(f, "{}", self.0)
        }
    }
}

impl ParseErrorKind {
    /// The stable name of this kind, for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NonAscii => "non_ascii",
            Self::TooLong => "too_long",
            Self::Syntax => "syntax",
            Self::Address => "addr",
            Self::LeadingZero => "leading_zero",
            Self::PartCount => "part_count",
            Self::Prefix => "prefix",
            Self::Netmask { .. } => "netmask",
            Self::Port { .. } => "port",
            Self::Brackets => "brackets",
            Self::Zone => "zone",
            Self::MultipleEntries => "multiple_entries",
            Self::HostBitsSet { .. } => "host_bits_set",
            Self::MappedPrefixTooShort { .. } => "mapped_prefix_too_short",
            Self::Ipv4Compatible { .. } => "ipv4_compatible",
            Self::Reserved => "reserved",
            Self::TooBroad => "too_broad",
            Self::Unspecified => "unspecified",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::Label { .. } => "label",
        }
    }

    /// The entry that was probably meant, ready to be written in its place.
    #[must_use]
    pub fn suggestion(&self) -> Option<String> {
        match self {
            Self::HostBitsSet { network, .. } => Some(network.to_string()),
            Self::Netmask { suggestion } | Self::MappedPrefixTooShort { suggestion } => {
                suggestion.map(|network| network.to_string())
            }
            Self::Port { suggestion } => suggestion.map(|address| address.to_string()),
            Self::Ipv4Compatible { suggestion } => Some(suggestion.to_string()),
            Self::Empty
            | Self::NonAscii
            | Self::TooLong
            | Self::Syntax
            | Self::Address
            | Self::LeadingZero
            | Self::PartCount
            | Self::Prefix
            | Self::Brackets
            | Self::Zone
            | Self::MultipleEntries
            | Self::Reserved
            | Self::TooBroad
            | Self::Unspecified
            | Self::TooManyEntries { .. }
            | Self::Label { .. } => None,
        }
    }
}

/// `: 203.0.113.0/24` when there is something to propose, nothing otherwise.
fn hint<T: fmt::Display>(suggestion: Option<&T>) -> String {
    suggestion.map(|text| format!(": {text}")).unwrap_or_default()
}

/// One bad entry of a list.
///
/// `Display` gives the whole message:
/// ``line 3: `203.0.113.5/24` has host bits set; write 203.0.113.0/24 for the network or …``.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: `{text}` {kind}")]
#[non_exhaustive]
pub struct ParseError {
    /// The line of the text, or the position in the array, counted from 1.
    pub line: usize,
    /// The entry as it was written, cut to 60 characters, control characters and backticks escaped.
    pub text: String,
    /// What is wrong with it.
    pub kind: ParseErrorKind,
}

impl ParseError {
    /// An error about `text` on `line`.
    pub(crate) fn new(line: usize, text: &str, kind: ParseErrorKind) -> Self {
        Self { line, text: shortened(text), kind }
    }
}

/// The part of a bad entry that an error may repeat: short, one line, harmless on a terminal.
fn shortened(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(TEXT_CHARS_MAX) {
        // Security: an entry is untrusted and ends up on terminals and in logs, so anything that
        // is invisible or moves the cursor is written as an escape.
        if character == '`' || (character != ' ' && !character.is_ascii_graphic()) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Everything that is wrong with a list, in the order of its lines; never empty.
///
/// At most 100 errors are kept; [`more`](Self::more) counts the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseErrors {
    errors: Vec<ParseError>,
    more: usize,
}

impl ParseErrors {
    /// A collection that starts empty; it becomes public only when it is not.
    pub(crate) const fn none() -> Self {
        Self { errors: Vec::new(), more: 0 }
    }

    /// Adds an error, or counts it once enough are kept.
    pub(crate) fn push(&mut self, line: usize, text: &str, kind: ParseErrorKind) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(ParseError::new(line, text, kind));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// `value` when nothing went wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.errors.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The errors that were kept, at most 100.
    pub fn iter(&self) -> std::slice::Iter<'_, ParseError> {
        self.errors.iter()
    }

    /// How many errors were found, the ones that were not kept included.
    #[must_use]
    pub fn total(&self) -> usize {
        self.errors.len().saturating_add(self.more)
    }

    /// How many errors were found beyond the ones that were kept.
    #[must_use]
    pub const fn more(&self) -> usize {
        self.more
    }
}

/// One message a line, and `and N more` at the end when not all were kept.
impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, error) in self.errors.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseErrors {}

impl<'a> IntoIterator for &'a ParseErrors {
    type Item = &'a ParseError;
    type IntoIter = std::slice::Iter<'a, ParseError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for ParseErrors {
    type Item = ParseError;
    type IntoIter = std::vec::IntoIter<ParseError>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_text_is_short_and_harmless() {
        assert_eq!(shortened("a\u{1b}[2J`\u{202e}"), r"a\u{1b}[2J\u{60}\u{202e}");
        let long = shortened(&"7".repeat(100_000));
        assert_eq!(long.chars().count(), TEXT_CHARS_MAX + 1);
    }

    #[test]
    fn messages_name_line_entry_and_remedy() {
        let kind = "203.0.113.5/24".parse::<Network>().unwrap_err();
        assert_eq!(
            ParseError::new(3, "203.0.113.5/24", kind).to_string(),
            "line 3: `203.0.113.5/24` has host bits set; \
             write 203.0.113.0/24 for the network or 203.0.113.5 for the host"
        );
    }
}
