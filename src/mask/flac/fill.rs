//! Subframes of zero samples that take a given number of bits, RFC 9639 section 9.2.
//!
//! A residual of zeros costs `9 + w * n` bits in a partition of `n` samples escaped to `w` bits
//! each, and 5 bits fewer as Rice code with parameter `w - 1`: the sum over the partitions is
//! made nearly right by the widths, and right by how many are Rice codes. Where partitions are too
//! few for that, wasted bits and the warm-up of a predictor take the odd bits. 7 are left to the
//! alignment.

use crate::media::BitWriter;

/// Widest escaped residual, and Rice parameters of the 4-bit coding method.
const MAX_ESCAPE: u64 = 31;
const MAX_RICE: u64 = 14;
/// Type and wasted-bits flag of a subframe; with method and partition order of a residual.
const SUBFRAME_BITS: u64 = 8;
const CODED_BITS: u64 = SUBFRAME_BITS + 6;
/// Parameter and width of an escaped partition, and what a Rice code of the same width saves.
const ESCAPE_BITS: u64 = 9;
const RICE_SAVES: u64 = 5;
/// Precision and shift of a linear predictor.
const PREDICTOR_BITS: u64 = 9;

/// How a partition of the residual holds its zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Partition {
    Rice(u32),
    Escape(u32),
}

/// Warm-up samples and coefficients, all 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Predictor {
    /// FIXED of order 0, with so many wasted bits.
    None { wasted: u32 },
    /// LPC of an order from 1 to 32 and a precision from 1 to 15, for samples of a width.
    Linear { order: u32, precision: u32, width: u32 },
}

/// One channel of a silent frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subframe {
    /// One sample of a width.
    Constant(u32),
    /// All samples, of a width.
    Verbatim(u32),
    Coded(Predictor, Vec<Partition>),
}

/// Subframes of `block` samples for channels of these widths that take `bits` bits, or up to 7
/// fewer; `None` when there are none.
pub(super) fn subframes(block: u32, widths: &[u32], bits: u64) -> Option<Vec<Subframe>> {
    // One channel is fitted; those before it are as long as plain samples, those after it short.
    let mut others = constant(widths);
    let mut found = Vec::with_capacity(widths.len());
    for (at, width) in widths.iter().enumerate() {
        others = others.saturating_sub(constant_bits(*width));
        let fitted = bits.checked_sub(others).and_then(|bits| fit(block, *width, bits));
        if let Some(fitted) = fitted {
            found.push(fitted);
            found.extend(widths.iter().skip(at + 1).map(|width| Subframe::Constant(*width)));
            return Some(found);
        }
        others = others.saturating_add(verbatim_bits(block, *width));
        found.push(Subframe::Verbatim(*width));
    }
    None
}

/// The bits of the shortest silent frame.
pub(super) fn constant(widths: &[u32]) -> u64 {
    widths.iter().map(|width| constant_bits(*width)).sum()
}

/// The most bits up to `bits` that some silent frame surely has; `None` when all have more.
pub(super) fn plain(block: u32, widths: &[u32], bits: u64) -> Option<u64> {
    let shortest = constant(widths);
    let room = bits.checked_sub(shortest)?;
    let first = widths.first().map_or(0, |width| constant_bits(*width));
    let coded = (room + first).checked_sub(CODED_BITS + ESCAPE_BITS);
    let width = coded.map(|coded| (coded / u64::from(block.max(1))).min(MAX_ESCAPE));
    Some(width.map_or(shortest, |width| {
        let fitted = CODED_BITS + ESCAPE_BITS + width * u64::from(block);
        (shortest - first + fitted).max(shortest)
    }))
}

fn constant_bits(width: u32) -> u64 {
    SUBFRAME_BITS + u64::from(width)
}

fn verbatim_bits(block: u32, width: u32) -> u64 {
    SUBFRAME_BITS + u64::from(block) * u64::from(width)
}

/// One channel in `bits` bits, or up to 7 fewer.
fn fit(block: u32, width: u32, bits: u64) -> Option<Subframe> {
    let reached = |size: u64| bits.checked_sub(size).is_some_and(|left| left < 8);
    if reached(constant_bits(width)) {
        return Some(Subframe::Constant(width));
    }
    if reached(verbatim_bits(block, width)) {
        return Some(Subframe::Verbatim(width));
    }
    unpredicted(block, width, bits).or_else(|| predicted(block, width, bits))
}

/// Numbers of partitions into which a block can be divided, with their samples.
fn divisions(block: u32) -> impl Iterator<Item = (u64, u64)> {
    let block = u64::from(block);
    (0..16)
        .map(|order| 1 << order)
        .take_while(move |count| block.is_multiple_of(*count))
        .map(move |count| (count, block / count))
}

