//! The body of the fuzz target `options`: arbitrary bytes as the options of a TCP header, and options out of arbitrary values.

use syndic_wire::option::{Options, SackBlocks, Timestamps, WindowScale};
use syndic_wire::seq::SeqNumber;

/// Reads the input as options, and writes what was read; then the input says what to write, and that is read.
///
/// Panics when anything is wrong.
pub(crate) fn run(data: &[u8]) {
    if let Ok(read) = Options::parse(data) {
        written_is_read(&read);
    }
    written_is_read(&options(data));
}

/// Options out of arbitrary bytes.
pub(crate) fn options(data: &[u8]) -> Options {
    let mut bytes = data.iter().copied();
    let mut byte = || bytes.next().unwrap_or_default();
    let which = byte();
    let mut word = || u32::from_be_bytes([byte(), byte(), byte(), byte()]);
    let mut sack = SackBlocks::default();
    for _ in 0..which >> 5 {
        sack.push(SeqNumber::new(word()), SeqNumber::new(word()));
    }
    Options {
        mss: (which & 1 != 0).then(|| word() as u16),
        window_scale: (which & 2 != 0).then(|| WindowScale::new(word() as u8)),
        sack_permitted: which & 4 != 0,
        timestamps: (which & 8 != 0).then(|| Timestamps {
            val: word(),
            ecr: word(),
        }),
        sack,
        ..Options::default()
    }
}

/// What is written says the same when it is read, but for SACK blocks that 40 bytes have no room for; written again it is the
/// same bytes.
fn written_is_read(options: &Options) {
    let len = options.len();
    assert!(len <= 40 && len.is_multiple_of(4), "{len} bytes of {options:?}");
    let mut bytes = [0xff; 40];
    assert_eq!(options.emit(&mut bytes), len, "{options:?}");
    assert!(
        bytes[len..].iter().all(|&b| b == 0xff),
        "written past the end: {options:?}"
    );
    let read = Options::parse(&bytes[..len]).expect("what we write can be read");
    let (written, kept) = (options.sack.as_slice(), read.sack.as_slice());
    assert!(written.starts_with(kept), "{written:?} became {kept:?}");
    let room = len + 8 * (written.len() - kept.len()) > 40;
    assert!(
        written.len() == kept.len() || room,
        "{kept:?} of {written:?} in {len} bytes"
    );
    let without_sack = |options: &Options| Options {
        sack: SackBlocks::default(),
        ..*options
    };
    assert_eq!(without_sack(&read), without_sack(options));
    let mut again = [0xff; 40];
    assert_eq!(read.emit(&mut again), len, "{options:?}");
    assert_eq!(again, bytes, "{options:?}");
    if len > 0 {
        let mut short = vec![0xff; len - 1];
        assert_eq!(options.emit(&mut short), 0, "into too little room: {options:?}");
    }
}
