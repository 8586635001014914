//! The syntactic elements of a raw_data_block, and which of them carry the channels.

use crate::media::{BitReader, BitWriter};

/// `id_syn_ele`, ISO 14496-3 table 4.85.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ElementId {
    /// One channel.
    Sce,
    /// A pair of channels.
    Cpe,
    /// Coupling: what several channels share.
    Cce,
    /// The low frequency channel.
    Lfe,
    /// Data of no use to a decoder.
    Dse,
    /// [`ProgramConfig`].
    Pce,
    /// Padding, and extensions such as SBR.
    Fil,
    /// Ends the block; padding to the byte follows.
    End,
}

impl ElementId {
    /// From the next three bits; `None` past the end.
    pub fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        const ALL: [ElementId; 8] = [
            ElementId::Sce,
            ElementId::Cpe,
            ElementId::Cce,
            ElementId::Lfe,
            ElementId::Dse,
            ElementId::Pce,
            ElementId::Fil,
            ElementId::End,
        ];
        ALL.get(usize::try_from(reader.read(3)?).ok()?).copied()
    }

    /// Appends the three bits.
    pub fn write(self, writer: &mut BitWriter) {
        writer.write(self as u32, 3);
    }
}

/// An element that carries channels: SCE, CPE or LFE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// Invariant: SCE, CPE or LFE.
    pub id: ElementId,
    /// `element_instance_tag`, 0 to 15: tells apart elements of one kind.
    pub tag: u8,
}

/// program_config_element, ISO 14496-3 section 4.4.1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramConfig {
    /// From the instance tag up to the alignment before the comment.
    bits: Vec<bool>,
    elements: Vec<Element>,
    /// How many coupling elements it declares.
    couplings: u32,
}

impl ProgramConfig {
    /// Reads one; its identifier is already behind. The bytes of `reader` must begin where the
    /// standard aligns to: with the raw_data_block or with the AudioSpecificConfig.
    pub fn read(reader: &mut BitReader<'_>) -> Option<Self> {
        let begin = reader.clone();
        // element_instance_tag, object_type, sampling_frequency_index.
        reader.skip(4 + 2 + 4)?;
        let (front, side, back) = (reader.read(4)?, reader.read(4)?, reader.read(4)?);
        let (low, data, couplings) = (reader.read(2)?, reader.read(3)?, reader.read(4)?);
        // Mono and stereo mixdown have an element number, the matrix one has an index of 3 bits.
        for len in [4, 4, 3] {
            if reader.flag()? {
                reader.skip(len)?;
            }
        }
        let mut elements = Vec::new();
        for _ in 0..front + side + back {
            let id = if reader.flag()? { ElementId::Cpe } else { ElementId::Sce };
            elements.push(Element { id, tag: u8::try_from(reader.read(4)?).ok()? });
        }
        for _ in 0..low {
            let tag = u8::try_from(reader.read(4)?).ok()?;
            elements.push(Element { id: ElementId::Lfe, tag });
        }
        for _ in 0..data {
            reader.skip(4)?;
        }
        for _ in 0..couplings {
            reader.skip(1 + 4)?;
        }
        let mut copy = begin.clone();
        let count = reader.position() - begin.position();
        let bits = (0..count).map(|_| copy.flag()).collect::<Option<_>>()?;
        align(reader)?;
        let comment = usize::try_from(reader.read(8)?).ok()?;
        reader.skip(comment * 8)?;
        Some(Self { bits, elements, couplings })
    }

    /// Appends it without its identifier and with an empty comment. `writer` must have begun with
    /// the raw_data_block.
    pub fn write(&self, writer: &mut BitWriter) {
        for bit in &self.bits {
            writer.write(u32::from(*bit), 1);
        }
        writer.zeros(writer.position().next_multiple_of(8) - writer.position());
        writer.write(0, 8);
    }
}

/// Steps to the next byte of what `reader` reads.
fn align(reader: &mut BitReader<'_>) -> Option<()> {
    reader.skip(reader.position().next_multiple_of(8) - reader.position())
}

/// The elements that carry a stream's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelLayout {
    /// In their order. Invariant: not empty.
    pub elements: Vec<Element>,
    /// Where they are declared, for streams of channel configuration 0.
    pub program: Option<ProgramConfig>,
}

impl ChannelLayout {
    /// channelConfiguration, ISO 14496-3 table 1.19; tags as every encoder numbers them. `None` for
    /// 0 (declared by a [`ProgramConfig`]) and for values that are reserved or never met.
    pub fn of_configuration(configuration: u8) -> Option<Self> {
        use ElementId::{Cpe, Lfe, Sce};
        let ids: &[ElementId] = match configuration {
            1 => &[Sce],
            2 => &[Cpe],
            3 => &[Sce, Cpe],
            4 => &[Sce, Cpe, Sce],
            5 => &[Sce, Cpe, Cpe],
            6 => &[Sce, Cpe, Cpe, Lfe],
            7 => &[Sce, Cpe, Cpe, Cpe, Lfe],
            _ => return None,
        };
        let mut next = [0_u8; 3];
        let elements = ids.iter().map(|id| {
            let [single, pair, low] = &mut next;
            let next = match id {
                Cpe => pair,
                Lfe => low,
                _ => single,
            };
            let tag = *next;
            *next += 1;
            Element { id: *id, tag }
        });
        Some(Self { elements: elements.collect(), program: None })
    }

