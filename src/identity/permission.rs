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
    /// Control live recordings.
    Control,
    /// Administer the gateway.
    Admin,
    /// Make playback and download links.
    Play,
}

impl Permission {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::IngestWrite,
        Self::IngestRead,
        Self::RecordsInsert,
        Self::StoreRead,
        Self::Control,
        Self::Admin,
        Self::Play,
    ];

    /// The name in rows, settings and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IngestWrite => "ingest.write",
            Self::IngestRead => "ingest.read",
            Self::RecordsInsert => "records.insert",
            Self::StoreRead => "store.read",
            Self::Control => "control",
            Self::Admin => "admin",
            Self::Play => "play",
        }
    }

    /// The permission of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.name() == text)
    }
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
        Self(text.split_whitespace().filter_map(Permission::parse).collect())
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
