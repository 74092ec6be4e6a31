//! What sockets and the driver's clockwork ask of a stack, whatever observes it: so a socket's type does not name the
//! observer's. Each does what the stack's function of that name does.

use std::net::SocketAddr;

use bytes::Bytes;
use stack::{
    Accepted, ConnectError, ConnectOptions, ConnectionId, ConnectionOptions, Event, Instant, ListenError,
    ListenOptions, ListenerId, NoSuch, Now, Observer, ReceiveError, Received, SendError, Stack, Status,
};

/// The user calls of RFC 9293 section 3.10, and what must be seen to after each.
pub(crate) trait Calls: Send {
    fn listen(&mut self, options: ListenOptions) -> Result<ListenerId, ListenError>;
    fn listener_local(&self, id: ListenerId) -> Result<SocketAddr, NoSuch>;
    fn accept(&mut self, now: Now, id: ListenerId) -> Result<Option<Accepted>, NoSuch>;
    fn close_listener(&mut self, now: Now, id: ListenerId) -> Result<(), NoSuch>;
    fn connect(&mut self, now: Now, options: ConnectOptions) -> Result<ConnectionId, ConnectError>;
    fn home_of(&self, options: &ConnectOptions) -> Result<usize, ConnectError>;
    fn send(&mut self, now: Now, id: ConnectionId, data: &mut Bytes) -> Result<usize, SendError>;
    fn send_urgent(&mut self, now: Now, id: ConnectionId, data: &mut Bytes) -> Result<usize, SendError>;
    fn send_room(&self, id: ConnectionId) -> Result<usize, NoSuch>;
    fn receive(&mut self, now: Now, id: ConnectionId, max: usize) -> Result<Received, ReceiveError>;
    fn shutdown(&mut self, now: Now, id: ConnectionId) -> Result<(), SendError>;
    fn close(&mut self, now: Now, id: ConnectionId) -> Result<(), NoSuch>;
    fn abort(&mut self, now: Now, id: ConnectionId) -> Result<(), NoSuch>;
    fn status(&self, now: Now, id: ConnectionId) -> Result<Status, NoSuch>;
    fn options(&self, id: ConnectionId) -> Result<ConnectionOptions, NoSuch>;
    fn set_options(&mut self, now: Now, id: ConnectionId, options: ConnectionOptions) -> Result<(), NoSuch>;
    fn poll_event(&mut self) -> Option<Event>;
    fn poll_timeout(&self) -> Option<Instant>;
    /// Whether a call of `poll_transmit` would send something.
    fn has_output(&self) -> bool;
    /// Whether a connection is left; TIME-WAIT entries are none, and those that a user holds count.
    fn has_connections(&self) -> bool;
}

impl<O: Observer + Send> Calls for Stack<O> {
    fn listen(&mut self, options: ListenOptions) -> Result<ListenerId, ListenError> {
        self.listen(options)
    }

    fn listener_local(&self, id: ListenerId) -> Result<SocketAddr, NoSuch> {
        self.listener_local(id)
    }

    fn accept(&mut self, now: Now, id: ListenerId) -> Result<Option<Accepted>, NoSuch> {
        self.accept(now, id)
    }

    fn close_listener(&mut self, now: Now, id: ListenerId) -> Result<(), NoSuch> {
        self.close_listener(now, id)
    }

    fn connect(&mut self, now: Now, options: ConnectOptions) -> Result<ConnectionId, ConnectError> {
        self.connect(now, options)
    }

    fn home_of(&self, options: &ConnectOptions) -> Result<usize, ConnectError> {
        self.home_of(options)
    }

    fn send(&mut self, now: Now, id: ConnectionId, data: &mut Bytes) -> Result<usize, SendError> {
        self.send(now, id, data)
    }

    fn send_urgent(&mut self, now: Now, id: ConnectionId, data: &mut Bytes) -> Result<usize, SendError> {
        self.send_urgent(now, id, data)
    }

    fn send_room(&self, id: ConnectionId) -> Result<usize, NoSuch> {
        self.send_room(id)
    }

    fn receive(&mut self, now: Now, id: ConnectionId, max: usize) -> Result<Received, ReceiveError> {
        self.receive(now, id, max)
    }

    fn shutdown(&mut self, now: Now, id: ConnectionId) -> Result<(), SendError> {
        self.shutdown(now, id)
    }

    fn close(&mut self, now: Now, id: ConnectionId) -> Result<(), NoSuch> {
        self.close(now, id)
    }

    fn abort(&mut self, now: Now, id: ConnectionId) -> Result<(), NoSuch> {
        self.abort(now, id)
    }

    fn status(&self, now: Now, id: ConnectionId) -> Result<Status, NoSuch> {
        self.status(now, id)
    }

    fn options(&self, id: ConnectionId) -> Result<ConnectionOptions, NoSuch> {
        self.options(id)
    }

    fn set_options(&mut self, now: Now, id: ConnectionId, options: ConnectionOptions) -> Result<(), NoSuch> {
        self.set_options(now, id, options)
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.poll_event()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.poll_timeout()
    }

    fn has_output(&self) -> bool {
        self.has_output()
    }

    fn has_connections(&self) -> bool {
        self.counts().0 > 0
    }
}
