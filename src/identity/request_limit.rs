//! How many requests a caller may send in a window of time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Most callers counted at once; they have signed in, so nobody else can fill the table.
const MAX_CALLERS: usize = 100_000;

/// The counters of this process. A window begins with a caller's first request.
#[derive(Debug)]
pub struct RequestLimit {
    limit: u32,
    window: SignedDuration,
    counters: Mutex<HashMap<String, (Timestamp, u32)>>,
}

impl RequestLimit {
    /// Lets `limit` requests of each caller pass in `window_s` seconds.
    pub fn new(limit: u32, window_s: u64) -> Self {
        let window = SignedDuration::from_secs(i64::try_from(window_s).unwrap_or(i64::MAX));
        Self { limit, window, counters: Mutex::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When it is one too many: how many seconds to wait, at least one.
    pub fn admit(&self, caller: &str, now: Timestamp) -> Result<(), u64> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= MAX_CALLERS {
            counters.retain(|_, (begun, _)| now.duration_since(*begun) < self.window);
        }
        let (begun, count) = counters.entry(caller.to_owned()).or_insert((now, 0));
        if now.duration_since(*begun) >= self.window {
            (*begun, *count) = (now, 0);
        }
        if *count >= self.limit {
            let left = self.window.saturating_sub(now.duration_since(*begun)).as_millis().max(0);
            return Err(u64::try_from(left).unwrap_or(u64::MAX).div_ceil(1000).max(1));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lets_its_number_pass_for_each_caller() {
        let at = |seconds: i64| Timestamp::from_second(1_800_000_000 + seconds).unwrap();
        let limit = RequestLimit::new(2, 300);
        assert_eq!(limit.admit("a", at(0)), Ok(()));
        assert_eq!(limit.admit("a", at(100)), Ok(()));
        assert_eq!(limit.admit("a", at(100)), Err(200));
        assert_eq!(limit.admit("b", at(100)), Ok(()));
        assert_eq!(limit.admit("a", at(299)), Err(1));
        assert_eq!(limit.admit("a", at(300)), Ok(()));
    }
}
