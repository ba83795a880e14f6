//! Networks as ranges of numbers, merged, and back.

/// The bits of an address of one family.
pub(super) trait Bits: Copy + Ord {
    /// How many bits an address has.
    const WIDTH: u8;
    /// The next address, if there is one.
    fn next(self) -> Option<Self>;
    /// How many of the lowest bits are zero.
    fn zeros(self) -> u32;
    /// The highest address of the block of `bits` host bits that begins here.
    fn block_end(self, bits: u8) -> Self;
}

macro_rules! bits {
    ($type:ty, $width:literal) => {
        impl Bits for $type {
            const WIDTH: u8 = $width;

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn zeros(self) -> u32 {
                self.trailing_zeros()
            }

            fn block_end(self, bits: u8) -> Self {
                let outside = <$type>::MAX.checked_shl(u32::from(bits)).unwrap_or(0);
                self | !outside
            }
        }
    };
}
bits!(u32, 32);
bits!(u128, 128);

/// The lowest address of a network and its prefix length.
pub(super) type Cidr<B> = (B, u8);

/// The same addresses as disjoint, sorted ranges that do not touch.
pub(super) fn merged<B: Bits>(mut ranges: Vec<(B, B)>) -> Vec<(B, B)> {
    ranges.sort_unstable();
    let mut merged: Vec<(B, B)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= *end || end.next() == Some(first) => *end = last.max(*end),
            Some(_) | None => merged.push((first, last)),
        }
    }
    merged
}

/// The points where inside and outside change: the first address of each range, and the first one
/// behind it unless the range goes to the end of the space.
pub(super) fn bounds<B: Bits>(ranges: &[(B, B)]) -> Vec<B> {
    ranges.iter().flat_map(|(first, last)| [Some(*first), last.next()]).flatten().collect()
}

/// The fewest networks that make up the ranges, unless there are more than `max`.
pub(super) fn cidrs<B: Bits>(ranges: &[(B, B)], max: usize) -> Option<Vec<Cidr<B>>> {
    let mut networks = Vec::new();
    for (first, last) in ranges {
        let mut start = Some(*first);
        while let Some(first) = start.filter(|first| first <= last) {
            if networks.len() == max {
                return None;
            }
            let aligned = u8::try_from(first.zeros()).unwrap_or(B::WIDTH).min(B::WIDTH);
            let bits = (0..=aligned).rev().find(|bits| first.block_end(*bits) <= *last)?;
            networks.push((first, B::WIDTH.checked_sub(bits)?));
            start = first.block_end(bits).next();
        }
    }
    Some(networks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_become_the_fewest_networks() {
        let ranges = merged(vec![(1_u32, 6), (6, 9), (12, 12), (u32::MAX - 1, u32::MAX)]);
        assert_eq!(ranges, [(1, 9), (12, 12), (u32::MAX - 1, u32::MAX)]);
        assert_eq!(bounds(&ranges), [1, 10, 12, 13, u32::MAX - 1]);
        let networks = [(1, 32), (2, 31), (4, 30), (8, 31), (12, 32), (u32::MAX - 1, 31)];
        assert_eq!(cidrs(&ranges, 8).unwrap(), networks);
        assert_eq!(cidrs(&ranges, 6).unwrap().len(), 6);
        assert_eq!(cidrs(&ranges, 5), None);
        assert_eq!(cidrs(&[(0_u128, u128::MAX)], 1), Some(vec![(0, 0)]));
    }
}
