//! Opus in Ogg, written anew with a page for each packet, as a recorder must that cannot wait.

use anyhow::{Context as _, ensure};

use super::{Unit, ticks};
use crate::media::{
    Cutter, OPUS_RATE, OggFramer, OggPage, OpusHead, OpusPacket, ogg_lacing, set_ogg_crc,
};

/// First and last page of a stream.
const BEGINS: u8 = 2;
const ENDS: u8 = 4;
/// Largest packet of a page of its own: 255 lacing values, the last below 255.
const MAX_PACKET_BYTES: usize = 255 * 254 + 254;

/// The packets of a file.
struct Packets {
    serial: u32,
    packets: Vec<Vec<u8>>,
    /// Where the last page ends.
    last: i64,
}

pub(super) fn opus(file: &[u8], silent: &[u8]) -> anyhow::Result<(Vec<u8>, Vec<Unit>)> {
    let (sound, silence) = (packets(file)?, packets(silent)?);
    ensure!(sound.packets.len() == silence.packets.len(), "the silent file has other packets");
    let serial = sound.serial;
    let mut pairs = sound.packets.iter().zip(&silence.packets);
    let (Some((first, _)), Some((tags, _))) = (pairs.next(), pairs.next()) else {
        anyhow::bail!("the Ogg file has no headers");
    };
    ensure!(first.starts_with(OpusHead::MAGIC), "only Opus in Ogg is cut into packets here");
    let skip = u64::from(OpusHead::read(first, 0)?.pre_skip);
    let head = [page(serial, 0, BEGINS, 0, first)?, page(serial, 1, 0, 0, tags)?].concat();
    let (mut granule, count) = (0_i64, pairs.len());
    let mut units = Vec::with_capacity(count);
    for ((packet, silent), sequence) in pairs.zip(2_u32..) {
        let read = OpusPacket::read(packet).map_err(anyhow::Error::msg)?;
        let whole = granule.saturating_add(i64::from(read.ticks));
        let ends = units.len().saturating_add(1) == count;
        // The last page may say that the end of its sound is not played.
        granule = if ends { sound.last.clamp(granule, whole) } else { whole };
        let flags = if ends { ENDS } else { 0 };
        let played = u64::try_from(granule).unwrap_or(0).saturating_sub(skip);
        units.push(Unit {
            sound: page(serial, sequence, flags, granule, packet)?,
            silence: page(serial, sequence, flags, granule, silent)?,
            end: ticks(played, OPUS_RATE),
            tail: if ends { Vec::new() } else { last_page(serial, sequence, granule) },
        });
    }
    Ok((head, units))
}

/// All packets of the one stream of a file that begins at 0.
fn packets(file: &[u8]) -> anyhow::Result<Packets> {
    let mut cutter = Cutter::new(OggFramer);
    cutter.push(file);
    let mut found: Option<Packets> = None;
    let mut open: Vec<u8> = Vec::new();
    while let Some(piece) = cutter.next(true)? {
        let page = OggPage::read(&piece.bytes, piece.at)?;
        let all = found.get_or_insert_with(|| Packets {
            serial: page.serial,
            packets: Vec::new(),
            last: 0,
        });
        ensure!(all.serial == page.serial, "the Ogg file has several streams");
        all.last = page.granule.unwrap_or(all.last);
        for part in page.pieces() {
            open.extend(piece.bytes.get(part.body).unwrap_or_default());
            if part.ends {
                all.packets.push(std::mem::take(&mut open));
            }
        }
    }
    found.context("the Ogg file has no page")
}

/// A page without a packet, which ends the stream behind page `sequence`.
fn last_page(serial: u32, sequence: u32, granule: i64) -> Vec<u8> {
    let mut page = header(serial, sequence.wrapping_add(1), ENDS, granule);
    page.push(0);
    set_ogg_crc(&mut page);
    page
}

/// A page up to its number of lacing values.
fn header(serial: u32, sequence: u32, flags: u8, granule: i64) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page
}

/// A page with one packet.
fn page(
    serial: u32,
    sequence: u32,
    flags: u8,
    granule: i64,
    packet: &[u8],
) -> anyhow::Result<Vec<u8>> {
    ensure!(packet.len() <= MAX_PACKET_BYTES, "a packet has {} bytes", packet.len());
    let lacing: Vec<u8> = ogg_lacing(packet.len()).collect();
    let mut page = header(serial, sequence, flags, granule);
    page.push(u8::try_from(lacing.len())?);
    page.extend(lacing);
    page.extend(packet);
    set_ogg_crc(&mut page);
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::ogg_crc_holds;

    #[test]
    fn pages_are_whole_and_a_stream_may_end_behind_any_of_them() {
        let written = page(7, 2, 0, 960, &[0xFC; 300]).unwrap();
        let last = last_page(7, 2, 960);
        let read = OggPage::read(&written, 0).unwrap();
        assert_eq!((read.serial, read.sequence, read.granule), (7, 2, Some(960)));
        assert_eq!(read.pieces().next().unwrap().body.len(), 300);
        let read = OggPage::read(&last, 0).unwrap();
        assert_eq!((read.sequence, read.ends, read.pieces().count()), (3, true, 0));
        assert!(ogg_crc_holds(&written) && ogg_crc_holds(&last));
        assert!(page(7, 2, 0, 960, &[0; MAX_PACKET_BYTES + 1]).is_err());
    }
}
