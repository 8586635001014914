//! Output files that appear under their name only when they are whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// A file on its way: written beside its name, renamed by [`NewFile::keep`], removed otherwise.
pub(super) struct NewFile {
    file: File,
    part: PathBuf,
    name: PathBuf,
    kept: bool,
}

impl NewFile {
    /// Begins a file that others cannot read.
    pub(super) fn create(name: &Path) -> anyhow::Result<Self> {
        let file_name = name.file_name().context("the output has no file name")?;
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let part = name.with_file_name(format!(".{}.{unique}.part", file_name.display()));
        let mut options = OpenOptions::new();
        let file = options.write(true).read(true).create_new(true).mode(0o600).open(&part);
        let file = file.with_context(|| format!("{} cannot be written", part.display()))?;
        Ok(Self { file, part, name: name.to_owned(), kept: false })
    }

    /// The file itself: what the system can copy from file to file by itself, it does.
    pub(super) const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the file durable and gives it its name.
    pub(super) fn keep(self) -> anyhow::Result<()> {
        self.file.sync_all()?;
        self.finish()
    }

    /// Gives the file its name, and leaves it to the system when it reaches the disk, as `cp`
    /// does: for what can be made again from its input.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        std::fs::rename(&self.part, &self.name)
            .with_context(|| format!("{} cannot be named", self.name.display()))?;
        self.kept = true;
        Ok(())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.kept {
            // The first error is the one that is reported.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// Opens an input, with its name in the error.
pub(super) fn input(path: &Path) -> anyhow::Result<(File, u64)> {
    let context = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(context)?;
    let facts = file.metadata().with_context(context)?;
    anyhow::ensure!(facts.is_file(), "{} is not a file", path.display());
    Ok((file, facts.len()))
}

/// Reads a small text file, such as a PEM.
pub(super) fn text(path: &Path) -> anyhow::Result<zeroize::Zeroizing<String>> {
    const MAX_TEXT_BYTES: u64 = 16 << 20;
    let (file, bytes) = input(path)?;
    anyhow::ensure!(
        bytes <= MAX_TEXT_BYTES,
        "{} is longer than {MAX_TEXT_BYTES} bytes",
        path.display()
    );
    let text = io::read_to_string(file);
    Ok(zeroize::Zeroizing::new(text.with_context(|| format!("{} cannot be read", path.display()))?))
}
