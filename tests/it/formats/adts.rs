//! ADTS frames, and whether one is silence (ISO 14496-3, tables 1.A.5 and 4.4 to 4.50).

/// The raw data blocks of a file, without their headers.
pub(crate) fn blocks(file: &[u8]) -> Vec<&[u8]> {
    let (mut all, mut at) = (Vec::new(), 0);
    while at + 7 <= file.len() {
        assert_eq!((file[at], file[at + 1] & 0xF6), (0xFF, 0xF0), "sync word at {at}");
        let head = if file[at + 1] & 1 == 1 { 7 } else { 9 };
        let length = usize::from(file[at + 3] & 3) << 11
            | usize::from(file[at + 4]) << 3
            | usize::from(file[at + 5] >> 5);
        all.push(&file[at + head..at + length]);
        at += length;
    }
    all
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> u32 {
        (0..count).fold(0, |value, _| {
            let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u32::from(bit)
        })
    }

    /// ics_info of a long block without a single band: everything but the window shape is zero.
    fn empty_ics_info(&mut self) -> bool {
        let long = self.take(3) == 0;
        self.take(1);
        long && self.take(7) == 0
    }
}

/// Why a block is not silence; `Ok` when it holds no band, no tool, and padding only.
pub(crate) fn silence(block: &[u8]) -> Result<(), &'static str> {
    let mut bits = Bits { bytes: block, at: 0 };
    let element = bits.take(3);
    bits.take(4);
    let silent = match element {
        0 => bits.take(8) == 0 && bits.empty_ics_info() && bits.take(3) == 0,
        // common_window, one ics_info, no MS mask, two channels of gain and three absent tools.
        1 => bits.take(1) == 1 && bits.empty_ics_info() && bits.take(2) == 0 && bits.take(22) == 0,
        _ => return Err("it begins with another element than a channel"),
    };
    if !silent {
        return Err("a channel has bands or tools");
    }
    loop {
        match bits.take(3) {
            6 => {
                let mut count = bits.take(4) as usize;
                if count == 15 {
                    count += bits.take(8) as usize - 1;
                }
                let first = (count > 0).then(|| bits.take(8));
                if first.is_some_and(|first| first >> 4 > 1) {
                    return Err("an extension that is not fill");
                }
                let rest: Vec<u32> = (1..count).map(|_| bits.take(8)).collect();
                if rest.windows(2).any(|pair| pair[0] != pair[1]) {
                    return Err("fill bytes that are not constant");
                }
            }
            7 => break,
            _ => return Err("another element after the channel"),
        }
    }
    let left = block.len() * 8 - bits.at;
    if left >= 8 || bits.take(left) != 0 { Err("bytes after the end") } else { Ok(()) }
}
