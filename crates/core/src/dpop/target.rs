//! Whether a proof's `htu` is the URL of the request (RFC 9449 §4.3, step 9), normalised as RFC 3986
//! §6.2.2 and §6.2.3 say.

/// What was asked for, in the words of whoever took the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The method, exactly.
    pub method: &'a str,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host and, unless it is the scheme's own, port.
    pub authority: &'a str,
    /// The path; a query is passed over.
    pub path: &'a str,
}

impl Target<'_> {
    /// Whether this URL is where the request went. Queries and fragments are passed over.
    pub(super) fn is(&self, url: &str) -> bool {
        let Some((scheme, rest)) = url.split_once("://") else { return false };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let known = ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
        known
            && scheme.eq_ignore_ascii_case(self.scheme)
            && same_authority(authority, self.authority, scheme)
            && path_of(path).is_some_and(|path| path_of(self.path) == Some(path))
    }
}

fn same_authority(one: &str, other: &str, scheme: &str) -> bool {
    let default = if scheme.eq_ignore_ascii_case("https") { "443" } else { "80" };
    let (one, other) = (parts(one, default), parts(other, default));
    one.zip(other).is_some_and(|((host, port), (other_host, other_port))| {
        host.eq_ignore_ascii_case(other_host) && port == other_port
    })
}

/// Host and port. User information has no place in either.
fn parts<'a>(authority: &'a str, default: &'a str) -> Option<(&'a str, &'a str)> {
    let host_end = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')?.checked_add(2)?,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(host_end)?;
    let port = match port.strip_prefix(':') {
        Some("") => default,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port,
        Some(_) => return None,
        None if port.is_empty() => default,
        None => return None,
    };
    let plain =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@');
    plain.then_some((host, port))
}

/// A path without query and fragment: escapes in capitals, none for what needs none, no dot
/// segments (RFC 3986 §6.2.2).
fn path_of(text: &str) -> Option<Vec<u8>> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    if !path.is_empty() && !path.starts_with('/') {
        return None;
    }
    let plain = unescaped(path.as_bytes())?;
    let mut segments: Vec<&[u8]> = Vec::new();
    let mut parts = plain.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            b"." | b".." => {
                if part == b".." {
                    segments.pop();
                }
                // `/a/.` is `/a/`.
                if is_last {
                    segments.push(b"");
                }
            }
            part => segments.push(part),
        }
    }
    let mut out = Vec::with_capacity(plain.len().saturating_add(1));
    for segment in segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() {
        out.push(b'/');
    }
    Some(out)
}

fn unescaped(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (high, low) = (rest.next()?, rest.next()?);
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let decoded = digit(high)? << 4 | digit(low)?;
        if decoded.is_ascii_alphanumeric() || b"-._~".contains(&decoded) {
            out.push(decoded);
        } else {
            out.extend([b'%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, target: (&str, &str, &str), expected: bool) {
        let (scheme, authority, path) = target;
        let target = Target { method: "GET", scheme, authority, path };
        assert_eq!(target.is(url), expected, "{url} {target:?}");
    }

    #[test]
    fn equivalent_urls_are_one() {
        for (url, target) in [
            ("https://api.example/a", ("https", "api.example", "/a?b=c")),
            ("HTTPS://API.example:443/a?x#y", ("https", "api.example", "/a")),
            ("https://api.example:/a", ("https", "API.EXAMPLE", "/a#f")),
            ("http://api.example", ("http", "api.example:80", "/")),
            ("http://api.example?q", ("http", "api.example", "/?r")),
            ("http://[::1]:8080/a", ("http", "[::1]:8080", "/a")),
            ("https://a/%7euser/%2f", ("https", "a", "/~user/%2F")),
            ("https://a/b/./c/../d", ("https", "a", "/b/d")),
            ("https://a/b/..", ("https", "a", "/")),
            ("https://a/b/.", ("https", "a", "/b/")),
            ("https://a/%2e%2e/b", ("https", "a", "/b")),
            ("https://a/b//c", ("https", "a", "/b//c")),
        ] {
            check(url, target, true);
        }
    }

    #[test]
    fn other_urls_are_others() {
        let here = ("https", "api.example", "/a");
        for url in [
            "http://api.example/a",
            "https://api.example:8443/a",
            "https://api.example/a/",
            "https://api.example/A",
            "https://api.example/b",
            "https://api.example",
            "https://evil.example/a",
            "https://api.example.evil/a",
            "https://api.example@evil.example/a",
            "https://me@api.example/a",
            "https://api.example:44 3/a",
            "https://api.example:+443/a",
            "https:///a",
            "//api.example/a",
            "/a",
            "",
            "https://api.example/%2",
            "https://api.example/%zz",
            "ftp://api.example/a",
        ] {
            check(url, here, false);
        }
        check("https://a/b%2Fc", ("https", "a", "/b/c"), false);
        check("https://a/b//c", ("https", "a", "/b/c"), false);
        check("https://a/*", ("https", "a", "*"), false);
        check("ftp://a/b", ("ftp", "a", "/b"), false);
        check("https://[::1/a", ("https", "[::1", "/a"), false);
    }
}
