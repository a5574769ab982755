//! Sockets for connections with a firewall mark, opened while there is a right to set one.

use crate::OpenRequest;
use crate::raw;
use netdiag_engine::port::NetworkError;
use netdiag_model::Family;
use socket2::{Domain, Protocol, Socket, Type};
use std::os::fd::AsFd;

/// Those that are left; none where no mark was asked for.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    families: Vec<(Family, Result<Vec<Socket>, NetworkError>)>,
}

impl Marked {
    /// Opens as many as were asked for, fewer where there are no descriptors for them.
    pub(crate) fn open(request: &OpenRequest) -> Self {
        let Some(mark) = request.mark.filter(|_| request.marked_connects > 0) else {
            return Self::default();
        };
        let families = [Family::Ipv4, Family::Ipv6].into_iter();
        let families = families.filter(|one| request.family.is_none_or(|only| only == *one));
        let all = families.map(|family| (family, some(family, mark, request.marked_connects)));
        Self { families: all.collect() }
    }

    /// Whether connections are to have a mark.
    pub(super) fn is_wanted(&self) -> bool {
        !self.families.is_empty()
    }

    /// One of a family.
    ///
    /// # Errors
    /// EOPNOTSUPP, where none is left: no right is left either to make another.
    pub(super) fn take(&mut self, wanted: Family) -> raw::Result<Socket> {
        let of_it = self.families.iter_mut().find(|(family, _)| *family == wanted);
        match of_it {
            Some((_, Ok(sockets))) => sockets.pop().ok_or(libc::EOPNOTSUPP),
            Some((_, Err(error))) => Err(error.errno),
            None => Err(libc::EAFNOSUPPORT),
        }
    }

    /// How many there are of IPv4 and IPv6, or why there is none.
    pub(crate) fn counts(&self) -> [Result<usize, NetworkError>; 2] {
        [Family::Ipv4, Family::Ipv6].map(|wanted| {
            let of_it = self.families.iter().find(|(family, _)| *family == wanted);
            let sockets = of_it.map(|(_, sockets)| sockets.as_ref());
            sockets.map_or(Err(NetworkError::NOT_ASKED_FOR), |sockets| {
                sockets.map(Vec::len).map_err(Clone::clone)
            })
        })
    }
}

fn some(family: Family, mark: u32, count: usize) -> Result<Vec<Socket>, NetworkError> {
    let domain = match family {
        Family::Ipv4 => Domain::IPV4,
        Family::Ipv6 => Domain::IPV6,
    };
    let mut all = Vec::new();
    while all.len() < count {
        let socket = Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP));
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) if error.raw_os_error() == Some(libc::EMFILE) && !all.is_empty() => break,
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(libc::EIO);
                return Err(NetworkError { call: "socket(SOCK_STREAM)", errno });
            }
        };
        raw::set_int(socket.as_fd(), libc::SOL_SOCKET, libc::SO_MARK, mark.cast_signed())
            .map_err(|errno| NetworkError { call: "setsockopt(SO_MARK)", errno })?;
        all.push(socket);
    }
    Ok(all)
}
