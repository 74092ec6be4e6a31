//! Opening a connection (RFC 9293 sections 3.5 and 3.10.7).

use crate::rig::*;
use syndic_stack::*;

#[test]
fn passive_open_in_three_steps() {
    let mut rig = Rig::plain();
    let listener = rig.listen();
    rig.inject(Seg::new("S", 0).mss(1460));
    assert_eq!(rig.state(), State::SynReceived);
    let syn_ack = rig.expect("S.", 0, 0, 1);
    assert_eq!(syn_ack.options.mss, Some(1460));
    rig.inject(Seg::new(".", 1).ack(1));
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.events(), [Event::Acceptable(listener)]);
    let id = rig.accept(listener);
    rig.inject(Seg::new("P.", 1).ack(1).data(100));
    rig.expect(".", 1, 0, 101);
    assert_eq!(rig.read(id), pattern(1, 100));
}

#[test]
fn active_open_and_close_in_full() {
    let mut rig = Rig::plain();
    let id = rig.open_active();
    assert_eq!(rig.state(), State::Established);
    assert_eq!(rig.send(id, 1, 1500), 1500);
    rig.expect(".", 1, 1000, 1);
    rig.expect_nothing();
    rig.inject(Seg::new(".", 1).ack(1001));
    rig.expect("P.", 1001, 500, 1);
    rig.inject(Seg::new(".", 1).ack(1501));
    rig.close(id);
    assert_eq!(rig.state(), State::FinWait1);
    rig.expect("F.", 1501, 0, 1);
    rig.inject(Seg::new(".", 1).ack(1502));
    assert_eq!(rig.state(), State::FinWait2);
    rig.inject(Seg::new("F.", 1).ack(1502));
    rig.expect(".", 1502, 0, 2);
    assert_eq!(rig.state(), State::TimeWait);
    rig.advance(Duration::from_secs(61));
    assert_eq!(rig.state(), State::Closed);
    rig.assert_quiet();
}
