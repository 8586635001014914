//! One checked [`Config`] from a TOML file, the environment and secret files.
//!
//! Every fault is found before anything starts, and all of them are reported at once. Unknown
//! settings are faults. A setting `key` of section `[section]` may be given as
//! `REELGATE__SECTION__KEY`, which wins over the file.

mod load;
mod secret;
mod server;

pub use load::{ConfigFaults, Sources, load};
pub use secret::{SecretError, read_secret, require_private};
pub use server::{ObserveSettings, ServerSettings};

use crate::bundle::BundleSettings;
use crate::catalog::CatalogSettings;
use crate::control::ControlSettings;
use crate::gir::GirSettings;
use crate::identity::IdentitySettings;
use crate::ingest::IngestSettings;
use crate::mail::MailSettings;
use crate::mask::MaskSettings;
use crate::pbx::PbxSettings;
use crate::pipeline::PipelineSettings;
use crate::play::PlaySettings;
use crate::retention::RetentionSettings;
use crate::seal::SealSettings;
use crate::store::StoreSettings;

/// All settings, each section with its own defaults. The defaults need nothing installed.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `[server]`.
    pub server: ServerSettings,
    /// `[ingest]`.
    pub ingest: IngestSettings,
    /// `[mask]`.
    pub mask: MaskSettings,
    /// `[seal]`.
    pub seal: SealSettings,
    /// `[store]`.
    pub store: StoreSettings,
    /// `[archive]`: a second store, if it has a URL.
    pub archive: StoreSettings,
    /// `[retention]`.
    pub retention: RetentionSettings,
    /// `[catalog]`.
    pub catalog: CatalogSettings,
    /// `[pipeline]`.
    pub pipeline: PipelineSettings,
    /// `[control]`.
    pub control: ControlSettings,
    /// `[gir]`.
    pub gir: GirSettings,
    /// `[mail]`.
    pub mail: MailSettings,
    /// `[play]`.
    pub play: PlaySettings,
    /// `[bundle]`.
    pub bundle: BundleSettings,
    /// `[pbx]`.
    pub pbx: PbxSettings,
    /// `[identity]`.
    pub identity: IdentitySettings,
    /// `[observe]`.
    pub observe: ObserveSettings,
}
