//! The silent raw_data_block, ISO 14496-3 section 4.4.2.

use crate::mask::unit::UnitFault;
use crate::media::{BitReader, BitWriter, ChannelLayout, Element, ElementId, Opening};

/// Bits of a silent element: identifier and tag; for a pair common_window, then ics_info and, for a
/// pair, ms_mask_present; per channel global_gain, and flags for pulses, TNS and gain control.
const SINGLE_BITS: usize = 3 + 4 + ICS_INFO_BITS + CHANNEL_BITS;
const PAIR_BITS: usize = 3 + 4 + 1 + ICS_INFO_BITS + 2 + 2 * CHANNEL_BITS;
/// Reserved bit, window_sequence, window_shape, max_sfb, predictor_data_present. All of it is 0. A
/// window_shape taken from the frame would tell where the masked speech has its attacks; that of a
/// frame without lines changes nothing but the fade of the next one, which is guard.
const ICS_INFO_BITS: usize = 1 + 2 + 1 + 6 + 1;
const CHANNEL_BITS: usize = 8 + 3;
/// Most bytes in one fill element.
const MAX_FILL_BYTES: usize = 14 + 255;

/// Writes and knows the silent blocks of one stream.
pub(super) struct BlockCoder {
    layout: ChannelLayout,
}

impl BlockCoder {
    pub(super) const fn new(layout: ChannelLayout) -> Self {
        Self { layout }
    }

    /// The channels' elements.
    pub(super) fn elements(&self) -> &[Element] {
        &self.layout.elements
    }

    /// Bytes in which any block of the stream can be silent.
    pub(super) fn shortest(&self) -> usize {
        let bits = self.elements().iter().map(|element| element_bits(element.id)).sum::<usize>();
        self.program().len() + (bits + 3).div_ceil(8)
    }

    /// The program configuration as silent blocks begin with it; empty where the stream has none.
    fn program(&self) -> Vec<u8> {
        let mut writer = BitWriter::default();
        if let Some(program) = &self.layout.program {
            ElementId::Pce.write(&mut writer);
            program.write(&mut writer);
        }
        writer.into_bytes()
    }

    /// The silent block of `size` bytes in place of `block`. It keeps the program configuration,
    /// without which later blocks cannot be decoded, and the tag of a single element.
    ///
    /// # Errors
    /// Unsupported when `block` has other channels than the stream, or `size` has no room for them.
    pub(super) fn silence(&self, block: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        // A block that cannot be read is replaced like any other.
        let opening = Opening::read(block);
        let soundless = opening.as_ref().is_some_and(|opening| opening.first.is_none());
        let opening = opening.unwrap_or_default();
        if opening.program.is_some() && opening.program != self.layout.program {
            return Err(UnitFault::Unsupported("AAC that changes its channels"));
        }
        let mut writer = BitWriter::default();
        if let Some(program) = &opening.program {
            ElementId::Pce.write(&mut writer);
            program.write(&mut writer);
        }
        for element in self.tagged(opening.first)? {
            write_element(element, &mut writer);
        }
        let Some(spare) = (size * 8).checked_sub(writer.position() + 3) else {
            // Too short for channels. That is fine where it had none: nothing but END, if anything.
            let empty = (0..size).map(|at| if at == 0 { 0xE0 } else { 0 });
            return if (soundless && opening.program.is_none()) || block.is_empty() {
                Ok(empty.collect())
            } else {
                Err(UnitFault::Unsupported("an AAC frame shorter than a silent one"))
            };
        };
        fill(&mut writer, spare);
        ElementId::End.write(&mut writer);
        Ok(writer.into_bytes())
    }

    /// Whether `block` is what [`BlockCoder::silence`] writes: silent channels or none, padding of
    /// zeros.
    pub(super) fn is_silence(&self, block: &[u8]) -> bool {
        block.is_empty() || self.read_silence(block).is_some()
    }

