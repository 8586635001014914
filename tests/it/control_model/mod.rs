//! Live control against a model of its rules: random orders of several users, transfers, silent
//! recorders, restarts. After every step the program and the model must say the same, and at the
//! end every ledger must hold the same rulings.
//!
//! `REELGATE_SEED` repeats a run, `REELGATE_STEPS` changes its length.

mod model;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use reelgate::asset::{Clock, ContactId, InteractionId, RecorderId, TenantId, UserId};
use reelgate::catalog::{Capability, Catalog, CommandState};
use reelgate::control::{
    Ack, AckState, Announcement, Caller, Control, ControlError, ControlSettings, Event, EventKind,
    Order, Outcome, Registration, Ticket, Verdict,
};
use tokio::sync::Notify;

use self::model::{Ask, Demand, Leg, Model, Word};
use crate::gateway::block_on;

const STEPS: u32 = 20_000;
const USERS: u32 = 6;
const CONTACTS: u32 = 5;
const RECORDERS: u32 = 3;
/// 2026-03-04T09:15:00Z.
const START_MS: i64 = 1_772_615_700_000;

struct HandClock(AtomicI64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from(self.0 % u64::from(limit)).unwrap()
    }
}

/// The program and the model, side by side.
struct Pair {
    control: Control,
    catalog: Catalog,
    clock: Arc<HandClock>,
    model: Model,
    tenant: TenantId,
    random: Random,
    /// The names of legs in the program.
    names: BTreeMap<u32, (String, String)>,
    /// What is waited for, and the leg that it is about.
    tickets: Vec<(Ticket, usize)>,
    /// Requests that recorders were told of while they could be reached.
    in_flight: BTreeMap<String, u32>,
    next: u32,
    counts: BTreeMap<String, u32>,
}

fn user(number: u32) -> UserId {
    UserId::parse(&format!("user-{number}")).unwrap()
}

fn recorder(number: u32) -> RecorderId {
    RecorderId::parse(&format!("recorder-{number}")).unwrap()
}

fn word(result: &Result<Ticket, ControlError>) -> Word {
    match result {
        Ok(ticket) => match ticket.verdict {
            Verdict::Holds(_) => "holds",
            Verdict::Queued(_) => "queued",
            Verdict::InFlight => "in flight",
        },
        Err(ControlError::NotLive { .. }) => "not live",
        Err(ControlError::Locked { .. }) => "locked",
        Err(ControlError::Declined) => "declined",
        Err(ControlError::Unreachable) => "unreachable",
        Err(ControlError::Internal) => "internal",
        Err(other) => panic!("{other:?}"),
    }
}

fn open(folder: &Path, clock: &Arc<HandClock>) -> (Catalog, Control) {
    let catalog = block_on(Catalog::open(&Catalog::sqlite_url(&folder.join("model.sqlite"))));
    let catalog = catalog.unwrap();
    let settings = ControlSettings { interaction_expiry_s: 86_400, ..ControlSettings::default() };
    let bell = || Arc::new(Notify::new());
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    (catalog.clone(), Control::new(catalog, settings, clock, bell(), bell()))
}

impl Pair {
    fn new(folder: &Path, seed: u64) -> Self {
        let clock = Arc::new(HandClock(AtomicI64::new(START_MS)));
        let (catalog, control) = open(folder, &clock);
        Self {
            control,
            catalog,
            clock,
            model: Model { now: START_MS, ..Model::default() },
            tenant: TenantId::default_tenant(),
            random: Random(seed | 1),
            names: BTreeMap::new(),
            tickets: Vec::new(),
            in_flight: BTreeMap::new(),
            next: 0,
            counts: BTreeMap::new(),
        }
    }

    fn caller<'c>(tenant: &'c TenantId, name: &'c str) -> Caller<'c> {
        Caller { tenant, name }
    }

    fn advance(&mut self, millis: u32) {
        self.model.now += i64::from(millis);
        self.clock.0.store(self.model.now, Ordering::SeqCst);
        block_on(self.control.tick()).unwrap();
        self.model.tick();
    }

    fn heartbeat(&mut self, number: u32) {
        let all = [Capability::Voice, Capability::Screen, Capability::Pause, Capability::Stop];
        let capabilities = match number {
            2 => vec![Capability::Voice, Capability::Screen],
            _ => all.to_vec(),
        };
        // Of those that record screens only recorder 1 records everybody's.
        let users = (number != 1).then(Vec::new);
        let (id, time) = (recorder(number), None);
        let new = Registration { id, capabilities, users, time, interactions: None };
        let caller = Self::caller(&self.tenant, "appliance");
        block_on(self.control.register(caller, new)).unwrap();
        self.model.seen.insert(number, self.model.now);
    }

