//! `netdiag install-links`.

use std::path::PathBuf;

/// Make links under the names of the classic tools, which the program then is.
///
/// Started under such a name, it takes that tool's options, and prints and exits as it does. What is
/// there already is not replaced.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "EXAMPLES\n  netdiag install-links /usr/local/bin\n  netdiag install-links --names ping,traceroute ~/bin"
)]
pub(crate) struct LinksArguments {
    /// Where they are made.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Which [default: all].
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = crate::classic::NAMES)]
    pub(crate) names: Vec<String>,
}
