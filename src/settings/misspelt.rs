use std::ffi::OsStr;
use std::fmt;

use strsim::osa_distance;

use super::variable::NAMES;

/// A variable that is probably a misspelt setting. Its value may be a secret and is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misspelt {
    name: String,
    meant: String,
}

/// One line.
impl fmt::Display for Misspelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.escape_debug();
        write!(f, "the variable {name} is ignored; did you mean {}?", self.meant)
    }
}

/// Finds the variables whose names are one or two letters off a setting.
pub fn misspelt<'a>(names: impl IntoIterator<Item = &'a OsStr>) -> Vec<Misspelt> {
    let settings: Vec<_> = NAMES.iter().map(|name| name.to_ascii_uppercase()).collect();
    let names = names.into_iter().filter_map(OsStr::to_str);
    names.filter_map(|name| meant(name, &settings)).collect()
}

/// The setting that `name` is close to. `None` if it is a setting, or like none.
fn meant(name: &str, settings: &[String]) -> Option<Misspelt> {
    let distances = settings.iter().map(|setting| (osa_distance(name, setting), setting));
    let (distance, setting) = distances.min()?;
    // With two other letters, a name as short as PORT is another word, such as HOST.
    let longest = if setting.len() < 8 { 1 } else { 2 };
    let is_close = (1..=longest).contains(&distance);
    is_close.then(|| Misspelt { name: name.into(), meant: setting.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(name: &str) -> Vec<String> {
        misspelt([OsStr::new(name)]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_name_that_is_one_or_two_letters_off_is_found_with_what_was_meant() {
        for (name, setting) in [
            ("ROLLCALL_TIMEZON", "ROLLCALL_TIMEZONE"),
            ("ROLLCALL_TIMEZONES", "ROLLCALL_TIMEZONE"),
            ("ROLLCALL_TIME_ZONE", "ROLLCALL_TIMEZONE"),
            ("ROLCALL_TIMEZNOE", "ROLLCALL_TIMEZONE"),
            ("ROLLCALL_ACESS", "ROLLCALL_ACCESS"),
            ("ROLLCALL_ADMIN_TOKE", "ROLLCALL_ADMIN_TOKEN"),
            ("DATABASE_APP_ROL", "DATABASE_APP_ROLE"),
            ("DATABASE_HOST_NAME", "DATABASE_HOSTNAME"),
            ("ROCKET_PROT", "ROCKET_PORT"),
            ("PROT", "PORT"),
        ] {
            let expected = format!("the variable {name} is ignored; did you mean {setting}?");
            assert_eq!(warnings(name), [expected]);
        }
        assert_eq!(
            warnings("ROLLCALL_LOG\n"),
            ["the variable ROLLCALL_LOG\\n is ignored; did you mean ROLLCALL_LOG?"]
        );
    }

    #[test]
    fn settings_and_other_variables_are_left_alone() {
        for setting in NAMES {
            assert!(warnings(&setting.to_ascii_uppercase()).is_empty(), "{setting}");
        }
        for name in [
            // What Kubernetes sets for a Service named "rollcall".
            "ROLLCALL_SERVICE_HOST",
            "ROLLCALL_SERVICE_PORT",
            "ROLLCALL_SERVICE_PORT_HTTP",
            "ROLLCALL_PORT",
            "ROLLCALL_PORT_80_TCP",
            "ROLLCALL_PORT_80_TCP_PROTO",
            "ROLLCALL_PORT_80_TCP_PORT",
            "ROLLCALL_PORT_80_TCP_ADDR",
            "MYAPP_DATABASE_PORT",
            "DATABASE_URL",
            "ROCKET_LOG_LEVEL",
            "HOST",
            "PATH",
            "PWD",
            "",
        ] {
            assert!(warnings(name).is_empty(), "{name}");
        }
    }
}
