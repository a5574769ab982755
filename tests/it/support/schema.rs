//! As much of JSON Schema as `man/schema` uses.

use serde_json::Value;
use std::path::Path;

/// Checks a document against the committed schema of a command.
pub(crate) fn check(command: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("man/schema/{command}.json"));
    let text = std::fs::read_to_string(&path).expect("a committed schema");
    let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    let mut faults = Vec::new();
    walk(&schema, &schema, document, "$", &mut faults);
    assert!(faults.is_empty(), "{faults:#?}\n{document:#}");
}

fn walk(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    let mut fault = |what: String| faults.push(format!("{path}: {what}"));
    if let Some(types) = schema.get("type") {
        let allowed = types.as_array().cloned().unwrap_or_else(|| vec![types.clone()]);
        if !allowed.iter().any(|kind| is(value, kind.as_str().expect("the name of a type"))) {
            fault(format!("{value} is not {types}"));
        }
    }
    if schema.get("const").is_some_and(|only| only != value) {
        fault(format!("{value} is not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
        fault(format!("{value} is not one of {}", schema["enum"]));
    }
    if let Some(number) = value.as_f64() {
        let bound = |key: &str| schema[key].as_f64();
        if bound("minimum").is_some_and(|least| number < least)
            || bound("maximum").is_some_and(|most| number > most)
        {
            fault(format!("{value} is out of range"));
        }
    }
    if let Some(object) = value.as_object() {
        for key in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(key.as_str().expect("a key")) {
                fault(format!("{key} is missing"));
            }
        }
        for (key, child) in object {
            let path = format!("{path}.{key}");
            match (schema["properties"].get(key), &schema["additionalProperties"]) {
                (Some(known), _) => walk(root, known, child, &path, faults),
                (None, Value::Object(_)) => {
                    walk(root, &schema["additionalProperties"], child, &path, faults);
                }
                // What is published must be described.
                (None, _) if schema.get("properties").is_some() => {
                    faults.push(format!("{path}: not in the schema"));
                }
                _ => {}
            }
        }
    }
    for (index, child) in value.as_array().into_iter().flatten().enumerate() {
        if schema.get("items").is_some() {
            walk(root, &schema["items"], child, &format!("{path}[{index}]"), faults);
        }
    }
    if let Some(reference) = schema["$ref"].as_str() {
        let place = root.pointer(reference.trim_start_matches('#')).expect("a definition");
        walk(root, place, value, path, faults);
    }
    for key in ["anyOf", "oneOf"] {
        let Some(choices) = schema[key].as_array() else { continue };
        let attempts: Vec<Vec<String>> = choices
            .iter()
            .map(|choice| {
                let mut faults = Vec::new();
                walk(root, choice, value, path, &mut faults);
                faults
            })
            .collect();
        if !attempts.iter().any(Vec::is_empty) {
            faults.push(format!("{path}: {value} is none of {key}: {attempts:?}"));
        }
    }
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema has a type {other}"),
    }
}
