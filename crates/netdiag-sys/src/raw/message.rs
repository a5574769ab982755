//! `sendmsg`, `sendmmsg` and `recvmmsg` over plain byte buffers.

use super::{Result, check, last_errno};
use crate::address::NAME_SPACE;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The most messages of one call.
pub(crate) const MAX_BATCH: usize = 64;

/// Room for the control data of one received message: stamps, TTL, packet info, drops and an
/// extended error with its offender need about 250 bytes.
const CONTROL_SPACE: usize = 384;

/// One message to send.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// The destination, as `struct sockaddr`.
    pub(crate) name: &'a [u8],
    /// Control data.
    pub(crate) control: &'a [u8],
    /// The datagram.
    pub(crate) bytes: &'a [u8],
}

/// One received message.
#[derive(Clone, Copy)]
pub(crate) struct Incoming<'a> {
    /// The sender, as `struct sockaddr`; for the error queue the destination of our packet.
    pub(crate) name: &'a [u8],
    /// Control data.
    pub(crate) control: &'a [u8],
    /// The datagram, or what of it there was room for.
    pub(crate) bytes: &'a [u8],
    /// Whether there was more of it.
    pub(crate) truncated: bool,
}

fn header(name: *mut u8, name_len: usize, control: *mut u8, control_len: usize) -> libc::msghdr {
    // SAFETY: msghdr is a C struct of integers and pointers, for which all zeroes is a value; it
    // is zeroed because some targets have private padding fields.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_name = name.cast();
    header.msg_namelen = name_len as libc::socklen_t;
    header.msg_control = control.cast();
    header.msg_controllen = control_len as _;
    header
}

fn outgoing_header(message: &Outgoing<'_>) -> (libc::msghdr, libc::iovec) {
    let io = libc::iovec {
        iov_base: message.bytes.as_ptr().cast_mut().cast(),
        iov_len: message.bytes.len(),
    };
    let name = message.name.as_ptr().cast_mut();
    let control = message.control.as_ptr().cast_mut();
    (header(name, message.name.len(), control, message.control.len()), io)
}

/// Sends one message without waiting for room (`sendmsg(2)`).
pub(crate) fn send(socket: BorrowedFd<'_>, message: &Outgoing<'_>) -> Result<()> {
    let (mut header, mut io) = outgoing_header(message);
    header.msg_iov = &raw mut io;
    header.msg_iovlen = 1;
    // SAFETY: the header points to `io` and to the slices of `message`, which all live until the
    // call returns; sendmsg only reads through them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT) };
    if sent < 0 { Err(last_errno()) } else { Ok(()) }
}

/// Sends up to [`MAX_BATCH`] messages without waiting for room; returns how many left
/// (`sendmmsg(2)`). The error number is that of the first one, when none left.
pub(crate) fn send_many(socket: BorrowedFd<'_>, messages: &[Outgoing<'_>]) -> Result<usize> {
    let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MAX_BATCH];
    let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MAX_BATCH];
    let count = messages.len().min(MAX_BATCH);
    for ((message, part), slot) in messages.iter().zip(&mut parts).zip(&mut headers) {
        let (mut header, io) = outgoing_header(message);
        header.msg_iov = part.write(io);
        header.msg_iovlen = 1;
        slot.write(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
    }
    // SAFETY: the first `count` headers were written above; they point to `parts` and to the
    // slices of `messages`, which live until the call returns. sendmmsg writes only `msg_len`.
    let sent = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr().cast(),
            count as libc::c_uint,
            libc::MSG_DONTWAIT as _,
        )
    };
    check(sent).map(|sent| sent as usize)
}

/// Reused room for the messages of one `recvmmsg(2)`.
pub(crate) struct Batch {
    message_space: usize,
    /// A room for each message: name, control data, then the datagram. Memory that nothing was
    /// written to yet costs nothing, so what grows is asked for anew, not copied.
    rooms: Vec<u8>,
    filled: Vec<Filled>,
    used: usize,
}

