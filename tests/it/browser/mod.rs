//! The pages in a real browser, on a real gateway: Chromium through WebDriver.

mod driver;
mod heard;
mod links;
mod notices;
mod operator;
mod playing;
mod scene;
mod size;
