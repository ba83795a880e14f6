//! Many IPv4 ranges: two bits for each `/16` block, and the bounds inside the mixed ones.

use std::mem::size_of;

use super::is_odd;

/// How many groups of 64 blocks there are.
const GROUPS: usize = 1024;
/// Up to this many bounds of one block are counted one by one, which compiles to vector code.
const COUNTED_MAX: usize = 64;

/// The bounds of merged IPv4 ranges, as a map of `/16` blocks.
#[derive(Clone)]
pub(super) struct Bitmap {
    groups: Box<[Group; GROUPS]>,
    /// For each mixed block the place of its first bound, and the number of all at the end.
    starts: Box<[u32]>,
    /// The lower halves of the bounds inside mixed blocks.
    bounds: Box<[u16]>,
}

/// 64 neighbouring blocks.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Whether a block has bounds inside, its first address not counted.
    mixed: u64,
    /// Whether the first address of a block is inside.
    inside: u64,
    /// How many mixed blocks there are in the groups before.
    rank: u32,
}

impl Bitmap {
    /// Builds the map from sorted bounds.
    pub(super) fn new(sorted: &[u32]) -> Self {
        let mut groups = Box::new([Group::default(); GROUPS]);
        let (mut starts, mut bounds) = (Vec::new(), Vec::new());
        let mut left = sorted.iter().copied().peekable();
        let mut inside = false;
        for (position, group) in (0_u32..).zip(groups.iter_mut()) {
            group.rank = number(starts.len());
            for bit in 0..64_u32 {
                let block = position.wrapping_mul(64).wrapping_add(bit);
                // A bound at the first address is part of the state of the block.
                inside ^= left.next_if_eq(&(block << 16)).is_some();
                group.inside |= u64::from(inside).wrapping_shl(bit);
                let before = bounds.len();
                while let Some(bound) = left.next_if(|bound| bound >> 16 == block) {
                    bounds.push(low_half(bound));
                    inside = !inside;
                }
                if bounds.len() > before {
                    group.mixed |= 1_u64.wrapping_shl(bit);
                    starts.push(number(before));
                }
            }
        }
        starts.push(number(bounds.len()));
        Self { groups, starts: starts.into_boxed_slice(), bounds: bounds.into_boxed_slice() }
    }

    /// Whether `ip` is inside.
    #[inline]
    pub(super) fn contains(&self, ip: u32) -> bool {
        let block = ip >> 16;
        let bit = block & 63;
        let Some(group) = self.groups.get((block >> 6) as usize) else {
            return false;
        };
        let inside = group.inside.wrapping_shr(bit) & 1 == 1;
        if group.mixed.wrapping_shr(bit) & 1 == 0 {
            return inside;
        }
        let before = group.mixed & 1_u64.wrapping_shl(bit).wrapping_sub(1);
        let index = group.rank.wrapping_add(before.count_ones()) as usize;
        let Some([from, to]) = self.starts.get(index..index.wrapping_add(2)) else {
            return false;
        };
        let Some(bounds) = self.bounds.get(*from as usize..*to as usize) else {
            return false;
        };
        inside ^ is_odd(count_up_to(bounds, low_half(ip)))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<[Group; GROUPS]>()
            .saturating_add(size_of_val::<[u32]>(&self.starts))
            .saturating_add(size_of_val::<[u16]>(&self.bounds))
    }
}

/// How many of the sorted bounds are not above `key`.
#[inline]
fn count_up_to(bounds: &[u16], key: u16) -> usize {
    if bounds.len() > COUNTED_MAX {
        return bounds.partition_point(|bound| *bound <= key);
    }
    let count = bounds.iter().fold(0_u16, |sum, bound| sum.wrapping_add(u16::from(*bound <= key)));
    usize::from(count)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower 16 bits are what is wanted")]
const fn low_half(bits: u32) -> u16 {
    bits as u16
}

/// A count of bounds or blocks; there are at most 2^32 bounds in IPv4, and never that many here.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
