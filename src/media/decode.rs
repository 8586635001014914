//! A sound file decoded to WAVE, for files in which silence cannot be written in place.
//!
//! It is decoded twice: once to count its samples, so that every length is known beforehand, and
//! once as it is carried. Neither result nor intermediate rests anywhere. [`SoundFile`] gives the
//! samples themselves, for what is made of a recording later.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::audio::conv::ConvertibleSample;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track};
use symphonia::core::io::MediaSource;
use symphonia::core::packet::Packet;

use super::demux::{MAX_PACKETS, foreign_error, guarded, open_demuxer};
use super::{ByteOrder, Container, Encoding, Measured, MediaError, mp4, ticks_to_time};
use crate::asset::MediaTime;

/// Length of the WAVE header that is written.
const HEAD_BYTES: u32 = 44;
/// Bytes of one sample: 16-bit PCM.
const SAMPLE_BYTES: u16 = 2;
/// How much shorter than measured a decoded file may be, and how much of its beginning may be left
/// out when it is played: what decoders play before the first sample.
const MAX_SHORTFALL: MediaTime = MediaTime::from_millis(200);
/// Longest stretch without packets that is filled with silence, in seconds: a day.
const MAX_FILL_S: u64 = 24 * 3600;
/// How much silence is put in at a time, in frames.
const FILL_FRAMES: u64 = 16 * 1024;
/// How far a packet may begin before the end of the one ahead, in parts of a second: timestamps of
/// some containers are rounded to milliseconds.
const OVERLAP_PART: u64 = 50;

/// Decodes packet by packet.
struct Decoder<S> {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    container: Container,
    track: u32,
    channels: u16,
    rate: u32,
    /// Seconds for each tick of a packet's time, as a fraction.
    tick: (u64, u64),
    packets: u64,
    /// Where the first packet belongs, in frames: not at once after an empty edit of MP4, which the
    /// demuxer does not know, and at once in Ogg, whatever its clock says.
    begin: u64,
    /// What the first packet's own time says, in frames.
    first: Option<u64>,
    /// Frames given out so far, silence included.
    frames: u64,
    /// Where the last packet belongs, in frames; more silence is needed before it.
    pending: Option<(Packet, u64)>,
    position: Arc<AtomicU64>,
    /// Bits of one sample as they are coded, where the file says so.
    bits: Option<u32>,
    samples: Vec<S>,
}

/// Which track is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// The only one; a file of several is refused.
    Only,
    /// The first one of sound.
    FirstSound,
}

impl<S: ConvertibleSample + Default> Decoder<S> {
    fn open(
        mut source: Box<dyn MediaSource>,
        (bytes, container): (u64, Container),
        begin: MediaTime,
        choice: Choice,
    ) -> Result<Self, MediaError> {
        if container == Container::Mp4 {
            mp4::check_plays_through(source.as_mut(), bytes, MAX_SHORTFALL)?;
        }
        let begin = begin.as_micros();
        let position = Arc::new(AtomicU64::new(0));
        let inside = Arc::clone(&position);
        guarded(&position, move || {
            let reader = open_demuxer(source, bytes, container, &inside)?;
            let sounds = |track: &&Track| {
                track.codec_params.as_ref().is_some_and(|params| params.audio().is_some())
            };
            let track = match (choice, reader.tracks()) {
                (Choice::FirstSound, tracks) => tracks.iter().find(sounds),
                (Choice::Only, [track]) => Some(track),
                (Choice::Only, _) => None,
            };
            let several = || MediaError::unsupported("decoding a file of several tracks");
            let track = track.ok_or_else(several)?;
            let id = track.id;
            let sound = track.codec_params.as_ref().and_then(|params| params.audio());
            let sound = sound.ok_or_else(|| MediaError::unsupported("decoding a picture"))?;
            let wrong = |error| foreign_error(error, inside.load(Ordering::Relaxed));
            let decoder = symphonia::default::get_codecs()
                .make_audio_decoder(sound, &AudioDecoderOptions::default())
                .map_err(wrong)?;
            let missing =
                || MediaError::unsupported("decoding without a sampling rate or channels");
            let channels = sound.channels.as_ref().map(|channels| channels.count());
            let channels = channels.and_then(|count| u16::try_from(count).ok());
            let (rate, channels) = sound.sample_rate.zip(channels).ok_or_else(missing)?;
            let bits = sound.bits_per_sample.or(sound.bits_per_coded_sample);
            let base = track.time_base.map(|base| (base.numer.get(), base.denom.get()));
            let (numerator, denominator) = base.unwrap_or((1, rate.max(1)));
            let begin = u128::from(begin) * u128::from(rate) / 1_000_000;
            Ok(Self {
                reader,
                decoder,
                container,
                track: id,
                channels,
                rate,
                tick: (u64::from(numerator), u64::from(denominator)),
                packets: 0,
                begin: u64::try_from(begin).unwrap_or(u64::MAX),
                first: None,
                frames: 0,
                pending: None,
                position: Arc::clone(&inside),
                bits,
                samples: Vec::new(),
            })
        })
    }

