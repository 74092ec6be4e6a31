//! The kernel's end of a connection: `std::net` in a thread, and the kernel's own word on its states.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::{Context as _, anyhow, ensure};
use stack::{FourTuple, State};
use tokio::sync::oneshot;

use super::{PATIENCE, Part};

/// States as the kernel told them, each with the one that was expected.
type Seen = Vec<(State, State)>;

/// A thread that plays a part on a socket of the kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    done: oneshot::Receiver<anyhow::Result<Seen>>,
}

impl Kernel {
    /// Connects and plays.
    pub(super) fn connect(to: SocketAddr, part: Part) -> Self {
        Self::spawn(move || {
            let stream =
                TcpStream::connect_timeout(&to, PATIENCE).with_context(|| format!("cannot connect to {to}"))?;
            talk(stream, part)
        })
    }

    /// Listens, accepts one connection and plays. Gives where it listens.
    pub(super) fn listen(at: SocketAddr, part: Part) -> anyhow::Result<(SocketAddr, Self)> {
        let listener = TcpListener::bind(at).with_context(|| format!("the kernel cannot listen on {at}"))?;
        let at = listener.local_addr()?;
        let kernel = Self::spawn(move || {
            let (stream, _) = listener.accept()?;
            talk(stream, part)
        });
        Ok((at, kernel))
    }

    fn spawn(play: impl FnOnce() -> anyhow::Result<Seen> + Send + 'static) -> Self {
        let (tell, done) = oneshot::channel();
        // Nobody listens any more when the case has failed at our end.
        thread::spawn(move || tell.send(play()));
        Self { done }
    }

    /// Waits until the part is played.
    pub(super) async fn join(self) -> anyhow::Result<Seen> {
        self.done.await.map_err(|_| anyhow!("its thread failed"))?
    }
}

fn talk(stream: TcpStream, part: Part) -> anyhow::Result<Seen> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let tuple = FourTuple::new(stream.local_addr()?, stream.peer_addr()?);
    let mut seen = vec![(state_of(&tuple), State::Established)];
    let mut heard = vec![0; part.hear.len()];
    thread::scope(|scope| {
        let speaks = scope.spawn(|| (&stream).write_all(&part.say));
        let read = (&stream).read_exact(&mut heard);
        speaks
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("its thread failed")))
            .and(read)
    })?;
    ensure!(heard == part.hear, "what came is not what was sent");
    if part.closes_first {
        stream.shutdown(Shutdown::Write)?;
    }
    ensure!((&stream).read(&mut heard)? == 0, "more came than was sent");
    if !part.closes_first {
        seen.push((state_of(&tuple), State::CloseWait));
        stream.shutdown(Shutdown::Write)?;
    }
    Ok(seen)
}

/// Asks the kernel, in this namespace alone, not to take a busy machine for a lossy link: without this it sends again what
/// we had no time to acknowledge for a few milliseconds (tail loss probes, RFC 8985 section 7), and a clean run would not
/// look clean. Kernels that lack a setting do no harm, they are only less patient.
pub(super) fn be_patient() {
    for (setting, value) in [("tcp_early_retrans", "0"), ("tcp_rto_min_us", "2000000")] {
        let _ = fs::write(format!("/proc/sys/net/ipv4/{setting}"), value);
    }
}

/// What the kernel says of a connection, as it names it. CLOSED where it knows none.
pub(super) fn state_of(tuple: &FourTuple) -> State {
    let table = if tuple.local_addr.is_ipv4() {
        "/proc/self/net/tcp"
    } else {
        "/proc/self/net/tcp6"
    };
    let text = fs::read_to_string(table).unwrap_or_default();
    find(&text, tuple).unwrap_or(State::Closed)
}

/// The state of a connection in `/proc/net/tcp` or `/proc/net/tcp6`.
fn find(table: &str, tuple: &FourTuple) -> Option<State> {
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (local, remote, state) = (socket(fields.next()?)?, socket(fields.next()?)?, fields.next()?);
        (local == tuple.local() && remote == tuple.remote()).then(|| state_named(state))?
    })
}

/// `0100070A:0050`: each 32-bit word of the address in hexadecimal in the machine's own byte order, then the port.
fn socket(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let word = |at: usize| {
        Some(
            u32::from_str_radix(address.get(8 * at..8 * at + 8)?, 16)
                .ok()?
                .to_ne_bytes(),
        )
    };
    let address: IpAddr = match address.len() {
        8 => Ipv4Addr::from(word(0)?).into(),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            Ipv6Addr::from(<[u8; 16]>::try_from(words.as_flattened()).ok()?).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}

/// The numbers of `include/net/tcp_states.h`.
fn state_named(number: &str) -> Option<State> {
    Some(match number {
        "01" => State::Established,
        "02" => State::SynSent,
        "03" | "0C" => State::SynReceived,
        "04" => State::FinWait1,
        "05" => State::FinWait2,
        "06" => State::TimeWait,
        "07" => State::Closed,
        "08" => State::CloseWait,
        "09" => State::LastAck,
        "0A" => State::Listen,
        "0B" => State::Closing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(local: &str, remote: &str) -> FourTuple {
        FourTuple::new(local.parse().unwrap(), remote.parse().unwrap())
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_tables_are_read() {
        const V4: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt\n\
             0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n\
             1: 0100070A:9C41 0200070A:0050 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0\n";
        const V6: &str = "  sl  local_address                         remote_address                        st\n\
             0: 000007FD000000000000000001000000:0050 000007FD000000000000000002000000:C001 08 00000000:00000000\n";
        for (name, table, tuple, expected) in [
            (
                "IPv4",
                V4,
                tuple("10.7.0.1:40001", "10.7.0.2:80"),
                Some(State::TimeWait),
            ),
            ("another port", V4, tuple("10.7.0.1:40002", "10.7.0.2:80"), None),
            (
                "IPv6",
                V6,
                tuple("[fd07::1]:80", "[fd07::2]:49153"),
                Some(State::CloseWait),
            ),
            ("rubbish", "x\n0: zz:0 1 2\n", tuple("10.7.0.1:1", "10.7.0.2:2"), None),
            ("nothing", "", tuple("10.7.0.1:1", "10.7.0.2:2"), None),
        ] {
            assert_eq!(find(table, &tuple), expected, "{name}");
        }
    }

    #[test]
    fn a_connection_of_this_machine_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let tuple = FourTuple::new(client.local_addr().unwrap(), client.peer_addr().unwrap());
        assert_eq!(state_of(&tuple), State::Established);
        assert_eq!(
            state_of(&tuple.reversed()),
            State::Established,
            "as the server names it"
        );
    }
}