fn unpredicted(block: u32, width: u32, bits: u64) -> Option<Subframe> {
    (0..width).find_map(|wasted| {
        let room = bits.checked_sub(CODED_BITS + u64::from(wasted))?;
        let partitions = divisions(block).find_map(|(count, each)| split(count, each, room))?;
        Some(Subframe::Coded(Predictor::None { wasted }, partitions))
    })
}

fn predicted(block: u32, width: u32, bits: u64) -> Option<Subframe> {
    let settings = (1..=32).flat_map(|order| (1..=15).map(move |precision| (order, precision)));
    settings.into_iter().find_map(|(order, precision)| {
        let warm_up = u64::from(order) * u64::from(width + precision);
        let room = bits.checked_sub(CODED_BITS + PREDICTOR_BITS + warm_up)?;
        // The warm-up is missing from the first partition.
        let mut usable = divisions(block).filter(|(_, each)| *each > u64::from(order));
        let partitions = usable.find_map(|(count, each)| {
            (0..=MAX_ESCAPE).find_map(|first| {
                let first_bits = ESCAPE_BITS + (each - u64::from(order)) * first;
                let mut others = split(count - 1, each, room.checked_sub(first_bits)?)?;
                others.insert(0, Partition::Escape(u32::try_from(first).ok()?));
                Some(others)
            })
        })?;
        Some(Subframe::Coded(Predictor::Linear { order, precision, width }, partitions))
    })
}

/// `count` partitions of `each` samples that take `bits` bits, or up to 7 fewer.
fn split(count: u64, each: u64, bits: u64) -> Option<Vec<Partition>> {
    let room = bits.checked_sub(ESCAPE_BITS * count)?;
    // The sum of all widths, and how many of them are Rice codes to take back what is too much.
    let mut total = room.saturating_sub(7).div_ceil(each);
    loop {
        let rice = (total * each).saturating_sub(room).div_ceil(RICE_SAVES);
        if rice > count || total > MAX_ESCAPE * count {
            return None;
        }
        let most = (MAX_RICE + 1) * rice + MAX_ESCAPE * (count - rice);
        if (rice..=most).contains(&total) {
            return Some(spread(count, rice, total));
        }
        total += 1;
    }
}

/// `count` partitions whose widths sum to `total`; `rice` of them are Rice codes, of width 1 to 15.
fn spread(count: u64, rice: u64, total: u64) -> Vec<Partition> {
    let mut extra = total.saturating_sub(rice);
    let mut give = |most: u64| {
        let given = extra.min(most);
        extra -= given;
        u32::try_from(given).unwrap_or(0)
    };
    let escaped: Vec<_> = (rice..count).map(|_| Partition::Escape(give(MAX_ESCAPE))).collect();
    let coded = (0..rice).map(|_| Partition::Rice(give(MAX_RICE)));
    escaped.into_iter().chain(coded).collect()
}

impl Subframe {
    /// Writes the channel of `block` samples.
    pub(super) fn write(&self, block: u32, out: &mut BitWriter) {
        match self {
            Self::Constant(width) => {
                out.write(0, 8);
                zeros(u64::from(*width), out);
            }
            Self::Verbatim(width) => {
                out.write(1 << 1, 8);
                zeros(u64::from(block) * u64::from(*width), out);
            }
            Self::Coded(predictor, partitions) => {
                let order = predictor.write(out);
                let count = u32::try_from(partitions.len()).unwrap_or(1).max(1);
                out.write(count.ilog2(), 2 + 4);
                let mut missing = order;
                for partition in partitions {
                    partition.write((block / count).saturating_sub(missing), out);
                    missing = 0;
                }
            }
        }
    }
}

impl Predictor {
    /// Writes what comes before the residual; its order.
    fn write(self, out: &mut BitWriter) -> u32 {
        match self {
            Self::None { wasted: 0 } => {
                out.write(8 << 1, 8);
                0
            }
            Self::None { wasted } => {
                out.write(8 << 1 | 1, 8);
                out.write(1, wasted);
                0
            }
            Self::Linear { order, precision, width } => {
                out.write((32 | (order - 1)) << 1, 8);
                zeros(u64::from(order) * u64::from(width), out);
                out.write(precision - 1, 4);
                out.write(0, 5);
                zeros(u64::from(order) * u64::from(precision), out);
                order
            }
        }
    }
}

impl Partition {
    fn write(self, samples: u32, out: &mut BitWriter) {
        match self {
            Self::Rice(parameter) => {
                out.write(parameter, 4);
                (0..samples).for_each(|_| out.write(1 << parameter, parameter + 1));
            }
            Self::Escape(width) => {
                out.write(15, 4);
                out.write(width, 5);
                zeros(u64::from(samples) * u64::from(width), out);
            }
        }
    }
}

fn zeros(mut count: u64, out: &mut BitWriter) {
    while count > 0 {
        let now = count.min(32);
        out.write(0, u32::try_from(now).unwrap_or(0));
        count -= now;
    }
}
