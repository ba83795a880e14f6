//! The public id of a log event.

use std::fmt;

use keyward_core::time::Timestamp;

const MARK: &str = "900";
const LENGTH: usize = 56;
/// Digits of the number at the end; before it stand those of the time.
const SEQ_DIGITS: usize = 36;
/// 9999-12-31T23:59:59.999Z: what comes later has no room in 17 digits.
const LAST_MS: i64 = 253_402_300_799_999;

/// Compat(auth0): `900`, the time to the millisecond in 17 digits, the event's number in 36. Ids of
/// later events are greater, as texts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogId {
    /// The moment, which never goes back from one event to the next.
    pub at: Timestamp,
    /// The number.
    pub seq: u64,
}

impl LogId {
    /// The number in an id.
    #[must_use]
    pub fn seq_of(text: &str) -> Option<u64> {
        let digits = text.len() == LENGTH && text.bytes().all(|b| b.is_ascii_digit());
        let place = LENGTH.checked_sub(SEQ_DIGITS)?;
        let (head, seq) = text.split_at_checked(place).filter(|_| digits)?;
        head.starts_with(MARK).then(|| seq.parse().ok()).flatten()
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.at.millis().clamp(0, LAST_MS);
        let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
        let time = time.to_zoned(jiff::tz::TimeZone::UTC);
        write!(
            f,
            "{MARK}{:04}{:02}{:02}{:02}{:02}{:02}{:03}{:036}",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond(),
            self.seq
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_grows_with_time_and_number() {
        let id = |ms, seq| LogId { at: Timestamp::from_millis(ms), seq }.to_string();
        let first = id(1_767_225_600_250, 7);
        assert_eq!(first, format!("90020260101000000250{:036}", 7));
        assert_eq!((first.len(), LogId::seq_of(&first)), (56, Some(7)));
        assert!(first < id(1_767_225_600_250, 8) && first < id(1_767_225_600_251, 8));
        let short = first.trim_end_matches('7');
        for bad in ["", "900", short, &first.replace("900", "901"), &"9".repeat(56)] {
            assert_eq!(LogId::seq_of(bad), None, "{bad}");
        }
    }
}
