//! What the media playback API is asked.

use http::Uri;

use crate::http::cxone::{Problem, Query};

/// What a request asks to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) media: MediaTypes,
    pub(super) waveforms: bool,
    pub(super) categories: bool,
    pub(super) download: bool,
    /// Whether the voice is wanted as a WAVE file.
    pub(super) wave: bool,
}

/// `media-type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct MediaTypes {
    pub(super) voice: bool,
    /// The picture with the sound.
    pub(super) screen: bool,
    pub(super) chat: bool,
    pub(super) email: bool,
}

impl MediaTypes {
    const ALL: Self = Self { voice: true, screen: true, chat: true, email: true };

    /// Repeated values add up, except that `all` beside a narrower value means that one.
    fn of(query: &Query) -> Result<Self, Problem> {
        let mut types = Self::default();
        for value in query.all(["media-type", "mediaType"]) {
            match value {
                "all" => {}
                "voice-only" => types.voice = true,
                "voice-and-screen" => (types.voice, types.screen) = (true, true),
                "chat" => types.chat = true,
                "email" => types.email = true,
                _ => {
                    let rule = "must be voice-only, voice-and-screen, chat, email or all";
                    return Err(Problem::parameter("media-type", rule));
                }
            }
        }
        Ok(if types == Self::default() { Self::ALL } else { types })
    }
}

impl Wish {
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let truth = |names| query.truth(names).map(|given| given.unwrap_or(false));
        let wave = match query.value(["format", "format"])? {
            None => false,
            Some(text) if text.eq_ignore_ascii_case("mp4") => false,
            Some(text) if text.eq_ignore_ascii_case("wav") => true,
            Some(_) => return Err(Problem::parameter("format", "must be mp4 or wav")),
        };
        let mut media = MediaTypes::of(query)?;
        media.screen &= !wave;
        Ok(Self {
            media,
            wave,
            waveforms: !truth(["exclude-waveforms", "excludeWaveforms"])?,
            categories: !truth(["exclude-qm-categories", "excludeQmCategories"])?,
            download: truth(["isDownload", "is-download"])?,
        })
    }

    /// The wish of an address.
    pub(super) fn at(uri: &Uri) -> Result<Self, Problem> {
        Self::of(&Query::of(uri)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(query: &str) -> Result<Wish, Problem> {
        Wish::at(&format!("/x?{query}").parse().unwrap())
    }

    #[test]
    fn media_types_add_up_and_all_gives_way() {
        let types = |query: &str| wish(query).unwrap().media;
        let voice = MediaTypes { voice: true, ..MediaTypes::default() };
        let screen = MediaTypes { voice: true, screen: true, ..MediaTypes::default() };
        for (query, expected) in [
            ("", MediaTypes::ALL),
            ("media-type=all", MediaTypes::ALL),
            ("media-type=voice-only", voice),
            ("media-type=all&media-type=voice-only", voice),
            ("media-type=voice-only&media-type=voice-and-screen", screen),
            ("media-type=chat&mediaType=voice-only", MediaTypes { chat: true, ..voice }),
        ] {
            assert_eq!(types(query), expected, "{query}");
        }
        assert!(wish("media-type=video").is_err());
        assert!(wish("media-type=").is_err());
    }

    #[test]
    fn truths_are_read_in_any_case_and_contradictions_refused() {
        assert!(wish("isDownload=TRUE").unwrap().download);
        assert!(!wish("exclude-waveforms=True").unwrap().waveforms);
        assert!(wish("exclude-qm-categories=false&unknown=1").unwrap().categories);
        assert!(wish("format=WAV").unwrap().wave && !wish("format=mp4").unwrap().wave);
        assert!(!wish("format=wav&media-type=voice-and-screen").unwrap().media.screen);
        for bad in [
            "format=mp3",
            "format=",
            "format=wav&format=mp4",
            "isDownload=1",
            "isDownload=",
            "isDownload=true&isDownload=false",
        ] {
            assert!(wish(bad).is_err(), "{bad}");
        }
    }
}