    fn announce(&mut self) {
        let number = self.next;
        self.next += 1;
        // Contacts come and go.
        let contact = number / 40 * CONTACTS + self.random.below(CONTACTS);
        let by = self.random.below(RECORDERS);
        if !self.model.seen.contains_key(&by) {
            return;
        }
        let (internal, policy) = (self.random.below(8) == 0, self.random.below(4) != 0);
        let users: Vec<u32> = (0..USERS).filter(|_| self.random.below(4) == 0).collect();
        let (name, contact_name) = (format!("leg-{number}"), format!("contact-{contact}"));
        let started = self.clock.now();
        let new = Announcement {
            interaction: InteractionId::parse(&name).unwrap(),
            contact: ContactId::parse(&contact_name).unwrap(),
            segment: None,
            recorder: recorder(by),
            internal,
            policy,
            users: users.iter().map(|number| (user(*number), None)).collect(),
            started,
        };
        let caller = Self::caller(&self.tenant, "appliance");
        let result = block_on(self.control.announce(caller, new));
        let legs = self.model.legs.iter().filter(|leg| leg.contact == contact).count();
        if legs >= reelgate::control::MAX_LEGS {
            assert!(matches!(result, Err(ControlError::TooMany { .. })));
            return;
        }
        assert!(result.unwrap().0);
        let dropped = !policy || self.model.declined.contains(&contact);
        self.names.insert(number, (contact_name, name));
        self.model.legs.push(Leg {
            name: number,
            contact,
            recorder: by,
            screen: false,
            internal,
            policy,
            demand: Demand::None,
            masked: false,
            live: true,
            users: users.into_iter().map(|user| (user, (self.model.now, None))).collect(),
            lock: None,
            until: None,
            ledger: if dropped { vec![("drop", self.model.now)] } else { Vec::new() },
        });
    }

    fn live_calls(&self) -> Vec<usize> {
        let legs = self.model.legs.iter().enumerate();
        legs.filter(|(_, leg)| leg.live && !leg.screen).map(|(index, _)| index).collect()
    }

    fn pick(&mut self, from: &[usize]) -> Option<usize> {
        let count = u32::try_from(from.len()).unwrap();
        (count > 0).then(|| from[self.random.below(count) as usize])
    }

    fn event(&mut self) {
        let calls = self.live_calls();
        let Some(leg) = self.pick(&calls) else { return };
        let who = self.random.below(USERS);
        let to = self.random.below(USERS);
        let kinds = [EventKind::Joined, EventKind::Left, EventKind::Transferred, EventKind::Ended];
        let full = calls.len() > 12 && self.random.below(2) == 0;
        let kind = if full { EventKind::Ended } else { kinds[self.random.below(4) as usize] };
        if kind == EventKind::Ended && !full && self.random.below(3) != 0 {
            return;
        }
        let cause = format!("event {}", self.next);
        self.next += 1;
        let at = self.clock.now();
        let event = Event { kind, at, cause, user: Some(user(who)), to: Some(user(to)) };
        let id = InteractionId::parse(&self.names[&self.model.legs[leg].name].1).unwrap();
        let caller = Self::caller(&self.tenant, "appliance");
        block_on(self.control.report(caller, &id, &[event])).unwrap();
        let now = self.model.now;
        let leg = &mut self.model.legs[leg];
        let mut leave = |user| {
            leg.users.entry(user).and_modify(|part| part.1 = Some(now)).or_insert((now, Some(now)));
        };
        match kind {
            EventKind::Left => leave(who),
            EventKind::Ended => (leg.live, leg.lock) = (false, None),
            EventKind::Transferred => leave(who),
            _ => {}
        }
        let joins = match kind {
            EventKind::Joined => Some(who),
            EventKind::Transferred => Some(to),
            _ => None,
        };
        if let Some(joins) = joins {
            let part = leg.users.entry(joins).or_insert((now, None));
            // A join of the instant of a leave is the earlier of the two.
            if part.1.is_some_and(|left| left < now) {
                *part = (now, None);
            }
        }
    }

