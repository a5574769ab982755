//! What is generated from the definitions: manual pages and schemas, committed under `man/` and
//! kept fresh by a test.

use crate::args::Arguments;
use clap::CommandFactory;
use netdiag_model::contract::Document;
use netdiag_ping::result::Target;

/// The manual pages: file name and roff text.
///
/// # Panics
/// Never: writing to a vector does not fail.
#[must_use]
pub fn man_pages() -> Vec<(String, String)> {
    let mut command = Arguments::command();
    command.build();
    let mut pages = vec![page(&command, "netdiag")];
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let name = format!("netdiag-{}", sub.get_name());
        pages.push(page(
            &sub.clone().name(name.clone()).bin_name(name.replacen('-', " ", 1)),
            &name,
        ));
    }
    pages
}

fn page(command: &clap::Command, name: &str) -> (String, String) {
    let mut roff = Vec::new();
    let man = clap_mangen::Man::new(command.clone().display_name(name))
        .title(name.to_uppercase())
        .section("1")
        .source("netdiag");
    man.render(&mut roff).expect("a vector takes everything");
    (format!("{name}.1"), String::from_utf8_lossy(&roff).into_owned())
}

/// The JSON Schema of `ping`'s document.
///
/// # Panics
/// Never: a schema is JSON.
#[must_use]
pub fn ping_schema() -> String {
    let settings = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<Document<Target>>();
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}
