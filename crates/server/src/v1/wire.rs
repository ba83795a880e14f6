//! Wire types that several handlers share.

use std::fmt;

use keyward_core::time::Timestamp;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment as RFC 3339 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Timestamp);

impl From<Timestamp> for Time {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0.millis()) {
            Ok(time) => write!(f, "{time:.3}"),
            // Beyond the year 9999, which no RFC 3339 text can say.
            Err(_) if self.0.millis() > 0 => f.write_str("9999-12-31T23:59:59.999Z"),
            Err(_) => f.write_str("0000-01-01T00:00:00.000Z"),
        }
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, writer: S) -> Result<S::Ok, S::Error> {
        writer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a moment such as \"2030-01-31T12:00:00Z\" (RFC 3339)")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                let wrong = |_| E::invalid_value(serde::de::Unexpected::Str(text), &self);
                let time: jiff::Timestamp = text.parse().map_err(wrong)?;
                Ok(Time(Timestamp::from_millis(time.as_millisecond())))
            }
        }

        reader.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        let time = Time(Timestamp::from_millis(1_700_000_000_120));
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2023-11-14T22:13:20.120Z\"");
        let read: Time = serde_json::from_str("\"2023-11-14T23:13:20.12+01:00\"").unwrap();
        assert_eq!(read, time);
        for bad in ["\"tomorrow\"", "1700000000", "\"2023-11-14\"", "\"2023-11-14T22:13:20\""] {
            assert!(serde_json::from_str::<Time>(bad).is_err(), "{bad}");
        }
        assert_eq!(Time(Timestamp::from_millis(i64::MAX)).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
