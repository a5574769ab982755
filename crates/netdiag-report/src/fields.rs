//! The fields of a value in the order of their names, without a map of them in between: a sweep
//! writes some hundred thousand.

use crate::json::Safe;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter};
use std::io::{self, Write};

/// What the writer is told by a byte alone. JSON text has no such characters: those of strings are
/// escaped.
const BEGIN: u8 = 1;
const KEY: u8 = 2;
const VALUE: u8 = 3;
const END: u8 = 4;

/// Room that is used again for each value.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    text: Marked,
    /// Of the objects that are being written, the fields.
    found: Vec<Field>,
}

/// JSON text without what stands between fields, and where these are.
#[derive(Debug, Default)]
struct Marked {
    bytes: Vec<u8>,
    /// What begins or ends where.
    marks: Vec<(u8, usize)>,
}

/// Where a field is in the text, and which marks stand in its value.
#[derive(Clone, Copy, Debug)]
struct Field {
    key: usize,
    value: usize,
    end: usize,
    marks: [usize; 2],
    /// How the name begins: most differ in that.
    start: u64,
}

impl Fields {
    /// Adds the fields of an object, all but some, with a comma before each. Objects in it have their
    /// fields in order too.
    ///
    /// # Errors
    /// When the value fails to serialize, as those of the contract do not.
    pub(crate) fn append<T: Serialize>(
        &mut self,
        out: &mut Vec<u8>,
        value: &T,
        without: &[&str],
    ) -> io::Result<()> {
        self.text.bytes.clear();
        self.text.marks.clear();
        let mut serializer = serde_json::Serializer::with_formatter(&mut self.text, Marking);
        value.serialize(&mut serializer).map_err(io::Error::other)?;
        self.found.clear();
        self.text.find(0, &mut self.found);
        for number in 0..self.found.len() {
            let field = self.found[number];
            let name = self.text.name(&field);
            if !without.iter().any(|left_out| left_out.as_bytes() == name) {
                out.push(b',');
                self.text.write_field(field, &mut self.found, out);
            }
        }
        Ok(())
    }
}

impl Marked {
    /// Adds the fields of the object whose first mark this is, in order. Returns the number of the
    /// mark behind it.
    fn find(&self, begin: usize, found: &mut Vec<Field>) -> usize {
        let first = found.len();
        let (mut depth, mut mark) = (0_usize, begin);
        while let Some((what, at)) = self.marks.get(mark).copied() {
            mark += 1;
            match (what, depth) {
                (BEGIN, _) => depth += 1,
                (KEY | END, 1) => {
                    if let Some(before) = found.get_mut(first..).and_then(<[Field]>::last_mut) {
                        (before.end, before.marks[1]) = (at, mark - 1);
                    }
                    if what == END {
                        break;
                    }
                    found.push(Field { key: at, value: at, end: at, marks: [mark; 2], start: 0 });
                }
                (VALUE, 1) => {
                    if let Some(field) = found.last_mut() {
                        (field.value, field.marks[0]) = (at, mark);
                        field.start = start_of(self.name(field));
                    }
                }
                (END, _) => depth -= 1,
                _ => {}
            }
        }
        found[first..].sort_unstable_by(|one, other| {
            let starts = one.start.cmp(&other.start);
            starts.then_with(|| self.name(one).cmp(self.name(other)))
        });
        mark
    }

    /// A key without its quotation marks.
    fn name(&self, field: &Field) -> &[u8] {
        self.bytes.get(field.key + 1..field.value.saturating_sub(1)).unwrap_or_default()
    }

    fn write_field(&self, field: Field, found: &mut Vec<Field>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[field.key..field.value]);
        out.push(b':');
        let (mut at, [mut mark, until]) = (field.value, field.marks);
        // The objects in its value, if it is one or a list of them.
        while mark < until {
            let begin = self.marks[mark].1;
            out.extend_from_slice(&self.bytes[at..begin]);
            out.push(b'{');
            let first = found.len();
            mark = self.find(mark, found);
            for number in first..found.len() {
                if number > first {
                    out.push(b',');
                }
                self.write_field(found[number], found, out);
            }
            found.truncate(first);
            out.push(b'}');
            at = self.marks[mark - 1].1;
        }
        out.extend_from_slice(&self.bytes[at..field.end]);
    }
}

/// The first eight bytes of a name, in order as numbers.
fn start_of(name: &[u8]) -> u64 {
    let mut start = [0; 8];
    start.iter_mut().zip(name).for_each(|(to, byte)| *to = *byte);
    u64::from_be_bytes(start)
}

impl Write for Marked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes).map(|()| bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes {
            [what @ (BEGIN | KEY | VALUE | END)] => self.marks.push((*what, self.bytes.len())),
            text => self.bytes.extend_from_slice(text),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Marks where objects, keys and values begin.
struct Marking;

impl Formatter for Marking {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&[BEGIN])
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&[END])
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, _: bool) -> io::Result<()> {
        writer.write_all(&[KEY])
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(&[VALUE])
    }

    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        Safe.write_string_fragment(writer, fragment)
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        Safe.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[derive(Serialize)]
    struct Inner {
        z: f64,
        a: Vec<Value>,
        empty: Value,
    }

    #[derive(Serialize)]
    struct Outer<'a> {
        second: &'a str,
        first: Option<u64>,
        left_out: u8,
        inner: Inner,
        list: Vec<Inner>,
        last: bool,
    }

    #[test]
    fn fields_are_those_of_a_map_in_its_order() {
        let inner = |z| Inner {
            z,
            a: vec![json!({"y": {}, "x": [1, {"b": null, "a": "{\u{1}}"}]}), json!([[]])],
            empty: json!({}),
        };
        let second = "quoted \"}{\", \u{1}\u{2}\u{3}\u{4} \u{202e} \\";
        let list = vec![inner(1.0), inner(-0.5)];
        let outer =
            Outer { second, first: None, left_out: 1, inner: inner(f64::NAN), list, last: true };
        let mut fields = Fields::default();
        for _ in 0..2 {
            let mut out = Vec::new();
            fields.append(&mut out, &outer, &["left_out"]).expect("it serializes");
            let mut map = serde_json::to_value(&outer).expect("it serializes");
            map.as_object_mut().expect("an object").remove("left_out");
            let expected = crate::json::to_string(&map);
            let expected = expected.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            assert_eq!(
                std::str::from_utf8(&out).ok(),
                expected.map(|e| format!(",{e}")).as_deref()
            );
        }
        let mut out = Vec::new();
        fields.append(&mut out, &json!({}), &[]).expect("it serializes");
        assert!(out.is_empty());
    }
}
