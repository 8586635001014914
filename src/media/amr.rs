//! AMR storage format (RFC 4867 section 5): frames of 20 ms whose first byte tells their length.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::riff::read_at;
use super::{Container, Cut, Framer, Measured, MediaError, ticks_to_time};
use crate::asset::MediaTime;

/// Narrow or wide band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AmrBand {
    /// AMR-NB: 8 kHz.
    Narrow,
    /// AMR-WB: 16 kHz.
    Wide,
}

impl AmrBand {
    /// The band of a file that begins with `head`; `None` without the magic of a mono file.
    pub fn of(head: &[u8]) -> Option<Self> {
        [Self::Wide, Self::Narrow].into_iter().find(|band| head.starts_with(band.magic()))
    }

    /// What a file begins with.
    pub const fn magic(self) -> &'static [u8] {
        match self {
            Self::Narrow => b"#!AMR\n",
            Self::Wide => b"#!AMR-WB\n",
        }
    }

    /// In Hz.
    pub const fn sample_rate(self) -> u32 {
        match self {
            Self::Narrow => 8_000,
            Self::Wide => 16_000,
        }
    }

    /// Samples of one frame.
    pub const fn frame_samples(self) -> u64 {
        self.sample_rate() as u64 / 50
    }

    /// Bytes of the frame with this first byte, which is counted; `None` for types that a file must
    /// not hold.
    pub fn frame_bytes(self, header: u8) -> Option<usize> {
        // By frame type. Types 14 (lost) and 15 (no data) are a header alone.
        let sizes: [u8; 16] = match self {
            Self::Narrow => [13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1],
            Self::Wide => [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1],
        };
        let size = *sizes.get(usize::from(header >> 3 & 15))?;
        Some(usize::from(size)).filter(|size| *size > 0)
    }
}

/// Counts the frames of a file of `bytes` bytes.
pub(super) fn measure<R>(source: &mut R, bytes: u64) -> Result<Measured, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let longest = AmrBand::Wide.magic().len();
    let mut head = vec![0; longest.min(usize::try_from(bytes).unwrap_or(usize::MAX))];
    read_at(source, 0, &mut head)?;
    let band = AmrBand::of(&head).ok_or_else(|| MediaError::malformed("no AMR header", 0))?;
    let mut at = band.magic().len() as u64;
    source.seek(SeekFrom::Start(at))?;
    let mut reader = BufReader::new(source);
    let mut frames = 0_u64;
    while at < bytes {
        let mut header = [0];
        reader.read_exact(&mut header)?;
        let [header] = header;
        let len = band.frame_bytes(header).and_then(|len| i64::try_from(len).ok());
        let left = bytes - at;
        let len = len.filter(|len| len.unsigned_abs() <= left);
        let len = len.ok_or_else(|| MediaError::malformed("no whole AMR frame", at))?;
        reader.seek_relative(len - 1)?;
        at += len.unsigned_abs();
        frames += 1;
    }
    Ok(Measured {
        container: Container::Amr,
        codec: if band == AmrBand::Wide { "amr_wb" } else { "amr_nb" }.to_owned(),
        channels: Some(1),
        sample_rate: Some(band.sample_rate()),
        first: MediaTime::ZERO,
        duration: ticks_to_time(frames, 1, 50),
        bytes,
    })
}

/// Cuts a file of one band into its magic and its frames.
#[derive(Debug)]
pub struct AmrFramer {
    band: AmrBand,
}

impl AmrFramer {
    /// For a file that begins with the band's magic.
    pub const fn new(band: AmrBand) -> Self {
        Self { band }
    }
}

impl Framer for AmrFramer {
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        let header = window.first().copied().unwrap_or_default();
        let magic = (at == 0).then_some(self.band.magic());
        let frame = || self.band.frame_bytes(header);
        let wrong = || MediaError::malformed("no whole AMR frame", at);
        let len = magic.map(<[u8]>::len).or_else(frame).ok_or_else(wrong)?;
        match window.get(..len) {
            Some(found) if magic.is_some_and(|magic| magic != found) => Err(wrong()),
            Some(_) if magic.is_some() => Ok(Cut::Between(len)),
            Some(_) => Ok(Cut::Unit(len)),
            None if last => Err(wrong()),
            None => Ok(Cut::More(len)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn frames_are_counted_and_a_cut_frame_is_named() {
        let mut file = b"#!AMR\n".to_vec();
        for _ in 0..3 {
            file.extend_from_slice(&[0x3C; 32]);
        }
        let read = |file: &[u8]| measure(&mut Cursor::new(file), file.len() as u64);
        assert_eq!(read(&file).unwrap().duration.as_millis(), 60);
        let error = read(&file[..file.len() - 1]).unwrap_err();
        assert_eq!(error.to_string(), "no whole AMR frame at byte 70");
        assert!(read(b"#!AM").is_err());
    }
}
