//! Silence in some channels of PCM and G.711 only.

use crate::mask::certificate::Scope;
use crate::mask::patch::{Edit, Patcher};
use crate::mask::silence::Rewrite;
use crate::mask::{MaskError, MaskPlan, QuarantineReason, Recheck};
use crate::media::{Measured, WavLayout};

/// Which bytes of every frame belong to the channels that fall silent.
pub(super) struct Lanes {
    data_offset: u64,
    /// A flag for every byte of a frame. Invariant: not empty.
    silent: Vec<bool>,
}

impl Lanes {
    /// `None` when the plan silences all channels.
    ///
    /// # Errors
    /// Quarantine when channels cannot be told apart, or there is none of that number.
    pub(super) fn of(layout: &WavLayout, plan: &MaskPlan) -> Result<Option<Self>, MaskError> {
        let Some(chosen) = &plan.channels else { return Ok(None) };
        let reason = QuarantineReason::MaskChannelUnsupported;
        let Some(sample_bytes) = layout.encoding.sample_bytes() else {
            let codec = layout.encoding.name(layout.byte_order);
            return Err(MaskError::quarantine(reason, format!("codec {codec}")));
        };
        let highest = chosen.iter().max().copied().unwrap_or(u16::MAX);
        if highest >= layout.channels {
            let detail = format!("channels {chosen:?} of {}, counted from 0", layout.channels);
            return Err(MaskError::quarantine(reason, detail));
        }
        let flags = |channel| vec![chosen.contains(&channel); sample_bytes.into()];
        let silent = (0..layout.channels).flat_map(flags).collect();
        Ok(Some(Self { data_offset: layout.data_offset, silent }))
    }

    /// Whether the byte at a position inside `data` falls silent.
    fn cover(&self, position: u64) -> bool {
        let inside = position.saturating_sub(self.data_offset);
        let byte = inside.checked_rem(self.silent.len() as u64).and_then(|at| at.try_into().ok());
        byte.and_then(|byte: usize| self.silent.get(byte)).is_none_or(|silent| *silent)
    }
}

/// Applies some edits wholly, others only to the chosen channels.
pub(super) struct ChannelPatcher {
    around: Patcher,
    silent: Vec<Edit>,
    lanes: Lanes,
    position: u64,
}

impl ChannelPatcher {
    pub(super) fn new(scope: Scope, edits: Vec<Edit>, silent: Vec<Edit>, lanes: Lanes) -> Self {
        Self { around: Patcher::new(scope, edits), silent, lanes, position: 0 }
    }
}

impl Rewrite for ChannelPatcher {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let (position, written) = (self.position, out.len());
        self.position = position.saturating_add(input.len() as u64);
        self.around.push(input, out)?;
        let chunk = out.get_mut(written..).unwrap_or_default();
        for edit in &self.silent {
            let Some(range) = edit.within(position, chunk.len()) else { continue };
            let start = position.saturating_add(range.start as u64);
            for (byte, at) in chunk.get_mut(range).unwrap_or_default().iter_mut().zip(start..) {
                if self.lanes.cover(at) {
                    *byte = edit.byte_at(at);
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.around.finish(out)
    }
}

/// The check: whose channel each byte is follows from its number in the frame.
pub(super) struct ChannelCheck {
    cleared: Vec<Edit>,
    silent: Vec<Edit>,
    layout: WavLayout,
    chosen: Vec<u16>,
    position: u64,
    /// The first silent range that does not lie wholly behind the position.
    next: usize,
}

impl ChannelCheck {
    pub(super) fn new(
        cleared: Vec<Edit>,
        silent: Vec<Edit>,
        layout: &WavLayout,
        plan: &MaskPlan,
    ) -> Self {
        let chosen = plan.channels.clone().unwrap_or_default();
        let mut silent = silent;
        silent.sort_by_key(|edit| edit.from);
        Self { cleared, silent, layout: layout.clone(), chosen, position: 0, next: 0 }
    }

    /// What must stand at a position; `None` for what the source has there. Positions never go back.
    fn expected(&mut self, at: u64) -> Option<u8> {
        let inside = |edit: &&Edit| (edit.from..edit.to).contains(&at);
        if let Some(edit) = self.cleared.iter().find(inside) {
            return Some(edit.byte_at(at));
        }
        let sample_bytes = self.layout.encoding.sample_bytes().unwrap_or(1);
        let byte = at.checked_sub(self.layout.data_offset)? % u64::from(self.layout.block_align);
        let channel = u16::try_from(byte / u64::from(sample_bytes)).ok()?;
        while self.silent.get(self.next).is_some_and(|edit| edit.to <= at) {
            self.next += 1;
        }
        let edit = self.silent.get(self.next).filter(inside)?;
        self.chosen.contains(&channel).then(|| edit.byte_at(at))
    }
}

impl Recheck for ChannelCheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let start = self.position;
        self.position = start.saturating_add(source.len() as u64);
        let (expected, found) = (self.layout.total_len, self.position);
        if source.len() != masked.len() || found > expected {
            return Err(MaskError::Length { expected, found });
        }
        let wrong = source.iter().zip(masked).zip(start..).find(|((source, masked), at)| {
            let expected = self.expected(*at);
            expected.unwrap_or(**source) != **masked
        });
        wrong.map_or(Ok(()), |(_, offset)| Err(MaskError::Recheck { offset }))
    }

    fn finish(self: Box<Self>) -> Result<(), MaskError> {
        let (expected, found) = (self.layout.total_len, self.position);
        if found != expected && expected != Measured::OPEN_END {
            return Err(MaskError::Length { expected, found });
        }
        Ok(())
    }
}
