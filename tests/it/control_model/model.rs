//! The rules of live control once more, as plainly as they can be said. Nothing here is shared with
//! the program: instants are milliseconds, names are numbers, and all is in one list.

use std::collections::{BTreeMap, BTreeSet};

/// What a request comes to at once: the word that the program's verdict or error has.
pub(super) type Word = &'static str;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Demand {
    None,
    Voice,
    Both,
    Stopped,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Voice,
    Both,
    Stop,
    Decline,
    Mask,
    Unmask,
}

/// What the recorder's word would bring about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pending {
    Keep(Demand),
    Lift,
    Session,
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub(super) name: u32,
    pub(super) contact: u32,
    pub(super) recorder: u32,
    pub(super) screen: bool,
    pub(super) internal: bool,
    pub(super) policy: bool,
    pub(super) demand: Demand,
    pub(super) masked: bool,
    pub(super) live: bool,
    pub(super) users: BTreeMap<u32, (i64, Option<i64>)>,
    /// Until when, what the recorder's word brings about, and for which request.
    pub(super) lock: Option<(i64, Pending, u32)>,
    pub(super) until: Option<(i64, i64)>,
    pub(super) ledger: Vec<(Word, i64)>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) now: i64,
    pub(super) legs: Vec<Leg>,
    pub(super) declined: BTreeSet<u32>,
    /// When each recorder was last heard of; recorder 2 can neither pause nor stop.
    pub(super) seen: BTreeMap<u32, i64>,
    /// The number of the latest request.
    pub(super) request: u32,
}

impl Model {
    pub(super) fn alive(&self, recorder: u32) -> bool {
        self.seen.get(&recorder).is_some_and(|seen| self.now - seen <= 30_000)
    }

    fn able(&self, leg: usize) -> bool {
        self.legs[leg].recorder != 2
    }

    pub(super) fn recorded(&self, leg: usize) -> bool {
        let leg = &self.legs[leg];
        let wanted = match leg.demand {
            Demand::None => leg.policy,
            Demand::Stopped => false,
            Demand::Voice | Demand::Both => true,
        };
        wanted && !self.declined.contains(&leg.contact)
    }

    fn in_it(&self, leg: usize, user: u32) -> bool {
        self.legs[leg].live
            && self.legs[leg].users.get(&user).is_some_and(|(_, left)| left.is_none())
    }

    /// The leg of a kind that the user joined last.
    pub(super) fn latest(&self, user: u32, screen: bool) -> Option<usize> {
        let theirs = (0..self.legs.len())
            .filter(|leg| self.legs[*leg].screen == screen && self.in_it(*leg, user));
        theirs.max_by_key(|leg| (self.legs[*leg].users[&user].0, self.legs[*leg].name))
    }

    fn locked(&self, leg: usize) -> bool {
        self.legs[leg].lock.is_some_and(|(until, _, _)| until > self.now)
    }

    fn rule(&mut self, leg: usize, word: Word) {
        let now = self.now;
        self.legs[leg].ledger.push((word, now));
    }

    /// Tells the recorder, if it can do it and is there.
    fn tell(&mut self, leg: usize, pending: Pending) -> Word {
        if !self.able(leg) {
            return "holds";
        }
        if !self.alive(self.legs[leg].recorder) {
            return "queued";
        }
        self.legs[leg].lock = Some((self.now + 5000, pending, self.request));
        "in flight"
    }

    pub(super) fn ask(&mut self, user: u32, ask: Ask) -> Word {
        self.request += 1;
        let Some(leg) = self.latest(user, false) else { return "not live" };
        if ask == Ask::Mask && self.legs[leg].internal {
            return "internal";
        }
        if self.locked(leg) {
            return "locked";
        }
        match ask {
            Ask::Voice => self.start(leg, Demand::Voice),
            Ask::Both => self.start(leg, Demand::Both),
            Ask::Stop => self.stop(leg),
            Ask::Decline => self.decline(leg),
            Ask::Mask => self.mask(leg),
            Ask::Unmask => self.unmask(leg),
        }
    }

    fn start(&mut self, leg: usize, demand: Demand) -> Word {
        let now = self.legs[leg].demand;
        if self.declined.contains(&self.legs[leg].contact) {
            "declined"
        } else if now == demand || now == Demand::Both {
            "holds"
        } else if !self.alive(self.legs[leg].recorder) {
            "unreachable"
        } else if !self.able(leg) {
            self.keep(leg, demand);
            "holds"
        } else {
            self.tell(leg, Pending::Keep(demand))
        }
    }

    fn keep(&mut self, leg: usize, demand: Demand) {
        if !self.recorded(leg) {
            self.rule(leg, "keep");
        }
        self.legs[leg].demand = demand;
    }

    fn stop(&mut self, leg: usize) -> Word {
        if !self.recorded(leg) {
            return "holds";
        }
        if !self.alive(self.legs[leg].recorder) {
            return "unreachable";
        }
        self.rule(leg, "drop");
        self.legs[leg].demand = Demand::Stopped;
        self.tell(leg, Pending::Nothing)
    }

