//! Small files with sound, pictures and text.

/// One sample of a fixture.
#[derive(Clone)]
pub(super) struct One {
    pub(super) bytes: Vec<u8>,
    pub(super) shift: i32,
    pub(super) sync: bool,
}

/// One track of a fixture.
#[derive(Clone)]
pub(super) struct Trak {
    pub(super) handler: &'static [u8; 4],
    pub(super) timescale: u32,
    pub(super) duration: u32,
    pub(super) entry: Vec<u8>,
    pub(super) edits: Vec<(u32, i32)>,
    pub(super) per_chunk: usize,
    pub(super) samples: Vec<One>,
}

pub(super) fn boxed(kind: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len() + 8).unwrap().to_be_bytes();
    [&size, kind.as_slice(), payload].concat()
}

pub(super) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Bytes that differ from sample to sample, and are neither 0 nor any silence.
fn noise(seed: usize, len: usize) -> Vec<u8> {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        0x11 + ((state >> 33) % 0x40) as u8
    };
    (0..len).map(|_| byte()).collect()
}

fn sound_entry(kind: &[u8; 4], child: &[u8]) -> Vec<u8> {
    let mut fields = vec![0; 28];
    fields[7] = 1;
    fields[17] = 1;
    fields[19] = 16;
    boxed(kind, &[fields, child.to_vec()].concat())
}

/// Opus packets of 20 ms and changing size, 312 samples skipped; two seconds.
pub(super) fn opus() -> Trak {
    let dops = boxed(b"dOps", &[0, 1, 1, 56, 0, 0, 187, 128, 0, 0, 0]);
    let packet = |at: usize| [vec![0xF8], noise(at, 20 + at * 13 % 50)].concat();
    let samples = (0..100).map(|at| One { bytes: packet(at), shift: 0, sync: true }).collect();
    Trak {
        handler: b"soun",
        timescale: 48_000,
        duration: 960,
        entry: sound_entry(b"Opus", &dops),
        edits: vec![(2000, 312)],
        per_chunk: 10,
        samples,
    }
}

/// A-law, one sample of the index for each byte; two seconds.
pub(super) fn alaw() -> Trak {
    let samples = (0..16_000).map(|at| One { bytes: noise(3000 + at, 1), shift: 0, sync: true });
    Trak {
        handler: b"soun",
        timescale: 8000,
        duration: 1,
        entry: sound_entry(b"alaw", &[]),
        edits: Vec::new(),
        per_chunk: 1000,
        samples: samples.collect(),
    }
}

/// 50 pictures in two seconds, coded in the order I P B B P B B. From the second on, sync samples
/// stand in for every fourth P: the two B that follow them play before them.
pub(super) fn pictures() -> Trak {
    video(|at| match at {
        0 | 49 => (40, true),
        _ if at % 3 == 1 => (120, at > 1 && at % 12 == 1),
        _ => (0, false),
    })
}

/// The same with groups of twelve that stand for themselves.
pub(super) fn closed_pictures() -> Trak {
    video(|at| match at % 12 {
        0 => (40, true),
        10 => (80, false),
        place if place % 3 == 1 => (120, false),
        _ => (0, false),
    })
}

/// The pictures in H.265; random access begins at CRA pictures.
pub(super) fn hevc() -> Trak {
    let mut config = [0; 23];
    config[21] = 3;
    let mut track = pictures();
    track.entry = boxed(b"hvc1", &[vec![0; 78], boxed(b"hvcC", &config)].concat());
    for one in &mut track.samples {
        one.bytes[4] = if one.sync { 0x2A } else { 0x02 };
    }
    track
}

/// VP9 in groups of twelve; those in `hiding` hold a second frame that is not shown.
pub(super) fn vp9(hiding: &[usize]) -> Trak {
    let mut track = closed_pictures();
    for (at, one) in track.samples.iter_mut().enumerate() {
        let shown = [vec![if one.sync { 0x82 } else { 0x86 }], noise(4000 + at, 99)].concat();
        let hidden = [vec![0x84], noise(5000 + at, 89)].concat();
        one.shift = 0;
        one.bytes = match hiding.contains(&at) {
            true => [&hidden[..], &shown, &[0xC1, 90, 100, 0xC1]].concat(),
            false => shown,
        };
    }
    Trak { entry: boxed(b"vp09", &[0; 78]), edits: Vec::new(), ..track }
}

