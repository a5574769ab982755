//! Questions, each over a stream of its own that both ends may say something over (RFC 9000 section 2.1),
//! and their answers; and streams over which one end alone says something.

use crate::connection::Event;
use quinn_proto::{
    Connection, Dir, FinishError, ReadError, StreamEvent, StreamId, VarInt, WriteError,
};
use std::collections::{BTreeMap, VecDeque};

/// How much of an answer is told at once, in bytes.
const PIECE: usize = 65_536;

/// Questions that have no answer yet.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    /// Those that the other end has no stream left for, or that no stream could be opened for yet.
    waiting: VecDeque<(u64, Vec<u8>)>,
    open: BTreeMap<StreamId, Asked>,
    /// What is said over streams of this end alone, and the rest of it that is still to be said.
    own: Vec<(Option<StreamId>, Vec<u8>)>,
}

#[derive(Debug)]
struct Asked {
    /// The number of the question.
    number: u64,
    /// What of it is still to be said.
    unsaid: Vec<u8>,
    /// All of it was said, and that was said, too.
    is_said: bool,
}

impl Streams {
    /// A question, to be asked once there is a stream for it.
    pub(crate) fn ask(&mut self, number: u64, bytes: &[u8]) {
        self.waiting.push_back((number, bytes.to_vec()));
    }

    /// Something to be said, over a stream that never ends.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.own.push((None, bytes.to_vec()));
    }

    /// The numbers of questions that have no stream below this one.
    pub(crate) fn asked_from(&self, stream: u64) -> Vec<u64> {
        let is_behind = |id: &StreamId| u64::from(*id) >= stream;
        let open = self.open.iter().filter(|(id, _)| is_behind(id)).map(|(_, asked)| asked.number);
        open.chain(self.waiting.iter().map(|(number, _)| *number)).collect()
    }

    /// Opens streams for those that wait, as far as the other end lets us.
    pub(crate) fn open_more(&mut self, connection: &mut Connection) {
        if connection.is_handshaking() {
            return;
        }
        for (id, unsaid) in self.own.iter_mut().filter(|(id, _)| id.is_none()) {
            *id = connection.streams().open(Dir::Uni);
            say_on(connection, *id, unsaid);
        }
        while let Some((number, unsaid)) = self.waiting.pop_front() {
            let Some(id) = connection.streams().open(Dir::Bi) else {
                return self.waiting.push_front((number, unsaid));
            };
            let mut asked = Asked { number, unsaid, is_said: false };
            asked.say(connection, id);
            self.open.insert(id, asked);
        }
    }

    /// Waits no more for the answer to a question; the other end is told by this code.
    pub(crate) fn give_up(&mut self, connection: &mut Connection, number: u64, code: VarInt) {
        self.waiting.retain(|(waiting, _)| *waiting != number);
        let found = self.open.iter().find(|(_, asked)| asked.number == number).map(|(id, _)| *id);
        let Some((id, asked)) = found.and_then(|id| self.open.remove_entry(&id)) else { return };
        if !asked.is_said {
            let _ = connection.send_stream(id).reset(code);
        }
        let _ = connection.recv_stream(id).stop(code);
    }

    /// Something happened to a stream.
    pub(crate) fn on_event(
        &mut self,
        connection: &mut Connection,
        event: &StreamEvent,
        told: &mut VecDeque<Event>,
    ) {
        match *event {
            StreamEvent::Readable { id } if id.dir() == Dir::Uni => hear(connection, id, told),
            StreamEvent::Readable { id } => self.read(connection, id, told),
            StreamEvent::Writable { id } => {
                if let Some(asked) = self.open.get_mut(&id) {
                    asked.say(connection, id);
                }
                for (_, unsaid) in self.own.iter_mut().filter(|(own, _)| *own == Some(id)) {
                    say_on(connection, Some(id), unsaid);
                }
            }
            // What is left of the question is not wanted; the answer may come all the same.
            StreamEvent::Stopped { id, .. } => {
                if let Some(asked) = self.open.get_mut(&id) {
                    asked.unsaid.clear();
                    asked.is_said = true;
                }
            }
            StreamEvent::Available { .. } => self.open_more(connection),
            // What came with that is told by nothing else.
            StreamEvent::Opened { dir: Dir::Uni } => {
                while let Some(id) = connection.streams().accept(Dir::Uni) {
                    hear(connection, id, told);
                }
            }
            StreamEvent::Opened { .. } | StreamEvent::Finished { .. } => {}
        }
    }

    fn read(&mut self, connection: &mut Connection, id: StreamId, told: &mut VecDeque<Event>) {
        let Some(number) = self.open.get(&id).map(|asked| asked.number) else { return };
        let mut stream = connection.recv_stream(id);
        let Ok(mut chunks) = stream.read(true) else { return };
        let ended = loop {
            match chunks.next(PIECE) {
                Ok(Some(chunk)) => told.push_back(Event::Bytes(number, chunk.bytes.to_vec())),
                Ok(None) => break Some(Event::End(number)),
                Err(ReadError::Reset(code)) => break Some(Event::Reset(number, code.into_inner())),
                Err(ReadError::Blocked) => break None,
            }
        };
        // What is to be told to the other end goes with whatever is sent next.
        let _ = chunks.finalize();
        if let Some(ended) = ended {
            self.open.remove(&id);
            told.push_back(ended);
        }
    }
}

/// Says what is still to be said over a stream of this end alone, where there is one.
fn say_on(connection: &mut Connection, id: Option<StreamId>, unsaid: &mut Vec<u8>) {
    let Some(id) = id else { return };
    while !unsaid.is_empty() {
        // Whoever does not want to hear it tells so by what they do about that.
        let Ok(written) = connection.send_stream(id).write(unsaid) else { return };
        unsaid.drain(..written);
    }
}

/// Takes in what came over a stream of the other end's alone.
fn hear(connection: &mut Connection, id: StreamId, told: &mut VecDeque<Event>) {
    let number = u64::from(id);
    let mut stream = connection.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else { return };
    loop {
        match chunks.next(PIECE) {
            Ok(Some(chunk)) => told.push_back(Event::Beside(number, chunk.bytes.to_vec())),
            Ok(None) | Err(ReadError::Reset(_)) => break told.push_back(Event::BesideOver(number)),
            Err(ReadError::Blocked) => break,
        }
    }
    let _ = chunks.finalize();
}

impl Asked {
    /// Says what is still to be said, and after it that this was all.
    fn say(&mut self, connection: &mut Connection, id: StreamId) {
        let mut stream = connection.send_stream(id);
        while !self.unsaid.is_empty() {
            match stream.write(&self.unsaid) {
                Ok(written) => drop(self.unsaid.drain(..written)),
                Err(WriteError::Blocked) => return,
                Err(WriteError::Stopped(_) | WriteError::ClosedStream) => self.unsaid.clear(),
            }
        }
        if !std::mem::replace(&mut self.is_said, true) {
            match stream.finish() {
                Ok(()) | Err(FinishError::Stopped(_) | FinishError::ClosedStream) => {}
            }
        }
    }
}
