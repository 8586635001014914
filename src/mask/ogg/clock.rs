//! Playing time in a logical stream: durations added up, and corrected by granule positions.

use crate::mask::MaskError;
use crate::media::{MediaError, OggPage};

/// Most seconds that granule positions may go back in one stream. Recorders that derive them from
/// another clock than the sound's lose a little on each page.
const MAX_BACK_S: u64 = 10;

/// When something begins: not before `early`, not after `late`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) early: u64,
    pub(super) late: u64,
}

impl Moment {
    /// Microseconds for ticks of `rate`, or the other way round, rounded outward.
    pub(super) fn convert(self, from_rate: u32, to_rate: u32) -> Self {
        let (from, to) = (u128::from(from_rate.max(1)), u128::from(to_rate));
        let whole = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
        Self {
            early: whole(u128::from(self.early) * to / from),
            late: whole((u128::from(self.late) * to).div_ceil(from)),
        }
    }
}

/// The clock of one logical stream, in ticks of its coding.
///
/// The granule position of a page is the time at the end of the last packet that ends there
/// (RFC 7845 section 4). The first one tells where the stream begins: players count from there.
#[derive(Debug, Clone, Default)]
pub(super) struct Clock {
    rate: u32,
    /// When the stream's first packet plays, in the file.
    base: Moment,
    /// Ticks since then.
    now: u64,
    /// Granule position at the stream's start, once a page told it.
    start: Option<i64>,
    /// Ticks that the stream may begin earlier: the first granule position was too small.
    ahead: u64,
    /// Ticks that granule positions went back so far, or that the stream began after 0 by: players
    /// that only add up durations, or never count from the start, are late by as much.
    behind: u64,
    /// Ticks at the end that are not played.
    trimmed: u64,
}

impl Clock {
    pub(super) fn new(rate: u32, base: Moment) -> Self {
        Self { rate, base, ..Self::default() }
    }

    /// When the packets that end on `page`, `total` ticks together, begin to play.
    ///
    /// Where the page's granule position leaves a gap, they may stand at either side of it, and
    /// the clock goes on behind it. On the last page it may be smaller instead: the end is cut
    /// (RFC 7845 section 4.4).
    ///
    /// # Errors
    /// Malformed when granule positions go back too far.
    pub(super) fn advance(
        &mut self,
        page: &OggPage<'_>,
        total: u64,
        at: u64,
    ) -> Result<Moment, MaskError> {
        let begun = self.now;
        let end = begun.saturating_add(total);
        let mut moment = Moment { early: begun, late: begun };
        self.now = end;
        if let Some(granule) = page.granule {
            let start = self.start.unwrap_or_else(|| self.begin(granule, end, page.ends));
            let told = u64::try_from(i128::from(granule) - i128::from(start)).unwrap_or(0);
            if told > end {
                moment.late = begun.saturating_add(told - end);
                self.now = told;
            } else if page.ends {
                self.trimmed = end - told;
            } else {
                self.behind = self.behind.saturating_add(end - told);
                moment.early = begun.saturating_sub(end - told);
                self.now = told;
            }
        }
        if self.behind > MAX_BACK_S.saturating_mul(u64::from(self.rate)) {
            return Err(MediaError::malformed("a granule position goes back", at).into());
        }
        let late = moment.late.saturating_add(self.behind);
        Ok(Moment {
            early: self.base.early.saturating_add(moment.early).saturating_sub(self.ahead),
            late: self.base.late.saturating_add(late),
        })
    }

    /// Sets and returns the granule position of the stream's start, from that of the first page,
    /// where `end` ticks end.
    fn begin(&mut self, granule: i64, end: u64, last: bool) -> i64 {
        let start = granule.saturating_sub_unsigned(end);
        let start = if last { start.max(0) } else { start };
        self.start = Some(start);
        match u64::try_from(start) {
            // So little can also be a pause inside the first page, which a recorder left out.
            Ok(start) if start < u64::from(self.rate) => self.behind = start,
            Ok(_) => {}
            Err(_) => self.ahead = start.unsigned_abs(),
        }
        start
    }