fn video(shape: impl Fn(usize) -> (i32, bool)) -> Trak {
    let picture = |at: usize| {
        let (shift, sync) = shape(at);
        // One NAL unit: an IDR picture, or another.
        let len = 300 + at * 7 % 40;
        let head =
            [0, 0, u8::try_from(len >> 8).unwrap(), len as u8, if sync { 0x65 } else { 0x41 }];
        let bytes = [&head, noise(1000 + at, len - 1).as_slice()].concat();
        One { bytes, shift, sync }
    };
    Trak {
        handler: b"vide",
        timescale: 1000,
        duration: 40,
        entry: boxed(
            b"avc1",
            &[vec![0; 78], boxed(b"avcC", &[1, 66, 0, 10, 255, 224, 0])].concat(),
        ),
        edits: vec![(2000, 40)],
        per_chunk: 5,
        samples: (0..50).map(picture).collect(),
    }
}

/// A subtitle every 480 ms.
pub(super) fn text() -> Trak {
    let sample = |at: usize| [vec![0, 12], noise(2000 + at, 12), boxed(b"styl", &[0, 0])].concat();
    let samples = (0..4).map(|at| One { bytes: sample(at), shift: 0, sync: true }).collect();
    Trak {
        handler: b"text",
        timescale: 1000,
        duration: 480,
        entry: boxed(b"tx3g", &[0; 38]),
        edits: Vec::new(),
        per_chunk: 1,
        samples,
    }
}

fn full(kind: &[u8; 4], fields: &[u32]) -> Vec<u8> {
    boxed(kind, &words(&[&[0], fields].concat()))
}

fn trak(id: u32, track: &Trak, samples: &[One], chunks: &[u32]) -> Vec<u8> {
    let count = u32::try_from(samples.len()).unwrap();
    let sizes: Vec<u32> = samples.iter().map(|one| one.bytes.len() as u32).collect();
    let same = sizes.first().filter(|first| sizes.iter().all(|size| size == *first));
    let stsz = match same {
        Some(size) => full(b"stsz", &[*size, count]),
        None => full(b"stsz", &[&[0, count], sizes.as_slice()].concat()),
    };
    let per = track.per_chunk as u32;
    let mut stsc = vec![1, per, 1];
    if count % per != 0 && count > per {
        stsc.extend([count / per + 1, count % per, 1]);
    }
    if chunks.is_empty() {
        stsc.clear();
    }
    let runs = |count: u32, value: u32| if count > 0 { vec![1, count, value] } else { vec![0] };
    let mut stbl = [
        boxed(b"stsd", &[words(&[0, 1]), track.entry.clone()].concat()),
        full(b"stts", &runs(count, track.duration)),
        full(b"stsc", &[&[stsc.len() as u32 / 3], stsc.as_slice()].concat()),
        stsz,
        full(b"stco", &[&[chunks.len() as u32], chunks].concat()),
    ]
    .concat();
    if track.handler == b"vide" && count > 0 {
        let shifts = samples.iter().flat_map(|one| [1, one.shift.cast_unsigned()]);
        stbl.extend(full(b"ctts", &[vec![count], shifts.collect()].concat()));
        let sync = samples.iter().zip(1..).filter(|(one, _)| one.sync).map(|(_, at)| at);
        let sync: Vec<u32> = sync.collect();
        stbl.extend(full(b"stss", &[&[sync.len() as u32], sync.as_slice()].concat()));
        let flags: Vec<u8> = samples.iter().map(|one| if one.sync { 0x20 } else { 0x10 }).collect();
        stbl.extend(boxed(b"sdtp", &[vec![0; 4], flags].concat()));
        stbl.extend(full(b"sbgp", &[u32::from_be_bytes(*b"rap "), 2, 20, 0, count - 20, 1]));
    }
    let mut elst = vec![track.edits.len() as u32];
    for (duration, media) in &track.edits {
        elst.extend([*duration, media.cast_unsigned(), 0x0001_0000]);
    }
    let hdlr = [words(&[0, 0]), track.handler.to_vec(), vec![0; 13]].concat();
    let dref = full(b"dref", &[&[1][..], &[12, u32::from_be_bytes(*b"url "), 1]].concat());
    let minf = [boxed(b"dinf", &dref), boxed(b"stbl", &stbl)].concat();
    let mdia = [
        full(b"mdhd", &[0, 0, track.timescale, count * track.duration, 0]),
        boxed(b"hdlr", &hdlr),
        boxed(b"minf", &minf),
    ];
    let tkhd = full(b"tkhd", &[&[0, 0, id, 0, 2000][..], &[0; 15]].concat());
    let edts = boxed(b"edts", &full(b"elst", &elst));
    let edts = if track.edits.is_empty() { Vec::new() } else { edts };
    boxed(b"trak", &[tkhd, edts, boxed(b"mdia", &mdia.concat())].concat())
}

