//! The C interface: `packetdrill_interface_init` and the 32 functions that it hands out.
//!
//! Every function takes the `userdata` of its table first, answers -1 with `errno` where it fails, and never lets a panic
//! out: then everything behind that table has ended, the answer is -1 with EFAULT, and later ones are -1 with EBADF. The one
//! exception is `netdev_receive`, whose caller would ask for ever: it answers 0 and no packet.
//!
//! `fcntl` and `ioctl` are variadic in C. Rust cannot define such functions on stable; on Linux of x86-64 and AArch64 an
//! argument behind the dots comes where a named one would, and where the caller gave none the value is not looked at.

use std::ffi::CStr;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use libc::{
    c_char, c_int, c_long, c_uint, c_ulong, c_void, epoll_event, iovec, loff_t, msghdr, nfds_t, pollfd, size_t,
    sockaddr, socklen_t, ssize_t, timeval,
};
use stack::Duration;

use crate::calls::Answer;
use crate::errno::Errno;
use crate::flags::Flags;
use crate::hook::Hook;
use crate::memory::{self, Vector};
use crate::net::Net;
use crate::socket::File;

/// `struct packetdrill_interface`: 264 bytes on LP64.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "each is the call of its name")]
pub struct Interface {
    pub userdata: *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void),
    pub socket: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int) -> c_int,
    pub bind: unsafe extern "C" fn(*mut c_void, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int,
    pub accept: unsafe extern "C" fn(*mut c_void, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: unsafe extern "C" fn(*mut c_void, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, size_t) -> ssize_t,
    pub readv: unsafe extern "C" fn(*mut c_void, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, size_t, c_int) -> ssize_t,
    pub recvfrom:
        unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, size_t, c_int, *mut sockaddr, *mut socklen_t) -> ssize_t,
    pub recvmsg: unsafe extern "C" fn(*mut c_void, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, size_t) -> ssize_t,
    pub writev: unsafe extern "C" fn(*mut c_void, c_int, *const iovec, c_int) -> ssize_t,
    pub send: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, size_t, c_int) -> ssize_t,
    pub sendto:
        unsafe extern "C" fn(*mut c_void, c_int, *const c_void, size_t, c_int, *const sockaddr, socklen_t) -> ssize_t,
    pub sendmsg: unsafe extern "C" fn(*mut c_void, c_int, *const msghdr, c_int) -> ssize_t,
    pub fcntl: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_long) -> c_int,
    pub ioctl: unsafe extern "C" fn(*mut c_void, c_int, c_ulong, *mut c_void) -> c_int,
    pub close: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    pub shutdown: unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int,
    pub getsockopt: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: unsafe extern "C" fn(*mut c_void, *mut pollfd, nfds_t, c_int) -> c_int,
    pub netdev_send: unsafe extern "C" fn(*mut c_void, *const c_void, size_t) -> c_int,
    pub netdev_receive: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut size_t, *mut i64) -> c_int,
    pub usleep: unsafe extern "C" fn(*mut c_void, c_uint) -> c_int,
    pub gettimeofday: unsafe extern "C" fn(*mut c_void, *mut timeval, *mut c_void) -> c_int,
    pub epoll_create: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    pub epoll_ctl: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut epoll_event) -> c_int,
    pub epoll_wait: unsafe extern "C" fn(*mut c_void, c_int, *mut epoll_event, c_int, c_int) -> c_int,
    pub pipe: unsafe extern "C" fn(*mut c_void, *mut c_int) -> c_int,
    pub splice: unsafe extern "C" fn(*mut c_void, c_int, *mut loff_t, c_int, *mut loff_t, size_t, c_uint) -> ssize_t,
}

/// Every table that was handed out and not given back, for the exported `getsockopt`.
static LIVE: Mutex<Vec<Weak<Hook>>> = Mutex::new(Vec::new());

/// Fills in the table. `flags` is what [`Flags`] reads, or null; what cannot be read is named on standard error, and the
/// process ends with status 2, for the interface has no other way to refuse.
///
/// # Safety
/// `flags` is null or ends with a zero byte; `interface` points to room for an [`Interface`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(flags: *const c_char, interface: *mut Interface) {
    let text = if flags.is_null() {
        String::new()
    } else {
        // SAFETY: the caller's word.
        unsafe { CStr::from_ptr(flags) }.to_string_lossy().into_owned()
    };
    let flags = Flags::parse(&text).unwrap_or_else(|error| {
        eprintln!("syndic-hook: {error}");
        std::process::exit(2)
    });
    let hook = Arc::new(Hook::new(&flags));
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.retain(|one| one.strong_count() > 0);
    live.push(Arc::downgrade(&hook));
    let table = table(Arc::into_raw(hook).cast_mut().cast());
    // SAFETY: the caller's word. A null pointer has nowhere to be told of.
    let _ = unsafe { memory::write_value(table, interface) };
}

