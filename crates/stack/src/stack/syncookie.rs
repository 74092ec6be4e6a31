//! An acknowledgment that no entry expects: it may bring a cookie of ours back (RFC 4987 section 3.6).

use wire::tcp::Header;

use super::arrival::Arrived;
use super::handshake::NoRoom;
use super::{Stack, context};
use crate::observer::{Cause, Observer, Why};
use crate::tcp::connection::Settled;
use crate::tcp::cookie::{self, Class, Offer, Refusal, Verified};
use crate::tcp::ecn::Ecn;
use crate::tcp::state::{Arrow, State};
use crate::tcp::timestamps::Timestamps;
use crate::time::Now;
use crate::tuple::FourTuple;

impl<O: Observer> Stack<O> {
    /// An ACK to a listener: RFC 9293 section 3.10.7.2, second, has it reset, unless it brings a cookie.
    pub(super) fn listener_ack(&mut self, now: Now, listener: u16, arrived: &mut Arrived) -> Result<(), Why> {
        let (tuple, header, len) = (arrived.place.tuple, &arrived.header, arrived.payload.len());
        let verified = self.read_cookie(now, tuple, listener, header, len)?;
        if self.spent.has(now.mono, &self.keys, &tuple, header.seq - 1) {
            self.reset(now, tuple, header, len, Cause::ResetNobody)?;
            return Err(Why::CookieSpent);
        }
        self.admit_connection(now, tuple, listener, header, len)
            .map_err(NoRoom::why)?;
        let Offer {
            mss,
            window_scale,
            sack,
            ecn,
            ..
        } = verified.offer;
        let ts = header.options.timestamps.filter(|_| verified.offer.timestamps);
        let settled = Settled {
            tuple,
            iss: header.ack - 1,
            irs: header.seq - 1,
            mss,
            window_scale,
            sack,
            ts: ts.map(|option| Timestamps::after(option.ecr, option.val, now.mono)),
            retransmissions: 0,
            syn_ack_at: None,
            epoch: Some(verified.epoch),
            ecn: Ecn::new(ecn, ecn),
        };
        self.counters.cookies_taken = self.counters.cookies_taken.wrapping_add(1);
        context!(self, now).step(tuple, State::Listen, Arrow::CookieReturns);
        self.establish(now, listener, &settled, arrived);
        Ok(())
    }

    /// The cookie that an acknowledgment brings. What brings none is reset, but for text while cookies are in flight: its
    /// sender may have our SYN-ACK and have lost the segment that brought the cookie, which it will send again.
    pub(super) fn read_cookie(
        &mut self,
        now: Now,
        tuple: FourTuple,
        listener: u16,
        header: &Header,
        len: usize,
    ) -> Result<Verified, Why> {
        let in_flight = self.listeners.at(listener).map(|l| l.in_flight).unwrap_or_default();
        if !in_flight.any(now.unix_s) || header.flags.syn() {
            self.reset(now, tuple, header, len, Cause::ResetBadAck)?;
            return Err(Why::NotSyn);
        }
        let iss = header.ack - 1;
        let is_bare = cookie::class_of(iss) == Class::Bare;
        if is_bare && !self.bare_cookies.is_open(now.mono) {
            return Err(Why::CookieBudget);
        }
        let tsecr = header.options.timestamps.map(|option| option.ecr);
        let bound = self.bound(tuple, header.seq - 1);
        let why = match self.mint.verify(now.unix_s, &in_flight, &bound, iss, tsecr) {
            Ok(verified) => {
                if is_bare {
                    self.bare_cookies.on_taken(now.mono);
                }
                return Ok(verified);
            }
            Err(Refusal::NotInFlight) => Why::NotSyn,
            Err(Refusal::NoTimestamps) => Why::CookieNoTimestamps,
            Err(Refusal::BadCode) => {
                self.bare_cookies.on_failure(now.mono);
                Why::BadCookie
            }
        };
        if len > 0 || header.flags.fin() {
            return Err(Why::CookieUnproven);
        }
        self.reset(now, tuple, header, len, Cause::ResetBadAck)?;
        Err(why)
    }
}
