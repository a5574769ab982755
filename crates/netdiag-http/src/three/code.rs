//! By which codes ends of HTTP/3 say why they stop (RFC 9114 section 8.1, RFC 9204 section 6).

/// Nothing is wrong.
pub const NO_ERROR: u32 = 0x100;
/// An answer is of no more use.
pub const REQUEST_CANCELLED: u32 = 0x10c;
pub(super) const STREAM_CREATION_ERROR: u32 = 0x103;
pub(super) const CLOSED_CRITICAL_STREAM: u32 = 0x104;
pub(super) const FRAME_UNEXPECTED: u32 = 0x105;
pub(super) const FRAME_ERROR: u32 = 0x106;
pub(super) const EXCESSIVE_LOAD: u32 = 0x107;
pub(super) const ID_ERROR: u32 = 0x108;
pub(super) const SETTINGS_ERROR: u32 = 0x109;
pub(super) const MISSING_SETTINGS: u32 = 0x10a;
pub(super) const REQUEST_REJECTED: u32 = 0x10b;
pub(super) const DECOMPRESSION_FAILED: u32 = 0x200;
pub(super) const ENCODER_STREAM_ERROR: u32 = 0x201;

/// Those of HTTP/3, from 0x100 on, and of its fields, from 0x200 on.
const HTTP: [&str; 17] = [
    "h3-no-error",
    "h3-general-protocol-error",
    "h3-internal-error",
    "h3-stream-creation-error",
    "h3-closed-critical-stream",
    "h3-frame-unexpected",
    "h3-frame-error",
    "h3-excessive-load",
    "h3-id-error",
    "h3-settings-error",
    "h3-missing-settings",
    "h3-request-rejected",
    "h3-request-cancelled",
    "h3-request-incomplete",
    "h3-message-error",
    "h3-connect-error",
    "h3-version-fallback",
];
const FIELDS: [&str; 3] =
    ["qpack-decompression-failed", "qpack-encoder-stream-error", "qpack-decoder-stream-error"];

/// A code as the reason of a failure.
#[must_use]
pub fn reason(code: u64) -> &'static str {
    let place = |from: u64| code.checked_sub(from).and_then(|place| usize::try_from(place).ok());
    let http = place(0x100).and_then(|place| HTTP.get(place));
    let found = http.or_else(|| place(0x200).and_then(|place| FIELDS.get(place)));
    found.copied().unwrap_or("h3-other-error")
}

/// The same as the RFCs name it, and the number.
#[must_use]
pub fn shown(code: u64) -> String {
    format!("{} ({code:#x})", reason(code).replace('-', "_").to_uppercase())
}
