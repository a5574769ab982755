//! Looks at a kernel that answers as it is told to.

use super::*;
use crate::owners::{Descriptor, Process, Sight};
use crate::port::{Question, Reading};
use crate::result::OwnerName;
use netdiag_model::{Instant, Untrusted};
use std::collections::VecDeque;
use std::time::Duration;

/// Messages, and whether the table changed; or what was refused.
type Answer = Result<(Vec<Vec<u8>>, bool), Fault>;

/// Answers in turn.
#[derive(Default)]
struct Answers {
    answers: VecDeque<Answer>,
    asked: Vec<Question>,
    /// What /proc/net/snmp says, in turn, and the last for good.
    opened: VecDeque<u64>,
    /// What a later look at processes finds.
    later: Owners,
    /// What later looks were for.
    looked_for: Vec<Vec<u32>>,
    /// Sockets that are still there when they are looked at alone.
    alone: Vec<Vec<u8>>,
}

impl Kernel for Answers {
    fn now(&mut self) -> Instant {
        Instant::from_nanos(0)
    }

    fn dump(
        &mut self,
        question: Question,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Reading, Fault> {
        self.asked.push(question);
        let (messages, interrupted) = self.answers.pop_front().expect("an answer is left")?;
        let _ = messages.iter().all(|message| each(message));
        let parts = messages.len().max(1) as u64;
        Ok(Reading { interrupted, parts, from_files: false })
    }

    fn look(&mut self, socket: &Socket) -> Option<Vec<u8>> {
        let is_it = |message: &&Vec<u8>| u64::from(message[44]) == socket.cookie;
        self.alone.iter().find(is_it).cloned()
    }

    fn owners(&mut self) -> Owners {
        self.later.clone()
    }

    fn owners_of(&mut self, inodes: &[u32]) -> Owners {
        self.looked_for.push(inodes.to_vec());
        self.later.clone()
    }

    fn file(&mut self, _: &str) -> Option<String> {
        let opened = *self.opened.front()?;
        if self.opened.len() > 1 {
            self.opened.pop_front();
        }
        Some(format!("Tcp: ActiveOpens PassiveOpens CurrEstab\nTcp: {opened} 0 0\n"))
    }

    fn folder(&mut self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn watch(&mut self) -> Result<(), Fault> {
        Ok(())
    }

    fn pause(&mut self, _: Duration) -> Option<crate::port::Stop> {
        None
    }
}

/// A message of a socket with this state and cookie.
fn message(state: u8, cookie: u8) -> Vec<u8> {
    let mut bytes = vec![0; Socket::BYTES];
    (bytes[0], bytes[1], bytes[44]) = (2, state, cookie);
    bytes
}

fn tcp() -> Plan {
    Plan { protocols: vec![Protocol::Tcp], ..Plan::default() }
}

/// The cookies that were told, and what the look came to.
fn looked(kernel: &mut Answers, plan: &Plan) -> (Vec<u64>, Result<Seen, LookError>) {
    let mut told = Vec::new();
    let seen = look(kernel, plan, None, &Ports::default(), &mut |entry| {
        told.push(entry.socket.cookie);
        Ok(())
    });
    (told, seen)
}

/// B32: a table that changed is read again, and what was told is not told twice.
#[test]
fn a_table_that_changed_is_read_again_and_it_is_said() {
    let answer = |cookies: &[u8], interrupted| {
        Ok((cookies.iter().map(|cookie| message(1, *cookie)).collect(), interrupted))
    };
    let mut kernel = Answers::default();
    kernel.answers.extend([
        answer(&[3, 1], true),
        answer(&[1, 2, 3], true),
        answer(&[2, 4], false),
    ]);
    let (told, seen) = looked(&mut kernel, &tcp());
    let seen = seen.expect("it was read");
    assert_eq!(told, [3, 1, 2, 4]);
    assert_eq!((seen.retries, seen.interrupted, seen.tally.of(State::Established)), (2, false, 4));
    let mut kernel = Answers::default();
    kernel.answers.extend((0..4).map(|_| answer(&[1], true)));
    let (told, seen) = looked(&mut kernel, &tcp());
    let seen = seen.expect("it was read");
    assert_eq!((told.as_slice(), seen.retries, seen.interrupted), (&[1][..], TRIES, true));
}

/// No flag tells that connections began between the parts of a reading.
#[test]
fn a_table_of_which_connections_began_meanwhile_is_read_again() {
    let answer =
        |cookies: &[u8]| Ok((cookies.iter().map(|cookie| message(1, *cookie)).collect(), false));
    let mut kernel = Answers::default();
    kernel.answers.extend([answer(&[3, 1, 1]), answer(&[1, 2, 3])]);
    kernel.opened.extend([7, 9, 9]);
    let (told, seen) = looked(&mut kernel, &tcp());
    let seen = seen.expect("it was read");
    assert_eq!((told, seen.retries, seen.interrupted), (vec![3, 1, 2], 1, false));
    // They begin faster than it can be read.
    kernel.answers.extend((0..4).map(|_| answer(&[1, 2])));
    kernel.opened.extend([10, 11, 12, 13, 14]);
    let (told, seen) = looked(&mut kernel, &tcp());
    let seen = seen.expect("it was read");
    assert_eq!((told, seen.retries, seen.interrupted), (vec![1, 2], TRIES, true));
    // What comes in one part is of one moment.
    kernel.answers.extend([answer(&[1])]);
    kernel.opened = [1, 2, 3].into();
    let (told, seen) = looked(&mut kernel, &tcp());
    let seen = seen.expect("it was read");
    assert_eq!((told, seen.retries, seen.interrupted), (vec![1], 0, false));
}

#[test]
fn what_cannot_be_read_is_told_and_only_without_any_table_a_fault() {
    let refused = Fault { call: "sock_diag", errno: 1 };
    let plan = Plan { protocols: Protocol::ALL.to_vec(), ..Plan::default() };
    let mut kernel = Answers::default();
    kernel.answers.extend([
        Ok((vec![message(1, 1)], false)),
        Err(refused),
        Ok((Vec::new(), false)),
    ]);
    let (_, seen) = looked(&mut kernel, &plan);
    assert_eq!(seen.expect("TCP was read").refused, [(Protocol::Udp, refused)]);
    let mut kernel = Answers::default();
    kernel.answers.extend((0..3).map(|_| Err(refused)));
    assert!(
        matches!(looked(&mut kernel, &plan).1, Err(LookError::Kernel(fault)) if fault == refused)
    );
}

#[test]
fn a_writer_that_fails_ends_it() {
    let mut kernel = Answers::default();
    kernel.answers.push_back(Ok((vec![message(1, 1), message(1, 2)], false)));
    let mut rows = 0;
    let seen = look(&mut kernel, &tcp(), None, &Ports::default(), &mut |_| {
        rows += 1;
        Err(io::ErrorKind::BrokenPipe.into())
    });
    assert!(matches!(seen, Err(LookError::Write(_))));
    assert_eq!(rows, 1);
}

#[test]
fn the_kernel_is_asked_for_what_is_wanted() {
    let filter = |text: &str| Some(Filter::parse(text).expect("a filter"));
    let mut kernel = Answers::default();
    kernel.answers.extend((0..3).map(|_| Ok((vec![message(10, 1), message(8, 2)], false))));
    let listening = Plan { listening: true, ..tcp() };
    assert!(looked(&mut kernel, &listening).0.contains(&1));
    let close_wait = Plan { filter: filter("state close-wait"), info: true, ..tcp() };
    assert_eq!(looked(&mut kernel, &close_wait).0, [2]);
    let udp = Plan { filter: filter("udp"), ..tcp() };
    assert!(looked(&mut kernel, &udp).0.is_empty());
    let states: Vec<(u32, bool)> =
        kernel.asked.iter().map(|asked| (asked.states, asked.info)).collect();
    let listen = State::Listen.mask();
    assert_eq!(states, [(listen, false), (State::CloseWait.mask() | listen, true)]);
    // Where many are wanted the others are read as well, and so they are where all is to be judged.
    for (text, whole) in [("state established", false), ("state close-wait", true)] {
        kernel.answers.push_back(Ok((vec![message(10, 1), message(8, 2)], false)));
        looked(&mut kernel, &Plan { filter: filter(text), whole, ..tcp() }).1.expect("read");
        assert_eq!(kernel.asked.last().map(|asked| asked.states), Some(USUAL), "{text}");
    }
}

/// Programs open sockets between the look at their descriptors and the reading of the table.
#[test]
fn who_has_opened_a_socket_since_is_found_by_another_look() {
    let inode = |cookie: u8, inode: u8| {
        let mut bytes = message(1, cookie);
        bytes[68] = inode;
        bytes
    };
    let with = |pid, inode| {
        let (name, cgroup, uid) = (Untrusted::from("python3"), None, None);
        let process = Process { pid, name, cgroup, uid, open: 9, started: 0 };
        let has = Descriptor { inode, process: 0, fd: 3 };
        Owners::new(vec![process], vec![has], 0, Sight::Machine)
    };
    let all = vec![inode(1, 11), inode(2, 12), inode(3, 13), inode(4, 14)];
    let owners = with(700, 11);
    let mut kernel =
        Answers { later: with(701, 12), alone: all[1..3].to_vec(), ..Answers::default() };
    kernel.answers.push_back(Ok((all, false)));
    let mut told = Vec::new();
    let seen = look(&mut kernel, &tcp(), Some(&owners), &Ports::default(), &mut |entry| {
        let pids = owners.holders(&entry.socket);
        told.push((
            entry.socket.inode,
            entry.owner.map(OwnerName::of),
            pids.first().map(|process| process.pid),
        ));
        Ok(())
    });
    let known: Vec<(u32, Option<u32>)> =
        told.iter().map(|(inode, _, pid)| (*inode, *pid)).collect();
    assert_eq!(known, [(11, Some(700)), (12, Some(701)), (13, None), (14, None)]);
    // The third is there and nobody has it; the fourth had gone before anybody could look.
    assert_eq!((told[2].1, told[3].1), (Some(OwnerName::Nobody), Some(OwnerName::NotVisible)));
    assert_eq!(seen.expect("it was read").tally.not_visible, 1);
    let plan =
        Plan { filter: Some(Filter::parse("not process python3").expect("a filter")), ..tcp() };
    let owners = with(700, 11);
    kernel.answers.push_back(Ok((vec![inode(1, 11), inode(2, 12), inode(3, 13)], false)));
    let mut told = Vec::new();
    look(&mut kernel, &plan, Some(&owners), &Ports::default(), &mut |entry| {
        told.push(entry.socket.inode);
        Ok(())
    })
    .expect("it was read");
    assert_eq!(told, [13]);
    // Once each time, and only for those that nobody had.
    assert_eq!(kernel.looked_for, [vec![12, 13, 14], vec![12, 13]]);
}

/// On a busy machine there are always some that were opened and closed meanwhile: nobody has them.
#[test]
fn who_had_what_has_gone_is_not_looked_for() {
    let owners = Owners::new(Vec::new(), Vec::new(), 0, Sight::Machine);
    let mut all: Vec<Vec<u8>> = (1..=3).map(|cookie| message(1, cookie)).collect();
    all.iter_mut().for_each(|bytes| bytes[68] = 10 + bytes[44]);
    // The second is there, and is no program's any more.
    let alone = vec![message(4, 2)];
    let mut kernel = Answers { alone, ..Answers::default() };
    kernel.answers.push_back(Ok((all, false)));
    let mut told = Vec::new();
    let seen = look(&mut kernel, &tcp(), Some(&owners), &Ports::default(), &mut |entry| {
        told.push(entry.owner.map(OwnerName::of));
        Ok(())
    });
    assert_eq!(seen.expect("it was read").tally.not_visible, 3);
    assert_eq!(told, [Some(OwnerName::NotVisible); 3]);
    assert_eq!(kernel.looked_for, Vec::<Vec<u32>>::new());
}

/// A socket of which it is not known is no match, and is counted.
#[test]
fn what_may_be_wanted_is_counted_and_not_told() {
    let hidden = Owners::new(Vec::new(), Vec::new(), 1, Sight::User);
    let mut bytes = message(1, 1);
    bytes[68] = 11;
    for (text, not_visible) in [("pid 7", 1), ("not pid 7", 1), ("pid 7 and :80", 0)] {
        let plan = Plan { filter: Some(Filter::parse(text).expect("a filter")), ..tcp() };
        let mut kernel = Answers::default();
        kernel.answers.push_back(Ok((vec![bytes.clone()], false)));
        let seen = look(&mut kernel, &plan, Some(&hidden), &Ports::default(), &mut |_| {
            panic!("{text}: nothing is told")
        });
        let tally = seen.expect("it was read").tally;
        assert_eq!((tally.total(), tally.not_visible), (0, not_visible), "{text}");
    }
}
