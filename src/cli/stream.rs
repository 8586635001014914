//! Moves a file through a transformation: reading, the work and writing each in a thread of its
//! own, in blocks that are used again.

use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::{Context as _, bail};

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1024 * 1024;
/// Blocks on their way between two threads.
const BLOCKS: usize = 2;

/// Reads `input` to its end, gives each block to `work`, and writes what `work` appends.
///
/// # Errors
/// The first failure of reading, `work` or writing.
pub(super) fn through<R, W, F>(input: R, output: W, work: F) -> anyhow::Result<()>
where
    R: Read + Send,
    W: Write + Send,
    F: FnMut(Option<&[u8]>, &mut Vec<u8>) -> anyhow::Result<()>,
{
    std::thread::scope(|scope| {
        let (full, filled) = sync_channel(BLOCKS);
        let (empty, emptied) = sync_channel(BLOCKS + 1);
        let reader = scope.spawn(move || read(input, &full, &emptied));
        let (done, finished) = sync_channel(BLOCKS);
        let (used, reusable) = sync_channel(BLOCKS + 1);
        let writer = scope.spawn(move || write(output, &finished, &used));
        let worked = drive(work, (&filled, &empty), (&done, &reusable));
        drop((filled, empty, done, reusable));
        let failed = || anyhow::anyhow!("a thread failed");
        let (read, written) =
            (reader.join().map_err(|_| failed())?, writer.join().map_err(|_| failed())?);
        written.context("the output cannot be written")?;
        read.context("the input cannot be read")?;
        worked
    })
}

/// The thread that works: takes blocks from one side and gives them to the other.
fn drive<F>(
    mut work: F,
    (filled, empty): (&Receiver<Vec<u8>>, &SyncSender<Vec<u8>>),
    (done, reusable): (&SyncSender<Vec<u8>>, &Receiver<Vec<u8>>),
) -> anyhow::Result<()>
where
    F: FnMut(Option<&[u8]>, &mut Vec<u8>) -> anyhow::Result<()>,
{
    loop {
        let block = filled.recv().ok();
        let mut out = reusable.try_recv().unwrap_or_default();
        out.clear();
        work(block.as_deref(), &mut out)?;
        if done.send(out).is_err() {
            // The writer's own error says more.
            bail!("the output was closed");
        }
        let Some(block) = block else { return Ok(()) };
        // The reader may be done already; then nobody needs the block.
        let _ = empty.try_send(block);
    }
}

fn read(
    mut input: impl Read,
    full: &SyncSender<Vec<u8>>,
    emptied: &Receiver<Vec<u8>>,
) -> io::Result<()> {
    loop {
        let mut block = emptied.try_recv().unwrap_or_default();
        block.clear();
        let count = (&mut input).take(BLOCK_BYTES as u64).read_to_end(&mut block)?;
        if count == 0 || full.send(block).is_err() {
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
        // As above.
        let _ = used.try_send(block);
    }
    output.flush()
}
