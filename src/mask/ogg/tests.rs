//! Whole small files, built here: masked, checked, and bent.

use std::io::Cursor;

use crate::asset::{MediaTime, Span, SpanReason};
use crate::mask::{
    Certificate, MaskError, MaskPlan, QuarantineReason, open_recheck, open_silencer, trial,
};
use crate::media::{Container, Measured, OggPage, ogg_crc_holds, ogg_lacing, set_ogg_crc};

const CONTINUED: u8 = 1;
const BEGINS: u8 = 2;
const ENDS: u8 = 4;
/// 20 ms of CELT and of SILK, mono, code 0.
const CELT: u8 = 31 << 3;
const SILK: u8 = 9 << 3;

fn page(serial: u32, sequence: u32, flags: u8, granule: i64, parts: (&[u8], &[u8])) -> Vec<u8> {
    let (lacing, body) = parts;
    let mut page = [&b"OggS\0"[..], &[flags], &granule.to_le_bytes()].concat();
    page.extend([serial, sequence, 0].map(u32::to_le_bytes).concat());
    page.push(lacing.len() as u8);
    page.extend_from_slice(lacing);
    page.extend_from_slice(body);
    set_ogg_crc(&mut page);
    page
}

/// Packets of the given sizes on one page.
fn packets_page(
    serial: u32,
    sequence: u32,
    flags: u8,
    granule: i64,
    packets: &[Vec<u8>],
) -> Vec<u8> {
    let lacing: Vec<u8> = packets.iter().flat_map(|packet| ogg_lacing(packet.len())).collect();
    page(serial, sequence, flags, granule, (&lacing, &packets.concat()))
}

/// A packet of 20 ms that is nowhere silent.
fn packet(toc: u8, size: usize) -> Vec<u8> {
    let mut packet = vec![toc];
    packet.extend((1..size).map(|at| 0x11 + (at % 97) as u8));
    packet
}

/// A code 3 packet of one frame with 5 bytes of padding.
fn padded(toc: u8, frame: usize) -> Vec<u8> {
    [&[toc | 3, 0x41, 5][..], &vec![0x77; frame], &[0xDD; 5]].concat()
}

fn headers(serial: u32) -> Vec<u8> {
    let head = b"OpusHead\x01\x01\x38\x01\x80\xBB\0\0\0\0\0".to_vec();
    let tags = b"OpusTags\x04\0\0\0none\0\0\0\0".to_vec();
    let first = packets_page(serial, 0, BEGINS, 0, &[head]);
    [first, packets_page(serial, 1, 0, 0, &[tags])].concat()
}

/// A stream of pages with ten packets of 20 ms each, of very different sizes; `start` is its first
/// granule position.
fn stream(serial: u32, start: i64, pages: u32) -> Vec<u8> {
    let mut file = headers(serial);
    for number in 0..pages {
        let packets = (0..10_usize).map(|at| {
            let size = [30, 300, 3, 90, 255, 40, 41, 1, 160, 20][at];
            if at == 3 {
                padded(CELT, size)
            } else {
                packet(if at % 4 == 0 { SILK } else { CELT }, size)
            }
        });
        let flags = if number + 1 == pages { ENDS } else { 0 };
        let granule = start + i64::from(number + 1) * 9600;
        file.extend(packets_page(serial, number + 2, flags, granule, &packets.collect::<Vec<_>>()));
    }
    file
}

fn facts(file: &[u8], duration: u64) -> Measured {
    Measured {
        container: Container::Ogg,
        codec: "opus".to_owned(),
        channels: Some(1),
        sample_rate: Some(48_000),
        first: MediaTime::ZERO,
        duration: MediaTime::from_millis(duration),
        bytes: file.len() as u64,
    }
}

fn plan(spans: &[(u64, u64)], duration: u64) -> MaskPlan {
    let time = MediaTime::from_millis;
    let span = |(from, to): &(u64, u64)| Span::new(time(*from), time(*to), SpanReason::Paused);
    let spans: Vec<Span> = spans.iter().map(|pair| span(pair).unwrap()).collect();
    MaskPlan::from_spans(&spans, time(duration), MediaTime::ZERO).unwrap()
}