    /// Appends the next packet's samples; false at the end.
    fn next(&mut self, out: &mut Vec<S>) -> Result<bool, MediaError> {
        let position = Arc::clone(&self.position);
        guarded(&position, || self.decode(out))
    }

    /// A packet is decoded at the place that its time says: masks count on the file's clock. What
    /// lies between packets is silent.
    fn decode(&mut self, out: &mut Vec<S>) -> Result<bool, MediaError> {
        let Some((packet, place)) = self.pending.take() else { return self.read() };
        if self.frames < place {
            let count = (place - self.frames).min(FILL_FRAMES);
            self.silence(count, out);
            self.pending = Some((packet, place));
            return Ok(true);
        }
        let at = self.position.load(Ordering::Relaxed);
        match self.decoder.decode(&packet) {
            Ok(decoded) => {
                let spec = decoded.spec();
                if (spec.rate(), spec.channels().count()) != (self.rate, self.channels.into()) {
                    return Err(MediaError::unsupported("a change of sampling rate or channels"));
                }
                self.frames = self.frames.saturating_add(decoded.frames() as u64);
                decoded.copy_to_vec_interleaved(&mut self.samples);
                out.append(&mut self.samples);
            }
            // What cannot be decoded is silent: the next packet's time says for how long.
            Err(Error::DecodeError(_) | Error::IoError(_)) => {}
            Err(error) => return Err(foreign_error(error, at)),
        }
        Ok(true)
    }

    /// Reads the next packet of the track; false at the end.
    fn read(&mut self) -> Result<bool, MediaError> {
        let at = self.position.load(Ordering::Relaxed);
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(false),
            // So does every Matroska file end.
            Err(Error::IoError(error))
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && self.packets > 0
                    && self.container == Container::Matroska =>
            {
                return Ok(false);
            }
            Err(error) => return Err(foreign_error(error, at)),
        };
        self.packets += 1;
        MediaError::check("the number of packets", self.packets, MAX_PACKETS)?;
        if packet.track_id != self.track {
            return Ok(true);
        }
        let place = self.place(u64::try_from(packet.pts.get()).unwrap_or(0));
        let first = *self.first.get_or_insert(place);
        let place = place.saturating_sub(first).saturating_add(self.begin);
        let rate = u64::from(self.rate);
        if place.saturating_add(rate / OVERLAP_PART) < self.frames {
            return Err(MediaError::malformed(
                "a packet that begins before the end of another",
                at,
            ));
        }
        let gap = place.saturating_sub(self.frames) / rate.max(1);
        MediaError::check("the seconds without a packet", gap, MAX_FILL_S)?;
        // Rounded times are no gaps.
        let close = place <= self.frames.saturating_add(rate / OVERLAP_PART);
        self.pending = Some((packet, if close { self.frames } else { place }));
        Ok(true)
    }

    /// A packet's time in frames.
    fn place(&self, ticks: u64) -> u64 {
        let (numerator, denominator) = self.tick;
        let scaled = u128::from(ticks) * u128::from(numerator) * u128::from(self.rate);
        u64::try_from(scaled / u128::from(denominator.max(1))).unwrap_or(u64::MAX)
    }

    fn silence(&mut self, frames: u64, out: &mut Vec<S>) {
        let samples = usize::try_from(frames * u64::from(self.channels)).unwrap_or(0);
        out.resize(out.len().saturating_add(samples), S::default());
        self.frames = self.frames.saturating_add(frames);
    }
}

/// Decodes a file once, and tells the facts of the WAVE file that [`Decoded`] gives. Its clock is
/// the clock of the `original`.
///
/// # Errors
/// Unsupported for pictures, several tracks, and codecs that cannot be decoded; malformed for a
/// file that decodes to less than was measured; malformed and limits as everywhere.
pub fn measure_decoded(
    source: Box<dyn MediaSource>,
    original: &Measured,
) -> Result<Measured, MediaError> {
    let mut decoder = open_only(source, original)?;
    let (mut block, mut total) = (Vec::new(), 0_u64);
    while decoder.next(&mut block)? {
        total = total.saturating_add(block.len() as u64 * u64::from(SAMPLE_BYTES));
        block.clear();
    }
    let limit = u64::from(u32::MAX - HEAD_BYTES);
    MediaError::check("the length of the decoded sound in bytes", total, limit)?;
    let frame = u64::from(decoder.channels) * u64::from(SAMPLE_BYTES);
    let duration = ticks_to_time(total.checked_div(frame).unwrap_or(0), 1, decoder.rate);
    if original.duration > duration.saturating_add(MAX_SHORTFALL) {
        let what = format!("{} decode to {duration}: the file ends too early", original.duration);
        return Err(MediaError::malformed(what, original.bytes));
    }
    Ok(Measured {
        container: Container::Wav,
        codec: Encoding::Pcm16.name(ByteOrder::Little),
        channels: Some(decoder.channels),
        sample_rate: Some(decoder.rate),
        first: original.first,
        duration,
        bytes: total.saturating_add(u64::from(HEAD_BYTES)),
    })
}

