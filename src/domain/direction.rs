/// Which way a person passed a gate. A gate that does not say means `In`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    #[default]
    In,
    Out,
}

/// The text is neither `in` nor `out`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be \"in\" or \"out\"")]
pub struct InvalidDirection;

impl Direction {
    /// Reads the text of [`Self::as_str`], exactly.
    pub fn parse(text: &str) -> Result<Self, InvalidDirection> {
        match text {
            "in" => Ok(Self::In),
            "out" => Ok(Self::Out),
            _ => Err(InvalidDirection),
        }
    }

    /// How it is written in JSON and in a store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_exact_words_are_directions() {
        for direction in [Direction::In, Direction::Out] {
            assert_eq!(Direction::parse(direction.as_str()), Ok(direction));
        }
        for other in ["", "IN", "Out", " in", "inside", "0"] {
            assert_eq!(Direction::parse(other), Err(InvalidDirection), "{other}");
        }
    }
}
