//! Input that is understood and not acceptable.

/// One thing that is wrong with what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field, as a path such as `scopes[0].value`.
    pub field: String,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
}

impl Invalid {
    /// Something wrong with a field.
    #[must_use]
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// Collects everything that is wrong, so that a person hears of it at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Invalid>);

impl Faults {
    /// Adds a fault.
    pub fn push(&mut self, fault: Invalid) {
        self.0.push(fault);
    }

    /// Adds a fault when the condition does not hold.
    pub fn require(
        &mut self,
        holds: bool,
        field: &str,
        code: &'static str,
        message: impl FnOnce() -> String,
    ) {
        if !holds {
            self.push(Invalid::new(field, code, message()));
        }
    }

    /// What went wrong, if anything.
    ///
    /// # Errors
    /// Every fault that was added, in that order.
    pub fn finish(self) -> Result<(), Vec<Invalid>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    /// The name of a thing: not blank, one line, bounded, and without `<` and `>`, which would
    /// tempt somebody's page into showing markup.
    pub fn check_name(&mut self, field: &str, name: &str, chars_max: usize) {
        self.require(!name.trim().is_empty(), field, "empty", || "is empty".to_owned());
        self.require(name.chars().count() <= chars_max, field, "too_long", || {
            format!("has more than {chars_max} characters")
        });
        let plain = !name.chars().any(|c| c.is_control() || c == '<' || c == '>');
        self.require(plain, field, "characters", || {
            "holds `<`, `>` or a control character".to_owned()
        });
    }

    /// A text that may be anything but too long.
    pub fn check_length(&mut self, field: &str, text: &str, chars_max: usize) {
        self.require(text.chars().count() <= chars_max, field, "too_long", || {
            format!("has more than {chars_max} characters")
        });
    }

    /// A scope (RFC 6749 §3.3): printable ASCII without blanks, `"` and `\`.
    pub fn check_scope(&mut self, field: &str, scope: &str) {
        let plain = scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
        self.require(plain && !scope.is_empty(), field, "scope", || {
            "is no scope: write visible ASCII characters without blanks, quotes and backslashes"
                .to_owned()
        });
        self.check_length(field, scope, SCOPE_CHARS_MAX);
    }
}

/// The most characters of a scope.
pub const SCOPE_CHARS_MAX: usize = 280;
