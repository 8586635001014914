//! The framing of an Opus packet (RFC 6716, section 3).

/// A packet taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) config: u8,
    pub(crate) stereo: bool,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) padding: Vec<u8>,
}

/// Samples at 48 kHz of one frame of this configuration.
fn frame_samples(config: u8) -> usize {
    match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config % 4)],
        12..=15 => [480, 960][usize::from(config % 2)],
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    }
}

impl Parts {
    pub(crate) fn of(packet: &[u8]) -> Self {
        let toc = packet[0];
        let (mut frames, mut padding) = (Vec::new(), Vec::new());
        let body = &packet[1..];
        match toc & 3 {
            0 => frames.push(body.to_vec()),
            1 => frames.extend(body.chunks(body.len() / 2).map(<[u8]>::to_vec)),
            2 => {
                let (size, rest) = size(body);
                frames.push(rest[..size].to_vec());
                frames.push(rest[size..].to_vec());
            }
            _ => many(body, &mut frames, &mut padding),
        }
        Self { config: toc >> 3, stereo: toc & 4 != 0, frames, padding }
    }

    pub(crate) fn samples(&self) -> usize {
        frame_samples(self.config) * self.frames.len()
    }

    /// CELT frames that say "silence" and nothing else. An empty or one-byte frame of a pause
    /// (DTX) holds no sound either.
    pub(crate) fn is_silence(&self) -> bool {
        let celt = self.config >= 16;
        let silent = |frame: &Vec<u8>| (celt && frame[..] == [0xFF, 0xFE]) || frame.is_empty();
        self.frames.iter().all(silent) && self.padding.iter().all(|byte| *byte == 0)
    }

    /// The same packet in code 3 with this padding, whose length is below 255.
    pub(crate) fn padded(&self, padding: &[u8]) -> Vec<u8> {
        let mut out = vec![self.config << 3 | u8::from(self.stereo) << 2 | 3];
        out.push(0xC0 | u8::try_from(self.frames.len()).unwrap());
        out.push(u8::try_from(padding.len()).unwrap());
        for frame in self.frames.split_last().unwrap().1 {
            match frame.len() {
                size @ 0..252 => out.push(size as u8),
                size => out.extend([252 + (size % 4) as u8, ((size - 252 - size % 4) / 4) as u8]),
            }
        }
        out.extend(self.frames.iter().flatten());
        out.extend(padding);
        out
    }
}

/// A frame length of one or two bytes, and what follows it.
fn size(bytes: &[u8]) -> (usize, &[u8]) {
    match bytes[0] {
        short @ 0..252 => (usize::from(short), &bytes[1..]),
        long => (usize::from(long) + 4 * usize::from(bytes[1]), &bytes[2..]),
    }
}

/// Code 3: a count, perhaps padding, and frames of one or of many sizes.
fn many(body: &[u8], frames: &mut Vec<Vec<u8>>, padding: &mut Vec<u8>) {
    let (flags, mut rest) = (body[0], &body[1..]);
    let count = usize::from(flags & 63);
    let mut padded = 0;
    if flags & 0x40 != 0 {
        loop {
            let value = usize::from(rest[0]);
            rest = &rest[1..];
            padded += value.min(254);
            if value < 255 {
                break;
            }
        }
    }
    let mut sizes = Vec::new();
    if flags & 0x80 != 0 {
        for _ in 1..count {
            let (size, after) = size(rest);
            sizes.push(size);
            rest = after;
        }
        sizes.push(rest.len() - padded - sizes.iter().sum::<usize>());
    } else {
        assert_eq!((rest.len() - padded) % count, 0, "frames of one size");
        sizes = vec![(rest.len() - padded) / count; count];
    }
    for size in sizes {
        frames.push(rest[..size].to_vec());
        rest = &rest[size..];
    }
    padding.extend_from_slice(rest);
}
