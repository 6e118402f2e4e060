use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};

use super::{
    ALL_MOMENTS, Day, FieldError, InvalidJson, InvalidMoment, InvalidSubmission, Member, Object,
    Passage, Site, parse_moment, parse_submission,
};

/// One row of a file of entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    pub passage: Passage,
    /// Whether the row names its `entry_id`. If not, it was made now.
    pub is_named: bool,
}

/// Reads a row: the body of a create with a moment, or a stored entry. The moment is `login`, else
/// `occurred_at`, else `date` and `time` at the site. Without `received_at` the row was received `now`.
pub fn parse_imported(
    row: &[u8],
    site: &Site,
    now: DateTime<Utc>,
) -> Result<Imported, InvalidSubmission> {
    let object = Object::parse(row)?;
    let mut errors = Vec::new();
    let passage = match parse_submission(row, &[], now) {
        Ok(passage) => Some(passage),
        Err(InvalidSubmission::Fields(fields)) => {
            errors = fields;
            None
        }
        Err(error) => return Err(error),
    };
    let login = login(&object, site, passage.as_ref(), &mut errors)?;
    let received_at = moment(&object, "received_at", &mut errors)?;
    if object.member("amended")? != Member::Absent {
        let expected = "must be empty: an entry that was voided or replaced is not imported";
        errors.push(FieldError::new("amended", "amended", expected));
    }
    match (passage, login) {
        (Some(passage), Some(login)) if errors.is_empty() => {
            let received_at = match received_at {
                Some(received_at) => received_at,
                // A microsecond later, so that equality always means that no moment was sent.
                None if login == now => now + TimeDelta::microseconds(1),
                None => now,
            };
            let is_named = object.member("entry_id")? != Member::Absent;
            Ok(Imported { passage: Passage { login, received_at, ..passage }, is_named })
        }
        _ => Err(InvalidSubmission::Fields(errors)),
    }
}

/// When the person passed.
fn login(
    object: &Object<'_>,
    site: &Site,
    passage: Option<&Passage>,
    errors: &mut Vec<FieldError>,
) -> Result<Option<DateTime<Utc>>, InvalidJson> {
    if object.member("login")? != Member::Absent {
        return moment(object, "login", errors);
    }
    if object.member("occurred_at")? != Member::Absent {
        // It was checked with the other members.
        return Ok(passage.map(|passage| passage.login));
    }
    let (Some(date), Some(time)) = (text(object, "date")?, text(object, "time")?) else {
        let expected = "is required: a moment as login, as occurred_at, or as date and time";
        errors.push(FieldError::new("login", "required", expected));
        return Ok(None);
    };
    let day = parse_date(&date);
    if day.is_none() {
        let expected = "must be a day as YYYY-MM-DD or YYYYMMDD";
        errors.push(FieldError::new("date", "invalid_date", expected));
    }
    let of_day = parse_time(&time);
    if of_day.is_none() {
        errors.push(FieldError::new("time", "invalid_time", "must be a time of day as HH:MM:SS"));
    }
    let (Some(day), Some(of_day)) = (day, of_day) else { return Ok(None) };
    let error = match site.moment_on(day, of_day) {
        Some(moment) if ALL_MOMENTS.contains(&moment) => return Ok(Some(moment)),
        Some(_) => invalid("date", InvalidMoment::OutOfRange),
        None => {
            let expected = "must be a time that the site's clocks show on that day";
            FieldError::new("time", "skipped_time", expected)
        }
    };
    errors.push(error);
    Ok(None)
}

fn moment(
    object: &Object<'_>,
    field: &'static str,
    errors: &mut Vec<FieldError>,
) -> Result<Option<DateTime<Utc>>, InvalidJson> {
    let parsed = match object.member(field)? {
        Member::Absent => return Ok(None),
        Member::Text(text) => parse_moment(&text),
        Member::Other(_) => Err(InvalidMoment::Malformed),
    };
    Ok(parsed.map_err(|error| errors.push(invalid(field, error))).ok())
}

fn invalid(field: &'static str, error: InvalidMoment) -> FieldError {
    FieldError::new(field, error.code(), error.to_string())
}

/// The member's text. A value of another type is read as no text.
fn text(object: &Object<'_>, field: &str) -> Result<Option<String>, InvalidJson> {
    Ok(match object.member(field)? {
        Member::Text(text) => Some(text.into_owned()),
        Member::Absent | Member::Other(_) => None,
    })
}

fn parse_date(text: &str) -> Option<Day> {
    match *text.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => Day::parse(&text.replace('-', "")).ok(),
        _ => Day::parse(text).ok(),
    }
}

