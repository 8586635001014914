//! What there is to play of a contact or a segment, and what is still on its way.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{PlayError, Recipe};
use crate::asset::{
    AssetId, ContactId, MediaEntry, MediaKind, MediaTime, MediaType, Outcome, RecordingDocument,
    Rules, SegmentId, TenantId, UserId,
};
use crate::catalog::{
    Catalog, MediaRow, MediaState, RecordingRow, RenditionRow, RenditionState, SegmentRow, Tier,
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// All segments of a contact.
    Contact(&'a ContactId),
    /// One segment.
    Segment(&'a SegmentId),
}

/// A recording as players see it: one segment of its contact.
#[derive(Debug, Clone)]
pub struct Take {
    /// Names of contact and segment.
    pub names: SegmentRow,
    /// The recording.
    pub recording: RecordingRow,
    /// Its document.
    pub document: RecordingDocument,
    /// Its media files that may be played, or may yet.
    pub media: Vec<Medium>,
    /// How many of its media files are erased.
    pub erased: usize,
    /// Its renditions.
    pub renditions: Vec<RenditionRow>,
}

/// One media file of a recording.
#[derive(Debug, Clone)]
pub struct Medium {
    /// Its row.
    pub row: MediaRow,
    /// Its entry in the document.
    pub entry: MediaEntry,
    /// What was stored of it; `None` until it is ready.
    pub outcome: Option<Outcome>,
    /// When it begins on the wall clock.
    pub start: Timestamp,
}

/// What is played together: a voice, a screen, or both.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'t> {
    /// The sound.
    pub voice: Option<&'t Medium>,
    /// The picture.
    pub screen: Option<&'t Medium>,
}

/// How far a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All that there will be is there.
    Ready,
    /// Something is on its way.
    InProgress,
    /// It is in the archive.
    Archived,
    /// It is on its way into the archive, and cannot be had just now.
    Held,
    /// Nothing of it can be played.
    NoMedia,
}

/// A rendition that is asked for.
#[derive(Debug)]
pub enum Rendition<'t> {
    /// It is there.
    Ready(&'t RenditionRow, Box<Outcome>),
    /// It is to be made, or being made.
    Wanted,
    /// Nobody asked for it yet.
    Missing,
    /// It cannot be made.
    Failed,
}

/// The file by which something is played.
#[derive(Debug)]
pub enum Offer {
    /// It is there.
    File(AssetId, Box<Outcome>),
    /// It is to be made, or being made.
    Coming,
    /// Nobody asked for it yet.
    Missing,
    /// There is none, and there will be none.
    Nothing,
}

impl Take {
    /// Everything of a contact or segment, in the order of time.
    ///
    /// # Errors
    /// [`PlayError`] when the catalogue fails or holds what cannot be read.
    pub async fn load(
        catalog: &Catalog,
        tenant: &TenantId,
        asked: Asked<'_>,
        zone: Option<&TimeZone>,
    ) -> Result<Vec<Self>, PlayError> {
        let rows = match asked {
            Asked::Contact(id) => catalog.contact_recordings(tenant, id).await?,
            Asked::Segment(id) => catalog.segment_recordings(tenant, id).await?,
        };
        let mut takes = Vec::with_capacity(rows.len());
        for names in rows {
            takes.extend(Self::of(catalog, tenant, names, zone).await?);
        }
        takes.sort_by_key(Self::start);
        Ok(takes)
    }

