//! A ZIP file whose length is known before it is written: its entries are stored as they are.

use std::io::{self, BufWriter, Read, Write};

use bytes::Bytes;
use tokio::runtime::Handle;
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use crate::asset::AssetId;
use crate::play::{AssetReader, Playable, Player, Sink};

/// How much is collected before it is sealed, in bytes.
const BLOCK_BYTES: usize = 256 * 1024;

/// One file in it.
#[derive(Clone)]
pub(super) struct Entry {
    /// Its name, unlike any other's.
    pub(super) name: String,
    /// Its bytes.
    pub(super) content: Content,
}

/// What a file in it holds.
#[derive(Clone)]
pub(super) enum Content {
    /// An opened asset.
    Playable(Playable),
    /// An asset of this length that is opened when its turn comes: there may be very many.
    Asset(AssetId, u64),
    /// A text of our own.
    Text(Bytes),
}

impl Content {
    fn bytes(&self) -> u64 {
        match self {
            Self::Playable(playable) => playable.outcome.bytes,
            Self::Asset(_, bytes) => *bytes,
            Self::Text(text) => text.len() as u64,
        }
    }

    fn reader(&self, player: &Player, runtime: &Handle) -> io::Result<Box<dyn Read>> {
        let playable = match self {
            Self::Text(text) => return Ok(Box::new(io::Cursor::new(text.clone()))),
            Self::Playable(playable) => playable.clone(),
            Self::Asset(asset, bytes) => {
                let opened =
                    runtime.block_on(player.open_once(*asset)).map_err(io::Error::other)?;
                if opened.outcome.bytes != *bytes {
                    return Err(io::Error::other("its length changed"));
                }
                opened
            }
        };
        Ok(Box::new(AssetReader::new(playable, runtime.clone())))
    }
}

/// Why a ZIP file is not whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum ZipFileError {
    /// An entry cannot be read.
    #[error("an entry cannot be read")]
    Entry {
        /// Its place.
        index: usize,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It cannot be written.
    #[error("the file cannot be written")]
    Write(#[from] zip::result::ZipError),
    /// It cannot be written.
    #[error("the file cannot be written")]
    Io(#[from] io::Error),
}

/// Its length in bytes.
pub(super) fn length(entries: &[Entry]) -> Result<u64, ZipFileError> {
    let mut count = Count(0);
    let mut zip = ZipWriter::new_stream(&mut count);
    for entry in entries {
        let bytes = entry.content.bytes();
        zip.start_file(entry.name.as_str(), options(bytes))?;
        // Only how many there are matters here.
        let mut blank = io::BufReader::with_capacity(BLOCK_BYTES, io::repeat(0).take(bytes));
        io::copy(&mut blank, &mut zip)?;
    }
    zip.finish()?;
    Ok(count.0)
}

/// Writes it.
pub(super) fn write(
    entries: &[Entry],
    (player, runtime): (&Player, &Handle),
    sink: &mut Sink<'_>,
) -> Result<(), ZipFileError> {
    let out = BufWriter::with_capacity(BLOCK_BYTES, Into(sink));
    let mut zip = ZipWriter::new_stream(out);
    let mut block = vec![0; BLOCK_BYTES];
    for (index, entry) in entries.iter().enumerate() {
        zip.start_file(entry.name.as_str(), options(entry.content.bytes()))?;
        let opened = entry.content.reader(player, runtime);
        let mut reader = opened.map_err(|source| ZipFileError::Entry { index, source })?;
        loop {
            let read = reader.read(&mut block);
            let count = read.map_err(|source| ZipFileError::Entry { index, source })?;
            let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            zip.write_all(bytes)?;
        }
    }
    finish(zip)
}

fn finish(zip: ZipWriter<StreamWriter<BufWriter<Into<'_, '_>>>>) -> Result<(), ZipFileError> {
    zip.finish()?.into_inner().flush()?;
    Ok(())
}

/// Media does not shrink any more.
fn options(bytes: u64) -> SimpleFileOptions {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    options.large_file(bytes >= u64::from(u32::MAX))
}

/// Counts.
struct Count(u64);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gives everything to a sink.
struct Into<'w, 's>(&'w mut Sink<'s>);

impl Write for Into<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (self.0)(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