    fn order(&mut self) {
        let who = self.random.below(USERS);
        let asks = [
            (Ask::Voice, Order::StartVoice),
            (Ask::Both, Order::StartVoiceAndScreen),
            (Ask::Stop, Order::Stop),
            (Ask::Mask, Order::Mask),
            (Ask::Unmask, Order::Unmask),
            (Ask::Mask, Order::Mask),
            (Ask::Unmask, Order::Unmask),
            (Ask::Decline, Order::DoNotRecord),
        ];
        // A customer declines seldom, or nothing else would happen.
        let number = if self.random.below(40) == 0 { 7 } else { self.random.below(7) };
        let (ask, order) = asks[number as usize];
        let leg = self.model.latest(who, false);
        let expected = self.model.ask(who, ask);
        let result =
            block_on(self.control.order(Self::caller(&self.tenant, "agent"), &user(who), order));
        self.compare(&format!("{ask:?} of user {who}"), expected, result, leg);
    }

    fn compare(
        &mut self,
        what: &str,
        expected: Word,
        result: Result<Ticket, ControlError>,
        leg: Option<usize>,
    ) {
        assert_eq!(word(&result), expected, "{what}, leg {:?}", leg.map(|l| &self.model.legs[l]));
        *self.counts.entry(expected.to_owned()).or_default() += 1;
        if let (Ok(ticket), Some(leg)) = (result, leg) {
            let row = &ticket.interaction;
            assert_eq!(row.id.as_str(), self.names[&self.model.legs[leg].name].1, "{what}");
            if ticket.verdict == Verdict::InFlight {
                self.in_flight.insert(ticket.request.clone(), self.model.request);
            }
            self.tickets.push((ticket, leg));
        }
    }

    fn screen(&mut self) {
        let who = self.random.below(USERS);
        if self.random.below(3) == 0 {
            let Some(leg) = self.model.latest(who, true) else { return };
            let contact = self.names[&self.model.legs[leg].name].0.clone();
            let expected = self.model.stop_screen(leg);
            let contact = ContactId::parse(&contact).unwrap();
            let caller = Self::caller(&self.tenant, "office");
            let result = block_on(self.control.stop_screen(caller, &user(who), &contact));
            self.compare("stop screen", expected, result, Some(leg));
            return;
        }
        let seconds = 5 + self.random.below(60);
        let number = self.next;
        self.next += 1;
        let running = self.model.latest(who, true);
        let expected = self.model.start_screen(who, number, i64::from(seconds));
        let caller = Self::caller(&self.tenant, "office");
        let result = block_on(self.control.start_screen(caller, &user(who), seconds));
        if let (Ok(ticket), None) = (&result, running) {
            let row = &ticket.interaction;
            self.names.insert(number, (row.contact.to_string(), row.id.to_string()));
        }
        let leg = running.or_else(|| self.model.latest(who, true));
        self.compare("start screen", expected, result, leg);
    }

    /// Every recorder says something about its oldest command, or nothing.
    fn answers(&mut self) {
        for number in 0..RECORDERS {
            if !self.model.seen.contains_key(&number) {
                continue;
            }
            let caller = Self::caller(&self.tenant, "appliance");
            let open = block_on(self.control.commands(caller, &recorder(number))).unwrap();
            let Some(command) = open.first() else { continue };
            let said = [AckState::Done, AckState::Done, AckState::Accepted, AckState::Refused];
            let state = said[self.random.below(4) as usize];
            if self.random.below(4) == 0 {
                continue;
            }
            let ack = Ack { state, effective: None, media_ms: None, reason: None };
            let result = block_on(self.control.acknowledge(caller, &command.new.id, &ack));
            let stale = command.state == CommandState::Expired;
            if stale && state == AckState::Accepted {
                // It holds already; the recorder is late, and says so.
                result.unwrap();
                continue;
            }
            result.unwrap();
            let name = command.new.interaction.as_str();
            let leg = self.model.legs.iter().position(|leg| self.names[&leg.name].1 == name);
            let leg = leg.unwrap();
            // Only what holds the leg has anything to permit.
            let request = self.in_flight.get(&command.new.request).copied();
            if let Some(request) = request
                && command.state.is_in_flight()
                && !is_queued(command)
            {
                let said = match state {
                    AckState::Done => "done",
                    AckState::Accepted if command.state == CommandState::Accepted => continue,
                    AckState::Accepted => "accepted",
                    AckState::Refused => "refused",
                };
                self.model.answered(leg, request, said);
            }
        }
    }

    fn restart(&mut self, folder: &Path) {
        block_on(self.catalog.close());
        (self.catalog, self.control) = open(folder, &self.clock);
    }

