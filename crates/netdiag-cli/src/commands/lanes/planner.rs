//! Plans of lanes. Those with names are made beside the run: whoever measures does not wait until names
//! are looked up.

use super::attempt::Prepared;
use super::kinds::Asked;
use super::looked::{Key, Looked};
use crate::commands::tcp_connect::Away;
use crate::{LookUps, LookedUp, World};
use netdiag_engine::Pause;
use netdiag_model::Instant;
use netdiag_model::failure::LookupError;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

/// The longest that a look-up takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How many names are looked up at the same time.
const AT_ONCE: usize = 128;
/// How often it is looked whether names are known: at first, and when that takes longer.
const LOOK_AT_FIRST: Duration = Duration::from_millis(1);
const LOOK_LATER: Duration = Duration::from_millis(10);
const AT_FIRST: Duration = Duration::from_millis(50);
/// A look-up ends so much before its time is over, so that what became of it can be told.
const MARGIN: Duration = Duration::from_millis(20);

/// A plan, or what is wrong with what was asked for.
pub(crate) type Made = Result<Rc<dyn Prepared>, String>;

/// Who makes the plans.
pub(crate) struct Planner {
    /// What each lane measures.
    asked: Vec<Asked>,
    wishes: Vec<Wish>,
    under_way: Vec<UnderWay>,
    made: BTreeMap<usize, Made>,
    /// Who looks up names that come up while plans are carried out.
    away: RefCell<Vec<Weak<Away>>>,
}

/// A plan that a lane waits for.
struct Wish {
    lane: usize,
    /// When it must be there.
    until: Instant,
    known: BTreeMap<Key, LookedUp>,
    /// What it has to know before it can be made.
    lacks: BTreeSet<Key>,
}

/// Names that are looked up, all for the same family.
struct UnderWay {
    since: Instant,
    /// Those that nothing is known of yet, by their places.
    names: BTreeMap<usize, Key>,
    look_ups: LookUps,
}

impl Planner {
    /// With what each lane measures.
    pub(crate) const fn new(asked: Vec<Asked>) -> Self {
        Self {
            asked,
            wishes: Vec::new(),
            under_way: Vec::new(),
            made: BTreeMap::new(),
            away: RefCell::new(Vec::new()),
        }
    }

    /// The plan of a lane, where no server has to be asked for any name in it.
    ///
    /// # Errors
    /// What is wrong with the arguments, in a line.
    pub(crate) fn at_once<W: World>(
        &self,
        lane: usize,
        world: &mut W,
        network: &mut W::Network,
    ) -> Result<Option<Rc<dyn Prepared>>, String> {
        let mut lacks = BTreeSet::new();
        let Some(made) = self.make(lane, &BTreeMap::new(), &mut lacks, world, network) else {
            return Ok(None);
        };
        if lacks.is_empty() { made.map(Some) } else { Ok(None) }
    }

    /// A lane wants a plan, by this time.
    pub(crate) fn wish(&mut self, lane: usize, until: Instant) {
        let (known, lacks) = (BTreeMap::new(), BTreeSet::new());
        self.wishes.push(Wish { lane, until, known, lacks });
    }

    /// What a lane measures from now on.
    pub(crate) fn replace(&mut self, lane: usize, asked: Asked) {
        if let Some(old) = self.asked.get_mut(lane) {
            *old = asked;
        }
    }

    /// A lane wants none any more.
    pub(crate) fn forget(&mut self, lane: usize) {
        self.wishes.retain(|wish| wish.lane != lane);
        self.made.remove(&lane);
    }

    /// The plan that a lane waits for, once it is made.
    pub(crate) fn take(&mut self, lane: usize) -> Option<Made> {
        self.made.remove(&lane)
    }

    /// Sees what is known by now, makes the plans that can be made, and begins to look up what lacks.
    pub(crate) fn serve<W: World>(
        &mut self,
        now: Instant,
        world: &mut W,
        network: &mut W::Network,
    ) -> Pause {
        let beside = self.look_away(now, world);
        if self.wishes.is_empty() {
            // Nobody wants to know any more.
            self.under_way.clear();
            return beside;
        }
        self.hear();
        let mut ask = false;
        for mut wish in std::mem::take(&mut self.wishes) {
            match self.fulfil(&mut wish, now, world, network) {
                Some(made) => {
                    ask = true;
                    self.made.insert(wish.lane, made);
                }
                None => self.wishes.push(wish),
            }
        }
        self.begin(now, world);
        Pause { until: self.again(now).min(beside.until), ask: ask || beside.ask }
    }