fn table(userdata: *mut c_void) -> Interface {
    Interface {
        userdata,
        free,
        socket,
        bind,
        listen,
        accept,
        connect,
        read,
        readv,
        recv,
        recvfrom,
        recvmsg,
        write,
        writev,
        send,
        sendto,
        sendmsg,
        fcntl,
        ioctl,
        close,
        shutdown,
        getsockopt: getsockopt_of,
        setsockopt,
        poll,
        netdev_send,
        netdev_receive,
        usleep,
        gettimeofday,
        epoll_create,
        epoll_ctl,
        epoll_wait,
        pipe,
        splice,
    }
}

/// The world behind `userdata`, kept alive for the length of a call.
///
/// # Safety
/// `userdata` is null or of a table that was not given back.
unsafe fn hook(userdata: *mut c_void) -> Result<Arc<Hook>, Errno> {
    if userdata.is_null() {
        return Err(Errno(libc::EFAULT));
    }
    let raw = userdata.cast_const().cast::<Hook>();
    // SAFETY: the pointer came from `Arc::into_raw`, and the table's own count stands until `free`.
    Ok(unsafe {
        Arc::increment_strong_count(raw);
        Arc::from_raw(raw)
    })
}

/// Runs a call; a panic ends the world behind the table.
///
/// # Safety
/// As [`hook`] asks.
unsafe fn run<R>(userdata: *mut c_void, f: impl FnOnce(&Hook) -> Result<R, Errno>) -> Result<R, Errno> {
    // SAFETY: the caller's word.
    let hook = unsafe { hook(userdata) }?;
    catch_unwind(AssertUnwindSafe(|| f(&hook))).unwrap_or_else(|_| {
        hook.end();
        Err(Errno(libc::EFAULT))
    })
}

/// A number as C has it: -1 and `errno` for an error.
fn number<N: TryFrom<usize> + From<i8>>(answer: Result<usize, Errno>) -> N {
    match answer {
        Ok(n) => N::try_from(n).unwrap_or_else(|_| N::from(i8::MAX)),
        Err(error) => {
            memory::set_errno(error);
            N::from(-1)
        }
    }
}

fn int(answer: Result<c_int, Errno>) -> c_int {
    answer.unwrap_or_else(|error| {
        memory::set_errno(error);
        -1
    })
}

fn done(answer: Result<(), Errno>) -> c_int {
    int(answer.map(|()| 0))
}

unsafe extern "C" fn free(userdata: *mut c_void) {
    if userdata.is_null() {
        return;
    }
    // SAFETY: the table's own count is given back here, once; calls that still run have theirs.
    let hook = unsafe { Arc::from_raw(userdata.cast_const().cast::<Hook>()) };
    hook.end();
}

unsafe extern "C" fn socket(userdata: *mut c_void, domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: packetdrill's word.
    int(unsafe { run(userdata, |hook| hook.call(|net| net.socket(domain, kind, protocol))) })
}

unsafe extern "C" fn bind(userdata: *mut c_void, fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let addr = memory::read_address(addr, len)?;
            hook.call(|net| net.bind(fd, addr))
        })
    })
}

unsafe extern "C" fn listen(userdata: *mut c_void, fd: c_int, backlog: c_int) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe { run(userdata, |hook| hook.call(|net| net.listen(fd, backlog))) })
}

unsafe extern "C" fn accept(userdata: *mut c_void, fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int {
    // SAFETY: packetdrill's word.
    int(unsafe {
        run(userdata, |hook| {
            let (fd, remote, is_v6) = hook.blocking(None, |net, _| net.accept(fd))?;
            memory::write_address(remote, is_v6, addr, len);
            Ok(fd)
        })
    })
}

unsafe extern "C" fn connect(userdata: *mut c_void, fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let addr = memory::read_address(addr, len)?;
            let mut is_first = true;
            hook.blocking(None, |net, _| {
                net.connect(fd, addr, std::mem::replace(&mut is_first, false))
            })
        })
    })
}