    /// What every user is told must be what the model knows.
    fn statuses(&self) {
        for who in 0..USERS {
            let leg = self.model.latest(who, false).or_else(|| self.model.latest(who, true));
            let view = block_on(self.control.status(&self.tenant, &user(who)));
            let Some(leg) = leg else {
                assert!(matches!(view, Err(ControlError::NotLive { .. })), "user {who}");
                continue;
            };
            let (view, leg_of) = (view.unwrap(), &self.model.legs[leg]);
            assert_eq!(view.interaction.id.as_str(), self.names[&leg_of.name].1, "user {who}");
            let recorded = self.model.recorded(leg);
            let (alive, masked) = (self.model.alive(leg_of.recorder), leg_of.masked);
            let status = view.status.name();
            let fits = match status {
                "Recording" => recorded && alive && !masked,
                "RecordingFailure" => recorded && !alive,
                "Stopped" => !recorded || (alive && masked),
                _ => !recorded && leg_of.demand == Demand::None,
            };
            assert!(fits, "user {who} is told {status}: {leg_of:?}");
            assert_eq!(view.interaction.masked, masked, "user {who}: {leg_of:?}");
        }
    }

    /// Requests whose legs are free have an answer, and it is the right one.
    fn outcomes(&mut self) {
        let tickets = std::mem::take(&mut self.tickets);
        for (ticket, leg) in tickets {
            let answer = block_on(self.control.outcome(&ticket)).unwrap();
            let free =
                self.model.legs[leg].lock.is_none_or(|(until, _, _)| until <= self.model.now);
            match answer {
                Some(answer) => {
                    let outcome = format!("{:?}", answer.outcome);
                    *self.counts.entry(outcome).or_default() += 1;
                    let held = ticket.verdict != Verdict::InFlight;
                    assert!(
                        held || free || answer.outcome == Outcome::Accepted || {
                            // Another request holds it by now.
                            self.model.legs[leg].lock.is_some()
                        }
                    );
                }
                None => self.tickets.push((ticket, leg)),
            }
        }
        assert!(self.tickets.len() < 200, "requests are never answered");
    }

    fn ledgers(&self) {
        for leg in &self.model.legs {
            let id = InteractionId::parse(&self.names[&leg.name].1).unwrap();
            let rulings = block_on(self.catalog.rulings(&self.tenant, &id)).unwrap();
            let found: Vec<(String, i64)> = rulings
                .iter()
                .map(|ruling| (ruling.kind.name().to_owned(), ruling.at.as_millisecond()))
                .collect();
            let expected: Vec<(String, i64)> =
                leg.ledger.iter().map(|(word, at)| ((*word).to_owned(), *at)).collect();
            assert_eq!(found, expected, "{leg:?}");
        }
    }
}

fn is_queued(command: &reelgate::catalog::CommandRow) -> bool {
    command.new.deadline >= reelgate::catalog::NO_DEADLINE
}

#[test]
fn random_control_agrees_with_the_model() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seed: u64 = number("REELGATE_SEED").unwrap_or(20_261_128);
    let steps = u32::try_from(number("REELGATE_STEPS").unwrap_or(u64::from(STEPS))).unwrap();
    println!("REELGATE_SEED={seed}");
    // Thousands of commits: on a disk of memory, where there is one.
    let memory = Path::new("/dev/shm");
    let folder = match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    };
    let mut pair = Pair::new(folder.path(), seed);
    for step in 0..steps {
        match pair.random.below(100) {
            0..=4 => {
                let number = pair.random.below(RECORDERS);
                pair.heartbeat(number);
            }
            5..=12 => pair.announce(),
            13..=24 => pair.event(),
            25..=59 => pair.order(),
            60..=69 => pair.screen(),
            70..=89 => pair.answers(),
            90..=97 => {
                let millis = [10, 100, 1500, 6000][pair.random.below(4) as usize];
                pair.advance(millis);
            }
            _ => pair.restart(folder.path()),
        }
        pair.advance(1);
        if step % 5 == 0 {
            pair.statuses();
            pair.outcomes();
        }
    }
    pair.advance(40_000);
    pair.outcomes();
    pair.ledgers();
    println!("{steps} steps, {} interactions, {:?}", pair.model.legs.len(), pair.counts);
    for what in ["holds", "queued", "in flight", "locked", "declined", "unreachable", "internal"] {
        assert!(pair.counts.contains_key(what), "{what} never happened");
    }
}
