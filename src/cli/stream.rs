//! Moves a file through its masker: what no mask touches from file to file, the rest in blocks.

use std::io::{self, Read, Write};

use anyhow::Context as _;
use indicatif::ProgressBar;

use crate::mask::{Certificate, Masker};

/// Bytes masked at a time. Blocks and untouched stretches end at its multiples, because the system
/// copies whole pages faster.
const BLOCK_BYTES: usize = 64 * 1024;
/// Untouched bytes moved before the progress bar is told. [`io::copy`] leaves the copying between
/// two files to the system.
const STRETCH_BYTES: u64 = 64 * 1024 * 1024;

/// Reads `input` to its end, and writes it masked.
///
/// # Errors
/// The first failure of reading, masking or writing; what was written is then to be thrown away.
pub(super) fn through<R: Read, W: Write>(
    mut input: R,
    output: &mut W,
    mut masker: Masker,
    progress: &ProgressBar,
) -> anyhow::Result<Certificate> {
    let (mut block, mut made) = (vec![0; BLOCK_BYTES], Vec::new());
    let mut position = 0_u64;
    loop {
        let behind = position % BLOCK_BYTES as u64;
        let untouched = masker.untouched().min(STRETCH_BYTES);
        let stretch = whole_blocks(behind.saturating_add(untouched)).saturating_sub(behind);
        let mut moved = 0;
        if stretch > 0 {
            moved = io::copy(&mut input.by_ref().take(stretch), output)
                .context("the input cannot be read, or the output not written")?;
            masker.pass(moved)?;
        }
        if moved == 0 {
            let room = usize::try_from(behind).ok().and_then(|behind| block.get_mut(behind..));
            let room = room.unwrap_or_default();
            let count = input.read(room).context("the input cannot be read")?;
            let Some(bytes) = room.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            made.clear();
            masker.push(bytes, &mut made)?;
            output.write_all(&made).context("the output cannot be written")?;
            moved = count as u64;
        }
        position = position.saturating_add(moved);
        progress.inc(moved);
    }
    made.clear();
    let certificate = masker.finish(&mut made)?;
    output
        .write_all(&made)
        .and_then(|()| output.flush())
        .context("the output cannot be written")?;
    Ok(certificate)
}

const fn whole_blocks(bytes: u64) -> u64 {
    bytes - bytes % BLOCK_BYTES as u64
}
