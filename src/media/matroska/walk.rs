//! Walks a Matroska file from its front: masters are opened, small elements come whole, large ones
//! in portions. Needs neither index nor sizes of `Segment` and `Cluster`.

use super::ebml::{self, Header};
use super::ids;
use crate::media::{Cut, Framer, MediaError};

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parent {
    /// At the top.
    #[default]
    File,
    /// In the segment.
    Segment,
    /// In a cluster.
    Cluster,
}

/// What a piece is of its element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// The header of `Segment` or `Cluster`; the content follows as pieces of its own.
    #[default]
    Open,
    /// All of it.
    Whole,
    /// The header; the content follows in portions.
    Head,
    /// A portion of its content.
    Portion,
}

/// What the last piece was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Where its element stands.
    pub parent: Parent,
    /// Its element.
    pub id: u32,
    /// What it is of its element.
    pub part: Part,
    /// Length of the element's header in bytes.
    pub head: usize,
    /// Length of the element's content in bytes; 0 when it is unknown.
    pub size: u64,
}

/// The framer: its pieces are whole elements (`unit`), headers, and portions.
#[derive(Debug, Clone, Default)]
pub struct Walker {
    started: bool,
    /// Where the segment ends; `None` inside when its size is unknown.
    segment: Option<Option<u64>>,
    segment_done: bool,
    cluster: Option<Option<u64>>,
    /// Bytes that are left of an element that comes in portions.
    passing: u64,
    seen: Seen,
}

impl Walker {
    /// What the last piece was.
    pub const fn seen(&self) -> Seen {
        self.seen
    }

    /// Ends the file at byte `at`.
    ///
    /// # Errors
    /// Malformed when it ends inside an element, or has no segment.
    pub fn finish(&mut self, at: u64) -> Result<(), MediaError> {
        self.close(at);
        let open = |level: Option<Option<u64>>| level.flatten().is_some();
        if self.passing > 0 || open(self.cluster) || open(self.segment) {
            return Err(MediaError::malformed("the file ends inside an element", at));
        }
        if self.segment.is_none() && !self.segment_done {
            return Err(MediaError::malformed("the file has no segment", at));
        }
        Ok(())
    }

    /// Leaves the masters that end at `at`.
    fn close(&mut self, at: u64) {
        if self.cluster == Some(Some(at)) {
            self.cluster = None;
        }
        if self.segment == Some(Some(at)) && self.cluster.flatten().is_none() {
            (self.segment, self.segment_done, self.cluster) = (None, true, None);
        }
    }

    fn parent(&mut self, id: u32) -> Parent {
        // A cluster of unknown size ends with the first element that stands beside clusters.
        if self.cluster == Some(None) && is_top_level(id) {
            self.cluster = None;
        }
        match (self.cluster, self.segment) {
            (Some(_), _) => Parent::Cluster,
            (None, Some(_)) => Parent::Segment,
            (None, None) => Parent::File,
        }
    }

    /// The end of an element at `at`, checked against its parents'.
    fn end(&self, header: Header, at: u64) -> Result<Option<u64>, MediaError> {
        let master = matches!(header.id, ids::SEGMENT | ids::CLUSTER);
        let Some(size) = header.size else {
            let what = "an element of unknown size";
            return if master { Ok(None) } else { Err(MediaError::malformed(what, at)) };
        };
        let outside = || MediaError::malformed("an element that is longer than its parent", at);
        let end = at.checked_add(header.len as u64).and_then(|from| from.checked_add(size));
        let end = end.ok_or_else(outside)?;
        let parents = [self.cluster.flatten(), self.segment.flatten()];
        if parents.into_iter().flatten().any(|limit| end > limit) {
            return Err(outside());
        }
        Ok(Some(end))
    }

    fn check_order(&mut self, id: u32, parent: Parent, at: u64) -> Result<(), MediaError> {
        let wrong = |what: &str| Err(MediaError::malformed(what, at));
        match (parent, id) {
            (Parent::File, ids::EBML) if !self.started => self.started = true,
            (Parent::File, ids::SEGMENT) if self.started && !self.segment_done => {}
            (Parent::File, ebml::VOID) if self.started => {}
            (_, ids::SEGMENT | ids::EBML) => {
                return Err(MediaError::unsupported("a file with several segments"));
            }
            (Parent::File, _) => return wrong("an element outside the segment"),
            (Parent::Cluster, id) if is_top_level(id) => {
                return wrong("a top-level element in a cluster");
            }
            _ => {}
        }
        Ok(())
    }
}

const fn is_top_level(id: u32) -> bool {
    matches!(
        id,
        ids::SEEK_HEAD
            | ids::INFO
            | ids::TRACKS
            | ids::CLUSTER
            | ids::CUES
            | ids::ATTACHMENTS
            | ids::CHAPTERS
            | ids::TAGS
    )
}

/// Whether an element is wanted in one piece.
const fn is_whole(parent: Parent, id: u32) -> bool {
    match parent {
        Parent::File => id == ids::EBML,
        Parent::Segment => matches!(id, ids::SEEK_HEAD | ids::INFO | ids::TRACKS | ids::CUES),
        Parent::Cluster => true,
    }
}

impl Framer for Walker {
    fn cut(&mut self, window: &[u8], at: u64, _last: bool) -> Result<Cut, MediaError> {
        if self.passing > 0 {
            let len = usize::try_from(self.passing).unwrap_or(usize::MAX).min(window.len());
            self.passing -= len as u64;
            self.seen.part = Part::Portion;
            return Ok(Cut::Between(len));
        }
        let Some(header) = ebml::header(window, at)? else {
            return Ok(Cut::More(window.len().saturating_add(1)));
        };
        self.close(at);
        let parent = self.parent(header.id);
        let whole = is_whole(parent, header.id);
        let end = self.end(header, at)?;
        let size = header.size.unwrap_or(0);
        let total = usize::try_from(size).unwrap_or(usize::MAX).saturating_add(header.len);
        if whole && window.len() < total {
            return Ok(Cut::More(total));
        }
        self.check_order(header.id, parent, at)?;
        self.seen = Seen { parent, id: header.id, part: Part::Head, head: header.len, size };
        match header.id {
            ids::SEGMENT => self.segment = Some(end),
            ids::CLUSTER => self.cluster = Some(end),
            _ if whole => {
                self.seen.part = Part::Whole;
                return Ok(Cut::Unit(total));
            }
            _ => {
                self.passing = size;
                return Ok(Cut::Between(header.len));
            }
        }
        self.seen.part = Part::Open;
        Ok(Cut::Between(header.len))
    }
}
