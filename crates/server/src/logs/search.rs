//! What log events are searched by: a part of Lucene's query syntax, as Auth0 documents it.
//!
//! `type:seccft AND (ip:"192.0.2.1" OR NOT client_name:Billing*) AND date:[2026-01-01 TO *]`. Clauses
//! that stand side by side must both hold. Everything else is refused by name.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use keyward_core::time::Timestamp;
use keyward_store::{LogCondition, LogField, LogTest};

use super::LogId;

/// The longest query, in bytes.
const QUERY_BYTES_MAX: usize = 2_048;
/// The most clauses of a query.
const CLAUSES_MAX: u32 = 50;
/// How deep parentheses may stand in each other.
const DEPTH_MAX: u32 = 5;
const DAY_MS: i64 = 86_400_000;

/// Fields that events may be searched by.
pub const FIELDS: &str = "client_id, client_name, date, description, ip, log_id, type";

/// How a value without quotes is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plain {
    /// It is the whole value; a clause names its field (`q`).
    Whole,
    /// The value begins with it; without a field it is the client's name (`search`).
    Beginning,
}

/// Reads a query. `None` when it asks for nothing.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse(text: &str, plain: Plain) -> Result<Option<LogCondition>, String> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(format!("the query is longer than {QUERY_BYTES_MAX} bytes"));
    }
    if matches!(text.trim(), "" | "*" | "*:*") {
        return Ok(None);
    }
    let mut reader = Reader { tokens: tokens(text)?, next: 0, plain, clauses: 0 };
    let condition = reader.any(None, 0)?;
    match reader.peek() {
        None => Ok(Some(condition)),
        Some(token) => Err(format!("unexpected {}", token.shown())),
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Field(String),
    Word(String),
    Quoted(String),
    Range { from: String, from_in: bool, to: String, to_in: bool },
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::And => "`AND`".to_owned(),
            Self::Or => "`OR`".to_owned(),
            Self::Not => "`NOT`".to_owned(),
            Self::Field(name) => format!("`{name}:`"),
            Self::Word(text) | Self::Quoted(text) => format!("`{text}`"),
            Self::Range { from, to, .. } => format!("the range from `{from}` to `{to}`"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        // The colons of an address or a time are no end of a field's name.
        let valued = matches!(tokens.last(), Some(Token::Field(_)));
        let (token, after) = token(first, rest, valued)?;
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn token(first: char, text: &str, valued: bool) -> Result<(Token, &str), String> {
    let after = text.strip_prefix(first).unwrap_or_default();
    match first {
        '(' => Ok((Token::Open, after)),
        ')' => Ok((Token::Close, after)),
        '-' | '!' => Ok((Token::Not, after)),
        '"' => quoted(after),
        '[' | '{' => range(first == '[', after),
        _ => {
            let ends = |c: char| c.is_whitespace() || "()\"[]{}".contains(c);
            let (word, after) = text.split_at(text.find(ends).unwrap_or(text.len()));
            word_token(word, text, after, valued)
        }
    }
}

fn word_token<'t>(
    word: &str,
    text: &'t str,
    after: &'t str,
    valued: bool,
) -> Result<(Token, &'t str), String> {
    match word {
        "AND" | "&&" => return Ok((Token::And, after)),
        "OR" | "||" => return Ok((Token::Or, after)),
        "NOT" => return Ok((Token::Not, after)),
        _ => {}
    }
    let name = |name: &str| {
        !valued
            && !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.$".contains(&b))
    };
    if let Some((field, _)) = word.split_once(':').filter(|(field, _)| name(field)) {
        let rest = text.strip_prefix(field).and_then(|rest| rest.strip_prefix(':'));
        return Ok((Token::Field(field.to_owned()), rest.unwrap_or_default()));
    }
    if let Some(odd) = word.chars().find(|c| "~^/\\?+<>=".contains(*c)) {
        return Err(format!("`{odd}` is not supported; put the value in quotes"));
    }
    Ok((Token::Word(word.to_owned()), after))
}

fn quoted(text: &str) -> Result<(Token, &str), String> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => {
                let after = text.get(place..).and_then(|rest| rest.strip_prefix('"'));
                return Ok((Token::Quoted(value), after.unwrap_or_default()));
            }
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Err("a quote is not closed".to_owned())
}

