//! The hops of a forwarding header, in order, over all its lines.

use super::{HEADER_BYTES_MAX, HOPS_MAX, NoClientIp};

/// Splits a line into hops and hands each on until told to stop; false when the line cannot be split
/// or was not split to its end.
type Split<'a> = fn(&'a [u8], &mut dyn FnMut(&'a [u8]) -> bool) -> bool;

/// At most [`HOPS_MAX`] hops, kept as slices of the header lines: nothing is allocated.
pub(super) struct Hops<'a> {
    hops: [&'a [u8]; HOPS_MAX],
    count: usize,
    bytes: usize,
}

impl Default for Hops<'_> {
    fn default() -> Self {
        Self { hops: [&[]; HOPS_MAX], count: 0, bytes: 0 }
    }
}

impl<'a> Hops<'a> {
    /// Adds the hops of one line, as `split` finds them.
    pub(super) fn add_line(&mut self, line: &'a [u8], split: Split<'a>) -> Result<(), NoClientIp> {
        let room = HEADER_BYTES_MAX.saturating_sub(self.bytes);
        self.bytes = self.bytes.saturating_add(line.len());
        // Only what is within the limit is looked at, so the work is bounded whatever comes.
        let (head, whole) = match line.get(..room) {
            Some(head) if line.len() > room => (head, false),
            Some(_) | None => (line, true),
        };
        let mut overflow = false;
        let split = split(head, &mut |hop| {
            match self.hops.get_mut(self.count) {
                Some(slot) => *slot = hop,
                None => overflow = true,
            }
            self.count = self.count.saturating_add(1);
            !overflow
        });
        if overflow {
            Err(NoClientIp::TooManyHops)
        } else if !whole {
            Err(NoClientIp::TooLong)
        } else if split {
            Ok(())
        } else {
            Err(NoClientIp::Malformed)
        }
    }

    /// Whether there was no line at all. An empty line is one empty hop.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The hops, the nearest first.
    pub(super) fn nearest_first(&self) -> impl Iterator<Item = &'a [u8]> {
        self.hops.iter().take(self.count).rev().copied()
    }
}

/// Splits a line at its commas.
pub(super) fn plain<'a>(line: &'a [u8], hop: &mut dyn FnMut(&'a [u8]) -> bool) -> bool {
    line.split(|byte| *byte == b',').all(hop)
}