    /// Whether the stream begins at the time at which the file begins.
    pub(super) fn begins_at_zero(&self) -> bool {
        self.start.is_none_or(|start| start == 0)
    }

    /// When a stream plays that follows this one, of which `pre_skip` ticks are not played.
    pub(super) fn end(&self, pre_skip: u16) -> Moment {
        let skip = u64::from(pre_skip);
        let cut = self.ahead.saturating_add(self.trimmed).saturating_add(skip);
        let late = self.now.saturating_add(self.behind);
        Moment {
            early: self.base.early.saturating_add(self.now).saturating_sub(cut),
            late: self.base.late.saturating_add(late).saturating_sub(skip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(bytes: &mut Vec<u8>, granule: i64, flags: u8) {
        *bytes = [&b"OggS\0"[..], &[flags], &granule.to_le_bytes(), &[0; 13]].concat();
    }

    /// Advances by pages of (granule, flags, ticks).
    fn moments(clock: &mut Clock, pages: &[(i64, u8, u64)]) -> Vec<(u64, u64)> {
        let mut bytes = Vec::new();
        let run = pages.iter().map(|(granule, flags, ticks)| {
            page(&mut bytes, *granule, *flags);
            let page = OggPage::read(&bytes, 0).unwrap();
            let moment = clock.advance(&page, *ticks, 5).unwrap();
            (moment.early, moment.late)
        });
        run.collect()
    }

    #[test]
    fn time_counts_from_the_first_page_and_jumps_with_the_granule_position() {
        let mut clock = Clock::new(48_000, Moment::default());
        let pages = [
            (65_000, 0, 1000),
            (-1, 0, 1000),
            (67_000, 0, 1000),
            (68_500, 0, 1000),
            (69_400, 4, 1000),
        ];
        let expected = [(0, 0), (1000, 1000), (2000, 2000), (3000, 3500), (4500, 4500)];
        assert_eq!(moments(&mut clock, &pages), expected);
        // The stream begins at 64,000; its last 100 ticks are cut.
        assert_eq!(clock.end(312), Moment { early: 5400 - 312, late: 5500 - 312 });
        assert!(!clock.begins_at_zero());
    }

    #[test]
    fn doubt_about_the_start_or_a_step_back_widens() {
        let mut clock = Clock::new(48_000, Moment { early: 10_000, late: 10_001 });
        let pages = [(700, 0, 1000), (1600, 0, 1000), (2600, 0, 1000)];
        let expected = [(9700, 10_001), (10_600, 11_101), (11_600, 12_001)];
        assert_eq!(moments(&mut clock, &pages), expected);
        let mut bytes = Vec::new();
        page(&mut bytes, 1, 0);
        let mut clock = Clock::new(8000, Moment::default());
        moments(&mut clock, &[(100_000, 0, 100_000)]);
        let error = clock.advance(&OggPage::read(&bytes, 0).unwrap(), 1, 5).unwrap_err();
        assert_eq!(error.to_string(), "a granule position goes back at byte 5");
    }

    #[test]
    fn a_small_start_may_be_a_pause_in_the_first_page() {
        let mut clock = Clock::new(48_000, Moment::default());
        let pages = [(1312, 0, 1000), (2312, 0, 1000)];
        assert_eq!(moments(&mut clock, &pages), [(0, 312), (1000, 1312)]);
    }

    #[test]
    fn a_short_only_page_is_cut_at_its_end() {
        let mut clock = Clock::new(48_000, Moment::default());
        assert_eq!(moments(&mut clock, &[(700, 4, 1000)]), [(0, 0)]);
        assert_eq!(clock.end(0), Moment { early: 700, late: 1000 });
    }

    #[test]
    fn conversion_rounds_outward() {
        let moment = Moment { early: 100, late: 100 }.convert(48_000, 1_000_000);
        assert_eq!(moment, Moment { early: 2083, late: 2084 });
        let huge = Moment { early: u64::MAX, late: u64::MAX }.convert(1, 1_000_000);
        assert_eq!(huge.late, u64::MAX);
    }
}
