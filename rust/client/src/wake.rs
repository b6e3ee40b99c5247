//! A byte from one thread to another, through a pair of sockets that an event loop can watch.

use std::io::{self, Write as _};

#[cfg(unix)]
type Socket = std::os::unix::net::UnixStream;
#[cfg(windows)]
type Socket = std::net::TcpStream;

/// The end that wakes.
#[derive(Debug)]
pub struct Waker(Socket);

impl Waker {
    /// Makes the other end readable.
    pub fn wake(&self) {
        // A full buffer is readable already, and a closed end has nobody left to wake.
        let _ = (&self.0).write(&[1]);
    }
}

/// The end to watch, which the caller reads and closes, and the end that wakes.
///
/// # Errors
/// The system has no sockets left.
pub fn pair() -> io::Result<(Waiting, Waker)> {
    let (waiting, waker) = connected()?;
    waker.set_nonblocking(true)?;
    Ok((Waiting(waiting), Waker(waker)))
}

/// The end to watch.
#[derive(Debug)]
pub struct Waiting(Socket);

impl Waiting {
    /// Gives the socket away by its number.
    #[cfg(unix)]
    #[must_use]
    pub fn into_number(self) -> i64 {
        use std::os::fd::IntoRawFd as _;
        self.0.into_raw_fd().into()
    }

    /// Gives the socket away by its number.
    #[cfg(windows)]
    #[must_use]
    pub fn into_number(self) -> i64 {
        use std::os::windows::io::IntoRawSocket as _;
        i64::try_from(self.0.into_raw_socket()).unwrap_or(-1)
    }
}

#[cfg(unix)]
fn connected() -> io::Result<(Socket, Socket)> {
    Socket::pair()
}

/// Windows pairs sockets over the network of the machine itself, where anyone may connect: the right one has our port.
#[cfg(windows)]
fn connected() -> io::Result<(Socket, Socket)> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
    let waker = Socket::connect(listener.local_addr()?)?;
    waker.set_nodelay(true)?;
    loop {
        let (waiting, from) = listener.accept()?;
        if from == waker.local_addr()? {
            return Ok((waiting, waker));
        }
    }
}
