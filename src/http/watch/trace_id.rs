use std::str;

/// The id of the trace that a request is part of, from its header `traceparent` (W3C Trace Context).
/// It stands in log lines and decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceId([u8; 32]);

impl TraceId {
    /// `None` if the header is absent, malformed or there more than once: then the request starts a
    /// trace of its own.
    pub(crate) fn of<'h>(mut traceparents: impl Iterator<Item = &'h [u8]>) -> Option<Self> {
        let traceparent = traceparents.next()?;
        if traceparents.next().is_some() {
            return None;
        }
        // version-trace-parent-flags; later versions may have more, after another '-'.
        let (known, more) = traceparent.split_at_checked(55)?;
        let [version, trace, parent, flags] =
            [&known[..2], &known[3..35], &known[36..52], &known[53..]];
        let is_separated = [2, 35, 52].iter().all(|&at| known[at] == b'-');
        let is_complete = match version {
            b"00" => more.is_empty(),
            b"ff" => false,
            _ => more.first().is_none_or(|&byte| byte == b'-'),
        };
        let is_valid = is_separated
            && is_complete
            && [version, trace, parent, flags].into_iter().all(is_lower_hex)
            && !is_zero(trace)
            && !is_zero(parent);
        if is_valid { trace.try_into().ok().map(Self) } else { None }
    }

    pub(crate) fn as_str(&self) -> &str {
        // It is hexadecimal digits.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn is_lower_hex(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_zero(digits: &[u8]) -> bool {
    digits.iter().all(|&digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn trace_id(headers: &[&str]) -> Option<String> {
        let headers = headers.iter().map(|header| header.as_bytes());
        TraceId::of(headers).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn a_valid_header_has_the_trace_id() {
        for header in [
            format!("00-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-00"),
            // The flags that are not known yet are ignored, and so is what a later version adds.
            format!("00-{TRACE}-00f067aa0ba902b7-ff"),
            format!("01-{TRACE}-00f067aa0ba902b7-01"),
            format!("cc-{TRACE}-00f067aa0ba902b7-01-anything"),
        ] {
            assert_eq!(trace_id(&[&header]).as_deref(), Some(TRACE), "{header}");
        }
    }

    #[test]
    fn any_other_header_has_none() {
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
        assert_eq!(trace_id(&[]), None);
        assert_eq!(trace_id(&[&valid, &valid]), None);
        for header in [
            String::new(),
            "-".repeat(55),
            valid[1..].to_owned(),
            valid[..54].to_owned(),
            format!(" {valid}"),
            format!("{valid}-"),
            format!("{valid}0"),
            valid.to_uppercase(),
            valid.replace("00-4", "ff-4"),
            valid.replace("00-4", "0g-4"),
            valid.replace("00-4", "cc-4") + ".what",
            valid.replace("4bf", "4bg"),
            valid.replace("00f067", "00F067"),
            valid.replace("-01", "-0x"),
            valid.replace("-01", "_01"),
            valid.replace(TRACE, &"0".repeat(32)),
            valid.replace("00f067aa0ba902b7", &"0".repeat(16)),
            valid.replace(TRACE, &format!("{}é", &TRACE[2..])),
        ] {
            assert_eq!(trace_id(&[&header]), None, "{header}");
        }
    }
}