/// Every call that reads: at most `max` bytes.
fn received(hook: &Hook, fd: RawFd, max: usize, flags: c_int) -> Result<Vec<u8>, Errno> {
    let mut bytes = Vec::new();
    hook.blocking(None, |net, _| match net.files.get(&fd) {
        Some(File::PipeOut(_)) => {
            bytes = net.read_pipe(fd, max)?;
            Ok(())
        }
        _ => net.receive(fd, &mut bytes, max, flags),
    })?;
    Ok(bytes)
}

/// Every call that writes.
fn sent(hook: &Hook, fd: RawFd, data: Vec<u8>, flags: c_int) -> Result<usize, Errno> {
    let (mut data, mut count) = (Bytes::from(data), 0);
    hook.blocking(None, |net, _| match net.files.get(&fd) {
        Some(File::PipeIn(_)) => net.write_pipe(fd, &mut data, &mut count),
        _ => net.send(fd, &mut data, &mut count, flags),
    })
}

unsafe extern "C" fn read(userdata: *mut c_void, fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
    // SAFETY: packetdrill's word.
    unsafe { recv(userdata, fd, buf, len, 0) }
}

unsafe extern "C" fn readv(userdata: *mut c_void, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            let vector = Vector::new(iov, count)?;
            let bytes = received(hook, fd, vector.len(), 0)?;
            vector.scatter(&bytes)?;
            Ok(bytes.len())
        })
    })
}

unsafe extern "C" fn recv(userdata: *mut c_void, fd: c_int, buf: *mut c_void, len: size_t, flags: c_int) -> ssize_t {
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            let bytes = received(hook, fd, len, flags)?;
            if flags & libc::MSG_TRUNC == 0 {
                memory::write_bytes(&bytes, buf)?;
            }
            Ok(bytes.len())
        })
    })
}

unsafe extern "C" fn recvfrom(
    userdata: *mut c_void,
    fd: c_int,
    buf: *mut c_void,
    len: size_t,
    flags: c_int,
    _addr: *mut sockaddr,
    addr_len: *mut socklen_t,
) -> ssize_t {
    // SAFETY: packetdrill's word. TCP names nobody, as in Linux.
    unsafe {
        let answer = recv(userdata, fd, buf, len, flags);
        if answer >= 0 && !addr_len.is_null() {
            addr_len.write_unaligned(0);
        }
        answer
    }
}

unsafe extern "C" fn recvmsg(userdata: *mut c_void, fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            let vector = Vector::of_message(message)?;
            let bytes = received(hook, fd, vector.len(), flags)?;
            if flags & libc::MSG_TRUNC == 0 {
                vector.scatter(&bytes)?;
            }
            (*message).msg_namelen = 0;
            (*message).msg_controllen = 0;
            (*message).msg_flags = 0;
            Ok(bytes.len())
        })
    })
}

unsafe extern "C" fn write(userdata: *mut c_void, fd: c_int, buf: *const c_void, len: size_t) -> ssize_t {
    // SAFETY: packetdrill's word.
    unsafe { send(userdata, fd, buf, len, 0) }
}

unsafe extern "C" fn writev(userdata: *mut c_void, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    // SAFETY: packetdrill's word.
    number(unsafe { run(userdata, |hook| sent(hook, fd, Vector::new(iov, count)?.gather()?, 0)) })
}

unsafe extern "C" fn send(userdata: *mut c_void, fd: c_int, buf: *const c_void, len: size_t, flags: c_int) -> ssize_t {
    // SAFETY: packetdrill's word.
    number(unsafe { run(userdata, |hook| sent(hook, fd, memory::read_bytes(buf, len)?, flags)) })
}

unsafe extern "C" fn sendto(
    userdata: *mut c_void,
    fd: c_int,
    buf: *const c_void,
    len: size_t,
    flags: c_int,
    _addr: *const sockaddr,
    _addr_len: socklen_t,
) -> ssize_t {
    // SAFETY: packetdrill's word. On a connection the address is not looked at, as in Linux.
    unsafe { send(userdata, fd, buf, len, flags) }
}

unsafe extern "C" fn sendmsg(userdata: *mut c_void, fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            let bytes = Vector::of_message(message)?.gather()?;
            if (*message).msg_controllen > 0 {
                crate::unsupported(format_args!("sendmsg with control messages"));
                return Err(Errno(libc::EINVAL));
            }
            sent(hook, fd, bytes, flags)
        })
    })
}

