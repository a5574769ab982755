//! From a list of calls to a program for the kernel.
//!
//! What a program costs at each start is its length, which the kernel checks, translates twice and
//! compiles: a quarter of a microsecond for each instruction. So calls are not compared one after
//! the other: a word of 32 of them is found by halving, and holds a bit for each.

use crate::raw::Instruction;

/// Holds if the lower 32 bits of an argument under a mask are one of these values. The calls that
/// are looked at take no more of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Argument<'a> {
    pub(super) place: u8,
    pub(super) mask: u32,
    pub(super) values: &'a [u32],
}

/// The whole argument.
pub(super) const WHOLE: u32 = u32::MAX;

/// Offsets in `struct seccomp_data` (seccomp(2)).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const SET: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_IMM;
const AND: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const SHIFT_BY_X: u32 = libc::BPF_ALU | libc::BPF_LSH | libc::BPF_X;
const COPY_TO_X: u32 = libc::BPF_MISC | libc::BPF_TAX;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const IF_BITS_OF_X: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_X;
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JA;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

/// Where to go after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    /// Over so many.
    Over(usize),
    /// To where the bit of the call is looked at, in the word that is loaded.
    Bit,
    /// The call is made.
    Allow,
    /// It fails with EPERM.
    Refuse,
    /// It fails with ENOSYS.
    Unknown,
}

const NEXT: To = To::Over(0);

/// An instruction, and where to go from it if it is so and if not.
struct Step(u32, u32, To, To);

const fn step(code: u32, value: u32) -> Step {
    Step(code, value, NEXT, NEXT)
}

/// A program under construction.
pub(super) struct Program {
    architecture: u32,
    last: u32,
    /// A bit for each call that is always made.
    allowed: Vec<u32>,
    /// Calls whose arguments decide, and where their rules begin.
    conditional: Vec<(u32, usize)>,
    rules: Vec<Step>,
}

impl Program {
    /// A program that knows calls up to `last` of this architecture.
    pub(super) fn new(architecture: u32, last: u32) -> Self {
        Self {
            architecture,
            last,
            allowed: vec![0; last as usize / 32 + 1],
            conditional: Vec::with_capacity(16),
            rules: Vec::with_capacity(64),
        }
    }

    /// Lets a call be made.
    pub(super) fn allow(&mut self, call: u32) {
        if let Some(word) = self.allowed.get_mut(call as usize / 32) {
            *word |= 1 << (call % 32);
        }
    }

