//! The pages in a real browser, on a real gateway: Chromium through WebDriver, and the player in
//! Firefox.

mod driver;
mod firefox;
mod heard;
mod links;
mod notices;
mod operator;
mod playing;
mod scene;
mod size;
