//! SYN cookies: connections opened without an entry, and what must not be opened by one (RFC 4987 section 3.6).

mod entry;
mod epoch;
mod forgery;
mod offer;
mod spent;

use syndic_stack::*;

use crate::rig::*;

const S: fn(u64) -> Duration = Duration::from_secs;

fn listen(rig: &mut Rig, syn_cookies: SynCookies) -> ListenerId {
    let local = rig.local();
    rig.listen_with(ListenOptions {
        syn_cookies,
        syn_backlog: 4,
        ..ListenOptions::new(local)
    })
}

/// A SYN with all options.
fn rich_syn() -> Seg {
    Seg::new("S", 0).mss(1460).wscale(11).sack_ok().ts(PEER_TS, 0)
}

/// The SYN-ACK's TSval.
fn tsval(seg: &Seg) -> u32 {
    seg.options.timestamps.expect("timestamps").val
}

/// A rig whose listener never keeps an entry, and which has answered a plain SYN.
fn answered() -> (Rig, ListenerId) {
    let mut rig = Rig::plain();
    let listener = listen(&mut rig, SynCookies::Always);
    rig.inject(Seg::new("S", 0).mss(1000));
    rig.expect("S.", 0, 0, 1);
    assert_eq!(rig.stack.counts(), (0, 0, 0), "nothing is kept");
    (rig, listener)
}

fn accepts_nothing(rig: &mut Rig, listener: ListenerId) {
    assert_eq!(rig.stack.accept(rig.now(), listener), Ok(None));
}
