//! Text to addresses, entries and lists.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::error::{ParseErrorKind, ParseErrors, Shown};
use crate::network::Network;

mod diagnose;

/// The longest text of an address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const ADDRESS_BYTES_MAX: usize = 45;
/// Entries longer than this are not looked at closely.
const ENTRY_BYTES_MAX: usize = 256;
/// The most characters of a label.
const LABEL_CHARS_MAX: usize = 200;

/// What a list may hold beyond the fixed rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRules {
    /// Whether `0.0.0.0/0` and `::/0`, each all of its family, are accepted. Default: no.
    pub allow_any: bool,
    /// The most entries of one list, repeated ones included. Default: 10,000.
    pub max_entries: usize,
}

impl Default for EntryRules {
    fn default() -> Self {
        Self { allow_any: false, max_entries: 10_000 }
    }
}

/// One entry of a list text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListEntry {
    /// The network.
    pub network: Network,
    /// What stands after `#`, blanks around it removed; nothing when that is empty.
    pub label: Option<String>,
    /// The line of the text, counted from 1.
    pub line: usize,
}

/// Reads one address, strictly, and returns it in canonical form.
///
/// Accepted are four decimal octets without leading zeros, and IPv6 as in RFC 4291 §2.2 without a
/// zone; nothing around them. An IPv4-mapped address is returned as the IPv4 address it is. No
/// other embedding (NAT64, 6to4, Teredo, IPv4-compatible) is taken apart.
///
/// # Errors
/// The [`ParseErrorKind`] that describes the text best; every other form is refused.
///
/// ```
/// use keyward_allowlist::parse_address;
///
/// assert_eq!(parse_address("::ffff:203.0.113.5")?.to_string(), "203.0.113.5");
/// assert_eq!(parse_address("010.0.0.1").unwrap_err().code(), "leading_zero");
/// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
/// ```
pub fn parse_address(text: &str) -> Result<IpAddr, ParseErrorKind> {
    literal(text).map(|address| address.to_canonical()).ok_or_else(|| diagnose::address(text))
}

/// An address exactly as written: a mapped one stays IPv6, so that its prefix length can be judged.
fn literal(text: &str) -> Option<IpAddr> {
    // The standard parsers take exactly the strict forms: no leading zeros, no short or octal
    // forms, no zone, no brackets. The length guard makes the refusal of long input constant work.
    if text.len() > ADDRESS_BYTES_MAX {
        None
    } else if text.as_bytes().contains(&b':') {
        text.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    } else {
        text.parse::<Ipv4Addr>().ok().map(IpAddr::V4)
    }
}

/// Reads one entry: an address, or an address, a slash and a prefix length.
///
/// Blanks, tabs and carriage returns around it are removed; nothing else is forgiven. Host bits are
/// refused with a suggestion rather than cut off, an IPv4-mapped network is returned as the IPv4
/// network it is, and networks that no client can have an address in are refused.
///
/// # Errors
/// The [`ParseErrorKind`] that describes the text best.
///
/// ```
/// use keyward_allowlist::{EntryRules, parse_entry};
///
/// let rules = EntryRules::default();
/// assert_eq!(parse_entry(" 203.0.113.0/24\r", &rules)?.to_string(), "203.0.113.0/24");
///
/// let error = parse_entry("203.0.113.5/24", &rules).unwrap_err();
/// assert_eq!(error.code(), "host_bits_set");
/// assert_eq!(error.suggestion().as_deref(), Some("203.0.113.0/24"));
/// # Ok::<(), keyward_allowlist::ParseErrorKind>(())
/// ```
pub fn parse_entry(text: &str, rules: &EntryRules) -> Result<Network, ParseErrorKind> {
    let entry = trimmed(text);
    if entry.is_empty() {
        return Err(ParseErrorKind::Empty);
    }
    let Some((address, prefix_len)) = parts(entry) else {
        return Err(diagnose::entry(entry));
    };
    checked(address, prefix_len, rules)
}

/// The address and the prefix length of a well-formed entry; a lone address has the full length.
fn parts(entry: &str) -> Option<(IpAddr, u8)> {
    match entry.split_once('/') {
        None => {
            let address = literal(entry)?;
            Some((address, full_len(address)))
        }
        Some((address, length)) => {
            let address = literal(address)?;
            let length = prefix_len(length).filter(|length| *length <= full_len(address))?;
            Some((address, length))
        }
    }
}

