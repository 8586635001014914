//! Makes renditions: takes what is wanted, reads its sources from the store, seals the result like
//! them, and stores it beside them. No clear byte is ever on a disk.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::reader::AssetReader;
use super::rendition::{Plan, RenditionError, SourceFile, Sources, Wave, peaks};
use super::vault::{Sink, Vault, VaultError, Vaulted};
use super::{PlayError, Playable, Player, Recipe, Take};
use crate::asset::{AssetId, Clock, Digest, MediaTime, MediaType, Outcome};
use crate::catalog::{ALL_RENDITIONS, CatalogError, MadeRendition, RenditionRow};
use crate::media::{Container, MediaError, SNIFF_BYTES, sniff};
use crate::observe::chain;
use crate::store::{KeyError, ObjectKey};

/// How often due renditions are looked for when nobody rings.
const POLL: Duration = Duration::from_secs(1);
/// First wait after a failure that may pass, doubled each time, and the longest, in seconds.
const RETRY_S: (u64, u64) = (1, 600);

/// Makes renditions. Built once.
#[derive(Clone)]
pub struct Studio {
    /// Opens the sources.
    pub player: Player,
    /// Keeps the results.
    pub vault: Vault,
    /// The zone in which zoneless dates are read.
    pub zone: Option<TimeZone>,
    /// Name of this node, for leases.
    pub node: String,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when a rendition may be due.
    pub bell: Arc<Notify>,
}

