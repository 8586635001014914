//! Recording control through HTTP: every row of the truth table, and every status that the
//! interface pages list, for each endpoint (`docs/control.md`).

mod access;
mod answers;
mod bad_events;
mod bad_requests;
mod broken_row;
mod channel;
mod contacts;
mod desk;
mod events;
mod feed;
mod in_flight;
mod late_acks;
mod masks;
mod recorder;
mod restart;
mod screen;
mod screen_timer;
mod silent;
mod start_stop;
mod status_words;
mod unreachable;
mod webhooks;
