//! AMR-NB and AMR-WB in their storage format: every frame becomes a silent one of its type.
//!
//! The gains of speech frames are predicted from those before, so an encoder's own frame for zeros
//! grows loud when it is repeated. The frames below were searched for, and stay within 8 LSB
//! (narrow) and 9 LSB (wide) when repeated; frames of different types in turn stay within 16.
//! The first two of a row still ring with what came before.

use std::io::{Read, SeekFrom};

use super::framed::{FramedCheck, FramedRewrite};
use super::silence::Rewrite;
use super::ticks::TickSpans;
use super::track::CodedTrack;
use super::unit::{Coding, Reach, UnitFault};
use super::{MaskError, MaskPlan, Recheck};
use crate::media::{AmrBand, AmrFramer, Measured, MediaError, ReadSeek};

/// How many frames ring into what follows.
const RINGING_FRAMES: u64 = 3;
/// How many masked frames are sorted by size at once.
const LEVEL_FRAMES: usize = 512;

/// Silent frames by type, with the quality bit set: speech of all rates, comfort noise
/// (SID_UPDATE), and no data. The noise is as quiet as can be, but not of energy 0, which a decoder
/// turns into full scale when no other SID follows for a second.
const NARROW: [&[u8]; 10] = [
    b"\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x0C\x6C\x3C\xC7\xFF\xF5\xFF\xB7\x4F\xBF\x9F\xB6\x12\xB2",
    b"\x14\x1D\x8D\x79\xFF\xFF\xE7\xE7\xF9\x9F\xFC\xE6\x26\xE0\xCE\x24",
    b"\x1C\x1E\x95\xF3\xDF\xE0\x00\x7C\x16\x43\xC3\xC3\xC0\x00\x00\x3C\x00\x00",
    b"\x24\xFF\x4D\xE7\xE0\x00\x1F\x3D\x01\xF0\xFC\x3F\x77\x18\x61\x86\x00\x00\x00\x00",
    b"\x2C\xD1\x03\x7C\x01\xE1\xA5\x9A\xC1\x22\xD2\x1C\x1E\x06\xE7\xFB\xC4\xFB\x3E\xE5\x08",
    b"\x34\xFF\xD9\x08\x27\x80\x05\x28\x56\x40\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\
      \x00\x00\x00\x00\x00",
    b"\x3C\x6D\x0A\x90\x94\x97\x02\x00\x80\x1F\xE2\x8F\xB0\x28\xF0\xAA\x9E\x63\x70\x08\x36\x3B\
      \xEC\x47\x21\xDE\x2A\x35\x14\xC3\x53\xD0",
    b"\x44\x26\xA7\x83\x68\x3E",
    b"\x7C",
];