    /// What `program` declares; `None` when it has no channels, or coupling between them.
    pub fn of_program(program: ProgramConfig) -> Option<Self> {
        let whole = program.couplings == 0 && !program.elements.is_empty();
        whole.then(|| Self { elements: program.elements.clone(), program: Some(program) })
    }
}

/// What a raw_data_block begins with: as far as it can be read without decoding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opening {
    /// A program configuration ahead of the channels.
    pub program: Option<ProgramConfig>,
    /// Identifier and tag of the first element with channels (or coupling); none in a block that
    /// holds no sound.
    pub first: Option<Element>,
}

impl Opening {
    /// Reads the beginning of `block`; `None` when it is cut off or damaged.
    pub fn read(block: &[u8]) -> Option<Self> {
        let mut reader = BitReader::new(block);
        let mut program = None;
        loop {
            match ElementId::read(&mut reader)? {
                ElementId::End => return Some(Self { program, first: None }),
                ElementId::Pce => program = Some(ProgramConfig::read(&mut reader)?),
                ElementId::Fil => {
                    let short = reader.read(4)?;
                    let count = if short == 15 { 14 + reader.read(8)? } else { short };
                    reader.skip(usize::try_from(count).ok()? * 8)?;
                }
                ElementId::Dse => {
                    reader.skip(4)?;
                    let aligned = reader.flag()?;
                    let short = reader.read(8)?;
                    let count = if short == 255 { 255 + reader.read(8)? } else { short };
                    if aligned {
                        align(&mut reader)?;
                    }
                    reader.skip(usize::try_from(count).ok()? * 8)?;
                }
                id => {
                    let tag = u8::try_from(reader.read(4)?).ok()?;
                    return Some(Self { program, first: Some(Element { id, tag }) });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PCE of a quadraphonic stream: a pair in front, a pair behind, and a comment.
    fn quad() -> Vec<u8> {
        let mut writer = BitWriter::default();
        ElementId::Pce.write(&mut writer);
        for (value, count) in [(0, 4), (1, 2), (3, 4), (1, 4), (0, 4), (1, 4), (0, 2), (0, 3)] {
            writer.write(value, count);
        }
        for (value, count) in [(0, 4), (0, 3), (0b1_0000, 5), (0b1_0001, 5)] {
            writer.write(value, count);
        }
        writer.zeros(writer.position().next_multiple_of(8) - writer.position());
        writer.write(2, 8);
        writer.write(0x4142, 16);
        writer.write(0b001_0000, 7);
        writer.into_bytes()
    }

    #[test]
    fn a_program_is_read_and_written_without_its_comment() {
        let block = quad();
        let opening = Opening::read(&block).unwrap();
        assert_eq!(opening.first, Some(Element { id: ElementId::Cpe, tag: 0 }));
        let program = opening.program.unwrap();
        let layout = ChannelLayout::of_program(program.clone()).unwrap();
        let pair = |tag| Element { id: ElementId::Cpe, tag };
        assert_eq!(layout.elements, [pair(0), pair(1)]);
        let mut writer = BitWriter::default();
        ElementId::Pce.write(&mut writer);
        program.write(&mut writer);
        let written = writer.into_bytes();
        assert_eq!(written.len(), block.len() - 3);
        let mut reader = BitReader::new(&written);
        assert_eq!(ElementId::read(&mut reader), Some(ElementId::Pce));
        assert_eq!(ProgramConfig::read(&mut reader), Some(program));
        assert_eq!(reader.left(), 0);
    }

    #[test]
    fn padding_and_data_ahead_of_the_channels_are_stepped_over() {
        let mut writer = BitWriter::default();
        // FIL of 15 bytes by the escape, then DSE of one byte, aligned; then a single channel.
        for (value, count) in [(6, 3), (15, 4), (1, 8)] {
            writer.write(value, count);
        }
        writer.zeros(15 * 8);
        for (value, count) in [(4, 3), (0, 4), (1, 1), (1, 8)] {
            writer.write(value, count);
        }
        writer.zeros(writer.position().next_multiple_of(8) - writer.position());
        for (value, count) in [(0xEE, 8), (0, 3), (9, 4)] {
            writer.write(value, count);
        }
        let block = writer.into_bytes();
        let first = Opening::read(&block).unwrap().first;
        assert_eq!(first, Some(Element { id: ElementId::Sce, tag: 9 }));
        assert_eq!(Opening::read(&block[..10]), None);
        assert_eq!(Opening::read(&[0xE0]), Some(Opening::default()));
    }

    #[test]
    fn configurations_have_their_channels() {
        let channels = |configuration| {
            let layout = ChannelLayout::of_configuration(configuration)?;
            let pairs = layout.elements.iter().filter(|element| element.id == ElementId::Cpe);
            Some(layout.elements.len() + pairs.count())
        };
        let all = (0..9).map(channels).collect::<Vec<_>>();
        let expected = [None, Some(1), Some(2), Some(3), Some(4), Some(5), Some(6), Some(8), None];
        assert_eq!(all, expected);
    }
}
