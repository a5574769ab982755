//! What is said and heard over one open connection: TLS where it is spoken, and over it, or without it,
//! the service. Bytes in, bytes out.

use super::config::{Config, Target};
use super::dialogue::{Dialogue, MOST_HEARD, Proxied, Stage, Talk, TalkResult};
use super::http::live::{Live, Manner, Next};
use super::http::{Spoken, Step, Url};
use super::proxy::{self, Tunnel};
use super::starttls::{self, Protocol, Upgrade};
use netdiag_engine::port::TalkEnd;
use netdiag_http::Reason;
use netdiag_model::Instant;
use netdiag_model::errno::Errno;
use netdiag_tls::{Layer, Terms};

/// The most that is told of what a service says before TLS, in bytes.
const TOLD: usize = 80;

/// One open connection, as far as it concerns those who talk over it.
#[derive(Debug)]
pub(super) struct Conversation {
    opened_at: Instant,
    /// The talk with a proxy, while it lasts.
    tunnel: Option<Tunnel>,
    /// What it was asked for.
    proxied: Option<Box<Proxied>>,
    /// By what TLS is begun where the service does not begin by it.
    starttls: Option<Protocol>,
    /// The agreement on TLS in plain text, while it lasts.
    upgrade: Option<Upgrade>,
    /// Why the service does not agree.
    refused: Option<String>,
    /// TLS, where it is spoken.
    tls: Option<Layer>,
    dialogue: Dialogue,
    /// The service was told something.
    says: bool,
    /// What is asked by HTTP, if anything.
    url: Option<Url>,
    /// By which HTTP, where that does not depend on what the server chooses.
    spoken: Option<Spoken>,
    manner: Manner,
    http: Option<Live>,
    /// What is to be sent.
    output: Vec<u8>,
    heard: Vec<u8>,
    /// Any byte came, of whatever.
    has_come: bool,
    /// When the service could be spoken to.
    service_at: Option<Instant>,
    first_at: Option<Instant>,
    /// When all that the service was told first was with the kernel.
    said_at: Option<Instant>,
    /// How it went, once that is known.
    result: Option<TalkResult>,
}

impl Conversation {
    /// One that begins, after so many redirects; `None` where nothing is to be said, heard or waited for.
    pub(super) fn new(
        config: &Config,
        target: &Target,
        followed: usize,
        opened_at: Instant,
    ) -> Option<Self> {
        let tls = target.tls.as_ref().zip(config.tls.as_ref());
        let is_direct = config.proxy.is_none();
        if is_direct && tls.is_none() && target.url.is_none() && config.dialogue.is_none() {
            return None;
        }
        let tunnel = config.proxy.as_deref().map(|proxy| Tunnel::new(proxy, target.goal()));
        let (tunnel, output) = tunnel.unzip();
        let asked = || target.named().escaped();
        let mut conversation = Self {
            opened_at,
            proxied: tunnel
                .is_some()
                .then(|| Box::new(Proxied { asked: asked(), took: None, refusal: None })),
            tunnel,
            starttls: tls.and_then(|(tls, _)| tls.starttls),
            upgrade: None,
            refused: None,
            tls: tls.map(|(tls, client)| {
                let (name, alpn, demand) = (tls.name.as_str(), tls.alpn, tls.demand);
                let terms = Terms { name, alpn, demand, pins: &[] };
                Layer::new(client, &terms, &config.anchor, opened_at)
            }),
            dialogue: config.dialogue.clone().unwrap_or_default(),
            says: false,
            url: target.url.clone(),
            spoken: config.http,
            manner: Manner {
                spoken: Spoken::Http1,
                only_head: config.only_head,
                repeats: config.reuses && !config.only_head,
                redirects: config.redirects,
                followed,
            },
            http: None,
            output: output.unwrap_or_default(),
            heard: Vec::new(),
            has_come: false,
            service_at: None,
            first_at: None,
            said_at: None,
            result: None,
        };
        if conversation.tunnel.is_none() {
            conversation.begin(opened_at);
        }
        Some(conversation)
    }

    /// The other end can be spoken to.
    fn begin(&mut self, at: Instant) {
        match (&mut self.tls, self.starttls) {
            (Some(_), Some(protocol)) => {
                let (upgrade, words) = Upgrade::new(protocol);
                self.upgrade = Some(upgrade);
                self.output.extend_from_slice(words);
            }
            (Some(tls), None) => {
                tls.begin(at);
                self.go_on(at, Vec::new());
            }
            (None, _) => self.begin_service(at),
        }
    }

    /// How it went, once that is known: nothing more is waited for.
    pub(super) const fn result(&self) -> Option<TalkResult> {
        self.result
    }

