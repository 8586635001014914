//! Writes boxes (ISO 14496-12 section 4.2).
//!
//! By hand, because sample entries of MP4 sources are copied byte by byte, whatever they hold, and
//! because a crate of typed boxes has no `sawb`.

/// Bytes that are put together to a box.
#[derive(Debug, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// 64 bits when `wide`, else 32.
    pub(super) fn number(&mut self, wide: bool, value: u64) -> &mut Self {
        if wide { self.u64(value) } else { self.u32(u32::try_from(value).unwrap_or(u32::MAX)) }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn zeros(&mut self, count: usize) -> &mut Self {
        self.0.resize(self.0.len().saturating_add(count), 0);
        self
    }

    /// A box whose content `fill` writes.
    pub(super) fn part(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) -> &mut Self {
        let start = self.0.len();
        self.u32(0).put(kind);
        fill(self);
        let len = u32::try_from(self.0.len().saturating_sub(start)).unwrap_or(u32::MAX);
        if let Some(field) = self.0.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<4>()) {
            *field = len.to_be_bytes();
        }
        self
    }

    /// A box that begins with version and flags (section 4.2.2).
    pub(super) fn full(
        &mut self,
        kind: &[u8; 4],
        (version, flags): (u8, u32),
        fill: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.part(kind, |out| {
            out.u32(u32::from(version) << 24 | (flags & 0x00FF_FFFF));
            fill(out);
        })
    }
}
