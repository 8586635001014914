//! AMR storage format (RFC 4867 section 5): frames of 20 ms whose first byte tells their length.

use std::io::{BufReader, Read, Seek, SeekFrom};

use super::riff::read_at;
use super::{Container, Measured, MediaError, ticks_to_time};

const NARROW_MAGIC: &[u8] = b"#!AMR\n";
const WIDE_MAGIC: &[u8] = b"#!AMR-WB\n";

/// Bytes of a frame, header included, by frame type; 0 for types that a file must not hold.
/// Types 14 (lost) and 15 (no data) are a header alone.
const NARROW: [u8; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1];
const WIDE: [u8; 16] = [18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1];

/// Counts the frames of a file of `bytes` bytes.
pub(super) fn measure<R>(source: &mut R, bytes: u64) -> Result<Measured, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut head = vec![0; WIDE_MAGIC.len().min(usize::try_from(bytes).unwrap_or(usize::MAX))];
    read_at(source, 0, &mut head)?;
    let (magic, sizes, rate, codec) = if head == WIDE_MAGIC {
        (WIDE_MAGIC, WIDE, 16_000, "amr_wb")
    } else if head.starts_with(NARROW_MAGIC) {
        (NARROW_MAGIC, NARROW, 8_000, "amr_nb")
    } else {
        return Err(MediaError::malformed("no AMR header", 0));
    };
    let mut at = magic.len() as u64;
    source.seek(SeekFrom::Start(at))?;
    let mut reader = BufReader::new(source);
    let mut frames = 0_u64;
    while at < bytes {
        let mut header = [0];
        reader.read_exact(&mut header)?;
        let kind = usize::from(header[0] >> 3 & 15);
        let len = i64::from(sizes.get(kind).copied().unwrap_or(0));
        let left = bytes - at;
        if len == 0 || len.unsigned_abs() > left {
            return Err(MediaError::malformed("no whole AMR frame", at));
        }
        reader.seek_relative(len - 1)?;
        at += len.unsigned_abs();
        frames += 1;
    }
    Ok(Measured {
        container: Container::Amr,
        codec: codec.to_owned(),
        channels: Some(1),
        sample_rate: Some(rate),
        duration: ticks_to_time(frames, 1, 50),
        bytes,
    })
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