fn moov(traks: &[Vec<u8>], more: &[u8]) -> Vec<u8> {
    let mvhd = full(b"mvhd", &[&[0, 0, 1000, 2000][..], &[0; 20]].concat());
    boxed(b"moov", &[mvhd, traks.concat(), more.to_vec()].concat())
}

/// A progressive file, `moov` before or after the media data.
pub(super) fn progressive(tracks: &[Trak], moov_first: bool) -> Vec<u8> {
    let ftyp = boxed(b"ftyp", b"isom\0\0\0\0");
    let build = |base: usize| {
        let mut data = Vec::new();
        let mut chunks = vec![Vec::new(); tracks.len()];
        for turn in 0.. {
            let before = data.len();
            for (track, offsets) in tracks.iter().zip(&mut chunks) {
                if let Some(chunk) = track.samples.chunks(track.per_chunk).nth(turn) {
                    offsets.push((base + data.len()) as u32);
                    chunk.iter().for_each(|one| data.extend(&one.bytes));
                }
            }
            if data.len() == before {
                break;
            }
        }
        let traks = tracks.iter().zip(&chunks).zip(1..);
        let traks: Vec<_> =
            traks.map(|((track, chunks), id)| trak(id, track, &track.samples, chunks)).collect();
        (moov(&traks, &[]), boxed(b"mdat", &data))
    };
    let len = build(0).0.len();
    if moov_first {
        let (moov, mdat) = build(ftyp.len() + len + 8);
        [ftyp, moov, mdat].concat()
    } else {
        let (moov, mdat) = build(ftyp.len() + 8);
        [ftyp, mdat, moov].concat()
    }
}

/// A fragmented file: fragments of 12 pictures' time.
pub(super) fn fragmented(tracks: &[Trak]) -> Vec<u8> {
    let traks: Vec<_> =
        tracks.iter().zip(1..).map(|(track, id)| trak(id, track, &[], &[])).collect();
    let trex = |id: u32| full(b"trex", &[id, 1, 0, 0, 0]);
    let mvex = boxed(b"mvex", &(1..=tracks.len() as u32).map(trex).collect::<Vec<_>>().concat());
    let mut file = [boxed(b"ftyp", b"iso5\0\0\0\0"), moov(&traks, &mvex)].concat();
    for turn in 0..5 {
        let parts: Vec<(u32, &Trak, usize, &[One])> = tracks
            .iter()
            .zip(1..)
            .filter_map(|(track, id)| {
                let per = (480 * track.timescale / 1000 / track.duration) as usize;
                let first = turn * per;
                let last = (first + per).min(track.samples.len());
                Some((id, track, first, track.samples.get(first..last)?))
            })
            .collect();
        let build = |base: usize| {
            let mut data = Vec::new();
            let mut trafs = Vec::new();
            for (id, track, first, samples) in &parts {
                trafs.push(traf(*id, track, *first, samples, base + data.len()));
                samples.iter().for_each(|one| data.extend(&one.bytes));
            }
            let mfhd = full(b"mfhd", &[turn as u32 + 1]);
            (boxed(b"moof", &[mfhd, trafs.concat()].concat()), data)
        };
        let len = build(0).0.len();
        let (moof, data) = build(len + 8);
        file.extend([moof, boxed(b"mdat", &data)].concat());
    }
    file.extend(boxed(b"mfra", &full(b"mfro", &[24])));
    file
}

fn traf(id: u32, track: &Trak, first: usize, samples: &[One], offset: usize) -> Vec<u8> {
    let flags = 0x0101_0000;
    let tfhd = boxed(b"tfhd", &words(&[0x02_0028, id, track.duration, flags]));
    let tfdt = full(b"tfdt", &[first as u32 * track.duration]);
    let video = track.handler == b"vide";
    // Sound tells all of each sample from the second fragment on.
    let each = !video && first > 0;
    let head = if video { 0xA05 } else { 0x201 | (u32::from(each) * 0x500) };
    let mut fields = vec![head, samples.len() as u32, offset as u32];
    if video {
        let sync = samples.first().is_some_and(|one| one.sync);
        fields.push(if sync { 0x0200_0000 } else { flags });
    }
    for one in samples {
        fields.extend(each.then_some(track.duration));
        fields.push(one.bytes.len() as u32);
        fields.extend(each.then_some(flags));
        if video {
            fields.push(one.shift.cast_unsigned());
        }
    }
    boxed(b"traf", &[tfhd, tfdt, boxed(b"trun", &words(&fields))].concat())
}
