//! The OpenAPI document is what partners build on: a change of it is seen in review, as a change of `openapi.json`.

use cunji::routes::{openapi, table};
use serde_json::Value;

/// Set it to write the file anew.
const REWRITE: &str = "CUNJI_WRITE_SNAPSHOT";

fn document() -> Value {
    let mut document = serde_json::to_value(openapi()).unwrap();
    // a release changes no route
    document["info"]["version"] = "0.0.0".into();
    document
}

#[test]
fn the_document_is_the_one_that_was_reviewed() {
    let text = format!("{:#}\n", document());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/openapi.json");
    if std::env::var_os(REWRITE).is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let known = std::fs::read_to_string(path).unwrap_or_default();
    let differs = text.lines().zip(known.lines()).position(|(new, old)| new != old);
    assert!(
        text == known,
        "tests/it/openapi.json differs from line {} on; with {REWRITE}=1 this test writes it anew",
        differs.map_or(0, |line| line + 1)
    );
}

#[test]
fn every_route_is_in_it() {
    let document = document();
    for route in table() {
        let method = route.method.as_str().to_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert!(operation["summary"].is_string(), "{method} {}", route.path);
    }
    let paths = document["paths"].as_object().unwrap().values();
    let operations: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(operations, table().len(), "and nothing else");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(target)) = fields.get("$ref") {
                    let target = target.strip_prefix('#').unwrap();
                    assert!(document.pointer(target).is_some(), "{target}");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}
