//! Renditions: an MP4 made once from masked recordings, for browsers and CRMs, or on request a WAVE
//! file ([`Wave`]).
//!
//! Nothing lossy is done to sound or picture. What an MP4 can hold is copied unit by unit (MP3, AAC,
//! Opus, FLAC, AMR; H.264, H.265, VP8, VP9, AV1); what it cannot, or browsers do not play (PCM,
//! G.711, ADPCM, GSM, G.722, Vorbis, ALAC), is decoded and encoded as FLAC. The folder opens nothing: sources
//! come in as `Read + Seek`, and bytes go to a sink.
//!
//! [`Plan::read`] walks the sources once and knows the length of the file; [`Plan::write`] walks them
//! again and gives its bytes in order: `ftyp`, `moov`, `mdat`. A plan holds 16 to 24 bytes for each
//! coded unit while it is made, then the finished index; there are at most 6,000,000 units.

mod boxes;
mod encode;
mod entry;
mod error;
mod framed;
mod matroska;
mod moov;
mod mp4;
mod ogg;
mod pcm;
mod peaks;
mod plan;
mod samples;
mod source;
mod telephony;
mod track;
mod units;
mod vpx;
mod wave;

use crate::asset::MediaTime;
use crate::media::{Container, MediaError, MediaSource};

pub use error::RenditionError;
pub use peaks::{PEAKS, peaks};
pub use plan::Plan;
pub use wave::Wave;

use source::Source;
use units::{Opened, Want};

/// A finished, masked, clear media file.
pub struct SourceFile {
    /// Reads it from any place.
    pub reader: Box<dyn MediaSource>,
    /// Its length in bytes.
    pub bytes: u64,
    /// What [`sniff`](crate::media::sniff()) found it to be.
    pub container: Container,
}

/// What a rendition is made of.
#[derive(Default)]
pub struct Sources {
    /// The sound. Pictures in it are left out.
    pub voice: Option<SourceFile>,
    /// The pictures. Sound in it is left out, unless there is no voice.
    pub screen: Option<SourceFile>,
    /// How much later the first picture is shown than the first sample of the voice sounds, in
    /// microseconds; negative when it is shown earlier.
    pub screen_offset_us: i64,
    /// The part that is wanted, `[from, to)`, counted from the first sample of the voice, or from
    /// the first picture where there is no voice. Copied sound and pictures keep the whole units
    /// around it, which the edit list trims: from the key frame before it on, and with as much
    /// before it as the decoder needs. Encoded sound is cut exactly.
    pub clip: Option<(MediaTime, MediaTime)>,
}

/// Opens the first track of a kind; `None` when the file has none.
fn open(source: &Source, want: Want) -> Result<Option<Opened>, RenditionError> {
    match source.container {
        Container::Wav | Container::Rf64 => return pcm::open(source, want),
        Container::Mp4 => return mp4::open(source, want),
        Container::Matroska => return matroska::open(source, want),
        _ if want == Want::Picture => return Ok(None),
        _ => {}
    }
    let opened = match source.container {
        Container::Mp3 => framed::mp3(source),
        Container::Adts => framed::adts(source),
        Container::Flac => framed::flac(source),
        Container::Amr => framed::amr(source),
        Container::Ogg => ogg::open(source),
        Container::Gsm => telephony::gsm(source),
        other => Err(MediaError::unsupported(format!("a rendition of {other}")).into()),
    };
    opened.map(Some)
}
