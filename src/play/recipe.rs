//! Which rendition is made of which assets.

use std::fmt;

use crate::asset::{AssetId, MediaTime};

/// How a rendition is made. As text it is the name of a row in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The recording's sound.
    pub voice: Option<AssetId>,
    /// Its picture.
    pub screen: Option<AssetId>,
    /// The part that is kept, on the clock of the voice, or of the screen without one: from, to.
    pub clip: Option<(MediaTime, MediaTime)>,
    /// Whether it is a WAVE file of the voice, instead of an MP4.
    pub wave: bool,
}

impl Recipe {
    /// Reads back what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut recipe = Self { voice: None, screen: None, clip: None, wave: false };
        for part in text.split(' ') {
            match part.split_once(':')? {
                ("voice", id) => recipe.voice = Some(AssetId::parse(id)?),
                ("screen", id) => recipe.screen = Some(AssetId::parse(id)?),
                ("clip", span) => {
                    let (from, to) = span.split_once('-')?;
                    let time = |text: &str| text.parse().ok().map(MediaTime::from_micros);
                    recipe.clip = Some((time(from)?, time(to)?));
                }
                ("form", "wave") => recipe.wave = true,
                _ => return None,
            }
        }
        (recipe.voice.is_some() || recipe.screen.is_some()).then_some(recipe)
    }

    /// The whole sound.
    pub const fn voice(asset: AssetId) -> Self {
        Self { voice: Some(asset), screen: None, clip: None, wave: false }
    }

    /// The same sound as a WAVE file; `None` without a voice.
    pub fn as_wave(self) -> Option<Self> {
        self.voice.is_some().then_some(Self { screen: None, wave: true, ..self })
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";
        if let Some(voice) = self.voice {
            write!(f, "voice:{voice}")?;
            gap = " ";
        }
        if let Some(screen) = self.screen {
            write!(f, "{gap}screen:{screen}")?;
            gap = " ";
        }
        if let Some((from, to)) = self.clip {
            write!(f, "{gap}clip:{}-{}", from.as_micros(), to.as_micros())?;
            gap = " ";
        }
        if self.wave {
            write!(f, "{gap}form:wave")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_read_back() {
        let (voice, screen) = (Some(AssetId::generate()), Some(AssetId::generate()));
        let clip = Some((MediaTime::ZERO, MediaTime::from_millis(5)));
        for recipe in [
            Recipe { voice, screen: None, clip: None, wave: false },
            Recipe { voice: None, screen, clip: None, wave: false },
            Recipe { voice, screen, clip, wave: false },
            Recipe { voice, screen: None, clip, wave: true },
        ] {
            assert_eq!(Recipe::parse(&recipe.to_string()), Some(recipe));
        }
        for text in ["", "all", "voice:", "clip:1-2", "voice:x", "form:wave", "form:mp3"] {
            assert_eq!(Recipe::parse(text), None, "{text}");
        }
    }
}
