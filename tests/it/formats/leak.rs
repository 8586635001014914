//! Promise: nothing of the masked sound is left in the bytes, wherever a decoder does not look.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use reelgate::asset::Span;

use super::granules::{Stream, bit};
use super::harness::{Prepared, Variant, prepare, seed};
use super::judge::{LSB, Law};
use super::masked::{facts_of, in_samples, mask, spans};
use super::opus_packet::Parts;
use super::signal::Random;
use super::tools::{Decoder, shell};
use super::{adts, ogg};

/// Files of three spans for every variant.
const FILES: usize = 8;
/// The law is judged elsewhere.
const ANY: Law = Law::exact(usize::MAX, usize::MAX);

/// Masks every variant a few times, and gives source and result to `check` with the spans.
fn each(variants: &[Variant], check: impl Fn(&Prepared, &[u8], &[u8], &[Span], &Path)) {
    let folder = tempfile::tempdir().unwrap();
    for variant in variants {
        let prepared = prepare(variant, folder.path()).unwrap();
        let mut random = Random::named(seed(), variant.name);
        say!("{}: REELGATE_SEED={}", variant.name, seed());
        for _ in 0..FILES {
            let spans = spans(&mut random, 3, 14.0, 1.5);
            let masked = mask(&prepared.bytes, &prepared.facts, &spans, &mut random)
                .unwrap_or_else(|fault| panic!("{}: {fault}", variant.name));
            check(&prepared, &prepared.bytes, &masked, &spans, folder.path());
        }
    }
}

const fn lame(name: &'static str, rate: u32, channels: usize, line: &'static str) -> Variant {
    Variant::new((name, "mp3"), (rate, channels), line, ANY)
}

#[test]
fn no_bit_of_a_masked_mp3_granule_is_left() {
    let variants = [
        lame("bits cbr 16k", 8000, 1, "lame --quiet -m m -b 16 $IN $OUT"),
        lame("bits cbr 128k", 44_100, 2, "lame --quiet -m j -b 128 $IN $OUT"),
        lame("bits vbr", 44_100, 2, "lame --quiet -V 4 $IN $OUT"),
        lame("bits crc", 32_000, 1, "lame --quiet -p -b 64 $IN $OUT"),
        lame("bits shine", 44_100, 2, "ffmpeg -v error -i $IN -c:a libshine -b:a 128k $OUT"),
        lame("bits mpeg-2", 22_050, 2, "lame --quiet -b 48 $IN $OUT"),
    ];
    each(&variants, |prepared, source, masked, spans, _| {
        let (before, after) = (Stream::of(source), Stream::of(masked));
        assert_eq!(before.granules.len(), after.granules.len());
        let rate = prepared.facts.sample_rate.unwrap();
        let samples = before.granules.len() * 576;
        let ranges = in_samples(spans, &prepared.facts, rate, samples);
        check_granules(&before, &after, &ranges);
    });
}

fn check_granules(source: &Stream, masked: &Stream, spans: &[Range<usize>]) {
    let mut claimed = vec![false; masked.main_data.len() * 8];
    let mut silent = Vec::new();
    for (index, (was, is)) in source.granules.iter().zip(&masked.granules).enumerate() {
        let heard = (index * 576).saturating_sub(source.skip)
            ..(index * 576 + 1632).saturating_sub(source.skip);
        if spans.iter().any(|span| span.start < heard.end && heard.start < span.end) {
            assert!(is.zero, "granule {index}, heard in {heard:?}, has side information");
        }
        if is.zero {
            silent.push(was);
            continue;
        }
        assert_eq!(was.bits.len(), is.bits.len(), "granule {index}");
        let pairs = was.bits.clone().zip(is.bits.clone());
        for (before, now) in pairs {
            let same = bit(&source.main_data, before) == bit(&masked.main_data, now);
            assert!(same, "a bit of the kept granule {index} changed");
            claimed[now] = true;
        }
    }
    for granule in silent {
        let left = granule.bits.clone().find(|at| bit(&masked.main_data, *at) && !claimed[*at]);
        assert_eq!(left, None, "a bit of a masked granule is left");
    }
    check_begins(masked);
}

/// main_data_begin of a silent frame tells nothing of what was there.
fn check_begins(masked: &Stream) {
    let mut last_kept = 0;
    for (frame, granules) in masked.frames.iter().zip(masked.granules.chunks(masked.per_frame)) {
        if granules.iter().all(|granule| granule.zero) {
            assert!(frame.plain, "private or scfsi bits in a silent frame");
            let since = frame.payload - last_kept.min(frame.payload);
            assert_eq!(frame.main_data_begin, since.min(frame.largest_begin), "main_data_begin");
        }
        let kept = granules.iter().filter(|granule| !granule.zero);
        last_kept = kept.map(|granule| granule.bits.end.div_ceil(8)).max().unwrap_or(last_kept);
    }
}

