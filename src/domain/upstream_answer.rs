/// The answer of an upstream that did not store an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamAnswer {
    pub status: u16,
    /// The problem's code.
    pub code: String,
    pub detail: String,
}

impl UpstreamAnswer {
    /// Whether the same entry would get the same answer again, as far as this side can know.
    pub fn is_final(&self) -> bool {
        matches!(self.status, 400 | 403 | 422)
    }
}
