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
        Self::is_final_status(self.status.into())
    }

    /// The same by the status alone.
    pub fn is_final_status(status: i32) -> bool {
        matches!(status, 400 | 403 | 422)
    }
}
