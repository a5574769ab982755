//! The JSON Schema of files of checks, from the options of the commands that are kinds of them.

use super::{gather, item};
use crate::commands::lanes::{Choice, KINDS, choices};
use netdiag_check::file::KEYS;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// The schema.
///
/// # Panics
/// Never: a schema is JSON.
pub(crate) fn of_files() -> String {
    let checks: Vec<Value> = KINDS.iter().map(|kind| of_kind(kind)).collect();
    let mut defaults = Map::from_iter([
        ("deadline".to_owned(), key("deadline")),
        ("retries".to_owned(), key("retries")),
        ("tags".to_owned(), key("tags")),
    ]);
    defaults.extend(KINDS.iter().map(|kind| ((*kind).to_owned(), table(options(kind), &[]))));
    let description = "A file of checks for netdiag check, in TOML.";
    let mut schema = table(
        Map::from_iter([
            (
                "deadline".to_owned(),
                length("how long all checks may take together", gather::DEADLINE),
            ),
            ("defaults".to_owned(), table(defaults, &[])),
            (
                "check".to_owned(),
                json!({"type": "array", "minItems": 1, "items": {"oneOf": checks}}),
            ),
        ]),
        &["check"],
    );
    if let Some(object) = schema.as_object_mut() {
        let dialect = "https://json-schema.org/draft/2020-12/schema";
        object.insert("$schema".to_owned(), dialect.into());
        object.insert("title".to_owned(), "CheckFile".into());
        object.insert("description".to_owned(), description.into());
    }
    serde_json::to_string_pretty(&schema).expect("a schema is JSON")
}

/// A table that has no other keys.
fn table(properties: Map<String, Value>, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn of_kind(kind: &str) -> Value {
    let mut properties: Map<String, Value> =
        KEYS.iter().map(|(name, _)| ((*name).to_owned(), key(name))).collect();
    properties.insert("kind".to_owned(), json!({"const": kind}));
    // A key of checks is that of the check, whatever options its command has.
    let is_key = |name: &str| KEYS.iter().any(|(key, _)| *key == name);
    properties.extend(options(kind).into_iter().filter(|(name, _)| !is_key(name)));
    let required = if kind == "sockets" { &["kind"][..] } else { &["kind", "target"] };
    table(properties, required)
}

fn options(kind: &str) -> Map<String, Value> {
    choices(kind).iter().map(|choice| (choice.name.clone(), option(choice))).collect()
}

fn option(choice: &Choice) -> Value {
    let value = json!({"type": ["string", "number"]});
    let schema = match (choice.takes_value, choice.is_list) {
        (false, _) => json!({"type": "boolean"}),
        (true, false) => value,
        (true, true) => json!({"anyOf": [value, {"type": "array", "items": value}]}),
    };
    let mut schema = described(schema, &choice.help);
    if let Some(object) = schema.as_object_mut() {
        object
            .extend(choice.default.as_deref().map(|text| ("default".to_owned(), number_or(text))));
    }
    schema
}

/// A number where the text is one.
fn number_or(text: &str) -> Value {
    let number = text.parse::<f64>().ok().and_then(|_| serde_json::from_str(text).ok());
    number.unwrap_or_else(|| text.into())
}

fn length(description: &str, default: Duration) -> Value {
    let default = default.as_secs();
    json!({"type": ["string", "number"], "description": description, "default": default})
}

fn described(mut schema: Value, description: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), description.into());
    }
    schema
}

/// A key that every kind has.
fn key(name: &str) -> Value {
    let description = KEYS.iter().find(|(key, _)| *key == name).map_or("", |(_, about)| *about);
    match name {
        "deadline" => length(description, item::DEADLINE),
        "retries" => {
            let number = json!({"type": "integer", "minimum": 0, "maximum": 100, "default": 0});
            described(number, description)
        }
        "target" | "depends_on" | "tags" => json!({
            "description": description,
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        }),
        _ => json!({"type": "string", "description": description}),
    }
}
