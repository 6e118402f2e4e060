use std::borrow::Cow;

use rocket::http::RawStr;

use super::path::is_well_encoded;
use super::problem::Problem;
use crate::domain::{Day, DayRange, Direction, FieldError, Filter, Search, Text};

/// The parameters of a request's query, and the errors found in those that were asked for.
pub(crate) struct Query<'q> {
    /// By name, in the order of the request; `None` for a value that is not encoded UTF-8.
    pairs: Vec<(Cow<'q, str>, Option<Cow<'q, str>>)>,
    errors: Vec<FieldError>,
}

impl<'q> Query<'q> {
    /// Reads the part of a URL after its `?`. Empty parameters are absent; a space may be `+`.
    pub(crate) fn parse(raw: &'q str) -> Self {
        let pairs = raw.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let pairs = pairs
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((decoded(name)?, decoded(value))))
            .collect();
        Self { pairs, errors: Vec::new() }
    }

    /// The parsed parameter, if it is there and valid.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        let mut values = self.pairs.iter().filter(|(held, _)| held == name).map(|(_, value)| value);
        let parsed = match (values.next()?, values.next()) {
            (_, Some(_)) => Err(FieldError::new(name, "repeated", "must be given once")),
            (None, None) => {
                Err(FieldError::new(name, "invalid_encoding", "must be UTF-8, percent-encoded"))
            }
            (Some(value), None) => parse(value),
        };
        parsed.map_err(|error| self.add(error)).ok()
    }

    /// The same for a parameter that must be there. `expected` says what it is.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, FieldError>,
    ) -> Option<T> {
        if !self.pairs.iter().any(|(held, _)| held == name) {
            self.errors.push(FieldError::new(name, "required", expected));
        }
        self.optional(name, parse)
    }

    /// The parameters `gate`, `direction` and `person_ref`.
    pub(crate) fn filter(&mut self) -> Filter {
        Filter {
            gate: self.text("gate"),
            direction: self.optional("direction", |value| {
                Direction::parse(value).map_err(|error| {
                    FieldError::new("direction", "invalid_direction", error.to_string())
                })
            }),
            person_ref: self.text("person_ref"),
        }
    }

    /// The parameter `name`, which follows the rule of a name or a gate.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<Text> {
        self.optional(name, |value| {
            Text::parse(value).map_err(|e| FieldError::new(name, e.code(), e.to_string()))
        })
    }

    /// The parameter `q`: a part of a name.
    pub(crate) fn search(&mut self) -> Option<Search> {
        self.optional("q", |value| {
            Search::parse(value).map_err(|e| FieldError::new("q", e.code(), e.to_string()))
        })
    }

    /// The parameter `include`, which can only be `amended`.
    pub(crate) fn includes_amended(&mut self) -> bool {
        let amended = self.optional("include", |value| match value {
            "amended" => Ok(()),
            _ => Err(FieldError::new("include", "invalid_choice", "must be amended")),
        });
        amended.is_some()
    }

    /// The parameters `from` and `to`, which are required.
    pub(crate) fn days(&mut self) -> Option<DayRange> {
        let day = |name| {
            move |value: &str| {
                Day::parse(value).map_err(|e| FieldError::new(name, "invalid_date", e.to_string()))
            }
        };
        let expected = "is required: a day as YYYYMMDD";
        let from = self.required("from", expected, day("from"));
        let to = self.required("to", expected, day("to"));
        DayRange::new(from?, to?)
            .map_err(|e| self.errors.push(FieldError::new("to", e.code(), e.to_string())))
            .ok()
    }

    /// Whether the parameter is there, valid or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(held, _)| held == name)
    }

    /// Whether an error was found in what was asked for.
    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Fails with every error that was found. Called once all parameters were asked for.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid_query(self.errors)),
        }
    }

    /// A parameter may be asked for twice, in two forms, and is wrong once.
    fn add(&mut self, error: FieldError) {
        if !self.errors.iter().any(|held| held.field == error.field) {
            self.errors.push(error);
        }
    }
}

/// The end of a query with these parameters, such as `&gate=A`. Empty ones are left out.
pub(crate) fn encoded_query(parameters: &[(&str, &str)]) -> String {
    let mut query = String::new();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        query.push('&');
        query.push_str(name);
        query.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    query.push(char::from(byte));
                }
                _ => query.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    query
}

/// The text that `encoded` stands for; `None` if it is not encoded UTF-8.
pub(super) fn decoded(encoded: &str) -> Option<Cow<'_, str>> {
    is_well_encoded(encoded).then(|| RawStr::new(encoded).url_decode().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The value of `name`, or the code of its error.
    fn value(raw: &str, name: &'static str) -> Result<Option<String>, &'static str> {
        let mut query = Query::parse(raw);
        let value = query.optional(name, |value| Ok(value.to_owned()));
        match query.errors.first() {
            Some(error) => Err(error.code),
            None => Ok(value),
        }
    }

    #[test]
    fn a_parameter_is_absent_a_text_or_an_error() {
        for (raw, expected) in [
            ("", Ok(None)),
            ("a", Ok(None)),
            ("a=", Ok(None)),
            ("b=1&=&&a=&c=%zz&%zz=1", Ok(None)),
            ("a=x%20y+z", Ok(Some("x y z"))),
            ("%61=%C3%A9", Ok(Some("é"))),
            ("a=1=2", Ok(Some("1=2"))),
            ("a=&a=1", Ok(Some("1"))),
            ("a=1&a=1", Err("repeated")),
            ("a=%FF", Err("invalid_encoding")),
            ("a=%", Err("invalid_encoding")),
            ("a=%4", Err("invalid_encoding")),
        ] {
            assert_eq!(value(raw, "a"), expected.map(|v| v.map(str::to_owned)), "{raw}");
        }
    }

    #[test]
    fn days_are_required_and_all_errors_are_reported_at_once() {
        let codes = |raw: &str| {
            let mut query = Query::parse(raw);
            let (days, _) = (query.days(), query.filter());
            assert_eq!(
                days.is_none(),
                query.errors.iter().any(|e| ["from", "to"].contains(&e.field))
            );
            query.errors.iter().map(|e| (e.field, e.code)).collect::<Vec<_>>()
        };
        assert!(codes("from=20190624&to=20190624&gate=A").is_empty());
        assert_eq!(
            codes("from=&direction=up&gate=%00"),
            [
                ("from", "required"),
                ("to", "required"),
                ("gate", "forbidden_character"),
                ("direction", "invalid_direction"),
            ]
        );
        assert_eq!(codes("from=20190624&to=20190623"), [("to", "before_from")]);
        assert_eq!(codes("from=x&to=20190623"), [("from", "invalid_date")]);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in ".{1,20}") {
            let encoded = encoded_query(&[("b", ""), ("a", &text)]);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()));
            prop_assert_eq!(value(&encoded, "a"), Ok(Some(text)));
        }

        #[test]
        fn every_encoded_text_is_decoded(text in ".{1,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
            prop_assert_eq!(value(&format!("x=1&a={encoded}"), "a"), Ok(Some(text)));
        }

        #[test]
        fn any_query_is_read_without_a_panic(raw in any::<String>()) {
            let _ = value(&raw, "a");
        }
    }
}
