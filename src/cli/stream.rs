//! Moves a file through a transformation, while a second thread writes what is done, in blocks that
//! are used again.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context as _, bail};

/// Bytes read at a time: waking the other thread costs as much as copying a tenth of this.
const BLOCK_BYTES: usize = 1024 * 1024;
/// Blocks that are read into begin in the middle of a page. Some processors (AMD Zen 3 and 4) copy
/// several times slower to a place that lies a few bytes further into its page than the source does,
/// and the system's pages begin at 0, large allocations 16 bytes in.
const PAGE_BYTES: usize = 4096;
/// Blocks on their way to the writer.
const BLOCKS: usize = 2;

/// Reads `input` to its end, gives each block to `work`, and writes what `work` appends. The last
/// call has no block.
///
/// # Errors
/// The first failure of reading, `work` or writing.
pub(super) fn through<R, W, F>(input: R, output: W, work: F) -> anyhow::Result<()>
where
    R: Read,
    W: Write + Send,
    F: FnMut(Option<&[u8]>, &mut Vec<u8>) -> anyhow::Result<()>,
{
    std::thread::scope(|scope| {
        let (done, finished) = sync_channel(BLOCKS);
        let (used, reusable) = sync_channel(BLOCKS + 1);
        let writer = scope.spawn(move || write(output, &finished, &used));
        let worked = drive(input, work, &done, &reusable);
        drop(done);
        let written = writer.join().map_err(|_| anyhow::anyhow!("a thread failed"))?;
        // When both failed, a closed channel is only the echo of the writer's failure.
        written.context("the output cannot be written")?;
        worked
    })
}

fn drive<R, F>(
    mut input: R,
    mut work: F,
    done: &SyncSender<Vec<u8>>,
    reusable: &Receiver<Vec<u8>>,
) -> anyhow::Result<()>
where
    R: Read,
    F: FnMut(Option<&[u8]>, &mut Vec<u8>) -> anyhow::Result<()>,
{
    let mut room = vec![0; BLOCK_BYTES.saturating_add(2 * PAGE_BYTES)];
    let page = room.as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
    let (_, block) = room.split_at_mut(page.saturating_add(PAGE_BYTES / 2));
    loop {
        let count = input.read(block).context("the input cannot be read")?;
        let bytes = block.get(..count).filter(|bytes| !bytes.is_empty());
        let mut out = reusable.try_recv().unwrap_or_default();
        out.clear();
        work(bytes, &mut out)?;
        if done.send(out).is_err() {
            bail!("the output was closed");
        }
        if bytes.is_none() {
            return Ok(());
        }
    }
}

fn write(
    mut output: impl Write,
    finished: &Receiver<Vec<u8>>,
    used: &SyncSender<Vec<u8>>,
) -> io::Result<()> {
    while let Ok(block) = finished.recv() {
        output.write_all(&block)?;
        // The other side may be done already; then nobody needs the block.
        let _ = used.try_send(block);
    }
    output.flush()
}
