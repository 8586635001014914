//! Permissions, named once.

use std::fmt;

/// One thing that a principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Push recordings and masks.
    IngestWrite,
    /// Ask what became of them.
    IngestRead,
    /// Insert GIR records.
    RecordsInsert,
    /// Read stored objects over the embedded WebDAV endpoint.
    StoreRead,
    /// Administer the gateway.
    Admin,
    /// Play and download one's own recordings.
    Play,
    /// Those of everybody in the tenant.
    PlayAny,
    /// See what an analysis found in them.
    PlayInsights,
    /// Make and take back tickets, and void links.
    LinksManage,
    /// Extract what is known about all recordings of the tenant.
    MetadataExtract,
    /// Bring recordings back from the archive.
    ArchiveRetrieve,
    /// Put recordings on hold, and take holds back.
    RecordsHold,
    /// Delete recordings.
    RecordsDelete,
    /// Start, stop and decline the recording of a live interaction.
    RecordOnDemand,
    /// Mask and unmask a live interaction.
    RecordMask,
    /// Start and stop the recording of a user's screen.
    RecordScreen,
    /// Be a recorder: announce interactions, and take commands about them.
    Recorder,
    /// Subscribe to the recording status of interactions.
    EventsRead,
    /// Make, change and remove the access keys of everybody in the tenant.
    KeysManage,
    /// The same with one's own.
    KeysOwn,
    /// Read the audit trail.
    AuditRead,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::IngestWrite,
        Self::IngestRead,
        Self::RecordsInsert,
        Self::StoreRead,
        Self::Admin,
        Self::Play,
        Self::PlayAny,
        Self::PlayInsights,
        Self::LinksManage,
        Self::MetadataExtract,
        Self::ArchiveRetrieve,
        Self::RecordsHold,
        Self::RecordsDelete,
        Self::RecordOnDemand,
        Self::RecordMask,
        Self::RecordScreen,
        Self::Recorder,
        Self::EventsRead,
        Self::KeysManage,
        Self::KeysOwn,
        Self::AuditRead,
    ];

    /// The name in rows, settings and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IngestWrite => "ingest.write",
            Self::IngestRead => "ingest.read",
            Self::RecordsInsert => "records.insert",
            Self::StoreRead => "store.read",
            Self::Admin => "admin",
            Self::Play => "play",
            Self::PlayAny => "play.any",
            Self::PlayInsights => "play.insights",
            Self::LinksManage => "links.manage",
            Self::MetadataExtract => "metadata.extract",
            Self::ArchiveRetrieve => "archive.retrieve",
            Self::RecordsHold => "records.hold",
            Self::RecordsDelete => "records.delete",
            Self::RecordOnDemand => "record.on_demand",
            Self::RecordMask => "record.mask",
            Self::RecordScreen => "record.screen",
            Self::Recorder => "recorder",
            Self::EventsRead => "events.read",
            Self::KeysManage => "keys.manage",
            Self::KeysOwn => "keys.own",
            Self::AuditRead => "audit.read",
        }
    }

    /// Where CXone's role tree has it, if it does: the path below the root.
    const fn role_tree_path(self) -> &'static [&'static str] {
        match self {
            Self::Play => &["player", "play/download recordings"],
            Self::PlayAny => &["player", "play/download recordings", "play any"],
            Self::PlayInsights => &["player", "view sentiments and categories"],
            Self::MetadataExtract => &["extract interaction metadata"],
            Self::ArchiveRetrieve => &["long term file retrieval"],
            Self::RecordOnDemand => &["api", "multi acd record on demand api"],
            Self::RecordMask => &["api", "multi acd masking api"],
            Self::RecordScreen => &["api", "record screen interaction"],
            Self::KeysManage => &["access key"],
            Self::KeysOwn => &["my access key"],
            Self::IngestWrite
            | Self::IngestRead
            | Self::RecordsInsert
            | Self::StoreRead
            | Self::Admin
            | Self::LinksManage
            | Self::RecordsHold
            | Self::RecordsDelete
            | Self::Recorder
            | Self::EventsRead
            | Self::AuditRead => &[],
        }
    }

    /// The permission of this name, or of this place in CXone's role tree:
    /// `Interactions Hub > API > Multi-ACD Masking API`, with the older root `Search & Playback`,
    /// without the steps between, or the last step alone. Case, blanks and hyphens do not matter in
    /// a place, and a colon parts steps as well.
    pub fn parse(text: &str) -> Option<Self> {
        let named = Self::ALL.into_iter().find(|permission| permission.name() == text);
        named.or_else(|| Self::in_role_tree(text))
    }

    fn in_role_tree(text: &str) -> Option<Self> {
        let steps: Vec<String> = text.split(['>', ':']).map(normal).collect();
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        Self::ALL.into_iter().find(|permission| {
            let path = permission.role_tree_path();
            let Some((leaf, _)) = path.split_last() else { return false };
            match steps.as_slice() {
                [only] => only == leaf,
                [root, only] if only == leaf => ROOTS.contains(root),
                [root, below @ ..] => ROOTS.contains(root) && below == path,
                [] => false,
            }
        })
    }
}