    /// Whether something is asked for by HTTP.
    pub(super) const fn is_asked(&self) -> bool {
        self.url.is_some()
    }

    /// How far it has come.
    pub(super) const fn stage(&self) -> Stage {
        match self.service_at {
            Some(_) => Stage::Service,
            None if self.tunnel.is_some() => Stage::Proxy,
            None if self.upgrade.is_some() => Stage::Upgrade,
            None => Stage::Tls,
        }
    }

    /// What is to be sent now.
    pub(super) fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// All that was said is with the kernel.
    pub(super) fn said(&mut self, at: Instant) {
        if let Some(http) = &mut self.http {
            http.said(at);
        } else if self.says && self.service_at.is_some() {
            self.said_at.get_or_insert(at);
        }
    }

    /// Takes in what came.
    pub(super) fn hear(&mut self, at: Instant, bytes: &[u8]) {
        self.has_come |= !bytes.is_empty();
        if let Some(tunnel) = &mut self.tunnel {
            let next = tunnel.hear(bytes);
            return self.ask_proxy(at, next);
        }
        if let Some(upgrade) = &mut self.upgrade {
            let room = TOLD.saturating_sub(self.heard.len());
            self.heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            let next = upgrade.hear(bytes);
            return self.agree(at, next);
        }
        match &mut self.tls {
            Some(tls) => {
                let (plain, result) = tls.receive(at, bytes);
                // What was said before it failed is an answer, if it is whole.
                self.go_on(at, plain);
                if result.is_err() {
                    self.result.get_or_insert(TalkResult::Untrusted);
                }
            }
            None => self.hear_service(at, bytes),
        }
    }

    /// What comes of the talk with a proxy.
    fn ask_proxy(&mut self, at: Instant, next: proxy::Next) {
        // What it says once it is given up comes too late.
        let Some(proxied) = self.proxied.as_mut().filter(|_| self.result.is_none()) else { return };
        match next {
            proxy::Next::Wait => {}
            proxy::Next::Say(words) => self.output.extend(words),
            proxy::Next::Refused(why) => {
                proxied.refusal = Some(why);
                self.result = Some(TalkResult::Refused);
            }
            proxy::Next::Open(rest) => {
                proxied.took = Some(at.since(self.opened_at));
                // From now on it is the target that is heard.
                (self.tunnel, self.has_come) = (None, false);
                self.begin(at);
                if !rest.is_empty() {
                    self.hear(at, &rest);
                }
            }
        }
    }

    /// What comes of the agreement on TLS.
    fn agree(&mut self, at: Instant, next: starttls::Next) {
        match next {
            starttls::Next::Wait => {}
            starttls::Next::Say(words) => self.output.extend_from_slice(words),
            starttls::Next::Refused(why) => {
                self.refused.get_or_insert(why);
                self.result.get_or_insert(TalkResult::Refused);
            }
            starttls::Next::Ready => {
                self.upgrade = None;
                self.heard.clear();
                if let Some(tls) = &mut self.tls {
                    tls.begin(at);
                }
                self.go_on(at, Vec::new());
            }
        }
    }

    /// TLS has taken something in, or begins.
    fn go_on(&mut self, at: Instant, plain: Vec<u8>) {
        let Some(tls) = &mut self.tls else { return };
        self.output.extend(tls.take_output());
        let is_closed = tls.is_closed();
        if tls.is_open() && self.service_at.is_none() {
            match tls.is_refused() {
                true => _ = self.result.get_or_insert(TalkResult::Untrusted),
                false => self.begin_service(at),
            }
        }
        if !plain.is_empty() {
            self.hear_service(at, &plain);
        }
        if is_closed {
            self.hear_end(at);
            self.result.get_or_insert(TalkResult::Closed);
        }
    }

    /// The service will say nothing more: that may be how an answer ends.
    fn hear_end(&mut self, at: Instant) {
        if let Some(next) = self.http.as_mut().map(|http| http.close(at)) {
            self.take_next(next);
        }
    }

    /// The service can be spoken to.
    fn begin_service(&mut self, at: Instant) {
        self.service_at = Some(at);
        if let Some(url) = &self.url {
            let chosen = self.tls.as_ref().and_then(Layer::alpn);
            let spoken = self.spoken.unwrap_or_else(|| Spoken::by_alpn(chosen.as_deref()));
            let mut http = Live::new(url, at, Manner { spoken, ..self.manner });
            let request = http.take_output();
            self.http = Some(http);
            return self.say(&request);
        }
        if !self.dialogue.waits() {
            self.result.get_or_insert(TalkResult::AsExpected);
        }
        let request = std::mem::take(&mut self.dialogue.send);
        self.says = !request.is_empty();
        self.say(&request);
    }

