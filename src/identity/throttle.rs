//! Wrong sign-ins are counted; beyond a limit further ones are not looked at for a while.
//!
//! A secret of 256 bits needs no such guard. It keeps a client with an old secret from filling the
//! audit trail, and a stranger from finding out which access keys exist by trying many. What is
//! known of an access key is never asked here, so an unknown one is treated like any other.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::asset::Digest;

/// Most counters kept. Beyond, the one that began first is dropped: a table that grows with what
/// strangers send is worse than a forgotten count.
const MAX_COUNTERS: usize = 10_000;
/// How many times the limit of one access key an address may use up with different ones.
const ADDRESS_FACTOR: u32 = 10;

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Counted {
    /// One access key id, as a digest of what was sent, from one address.
    Pair(Digest, IpAddr),
    /// One address, whatever it sent.
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Counter {
    failures: u32,
    /// When the first of them was.
    begun: Timestamp,
}

/// The counters of this process.
#[derive(Debug)]
pub(super) struct Throttle {
    limit: u32,
    window: SignedDuration,
    counters: Mutex<HashMap<Counted, Counter>>,
}

impl Throttle {
    /// Lets `limit` failures pass in `window_s` seconds.
    pub(super) fn new(limit: u32, window_s: u64) -> Self {
        let window = SignedDuration::from_secs(i64::try_from(window_s).unwrap_or(i64::MAX));
        Self { limit, window, counters: Mutex::default() }
    }

    /// Whether a sign-in may be looked at; else how many seconds to wait, at least one.
    pub(super) fn admit(&self, id: &str, address: IpAddr, now: Timestamp) -> Result<(), u64> {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (counted, limit) in self.limits(id, address) {
            let Some(counter) = counters.get(&counted) else { continue };
            let age = now.duration_since(counter.begun);
            if counter.failures >= limit && age < self.window {
                let left = self.window.saturating_sub(age).as_millis().max(0);
                return Err(u64::try_from(left).unwrap_or(u64::MAX).div_ceil(1000).max(1));
            }
        }
        Ok(())
    }

    /// Counts a failure.
    pub(super) fn failed(&self, id: &str, address: IpAddr, now: Timestamp) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for (counted, _) in self.limits(id, address) {
            if !counters.contains_key(&counted) && counters.len() >= MAX_COUNTERS {
                self.make_room(&mut counters, now);
            }
            let fresh = Counter { failures: 0, begun: now };
            let counter = counters.entry(counted).or_insert(fresh);
            if now.duration_since(counter.begun) >= self.window {
                *counter = fresh;
            }
            counter.failures = counter.failures.saturating_add(1);
        }
    }

    /// Forgets the failures of one access key from one address: it signed in.
    pub(super) fn succeeded(&self, id: &str, address: IpAddr) {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.remove(&Counted::Pair(Digest::of(id.as_bytes()), block(address)));
    }

    fn limits(&self, id: &str, address: IpAddr) -> [(Counted, u32); 2] {
        let address = block(address);
        [
            (Counted::Pair(Digest::of(id.as_bytes()), address), self.limit),
            (Counted::Address(address), self.limit.saturating_mul(ADDRESS_FACTOR)),
        ]
    }

    fn make_room(&self, counters: &mut HashMap<Counted, Counter>, now: Timestamp) {
        counters.retain(|_, counter| now.duration_since(counter.begun) < self.window);
        if counters.len() < MAX_COUNTERS {
            return;
        }
        let oldest = counters.iter().min_by_key(|(_, counter)| counter.begun);
        if let Some(oldest) = oldest.map(|(counted, _)| counted.clone()) {
            counters.remove(&oldest);
        }
    }
}

/// The address that is counted: of IPv6 the network of 64 bits, which one subscriber has whole.
fn block(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => IpAddr::V4(address),
            None => {
                let bits = address.to_bits() & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_key_is_refused_after_its_limit_and_admitted_when_the_window_ends() {
        let throttle = Throttle::new(3, 60);
        for second in 0..3 {
            assert_eq!(throttle.admit("a", address(1), at(second)), Ok(()));
            throttle.failed("a", address(1), at(second));
        }
        assert_eq!(throttle.admit("a", address(1), at(10)), Err(50));
        assert_eq!(throttle.admit("a", address(1), at(59)), Err(1));
        // Neither another key nor another address pays for it.
        assert_eq!(throttle.admit("b", address(1), at(10)), Ok(()));
        assert_eq!(throttle.admit("a", address(2), at(10)), Ok(()));
        assert_eq!(throttle.admit("a", address(1), at(60)), Ok(()));
        throttle.failed("a", address(1), at(60));
        assert_eq!(throttle.admit("a", address(1), at(61)), Ok(()), "the old failures counted on");
    }

    #[test]
    fn a_success_forgives_the_key_but_not_the_address() {
        let throttle = Throttle::new(2, 60);
        for round in 0..10 {
            for _ in 0..2 {
                throttle.failed(&format!("key {round}"), address(1), at(0));
            }
            throttle.succeeded(&format!("key {round}"), address(1));
        }
        assert_eq!(throttle.admit("key 0", address(1), at(1)), Err(59));
        assert_eq!(throttle.admit("key 0", address(2), at(1)), Ok(()));
    }

    #[test]
    fn the_table_is_bounded_and_keeps_the_newest() {
        let throttle = Throttle::new(1, 60);
        for number in 0..MAX_COUNTERS + 100 {
            throttle.failed(&number.to_string(), address(1), at(i64::from(number > 50)));
        }
        assert_eq!(throttle.counters.lock().unwrap().len(), MAX_COUNTERS);
        let last = (MAX_COUNTERS + 99).to_string();
        assert!(throttle.admit(&last, address(1), at(2)).is_err());
    }

    #[test]
    fn one_ipv6_network_is_one_address() {
        let throttle = Throttle::new(1, 60);
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        throttle.failed("a", parse("2001:db8::1"), at(0));
        assert!(throttle.admit("a", parse("2001:db8::ffff"), at(0)).is_err());
        assert!(throttle.admit("a", parse("2001:db8:0:1::1"), at(0)).is_ok());
        throttle.failed("a", parse("::ffff:192.0.2.1"), at(0));
        assert!(throttle.admit("a", address(1), at(0)).is_err());
    }
}
