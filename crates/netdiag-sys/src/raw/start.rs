//! The start of the program, without the one of Rust's runtime: that reads `/proc/self/maps` for its
//! message on a stack that overflows, which takes twenty system calls before anything is dropped.

use super::output;
use crate::privileges;
use std::ffi::{CStr, OsStr, OsString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a process ends with that panicked, as with Rust's own start.
const PANICKED: u8 = 101;

/// Names the function that is the program: it gets the arguments and returns the exit code. The
/// crate that names it has `#![no_main]`.
#[macro_export]
macro_rules! program {
    ($run:path) => {
        /// What the C library calls.
        #[allow(unsafe_code, reason = "no other function of the program has this name")]
        #[unsafe(no_mangle)]
        extern "C" fn main(
            count: ::std::ffi::c_int,
            arguments: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: the C library gives the vector of arguments of the process.
            unsafe { $crate::start(count, arguments, $run) }
        }
    };
}

/// Starts the program, for [`program!`](crate::program): sees to the standard descriptors, ignores
/// SIGPIPE, so that a closed pipe is an error of the write, and runs `run` with the arguments.
/// Returns its exit code, 101 when it panicked, and 3 when the descriptors cannot be had.
///
/// # Safety
/// `arguments` points to `count` strings with a terminating NUL, which stay as they are.
#[must_use]
pub unsafe fn start(
    count: c_int,
    arguments: *const *const c_char,
    run: fn(Vec<OsString>) -> u8,
) -> c_int {
    output::look();
    if privileges::ensure_standard_descriptors().is_err() {
        return 3;
    }
    super::ignore(libc::SIGPIPE);
    let count = usize::try_from(count).unwrap_or_default();
    let arguments = (0..count).map(|index| {
        // SAFETY: as the caller promises.
        let argument = unsafe { CStr::from_ptr(*arguments.add(index)) };
        OsStr::from_bytes(argument.to_bytes()).to_owned()
    });
    let arguments = arguments.collect();
    catch_unwind(AssertUnwindSafe(|| run(arguments))).unwrap_or(PANICKED).into()
}