const fn encoded(
    names: (&'static str, &'static str),
    rate: u32,
    channels: usize,
    line: &'static str,
) -> Variant {
    Variant::new(names, (rate, channels), line, ANY)
}

#[test]
fn masked_aac_frames_have_no_band_and_constant_fill() {
    const ADTS: &str = "ffmpeg -v error -i $IN -c:a aac -b:a 48k $OUT";
    let variants = [
        encoded(("blocks adts mono", "aac"), 16_000, 1, ADTS),
        encoded(("blocks adts stereo", "aac"), 44_100, 2, ADTS),
        encoded(("blocks m4a", "m4a"), 44_100, 2, ADTS),
        encoded(("blocks mkv", "mkv"), 48_000, 1, ADTS),
    ];
    each(&variants, |prepared, source, masked, spans, folder| {
        let container = prepared.path.extension().unwrap().to_str().unwrap();
        let adts_of = |bytes: &[u8]| {
            if container == "aac" {
                bytes.to_vec()
            } else {
                copied(bytes, container, "adts", folder)
            }
        };
        let (source, masked) = (adts_of(source), adts_of(masked));
        let (before, after) = (adts::blocks(&source), adts::blocks(&masked));
        assert_eq!(before.len(), after.len());
        let rate = prepared.facts.sample_rate.unwrap();
        // Only the edit list of MP4 tells of the encoder's delay.
        let skip = if container == "m4a" { 1024 } else { 0 };
        for range in in_samples(spans, &prepared.facts, rate, before.len() * 1024) {
            let (from, to) = (range.start + skip, range.end + skip);
            for (index, block) in after.iter().enumerate() {
                if index * 1024 < to && index * 1024 + 2048 > from {
                    let found = adts::silence(block);
                    assert_eq!(found, Ok(()), "frame {index} of {container}");
                }
            }
        }
        for (index, (was, is)) in before.iter().zip(&after).enumerate() {
            let kept_or_silent = was == is || adts::silence(is).is_ok();
            assert!(kept_or_silent, "frame {index} is neither the source's nor silent");
        }
    });
}

/// The same coded frames in another container, by ffmpeg.
fn copied(bytes: &[u8], from: &str, to: &str, folder: &Path) -> Vec<u8> {
    let (input, output) = (folder.join(format!("copy.{from}")), folder.join(format!("to.{to}")));
    fs::write(&input, bytes).unwrap();
    let line = format!("ffmpeg -nostdin -v error -y -i $IN -map 0:a -c copy -f {to} $OUT");
    shell(&line, &input, &output);
    fs::read(output).unwrap()
}

/// Sound packets of an Ogg Opus file with their start in samples at 48 kHz, pre-skip taken off.
fn opus_packets(file: &[u8]) -> Vec<(isize, ogg::Packet)> {
    let mut packets = ogg::packets(file).into_iter();
    let head = packets.next().unwrap().bytes;
    assert!(head.starts_with(b"OpusHead"));
    let skip = u16::from_le_bytes([head[10], head[11]]);
    let mut at = -isize::try_from(skip).unwrap();
    let timed = packets.skip(1).map(|packet| {
        let start = at;
        at += Parts::of(&packet.bytes).samples() as isize;
        (start, packet)
    });
    timed.collect()
}

const FEC: &str = "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 24k -fec 1 \
                   -packet_loss 20 $OUT";
const VOICE: &str = "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 20k $OUT";

/// 48 kHz: at other rates ffmpeg writes a wrong delay into WebM, and skips too little in MP4.
const VOICE_48: &str =
    "ffmpeg -v error -i $IN -ar 48000 -c:a libopus -application voip -b:a 20k $OUT";

const fn opus(name: &'static str, suffix: &'static str, line: &'static str) -> Variant {
    encoded((name, suffix), 16_000, 1, line).decoded_at(48_000).by(Decoder::FfmpegWith("libopus"))
}