    fn decline(&mut self, leg: usize) -> Word {
        let contact = self.legs[leg].contact;
        let all: Vec<usize> = (0..self.legs.len())
            .filter(|other| self.legs[*other].contact == contact && self.legs[*other].live)
            .collect();
        if all.iter().any(|leg| self.locked(*leg)) {
            return "locked";
        }
        if self.declined.contains(&contact) {
            return "holds";
        }
        for leg in &all {
            if self.recorded(*leg) {
                self.rule(*leg, "drop");
            }
        }
        self.declined.insert(contact);
        all.iter().map(|leg| self.tell(*leg, Pending::Nothing)).fold("holds", later)
    }

    /// The screen sessions of all who are in a leg.
    fn screens(&self, leg: usize) -> Vec<usize> {
        let theirs = |other: &usize| {
            let users = self.legs[*other].users.keys();
            self.legs[*other].screen && users.into_iter().any(|user| self.in_it(leg, *user))
        };
        (0..self.legs.len()).filter(|other| self.legs[*other].live).filter(theirs).collect()
    }

    fn mask(&mut self, leg: usize) -> Word {
        if !self.recorded(leg) || self.legs[leg].masked {
            return "holds";
        }
        let mut word = "holds";
        for one in std::iter::once(leg).chain(self.screens(leg)) {
            if !self.legs[one].masked && self.recorded(one) {
                self.legs[one].masked = true;
                self.rule(one, "mask");
                word = later(word, self.tell(one, Pending::Nothing));
            }
        }
        word
    }

    fn unmask(&mut self, leg: usize) -> Word {
        if !self.legs[leg].masked {
            return "holds";
        }
        let mut word = self.unmask_one(leg);
        for screen in self.screens(leg) {
            let covered = (0..self.legs.len()).any(|other| {
                other != leg
                    && !self.legs[other].screen
                    && self.legs[other].masked
                    && self.legs[screen].users.keys().any(|user| self.in_it(other, *user))
            });
            if self.legs[screen].masked && !covered {
                word = later(word, self.unmask_one(screen));
            }
        }
        word
    }

    fn unmask_one(&mut self, leg: usize) -> Word {
        let word = if self.recorded(leg) { self.tell(leg, Pending::Lift) } else { "holds" };
        if word != "in flight" {
            self.lift(leg);
        }
        word
    }

    fn lift(&mut self, leg: usize) {
        self.legs[leg].masked = false;
        self.rule(leg, "unmask");
    }

    pub(super) fn start_screen(&mut self, user: u32, name: u32, seconds: i64) -> Word {
        self.request += 1;
        if let Some(running) = self.latest(user, true) {
            return if self.locked(running) { "locked" } else { "holds" };
        }
        // Recorder 1 alone records screens.
        if !self.alive(1) {
            return "not live";
        }
        let masked = (0..self.legs.len()).any(|leg| self.legs[leg].masked && self.in_it(leg, user));
        let (users, until) =
            (BTreeMap::from([(user, (self.now, None))]), self.now + seconds * 1000);
        self.legs.push(Leg {
            name,
            contact: 1_000_000 + name,
            recorder: 1,
            screen: true,
            internal: false,
            policy: false,
            demand: Demand::None,
            masked,
            live: true,
            users,
            lock: Some((self.now + 5000, Pending::Session, self.request)),
            until: Some((until, seconds)),
            ledger: vec![("drop", self.now)],
        });
        if masked {
            self.rule(self.legs.len() - 1, "mask");
        }
        "in flight"
    }

    pub(super) fn stop_screen(&mut self, leg: usize) -> Word {
        self.request += 1;
        if !self.legs[leg].live {
            return "not live";
        }
        if self.locked(leg) {
            return "locked";
        }
        if self.recorded(leg) {
            self.rule(leg, "drop");
        }
        self.legs[leg].live = false;
        if self.alive(1) { "in flight" } else { "queued" }
    }

    /// The recorder's word on what a request asked of it for a leg; a later request makes it void.
    pub(super) fn answered(&mut self, leg: usize, request: u32, word: Word) {
        let lock = self.legs[leg].lock.filter(|_| self.legs[leg].live);
        let Some((_, pending, _)) = lock.filter(|(_, _, holder)| *holder == request) else {
            return;
        };
        if word == "accepted" {
            self.legs[leg].lock = Some((self.now + 30_000, pending, request));
            return;
        }
        self.legs[leg].lock = None;
        match (pending, word) {
            (Pending::Keep(demand), "done") => self.keep(leg, demand),
            (Pending::Lift, "done") => self.lift(leg),
            (Pending::Session, "done") => {
                let (_, seconds) = self.legs[leg].until.unwrap();
                self.keep(leg, Demand::Both);
                self.legs[leg].until = Some((self.now + seconds * 1000, seconds));
            }
            (Pending::Session, _) => self.legs[leg].live = false,
            _ => {}
        }
    }

    /// What time brings about: silent recorders, and sessions that are over.
    pub(super) fn tick(&mut self) {
        for leg in 0..self.legs.len() {
            let over = self.legs[leg].lock.filter(|(until, _, _)| *until <= self.now);
            if let Some((_, _, request)) = over {
                self.answered(leg, request, "expired");
            }
        }
        for leg in 0..self.legs.len() {
            if self.legs[leg].until.is_some_and(|(until, _)| until <= self.now) {
                self.stop_screen(leg);
            }
        }
    }
}

fn later(one: Word, other: Word) -> Word {
    let rank = |word| ["holds", "queued", "in flight"].iter().position(|known| *known == word);
    if rank(other) > rank(one) { other } else { one }
}
