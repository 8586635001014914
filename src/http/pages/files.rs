//! What is served, and under which path.

/// One file of the pages.
pub(super) struct File {
    /// Where it is served. A path that ends with a slash is a page.
    pub(super) path: &'static str,
    /// `Content-Type`.
    pub(super) mime: &'static str,
    /// What it holds.
    pub(super) bytes: &'static [u8],
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A module below `/pages/`.
macro_rules! module {
    ($name:literal) => {
        File { path: concat!("/pages/", $name), mime: SCRIPT, bytes: include_bytes!($name) }
    };
}

/// Everything that is served.
pub(super) static FILES: &[File] = &[
    File { path: "/player/", mime: HTML, bytes: include_bytes!("player.html") },
    File { path: "/console/", mime: HTML, bytes: include_bytes!("console.html") },
    File { path: "/media-download/", mime: HTML, bytes: include_bytes!("download.html") },
    File {
        path: "/pages/style.css",
        mime: "text/css; charset=utf-8",
        bytes: include_bytes!("style.css"),
    },
    File {
        path: "/pages/console.css",
        mime: "text/css; charset=utf-8",
        bytes: include_bytes!("console.css"),
    },
    File { path: "/pages/icon.svg", mime: "image/svg+xml", bytes: include_bytes!("icon.svg") },
    module!("api.js"),
    module!("channels.js"),
    module!("clock.js"),
    module!("console-detail.js"),
    module!("console-health.js"),
    module!("console-parts.js"),
    module!("console-route.js"),
    module!("console-search.js"),
    module!("console-texts.js"),
    module!("console-work.js"),
    module!("console.js"),
    module!("controls.js"),
    module!("deck.js"),
    module!("details.js"),
    module!("dom.js"),
    module!("download.js"),
    module!("element.js"),
    module!("keys.js"),
    module!("link.js"),
    module!("notice.js"),
    module!("player.js"),
    module!("route.js"),
    module!("session.js"),
    module!("sign-in.js"),
    module!("spans.js"),
    module!("texts.js"),
    module!("transcript.js"),
    module!("waveform.js"),
];
