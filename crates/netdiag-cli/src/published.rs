//! The schemas as they are committed and published, packed into the program by `build.rs`.

/// Name, length in bytes, and the text by DEFLATE (RFC 1951).
const SCHEMAS: &[(&str, usize, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/schemas.rs"));

/// The JSON Schema of one command's document, with a line's end; `None` of a command without one.
pub(crate) fn schema(command: &str) -> Option<Vec<u8>> {
    let (_, length, packed) = SCHEMAS.iter().find(|(name, ..)| *name == command)?;
    miniz_oxide::inflate::decompress_to_vec_with_limit(packed, *length).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_schema_is_told_as_it_is_committed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man/schema");
        for (name, _) in crate::generated::schemas() {
            let told = super::schema(name).unwrap_or_else(|| panic!("{name}: no schema"));
            let file = folder.join(name).with_extension("json");
            assert!(std::fs::read(&file).is_ok_and(|text| text == told), "{}", file.display());
        }
        assert_eq!(super::schema("nothing"), None);
    }
}