/// A decoder for the only track of a file, on the file's own clock.
fn open_only(
    source: Box<dyn MediaSource>,
    original: &Measured,
) -> Result<Decoder<i16>, MediaError> {
    Decoder::open(source, (original.bytes, original.container), original.first, Choice::Only)
}

/// The samples of the first sound track of a file, from its first packet on.
pub struct SoundFile<S>(Decoder<S>);

impl<S: ConvertibleSample + Default> SoundFile<S> {
    /// Opens a file of `bytes` bytes.
    ///
    /// # Errors
    /// Unsupported without sound, and for codecs that cannot be decoded; else [`MediaError`].
    pub fn open(
        source: Box<dyn MediaSource>,
        bytes: u64,
        container: Container,
    ) -> Result<Self, MediaError> {
        Decoder::open(source, (bytes, container), MediaTime::ZERO, Choice::FirstSound).map(Self)
    }

    /// Channels.
    pub const fn channels(&self) -> u16 {
        self.0.channels
    }

    /// In Hz.
    pub const fn rate(&self) -> u32 {
        self.0.rate
    }

    /// Bits of one sample as they are coded, where the file says so.
    pub const fn bits(&self) -> Option<u32> {
        self.0.bits
    }

    /// Appends the next interleaved samples, the silence between packets among them; false at the
    /// end. Integers are as large as their type allows, whatever the bits.
    ///
    /// # Errors
    /// [`MediaError`].
    pub fn next(&mut self, out: &mut Vec<S>) -> Result<bool, MediaError> {
        self.0.next(out)
    }
}

/// A file as the WAVE file that it decodes to.
pub struct Decoded {
    decoder: Decoder<i16>,
    samples: Vec<i16>,
    block: Vec<u8>,
    done: usize,
}

impl Decoded {
    /// Begins with the WAVE header. `facts` come from [`measure_decoded`].
    ///
    /// # Errors
    /// As [`measure_decoded`].
    pub fn open(
        source: Box<dyn MediaSource>,
        original: &Measured,
        facts: &Measured,
    ) -> Result<Self, MediaError> {
        let decoder = open_only(source, original)?;
        let block = wave_head(&decoder, facts.bytes);
        Ok(Self { decoder, samples: Vec::new(), block, done: 0 })
    }

    /// The WAVE header, which says all that masking needs to know beforehand.
    pub fn head(&self) -> &[u8] {
        self.block.get(..HEAD_BYTES as usize).unwrap_or_default()
    }
}

impl Read for Decoded {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.done >= self.block.len() {
            self.block.clear();
            self.done = 0;
            if !self.decoder.next(&mut self.samples).map_err(io::Error::other)? {
                return Ok(0);
            }
            self.block.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
            self.samples.clear();
        }
        let rest = self.block.get(self.done..).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(target), Some(bytes)) = (out.get_mut(..count), rest.get(..count)) {
            target.copy_from_slice(bytes);
        }
        self.done += count;
        Ok(count)
    }
}

/// `RIFF`, `fmt ` and the head of `data`.
fn wave_head(decoder: &Decoder<i16>, bytes: u64) -> Vec<u8> {
    let total = u32::try_from(bytes).unwrap_or(u32::MAX);
    let align = decoder.channels.saturating_mul(SAMPLE_BYTES);
    let mut head = Vec::with_capacity(HEAD_BYTES as usize);
    head.extend_from_slice(b"RIFF");
    head.extend_from_slice(&total.saturating_sub(8).to_le_bytes());
    head.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0");
    head.extend_from_slice(&decoder.channels.to_le_bytes());
    head.extend_from_slice(&decoder.rate.to_le_bytes());
    head.extend_from_slice(&decoder.rate.saturating_mul(align.into()).to_le_bytes());
    head.extend_from_slice(&align.to_le_bytes());
    head.extend_from_slice(&(SAMPLE_BYTES * 8).to_le_bytes());
    head.extend_from_slice(b"data");
    head.extend_from_slice(&total.saturating_sub(HEAD_BYTES).to_le_bytes());
    head
}
