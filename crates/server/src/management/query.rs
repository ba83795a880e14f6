//! Query strings: known names alone, bounded numbers, and the three forms of paging.

use axum::http::Uri;
use keyward_store::{Page, PageOf};
use serde_json::{Map, Value};

use crate::failure::Failure;

const PER_PAGE_DEFAULT: u32 = 50;
const PER_PAGE_MAX: u32 = 100;

/// 400 for a query string.
pub(super) fn invalid_query(message: &str) -> Failure {
    Failure::bad_request("invalid_query", format!("Query validation error: '{message}'."))
}

/// 400 for the value of one parameter.
pub(super) fn invalid_parameter(name: &str, message: &str) -> Failure {
    let message = format!("Query validation error: '{message}' on property {name}.");
    Failure::bad_request("invalid_query", message)
}

/// The parameters of a request, every name known.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query string.
    ///
    /// # Errors
    /// 400 with the name of the first parameter that is not known here.
    pub(super) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Failure> {
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|_| invalid_query("cannot be decoded"))?
            .0;
        match pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(invalid_query(&format!("Additional properties not allowed: {name}")))
            }
            None => Ok(Self(pairs)),
        }
    }

    /// Every value of a parameter that may be repeated; also separated by commas.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let given = self.0.iter().filter(|(known, _)| known == name);
        given.flat_map(|(_, value)| value.split(',')).map(str::to_owned).collect()
    }

    /// Every value of a parameter that may be repeated, taken whole.
    pub(super) fn whole(&self, name: &str) -> Vec<String> {
        let given = self.0.iter().filter(|(known, _)| known == name);
        given.map(|(_, value)| value.clone()).collect()
    }

    /// The value of a parameter; given twice it is refused.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Failure> {
        let mut values = self.0.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
            (_, Some(_)) => Err(invalid_parameter(name, "Given more than once")),
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.one(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(invalid_parameter(name, "Expected type boolean but found type string")),
        }
    }

    fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, Failure> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits {
            return Err(invalid_parameter(name, "Expected type integer but found type string"));
        }
        match text.parse::<u32>() {
            Ok(number) if number < least => Err(invalid_parameter(
                name,
                &format!("Value {number} is less than minimum {least}"),
            )),
            Ok(number) if number <= most => Ok(Some(number)),
            _ => Err(invalid_parameter(
                name,
                &format!("Value {text} is greater than maximum {most}"),
            )),
        }
    }

    /// Which part of a list is asked for. A checkpoint (`take`, `from`) wins over pages.
    pub(super) fn paging(&self) -> Result<Paging, Failure> {
        let page = self.number("page", 0, u32::MAX)?.unwrap_or(0);
        let per_page = self.number("per_page", 1, PER_PAGE_MAX)?.unwrap_or(PER_PAGE_DEFAULT);
        let totals = self.flag("include_totals")?.unwrap_or(false);
        let take = self.number("take", 1, PER_PAGE_MAX)?;
        let from = self.one("from")?.map(str::to_owned);
        if take.is_some() || from.is_some() {
            return Ok(Paging::Checkpoint { from, take: take.unwrap_or(PER_PAGE_DEFAULT) });
        }
        Ok(Paging::Pages { page, per_page, totals })
    }

    /// The same where a checkpoint is something else: numbered pages alone.
    pub(super) fn pages(&self) -> Result<Paging, Failure> {
        match self.paging()? {
            pages @ Paging::Pages { .. } => Ok(pages),
            Paging::Checkpoint { take, .. } => {
                let totals = self.flag("include_totals")?.unwrap_or(false);
                Ok(Paging::Pages { page: 0, per_page: take, totals })
            }
        }
    }

    /// Which numbered page is asked for, where there is no other form.
    pub(super) fn numbered_pages(&self, per_page_default: u32) -> Result<Paging, Failure> {
        let page = self.number("page", 0, u32::MAX)?.unwrap_or(0);
        let per_page = self.number("per_page", 1, PER_PAGE_MAX)?.unwrap_or(per_page_default);
        Ok(Paging::Pages { page, per_page, totals: true })
    }

    /// Which members of each thing are asked for.
    pub(super) fn projection(&self) -> Result<Projection, Failure> {
        let names = self.all("fields").into_iter().map(|name| name.trim().to_owned());
        let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
        Ok(Projection { names, keep: self.flag("include_fields")?.unwrap_or(true) })
    }
}

/// Which members of a thing are shown.
#[derive(Debug)]
pub(super) struct Projection {
    names: Vec<String>,
    keep: bool,
}

impl Projection {
    /// Shows these members alone.
    pub(super) fn only(names: &[&str]) -> Self {
        Self { names: names.iter().map(|name| (*name).to_owned()).collect(), keep: true }
    }

    pub(super) fn apply(&self, mut thing: Map<String, Value>) -> Map<String, Value> {
        if !self.names.is_empty() {
            thing.retain(|name, _| self.names.contains(name) == self.keep);
        }
        thing
    }
}

/// Compat(auth0): the one list that says how much of it was answered.
const LIST_WITH_LENGTH: &str = "logs";

/// Which part of a list, and how it is wrapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Paging {
    /// Numbered pages: a bare array, or with totals an object.
    Pages { page: u32, per_page: u32, totals: bool },
    /// From a cursor on: always an object.
    Checkpoint { from: Option<String>, take: u32 },
}

impl Paging {
    /// The same for the store.
    pub(super) fn page(&self) -> Page {
        match self {
            Self::Pages { per_page, .. } => Page::Offset { offset: self.start(), limit: *per_page },
            Self::Checkpoint { from, take } => Page::After { cursor: from.clone(), limit: *take },
        }
    }

