//! `netdiag explain`.

/// What a word means that netdiag prints, and what to do next.
///
/// Knows every state of TCP and word of its tables (`not visible`, `window probe`), error number, ICMP
/// message (`3/13`, `icmpv6 1/4` or its name), mark of a trace (`!X`), DNS rcode and extended error
/// (`EDE-7`), and finding, and the topics tcp-states, handshake, close, 2msl, flags and keepalive.
/// Without a term it lists them all.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct ExplainArguments {
    /// A word that netdiag prints, or a topic.
    #[arg(value_name = "TERM")]
    pub(crate) term: Vec<String>,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag explain CLOSE-WAIT
  netdiag explain close-wait-leak
  netdiag explain 111
  netdiag explain icmp 3/13
  netdiag explain tcp-states

EXIT STATUS
  0  it was explained
  1  nothing is called so; the nearest names are said
  2  usage error";
