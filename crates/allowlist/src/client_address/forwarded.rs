//! The grammar of the `Forwarded` header (RFC 7239 §4, §6; strings by RFC 9110 §5.6).

use std::net::IpAddr;

use super::hop;

/// The most parameters of one element; four are defined.
const PARAMETERS_MAX: usize = 16;
/// Longer than any address with brackets and a port.
const NODE_BYTES_MAX: usize = 64;

/// Splits a line into elements at the commas outside quoted strings.
///
/// False when a quoted string is not closed. Security: without regard to quotes, a client could
/// hide a comma or a semicolon in a string and so forge an element. A client that leaves a quote
/// open can only spoil its own request, because each proxy appends an even number of quotes.
pub(super) fn elements<'a>(line: &'a [u8], hop: &mut dyn FnMut(&'a [u8]) -> bool) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let mut parts = line.split(|byte| {
        if escaped {
            escaped = false;
        } else {
            match byte {
                b'"' => quoted = !quoted,
                b'\\' => escaped = quoted,
                b',' => return !quoted,
                _ => {}
            }
        }
        false
    });
    let complete = parts.by_ref().all(hop);
    drop(parts);
    complete && !quoted
}

/// The address of the `for` parameter of one element, if the whole element is well formed.
pub(super) fn client(element: &[u8]) -> Option<IpAddr> {
    let mut rest = hop::trimmed(element);
    let mut names = Names::default();
    let mut client = None;
    loop {
        // `element = [ pair ] *( ";" [ pair ] )`: a pair may be missing.
        if !matches!(rest, [] | [b';', ..]) {
            let (name, value, after) = pair(rest)?;
            if !names.add(name) {
                return None;
            }
            if name.eq_ignore_ascii_case(b"for") {
                client = Some(node(value)?);
            }
            rest = after;
        }
        match rest {
            [] => return client,
            [b';', after @ ..] => rest = after,
            _ => return None,
        }
    }
}

/// The names of the parameters of one element, to find a repeated one.
#[derive(Default)]
struct Names<'a> {
    names: [&'a [u8]; PARAMETERS_MAX],
    count: usize,
}

impl<'a> Names<'a> {
    /// Adds a name; false when it is there already or there are too many.
    fn add(&mut self, name: &'a [u8]) -> bool {
        if self.names.iter().take(self.count).any(|other| other.eq_ignore_ascii_case(name)) {
            return false;
        }
        let Some(slot) = self.names.get_mut(self.count) else {
            return false;
        };
        *slot = name;
        self.count = self.count.saturating_add(1);
        true
    }
}

/// The value of a parameter, a quoted one without its quotes but with its escapes.
#[derive(Clone, Copy)]
enum Value<'a> {
    Token(&'a [u8]),
    Quoted(&'a [u8]),
}

/// `token "=" ( token / quoted-string )` at the start of `text`, and what follows it.
fn pair(text: &[u8]) -> Option<(&[u8], Value<'_>, &[u8])> {
    let (name, rest) = token(text)?;
    let [b'=', rest @ ..] = rest else {
        return None;
    };
    if let [b'"', inner @ ..] = rest {
        let (inner, after) = quoted_string(inner)?;
        return Some((name, Value::Quoted(inner), after));
    }
    let (value, after) = token(rest)?;
    Some((name, Value::Token(value), after))
}

/// A token at the start of `text`, and what follows it.
fn token(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// The inside of a quoted string whose opening quote is gone, and what follows the closing one.
fn quoted_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    for (position, byte) in text.iter().enumerate() {
        // Tab, blank, visible ASCII and the bytes over ASCII; no other control character.
        if !matches!(byte, b'\t' | b' '..=b'~' | 0x80..) {
            return None;
        }
        match (escaped, byte) {
            (true, _) => escaped = false,
            (false, b'\\') => escaped = true,
            (false, b'"') => {
                let (inner, rest) = text.split_at_checked(position)?;
                return Some((inner, rest.get(1..)?));
            }
            (false, _) => {}
        }
    }
    None
}

/// The address of a node; nothing for `unknown` and for obfuscated names.
fn node(value: Value<'_>) -> Option<IpAddr> {
    let mut buffer = [0_u8; NODE_BYTES_MAX];
    let text = match value {
        Value::Token(text) => text,
        Value::Quoted(text) => unescaped(text, &mut buffer)?,
    };
    hop::with_port(hop::ascii(text)?, is_node_port)
}

/// The text of a quoted string with its escapes resolved; nothing when it is too long for a node.
fn unescaped<'a>(text: &[u8], buffer: &'a mut [u8; NODE_BYTES_MAX]) -> Option<&'a [u8]> {
    let mut length = 0_usize;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        let byte = if *byte == b'\\' { bytes.next()? } else { byte };
        *buffer.get_mut(length)? = *byte;
        length = length.checked_add(1)?;
    }
    buffer.get(..length)
}

/// A port number, or an obfuscated port (RFC 7239 §6.3).
fn is_node_port(text: &str) -> bool {
    hop::is_port(text)
        || text.strip_prefix('_').is_some_and(|name| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !name.is_empty() && name.bytes().all(plain)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_follow_the_grammar() {
        for (element, expected) in [
            ("for=192.0.2.9", Some("192.0.2.9")),
            (" FOR=192.0.2.9;;proto=https; ", Some("192.0.2.9")),
            (" FOR=192.0.2.9;;proto=https;", Some("192.0.2.9")),
            (r#"by=_a;for="[2001:db8::9]:_port""#, Some("2001:db8::9")),
            (r#"for="\1\9\2.0.2.9";host="a\"b;c""#, Some("192.0.2.9")),
            (r#"for="2001:db8::9""#, None),
            ("for=[2001:db8::9]", None),
            (r#"for="192.0.2.9"x"#, None),
            (r#"for="192.0.2.9"#, None),
            ("for=192.0.2.9 ;proto=https", None),
            ("for=192.0.2.9;proto=http;Proto=https", None),
            ("for=\"192.0.2.9\u{1}\"", None),
            ("=192.0.2.9", None),
            ("for", None),
            ("", None),
        ] {
            let got = client(element.as_bytes()).map(|ip| ip.to_string());
            assert_eq!(got.as_deref(), expected, "{element:?}");
        }
    }

    #[test]
    fn commas_in_strings_do_not_split() {
        let split = |line: &str| {
            let mut parts = Vec::new();
            let complete = elements(line.as_bytes(), &mut |part| {
                parts.push(String::from_utf8_lossy(part).into_owned());
                true
            });
            (complete, parts.join("|"))
        };
        assert_eq!(split(r#"for="a,b\",c", for=d"#), (true, r#"for="a,b\",c"| for=d"#.to_owned()));
        assert!(!split(r#"for="a, for=192.0.2.9"#).0);
        assert!(!split(r#"for="a\"#).0);
    }
}