/// A prefix length: one to three digits, no sign, no leading zero.
fn prefix_len(text: &str) -> Option<u8> {
    let plain = matches!(text.as_bytes(), [b'0'] | [b'1'..=b'9'] | [b'1'..=b'9', b'0'..=b'9'])
        || matches!(text.as_bytes(), [b'1', b'0'..=b'9', b'0'..=b'9']);
    // The standard integer parser alone would take `+24` and `024`.
    if plain { text.parse().ok() } else { None }
}

const fn full_len(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The network of a well-formed entry, if it may stand in a list.
fn checked(address: IpAddr, prefix_len: u8, rules: &EntryRules) -> Result<Network, ParseErrorKind> {
    let network = match Network::truncated(address, prefix_len) {
        Err(ParseErrorKind::MappedPrefixTooShort { suggestion }) => {
            let suggestion = suggestion.and_then(acceptable);
            return Err(ParseErrorKind::MappedPrefixTooShort { suggestion });
        }
        truncated => truncated?,
    };
    let host = address.to_canonical();
    if network.prefix_len() == 0 {
        // Checked before the host bits: `10.0.0.1/0` must not be answered with "write 0.0.0.0/0".
        if !rules.allow_any {
            return Err(ParseErrorKind::TooBroad);
        }
    } else if network == Network::host(host) && host.is_unspecified() {
        return Err(ParseErrorKind::Unspecified);
    } else if let IpAddr::V6(first) = network.address() {
        reserved(first, network)?;
    }
    if network.address() == host {
        Ok(network)
    } else {
        Err(ParseErrorKind::HostBitsSet { network, host })
    }
}

/// The network, if it could be written in a list; only such a one may be suggested.
fn acceptable(network: Network) -> Option<Network> {
    checked(network.address(), network.prefix_len(), &EntryRules::default()).ok()
}

/// Refuses what begins in `::/8`, the loopback address aside.
///
/// No client address can lie there: IPv4-mapped ones are IPv4 by now, and the rest (NAT64,
/// translated and compatible forms) is never unwrapped for an allow decision. Such an entry would
/// never match, or, as `::/90`, look as if it covered IPv4.
fn reserved(first: Ipv6Addr, network: Network) -> Result<(), ParseErrorKind> {
    let [top, ..] = first.octets();
    if top != 0 || network == Network::host(IpAddr::V6(Ipv6Addr::LOCALHOST)) {
        return Ok(());
    }
    let [high @ .., a, b, c, d] = first.octets();
    let length = network.prefix_len().checked_sub(96);
    if let (true, 1.., Some(length)) = (high == [0; 12], a, length)
        && let Ok(suggestion) = Network::truncated(IpAddr::from([a, b, c, d]), length)
        && suggestion.prefix_len() > 0
    {
        return Err(ParseErrorKind::Ipv4Compatible { suggestion: Shown(suggestion) });
    }
    Err(ParseErrorKind::Reserved)
}

/// The text without the blanks, tabs and carriage returns around it.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r'])
}

/// Reads a list text: one entry a line, `# label` after an entry, blank and comment lines ignored.
///
/// A network that occurs again is dropped and the first one keeps its line and label: people paste
/// lists together, and a repetition changes nothing about who is let in.
///
/// # Errors
/// Every bad line at once. A list longer than [`EntryRules::max_entries`] is refused at the first
/// entry too many, without reading on.
///
/// ```
/// use keyward_allowlist::{EntryRules, parse_list};
///
/// let list = parse_list("203.0.113.0/24 # office\n\n# partners\n2001:db8::7\n", &EntryRules::default())?;
/// assert_eq!(list[0].label.as_deref(), Some("office"));
/// assert_eq!(list[1].network.to_string(), "2001:db8::7/128");
///
/// let errors = parse_list("203.0.113.5/24\n10.0.0.0/8\n*", &EntryRules::default()).unwrap_err();
/// assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [1, 3]);
/// # Ok::<(), keyward_allowlist::ParseErrors>(())
/// ```
pub fn parse_list(text: &str, rules: &EntryRules) -> Result<Vec<ListEntry>, ParseErrors> {
    let mut list = Vec::new();
    let mut seen = HashSet::new();
    let mut errors = ParseErrors::none();
    let mut entries = 0_usize;
    for (line, content) in (1..).zip(text.split('\n')) {
        let (entry, label) = content.split_once('#').unwrap_or((content, ""));
        let entry = trimmed(entry);
        if entry.is_empty() {
            continue;
        }
        entries = entries.saturating_add(1);
        if entries > rules.max_entries {
            errors.push(line, entry, ParseErrorKind::TooManyEntries { max: rules.max_entries });
            break;
        }
        match parse_entry(entry, rules).and_then(|network| Ok((network, checked_label(label)?))) {
            Ok((network, label)) => {
                if seen.insert(network) {
                    list.push(ListEntry { network, label, line });
                }
            }
            Err(kind) => errors.push(line, entry, kind),
        }
    }
    errors.or(list)
}