unsafe extern "C" fn fcntl(userdata: *mut c_void, fd: c_int, command: c_int, arg: c_long) -> c_int {
    // SAFETY: packetdrill's word.
    int(unsafe { run(userdata, |hook| hook.call(|net| net.fcntl(fd, command, arg as c_int))) })
}

unsafe extern "C" fn ioctl(userdata: *mut c_void, fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int {
    // A request is an `int` to some callers: what is above 32 bits is not theirs.
    let request = request & 0xffff_ffff;
    let arg = arg.cast::<c_int>();
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            if request == libc::FIONBIO {
                let told = memory::read_value(arg)?;
                return hook.call(|net| net.ioctl(fd, request, Some(told))).map(drop);
            }
            let answer = hook.call(|net| net.ioctl(fd, request, None))?;
            memory::write_value(answer, arg)
        })
    })
}

unsafe extern "C" fn close(userdata: *mut c_void, fd: c_int) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe { run(userdata, |hook| hook.call(|net| net.close(fd))) })
}

unsafe extern "C" fn shutdown(userdata: *mut c_void, fd: c_int, how: c_int) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe { run(userdata, |hook| hook.call(|net| net.shutdown(fd, how))) })
}

unsafe extern "C" fn getsockopt_of(
    userdata: *mut c_void,
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let bytes = hook.call(|net| net.option(fd, level, name))?;
            answer_option(&bytes, value, len)
        })
    })
}

/// Writes an option's value, as much as there is room for.
///
/// # Safety
/// `len` is null or points to a length, and `value` to so many writable bytes.
unsafe fn answer_option(bytes: &[u8], value: *mut c_void, len: *mut socklen_t) -> Result<(), Errno> {
    // SAFETY: the caller's word.
    unsafe {
        let room = memory::read_value(len)? as usize;
        let answer = bytes.get(..room).unwrap_or(bytes);
        memory::write_bytes(answer, value)?;
        memory::write_value(answer.len() as socklen_t, len)
    }
}

unsafe extern "C" fn setsockopt(
    userdata: *mut c_void,
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let value = memory::read_bytes(value, len as usize)?;
            hook.call(|net| net.set_option(fd, level, name, &value))
        })
    })
}

/// A time to wait as `poll` has it: negative for ever. Units: milliseconds.
fn patience(timeout: c_int) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}

unsafe extern "C" fn poll(userdata: *mut c_void, fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    /// As many as a process could have open.
    const MOST: usize = 1 << 16;
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            let mut list = memory::read_values(fds, count as usize, MOST)?;
            let ready = hook.blocking(patience(timeout), |net, is_over| net.poll(&mut list, is_over))?;
            for (i, one) in list.into_iter().enumerate() {
                memory::write_value(one, fds.wrapping_add(i))?;
            }
            Ok(ready)
        })
    })
}

unsafe extern "C" fn netdev_send(userdata: *mut c_void, buf: *const c_void, len: size_t) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let packet = memory::read_bytes(buf, len)?;
            hook.call(|net| net.receive_packet(&packet))
        })
    })
}

unsafe extern "C" fn netdev_receive(
    userdata: *mut c_void,
    buf: *mut c_void,
    count: *mut size_t,
    time_usecs: *mut i64,
) -> c_int {
    // SAFETY: packetdrill's word.
    let answer = unsafe {
        run(userdata, |hook| {
            let room = memory::read_value(count)?;
            let Some((at, packet)) = hook.fetch()? else {
                return Err(Errno(libc::EAGAIN));
            };
            if packet.len() > room {
                eprintln!(
                    "syndic-hook: a packet of {} bytes was fetched into {room}",
                    packet.len()
                );
                return Err(Errno(libc::EMSGSIZE));
            }
            memory::write_bytes(&packet, buf)?;
            memory::write_value(Net::micros(at), time_usecs)?;
            memory::write_value(packet.len(), count)
        })
    };
    if answer.is_err() {
        // SAFETY: packetdrill's word. Nowhere to write is nothing to say.
        let _ = unsafe { memory::write_value(0, count) };
    }
    0
}

unsafe extern "C" fn usleep(userdata: *mut c_void, micros: c_uint) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe { run(userdata, |hook| hook.sleep(Duration::from_micros(micros.into()))) })
}

unsafe extern "C" fn gettimeofday(userdata: *mut c_void, to: *mut timeval, _zone: *mut c_void) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let micros = hook.call(|net| Ok(net.tick()))?;
            let time = timeval {
                tv_sec: micros / 1_000_000,
                tv_usec: micros % 1_000_000,
            };
            memory::write_value(time, to)
        })
    })
}

