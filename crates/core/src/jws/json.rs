//! A JSON reader for signed text: a member named twice is refused at every level, and so is deep
//! nesting. Two parsers that disagree about which of two members counts is how signed text lies
//! (RFC 7515 §4, RFC 8725 §2.4).

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// Deepest nesting of lists and objects taken.
const DEPTH_MAX: usize = 16;
/// Up to here members are compared each with each; beyond, sorted, so that hostile text stays cheap.
const PAIRWISE_MAX: usize = 12;
/// Marks a duplicate in the error text, the only thing a serde error carries.
const DUPLICATE: &str = "keyward: member named twice";

/// A JSON value, borrowed from its text where that has no escapes.
#[derive(Debug, Clone, PartialEq)]
pub enum StrictJson<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent that fits.
    Integer(i64),
    /// Any other number; always finite.
    Real(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<StrictJson<'a>>),
    /// An object; every name once.
    Object(Vec<(Cow<'a, str>, StrictJson<'a>)>),
}

/// Why a text was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonFault {
    /// Not JSON, not UTF-8, something after the value, or nested too deeply.
    Malformed,
    /// A member is named twice in one object.
    Duplicate,
}

impl<'a> StrictJson<'a> {
    /// Reads one whole JSON text.
    ///
    /// # Errors
    /// [`JsonFault`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, JsonFault> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::Malformed)?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Level(DEPTH_MAX).deserialize(&mut reader).map_err(|error| {
            if error.to_string().starts_with(DUPLICATE) {
                JsonFault::Duplicate
            } else {
                JsonFault::Malformed
            }
        })?;
        reader.end().map_err(|_| JsonFault::Malformed)?;
        Ok(value)
    }

    /// Whether this is an object.
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// The string, when this is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The member of an object; nothing for other values.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&StrictJson<'a>> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }
}

/// A JSON object being written.
pub(crate) struct ObjectText(String);

impl ObjectText {
    /// `{}` so far.
    pub(crate) fn new() -> Self {
        let mut text = String::with_capacity(512);
        text.push('{');
        Self(text)
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        push_text(&mut self.0, name);
        self.0.push(':');
    }

    /// Adds a member with a text.
    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_text(&mut self.0, value);
    }

    /// Adds a member with a value that is JSON already.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    /// The object.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Appends `text` as a JSON string (RFC 8259 §7).
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control < ' ' => {
                out.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Reads one value that may hold this many further levels.
#[derive(Clone, Copy)]
struct Level(usize);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = StrictJson<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = StrictJson<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(StrictJson::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(StrictJson::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(StrictJson::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
        i64::try_from(value)
            .map(StrictJson::Integer)
            .map_err(|_| E::custom("a number is too large"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(StrictJson::Real(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(StrictJson::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(StrictJson::Text(Cow::Borrowed(value)))
    }

    fn visit_string<E>(self, value: String) -> Result<Self::Value, E> {
        Ok(StrictJson::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(element) = elements.next_element_seed(below)? {
            list.push(element);
        }
        Ok(StrictJson::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let below = self.below()?;
        let mut members: Vec<(Cow<'de, str>, StrictJson<'de>)> = Vec::with_capacity(PAIRWISE_MAX);
        while let Some(name) = entries.next_key_seed(Name)? {
            members.push((name, entries.next_value_seed(below)?));
        }
        if has_duplicate(&members) {
            return Err(A::Error::custom(DUPLICATE));
        }
        Ok(StrictJson::Object(members))
    }
}

fn has_duplicate(members: &[(Cow<'_, str>, StrictJson<'_>)]) -> bool {
    if members.len() <= PAIRWISE_MAX {
        return members
            .iter()
            .enumerate()
            .any(|(index, (name, _))| members.iter().take(index).any(|(other, _)| other == name));
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

/// Reads a member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_are_found_at_every_level_and_through_escapes() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[1,{"a":1,"a":2}]}"#,
        ] {
            assert_eq!(StrictJson::parse(text.as_bytes()), Err(JsonFault::Duplicate), "{text}");
        }
        let many: Vec<String> = (0..500).map(|n| format!("\"m{n}\":0")).collect();
        let unique = format!("{{{}}}", many.join(","));
        assert!(StrictJson::parse(unique.as_bytes()).is_ok());
        let repeated = format!("{{{},\"m250\":1}}", many.join(","));
        assert_eq!(StrictJson::parse(repeated.as_bytes()), Err(JsonFault::Duplicate));
        // The same name in two objects is no duplicate.
        assert!(StrictJson::parse(br#"[{"a":1},{"a":1}]"#).is_ok());
    }

    #[test]
    fn what_is_not_one_json_value_is_malformed() {
        let deep = format!("{}1{}", "[".repeat(17), "]".repeat(17));
        let deepest = format!("{}1{}", "[".repeat(16), "]".repeat(16));
        assert!(StrictJson::parse(deepest.as_bytes()).is_ok());
        let texts: [&[u8]; 11] = [
            b"",
            b"{",
            b"{} {}",
            b"{\"a\":1,}",
            b"{a:1}",
            b"NaN",
            b"1e400",
            b"18446744073709551615",
            b"\"\xff\"",
            b"\xef\xbb\xbf{}",
            deep.as_bytes(),
        ];
        for text in texts {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(StrictJson::parse(text), Err(JsonFault::Malformed), "{shown}");
        }
    }

    #[test]
    fn text_is_written_as_it_is_read() {
        for text in ["", "plain", "a\"b\\c", "line\nbreak\u{0}\u{1f}", "ünïcode \u{2028}"] {
            let mut out = String::new();
            push_text(&mut out, text);
            assert_eq!(StrictJson::parse(out.as_bytes()), Ok(StrictJson::Text(text.into())));
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
