//! `netdiag explain`.

/// What a word means that netdiag prints, and what to do next.
///
/// Knows every state of TCP and word of its tables (`not visible`, `window probe`), error number, ICMP
/// message (`3/13`, `icmpv6 1/4` or its name), mark of a trace (`!X`), DNS rcode and extended error
/// (`EDE-7`), and finding, and the topics tcp-states, handshake, close, 2msl, flags and keepalive.
/// Without a term it lists them all.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, args_override_self = true)]
pub(crate) struct ExplainArguments {
    /// A word that netdiag prints, or a topic.
    #[arg(value_name = "TERM")]
    pub(crate) term: Vec<String>,

    /// Form of the output.
    #[arg(short, long, value_name = "FORM", default_value = "text", value_enum)]
    pub(crate) output: Output,
    /// The same as --output json.
    #[arg(long, conflicts_with = "output")]
    pub(crate) json: bool,
}

/// The forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Text,
    /// One document.
    Json,
}

const EXAMPLES: &str = "\
EXAMPLES
  netdiag explain CLOSE-WAIT
  netdiag explain close-wait-leak
  netdiag explain 111
  netdiag explain icmp 3/13
  netdiag explain tcp-states
  netdiag explain --json '!X' | jq -r '.explanations[].next'

EXIT STATUS
  0  it was explained
  1  nothing is called so; the nearest names are said
  2  usage error";

impl ExplainArguments {
    /// Whether a document is wanted.
    pub(crate) fn is_json(&self) -> bool {
        self.json || self.output == Output::Json
    }
}