#[test]
fn masked_opus_packets_are_silence_and_one_more() {
    let variants = [
        opus("packets ogg", "opus", VOICE),
        opus("packets fec", "opus", FEC),
        opus("packets webm", "webm", VOICE_48),
        opus("packets mp4", "mp4", VOICE_48),
    ];
    each(&variants, |prepared, source, masked, spans, folder| {
        let container = prepared.path.extension().unwrap().to_str().unwrap();
        let ogg_of = |bytes: &[u8]| {
            if container == "opus" {
                bytes.to_vec()
            } else {
                copied(bytes, container, "ogg", folder)
            }
        };
        let (before, after) = (opus_packets(&ogg_of(source)), opus_packets(&ogg_of(masked)));
        assert_eq!(before.len(), after.len(), "{container}");
        let ranges = in_samples(spans, &prepared.facts, 48_000, usize::MAX / 2);
        check_packets(&before, &after, &ranges, container);
    });
}

fn check_packets(
    before: &[(isize, ogg::Packet)],
    after: &[(isize, ogg::Packet)],
    spans: &[Range<usize>],
    container: &str,
) {
    for span in spans {
        let (from, to) = (span.start as isize - 288, span.end as isize);
        let mut last = None;
        for (index, (start, packet)) in after.iter().enumerate() {
            let parts = Parts::of(&packet.bytes);
            if *start < to && start + parts.samples() as isize > from {
                assert!(parts.is_silence(), "{container}: packet {index} in {span:?}: {parts:?}");
                last = Some(index);
            }
        }
        // The next one is coded relative to the masked past, and may carry a copy of it.
        let next = after.get(last.expect("a packet inside") + 1);
        let silent = next.is_none_or(|(_, packet)| Parts::of(&packet.bytes).is_silence());
        assert!(silent, "{container}: the packet after {span:?} is kept");
    }
    for (index, ((was_at, was), (at, is))) in before.iter().zip(after).enumerate() {
        assert_eq!(was_at, at, "{container}: packet {index} plays as long as before");
        let (was, is) = (Parts::of(&was.bytes), Parts::of(&is.bytes));
        assert!(is.padding.iter().all(|byte| *byte == 0), "{container}: padding of {index}");
        assert!(is.is_silence() || was.frames == is.frames, "{container}: packet {index}");
    }
}