fn range(from_in: bool, text: &str) -> Result<(Token, &str), String> {
    let form = || "a range is written [FROM TO UNTIL]".to_owned();
    let place = text.find([']', '}']).ok_or_else(form)?;
    let (inside, rest) = text.split_at(place);
    let (from, to) = inside.split_once(" TO ").ok_or_else(form)?;
    let plain = |text: &str| text.trim().trim_matches('"').to_owned();
    let to_in = rest.starts_with(']');
    let after = rest.get(1..).unwrap_or_default();
    Ok((Token::Range { from: plain(from), from_in, to: plain(to), to_in }, after))
}

/// A field, as clauses name it.
#[derive(Debug, Clone, Copy)]
enum Field {
    Column(LogField),
    Id,
    Date,
}

fn field(name: &str) -> Result<Field, String> {
    Ok(match name {
        "type" => Field::Column(LogField::Kind),
        "client_id" => Field::Column(LogField::ClientId),
        "client_name" => Field::Column(LogField::ClientName),
        "ip" => Field::Column(LogField::Ip),
        "description" => Field::Column(LogField::Description),
        "log_id" | "_id" => Field::Id,
        "date" => Field::Date,
        other => return Err(format!("`{other}` cannot be searched by; there are: {FIELDS}")),
    })
}

struct Reader {
    tokens: Vec<Token>,
    next: usize,
    plain: Plain,
    clauses: u32,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next = self.next.saturating_add(1);
        token
    }

    fn takes(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        self.next = self.next.saturating_add(usize::from(is));
        is
    }

    /// Clauses joined by `OR`, which binds less than `AND`.
    fn any(&mut self, within: Option<Field>, depth: u32) -> Result<LogCondition, String> {
        if depth > DEPTH_MAX {
            return Err(format!("parentheses stand more than {DEPTH_MAX} deep"));
        }
        let mut any = vec![self.all(within, depth)?];
        while self.takes(&Token::Or) {
            any.push(self.all(within, depth)?);
        }
        Ok(single(any, LogCondition::Any))
    }

    fn all(&mut self, within: Option<Field>, depth: u32) -> Result<LogCondition, String> {
        let mut all = vec![self.clause(within, depth)?];
        loop {
            if !self.takes(&Token::And)
                && matches!(self.peek(), None | Some(Token::Or | Token::Close))
            {
                return Ok(single(all, LogCondition::All));
            }
            all.push(self.clause(within, depth)?);
        }
    }

    fn clause(&mut self, within: Option<Field>, depth: u32) -> Result<LogCondition, String> {
        self.clauses = self.clauses.saturating_add(1);
        if self.clauses > CLAUSES_MAX {
            return Err(format!("the query has more than {CLAUSES_MAX} clauses"));
        }
        match self.take() {
            Some(Token::Not) => {
                self.clause(within, depth).map(|not| LogCondition::Not(Box::new(not)))
            }
            Some(Token::Open) => {
                let inside = self.any(within, depth.saturating_add(1))?;
                if self.takes(&Token::Close) { Ok(inside) } else { Err(unclosed()) }
            }
            Some(Token::Field(name)) if within.is_none() => {
                let field = field(&name)?;
                if self.takes(&Token::Open) {
                    let inside = self.any(Some(field), depth.saturating_add(1))?;
                    return if self.takes(&Token::Close) { Ok(inside) } else { Err(unclosed()) };
                }
                match self.take() {
                    Some(token) => self.value(field, &token),
                    None => Err(format!("`{name}:` has no value")),
                }
            }
            Some(token) => match (within, self.plain) {
                (Some(field), _) => self.value(field, &token),
                (None, Plain::Beginning) => self.value(Field::Column(LogField::ClientName), &token),
                (None, Plain::Whole) => Err(format!(
                    "{} stands without a field; write FIELD:VALUE with one of {FIELDS}",
                    token.shown()
                )),
            },
            None => Err("the query ends where a clause is expected".to_owned()),
        }
    }

    fn value(&self, field: Field, token: &Token) -> Result<LogCondition, String> {
        match (field, token) {
            (Field::Column(column), Token::Quoted(text)) => {
                let holds = column == LogField::Description;
                let test = if holds { LogTest::Holds } else { LogTest::Is };
                Ok(LogCondition::Field(column, test(text.clone())))
            }
            (Field::Column(column), Token::Word(text)) => self.plain_value(column, text),
            (Field::Id, Token::Quoted(text) | Token::Word(text)) => Ok(LogId::seq_of(text)
                .map_or_else(|| LogCondition::Any(Vec::new()), LogCondition::Seq)),
            (Field::Date, Token::Quoted(text) | Token::Word(text)) => {
                let (from, to) = moments(text)?;
                Ok(LogCondition::Date { from: Some(from), to: Some(to) })
            }
            (Field::Date, Token::Range { from, from_in, to, to_in }) => {
                dates((from, *from_in), (to, *to_in))
            }
            (Field::Column(_) | Field::Id, Token::Range { .. }) => {
                Err("only date takes a range".to_owned())
            }
            (_, token) => Err(format!("unexpected {}", token.shown())),
        }
    }

    fn plain_value(&self, column: LogField, text: &str) -> Result<LogCondition, String> {
        let (start, open) = match text.strip_suffix('*') {
            Some(start) => (start, true),
            None => (text, self.plain == Plain::Beginning),
        };
        if start.contains('*') {
            return Err(format!("`{text}`: `*` may only stand at the end"));
        }
        let test = match (column, open) {
            (LogField::Description, _) => LogTest::Holds,
            (_, true) => LogTest::BeginsWith,
            (_, false) => LogTest::Is,
        };
        Ok(LogCondition::Field(column, test(start.to_owned())))
    }
}