    /// Lets a call be made if all of one line holds.
    pub(super) fn allow_if(&mut self, call: u32, lines: &[&[Argument<'_>]]) {
        self.rule(call, lines, To::Allow, To::Refuse);
    }

    /// Lets a call be made unless all of one line holds.
    pub(super) fn allow_unless(&mut self, call: u32, lines: &[&[Argument<'_>]]) {
        self.rule(call, lines, To::Refuse, To::Allow);
    }

    fn rule(&mut self, call: u32, lines: &[&[Argument<'_>]], then: To, otherwise: To) {
        self.conditional.push((call, self.rules.len()));
        for (index, line) in lines.iter().enumerate() {
            let mut rest: usize = line.iter().map(length).sum();
            for (place, argument) in line.iter().enumerate() {
                rest -= length(argument);
                let no = if index + 1 == lines.len() { otherwise } else { To::Over(rest) };
                let is_last = place + 1 == line.len();
                self.test(argument, |left| if is_last { then } else { To::Over(left) }, no);
            }
        }
    }

    /// Goes somewhere if an argument is as it should be, given how many instructions of the test are
    /// left then.
    fn test(&mut self, argument: &Argument<'_>, yes: impl Fn(usize) -> To, no: To) {
        self.rules.push(step(LOAD, ARGUMENTS + 8 * u32::from(argument.place)));
        if argument.mask != WHOLE {
            self.rules.push(step(AND, argument.mask));
        }
        for (index, value) in argument.values.iter().enumerate() {
            let left = argument.values.len() - index - 1;
            let no = if left == 0 { no } else { NEXT };
            self.rules.push(Step(IF_EQUAL, *value, yes(left), no));
        }
    }

    /// The program, of at least one call whose arguments decide; `None` of one that is too long for
    /// its jumps.
    pub(super) fn finish(self) -> Option<Vec<Instruction>> {
        let mut steps = Vec::with_capacity(128);
        steps.push(step(LOAD, ARCHITECTURE));
        steps.push(Step(IF_EQUAL, self.architecture, NEXT, To::Unknown));
        steps.push(step(LOAD, NUMBER));
        steps.push(Step(IF_AT_LEAST, self.last + 1, To::Unknown, NEXT));
        // X = the bit of the call in its word.
        steps.extend([step(AND, 31), step(COPY_TO_X, 0), step(SET, 1), step(SHIFT_BY_X, 0)]);
        steps.extend([step(COPY_TO_X, 0), step(LOAD, NUMBER)]);
        find(&self.allowed, 0, &mut steps);
        let bit = steps.len();
        steps.push(Step(IF_BITS_OF_X, 0, To::Allow, NEXT));
        steps.push(step(LOAD, NUMBER));
        let calls = self.conditional.len();
        for (index, (call, start)) in self.conditional.iter().enumerate() {
            let left = calls - index - 1;
            let no = if left == 0 { To::Refuse } else { NEXT };
            steps.push(Step(IF_EQUAL, *call, To::Over(left + start), no));
        }
        steps.extend(self.rules);
        let end = steps.len();
        steps.push(step(RETURN, libc::SECCOMP_RET_ALLOW));
        steps.push(step(RETURN, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32));
        steps.push(step(RETURN, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32));
        let place = |at: usize, to: To| {
            let to = match to {
                To::Over(skipped) => at + 1 + skipped,
                To::Bit => bit,
                To::Allow => end,
                To::Refuse => end + 1,
                To::Unknown => end + 2,
            };
            u8::try_from(to - at - 1).ok()
        };
        let instruction = |(at, Step(code, value, yes, no)): (usize, &Step)| {
            let (jt, jf) = (place(at, *yes)?, place(at, *no)?);
            // This one jumps by its value.
            let (jt, k) = if *code == JUMP { (0, jt.into()) } else { (jt, *value) };
            Some(Instruction { code: *code as u16, jt, jf, k })
        };
        steps.iter().enumerate().map(instruction).collect()
    }
}

/// How many instructions the test of an argument has.
fn length(argument: &Argument<'_>) -> usize {
    1 + usize::from(argument.mask != WHOLE) + argument.values.len()
}

/// Finds the word of the call that is loaded, of which `first` is the first.
fn find(words: &[u32], first: u32, steps: &mut Vec<Step>) {
    if let [bits] = words {
        steps.push(step(SET, *bits));
        steps.push(Step(JUMP, 0, To::Bit, NEXT));
        return;
    }
    let (lower, upper) = words.split_at(words.len() / 2);
    let middle = first + 32 * lower.len() as u32;
    let place = steps.len();
    steps.push(step(IF_AT_LEAST, middle));
    find(lower, first, steps);
    let skipped = steps.len() - place - 1;
    if let Some(Step(.., yes, _)) = steps.get_mut(place) {
        *yes = To::Over(skipped);
    }
    find(upper, middle, steps);
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: u32 = 0xc000_003e;
    const LAST: u32 = 334;
    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
    const EPERM: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    const ENOSYS: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

    /// What the kernel would do with a call.
    fn judged(program: &[Instruction], architecture: u32, call: u32, arguments: [u32; 3]) -> u32 {
        let (mut a, mut x, mut at) = (0, 0, 0);
        loop {
            let Instruction { code, jt, jf, k } = program[at];
            let mut jump = |is_so| at += usize::from(if is_so { jt } else { jf });
            match u32::from(code) {
                LOAD => {
                    a = match k {
                        NUMBER => call,
                        ARCHITECTURE => architecture,
                        place => arguments[(place - ARGUMENTS) as usize / 8],
                    }
                }
                SET => a = k,
                AND => a &= k,
                SHIFT_BY_X => a <<= x,
                COPY_TO_X => x = a,
                IF_EQUAL => jump(a == k),
                IF_AT_LEAST => jump(a >= k),
                IF_BITS_OF_X => jump(a & x != 0),
                JUMP => at += k as usize,
                RETURN => return k,
                other => panic!("no instruction of ours: {other}"),
            }
            at += 1;
        }
    }

    const fn is(place: u8, values: &[u32]) -> Argument<'_> {
        Argument { place, mask: WHOLE, values }
    }

    #[test]
    fn each_call_is_judged_by_its_own_bit() {
        for allowed in [vec![], vec![0], vec![31, 32, 33, 63, 64], (0..=LAST).collect()] {
            let mut program = Program::new(HERE, LAST);
            program.allow_if(LAST + 1, &[&[is(0, &[0])]]);
            allowed.iter().for_each(|call| program.allow(*call));
            let program = program.finish().expect("short");
            for call in 0..1_000 {
                let expected = match call {
                    0..=LAST if allowed.contains(&call) => ALLOW,
                    0..=LAST => EPERM,
                    _ => ENOSYS,
                };
                assert_eq!(judged(&program, HERE, call, [0; 3]), expected, "{call} {allowed:?}");
                assert_eq!(judged(&program, 0x4000_0003, call, [0; 3]), ENOSYS, "another {call}");
                // The numbers of x32.
                assert_eq!(judged(&program, HERE, call | 1 << 30, [0; 3]), ENOSYS, "x32 {call}");
            }
        }
    }

    #[test]
    fn arguments_decide_line_by_line() {
        let mut program = Program::new(HERE, LAST);
        let masked = Argument { place: 1, mask: 0xf, values: &[1, 2] };
        program.allow_if(41, &[&[is(0, &[2, 10]), masked, is(2, &[0, 6, 17])], &[is(0, &[16])]]);
        program.allow_unless(54, &[&[is(1, &[0]), is(2, &[3])], &[is(1, &[41]), is(2, &[36])]]);
        program.allow_if(7, &[&[is(2, &[9])]]);
        let program = program.finish().expect("short");
        for first in 0..20 {
            for second in (0..48).chain([0x801, 0x802, 0x803]) {
                for third in 0..40 {
                    let judged = |call| judged(&program, HERE, call, [first, second, third]);
                    let socket = [2, 10].contains(&first)
                        && [1, 2].contains(&(second & 0xf))
                        && [0, 6, 17].contains(&third)
                        || first == 16;
                    assert_eq!(judged(41) == ALLOW, socket, "{first} {second} {third}");
                    let refused = [(0, 3), (41, 36)].contains(&(second, third));
                    assert_eq!(judged(54) == EPERM, refused, "{first} {second} {third}");
                    assert_eq!(judged(7) == ALLOW, third == 9, "{first} {second} {third}");
                    assert_eq!(judged(8), EPERM);
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_for_its_jumps_is_no_program() {
        let mut program = Program::new(HERE, LAST);
        let many: Vec<u32> = (0..300).collect();
        program.allow_if(1, &[&[is(0, &many)]]);
        assert!(program.finish().is_none());
    }
}