unsafe extern "C" fn epoll_create(userdata: *mut c_void, size: c_int) -> c_int {
    // SAFETY: packetdrill's word.
    int(unsafe { run(userdata, |hook| hook.call(|net| net.epoll_create(size))) })
}

unsafe extern "C" fn epoll_ctl(
    userdata: *mut c_void,
    set: c_int,
    op: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let event = memory::read_value(event.cast_const()).ok();
            let event = event.map(|event| (event.events, event.u64));
            hook.call(|net| net.epoll_ctl(set, op, fd, event))
        })
    })
}

unsafe extern "C" fn epoll_wait(
    userdata: *mut c_void,
    set: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            let most = usize::try_from(most)
                .ok()
                .filter(|&n| n > 0)
                .ok_or(Errno(libc::EINVAL))?;
            let ready = hook.blocking(patience(timeout), |net, is_over| net.epoll_wait(set, most, is_over))?;
            for (i, &(told, u64)) in ready.iter().enumerate() {
                memory::write_value(epoll_event { events: told, u64 }, events.wrapping_add(i))?;
            }
            Ok(ready.len())
        })
    })
}

unsafe extern "C" fn pipe(userdata: *mut c_void, ends: *mut c_int) -> c_int {
    // SAFETY: packetdrill's word.
    done(unsafe {
        run(userdata, |hook| {
            let (out, end) = hook.call(Net::pipe)?;
            memory::write_value([out, end], ends.cast())
        })
    })
}

unsafe extern "C" fn splice(
    userdata: *mut c_void,
    from: c_int,
    from_at: *mut loff_t,
    to: c_int,
    to_at: *mut loff_t,
    len: size_t,
    flags: c_uint,
) -> ssize_t {
    let dont_wait = flags & libc::SPLICE_F_NONBLOCK != 0;
    // SAFETY: packetdrill's word.
    number(unsafe {
        run(userdata, |hook| {
            if !(from_at.is_null() && to_at.is_null()) {
                return Err(Errno(libc::ESPIPE));
            }
            hook.blocking(None, |net, _| -> Answer<usize> { net.splice(from, to, len, dont_wait) })
        })
    })
}

/// The C library's `getsockopt`, for a program that has this library preloaded: TCP_INFO of a socket of ours is answered
/// here, everything else by the kernel.
///
/// # Safety
/// As the C library's.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    if (level, name) == (libc::IPPROTO_TCP, libc::TCP_INFO) {
        let live: Vec<_> = LIVE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for hook in live {
            let answer = catch_unwind(AssertUnwindSafe(|| hook.call(|net| net.option(fd, level, name))));
            if let Ok(Ok(bytes)) = answer {
                // SAFETY: the caller's word.
                return done(unsafe { answer_option(&bytes, value, len) });
            }
        }
    }
    // SAFETY: the caller's word. The system call itself, for the C library's name is this function's.
    unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, value, len) as c_int }
}

const _: () = assert!(size_of::<Interface>() == 33 * size_of::<usize>());

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing unwinds into C: the world has ended, its callers are told so, and whoever would ask for ever gets no packet.
    #[test]
    fn a_panic_ends_the_world_and_stays_inside() {
        let mut table = std::mem::MaybeUninit::uninit();
        // SAFETY: the flags end with a zero byte, and there is room for a table.
        let table = unsafe {
            packetdrill_interface_init(c"ver=6,profile=freebsd".as_ptr(), table.as_mut_ptr());
            table.assume_init()
        };
        let u = table.userdata;
        let (mut count, mut at, mut byte) = (1, 0, 0u8);
        // SAFETY: the table is live until `free`, and each pointer is to what it says.
        unsafe {
            assert!((table.socket)(u, libc::AF_INET6, libc::SOCK_STREAM, 0) >= 0);
            let panicked = run(u, |hook| hook.call(|_| -> Result<(), Errno> { panic!("as a test") }));
            assert_eq!(panicked, Err(Errno(libc::EFAULT)));
            assert_eq!(run(u, |hook| hook.call(|net| Ok(net.tick()))), Err(Errno(libc::EBADF)));
            assert_eq!((table.socket)(u, libc::AF_INET6, libc::SOCK_STREAM, 0), -1);
            let buf = (&raw mut byte).cast();
            assert_eq!((table.netdev_receive)(u, buf, &mut count, &mut at), 0);
            assert_eq!(count, 0);
            (table.free)(u);
        }
    }
}
