use std::io::Write;
use std::time::Duration;

use crate::logging::{self, AccessFormat};

/// The log line of one answered request.
pub(super) struct AccessLine<'a> {
    pub(super) request_id: &'a str,
    pub(super) trace_id: Option<&'a str>,
    pub(super) method: &'static str,
    pub(super) route: &'a str,
    pub(super) status: u16,
    pub(super) duration: Duration,
}

impl AccessLine<'_> {
    pub(super) fn write(&self) {
        let micros = self.duration.as_micros();
        let Self { request_id, trace_id, method, route, status, .. } = self;
        logging::access(|format, line| {
            // The route is one of ours; only the request's id needs escapes. Writing to a Vec cannot fail.
            let _ = match format {
                AccessFormat::Json => {
                    line.extend_from_slice(b"\"message\":\"answered\",\"request_id\":");
                    let _ = serde_json::to_writer(&mut *line, request_id);
                    if let Some(trace_id) = trace_id {
                        let _ = write!(line, r#","trace_id":"{trace_id}""#);
                    }
                    write!(
                        line,
                        r#","method":"{method}","route":"{route}","status":{status},"micros":{micros}"#
                    )
                }
                AccessFormat::Text => {
                    let _ = write!(line, "answered request_id={request_id:?}");
                    if let Some(trace_id) = trace_id {
                        let _ = write!(line, " trace_id={trace_id:?}");
                    }
                    write!(
                        line,
                        " method={method:?} route={route:?} status={status} micros={micros}"
                    )
                }
            };
        });
    }
}
