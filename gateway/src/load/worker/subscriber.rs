//! A subscriber: comes into its rooms, and keeps account of what it gets.

use super::desk::Desk;
use super::peer::Stage;
use crate::load::dialect::Heard;
use crate::load::frames::{self, Say};
use crate::load::ledger::{Track, Verdict};
use crate::load::marker::{Found, Mark};
use crate::load::tally::Account;

/// A subscriber's side of a connection.
pub(super) struct Subscriber {
    /// The first of its rooms.
    first: u32,
    /// Whether it stops reading once it is ready.
    pub(super) slow: bool,
    /// Whether its filter lets the run's events through.
    expects: bool,
    /// One for each stream of its rooms.
    tracks: Vec<Track>,
    /// Events in gaps that it was told of.
    told: u64,
    /// Whether it was ready before.
    returns: bool,
}

impl Subscriber {
    pub(super) fn new(number: u32, desk: &Desk<'_>) -> Self {
        let share = desk.shared.plan.slow;
        // Evenly spread: each time that the share passes a whole number.
        let slow = (f64::from(number + 1) * share).floor() > (f64::from(number) * share).floor();
        let expects = desk.filter_of(number).is_none_or(|filter| desk.lets[filter]);
        let first = desk.shared.layout.first_room(number);
        Self { first, slow, expects, tracks: Vec::new(), told: 0, returns: false }
    }

    /// Asks for its rooms. Answers how many answers come.
    pub(super) fn enter(&mut self, number: u32, desk: &Desk<'_>, out: &mut Vec<u8>) -> u32 {
        let (plan, layout) = (&desk.shared.plan, &desk.shared.layout);
        self.tracks = vec![Track::default(); layout.tracks()];
        self.told = 0;
        let filter = desk.filter_of(number).map(|filter| &*plan.filters[filter]).unwrap_or_default();
        let mut rooms = layout.rooms_of(self.first).map(|room| plan.room(room));
        plan.dialect.enter(&mut rooms, filter, &mut |text| frames::put(out, Say::Text, text.as_bytes()))
    }

    /// It is in its rooms: what is sent from here on is to come.
    pub(super) fn ready(&mut self, desk: &mut Desk<'_>) -> Stage {
        let shared = desk.shared;
        for (track, stream) in shared.layout.streams_in(self.first) {
            self.tracks[track].begin(shared.sent(stream));
        }
        self.account(desk).ready += 1;
        if std::mem::replace(&mut self.returns, true) {
            desk.tally.came_back += 1;
        }
        desk.told.subscribers += 1;
        if self.slow {
            desk.told.slow += 1;
            return Stage::Deaf;
        }
        if self.expects {
            shared.member(self.first, true);
        }
        Stage::Ready
    }

    /// It is no longer in its rooms. `tail`: all that was sent should have come by now.
    pub(super) fn gone(&mut self, tail: bool, desk: &mut Desk<'_>) {
        let shared = desk.shared;
        desk.told.subscribers -= 1;
        if self.slow {
            desk.told.slow -= 1;
        } else if self.expects {
            shared.member(self.first, false);
        }
        let tracks = std::mem::take(&mut self.tracks);
        let mut lost = 0;
        for (track, stream) in shared.layout.streams_in(self.first).filter(|_| self.expects) {
            let (sent, track) = (shared.sent(stream), &tracks[track]);
            if !self.slow {
                desk.settled += track.to_come(sent);
            }
            let missing = track.missing(if tail { sent } else { 0 });
            lost += missing.map(|range| shared.refused().published(stream as u16, range)).sum::<u64>();
        }
        let told = self.told;
        let account = self.account(desk);
        account.missing += lost.saturating_sub(told);
        account.at_end += u64::from(tail);
    }

    /// Takes a message; what has to be said to it goes into `out`. Answers what it answers, where it is an answer.
    pub(super) fn hear(
        &mut self,
        message: &[u8],
        stage: Stage,
        desk: &mut Desk<'_>,
        out: &mut Vec<u8>,
    ) -> Option<Result<(), String>> {
        match desk.shared.marker.find(message, &mut desk.hint) {
            Found::Whole(mark) => self.delivered(mark, stage, desk),
            Found::Torn => self.account(desk).torn += 1,
            Found::Foreign => self.account(desk).foreign += 1,
            Found::Nothing => match desk.shared.plan.dialect.read(message) {
                Heard::Answer(answer) => return Some(answer),
                Heard::Gap(events) => {
                    self.told += events;
                    let account = self.account(desk);
                    account.gaps += 1;
                    account.in_gaps += events;
                }
                Heard::Ask(text) => frames::put(out, Say::Text, text.as_bytes()),
                Heard::Other => {}
                Heard::Unreadable => self.account(desk).torn += 1,
            },
        }
        None
    }

    fn delivered(&mut self, mark: Mark, stage: Stage, desk: &mut Desk<'_>) {
        if stage == Stage::Parting {
            return;
        }
        let shared = desk.shared;
        let Some(track) = shared.layout.track(self.first, mark.stream.into()).filter(|_| self.expects) else {
            self.account(desk).strayed += 1;
            return;
        };
        let mut lost = 0;
        let verdict = self.tracks[track]
            .take(mark.sequence, |range| lost = shared.refused().published(mark.stream, range));
        if let (Verdict::New(settled), false) = (verdict, self.slow || stage != Stage::Ready) {
            desk.settled += settled;
        }
        let measured = desk.schedule.is_some_and(|schedule| schedule.measures(desk.now));
        let doubled = verdict == Verdict::Doubled;
        if !self.slow && !doubled && desk.schedule.is_some_and(|schedule| mark.time >= schedule.warm) {
            desk.tally.latency.saturating_record(desk.now.saturating_sub(mark.time));
        }
        desk.told.deliveries += 1;
        let account = self.account(desk);
        account.missing += lost;
        account.deliveries += 1;
        account.measured += u64::from(measured && !doubled);
        match verdict {
            Verdict::New(_) => {}
            Verdict::Late => account.disordered += 1,
            Verdict::Doubled => account.doubled += 1,
        }
    }

    /// Where it is counted.
    pub(super) fn account<'d>(&self, desk: &'d mut Desk<'_>) -> &'d mut Account {
        if self.slow { &mut desk.tally.slow } else { &mut desk.tally.readers }
    }
}