    /// One recording; nothing when it was taken back meanwhile.
    ///
    /// # Errors
    /// As [`Take::load`].
    pub async fn of(
        catalog: &Catalog,
        tenant: &TenantId,
        names: SegmentRow,
        zone: Option<&TimeZone>,
    ) -> Result<Option<Self>, PlayError> {
        let id = &names.recording;
        let Some(recording) = catalog.recording(tenant, id).await? else { return Ok(None) };
        let text = recording.completed().to_string();
        let document = RecordingDocument::parse(text.as_bytes(), Rules::Ingest).map_err(|_| {
            PlayError::Row { detail: format!("the document of {id} is not readable") }
        })?;
        let (mut media, mut erased) = (Vec::new(), 0_usize);
        for row in catalog.media_of(tenant, id).await? {
            erased = erased.saturating_add(usize::from(row.state == MediaState::Erased));
            let Some((_, entry)) = document.entry(&row.media_id) else { continue };
            let start = entry.start.resolve(zone).unwrap_or(Timestamp::UNIX_EPOCH);
            let ready = row.state == MediaState::Ready;
            let text = row.outcome.as_deref().filter(|_| ready);
            let outcome =
                text.map(serde_json::from_str).transpose().map_err(|_| PlayError::Row {
                    detail: format!("the outcome of {} is not readable", row.asset_id),
                })?;
            media.push(Medium { entry: entry.clone(), row, outcome, start });
        }
        let renditions = catalog.renditions_of(tenant, id).await?;
        // Asked last: a move that began while the rest was read is seen.
        let Some(names) = catalog.recording_names(tenant, id).await? else { return Ok(None) };
        Ok(Some(Self { names, recording, document, media, erased, renditions }))
    }

    /// When its first media file begins.
    pub fn start(&self) -> Timestamp {
        self.media.iter().map(|medium| medium.start).min().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When the last of its media files ends: on the wall clock, or when its sound is over.
    pub fn end(&self) -> Timestamp {
        self.media.iter().map(Medium::end).max().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// How far it is. A media file that was declared and never came does not keep the others.
    pub fn standing(&self) -> Standing {
        match self.names.tier {
            Tier::Archived => return Standing::Archived,
            Tier::Restoring => return Standing::InProgress,
            Tier::Clearing => return Standing::Held,
            Tier::Active | Tier::Archiving | Tier::Returned => {}
        }
        let any = |states: &[MediaState]| self.media.iter().any(|m| states.contains(&m.row.state));
        let moving = [MediaState::Receiving, MediaState::Spooled, MediaState::Committing];
        // Of a recording that came back while its rows were read, the media look archived still.
        let open = any(&[MediaState::Declared, MediaState::Archived]);
        if any(&moving) || (open && !any(&[MediaState::Ready])) {
            Standing::InProgress
        } else if any(&[MediaState::Ready]) {
            Standing::Ready
        } else {
            Standing::NoMedia
        }
    }

    /// Whether this is the agent, or one of the agents, who was recorded.
    pub fn is_of(&self, user: &str) -> bool {
        let own = self.document.conversation.agent.user_id.as_ref().map(UserId::as_str);
        let files = self.document.value.get("mediaFiles").and_then(serde_json::Value::as_array);
        let named = files.into_iter().flatten().filter_map(|file| file.get("parameters"));
        let named = named.flat_map(|parameters| {
            ["username", "agentId"].map(|name| parameters.get(name).and_then(|v| v.as_str()))
        });
        own.into_iter().chain(named.flatten()).any(|name| name == user)
    }

    /// What is played together: each voice with the screen that overlaps it most, and screens
    /// without a voice, in the order of time. Only of what is ready.
    pub fn scenes(&self) -> Vec<Scene<'_>> {
        let ready = || self.media.iter().filter(|medium| medium.outcome.is_some());
        let mut screens: Vec<&Medium> = ready().filter(|medium| medium.is_screen()).collect();
        let mut scenes = Vec::new();
        for voice in ready().filter(|medium| medium.is_voice()) {
            let best = (0..screens.len())
                .max_by_key(|at| screens.get(*at).map(|screen| voice.overlap(screen)));
            let best = best.filter(|at| {
                screens.get(*at).is_some_and(|screen| voice.overlap(screen) > SignedDuration::ZERO)
            });
            let screen = best.map(|at| screens.remove(at));
            scenes.push(Scene { voice: Some(voice), screen });
        }
        scenes
            .extend(screens.into_iter().map(|screen| Scene { voice: None, screen: Some(screen) }));
        scenes.sort_by_key(Scene::start);
        scenes
    }

    /// The renditions that are usually wanted of it.
    pub fn usual_recipes(&self) -> Vec<Recipe> {
        let mut recipes = Vec::new();
        for scene in self.scenes() {
            recipes.extend(scene.without_screen().recipe(None));
            if scene.screen.is_some() {
                recipes.extend(scene.recipe(None));
            }
        }
        recipes
    }

    /// The file by which a scene is played: its rendition, or the asset itself where none can be
    /// made. What the gateway has no key to is none.
    pub fn offer(&self, scene: Scene<'_>, recipe: &Recipe) -> Offer {
        let file = |asset, outcome: Box<Outcome>| {
            if outcome.seal.playback { Offer::File(asset, outcome) } else { Offer::Nothing }
        };
        match self.rendition(recipe) {
            Rendition::Ready(row, outcome) => file(row.asset_id, outcome),
            Rendition::Wanted => Offer::Coming,
            Rendition::Missing => Offer::Missing,
            Rendition::Failed => {
                let leading = scene.leading();
                let stored = leading.and_then(|medium| medium.outcome.clone().zip(Some(medium)));
                // Who asks for a WAVE file gets no other.
                let wave = MediaType::Wav.mime();
                let fits = |(outcome, _): &(Outcome, _)| !recipe.wave || outcome.media_type == wave;
                stored.filter(fits).map_or(Offer::Nothing, |(outcome, medium)| {
                    file(medium.row.asset_id, Box::new(outcome))
                })
            }
        }
    }

    /// Where a rendition stands.
    pub fn rendition(&self, recipe: &Recipe) -> Rendition<'_> {
        let name = recipe.to_string();
        let Some(row) = self.renditions.iter().find(|row| row.recipe == name) else {
            return Rendition::Missing;
        };
        match row.state {
            RenditionState::Wanted => Rendition::Wanted,
            RenditionState::Failed => Rendition::Failed,
            RenditionState::Ready => {
                let outcome =
                    row.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok());
                outcome
                    .map_or(Rendition::Failed, |outcome| Rendition::Ready(row, Box::new(outcome)))
            }
        }
    }
}

