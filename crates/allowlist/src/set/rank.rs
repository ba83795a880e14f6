//! How many of many sorted numbers are not above a key: the one search behind sets and indexes.

use std::mem::size_of;

/// Fewer numbers than this are searched without an index.
const INDEXED_MIN: usize = 64;
/// Up to this many numbers are counted one by one.
const COUNTED_MAX: usize = 16;
/// So many numbers of a stretch are compared at once.
const NEAR: usize = 4;
/// Marks an entry of [`Index::blocks`] as the number of a node.
const NODE: u32 = 1 << 31;

/// The bits of an address, or its upper half.
pub(crate) trait Key: Copy + Ord {
    /// The first 16 bits.
    fn block(self) -> u32;
    /// `(self - base) >> shift`, from 0 when below `base` to the highest number when too large.
    fn bucket(self, base: Self, shift: u32) -> usize;
}

macro_rules! key {
    ($type:ty) => {
        impl Key for $type {
            #[inline]
            fn block(self) -> u32 {
                (self >> (<$type>::BITS - 16)) as u32
            }

            #[inline]
            fn bucket(self, base: Self, shift: u32) -> usize {
                usize::try_from(self.saturating_sub(base).wrapping_shr(shift)).unwrap_or(usize::MAX)
            }
        }
    };
}
key!(u32);
key!(u64);
key!(u128);

/// Sorted numbers with an index that leads to a short stretch of them.
#[derive(Clone)]
pub(crate) struct Rank<K> {
    sorted: Box<[K]>,
    index: Option<Box<Index<K>>>,
}

/// Two steps: by the first 16 bits, then by an evenly divided table over the span that the numbers
/// of that block really take, so that a list with everything in one corner stays fast.
#[derive(Clone)]
struct Index<K> {
    /// The block of the first entry of `blocks`.
    first: u32,
    /// For each block how many numbers come before it, or the node of the numbers inside it.
    blocks: Box<[u32]>,
    nodes: Box<[Node<K>]>,
    /// The tables of all nodes: where in `sorted` each bucket begins, and the end of the last one.
    tables: Box<[u32]>,
}

#[derive(Clone, Copy)]
struct Node<K> {
    base: K,
    shift: u32,
    table: u32,
    last_bucket: u32,
}

impl<K: Key> Rank<K> {
    /// Takes numbers that are sorted and distinct.
    pub(crate) fn new(sorted: Vec<K>) -> Self {
        let index = Index::new(&sorted).map(Box::new);
        Self { sorted: sorted.into_boxed_slice(), index }
    }

    /// How many of the numbers are not above `key`.
    #[inline]
    pub(crate) fn rank(&self, key: K) -> usize {
        let Some(index) = &self.index else {
            return count_up_to(&self.sorted, key);
        };
        let Some(block) = key.block().checked_sub(index.first) else {
            return 0;
        };
        let Some(entry) = index.blocks.get(block as usize) else {
            return self.sorted.len();
        };
        if entry & NODE == 0 {
            return *entry as usize;
        }
        let Some((from, to)) = index.stretch(entry & !NODE, key) else {
            return 0;
        };
        // What follows a stretch is above the key, so a few numbers can be compared without asking
        // how many belong to it: almost always that is all, and no loop has to be predicted.
        if let Some(near) = self.sorted.get(from..).and_then(<[K]>::first_chunk::<NEAR>) {
            let up_to =
                near.iter().fold(0, |sum: usize, n| sum.wrapping_add(usize::from(*n <= key)));
            if up_to < NEAR {
                return from.wrapping_add(up_to);
            }
        }
        let stretch = self.sorted.get(from..to).unwrap_or_default();
        from.wrapping_add(count_up_to(stretch, key))
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let index = self.index.as_ref().map_or(0, |index| {
            size_of::<Index<K>>()
                .saturating_add(size_of_val::<[u32]>(&index.blocks))
                .saturating_add(size_of_val::<[Node<K>]>(&index.nodes))
                .saturating_add(size_of_val::<[u32]>(&index.tables))
        });
        size_of_val::<[K]>(&self.sorted).saturating_add(index)
    }
}

impl<K: Key> Index<K> {
    /// Nothing when the numbers are too few to gain by an index, or too many for its fields.
    fn new(sorted: &[K]) -> Option<Self> {
        if sorted.len() < INDEXED_MIN || u32::try_from(sorted.len()).ok()? >= NODE >> 3 {
            return None;
        }
        let first = sorted.first()?.block();
        let (mut blocks, mut nodes, mut tables) = (Vec::new(), Vec::new(), Vec::new());
        let mut before = 0_usize;
        for numbers in sorted.chunk_by(|a, b| a.block() == b.block()) {
            let (base, end) = (*numbers.first()?, *numbers.last()?);
            let gap = usize::try_from(base.block().checked_sub(first)?).ok()?;
            blocks.resize(gap, u32::try_from(before).ok()?);
            blocks.push(NODE | u32::try_from(nodes.len()).ok()?);
            let buckets_max =
                if numbers.len() <= COUNTED_MAX { 1 } else { numbers.len().checked_mul(4)? };
            let shift = (0..128).find(|shift| end.bucket(base, *shift) < buckets_max)?;
            let last_bucket = end.bucket(base, shift);
            nodes.push(Node {
                base,
                shift,
                table: u32::try_from(tables.len()).ok()?,
                last_bucket: u32::try_from(last_bucket).ok()?,
            });
            let mut place = 0_usize;
            for bucket in 0..=last_bucket {
                tables.push(u32::try_from(before.checked_add(place)?).ok()?);
                let rest = numbers.get(place..)?.iter();
                let inside = rest.take_while(|number| number.bucket(base, shift) <= bucket).count();
                place = place.checked_add(inside)?;
            }
            before = before.checked_add(numbers.len())?;
            tables.push(u32::try_from(before).ok()?);
        }
        Some(Self {
            first,
            blocks: blocks.into_boxed_slice(),
            nodes: nodes.into_boxed_slice(),
            tables: tables.into_boxed_slice(),
        })
    }

    /// The stretch of the sorted numbers that can hold the place of `key`.
    #[inline]
    fn stretch(&self, node: u32, key: K) -> Option<(usize, usize)> {
        let node = self.nodes.get(node as usize)?;
        let bucket = key.bucket(node.base, node.shift).min(node.last_bucket as usize);
        let place = bucket.wrapping_add(node.table as usize);
        match self.tables.get(place..place.wrapping_add(2)) {
            Some([from, to]) => Some((*from as usize, *to as usize)),
            Some(_) | None => None,
        }
    }
}

/// How many of the sorted numbers are not above `key`.
#[inline]
pub(crate) fn count_up_to<K: Copy + Ord>(sorted: &[K], key: K) -> usize {
    if sorted.len() > COUNTED_MAX {
        return sorted.partition_point(|number| *number <= key);
    }
    sorted.iter().fold(0, |sum: usize, number| sum.wrapping_add(usize::from(*number <= key)))
}
