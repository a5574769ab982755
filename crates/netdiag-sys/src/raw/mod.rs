//! The system calls that have no safe wrapper: the only module with `unsafe`.
//!
//! Everything here takes and gives plain bytes and numbers; what they mean is decided elsewhere.
//! Errors are error numbers.
#![allow(unsafe_code, reason = "system calls; each block says why it is sound")]

mod capabilities;
mod confine;
mod epoll;
mod folder;
mod message;
mod namespace;
mod options;
mod output;
mod poll;
mod process;
mod start;
mod terminal;

pub(crate) use capabilities::{
    Capabilities, capabilities, clear_ambient_set, drop_bounding_set, has_no_new_privileges,
    is_in_bounding_set, no_new_privileges, set_capabilities,
};
#[cfg(test)]
pub(crate) use confine::call;
pub(crate) use confine::{Instruction, Ruleset, filter_calls, landlock_abi, process};
pub(crate) use epoll::{Epoll, MOST_READY, Ready};
pub(crate) use folder::{entries, open_folder, read_link};
pub(crate) use message::{Batch, Incoming, MAX_BATCH, Outgoing, send, send_many};
pub(crate) use namespace::enter_network;
pub(crate) use options::{
    INTERFACE_INDEX, INTERFACE_NAME, disconnect, get_bytes, get_int, interface_index,
    interface_name, set_bytes, set_int,
};
pub(crate) use output::{stdout_was_closed, wait_for_stdout, write_stdout};
pub(crate) use poll::{PollFd, event_counter, poll};
pub(crate) use process::{
    SignalMask, arm_end, arm_exit, block_signals, clock_nanos, default_action, descriptor_limit,
    exit_now, host_name, ignore, is_ignored, open_null_if_closed, raise, random_bytes, real_user,
    restore_signals, set_mask, signal_descriptor, unblock_signal,
};

pub(crate) use terminal::{
    give_terminal_back, has_keys, knows_terminal, note_screen, read_keys, restore_terminal,
    take_terminal, terminal_size,
};

pub use start::start;

/// The result of a system call: a value, or the error number.
pub(crate) type Result<T> = std::result::Result<T, i32>;

/// The error number of the call that just failed in this thread.
fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}

/// What a call returned, or its error number when that was -1.
fn check(returned: libc::c_int) -> Result<libc::c_int> {
    if returned < 0 { Err(last_errno()) } else { Ok(returned) }
}
