//! The members under `reelgate`: what only this gateway understands.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::check::Findings;
use crate::asset::{InteractionId, MediaKind, SourceTimeline};

/// Most channels of one file that can be told apart.
const MAX_CHANNELS: usize = 32;

/// What the `reelgate` object says about masks and media.
#[derive(Debug, Clone)]
pub(super) struct OwnMembers {
    pub(super) masks_complete: bool,
    pub(super) kind: Option<MediaKind>,
    pub(super) source_timeline: Option<SourceTimeline>,
    /// Numbers of the channels that masks apply to; `None` for all.
    pub(super) mask_channels: Option<Vec<u16>>,
    pub(super) interaction: Option<InteractionId>,
}

/// Reads the object; without it, masks are complete and apply to all channels.
pub(super) fn read(own: Option<&Value>, out: &mut Findings) -> OwnMembers {
    let none = Map::new();
    let map = match own {
        None | Some(Value::Null) => &none,
        Some(Value::Object(map)) => map,
        Some(_) => {
            out.fault("reelgate", "must be an object");
            &none
        }
    };
    let kind_rule = "must be voice, screen, chat or email";
    OwnMembers {
        masks_complete: member(map, "masksComplete", "must be true or false", out).unwrap_or(true),
        kind: member(map, "mediaKind", kind_rule, out),
        source_timeline: member(map, "sourceTimeline", "must be silence, cut or auto", out),
        mask_channels: mask_channels(map, out),
        interaction: member(map, "interactionId", "must be the id of an interaction", out),
    }
}

fn member<T: DeserializeOwned>(
    map: &Map<String, Value>,
    name: &str,
    rule: &str,
    out: &mut Findings,
) -> Option<T> {
    let given = map.get(name).filter(|given| !given.is_null())?;
    let known = serde_json::from_value(given.clone()).ok();
    if known.is_none() {
        out.fault(format!("reelgate.{name}"), rule);
    }
    known
}

/// `maskChannels` names the parties whose channels are silenced; `channels` says which they are.
fn mask_channels(map: &Map<String, Value>, out: &mut Findings) -> Option<Vec<u16>> {
    let rule = "must be a list of party names such as agent and customer";
    let channels: Vec<String> = member(map, "channels", rule, out).unwrap_or_default();
    if channels.len() > MAX_CHANNELS {
        out.fault("reelgate.channels", format!("has more than {MAX_CHANNELS} entries"));
        return None;
    }
    let masked: Vec<String> = member(map, "maskChannels", rule, out)?;
    let mut numbers = Vec::new();
    for (number, party) in (0..).zip(&channels) {
        if masked.contains(party) {
            numbers.push(number);
        }
    }
    if masked.is_empty() || masked.iter().any(|party| !channels.contains(party)) {
        out.fault("reelgate.maskChannels", "must name entries of reelgate.channels");
    }
    Some(numbers)
}