/// As [`NARROW`]. The comfort noise has energy 0 and a flat filter; one of zeros is unstable.
const WIDE: [&[u8]; 11] = [
    b"\x04\x10\x30\x00\x28\x1D\x26\xC0\x03\xDB\x05\x5F\x30\x05\x08\x1D\xC9\xF0",
    b"\x0C\x44\x00\x0F\x00\x08\x27\xF0\x63\x56\x78\x0A\x27\x63\xEF\x92\x60\x01\x17\x11\xDF\x83\
      \xB0\x00",
    b"\x14\x41\x00\x20\xFF\xFB\xFC\x48\x31\x19\x6A\x65\xC9\x12\xE8\x7F\x98\x00\x52\xE0\x48\x51\
      \x44\xE1\xF0\x44\x15\xF8\xC8\x15\x47\xD2\x48",
    b"\x1C\x41\x06\x30\xFF\xF7\xFE\x18\x31\x1B\x6A\xED\xD1\x12\xF0\x4D\x51\x5D\xD8\x8E\xCB\x04\
      \x08\x20\xC0\x47\x2E\x6E\x62\x3A\x1A\x45\x23\x10\x60\x7B\x48",
    b"\x24\x40\x44\x00\xDD\xD3\x76\x17\xF0\x67\x12\xE8\x02\x17\x24\xF7\xC7\xFE\xFA\xE8\x19\x26\
      \x24\x00\x41\x81\xC4\x50\xC4\xA0\xC4\x44\xC4\xC9\x81\x40\xB5\x67\x1C\x64\x90",
    b"\x2C\x40\x46\x00\xFF\xF3\xFC\x07\xF0\x65\x90\x70\x12\x07\x18\xF7\x94\x22\xFF\xEC\x33\x4B\
      \x24\x89\x1D\x7F\x28\x66\xC7\xE3\x2F\x84\x10\x46\xEF\x99\x31\xC7\x49\x4C\x10\x22\x07\xF0\
      \xC1\xFD\x80",
    b"\x34\x41\x02\x10\x55\x51\x56\x18\x31\x1D\x2B\x65\xC1\x12\xEC\xD5\x7F\x1D\x7D\x4C\x2A\x00\
      \xA3\x50\xE5\x00\xC8\xBD\xC0\x00\xC6\x19\x02\x78\x9D\x9C\x0B\x09\x14\x0C\xD3\x59\x89\x8A\
      \xA9\x00\x75\x48\xE1\x35\x20",
    b"\x3C\x40\x44\x30\xFF\xF7\xFC\x07\xF0\x67\x92\xF8\x0A\x27\x63\x96\xF9\x46\x09\x04\x69\x85\
      \x00\x88\x17\x1D\xF7\x19\x49\x21\x00\x88\xDC\x01\x12\x1C\x00\x91\xE3\x3D\x43\x0D\x06\x04\
      \x40\x82\x5C\x02\x34\x61\xA5\x02\x1A\x8A\xC0\xAC\x13\x51\xC0",
    b"\x44\x40\x44\x00\xFF\xFB\xFC\x77\xF0\x67\x00\x00\xD7\x60\x02\x27\x3A\xF2\xD9\x84\x04\x6C\
      \xD3\x59\xB1\x90\x53\xFE\x01\x68\xC6\xA8\xD0\x0E\x49\x0C\x08\x04\xF5\x94\xF0\x95\x78\x36\
      \x8D\x5F\x2B\x40\x7A\x64\x22\x5C\x16\x1D\xE1\x95\xF7\xB4\xFA\x0B\xC0",
    b"\x4C\xEB\xFF\xBD\xF0\x10",
    b"\x7C",
];

/// The coding of single frames of `band`, each with its header byte.
pub(super) fn coding(band: AmrBand) -> Box<dyn Coding> {
    Box::new(Amr { band })
}

/// Frames of one band.
struct Amr {
    band: AmrBand,
}

impl Amr {
    /// The silent frame of a size. No two types of a band have the same, but for those without
    /// data.
    fn silent(&self, size: usize) -> Option<&'static [u8]> {
        let frames: &[&[u8]] = match self.band {
            AmrBand::Narrow => &NARROW,
            AmrBand::Wide => &WIDE,
        };
        frames.iter().find(|frame| frame.len() == size).copied()
    }
}

impl Coding for Amr {
    fn rate(&self) -> u32 {
        self.band.sample_rate()
    }

    fn reach(&self) -> Reach {
        Reach { before: 0, after: RINGING_FRAMES * self.band.frame_samples(), units_after: 1 }
    }

    fn ticks(&mut self, _unit: &[u8]) -> Result<u64, UnitFault> {
        Ok(self.band.frame_samples())
    }

    fn silence(&mut self, _unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        let silent = self.silent(size);
        silent.map(<[u8]>::to_vec).ok_or(UnitFault::Malformed("no AMR frame of that size"))
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        self.silent(unit.len()) == Some(unit)
    }

    fn level_units(&self) -> usize {
        LEVEL_FRAMES
    }

    /// Speech first, comfort noise and no data last: their order would tell who spoke when.
    fn level(&self, sizes: &mut [usize]) {
        sizes.sort_unstable_by(|left, right| right.cmp(left));
    }
}

/// The rewriter for a plan that is not empty.
pub(super) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let band = read_band(source)?;
    let spans = TickSpans::new(plan, facts, band.sample_rate(), 0);
    let track = CodedTrack::new(Box::new(Amr { band }), spans);
    Ok(Box::new(FramedRewrite::new(AmrFramer::new(band), Box::new(track))))
}