fn unclosed() -> String {
    "a parenthesis is not closed".to_owned()
}

fn single(mut of: Vec<LogCondition>, many: fn(Vec<LogCondition>) -> LogCondition) -> LogCondition {
    match of.pop() {
        Some(one) if of.is_empty() => one,
        Some(last) => {
            of.push(last);
            many(of)
        }
        None => many(of),
    }
}

fn dates(from: (&str, bool), to: (&str, bool)) -> Result<LogCondition, String> {
    let moved =
        |moment: Timestamp, ms: i64| Timestamp::from_millis(moment.millis().saturating_add(ms));
    let from = match from {
        ("*", _) => None,
        (text, true) => Some(moments(text)?.0),
        (text, false) => Some(moved(moments(text)?.1, 1)),
    };
    let to = match to {
        ("*", _) => None,
        (text, true) => Some(moments(text)?.1),
        (text, false) => Some(moved(moments(text)?.0, -1)),
    };
    Ok(LogCondition::Date { from, to })
}

/// The first and the last moment that a date or a time stands for.
fn moments(text: &str) -> Result<(Timestamp, Timestamp), String> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        let at = Timestamp::from_millis(time.as_millisecond());
        return Ok((at, at));
    }
    let day = text.parse::<Date>().ok().and_then(|date| date.to_zoned(TimeZone::UTC).ok());
    let Some(day) = day.filter(|_| text.len() == "2026-01-31".len()) else {
        return Err(format!("`{text}` is no date; write 2026-01-31, 2026-01-31T12:00:00Z or *"));
    };
    let first = day.timestamp().as_millisecond();
    let last = first.saturating_add(DAY_MS - 1);
    Ok((Timestamp::from_millis(first), Timestamp::from_millis(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        match parse(text, Plain::Whole) {
            Ok(condition) => condition.map_or("everything".to_owned(), |one| shown(&one)),
            Err(message) => format!("refused: {message}"),
        }
    }

    fn shown(condition: &LogCondition) -> String {
        let list = |parts: &[LogCondition], word: &str| {
            format!("({})", parts.iter().map(shown).collect::<Vec<_>>().join(word))
        };
        match condition {
            LogCondition::Field(field, LogTest::Is(text)) => format!("{field:?}={text}"),
            LogCondition::Field(field, LogTest::BeginsWith(text)) => format!("{field:?}^{text}"),
            LogCondition::Field(field, LogTest::Holds(text)) => format!("{field:?}~{text}"),
            LogCondition::Seq(seq) => format!("#{seq}"),
            LogCondition::Date { from, to } => {
                let ms =
                    |at: &Option<Timestamp>| at.map_or(String::new(), |at| at.millis().to_string());
                format!("{}..{}", ms(from), ms(to))
            }
            LogCondition::All(all) => list(all, " & "),
            LogCondition::Any(any) => list(any, " | "),
            LogCondition::Not(not) => format!("!{}", shown(not)),
        }
    }

    #[test]
    fn a_query_is_read() {
        let id = format!("90020260101000000250{:036}", 7);
        for (text, expected) in [
            ("", "everything"),
            ("*", "everything"),
            ("type:seccft", "Kind=seccft"),
            ("type: seccft", "Kind=seccft"),
            ("type:\"seccft\" AND ip:192.0.2.1", "(Kind=seccft & Ip=192.0.2.1)"),
            ("ip:2001:db8::1", "Ip=2001:db8::1"),
            ("type:a ip:b", "(Kind=a & Ip=b)"),
            ("type:a OR type:b AND ip:c", "(Kind=a | (Kind=b & Ip=c))"),
            ("(type:a OR type:b) AND NOT ip:c", "((Kind=a | Kind=b) & !Ip=c)"),
            ("type:(a OR \"b\")", "(Kind=a | Kind=b)"),
            ("-type:a", "!Kind=a"),
            ("client_name:\"My \\\"API\\\"\"", "ClientName=My \"API\""),
            ("client_name:Bill*", "ClientName^Bill"),
            ("description:refused", "Description~refused"),
            (&format!("log_id:{id}"), "#7"),
            ("log_id:nonsense", "()"),
            ("date:2026-01-01", "1767225600000..1767311999999"),
            ("date:[2026-01-01 TO 2026-01-02]", "1767225600000..1767398399999"),
            ("date:{2026-01-01 TO 2026-01-03}", "1767312000000..1767398399999"),
            ("date:[2026-01-01T00:00:01Z TO *]", "1767225601000.."),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn other_syntax_is_refused_by_name() {
        let many = "type:a ".repeat(51);
        let deep = format!("{}type:a{}", "(".repeat(7), ")".repeat(7));
        for (text, part) in [
            ("hello", "stands without a field"),
            ("user_id:x", "`user_id` cannot be searched by"),
            ("type:a~", "`~` is not supported"),
            ("type:/a.*/", "`/` is not supported"),
            ("type:a*b", "`*` may only stand at the end"),
            ("type:[a TO b]", "only date takes a range"),
            ("type:", "has no value"),
            ("type:a AND", "ends where a clause is expected"),
            ("type:a)", "unexpected `)`"),
            ("(type:a", "a parenthesis is not closed"),
            ("type:\"a", "a quote is not closed"),
            ("date:yesterday", "is no date"),
            ("date:[2026-01-01]", "a range is written"),
            (&many, "more than 50 clauses"),
            (&deep, "more than 5 deep"),
            (&"x".repeat(3_000), "longer than"),
        ] {
            let got = read(text);
            assert!(got.starts_with("refused: ") && got.contains(part), "{text}: {got}");
        }
    }

    #[test]
    fn a_plain_search_begins_with_its_text() {
        let read = |text| parse(text, Plain::Beginning).unwrap().map(|one| shown(&one)).unwrap();
        assert_eq!(read("Bill"), "ClientName^Bill");
        assert_eq!(read("type:fe client_name:\"Bill\""), "(Kind^fe & ClientName=Bill)");
    }
}
