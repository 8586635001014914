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

/// What a caller has of its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Requests in a window.
    pub limit: u32,
    /// Those that are left, this one taken off.
    pub remaining: u32,
    /// When the window ends, in seconds, at least one.
    pub reset_s: u64,
    /// Whether this request is one too many.
    pub exceeded: bool,
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
        let allowance = self.count(caller, now);
        if allowance.exceeded { Err(allowance.reset_s) } else { Ok(()) }
    }

    /// What a caller would have of whom nothing is known yet.
    pub fn untouched(&self) -> Allowance {
        let reset_s = u64::try_from(self.window.as_secs()).unwrap_or(1).max(1);
        Allowance { limit: self.limit, remaining: self.limit, reset_s, exceeded: false }
    }

    /// Counts a request, and says what is left.
    pub fn count(&self, caller: &str, now: Timestamp) -> Allowance {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        if counters.len() >= MAX_CALLERS {
            counters.retain(|_, (begun, _)| now.duration_since(*begun) < self.window);
        }
        let (begun, count) = counters.entry(caller.to_owned()).or_insert((now, 0));
        if now.duration_since(*begun) >= self.window {
            (*begun, *count) = (now, 0);
        }
        let left = self.window.saturating_sub(now.duration_since(*begun)).as_millis().max(0);
        let reset_s = u64::try_from(left).unwrap_or(u64::MAX).div_ceil(1000).max(1);
        let exceeded = *count >= self.limit;
        if !exceeded {
            *count += 1;
        }
        let remaining = self.limit.saturating_sub(*count);
        Allowance { limit: self.limit, remaining, reset_s, exceeded }
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