/// Masks `file`, of at most a minute, in portions.
fn mask(
    file: &[u8],
    spans: &[(u64, u64)],
    portion: usize,
) -> Result<(Vec<u8>, Certificate), MaskError> {
    let facts = facts(file, 60_000);
    let mut silencer = open_silencer(&mut Cursor::new(file), &facts, &plan(spans, 60_000))?;
    let mut out = Vec::new();
    for bytes in file.chunks(portion) {
        silencer.push(bytes, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

fn check(file: &[u8], masked: &[u8], spans: &[(u64, u64)]) -> Result<(), MaskError> {
    let facts = facts(file, 60_000);
    let mut check = open_recheck(&mut Cursor::new(file), &facts, &plan(spans, 60_000))?;
    for (source, masked) in file.chunks(777).zip(masked.chunks(777)) {
        check.push(source, masked)?;
    }
    check.finish()
}

/// Masks and checks, and returns which packets of sound changed.
fn changed(file: &[u8], spans: &[(u64, u64)]) -> Vec<usize> {
    let (masked, certificate) = mask(file, spans, 1000).unwrap();
    check(file, &masked, spans).unwrap();
    let (old, new) = (packets(file), packets(&masked));
    assert_eq!(old.len(), new.len());
    let pairs = old.iter().zip(&new).enumerate();
    let changed: Vec<usize> =
        pairs.filter(|(_, (old, new))| clear(old) != clear(new)).map(|(at, _)| at).collect();
    assert_eq!(changed.len() as u64, certificate.units_silenced);
    changed
}

/// A packet of the fixtures without its padding.
fn clear(packet: &[u8]) -> &[u8] {
    packet.strip_suffix(&[0xDD; 5]).or(packet.strip_suffix(&[0; 5])).unwrap_or(packet)
}

fn pages(file: &[u8]) -> Vec<&[u8]> {
    let (mut pages, mut rest) = (Vec::new(), file);
    while !rest.is_empty() {
        let body: usize =
            rest[27..27 + usize::from(rest[26])].iter().map(|v| usize::from(*v)).sum();
        let (page, after) = rest.split_at(27 + usize::from(rest[26]) + body);
        pages.push(page);
        rest = after;
    }
    pages
}

/// The packets of sound, of all streams one after the other.
fn packets(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut packets, mut open) = (Vec::new(), Vec::new());
    for bytes in pages(file) {
        for piece in OggPage::read(bytes, 0).unwrap().pieces() {
            open.extend_from_slice(&bytes[piece.body]);
            if piece.ends {
                packets.push(std::mem::take(&mut open));
            }
        }
    }
    packets.retain(|packet: &Vec<u8>| !packet.starts_with(b"Opus"));
    packets
}

#[test]
fn packets_that_sound_in_the_span_and_one_more_are_silent() {
    let file = stream(7, 0, 5);
    // 200 ms are tick 9912 with pre-skip; 6 ms before it packet 10 plays, 280 ms end in packet 14.
    assert_eq!(changed(&file, &[(200, 280)]), [10, 11, 12, 13, 14, 15]);
    assert_eq!(changed(&file, &[(0, 1)]), [0, 1]);
    assert_eq!(changed(&file, &[(930, 60_000)]), [46, 47, 48, 49]);
}

#[test]
fn portions_do_not_matter_and_untouched_pages_stay() {
    let file = stream(7, 0, 6);
    let spans = [(210, 330), (700, 760)];
    let (whole, certificate) = mask(&file, &spans, file.len()).unwrap();
    for portion in [1, 26, 4096] {
        assert_eq!(mask(&file, &spans, portion).unwrap().0, whole);
    }
    assert_eq!((certificate.units_total, certificate.units_silenced), (60, 13));
    for (at, (old, new)) in pages(&file).iter().zip(pages(&whole)).enumerate() {
        assert_eq!(old.len(), new.len());
        assert!(ogg_crc_holds(new), "page {at}");
        assert_eq!(at < 2, *old == new, "every page of sound has padding to clear");
    }
    assert!(!whole.windows(5).any(|bytes| bytes == [0xDD; 5]));
}

#[test]
fn sizes_are_levelled_inside_a_page_only() {
    let file = stream(7, 0, 4);
    let (masked, _) = mask(&file, &[(200, 400)], 1000).unwrap();
    let sizes: Vec<usize> = packets(&masked)[10..20].iter().map(Vec::len).collect();
    // The first page's row: the same sum and as many lacing values of 255.
    assert_eq!(sizes.iter().sum::<usize>(), 30 + 300 + 3 + 98 + 255 + 40 + 41 + 1 + 160 + 20);
    assert!(sizes.iter().all(|size| (43..=44).contains(&(size % 255))), "{sizes:?}");
}

#[test]
fn packets_over_several_pages_are_silenced_in_all_of_them() {
    let body = packet(CELT, 700);
    let mut file = headers(1);
    file.extend(page(
        1,
        2,
        0,
        960,
        (&[50, 255, 255], &[&packet(CELT, 50)[..], &body[..510]].concat()),
    ));
    let tail = [&body[510..], &packet(CELT, 60), &packet(CELT, 61), &packet(CELT, 62)].concat();
    file.extend(page(1, 3, CONTINUED | ENDS, 4800, (&[190, 60, 61, 62], &tail)));
    assert_eq!(changed(&file, &[(25, 30)]), [1, 2]);
    let (masked, _) = mask(&file, &[(25, 30)], 100).unwrap();
    assert_eq!(packets(&masked)[1].len(), 700);
    // Without its end, the packet's beginning would stay unsilenced.
    let cut = file.len() - pages(&file)[3].len();
    let error = mask(&file[..cut], &[(20, 30)], 100).unwrap_err();
    assert_eq!(error.reason(), Some(QuarantineReason::MediaMalformed));
}

#[test]
fn time_counts_from_the_stream_s_first_granule_position() {
    let live = stream(7, 48_000 * 3600, 5);
    assert_eq!(changed(&live, &[(200, 280)]), [10, 11, 12, 13, 14, 15]);
}

#[test]
fn a_gap_moves_the_clock_and_widens_its_page() {
    // Two pages are lost: 400 ms, before or after the packets of the next one.
    let all = stream(7, 0, 6);
    let kept = pages(&all);
    let file = [&kept[..4], &kept[6..]].concat().concat();
    assert_eq!(changed(&file, &[(850, 900)]), (22..31).collect::<Vec<_>>());
    assert_eq!(changed(&file, &[(1050, 1060)]), [32, 33, 34]);
}

#[test]
fn links_of_a_chain_play_one_after_the_other() {
    let file = [stream(7, 0, 2), stream(9, 96_000, 2)].concat();
    // The first link plays 400 ms less pre-skip; 500 ms are 106.5 ms in the second.
    assert_eq!(changed(&file, &[(500, 520)]), [25, 26, 27]);
}

#[test]
fn streams_at_the_same_time_are_silenced_alike() {
    let (left, right) = (stream(1, 0, 3), stream(2, 0, 3));
    let (left, right) = (pages(&left), pages(&right));
    let woven = [left[0], right[0]].into_iter();
    let woven = woven.chain((1..5).flat_map(|at| [left[at], right[at]]));
    let file = woven.collect::<Vec<_>>().concat();
    assert_eq!(changed(&file, &[(200, 240)]).len(), 8);
    let late = stream(2, 48_000, 3);
    let late = pages(&late);
    let woven = [left[0], late[0]].into_iter().chain((1..5).flat_map(|at| [left[at], late[at]]));
    let error = mask(&woven.collect::<Vec<_>>().concat(), &[(200, 240)], 100).unwrap_err();
    assert_eq!(error.reason(), Some(QuarantineReason::MediaUnsupported));
}

#[test]
fn what_cannot_be_silenced_is_held_back() {
    let fault = |file: &[u8]| mask(file, &[(0, 100)], 100).unwrap_err();
    let other = |first: &[u8]| fault(&packets_page(1, 0, BEGINS, 0, &[first.to_vec()]));
    for first in [&b"\x80kate\0\0\0\0"[..], b"\x80theora\x03\x02", b"fishead\0\x03\0", b"?", b""] {
        assert_eq!(other(first).reason(), Some(QuarantineReason::MaskUnsupportedContainer));
    }
    let surround = b"OpusHead\x01\x06\x38\x01\x80\xBB\0\0\0\0\x01\x04\x02\0\x04\x01\x02\x03\x05";
    assert!(other(surround).to_string().ends_with("Opus with 4 streams in each packet"));
    let file = stream(7, 0, 3);
    let mut damaged = file.clone();
    let at = file.len() - 100;
    damaged[at] ^= 1;
    assert!(fault(&damaged).to_string().starts_with("a page is damaged at byte"));
    assert!(fault(&file[..file.len() - 1]).to_string().contains("ends inside"));
    assert!(fault(&[&file[..], b"trailing"].concat()).to_string().contains("no Ogg page"));
    let kept = pages(&file);
    assert!(fault(&kept[2..].concat()).to_string().contains("belongs to no stream"));
    assert!(fault(&[kept[0], kept[0]].concat()).to_string().contains("begins twice"));
}

#[test]
fn every_changed_byte_of_a_masked_file_is_found() {
    let file = stream(7, 0, 3);
    let spans = [(210, 330)];
    let (masked, _) = mask(&file, &spans, 1000).unwrap();
    check(&file, &masked, &spans).unwrap();
    assert!(check(&file, &file, &spans).is_err());
    let sum = |before: &mut usize, page: &[u8]| {
        *before += page.len();
        Some(*before)
    };
    let ends: Vec<usize> = pages(&masked).into_iter().scan(0, sum).collect();
    for at in 0..masked.len() {
        let mut other = masked.clone();
        other[at] ^= 0x20;
        assert!(check(&file, &other, &spans).is_err(), "byte {at}");
        // A checksum that fits does not help.
        let end = *ends.iter().find(|end| at < **end).unwrap();
        let from = ends.iter().rev().find(|other| at >= **other).copied().unwrap_or(0);
        set_ogg_crc(&mut other[from..end]);
        assert!(other == masked || check(&file, &other, &spans).is_err(), "byte {at}");
    }
}

#[test]
fn bent_files_never_panic_and_what_is_accepted_holds() {
    let file = [stream(7, 0, 3), stream(8, 5000, 2)].concat();
    let mut next = trial::below_with(0x2545_F491_4F6C_DD1D);
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut bent = file.clone();
        for _ in 0..=next(3) {
            let at = next(bent.len());
            bent[at] = next(256) as u8;
        }
        if next(4) == 0 {
            bent.truncate(next(bent.len()));
        }
        let spans = [(next(500) as u64, 500 + next(600) as u64)];
        if let Ok((masked, _)) = mask(&bent, &spans, 1 + next(3000)) {
            accepted += 1;
            check(&bent, &masked, &spans).unwrap();
        }
    }
    assert!(accepted > 10, "{accepted}");
}

#[test]
fn damaged_pages_with_fitting_checksums_never_panic_either() {
    let file = [stream(7, 0, 3), stream(8, 5000, 2)].concat();
    let mut next = trial::below_with(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut bent: Vec<Vec<u8>> = pages(&file).into_iter().map(<[u8]>::to_vec).collect();
        for _ in 0..=next(4) {
            let count = bent.len();
            let page = &mut bent[next(count)];
            let at = 5 + next(page.len() - 5);
            page[at] = next(256) as u8;
            set_ogg_crc(page);
        }
        let bent = bent.concat();
        let spans = [(next(500) as u64, 500 + next(600) as u64)];
        if let Ok((masked, _)) = mask(&bent, &spans, 1 + next(3000)) {
            accepted += 1;
            check(&bent, &masked, &spans).unwrap();
        }
    }
    assert!(accepted > 500, "{accepted}");
}