    fn say(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            Some(tls) => self.output.extend(tls.send(bytes)),
            None => self.output.extend_from_slice(bytes),
        }
    }

    fn hear_service(&mut self, at: Instant, bytes: &[u8]) {
        self.first_at.get_or_insert(at);
        if self.http.is_some() {
            return self.hear_http(at, bytes);
        }
        let room = MOST_HEARD.saturating_sub(self.heard.len());
        self.heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if self.result.is_some() {
            return;
        }
        if self.dialogue.is_met(&self.heard) {
            self.result = Some(TalkResult::AsExpected);
        } else if self.heard.len() >= MOST_HEARD {
            // It has said enough, whatever it was.
            self.give_up();
        }
    }

    fn hear_http(&mut self, at: Instant, bytes: &[u8]) {
        let Some(http) = &mut self.http else { return };
        let next = http.hear(at, bytes);
        let said = http.take_output();
        self.say(&said);
        self.take_next(next);
    }

    fn take_next(&mut self, next: Next) {
        let result = match next {
            Next::Wait => return,
            Next::Done => TalkResult::AsExpected,
            Next::Astray => TalkResult::Astray,
            Next::Failed(Reason::Closed) => TalkResult::Closed,
            Next::Failed(_) => TalkResult::Malformed,
        };
        self.result.get_or_insert(result);
    }

    /// Nothing more is waited for.
    pub(super) fn give_up(&mut self) {
        let has_heard = match &mut self.http {
            Some(http) if http.is_answered() => {
                http.leave("no answer came in time");
                self.result.get_or_insert(TalkResult::AsExpected);
                return;
            }
            Some(http) => http.has_heard(),
            None if self.upgrade.is_some() || self.tunnel.is_some() => self.has_come,
            None => self.first_at.is_some(),
        };
        let missed = if has_heard { TalkResult::Other } else { TalkResult::Silent };
        self.result.get_or_insert(missed);
    }

    /// It will end: what is to be sent before that.
    pub(super) fn close(&mut self) -> Vec<u8> {
        if let Some(last) = self.http.as_mut().map(Live::last_words) {
            self.say(&last);
        }
        let is_plain = self.upgrade.is_some() || self.tunnel.is_some();
        if let Some(tls) = self.tls.as_mut().filter(|_| !is_plain) {
            self.output.extend(tls.close());
        }
        self.take_output()
    }

    /// It ended.
    pub(super) fn end(mut self, at: Instant, end: TalkEnd) -> Talk {
        match end {
            TalkEnd::Closed => self.hear_end(at),
            // The run ends before it is known.
            TalkEnd::HungUp { .. } => self.give_up(),
            TalkEnd::Failed(number) | TalkEnd::Told { errno: number, .. } => {
                // What was asked for first is there.
                if let Some(http) = self.http.as_mut().filter(|http| http.is_answered()) {
                    let name = Errno::new(number).name;
                    http.leave(&format!("the connection broke ({name} {number})"));
                    self.result.get_or_insert(TalkResult::AsExpected);
                }
            }
        }
        let (acknowledged, met) = match end {
            TalkEnd::HungUp { acknowledged } => (acknowledged, TalkResult::Silent),
            TalkEnd::Closed => (None, TalkResult::Closed),
            TalkEnd::Failed(number) | TalkEnd::Told { errno: number, .. } => {
                (None, TalkResult::Failed(number))
            }
        };
        // The proxy's is not the target's.
        let acknowledged = acknowledged.filter(|_| self.proxied.is_none());
        let service_at = self.service_at.unwrap_or(self.opened_at);
        let stage = self.stage();
        let http = self.http.map(|http| Box::new(http.into_exchange()));
        let first_byte = match &http {
            Some(http) => http.last().and_then(Step::first_byte),
            None => self.first_at.map(|first| first.since(service_at)),
        };
        let request = match &http {
            Some(http) => http.last().and_then(Step::sending),
            None => self.said_at.map(|said| said.since(service_at)),
        };
        Talk {
            request,
            first_byte,
            refused: self.refused,
            http,
            end: self.result.unwrap_or(met),
            stage,
            proxy: self.proxied,
            tls: self.tls.filter(|_| stage > Stage::Upgrade).map(|tls| Box::new(tls.talked())),
            heard: self.heard,
            acknowledged,
            lasted: at.since(self.opened_at),
            has_come: self.has_come,
            is_cut: false,
            early: None,
            tls_at: None,
        }
    }
}