impl std::fmt::Debug for Studio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Studio").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Why a rendition was not made.
#[derive(Debug, thiserror::Error)]
enum StudioError {
    /// It never will be.
    #[error("{0}")]
    Never(String),
    #[error("a source cannot be read")]
    Play(#[from] PlayError),
    #[error("the rendition cannot be made")]
    Rendition(#[from] RenditionError),
    #[error("the rendition is not in the store")]
    Vault(#[source] VaultError<RenditionError>),
    #[error("the catalogue failed")]
    Catalog(#[from] CatalogError),
    #[error("the rendition has no name in the store")]
    Key(#[from] KeyError),
    #[error("the worker thread failed")]
    Thread,
}

impl StudioError {
    /// Whether another try makes sense.
    fn passes(&self) -> bool {
        match self {
            Self::Never(_) | Self::Key(_) | Self::Thread => false,
            Self::Play(error) => matches!(error, PlayError::Store(_) | PlayError::Catalog(_)),
            Self::Rendition(error) | Self::Vault(VaultError::Made(error)) => {
                matches!(error, RenditionError::Media(MediaError::Io(_)) | RenditionError::Sink(_))
            }
            Self::Vault(VaultError::Key(_) | VaultError::Thread) => false,
            Self::Vault(VaultError::Seal(_) | VaultError::Store(_)) | Self::Catalog(_) => true,
        }
    }
}

/// The sources of one rendition.
#[derive(Clone)]
struct Opened {
    voice: Option<Playable>,
    screen: Option<Playable>,
    screen_offset_us: i64,
    recipe: Recipe,
}

impl Studio {
    /// What this node was making when it stopped is due again.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover(&self) -> Result<(), CatalogError> {
        let count = self.player.catalog.recover_renditions(&self.node).await?;
        if count > 0 {
            tracing::info!(count, "interrupted renditions will be made");
        }
        Ok(())
    }

    /// Works until `stop` says true; a rendition under way is finished.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(error = ?error, "the table of renditions failed"),
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn step(&self) -> Result<bool, CatalogError> {
        let (catalog, now) = (&self.player.catalog, self.clock.now());
        let Some(row) = catalog.take_rendition(&self.node, now).await? else { return Ok(false) };
        let asset = row.asset_id;
        match self.carry(&row).await {
            Ok(()) => tracing::info!(rendition = %asset, recipe = row.recipe, "rendition made"),
            Err(error) if error.passes() => {
                let wait = RETRY_S.0.saturating_mul(1 << row.attempts.min(16)).min(RETRY_S.1);
                let wait = SignedDuration::from_secs(i64::try_from(wait).unwrap_or(i64::MAX));
                let at = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                let error = chain(&error);
                tracing::warn!(rendition = %asset, error, next = %at, "a rendition waits");
                catalog.postpone_rendition(asset, at, &error).await?;
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(rendition = %asset, recipe = row.recipe, error, "no rendition");
                let waveform = self.waveform_of_source(&row).await;
                catalog.fail_rendition(asset, &error, waveform.as_deref()).await?;
            }
        }
        Ok(true)
    }

    async fn carry(&self, row: &RenditionRow) -> Result<(), StudioError> {
        let take = self.take(row).await?;
        let catalog = &self.player.catalog;
        if row.recipe == ALL_RENDITIONS {
            let recipes: Vec<String> = take.usual_recipes().iter().map(Recipe::to_string).collect();
            return Ok(catalog.expand_rendition(row, &recipes, self.clock.now()).await?);
        }
        let opened = self.open(row, &take).await?;
        let made = self.make(row, &opened).await?;
        let sources = [opened.recipe.voice, opened.recipe.screen];
        if !catalog.finish_rendition(row, sources, &made).await? {
            let outcome: Outcome = serde_json::from_str(&made.outcome)
                .map_err(|error| StudioError::Never(error.to_string()))?;
            let key = ObjectKey::parse(&outcome.stored.key)?;
            self.vault
                .store
                .delete(&key)
                .await
                .map_err(VaultError::Store)
                .map_err(StudioError::Vault)?;
            return Err(StudioError::Never("a source was deleted meanwhile".to_owned()));
        }
        Ok(())
    }

    async fn take(&self, row: &RenditionRow) -> Result<Take, StudioError> {
        let gone = || StudioError::Never("the recording is gone".to_owned());
        let catalog = &self.player.catalog;
        let names = catalog.recording_names(&row.tenant, &row.recording_id).await?;
        let names = names.ok_or_else(gone)?;
        let take = Take::of(catalog, &row.tenant, names, self.zone.as_ref()).await?;
        take.ok_or_else(gone)
    }

    async fn open(&self, row: &RenditionRow, take: &Take) -> Result<Opened, StudioError> {
        let recipe = Recipe::parse(&row.recipe)
            .ok_or_else(|| StudioError::Never(format!("{:?} is no recipe", row.recipe)))?;
        let start = |asset: AssetId| {
            take.media.iter().find(|medium| medium.row.asset_id == asset).map(|m| m.start)
        };
        let mut opened =
            Opened { voice: None, screen: None, screen_offset_us: 0, recipe: recipe.clone() };
        if let Some(asset) = recipe.voice {
            opened.voice = Some(self.player.open(asset).await?);
        }
        if let Some(asset) = recipe.screen {
            opened.screen = Some(self.player.open(asset).await?);
        }
        let starts = recipe.voice.and_then(start).zip(recipe.screen.and_then(start));
        if let Some((voice, screen)) = starts {
            let offset = screen.duration_since(voice).as_micros();
            opened.screen_offset_us = i64::try_from(offset).unwrap_or(0);
        }
        Ok(opened)
    }

    async fn make(
        &self,
        row: &RenditionRow,
        opened: &Opened,
    ) -> Result<MadeRendition, StudioError> {
        let leading = opened.voice.as_ref().or(opened.screen.as_ref());
        let leading = leading.ok_or(StudioError::Rendition(RenditionError::Empty))?;
        let wave = opened.recipe.wave;
        let read = move |sources: Result<Sources, StudioError>, _| Ok(Made::read(sources?, wave)?);
        let made = self.blocking(opened, read).await?;
        let facts = (made.len(), made.duration(), made.media_type());
        let (key, attempt) = (self.key(row, leading, facts.2)?, format!("t{}", row.attempts));
        let made = self.vault.keep(key, &attempt, facts.0, move |sink| made.write(sink)).await;
        let kept = made.map_err(StudioError::Vault)?;
        let segments: Vec<String> = kept.segments.iter().map(Digest::to_string).collect();
        let outcome = outcome(facts, leading, kept);
        let text = serde_json::to_string(&outcome)
            .map_err(|error| StudioError::Never(error.to_string()))?;
        let mut made =
            MadeRendition { outcome: text, segments: segments.join(" "), waveform: None };
        made.waveform = self.waveform(&made).await;
        Ok(made)
    }

    /// Runs `work` on a thread that may block, with the sources as files.
    async fn blocking<T: Send + 'static>(
        &self,
        opened: &Opened,
        work: impl FnOnce(Result<Sources, StudioError>, Handle) -> Result<T, StudioError>
        + Send
        + 'static,
    ) -> Result<T, StudioError> {
        let (opened, runtime) = (opened.clone(), Handle::current());
        let thread = tokio::task::spawn_blocking(move || {
            let sources = sources(&opened, &runtime);
            work(sources, runtime)
        });
        thread.await.map_err(|_| StudioError::Thread)?
    }

    /// Beside the source.
    fn key(
        &self,
        row: &RenditionRow,
        leading: &Playable,
        media_type: MediaType,
    ) -> Result<ObjectKey, KeyError> {
        let folder = ObjectKey::parse(&leading.outcome.stored.key)?.folder();
        let extension = extension(media_type);
        folder.object(&format!("rendition-{}.{extension}{}", row.asset_id, self.vault.suffix()))
    }

    /// The peaks of a finished rendition, so that they are those of what is heard. Without them it
    /// can be played as well.
    async fn waveform(&self, made: &MadeRendition) -> Option<String> {
        let opened = self.player.open_stored(&made.outcome, &made.segments).await;
        self.peaks(opened.ok()?).await
    }

    /// The peaks of a voice of which nothing could be made.
    async fn waveform_of_source(&self, row: &RenditionRow) -> Option<String> {
        let recipe = Recipe::parse(&row.recipe).filter(|recipe| recipe.clip.is_none())?;
        self.peaks(self.player.open(recipe.voice?).await.ok()?).await
    }

    async fn peaks(&self, playable: Playable) -> Option<String> {
        let runtime = Handle::current();
        let work = move || peaks(source(playable, &runtime)?).map_err(StudioError::from);
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(points)) => serde_json::to_string(&rounded(&points)).ok(),
            Ok(Err(error)) => {
                tracing::info!(error = chain(&error), "no waveform");
                None
            }
            Err(_) => None,
        }
    }
}

/// Four digits are more than any screen shows, and a tenth of the text.
fn rounded(points: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let round = |point: &f32| (f64::from(*point) * 10_000.0).round() / 10_000.0;
    points.iter().map(|channel| channel.iter().map(round).collect()).collect()
}

fn sources(opened: &Opened, runtime: &Handle) -> Result<Sources, StudioError> {
    let file = |playable: &Option<Playable>| {
        playable.clone().map(|playable| source(playable, runtime)).transpose()
    };
    Ok(Sources {
        voice: file(&opened.voice)?,
        screen: file(&opened.screen)?,
        screen_offset_us: opened.screen_offset_us,
        clip: opened.recipe.clip,
    })
}

fn source(playable: Playable, runtime: &Handle) -> Result<SourceFile, RenditionError> {
    let bytes = playable.outcome.bytes;
    let playable = playable.unshelved();
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    let limit = SNIFF_BYTES as u64;
    AssetReader::new(playable.clone(), runtime.clone()).take(limit).read_to_end(&mut head)?;
    let container: Container = sniff(&head);
    let reader = Box::new(AssetReader::new(playable, runtime.clone()));
    Ok(SourceFile { reader, bytes, container })
}

/// A file about to be written.
enum Made {
    Mp4(Box<Plan>),
    Wave(Box<Wave>),
}

impl Made {
    fn read(sources: Sources, wave: bool) -> Result<Self, RenditionError> {
        if wave {
            let voice = sources.voice.ok_or(RenditionError::Empty)?;
            return Ok(Self::Wave(Box::new(Wave::read(voice, sources.clip)?)));
        }
        Ok(Self::Mp4(Box::new(Plan::read(sources)?)))
    }

