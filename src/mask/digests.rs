//! SHA-256 of a file before and after, as it streams through.

use crate::asset::{Digest, Hasher};

/// Blocks from this size on are hashed on a second thread while they are rewritten.
const SHARED_BYTES: usize = 128 * 1024;

/// Two running digests.
#[derive(Default)]
pub(super) struct Digests {
    source: Hasher,
    /// The result's, from the first difference on; until then both files are the same.
    masked: Option<Hasher>,
    given: u64,
}

impl Digests {
    /// Takes the next block of the source, and what `rewrite` gives out for it.
    pub(super) fn along<'o, E>(
        &mut self,
        input: &[u8],
        rewrite: impl FnOnce() -> Result<&'o [u8], E>,
    ) -> Result<(), E> {
        if input.len() < SHARED_BYTES {
            let given = rewrite()?;
            self.give(given, Some(input));
            self.source.update(input);
            return Ok(());
        }
        let mut source = self.source.clone();
        let rewritten = std::thread::scope(|scope| {
            scope.spawn(|| source.update(input));
            let given = rewrite()?;
            self.give(given, Some(input));
            Ok(())
        });
        self.source = source;
        rewritten
    }

    /// Takes what was given out for `input`; `None` stands for the end of the source.
    fn give(&mut self, given: &[u8], input: Option<&[u8]>) {
        let in_step = self.given == self.source.bytes() && self.masked.is_none();
        if !(in_step && input == Some(given)) {
            self.masked.get_or_insert_with(|| self.source.clone()).update(given);
        }
        self.given = self.given.saturating_add(given.len() as u64);
    }

    /// The digests of source and result, of which `last` was given out after the source's end.
    pub(super) fn finish(mut self, last: &[u8]) -> (Digest, Digest) {
        if !last.is_empty() {
            self.give(last, None);
        }
        let source = self.source.finish();
        (source, self.masked.map_or(source, Hasher::finish))
    }
}
