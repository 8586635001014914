//! The configuration of VP8 and VP9 ("VP Codec ISO Media File Format Binding" version 1.0), which
//! other containers do not hold.

use super::boxes::Bytes;
use crate::media::BitReader;

/// Most luma samples of a picture at each level, and the level.
const LEVELS: [(u32, u8); 9] = [
    (36_864, 10),
    (73_728, 11),
    (122_880, 20),
    (245_760, 21),
    (552_960, 30),
    (983_040, 31),
    (2_228_224, 41),
    (8_912_896, 52),
    (u32::MAX, 62),
];
/// 4:2:0 with chroma beside luma.
const COLLOCATED: u8 = 1;
/// Colours that are not told.
const UNSPECIFIED: u8 = 2;

struct Config {
    profile: u8,
    bits: u8,
    subsampling: u8,
    full_range: bool,
}

impl Config {
    /// The payload of `vpcC`.
    fn write(&self, (width, height): (u16, u16)) -> Vec<u8> {
        let samples = u32::from(width) * u32::from(height);
        let level =
            LEVELS.iter().find(|(most, _)| samples <= *most).map_or(62, |(_, level)| *level);
        let mut out = Bytes::default();
        out.u32(0x0100_0000).u8(self.profile).u8(level);
        out.u8(self.bits << 4 | self.subsampling << 1 | u8::from(self.full_range));
        out.u8(UNSPECIFIED).u8(UNSPECIFIED).u8(UNSPECIFIED).u16(0);
        out.0
    }
}

/// For VP8, which has one kind only.
pub(super) fn vp8(size: (u16, u16)) -> Vec<u8> {
    Config { profile: 0, bits: 8, subsampling: COLLOCATED, full_range: false }.write(size)
}

/// For VP9, from its first frame (VP9 bitstream specification section 6.2); `None` when that is no
/// key frame.
pub(super) fn vp9(size: (u16, u16), frame: &[u8]) -> Option<Vec<u8>> {
    let mut bits = BitReader::new(frame);
    if bits.read(2)? != 2 {
        return None;
    }
    let (low, high) = (bits.read(1)?, bits.read(1)?);
    let profile = u8::try_from(high << 1 | low).ok()?;
    if profile == 3 {
        bits.skip(1)?;
    }
    let (existing, kind) = (bits.flag()?, bits.flag()?);
    // Whether it is shown, and error resilience.
    bits.skip(2)?;
    if existing || kind || bits.read(24)? != 0x49_8342 {
        return None;
    }
    let depth = if profile >= 2 && bits.flag()? {
        12
    } else if profile >= 2 {
        10
    } else {
        8
    };
    // Colour space 7 is RGB, of full range and without subsampling.
    let rgb = bits.read(3)? == 7;
    let full_range = rgb || bits.flag()?;
    let odd = profile & 1 == 1;
    let subsampling = match (rgb, odd) {
        (true, _) => 3,
        (false, false) => COLLOCATED,
        (false, true) => match (bits.flag()?, bits.flag()?) {
            (false, _) => 3,
            (true, false) => 2,
            (true, true) => COLLOCATED,
        },
    };
    Some(Config { profile, bits: depth, subsampling, full_range }.write(size))
}
