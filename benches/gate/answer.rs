use crate::Result;

/// What has to be known of an HTTP/1.1 answer to count it and to find its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Bytes from the status line to the empty line, both included.
    pub head_length: usize,
    /// Bytes after the head, from `Content-Length`.
    pub body_length: usize,
}

impl Answer {
    /// Reads the head that `bytes` begin with; `None` while its end has not arrived.
    ///
    /// An answer without `Content-Length` is an error: the service promises one.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut lines = std::str::from_utf8(&bytes[..end])?.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok())
            .ok_or("the answer is not HTTP/1.1")?;
        let body_length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .and_then(|(_, value)| value.trim().parse().ok())
            .ok_or("the answer has no Content-Length")?;
        Ok(Some(Self { status, head_length: end + 4, body_length }))
    }

    /// Bytes of the whole answer.
    pub fn length(&self) -> usize {
        self.head_length + self.body_length
    }
}
