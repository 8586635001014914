//! The files of a ZIP file: for each contact or segment what a player would play of it.

use std::collections::HashSet;

use super::request::{MediaRequest, Part, PartStatus};
use super::worker::{Binder, BinderError};
use super::zip_file::{Content, Entry};
use crate::asset::{AssetId, ContactId, Outcome, RecordingId, SegmentId};
use crate::catalog::{BundleKind, BundleRow};
use crate::play::{Asked, Offer, PlayError, Standing, Take};

/// Longest ZIP file in bytes.
const MAX_ZIP_BYTES: u64 = 64 << 30;

/// Why an archived recording is not in a file.
const ARCHIVED: &str = "ARCHIVED: it is in the archive; retrieve it first";

/// What there is to put into a file.
pub(super) struct Gathered {
    /// The files.
    pub(super) entries: Vec<Entry>,
    /// For each of them, the part it belongs to.
    pub(super) owners: Vec<usize>,
    /// What becomes of each entity.
    pub(super) parts: Vec<Part>,
    /// The recordings in it, each with how many of its media files are erased.
    pub(super) sources: Vec<(RecordingId, usize)>,
    /// Whether something is on its way that is worth waiting for.
    pub(super) waits: bool,
}

/// What there is of one entity.
enum Found {
    Files(Vec<((RecordingId, usize), AssetId, Box<Outcome>)>),
    Waits,
    Nothing(&'static str),
}

impl Gathered {
    /// Takes an entity out of the file.
    pub(super) fn drop_part(&mut self, part: usize, reason: &str) {
        let mut owners = self.owners.iter();
        self.entries.retain(|_| owners.next() != Some(&part));
        self.owners.retain(|owner| *owner != part);
        if let Some(part) = self.parts.get_mut(part) {
            (part.status, part.failure_reason) = (PartStatus::Failed, Some(reason.to_owned()));
        }
    }
}

impl Binder {
    /// Finds what was asked for. What is missing and can be made is asked for.
    pub(super) async fn gather(&self, row: &BundleRow) -> Result<Gathered, BinderError> {
        let request: MediaRequest = serde_json::from_str(&row.request)
            .map_err(|_| BinderError::Never("the request is not readable".to_owned()))?;
        let mut gathered = Gathered {
            entries: Vec::new(),
            owners: Vec::new(),
            parts: Vec::with_capacity(request.entity_ids.len()),
            sources: Vec::new(),
            waits: false,
        };
        let (mut names, mut bytes) = (HashSet::new(), 0_u64);
        for (index, id) in request.entity_ids.iter().enumerate() {
            let mut part =
                Part { entity_id: id.clone(), status: PartStatus::Pending, failure_reason: None };
            match self.find(row, id, request.any).await? {
                Found::Waits => gathered.waits = true,
                Found::Nothing(why) => {
                    (part.status, part.failure_reason) = (PartStatus::Failed, Some(why.to_owned()));
                }
                Found::Files(files) => {
                    part.status = PartStatus::Completed;
                    for (recording, asset, outcome) in files {
                        bytes = bytes.saturating_add(outcome.bytes);
                        let playable = self.player.open(asset).await?;
                        let name = distinct(&mut names, &outcome.file_name);
                        gathered.entries.push(Entry { name, content: Content::Playable(playable) });
                        gathered.owners.push(index);
                        gathered.sources.push(recording);
                    }
                }
            }
            gathered.parts.push(part);
        }
        if bytes > MAX_ZIP_BYTES {
            let why = format!("it would have {bytes} bytes; the limit is {MAX_ZIP_BYTES}");
            return Err(BinderError::Never(why));
        }
        Ok(gathered)
    }

    async fn find(&self, row: &BundleRow, id: &str, any: bool) -> Result<Found, BinderError> {
        let unreadable = |_| BinderError::Never("the request holds an id that is none".to_owned());
        let (catalog, zone) = (&self.player.catalog, self.zone.as_ref());
        let mut takes = if row.kind == BundleKind::Contacts {
            let id = ContactId::parse(id).map_err(unreadable)?;
            Take::load(catalog, &row.tenant, Asked::Contact(&id), zone).await?
        } else {
            let id = SegmentId::parse(id).map_err(unreadable)?;
            Take::load(catalog, &row.tenant, Asked::Segment(&id), zone).await?
        };
        if takes.is_empty() {
            return Ok(Found::Nothing("NOT_FOUND: there is no such recording"));
        }
        takes.retain(|take| any || take.is_of(&row.requested_by));
        if takes.is_empty() {
            return Ok(Found::Nothing("FORBIDDEN: the permission play.any is needed"));
        }
        let mut files = Vec::new();
        for take in &takes {
            match take.standing() {
                Standing::InProgress | Standing::Held => return Ok(Found::Waits),
                Standing::Archived => return Ok(Found::Nothing(ARCHIVED)),
                Standing::Ready | Standing::NoMedia => {}
            }
            for scene in take.scenes() {
                let Some(recipe) = scene.recipe(None) else { continue };
                match take.offer(scene, &recipe) {
                    Offer::File(asset, outcome) => {
                        files.push(((take.recording.id.clone(), take.erased), asset, outcome));
                    }
                    Offer::Nothing => {}
                    Offer::Coming => return Ok(Found::Waits),
                    Offer::Missing => {
                        let (tenant, id) = (&take.recording.tenant, &take.recording.id);
                        let now = self.clock.now();
                        catalog.want_renditions(tenant, id, &[recipe.to_string()], now).await?;
                        self.rendition_bell.notify_one();
                        return Ok(Found::Waits);
                    }
                }
            }
        }
        Ok(if files.is_empty() {
            Found::Nothing("NO_MEDIA: nothing of it can be played")
        } else {
            Found::Files(files)
        })
    }
}

/// The name, or one like it that no entry has yet. Names that differ in case only are one name to some
/// file systems.
pub(super) fn distinct(taken: &mut HashSet<String>, name: &str) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, "bin"));
    let numbered = (2_u32..).map(|number| format!("{stem} ({number}).{extension}"));
    let free = std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|name| taken.insert(name.to_lowercase()));
    free.unwrap_or_else(|| name.to_owned())
}

impl From<PlayError> for BinderError {
    fn from(error: PlayError) -> Self {
        Self::Play(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_a_file_differ() {
        let mut taken = HashSet::new();
        let mut name = |name| distinct(&mut taken, name);
        assert_eq!(name("a.mp4"), "a.mp4");
        assert_eq!(name("A.mp4"), "A (2).mp4");
        assert_eq!(name("a.mp4"), "a (3).mp4");
        assert_eq!(name("b"), "b");
        assert_eq!(name("b"), "b (2).bin");
    }
}