/// A label without the blanks around it; nothing when that is empty.
fn checked_label(text: &str) -> Result<Option<String>, ParseErrorKind> {
    let label = text.trim();
    if label.chars().any(char::is_control) || label.chars().nth(LABEL_CHARS_MAX).is_some() {
        return Err(ParseErrorKind::Label { max: LABEL_CHARS_MAX });
    }
    Ok(Some(label).filter(|label| !label.is_empty()).map(str::to_owned))
}

/// Reads the items of an array, each one entry; `line` in an error is the position from 1.
///
/// Unlike in a list text, a blank item and a `# label` are errors. A network that occurs again is
/// dropped.
///
/// # Errors
/// Every bad item at once. An array longer than [`EntryRules::max_entries`] is refused at the first
/// item too many, without reading on.
///
/// ```
/// use keyward_allowlist::{EntryRules, parse_entries};
///
/// let networks = parse_entries(["203.0.113.5", "10.0.0.0/8"], &EntryRules::default())?;
/// assert_eq!(networks[0].to_string(), "203.0.113.5/32");
/// # Ok::<(), keyward_allowlist::ParseErrors>(())
/// ```
pub fn parse_entries<'a>(
    items: impl IntoIterator<Item = &'a str>,
    rules: &EntryRules,
) -> Result<Vec<Network>, ParseErrors> {
    let mut networks = Vec::new();
    let mut seen = HashSet::new();
    let mut errors = ParseErrors::none();
    for (line, item) in (1..).zip(items) {
        if line > rules.max_entries {
            errors.push(line, item, ParseErrorKind::TooManyEntries { max: rules.max_entries });
            break;
        }
        match parse_entry(item, rules) {
            Ok(network) => {
                if seen.insert(network) {
                    networks.push(network);
                }
            }
            Err(kind) => errors.push(line, item, kind),
        }
    }
    errors.or(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        parse_entry(text, &EntryRules::default()).map_or_else(|kind| kind.code(), |_| "ok")
    }

    #[test]
    fn codes_describe_the_mistake() {
        for (text, expected) in [
            ("/24", "addr"),
            ("203.0.113.0/", "prefix"),
            ("203.0.113.0//24", "prefix"),
            ("203.0.113.0/ 24", "prefix"),
            ("203.0.113.0/0.0.0.255", "netmask"),
            ("2001:db8::/ffff:ffff::", "netmask"),
            ("203.0.113.0/24:443", "prefix"),
            ("203.0.113.1-203.0.113.9", "syntax"),
            ("203.0.113.1-9", "syntax"),
            ("300.0.0.1", "addr"),
            ("1.2.3.4.5", "part_count"),
            ("1.2.3.4.", "syntax"),
            ("0x7f.0.0.1", "syntax"),
            ("::ffff:203.0.113.05", "leading_zero"),
            ("::ffff:203.0.113", "part_count"),
            ("1:2:3:4:5:6:7", "part_count"),
            ("2001:db8::g", "syntax"),
            (":::", "syntax"),
            ("12345::", "syntax"),
            ("203.0.113.5:443/32", "port"),
            ("[203.0.113.5]", "brackets"),
            ("2001:db8::1]:443", "port"),
            ("203.0.113.5%eth0", "zone"),
            ("203.0.113.0/24, 198.51.100.0/24", "multiple_entries"),
            ("203.0.113.0/24 198.51.100.0/24", "multiple_entries"),
            ("203.0.113.5\n", "multiple_entries"),
            ("203.0.113.5 # office", "syntax"),
            ("203.0.113.5\0", "syntax"),
            ("localhost:80", "syntax"),
            ("www.example.com", "syntax"),
            ("203.0.113.0/２４", "non_ascii"),
            ("64:ff9b::203.0.113.5", "reserved"),
            ("64:ff9b::/96", "reserved"),
            ("::/1", "reserved"),
            ("111::/1", "reserved"),
            ("::2", "reserved"),
            ("::1/127", "reserved"),
            ("::cb00:7105", "ipv4_compatible"),
            ("10.0.0.1/0", "too_broad"),
            ("::ffff:0.0.0.0", "unspecified"),
            ("::/128", "unspecified"),
            ("::ffff:10.0.0.0/95", "mapped_prefix_too_short"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
    }

    #[test]
    fn long_input_is_refused_by_its_length() {
        assert_eq!(code(&format!("1.2.3.4{}", "0".repeat(100_000))), "too_long");
        let pasted = "203.0.113.5,".repeat(10_000);
        assert_eq!(code(&pasted), "multiple_entries");
        assert_eq!(parse_address(&"1".repeat(46)).unwrap_err().code(), "too_long");
    }

    #[test]
    fn suggestions_are_ready_to_use() {
        for (text, expected) in [
            ("203.0.113.0/255.255.255.0", Some("203.0.113.0/24")),
            ("203.0.113.0/0.0.0.255", Some("203.0.113.0/24")),
            ("203.0.113.0/255.0.255.0", None),
            ("203.0.113.0/0.0.0.0", None),
            ("::/0::", None),
            ("0.0.0.0:80", None),
            ("[::2]:80", None),
            ("::ffff:0.0.0.0/32", None),
            ("203.0.113.5:443", Some("203.0.113.5")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("::203.0.113.5", Some("203.0.113.5")),
            ("::203.0.113.0/120", Some("203.0.113.0/24")),
            ("::ffff:203.0.113.5/24", Some("203.0.113.0/24")),
        ] {
            let kind = parse_entry(text, &EntryRules::default()).unwrap_err();
            assert_eq!(kind.suggestion().as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn repeated_networks_keep_the_first_label() {
        let text = "10.0.0.0/8 # a\r\n::ffff:10.0.0.0/104 # b\n10.1.0.0/16#c";
        let list = parse_list(text, &EntryRules::default()).unwrap();
        let labels: Vec<_> = list.iter().map(|entry| entry.label.as_deref()).collect();
        assert_eq!(labels, [Some("a"), Some("c")]);
        let lines: Vec<_> = list.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [1, 3]);
    }

    #[test]
    fn too_many_entries_stop_the_reading() {
        let rules = EntryRules { max_entries: 3, ..EntryRules::default() };
        let text = "1.1.1.1\n1.1.1.2\nbad\n1.1.1.4\nbad\n";
        let errors = parse_list(text, &rules).unwrap_err();
        let seen: Vec<_> = errors.iter().map(|error| (error.line, error.kind.code())).collect();
        assert_eq!(seen, [(3, "syntax"), (4, "too_many_entries")]);
        let errors = parse_entries(["1.1.1.1"; 4], &rules).unwrap_err();
        assert_eq!(errors.iter().next().map(|error| error.line), Some(4));
    }

    #[test]
    fn at_most_a_hundred_errors_are_kept() {
        let errors = parse_list(&"*\n".repeat(250), &EntryRules::default()).unwrap_err();
        assert_eq!((errors.iter().count(), errors.more(), errors.total()), (100, 150, 250));
        assert!(errors.to_string().ends_with("\nand 150 more"));
    }

    #[test]
    fn labels_are_bounded_and_printable() {
        let long = format!("10.0.0.1 # {}", "é".repeat(LABEL_CHARS_MAX));
        assert!(parse_list(&long, &EntryRules::default()).is_ok());
        let errors = parse_list(&format!("{long}é"), &EntryRules::default()).unwrap_err();
        assert_eq!(errors.iter().next().map(|error| error.kind.code()), Some("label"));
        assert!(parse_list("10.0.0.1 # \u{1b}[2J", &EntryRules::default()).is_err());
    }
}
