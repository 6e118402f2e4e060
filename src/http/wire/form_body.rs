use std::borrow::Cow;

use super::problem::Problem;
use super::query::decoded;

/// The JSON object of the same members as a form (`application/x-www-form-urlencoded`), so that both are
/// parsed by the same rules.
///
/// A form has no `null`, and a browser sends every field. So an empty field clears what can be
/// cleared, and is absent where an entry keeps its own value or gets a new one.
pub(crate) fn json_of_form(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut json = b"{".to_vec();
    for (name, value) in fields_of_form(body).ok_or_else(Problem::invalid_form)? {
        let value = match (&*name, &*value) {
            ("entry_id" | "occurred_at" | "direction" | "expires_at", "") => continue,
            ("gate" | "person_ref", "") => None,
            (_, value) => Some(value),
        };
        if json.len() > 1 {
            json.push(b',');
        }
        // Strings and null always serialize, and writing to a Vec cannot fail.
        let _ = serde_json::to_writer(&mut json, &name);
        json.push(b':');
        let _ = serde_json::to_writer(&mut json, &value);
    }
    json.push(b'}');
    Ok(json)
}

/// The names and values of a form as it was sent; `None` if it is not a form in UTF-8.
pub(crate) fn fields_of_form(body: &[u8]) -> Option<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
    let pairs = std::str::from_utf8(body).ok()?.split('&').filter(|pair| !pair.is_empty());
    let fields = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decoded(name)?, decoded(value)?))
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(form: &str) -> Option<String> {
        json_of_form(form.as_bytes()).ok().map(|json| String::from_utf8(json).unwrap())
    }

    #[test]
    fn a_form_becomes_an_object_with_the_same_members() {
        for (form, expected) in [
            ("", "{}"),
            ("reason=twice", r#"{"reason":"twice"}"#),
            ("reason=Jos%C3%A9+said+%22no%22&&x", r#"{"reason":"José said \"no\"","x":""}"#),
            ("gate=&person_ref=&reason=", r#"{"gate":null,"person_ref":null,"reason":""}"#),
            ("entry_id=&occurred_at=&direction=&firstname=", r#"{"firstname":""}"#),
            // The parser of JSON refuses the second one.
            ("a=1&a=2", r#"{"a":"1","a":"2"}"#),
            ("a=1=2", r#"{"a":"1=2"}"#),
        ] {
            assert_eq!(json(form).as_deref(), Some(expected), "{form}");
        }
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for form in ["reason=%", "reason=%f", "reason=%ff", "%zz=1"] {
            assert_eq!(json(form), None, "{form}");
        }
        assert!(json_of_form(b"reason=\xff").is_err());
    }
}