    fn start(&self) -> u64 {
        match self {
            Self::Pages { page, per_page, .. } => {
                u64::from(*page).saturating_mul(u64::from(*per_page))
            }
            Self::Checkpoint { .. } => 0,
        }
    }

    /// How many are skipped, and how many are shown at most.
    pub(super) fn bounds(&self) -> (u64, u32) {
        match self {
            Self::Pages { per_page: limit, .. } | Self::Checkpoint { take: limit, .. } => {
                (self.start(), *limit)
            }
        }
    }

    /// Whether the total is asked for.
    pub(super) fn has_totals(&self) -> bool {
        matches!(self, Self::Pages { totals: true, .. })
    }

    /// Wraps a part of a list called `name`.
    pub(super) fn wrap(&self, name: &str, part: PageOf<Map<String, Value>>) -> Value {
        let length = part.items.len();
        let items: Vec<Value> = part.items.into_iter().map(Value::Object).collect();
        match self {
            Self::Pages { totals: false, .. } => Value::Array(items),
            Self::Pages { per_page, .. } => {
                let mut body = Map::new();
                body.insert("start".to_owned(), self.start().into());
                body.insert("limit".to_owned(), (*per_page).into());
                if name == LIST_WITH_LENGTH {
                    body.insert("length".to_owned(), length.into());
                }
                body.insert("total".to_owned(), part.total.unwrap_or_default().into());
                body.insert(name.to_owned(), items.into());
                body.into()
            }
            Self::Checkpoint { .. } => {
                let mut body = Map::new();
                body.insert(name.to_owned(), items.into());
                if let Some(next) = part.next {
                    body.insert("next".to_owned(), next.into());
                }
                body.into()
            }
        }
    }

    /// Wraps a numbered page as Auth0 does around Actions: numbers that are 0 are left out.
    pub(super) fn wrap_numbered(&self, name: &str, part: PageOf<Map<String, Value>>) -> Value {
        let (page, per_page) = match self {
            Self::Pages { page, per_page, .. } => (*page, *per_page),
            Self::Checkpoint { take, .. } => (0, *take),
        };
        let mut body = Map::new();
        for (name, number) in [("total", part.total.unwrap_or_default()), ("page", page.into())] {
            if number > 0 {
                body.insert(name.to_owned(), number.into());
            }
        }
        body.insert("per_page".to_owned(), per_page.into());
        body.insert(name.to_owned(), part.items.into_iter().map(Value::Object).collect());
        body.into()
    }

    /// Cuts the part out of a whole list that is in memory.
    pub(super) fn cut<T>(&self, all: Vec<T>) -> Result<PageOf<T>, Failure> {
        let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let (start, limit) = match self {
            Self::Pages { per_page, .. } => (self.start(), *per_page),
            Self::Checkpoint { from, take } => (from_cursor(from.as_deref())?, *take),
        };
        let end = start.saturating_add(u64::from(limit));
        let skipped = usize::try_from(start).unwrap_or(usize::MAX);
        let items = all.into_iter().skip(skipped).take(usize::try_from(limit).unwrap_or_default());
        let more = matches!(self, Self::Checkpoint { .. }) && end < total;
        Ok(PageOf {
            items: items.collect(),
            total: Some(total),
            next: more.then(|| format!("{CURSOR_PREFIX}{end}")),
        })
    }
}

const CURSOR_PREFIX: &str = "place-";

fn from_cursor(from: Option<&str>) -> Result<u64, Failure> {
    let Some(text) = from else { return Ok(0) };
    let place = text.strip_prefix(CURSOR_PREFIX).and_then(|digits| digits.parse().ok());
    place.ok_or_else(|| invalid_parameter("from", "Not a cursor of this list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query, Failure> {
        let uri = format!("/x?{text}").parse().unwrap();
        Query::read(&uri, &["page", "per_page", "include_totals", "take", "from", "fields"])
    }

    fn message(text: &str) -> String {
        let failure = query(text).and_then(|query| query.paging().map(|_| ())).unwrap_err();
        failure.message.into_owned()
    }

    #[test]
    fn a_checkpoint_wins() {
        let both = query("include_totals=true&take=50").unwrap().paging().unwrap();
        assert_eq!(both, Paging::Checkpoint { from: None, take: 50 });
        let plain = query("").unwrap().paging().unwrap();
        assert_eq!(plain, Paging::Pages { page: 0, per_page: 50, totals: false });
    }

    #[test]
    fn bad_numbers_are_named() {
        for (text, expected) in [
            ("per_page=101", "'Value 101 is greater than maximum 100' on property per_page."),
            ("per_page=0", "'Value 0 is less than minimum 1' on property per_page."),
            ("page=-1", "'Expected type integer but found type string' on property page."),
            (
                "page=99999999999",
                "'Value 99999999999 is greater than maximum 4294967295' on property page.",
            ),
            ("page=1&page=2", "'Given more than once' on property page."),
            (
                "include_totals=1",
                "'Expected type boolean but found type string' on property include_totals.",
            ),
            ("colour=red", "'Additional properties not allowed: colour'."),
        ] {
            assert_eq!(message(text), format!("Query validation error: {expected}"), "{text}");
        }
    }

    #[test]
    fn a_whole_list_is_cut_by_its_cursor() {
        let first = Paging::Checkpoint { from: None, take: 2 };
        let part = first.cut(vec![1, 2, 3]).unwrap();
        assert_eq!((part.items, part.next.as_deref()), (vec![1, 2], Some("place-2")));
        let second = Paging::Checkpoint { from: Some("place-2".into()), take: 2 };
        let part = second.cut(vec![1, 2, 3]).unwrap();
        assert_eq!((part.items, part.next), (vec![3], None));
        assert!(Paging::Checkpoint { from: Some("x".into()), take: 2 }.cut(vec![1]).is_err());
    }
}
