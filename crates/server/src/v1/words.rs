//! What is wrong with an input, in people's words. The readers speak of Rust's types; whoever sent
//! the input knows JSON and the names in the documentation.

/// A fault of an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Which field, as a path; `None` for the whole.
    pub(super) field: Option<String>,
    /// What is wrong with it, the field named.
    pub(super) message: String,
}

/// Puts what a reader says of the value at a path into words. `whole` is what there is no path
/// into, such as "the body".
pub(super) fn in_words(path: &str, reason: &str, whole: &str) -> Wrong {
    let path = if path == "." { "" } else { path };
    if let Some(name) = quoted(reason, "missing field ") {
        let field = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        return Wrong { message: format!("`{field}` is missing"), field: Some(field) };
    }
    if let Some(name) = quoted(reason, "duplicate field ") {
        // The path of some readers ends in the field, that of others in what holds it.
        let ends_in_it = path == name || path.ends_with(&format!(".{name}"));
        let field = match path {
            "" => name.to_owned(),
            path if ends_in_it => path.to_owned(),
            path => format!("{path}.{name}"),
        };
        return Wrong { message: format!("`{field}` is there twice"), field: Some(field) };
    }
    let named = if path.is_empty() { whole.to_owned() } else { format!("`{path}`") };
    let rest = if quoted(reason, "unknown field ").is_some() {
        let known = reason.split_once("`, expected ").map_or("", |(_, known)| known);
        format!("is not known here; known are: {}", choices(known))
    } else {
        requirement(reason)
    };
    let field = Some(path).filter(|path| !path.is_empty()).map(str::to_owned);
    Wrong { field, message: format!("{named} {rest}") }
}

fn requirement(reason: &str) -> String {
    match reason {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            return "must be a whole number from 0".to_owned();
        }
        "number too large to fit in target type" => return "is too large a number".to_owned(),
        _ => {}
    }
    match reason.split_once(", expected ").map(|(_, expected)| expected) {
        Some("u8" | "u16" | "u32" | "u64" | "usize") if is_too_large(reason) => {
            "is too large a number".to_owned()
        }
        Some("u8" | "u16" | "u32" | "u64" | "usize") => "must be a whole number from 0".to_owned(),
        Some("a string") => "must be a text".to_owned(),
        Some("a boolean") => "must be true or false".to_owned(),
        Some("a map") => "must be a JSON object".to_owned(),
        Some("a sequence") => "must be an array".to_owned(),
        Some(record) if record.starts_with("struct ") => "must be a JSON object".to_owned(),
        Some(_) if reason.starts_with("unknown variant ") => {
            let known = reason.split_once("`, expected ").map_or("", |(_, known)| known);
            format!("must be one of {}", choices(known))
        }
        // A choice that is none of texts at all.
        Some(choice) if choice.starts_with("enum ") || choice.starts_with("variant ") => {
            "must be one of the words that the documentation names".to_owned()
        }
        // Our own readers say it in words.
        Some(words) => format!("must be {words}"),
        None => "is not as it should be".to_owned(),
    }
}

/// A whole number that is wrong and not negative.
fn is_too_large(reason: &str) -> bool {
    let number = quoted(reason, "invalid value: integer ");
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The text between backquotes after `start`.
fn quoted<'a>(reason: &'a str, start: &str) -> Option<&'a str> {
    let rest = reason.strip_prefix(start)?.strip_prefix('`')?;
    rest.split_once('`').map(|(name, _)| name)
}

/// The names between backquotes, with commas.
fn choices(known: &str) -> String {
    let names: Vec<_> = known.split('`').skip(1).step_by(2).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, reason: &str) -> String {
        in_words(path, reason, "the body").message
    }

    #[test]
    fn what_readers_say_of_types_becomes_words() {
        let number = "`overlap_s` must be a whole number from 0";
        for reason in [
            "invalid type: string \"x\", expected u32",
            "invalid value: integer `-1`, expected u32",
            "invalid type: floating point `1.5`, expected u32",
            "invalid digit found in string",
        ] {
            assert_eq!(told("overlap_s", reason), number);
        }
        let large = "invalid value: integer `5000000000`, expected u32";
        assert_eq!(told("overlap_s", large), "`overlap_s` is too large a number");
        assert_eq!(
            told("mode", "unknown variant `on`, expected one of `off`, `report`, `enforce`"),
            "`mode` must be one of off, report, enforce"
        );
        assert_eq!(told("name", "invalid type: null, expected a string"), "`name` must be a text");
        assert_eq!(
            told(".", "invalid type: sequence, expected struct NewAccount"),
            "the body must be a JSON object"
        );
    }

    #[test]
    fn fields_are_named_with_their_place() {
        assert_eq!(
            told("entries[0]", "missing field `network`"),
            "`entries[0].network` is missing"
        );
        assert_eq!(told(".", "missing field `network`"), "`network` is missing");
        for path in ["entries[1]", "entries[1].label"] {
            let wrong = in_words(path, "duplicate field `label`", "the body");
            assert_eq!(wrong.field.as_deref(), Some("entries[1].label"));
            assert_eq!(wrong.message, "`entries[1].label` is there twice");
        }
        assert_eq!(
            told("colour", "unknown field `colour`, expected `name` or `metadata`"),
            "`colour` is not known here; known are: name, metadata"
        );
    }
}