/// Roots of the role tree: the present name and the older one.
const ROOTS: [&str; 2] = ["interactions hub", "search & playback"];

/// A step of a path in lower case, with hyphens as blanks and single blanks.
fn normal(step: &str) -> String {
    let spaced = step.replace('-', " ").to_lowercase();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A set of permissions; as text, their names separated by blanks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Permissions(Vec<Permission>);

impl Permissions {
    /// These and no others.
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.to_vec())
    }

    /// Every permission.
    pub fn all() -> Self {
        Self::of(&Permission::ALL)
    }

    /// Reads names; unknown ones grant nothing.
    pub fn parse(text: &str) -> Self {
        let by_name = |word| Permission::ALL.into_iter().find(|known| known.name() == word);
        Self(text.split_whitespace().filter_map(by_name).collect())
    }

    /// Whether this one is in the set.
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|permission| permission.name()).collect();
        f.write_str(&names.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_its_own_and_is_read_back() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.name()), Some(permission));
        }
        let all = Permissions::all();
        assert_eq!(Permissions::parse(&all.to_string()), all);
        assert_eq!(Permissions::parse("fly control Access Key").0, []);
    }

    #[test]
    fn places_in_the_role_tree_are_read_under_both_roots() {
        for (text, expected) in [
            (
                "Search & Playback > API > Multi-ACD Record on Demand API",
                Permission::RecordOnDemand,
            ),
            ("Interactions Hub > API > Multi-ACD Record on Demand API", Permission::RecordOnDemand),
            ("Interactions Hub>API>Multi-ACD Masking API", Permission::RecordMask),
            ("  search  &  playback >api > MULTI-ACD  masking api ", Permission::RecordMask),
            ("Multi-ACD Masking API", Permission::RecordMask),
            ("Interactions Hub > record-screen-interaction", Permission::RecordScreen),
            ("Interactions Hub > API > Record Screen Interaction", Permission::RecordScreen),
            ("Search & Playback > Player > Play/Download Recordings", Permission::Play),
            (
                "Search & Playback > Player > Play/Download Recordings: Play Any",
                Permission::PlayAny,
            ),
            (
                "Interactions Hub > Player > View Sentiments and Categories",
                Permission::PlayInsights,
            ),
            ("Extract interaction metadata", Permission::MetadataExtract),
            ("Long-Term File Retrieval", Permission::ArchiveRetrieve),
            ("Access Key", Permission::KeysManage),
            ("my access key", Permission::KeysOwn),
        ] {
            assert_eq!(Permission::parse(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_places_grant_nothing() {
        for text in [
            "",
            ">",
            "API > Multi-ACD Masking API",
            "Interactions Hub > Player > Multi-ACD Masking API",
            "Interactions Hub > API > API > Multi-ACD Masking API",
            "Interactions Hub > API",
            "Interactions Hub > API > Multi-ACD Masking",
            "Multi-ACD Masking API >",
            "Record.Mask",
            "control",
        ] {
            assert_eq!(Permission::parse(text), None, "{text}");
        }
    }
}
