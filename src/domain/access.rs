/// Whether requests need a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody may do everything, except manage tokens.
    Open,
    /// Every request needs a token, except those that reveal nothing.
    Token,
}

impl Access {
    /// As in the setting: `open` or `token`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Token => "token",
        }
    }
}