/// `HH:MM:SS` or `HH:MM`.
fn parse_time(text: &str) -> Option<NaiveTime> {
    let format = match text.len() {
        8 => "%H:%M:%S",
        5 => "%H:%M",
        _ => return None,
    };
    let has_marks = text.bytes().enumerate().all(|(at, byte)| match at % 3 {
        2 => byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let time = NaiveTime::parse_from_str(text, format).ok()?;
    // chrono reads a leap second's :60.
    (has_marks && time.nanosecond() < 1_000_000_000).then_some(time)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-01T00:00:00Z".parse().unwrap()
    }

    fn parse(members: &str) -> Result<Imported, InvalidSubmission> {
        let site = Site::new(chrono_tz::Asia::Manila, "06:00").unwrap();
        let row = format!(r#"{{"firstname": "a", "lastname": "b"{members}}}"#);
        parse_imported(row.as_bytes(), &site, now())
    }

    fn login(members: &str) -> String {
        parse(members).unwrap().passage.login.format("%FT%T%.6fZ").to_string()
    }

    #[test]
    fn a_moment_is_login_or_occurred_at_or_date_and_time() {
        let date = r#", "date": "2019-06-24", "time": "05:59:00""#;
        assert_eq!(login(date), "2019-06-24T21:59:00.000000Z");
        assert_eq!(
            login(r#", "date": "20190624", "time": "06:00""#),
            "2019-06-23T22:00:00.000000Z"
        );
        let at = format!(r#", "occurred_at": "2019-01-01T00:00:00Z"{date}"#);
        assert_eq!(login(&at), "2019-01-01T00:00:00.000000Z");
        let all = format!(r#", "login": "2018-01-01T00:00:00Z"{at}"#);
        assert_eq!(login(&all), "2018-01-01T00:00:00.000000Z");
    }

    #[test]
    fn a_stored_entry_keeps_when_it_was_received_and_another_row_is_received_now() {
        let stored =
            r#", "login": "2018-01-01T08:00:00+08:00", "received_at": "2018-01-01T00:00:00Z""#;
        let passage = parse(stored).unwrap().passage;
        assert_eq!(passage.login, passage.received_at);
        assert_eq!(
            parse(r#", "login": "2018-01-01T00:00:00Z""#).unwrap().passage.received_at,
            now()
        );
        let at_once = parse(r#", "login": "2026-01-01T00:00:00Z""#).unwrap().passage;
        assert!(at_once.received_at > at_once.login);
    }

    #[test]
    fn all_errors_of_a_row_are_reported_at_once() {
        let codes = |members: &str| match parse(members) {
            Err(InvalidSubmission::Fields(errors)) => {
                errors.iter().map(|e| (e.field, e.code)).collect::<Vec<_>>()
            }
            other => panic!("{members} gave {other:?}"),
        };
        assert_eq!(codes(""), [("login", "required")]);
        assert_eq!(codes(r#", "time": "08:00:00""#), [("login", "required")]);
        assert_eq!(
            codes(r#", "gate": "", "login": "noon", "received_at": 5, "amended": "voided""#),
            [
                ("gate", "empty"),
                ("login", "invalid_time"),
                ("received_at", "invalid_time"),
                ("amended", "amended")
            ]
        );
        assert_eq!(
            codes(r#", "date": "2019-06-31", "time": "08:00:60""#),
            [("date", "invalid_date"), ("time", "invalid_time")]
        );
        assert_eq!(codes(r#", "occurred_at": "noon""#), [("occurred_at", "invalid_time")]);
        assert!(parse(r#", "login": "2018-01-01T00:00:00Z", "amended": null"#).is_ok());
    }
    #[test]
    fn date_and_time_name_a_moment_of_the_years_1_to_9999_in_utc() {
        let code = |zone: chrono_tz::Tz, date: &str, time: &str| {
            let site = Site::new(zone, "00:00").unwrap();
            let row = json!({"firstname": "a", "lastname": "b", "date": date, "time": time});
            match parse_imported(row.to_string().as_bytes(), &site, now()) {
                Ok(_) => None,
                Err(InvalidSubmission::Fields(errors)) => Some((errors[0].field, errors[0].code)),
                Err(error) => panic!("{error:?}"),
            }
        };
        let out_of_range = Some(("date", "out_of_range"));
        let new_york = chrono_tz::America::New_York;
        assert_eq!(code(new_york, "9999-12-31", "19:00:00"), out_of_range);
        assert_eq!(code(new_york, "9999-12-31", "18:59:59"), None);
        let tokyo = chrono_tz::Asia::Tokyo;
        assert_eq!(code(tokyo, "0001-01-01", "09:00:00"), out_of_range);
        assert_eq!(code(tokyo, "0001-01-01", "09:30:00"), None);
    }
}
