//! What `mtr` shows beside what `trace` does: columns by letters, mtr's own report, the live screen.

mod classic;
mod live;
mod order;
mod table;

pub use classic::{ClassicForm, ClassicOptions, ClassicReport, ClassicScreen, ClassicTarget};
pub use live::LiveReport;
pub use order::{Column, Order};
pub(super) use table::{header, table};