/// The check for a plan that is not empty.
pub(super) fn check(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    let band = read_band(source)?;
    let spans = TickSpans::new(plan, facts, band.sample_rate(), 0);
    let framers = (AmrFramer::new(band), AmrFramer::new(band));
    Ok(Box::new(FramedCheck::new(framers, Box::new(Amr { band }), spans)))
}

/// Reads the magic.
fn read_band(source: &mut dyn ReadSeek) -> Result<AmrBand, MaskError> {
    source.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    let mut head = Vec::new();
    let magic = AmrBand::Wide.magic().len() as u64;
    Read::take(&mut *source, magic).read_to_end(&mut head).map_err(MediaError::Io)?;
    let none = || MediaError::malformed("no AMR header", 0);
    Ok(AmrBand::of(&head).ok_or_else(none)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::trial;

    /// A file of frames with these types, each full of its number.
    fn file(band: AmrBand, types: &[u8]) -> Vec<u8> {
        let frame = |(number, kind): (usize, &u8)| {
            let header = kind << 3 | 4;
            let mut frame =
                vec![u8::try_from(number).unwrap() | 1; band.frame_bytes(header).unwrap()];
            frame[0] = header;
            frame
        };
        [band.magic().to_vec(), types.iter().enumerate().flat_map(frame).collect()].concat()
    }

    #[test]
    fn every_type_has_its_silent_frame() {
        for (band, types) in [(AmrBand::Narrow, 9), (AmrBand::Wide, 10)] {
            let amr = Amr { band };
            for kind in (0..types).chain([15]) {
                let header = kind << 3 | 4;
                let size = band.frame_bytes(header).unwrap();
                let silent = amr.silent(size).unwrap();
                assert_eq!((silent[0], silent.len()), (header, size));
            }
        }
    }

    #[test]
    fn three_frames_before_and_one_after_are_silent_too() {
        for (band, kind) in [(AmrBand::Narrow, 7), (AmrBand::Wide, 2)] {
            let file = file(band, &[kind; 40]);
            let (masked, certificate) = trial::masked(&file, &[(200, 300)]).unwrap();
            let size = band.frame_bytes(kind << 3).unwrap();
            let start = band.magic().len();
            let silent = Amr { band }.silent(size).unwrap();
            let (before, after) = (start + 7 * size, start + 16 * size);
            assert_eq!(masked[..before], file[..before]);
            assert_eq!(masked[before..after], silent.repeat(9));
            assert_eq!(masked[after..], file[after..]);
            assert_eq!((certificate.units_silenced, certificate.units_total), (9, 40));
        }
    }

    #[test]
    fn the_order_of_speech_and_pauses_is_hidden() {
        let types = [7, 7, 7, 8, 15, 15, 8, 15, 7, 4, 15, 7, 7, 7, 7, 7];
        let file = file(AmrBand::Narrow, &types);
        let (masked, _) = trial::masked(&file, &[(60, 220)]).unwrap();
        let silent = |kind: u8| {
            let size = AmrBand::Narrow.frame_bytes(kind << 3).unwrap();
            Amr { band: AmrBand::Narrow }.silent(size).unwrap()
        };
        let sorted = [7, 7, 7, 7, 7, 4, 8, 8, 15, 15, 15, 15].map(silent).concat();
        assert_eq!(masked[6..6 + sorted.len()], sorted);
        assert_eq!(masked[6 + sorted.len()..], file[6 + sorted.len()..]);
    }

    #[test]
    fn damage_is_named_and_never_panics() {
        let narrow = file(AmrBand::Narrow, &[7, 0, 3, 8, 15, 15, 15, 7, 7, 5, 4, 6, 1, 2, 7, 7]);
        let wide = file(AmrBand::Wide, &[8, 0, 3, 9, 15, 14, 15, 7, 7, 5, 4, 6, 1, 2, 8, 8]);
        for file in [narrow, wide] {
            trial::mutants(&file, &[(100, 180)], 200);
            trial::every_change_is_seen(&file, &[(100, 180)]);
        }
        let broken = file(AmrBand::Narrow, &[7; 8]);
        let error = trial::masked(&broken[..broken.len() - 1], &[(0, 20)]).unwrap_err();
        assert_eq!(error.to_string(), "no whole AMR frame at byte 230");
    }
}