#[test]
fn padding_of_kept_opus_packets_is_cleared() {
    let folder = tempfile::tempdir().unwrap();
    let prepared = prepare(&opus("packets padding", "opus", VOICE), folder.path()).unwrap();
    let packets = ogg::packets(&prepared.bytes);
    let mut file = Vec::new();
    let mut granule = 0;
    for (number, chunk) in [&packets[..1], &packets[1..2]].into_iter().enumerate() {
        let kind = if number == 0 { 2 } else { 0 };
        let head = ogg::PageHead { kind, granule, number: number as u32 };
        file.extend(ogg::page(head, &[&chunk[0].bytes]));
    }
    let pages: Vec<_> = packets[2..].chunks(40).collect();
    for (number, chunk) in pages.iter().enumerate() {
        let padded: Vec<_> =
            chunk.iter().map(|packet| Parts::of(&packet.bytes).padded(&[0xD5; 20])).collect();
        granule += 960 * chunk.len() as u64;
        let kind = if number + 1 == pages.len() { 4 } else { 0 };
        let head = ogg::PageHead { kind, granule, number: number as u32 + 2 };
        file.extend(ogg::page(head, &padded.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    }
    let facts = facts_of(&file).unwrap();
    let mut random = Random::new(seed());
    let spans = spans(&mut random, 1, 8.0, 1.0);
    let masked = mask(&file, &facts, &spans, &mut random).unwrap();
    let end = spans[0].to.as_micros() * 48 / 1000;
    // Deep redundancy reaches back a second and more; two seconds are safe.
    for (index, (start, packet)) in opus_packets(&masked).iter().enumerate() {
        let near = (0..96_000).contains(&(*start - end as isize));
        let parts = Parts::of(&packet.bytes);
        let clear = parts.padding.iter().all(|byte| *byte == 0);
        assert!(clear || !(near || parts.is_silence()), "packet {index} keeps its padding");
    }
}

/// Plays the copies that packets carry of the ones before them.
fn copies(program: &Path, packets: &[(isize, ogg::Packet)]) -> Vec<f64> {
    let mut input = vec![1];
    for (_, packet) in packets {
        input.extend(u32::try_from(packet.bytes.len()).unwrap().to_le_bytes());
        input.extend_from_slice(&packet.bytes);
    }
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the compiled program");
    let mut pipe = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let words = output.stdout.chunks_exact(4);
    words.map(|word| f64::from(f32::from_le_bytes(word.try_into().unwrap()))).collect()
}

#[test]
fn copies_for_error_correction_hold_no_masked_speech() {
    let folder = tempfile::tempdir().unwrap();
    let (code, program) = (folder.path().join("fec.c"), folder.path().join("fec"));
    fs::write(&code, include_str!("fec.c")).unwrap();
    shell("gcc -O1 -I/usr/include/opus -o $OUT $IN -lopus", &code, &program);
    each(&[opus("copies", "opus", FEC)], |prepared, source, masked, spans, _| {
        let (before, after) = (opus_packets(source), opus_packets(masked));
        let (loud, quiet) = (copies(&program, &before), copies(&program, &after));
        let peak = |samples: &[f64]| samples.iter().fold(0.0_f64, |a, b| a.max(b.abs())) * LSB;
        let first = before[0].0;
        let place = |at: usize| ((at as isize - first) as usize).min(quiet.len());
        let ranges = in_samples(spans, &prepared.facts, 48_000, quiet.len());
        for range in ranges.iter().filter(|range| range.len() > 8 * 960) {
            assert!(peak(&loud[place(range.start)..place(range.end)]) > 500.0, "the attack works");
            // At the first silent packets a decoder without copies goes on with the kept past.
            let inside = &quiet[place(range.start + 3 * 960)..place(range.end)];
            let (mut likeness, was) = (0.0_f64, &prepared.decoded.samples);
            if peak(inside) > 0.0 {
                let same = &was[range.start + 3 * 960..range.end.min(was.len())];
                let product: f64 = inside.iter().zip(same).map(|(a, b)| a * b).sum();
                let energy = |all: &[f64]| all.iter().map(|a| a * a).sum::<f64>();
                likeness = product.abs() / (energy(inside) * energy(same)).sqrt();
            }
            let found = peak(inside);
            assert!(found < 1.0, "{found:.1} LSB, likeness {likeness:.3}, in {range:?}");
        }
    });
}

#[test]
fn sizes_of_masked_opus_packets_do_not_follow_the_sound() {
    let folder = tempfile::tempdir().unwrap();
    let prepared = prepare(&opus("contour", "opus", VOICE), folder.path()).unwrap();
    let spans = [reelgate::mask::parse_span("2s..12s").unwrap()];
    let masked = mask(&prepared.bytes, &prepared.facts, &spans, &mut Random::new(seed())).unwrap();
    let (before, after) = (opus_packets(&prepared.bytes), opus_packets(&masked));
    // Fully inside, and on pages that are.
    let inside: Vec<usize> =
        (0..after.len()).filter(|at| (96_000..574_000).contains(&after[*at].0)).collect();
    let energy: Vec<f64> = inside
        .iter()
        .map(|at| {
            let from = after[*at].0 as usize;
            let sound = &prepared.decoded.samples[from..from + 960];
            (sound.iter().map(|sample| sample * sample).sum::<f64>() + 1e-9).ln()
        })
        .collect();
    let sizes = |packets: &[(isize, ogg::Packet)]| -> Vec<f64> {
        inside.iter().map(|at| packets[*at].1.bytes.len() as f64).collect()
    };
    let pages: Vec<usize> = inside.iter().map(|at| after[*at].1.page).collect();
    let (was, is) = (sizes(&before), sizes(&after));
    let (level, follows) = (within_pages(&is, &energy, &pages), within_pages(&is, &was, &pages));
    let mut distinct: Vec<_> = pages.iter().zip(&is).map(|(p, s)| (*p, *s as usize)).collect();
    distinct.sort_unstable();
    distinct.dedup();
    let count = pages.last().unwrap() - pages[0] + 1;
    say!("sizes: {level:.2} like the loudness, {follows:.2} like before");
    assert!(level.abs() < 0.2, "sizes follow the loudness: {level:.2}");
    assert!(follows.abs() < 0.2, "sizes follow what they were: {follows:.2}");
    assert!(distinct.len() <= 3 * count, "{} sizes on {count} pages", distinct.len());
}

/// Correlation of two rows after each page's mean is taken off.
fn within_pages(left: &[f64], right: &[f64], pages: &[usize]) -> f64 {
    let centred = |row: &[f64]| -> Vec<f64> {
        let mean = |page: usize| {
            let of_page = row.iter().zip(pages).filter(|(_, at)| **at == page).map(|(v, _)| *v);
            let all: Vec<f64> = of_page.collect();
            all.iter().sum::<f64>() / all.len() as f64
        };
        row.iter().zip(pages).map(|(value, page)| value - mean(*page)).collect()
    };
    let (left, right) = (centred(left), centred(right));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale = (dot(&left, &left) * dot(&right, &right)).sqrt();
    if scale == 0.0 { 0.0 } else { dot(&left, &right) / scale }
}