impl Medium {
    /// Whether it is the picture of a desktop. A chat or an e-mail may have one beside it.
    pub const fn is_screen(&self) -> bool {
        matches!(self.entry.kind, MediaKind::Screen)
            || (!self.is_voice() && !self.entry.media_type.is_sound())
    }

    /// Whether it is a call's sound.
    pub const fn is_voice(&self) -> bool {
        matches!(self.entry.kind, MediaKind::Voice)
    }

    /// When its last sample was played, as far as is known.
    pub fn end(&self) -> Timestamp {
        let millis = self.outcome.as_ref().map_or(0, |outcome| outcome.duration_ms);
        let millis = i64::try_from(millis).unwrap_or(i64::MAX);
        self.start.checked_add(SignedDuration::from_millis(millis)).unwrap_or(self.start)
    }

    fn overlap(&self, other: &Self) -> SignedDuration {
        self.end().min(other.end()).duration_since(self.start.max(other.start))
    }
}

impl<'t> Scene<'t> {
    /// Its voice alone; the whole scene when it has none.
    #[must_use]
    pub const fn without_screen(self) -> Self {
        match self.voice {
            Some(_) => Self { voice: self.voice, screen: None },
            None => self,
        }
    }

    /// The media file on whose clock it is played: the voice, or the screen without one.
    pub fn leading(&self) -> Option<&'t Medium> {
        self.voice.or(self.screen)
    }

    /// When it begins.
    pub fn start(&self) -> Timestamp {
        let starts = self.voice.iter().chain(&self.screen).map(|medium| medium.start);
        starts.min().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When it is over.
    pub fn end(&self) -> Timestamp {
        let ends = self.voice.iter().chain(&self.screen).map(|medium| medium.end());
        ends.max().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Its rendition, or that of a part of it.
    pub fn recipe(&self, clip: Option<(MediaTime, MediaTime)>) -> Option<Recipe> {
        let asset = |medium: Option<&Medium>| medium.map(|medium| medium.row.asset_id);
        let (voice, screen) = (asset(self.voice), asset(self.screen));
        (voice.is_some() || screen.is_some()).then_some(Recipe { voice, screen, clip, wave: false })
    }
}
