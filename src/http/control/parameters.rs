//! Query parameters of the CXone interfaces: two spellings of one name, unknown ones ignored.

use http::Uri;

use super::super::cxone::{Problem, Query};
use crate::asset::{ContactId, IdError, UserId};

/// Shortest and longest screen session, in seconds.
const SCREEN_SECONDS: std::ops::RangeInclusive<u32> = 5..=13_200;

/// The parameters of a request.
pub(super) struct Parameters(Query);

impl Parameters {
    /// Reads the query.
    pub(super) fn of(uri: &Uri) -> Result<Self, Problem> {
        Query::of(uri).map(Self)
    }

    fn required<T>(
        &self,
        names: [&str; 2],
        parse: fn(&str) -> Result<T, IdError>,
    ) -> Result<T, Problem> {
        let [shown, _] = names;
        let text = self.0.value(names)?.ok_or_else(|| Problem::parameter(shown, "is missing"))?;
        parse(text).map_err(|error| Problem::parameter(shown, error))
    }

    /// `userId`.
    pub(super) fn user(&self) -> Result<UserId, Problem> {
        self.required(["userId", "user-id"], UserId::parse)
    }

    /// `contactId`.
    pub(super) fn contact(&self) -> Result<ContactId, Problem> {
        self.required(["contactId", "contact-id"], ContactId::parse)
    }

    /// `mediaType`: whether the screen is wanted too.
    pub(super) fn with_screen(&self) -> Result<bool, Problem> {
        match self.0.value(["mediaType", "media-type"])? {
            None | Some("voice") => Ok(false),
            Some("voiceAndScreen") => Ok(true),
            Some(_) => Err(Problem::parameter("mediaType", "must be voice or voiceAndScreen")),
        }
    }

    /// `recordingDuration`, in seconds.
    pub(super) fn duration(&self) -> Result<u32, Problem> {
        let name = "recordingDuration";
        let text = self.0.value([name, "recording-duration"])?;
        let text = text.ok_or_else(|| Problem::parameter(name, "is missing"))?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds: Option<u32> = text.parse().ok().filter(|_| digits);
        seconds.filter(|seconds| SCREEN_SECONDS.contains(seconds)).ok_or_else(|| {
            let (from, to) = (SCREEN_SECONDS.start(), SCREEN_SECONDS.end());
            Problem::parameter(name, format!("must be a whole number of seconds, {from} to {to}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str) -> Parameters {
        Parameters::of(&format!("/x?{query}").parse().unwrap()).unwrap()
    }

    #[test]
    fn both_spellings_are_one_parameter() {
        for query in ["userId=7", "user-id=7", "userId=7&user-id=7", "x=1&userId=7&x=2"] {
            assert_eq!(of(query).user().unwrap().as_str(), "7", "{query}");
        }
        for query in [
            "",
            "userId=",
            "user-id=%20",
            "userId=7&user-id=8",
            "userId=1&userId=2",
            "userId=a/b",
            "userid=7",
        ] {
            assert!(of(query).user().is_err(), "{query}");
        }
    }

    #[test]
    fn durations_are_whole_seconds_in_range() {
        assert_eq!(of("recordingDuration=5").duration().unwrap(), 5);
        assert_eq!(of("recording-duration=13200").duration().unwrap(), 13_200);
        for text in ["4", "13201", "5.5", "-5", "%2B5", "1e2", "99999999999", "", "five"] {
            assert!(of(&format!("recordingDuration={text}")).duration().is_err(), "{text}");
        }
    }

    #[test]
    fn media_types_are_the_two() {
        assert!(!of("").with_screen().unwrap());
        assert!(of("media-type=voiceAndScreen").with_screen().unwrap());
        assert!(of("mediaType=screen").with_screen().is_err());
        assert!(of("mediaType=voice&mediaType=voiceAndScreen").with_screen().is_err());
    }
}