    /// The elements with their tags in the block that begins with `first`.
    fn tagged(&self, first: Option<Element>) -> Result<Vec<Element>, UnitFault> {
        let mut elements = self.layout.elements.clone();
        let Some(found) = first else { return Ok(elements) };
        if let ([single], None) = (elements.as_mut_slice(), &self.layout.program) {
            single.tag = found.tag;
        }
        // Decoders tell the elements of a declared program by their tags, in any order.
        let known = match self.layout.program {
            Some(_) => elements.contains(&found),
            None => elements.first() == Some(&found),
        };
        known.then_some(elements).ok_or(UnitFault::Unsupported("AAC with unusual channel elements"))
    }

    fn read_silence(&self, block: &[u8]) -> Option<()> {
        let mut reader = BitReader::new(block);
        let program = self.program();
        if block.starts_with(&program) {
            reader.skip(program.len() * 8)?;
        }
        let any_tag = self.elements().len() == 1 && self.layout.program.is_none();
        let mut missing = self.elements().iter();
        loop {
            match ElementId::read(&mut reader)? {
                ElementId::Fil => read_fill(&mut reader)?,
                ElementId::End => break,
                id => {
                    let found = read_element(id, &mut reader)?;
                    let next = missing.next()?;
                    (found == *next || any_tag && found.id == next.id).then_some(())?;
                }
            }
        }
        let (all, left) = (self.elements().len(), missing.len());
        (left == 0 || left == all).then_some(())?;
        loop {
            match reader.left() {
                0 => return Some(()),
                left => zeros(&mut reader, left.min(32))?,
            }
        }
    }
}

/// Bits of a silent element with its identifier.
pub(super) const fn element_bits(id: ElementId) -> usize {
    match id {
        ElementId::Cpe => PAIR_BITS,
        _ => SINGLE_BITS,
    }
}

fn write_element(element: Element, writer: &mut BitWriter) {
    element.id.write(writer);
    writer.write(u32::from(element.tag), 4);
    let rest = element_bits(element.id) - 3 - 4;
    if element.id == ElementId::Cpe {
        // common_window.
        writer.write(1, 1);
        writer.zeros(rest - 1);
    } else {
        writer.zeros(rest);
    }
}

/// Fills `bits` bits, except for fewer than 7 that are left to the alignment behind END. The fill
/// elements are of type 0 (EXT_FILL) and all zero.
fn fill(writer: &mut BitWriter, bits: usize) {
    let mut left = bits;
    while let Some(short) = left.checked_sub(3 + 4) {
        ElementId::Fil.write(writer);
        let bytes = if short < 15 * 8 {
            let bytes = short / 8;
            writer.write(u32::try_from(bytes).unwrap_or(0), 4);
            bytes
        } else {
            let bytes = ((short - 8) / 8).min(MAX_FILL_BYTES);
            writer.write(15, 4);
            writer.write(u32::try_from(bytes - 14).unwrap_or(0), 8);
            left -= 8;
            bytes
        };
        writer.zeros(bytes * 8);
        left -= 3 + 4 + bytes * 8;
    }
}

/// Reads a fill element behind its identifier; `None` unless it is zero throughout.
fn read_fill(reader: &mut BitReader<'_>) -> Option<()> {
    let short = reader.read(4)?;
    let count = if short == 15 { 14 + reader.read(8)? } else { short };
    (0..count).try_for_each(|_| zeros(reader, 8))
}

/// Reads a silent element behind its identifier, and gives it back; `None` when it is not silent.
fn read_element(id: ElementId, reader: &mut BitReader<'_>) -> Option<Element> {
    let tag = u8::try_from(reader.read(4)?).ok()?;
    match id {
        ElementId::Sce | ElementId::Lfe => zeros(reader, 8 + 11 + 3)?,
        ElementId::Cpe => {
            reader.flag()?.then_some(())?;
            zeros(reader, 11 + 2)?;
            zeros(reader, 2 * (8 + 3))?;
        }
        _ => return None,
    }
    Some(Element { id, tag })
}

/// Reads `count` bits, at most 32; `None` unless all are 0.
fn zeros(reader: &mut BitReader<'_>, count: usize) -> Option<()> {
    (reader.read(u32::try_from(count).ok()?)? == 0).then_some(())
}
