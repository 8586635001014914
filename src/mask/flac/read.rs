//! Tells a silent frame by reading it, whoever wrote it. RFC 9639 section 9.2.

use crate::media::{BitReader, FrameHeader};

/// Up to where `frame` is a header and subframes whose samples are all 0; `None` when it has
/// something else, or a predictor with anything in it.
pub(super) fn silent_len(frame: &[u8], header: &FrameHeader, widths: &[u32]) -> Option<usize> {
    let mut bits = BitReader::new(frame.get(header.len..)?);
    for width in widths {
        subframe(&mut bits, header.block_size, *width)?;
    }
    let padding = bits.position().next_multiple_of(8) - bits.position();
    zeros(&mut bits, u64::try_from(padding).ok()?)?;
    header.len.checked_add(bits.position() / 8)
}

fn subframe(bits: &mut BitReader<'_>, block: u32, width: u32) -> Option<()> {
    let kind = bits.read(7)?;
    let mut width = width;
    if bits.flag()? {
        width = width.checked_sub(1)?;
        while !bits.flag()? {
            width = width.checked_sub(1)?;
        }
    }
    let width = u64::from(width).checked_sub(1)? + 1;
    match kind {
        0 => zeros(bits, width),
        1 => zeros(bits, u64::from(block) * width),
        8..=12 => {
            zeros(bits, u64::from(kind - 8) * width)?;
            residual(bits, block, kind - 8)
        }
        32..=63 => {
            let order = kind - 31;
            zeros(bits, u64::from(order) * width)?;
            let precision = bits.read(4).filter(|code| *code != 15)? + 1;
            zeros(bits, 5 + u64::from(order) * u64::from(precision))?;
            residual(bits, block, order)
        }
        _ => None,
    }
}

fn residual(bits: &mut BitReader<'_>, block: u32, order: u32) -> Option<()> {
    let parameter_bits = match bits.read(2)? {
        0 => 4,
        1 => 5,
        _ => return None,
    };
    let count = 1_u32 << bits.read(4)?;
    let each = Some(block / count).filter(|each| each * count == block && *each > order)?;
    let mut samples = each - order;
    for _ in 0..count {
        let parameter = bits.read(parameter_bits)?;
        if parameter + 1 == 1 << parameter_bits {
            let width = bits.read(5)?;
            zeros(bits, u64::from(samples) * u64::from(width))?;
        } else {
            for _ in 0..samples {
                bits.read(parameter + 1).filter(|code| *code == 1 << parameter)?;
            }
        }
        samples = each;
    }
    Some(())
}

fn zeros(bits: &mut BitReader<'_>, mut count: u64) -> Option<()> {
    while count > 0 {
        let now = count.min(32);
        bits.read(u32::try_from(now).ok()?).filter(|value| *value == 0)?;
        count -= now;
    }
    Some(())
}
