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

/// What leaves for a block that was read.
pub(super) enum Leaves {
    /// The block itself.
    Block,
    /// What was appended to the output.
    Made,
}

/// Room to read into.
struct Block {
    room: Vec<u8>,
    from: usize,
}

impl Block {
    fn new() -> Self {
        let room = vec![0; BLOCK_BYTES.saturating_add(2 * PAGE_BYTES)];
        let page = room.as_ptr().align_offset(PAGE_BYTES).min(PAGE_BYTES);
        Self { room, from: page.saturating_add(PAGE_BYTES / 2) }
    }

    fn space(&mut self) -> &mut [u8] {
        let to = self.from.saturating_add(BLOCK_BYTES);
        self.room.get_mut(self.from..to).unwrap_or_default()
    }

    fn bytes(&self, count: usize) -> &[u8] {
        let to = self.from.saturating_add(count);
        self.room.get(self.from..to).unwrap_or_default()
    }
}

/// Something to write.
enum Piece {
    /// The first bytes of a block.
    Block(Block, usize),
    /// All of these.
    Made(Vec<u8>),
}

/// Reads `input` to its end, gives each block to `work`, and writes the block, or what `work`
/// appends. The last call has no block.
///
/// # Errors
/// The first failure of reading, `work` or writing.
pub(super) fn through<R, W, F>(input: R, output: W, work: F) -> anyhow::Result<()>
where
    R: Read,
    W: Write + Send,
    F: FnMut(Option<&[u8]>, &mut Vec<u8>) -> anyhow::Result<Leaves>,
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

/// Blocks and outputs that were written already.
#[derive(Default)]
struct Spare {
    blocks: Vec<Block>,
    made: Vec<Vec<u8>>,
}

impl Spare {
    fn take_back(&mut self, reusable: &Receiver<Piece>) {
        for piece in reusable.try_iter() {
            match piece {
                Piece::Block(block, _) => self.blocks.push(block),
                Piece::Made(made) => self.made.push(made),
            }
        }
    }
}

fn drive<R, F>(
    mut input: R,
    mut work: F,
    done: &SyncSender<Piece>,
    reusable: &Receiver<Piece>,
) -> anyhow::Result<()>
where
    R: Read,
    F: FnMut(Option<&[u8]>, &mut Vec<u8>) -> anyhow::Result<Leaves>,
{
    let mut spare = Spare::default();
    loop {
        spare.take_back(reusable);
        let mut block = spare.blocks.pop().unwrap_or_else(Block::new);
        let count = input.read(block.space()).context("the input cannot be read")?;
        let bytes = Some(block.bytes(count)).filter(|bytes| !bytes.is_empty());
        let mut made = spare.made.pop().unwrap_or_default();
        made.clear();
        let piece = match work(bytes, &mut made)? {
            Leaves::Block => {
                spare.made.push(made);
                Piece::Block(block, count)
            }
            Leaves::Made => {
                spare.blocks.push(block);
                Piece::Made(made)
            }
        };
        if done.send(piece).is_err() {
            bail!("the output was closed");
        }
        if count == 0 {
            return Ok(());
        }
    }
}

fn write(
    mut output: impl Write,
    finished: &Receiver<Piece>,
    used: &SyncSender<Piece>,
) -> io::Result<()> {
    while let Ok(piece) = finished.recv() {
        match &piece {
            Piece::Block(block, count) => output.write_all(block.bytes(*count))?,
            Piece::Made(made) => output.write_all(made)?,
        }
        // The other side may be done already; then nobody needs the block.
        let _ = used.try_send(piece);
    }
    output.flush()
}
