//! Many IPv4 ranges: two bits for each `/16` block, and the bounds inside the mixed ones.
//!
//! A look-up touches two cache lines, three when a block has more than eight bounds. Inside a block
//! a bound is kept as the address before it: then "not above the key" is "below the key", and the
//! highest number is free to fill unused places. All comparisons have a fixed number, so that they
//! compile to vector code and there is no loop whose end could be mispredicted.

use std::mem::size_of;

use super::is_odd;

/// How many groups of 64 blocks there are.
const GROUPS: usize = 1024;
/// Bounds that a block keeps with it, and bounds compared at once.
const PLACES: usize = 8;
/// Samples that lead to the right stretch of a block's bounds when those are kept elsewhere.
const PIVOTS: usize = 4;
/// Fills unused places; at the first place it says that the bounds are kept elsewhere.
const UNUSED: u16 = u16::MAX;

/// The bounds of merged IPv4 ranges, as a map of `/16` blocks.
#[derive(Clone)]
pub(super) struct Bitmap {
    groups: Box<[Group; GROUPS]>,
    /// The mixed blocks.
    blocks: Box<[Block]>,
    /// The bounds of blocks that have more than fit, then [`PLACES`] unused ones.
    far: Box<[u16]>,
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

/// The bounds of one mixed block in order; or [`UNUSED`], where they begin among the far ones (two
/// halves), how many there are, and the pivots: every so many-th of them.
#[derive(Clone, Copy)]
#[repr(align(16))]
struct Block([u16; PLACES]);

impl Bitmap {
    /// Builds the map from sorted bounds.
    pub(super) fn new(sorted: &[u32]) -> Self {
        let mut groups = Box::new([Group::default(); GROUPS]);
        let (mut blocks, mut far, mut bounds) = (Vec::new(), Vec::new(), Vec::new());
        let mut left = sorted.iter().copied().peekable();
        let mut inside = false;
        for (position, group) in (0_u32..).zip(groups.iter_mut()) {
            group.rank = number(blocks.len());
            for bit in 0..64_u32 {
                let block = position.wrapping_mul(64).wrapping_add(bit);
                // A bound at the first address is part of the state of the block.
                inside ^= left.next_if_eq(&(block << 16)).is_some();
                group.inside |= u64::from(inside).wrapping_shl(bit);
                bounds.clear();
                while let Some(bound) = left.next_if(|bound| bound >> 16 == block) {
                    bounds.push(low_half(bound).wrapping_sub(1));
                    inside = !inside;
                }
                if !bounds.is_empty() {
                    group.mixed |= 1_u64.wrapping_shl(bit);
                    blocks.push(Block::new(&bounds, &mut far));
                }
            }
        }
        far.extend([UNUSED; PLACES]);
        Self { groups, blocks: blocks.into_boxed_slice(), far: far.into_boxed_slice() }
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
        let Some(Block(places)) = self.blocks.get(index) else {
            return false;
        };
        let key = low_half(ip);
        let [UNUSED, start_low, start_high, length, pivots @ ..] = places else {
            return inside ^ is_odd(below(places, key));
        };
        let start = (u32::from(*start_high) << 16 | u32::from(*start_low)) as usize;
        inside ^ is_odd(self.below_far(start, usize::from(*length), pivots, key))
    }

    /// How many of a block's bounds are below `key`.
    fn below_far(&self, start: usize, length: usize, pivots: &[u16; PIVOTS], key: u16) -> usize {
        let stretch = stretch_of(length);
        // Everything up to the last pivot below the key is below it, everything from the next
        // pivot on is not.
        let skipped = below(pivots, key).wrapping_mul(stretch);
        let left = length.saturating_sub(skipped);
        let bounds = self.far.get(start.wrapping_add(skipped)..).unwrap_or_default();
        if stretch > PLACES {
            let bounds = bounds.get(..left.min(stretch)).unwrap_or_default();
            return skipped.wrapping_add(bounds.partition_point(|bound| *bound < key));
        }
        let Some(bounds) = bounds.first_chunk::<PLACES>() else {
            return 0;
        };
        // What follows the block's own bounds belongs to the next block.
        let mut count = 0_u16;
        for (place, bound) in (0_u16..).zip(bounds) {
            count = count.wrapping_add(u16::from(*bound < key && usize::from(place) < left));
        }
        skipped.wrapping_add(usize::from(count))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<[Group; GROUPS]>()
            .saturating_add(size_of_val::<[Block]>(&self.blocks))
            .saturating_add(size_of_val::<[u16]>(&self.far))
    }
}

impl Block {
    /// Takes at least one bound; those that do not fit go to the end of `far`.
    fn new(bounds: &[u16], far: &mut Vec<u16>) -> Self {
        let mut places = [UNUSED; PLACES];
        if let Some(used) = places.get_mut(..bounds.len()) {
            used.copy_from_slice(bounds);
            return Self(places);
        }
        let start = number(far.len());
        let length = u16::try_from(bounds.len()).unwrap_or(UNUSED);
        let pivots = bounds.iter().skip(stretch_of(bounds.len())).step_by(stretch_of(bounds.len()));
        let head = [UNUSED, low_half(start), low_half(start >> 16), length];
        for (place, value) in places.iter_mut().zip(head.iter().chain(pivots)) {
            *place = *value;
        }
        far.extend_from_slice(bounds);
        Self(places)
    }
}

/// How many bounds there are from one pivot to the next.
const fn stretch_of(length: usize) -> usize {
    length.div_ceil(PIVOTS.wrapping_add(1))
}

/// How many of the numbers are below `key`.
#[inline]
fn below<const N: usize>(numbers: &[u16; N], key: u16) -> usize {
    usize::from(numbers.iter().fold(0_u16, |sum, one| sum.wrapping_add(u16::from(*one < key))))
}

#[expect(clippy::cast_possible_truncation, reason = "the lower 16 bits are what is wanted")]
const fn low_half(bits: u32) -> u16 {
    bits as u16
}

/// A count of bounds or blocks; there are at most 2^32 bounds in IPv4, and never that many here.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks with as many bounds as named, side by side and at the ends, against the definition.
    #[test]
    fn every_number_of_bounds_in_a_block_counts_right() {
        let mut sorted = Vec::new();
        let lengths = (0..=50).chain([255, 256, 1000, 65_534, 65_535]);
        for (block, length) in (0x0aff_u32..).zip(lengths) {
            // The last address is a bound in every block, the first one in every third.
            let step = 65_535_u32.checked_div(length).unwrap_or(0);
            if block.is_multiple_of(3) {
                sorted.push(block << 16);
            }
            let places = (0..length).rev().map(|place| 65_535 - place * step);
            sorted.extend(places.map(|low| block << 16 | low));
        }
        let map = Bitmap::new(&sorted);
        let naive = |ip: u32| is_odd(sorted.partition_point(|bound| *bound <= ip));
        for ip in 0x0afe_0000..=0x0b40_0000_u32 {
            assert_eq!(map.contains(ip), naive(ip), "{ip:x}");
        }
        for ip in [0, 1, 0xffff, 0xffff_fffe, u32::MAX] {
            assert_eq!(map.contains(ip), naive(ip), "{ip:x}");
        }
    }
}