    fn len(&self) -> u64 {
        match self {
            Self::Mp4(plan) => plan.len(),
            Self::Wave(wave) => wave.len(),
        }
    }

    fn duration(&self) -> MediaTime {
        match self {
            Self::Mp4(plan) => plan.duration(),
            Self::Wave(wave) => wave.duration(),
        }
    }

    fn media_type(&self) -> MediaType {
        match self {
            Self::Mp4(plan) if plan.has_picture() => MediaType::Mp4,
            Self::Mp4(_) => MediaType::M4a,
            Self::Wave(_) => MediaType::Wav,
        }
    }

    fn write(self, sink: &mut Sink<'_>) -> Result<(), RenditionError> {
        match self {
            Self::Mp4(plan) => plan.write(sink),
            Self::Wave(wave) => wave.write(sink),
        }
    }
}

/// What the name of a rendition ends with: an MP4 without a picture is called one all the same.
const fn extension(media_type: MediaType) -> &'static str {
    match media_type {
        MediaType::Wav => "wav",
        _ => "mp4",
    }
}

fn outcome(
    (bytes, duration, media_type): (u64, MediaTime, MediaType),
    leading: &Playable,
    kept: Vaulted,
) -> Outcome {
    let name = &leading.outcome.file_name;
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    Outcome {
        media_type: media_type.mime().to_owned(),
        duration_ms: duration.as_millis_ceil(),
        bytes,
        sha256: kept.sha256,
        spans: Vec::new(),
        certificate: Value::Null,
        file_name: format!("{stem}.{}", extension(media_type)),
        stored: kept.stored,
        seal: kept.seal,
    }
}