/// How much of a room is filled.
#[derive(Clone, Copy, Default)]
struct Filled {
    name: usize,
    control: usize,
    bytes: usize,
    flags: libc::c_int,
}

impl Batch {
    /// Room for messages of `message_space` bytes. It grows to as many as are asked for at once.
    pub(crate) const fn new(message_space: usize) -> Self {
        Self { message_space, rooms: Vec::new(), filled: Vec::new(), used: 0 }
    }

    /// Bytes that one message can have without being cut.
    pub(crate) const fn message_space(&self) -> usize {
        self.message_space
    }

    const fn room_space(&self) -> usize {
        NAME_SPACE + CONTROL_SPACE + self.message_space
    }

    /// Reads up to `count` messages, at most [`MAX_BATCH`], without waiting; returns how many came.
    /// Fewer than `count` means that the queue was empty. An empty queue is no error.
    pub(crate) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        count: usize,
        flags: libc::c_int,
    ) -> Result<usize> {
        self.used = 0;
        let count = count.min(MAX_BATCH);
        let room_space = self.room_space();
        if self.filled.len() < count {
            self.rooms = Vec::new();
            self.rooms = vec![0; count * room_space];
            self.filled = vec![Filled::default(); count];
        }
        let mut parts = [const { MaybeUninit::<libc::iovec>::uninit() }; MAX_BATCH];
        let mut headers = [const { MaybeUninit::<libc::mmsghdr>::uninit() }; MAX_BATCH];
        let rooms = self.rooms.chunks_exact_mut(room_space);
        for (room, (part, slot)) in rooms.zip(parts.iter_mut().zip(&mut headers)).take(count) {
            let (name, room) = room.split_at_mut(NAME_SPACE);
            let (control, bytes) = room.split_at_mut(CONTROL_SPACE);
            let io = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
            let name = name.as_mut_ptr();
            let mut header = header(name, NAME_SPACE, control.as_mut_ptr(), CONTROL_SPACE);
            header.msg_iov = part.write(io);
            header.msg_iovlen = 1;
            slot.write(libc::mmsghdr { msg_hdr: header, msg_len: 0 });
        }
        // SAFETY: the first `count` headers were written above. They point to `parts` and
        // to `rooms`, none of which is moved or borrowed again before the call returns, and give
        // the true lengths of each part of a room.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr().cast(),
                count as libc::c_uint,
                (flags | libc::MSG_DONTWAIT) as _,
                std::ptr::null_mut(),
            )
        };
        let received = match check(received) {
            Ok(received) => received as usize,
            Err(libc::EAGAIN) => 0,
            Err(errno) => return Err(errno),
        };
        for (header, filled) in headers.iter().zip(&mut self.filled).take(received) {
            // SAFETY: the first `count` headers were written above, and `received <= count`.
            let header = unsafe { header.assume_init_ref() };
            *filled = Filled {
                name: header.msg_hdr.msg_namelen as usize,
                control: header.msg_hdr.msg_controllen,
                bytes: header.msg_len as usize,
                flags: header.msg_hdr.msg_flags,
            };
        }
        self.used = received;
        Ok(received)
    }

    /// The messages of the last [`receive`](Self::receive), in order of arrival.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Incoming<'_>> {
        let rooms = self.rooms.chunks_exact(self.room_space());
        self.filled.iter().zip(rooms).take(self.used).map(|(filled, room)| {
            let (name, room) = room.split_at(NAME_SPACE);
            let (control, bytes) = room.split_at(CONTROL_SPACE);
            Incoming {
                name: name.get(..filled.name).unwrap_or_default(),
                control: control.get(..filled.control).unwrap_or_default(),
                bytes: bytes.get(..filled.bytes).unwrap_or(bytes),
                truncated: filled.flags & libc::MSG_TRUNC != 0,
            }
        })
    }
}
