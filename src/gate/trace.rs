/// A trace (W3C Trace Context) that begins with what the agent sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    id: u128,
    parent: u64,
}

impl Trace {
    /// `None` if the operating system has no random bytes: a trace is not worth a failure.
    pub(super) fn begin() -> Option<Self> {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes).ok()?;
        let [id @ .., _, _, _, _, _, _, _, _] = bytes;
        let [.., a, b, c, d, e, f, g, h] = bytes;
        let parent = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let id = u128::from_be_bytes(id);
        // All zeros are invalid.
        (id != 0 && parent != 0).then_some(Self { id, parent })
    }

    /// The next step of a trace that began elsewhere, by its id.
    pub(super) fn within(trace_id: &str) -> Option<Self> {
        let id = u128::from_str_radix(trace_id, 16).ok()?;
        Self::begin().map(|trace| Self { id, ..trace })
    }

    /// The id of the trace, for the log.
    pub(super) fn id(&self) -> String {
        format!("{:032x}", self.id)
    }

    /// The header's value.
    pub(super) fn traceparent(&self) -> String {
        format!("00-{:032x}-{:016x}-01", self.id, self.parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_form_of_version_00() {
        let trace = Trace { id: 0x1f, parent: 0x2e };
        assert_eq!(trace.traceparent(), "00-0000000000000000000000000000001f-000000000000002e-01");
        let next = Trace::within("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert!(next.traceparent().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(!next.traceparent().ends_with("-000000000000002e-01"));
        let (one, other) = (Trace::begin().unwrap(), Trace::begin().unwrap());
        assert_ne!(one.id(), other.id());
        assert_eq!(one.traceparent().split('-').nth(1), Some(&*one.id()));
    }
}