    /// Looks after names that came up while plans are carried out.
    fn look_away<W: World>(&self, now: Instant, world: &mut W) -> Pause {
        let mut all = Pause { until: Instant::FAR, ask: false };
        self.away.borrow_mut().retain(|away| {
            let Some(away) = away.upgrade() else { return false };
            let pause = away.beside(now, world);
            all = Pause { until: all.until.min(pause.until), ask: all.ask || pause.ask };
            true
        });
        all
    }

    /// Takes in what became of names.
    fn hear(&mut self) {
        for under_way in &mut self.under_way {
            while let Some((place, found)) = (under_way.look_ups)() {
                let Some(key) = under_way.names.remove(&place) else { continue };
                for wish in self.wishes.iter_mut().filter(|wish| wish.lacks.contains(&key)) {
                    wish.lacks.remove(&key);
                    wish.known.insert(key.clone(), found.clone());
                }
            }
        }
        self.under_way.retain(|under_way| !under_way.names.is_empty());
    }

    /// The plan that was wished for, where all is known that it takes, or no time is left for more.
    fn fulfil<W: World>(
        &self,
        wish: &mut Wish,
        now: Instant,
        world: &mut W,
        network: &mut W::Network,
    ) -> Option<Made> {
        let is_over = now >= wish.until;
        if is_over {
            let too_late = |key| (key, (Err(no_time()), Duration::ZERO));
            wish.known.extend(std::mem::take(&mut wish.lacks).into_iter().map(too_late));
        }
        if !wish.lacks.is_empty() {
            return None;
        }
        let made = self.make(wish.lane, &wish.known, &mut wish.lacks, world, network)?;
        if wish.lacks.is_empty() || is_over { Some(made) } else { None }
    }

    /// A plan by what is known of names, and what it lacks beside that.
    fn make<W: World>(
        &self,
        lane: usize,
        known: &BTreeMap<Key, LookedUp>,
        lacks: &mut BTreeSet<Key>,
        world: &mut W,
        network: &mut W::Network,
    ) -> Option<Made> {
        let mut looked = Looked::new(world, known);
        // Kinds of checks say nothing by themselves.
        let made = self.asked.get(lane)?.plan(&mut looked, network, &mut io::sink());
        lacks.extend(looked.lacks());
        if let Some(away) = made.as_ref().ok().and_then(|plan| plan.away()) {
            away.attend();
            self.away.borrow_mut().push(Rc::downgrade(&away));
        }
        Some(made)
    }

    /// Begins to look up what lacks, as far as there is room.
    fn begin<W: World>(&mut self, now: Instant, world: &mut W) {
        let busy: BTreeSet<&Key> =
            self.under_way.iter().flat_map(|under_way| under_way.names.values()).collect();
        let room = AT_ONCE.saturating_sub(busy.len());
        let mut wanted: BTreeMap<Key, Instant> = BTreeMap::new();
        for wish in &self.wishes {
            for key in wish.lacks.iter().filter(|key| !busy.contains(key)) {
                let until = wanted.entry(key.clone()).or_insert(wish.until);
                *until = wish.until.max(*until);
            }
        }
        let mut groups: BTreeMap<_, Vec<(Key, Instant)>> = BTreeMap::new();
        for (key, until) in wanted.into_iter().take(room) {
            groups.entry(key.family_number()).or_default().push((key, until));
        }
        for group in groups.into_values() {
            let until = group.iter().map(|(_, until)| *until).max().unwrap_or(now);
            let patience = PATIENCE.min(until.since(now).saturating_sub(MARGIN));
            let names: Vec<String> = group.iter().map(|(key, _)| key.name().to_owned()).collect();
            let family = group.first().and_then(|(key, _)| key.family());
            let look_ups = world.look_up_beside(&names, family, patience);
            let names = group.into_iter().map(|(key, _)| key).enumerate().collect();
            self.under_way.push(UnderWay { since: now, names, look_ups });
        }
    }

    /// When to look again whether something is known.
    fn again(&self, now: Instant) -> Instant {
        let ends = self.wishes.iter().map(|wish| wish.until);
        let Some(end) = ends.min() else { return Instant::FAR };
        let youngest = self.under_way.iter().map(|under_way| under_way.since).max();
        let is_young = youngest.is_some_and(|since| now.since(since) < AT_FIRST);
        end.min(now + if is_young { LOOK_AT_FIRST } else { LOOK_LATER })
    }
}

/// There was no answer when the time was over.
fn no_time() -> LookupError {
    let tried = "no answer before its time was over".to_owned();
    LookupError::NoAnswer { tried, reason: "no-resolver".to_owned(), errno: None }
}
