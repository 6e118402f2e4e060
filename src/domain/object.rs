use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON object that a client sent: its members by name, none of them checked yet.
#[derive(Debug)]
pub struct Object<'a>(BTreeMap<String, &'a RawValue>);

/// The value of one member.
#[derive(Debug, PartialEq, Eq)]
pub enum Member<'a> {
    /// The member is missing, or `null`, which means the same.
    Absent,
    Text(Cow<'a, str>),
    /// A number, a Boolean, an array or an object, as JSON.
    Other(&'a str),
}

/// The body is not a JSON object in UTF-8, or a member is given twice. The text says where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidJson(String);

impl<'a> Object<'a> {
    /// Reads a body. Unknown members are kept and may hold anything.
    pub fn parse(body: &'a [u8]) -> Result<Self, InvalidJson> {
        let text = std::str::from_utf8(body)
            .map_err(|e| InvalidJson(format!("not UTF-8 after byte {}", e.valid_up_to())))?;
        serde_json::from_str(text).map_err(InvalidJson::from)
    }

    /// Whether the member is there and `null`.
    pub fn is_null(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|raw| raw.get() == "null")
    }

    /// The member's value. Fails where a string has an escape that is no Unicode character.
    pub fn member(&self, name: &str) -> Result<Member<'a>, InvalidJson> {
        let Some(raw) = self.0.get(name) else { return Ok(Member::Absent) };
        let json = raw.get();
        match json.as_bytes() {
            b"null" => Ok(Member::Absent),
            // Without a backslash there is nothing to decode.
            [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
                Ok(Member::Text(Cow::Borrowed(&json[1..json.len() - 1])))
            }
            [b'"', ..] => Ok(Member::Text(Cow::Owned(serde_json::from_str(json)?))),
            _ => Ok(Member::Other(json)),
        }
    }
}

impl From<serde_json::Error> for InvalidJson {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// Written by hand because a map takes the last of two members with the same name.
struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_json_object_in_utf8_is_accepted() {
        for body in [
            "",
            " ",
            "[]",
            "5",
            "null",
            "\"x\"",
            "{",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            "{'a': 1}",
            r#"["Arvin", "Cudanin"]"#,
            r#"{"firstname": "a", "firstname": "a", "lastname": "b"}"#,
            r#"{"x": 1, "x": 2, "firstname": "a", "lastname": "b"}"#,
            r#"{"\u0066irstname": "a", "firstname": "b", "lastname": "c"}"#,
            r#"{"\ud800": "a"}"#,
            r#"{"a": "\x"}"#,
            "{\"a\": \"\n\"}",
        ] {
            assert!(Object::parse(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(
            Object::parse(b"{\"firstname\": \"Jos\xe9\"}").unwrap_err().to_string(),
            "not UTF-8 after byte 18"
        );
    }

    #[test]
    fn a_member_is_absent_a_text_or_something_else() {
        let object = Object::parse(
            r#" {"a": "x", "b": "\u0041\n", "c": null, "d": 1, "e": {"a": [true]}, "f": "\ud800"}"#
                .as_bytes(),
        )
        .unwrap();
        let text = |text: &'static str| Ok(Member::Text(text.into()));
        assert_eq!(object.member("a"), text("x"));
        assert_eq!(object.member("b"), text("A\n"));
        assert_eq!(object.member("c"), Ok(Member::Absent));
        assert_eq!(object.member("missing"), Ok(Member::Absent));
        assert_eq!(object.member("d"), Ok(Member::Other("1")));
        assert_eq!(object.member("e"), Ok(Member::Other(r#"{"a": [true]}"#)));
        assert!(object.member("f").is_err(), "half of a surrogate pair is no character");
    }
}
