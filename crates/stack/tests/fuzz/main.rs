//! The fuzz targets `input`, `connection` and `reassembly` over inputs from seeds, so that a plain `cargo test` plays them too, in a
//! bounded time. `fuzz/README.md` says how cargo-fuzz runs the same bodies.

mod body;
mod bytes;
mod connection;
#[path = "../../../../fuzz/kept.rs"]
mod kept;
mod reassembly;

/// Inputs of a plain run.
const INPUTS: u64 = 3_000;
/// And of the targets that compare with a model or run two stacks, which takes longer.
const PAIRS: u64 = 400;

/// Says which input it was, when the body panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input of seed {}", self.0);
        }
    }
}

/// The bytes of a seed: xorshift64*, up to 1,500 of them.
fn input(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    };
    let len = next() % 1500;
    (0..len).map(|_| next() as u8).collect()
}

#[test]
fn inputs_from_seeds() {
    for seed in 0..INPUTS {
        let _named = Named(seed);
        body::run(&input(seed));
    }
}

#[test]
fn no_input_at_all() {
    body::run(&[]);
}

#[test]
fn connections_from_seeds() {
    for seed in 0..PAIRS {
        let _named = Named(seed);
        connection::run(&input(seed));
    }
    connection::run(&[]);
}

#[test]
fn reassembly_from_seeds() {
    for seed in 0..PAIRS {
        let _named = Named(seed);
        reassembly::run(&input(seed));
    }
}

#[test]
fn inputs_that_were_kept() {
    kept::play("input", body::run);
    kept::play("connection", connection::run);
    kept::play("reassembly", reassembly::run);
}
