//! What a path names. Slashes may be doubled, and the last one may be missing.

use percent_encoding::percent_decode_str;

use super::problem::Problem;

/// Longest path that is looked at, in bytes.
const MAX_PATH_BYTES: usize = 1024;
/// How a caller names itself.
const ME: &str = "@me";

/// Whose records a path is about, as it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// A client.
    Client(Named),
    /// A group of extensions.
    Group(Named),
    /// An extension.
    Extension(Named),
}

/// An id in a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// The caller's own.
    Me,
    /// This one.
    Id(i64),
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// `user/`.
    User,
    /// `{owner}/record/`.
    Records(Owner),
    /// `{owner}/record/stats/`.
    Stats(Owner),
    /// `{owner}/record/archive/`.
    Archives(Owner),
    /// `{owner}/record/archive/{id}/`.
    Archive(Owner, String),
    /// `{owner}/record/{record_uuid}/`.
    Record(Owner, String),
    /// `{owner}/record/{record_uuid}/download/`.
    Download(Owner, String),
    /// `{owner}/record/{record_uuid}/storage_url/`.
    StorageUrl(Owner, String),
    /// `{owner}/record/{record_uuid}/hold/`.
    Hold(Owner, String),
    /// `{owner}/records_stats/`.
    Months(Owner),
    /// `{owner}/call_history/{call_uuid}/`.
    Call(Owner, String),
}

/// The steps of a path without empty ones, decoded.
pub(super) fn steps(path: &str) -> Result<Vec<String>, Problem> {
    if path.len() > MAX_PATH_BYTES {
        return Err(Problem::not_found());
    }
    let steps = path.split('/').filter(|step| !step.is_empty());
    let decoded = steps.map(|step| {
        let text = percent_decode_str(step).decode_utf8();
        text.map(std::borrow::Cow::into_owned).map_err(|_| Problem::not_found())
    });
    decoded.collect()
}

impl Resource {
    /// Whose records it is about; a user's own page is about nobody's.
    pub(super) const fn owner(&self) -> Option<Owner> {
        match self {
            Self::User => None,
            Self::Records(owner)
            | Self::Stats(owner)
            | Self::Archives(owner)
            | Self::Months(owner)
            | Self::Archive(owner, _)
            | Self::Record(owner, _)
            | Self::Download(owner, _)
            | Self::StorageUrl(owner, _)
            | Self::Hold(owner, _)
            | Self::Call(owner, _) => Some(*owner),
        }
    }

    /// The resource below `/api/ver1.0`, if there is one.
    pub(super) fn parse(steps: &[&str]) -> Option<Self> {
        let (owner, rest) = match steps {
            ["user"] => return Some(Self::User),
            ["client", id, rest @ ..] => (Owner::Client(Named::parse(id)?), rest),
            ["extension_group", id, rest @ ..] => (Owner::Group(Named::parse(id)?), rest),
            ["extension", id, rest @ ..] => (Owner::Extension(Named::parse(id)?), rest),
            _ => return None,
        };
        Some(match rest {
            ["records_stats"] => Self::Months(owner),
            ["call_history", call] => Self::Call(owner, (*call).to_owned()),
            ["record"] => Self::Records(owner),
            ["record", "stats"] => Self::Stats(owner),
            ["record", "archive"] => Self::Archives(owner),
            ["record", "archive", id] => Self::Archive(owner, (*id).to_owned()),
            ["record", uuid] => Self::Record(owner, (*uuid).to_owned()),
            ["record", uuid, "download"] => Self::Download(owner, (*uuid).to_owned()),
            ["record", uuid, "storage_url"] => Self::StorageUrl(owner, (*uuid).to_owned()),
            ["record", uuid, "hold"] => Self::Hold(owner, (*uuid).to_owned()),
            _ => return None,
        })
    }
}

impl Named {
    fn parse(text: &str) -> Option<Self> {
        if text == ME {
            return Some(Self::Me);
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Self::Id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(path: &str) -> Option<Resource> {
        let steps = steps(path).ok()?;
        Resource::parse(&steps.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn slashes_do_not_matter() {
        let uuid = "120541-0A1B";
        let expected = Some(Resource::Download(Owner::Client(Named::Id(7)), uuid.to_owned()));
        for path in
            ["/client/7/record/120541-0A1B/download", "//client//7/record/120541-0A1B/download//"]
        {
            assert_eq!(parse(path), expected, "{path}");
        }
        assert_eq!(parse("client/%40me/record"), Some(Resource::Records(Owner::Client(Named::Me))));
        let group = Owner::Group(Named::Id(0));
        assert_eq!(parse("extension_group/0/record/stats/"), Some(Resource::Stats(group)));
    }

    #[test]
    fn other_paths_are_not_there() {
        for path in [
            "",
            "client",
            "client/7",
            "client/x/record",
            "client/-1/record",
            "client/99999999999999999999/record",
            "client/7/record/a/b",
            "client/7/record/a/hold/b",
            "user/7",
            "client/%ff/record",
        ] {
            assert_eq!(parse(path), None, "{path}");
        }
    }
}
