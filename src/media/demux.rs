//! The foreign demuxers, and the walls around them.
//!
//! They have panicked on hostile files before, so they run under `catch_unwind`.

use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::formats;

use super::sniff::id3v2_len;
use super::{Container, MediaError};

/// Most packets counted: three days of 2.5 ms Opus frames.
pub(super) const MAX_PACKETS: u64 = 104_000_000;
/// Most ID3v2 tags in front of the first frame.
const MAX_TAGS: u64 = 8;

/// Runs `work` on foreign code; a panic in it is malformed input, at the place read last.
pub(super) fn guarded<T>(
    position: &AtomicU64,
    work: impl FnOnce() -> Result<T, MediaError>,
) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        let at = position.load(Ordering::Relaxed);
        Err(MediaError::malformed("the demuxer or decoder failed", at))
    })
}

/// A demuxer for a file of `bytes` bytes; `position` follows where it reads.
pub(super) fn open_demuxer(
    mut source: Box<dyn MediaSource>,
    bytes: u64,
    container: Container,
    position: &Arc<AtomicU64>,
) -> Result<Box<dyn FormatReader>, MediaError> {
    let start = tags_len(source.as_mut())?;
    source.seek(SeekFrom::Start(start))?;
    // Elementary streams are read straight through; a seekable source would be searched from its
    // end for tags first.
    let seekable = !matches!(container, Container::Mp3 | Container::Adts);
    let tracked = Tracked { inner: source, bytes, seekable, position: Arc::clone(position) };
    let stream = MediaSourceStream::new(Box::new(tracked), Default::default());
    probe_for(container)
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| foreign_error(error, position.load(Ordering::Relaxed)))
}

/// A probe that knows one container only, so that no file is taken for another kind than sniffed.
fn probe_for(container: Container) -> Probe {
    let mut probe = Probe::new();
    match container {
        Container::Mp3 => probe.register_format::<formats::MpaReader<'_>>(),
        Container::Adts => probe.register_format::<formats::AdtsReader<'_>>(),
        Container::Mp4 => probe.register_format::<formats::IsoMp4Reader<'_>>(),
        Container::Ogg => probe.register_format::<formats::OggReader<'_>>(),
        Container::Matroska => probe.register_format::<formats::MkvReader<'_>>(),
        Container::Flac => probe.register_format::<formats::FlacReader<'_>>(),
        Container::Wav | Container::Rf64 | Container::Amr | Container::Gsm | Container::Unknown => {
        }
    }
    probe
}

/// How many bytes of ID3v2 tags come first.
fn tags_len(source: &mut dyn MediaSource) -> Result<u64, MediaError> {
    let mut start = 0_u64;
    for _ in 0..MAX_TAGS {
        source.seek(SeekFrom::Start(start))?;
        let mut head = Vec::new();
        (&mut *source).take(10).read_to_end(&mut head)?;
        match id3v2_len(&head) {
            0 => return Ok(start),
            len => start = start.saturating_add(len),
        }
    }
    Err(MediaError::Limit { what: "the number of ID3 tags", limit: MAX_TAGS, found: MAX_TAGS + 1 })
}

/// What a foreign error means; `offset` is where the demuxer had read to.
pub(super) fn foreign_error(error: Error, offset: u64) -> MediaError {
    match error {
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            MediaError::malformed("the file ends too early", offset)
        }
        Error::IoError(error) => MediaError::Io(error),
        Error::Unsupported(what) => MediaError::unsupported(what),
        Error::LimitError(_) => MediaError::Limit {
            what: "the number of packets or a packet's size",
            limit: MAX_PACKETS,
            found: MAX_PACKETS,
        },
        Error::ResetRequired => MediaError::unsupported("a chain of several streams"),
        Error::DecodeError(what) => MediaError::malformed(what, offset),
        other => MediaError::malformed(other.to_string(), offset),
    }
}

/// A source that notes where it was read last, and may hide that it can seek.
struct Tracked {
    inner: Box<dyn MediaSource>,
    bytes: u64,
    seekable: bool,
    position: Arc<AtomicU64>,
}

impl Read for Tracked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        self.position.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl Seek for Tracked {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.inner.seek(to)?;
        self.position.store(at, Ordering::Relaxed);
        Ok(at)
    }
}

impl MediaSource for Tracked {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.seekable.then_some(self.bytes)
    }
}
