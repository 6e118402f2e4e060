use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, COOKIE, EXPECT, GetAll, HOST, HeaderName,
    HeaderValue, ORIGIN, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Request, Response, StatusCode};
use rocket::http::{Header, Method};
use rocket::local::asynchronous::{Client, LocalResponse};
use tokio::io::AsyncReadExt;

use super::activity::{Activity, Phase};
use crate::http::watch::{Arrival, Stopping, TraceId};
use crate::http::wire::{Chunks, LongBody, LongContent, Parts, RequestBody, Target, discard};

/// The headers that guards and handlers read. Rocket does not get any other.
static READ_HEADERS: [HeaderName; 10] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    COOKIE,
    HOST,
    ORIGIN,
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("sec-fetch-mode"),
    HeaderName::from_static("sec-fetch-site"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-requested-with"),
];

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Hands requests to Rocket, and its answers back.
///
/// Rocket has no public entry for a request that its own listener did not receive, except the
/// client for local requests, which does no more than that.
pub(super) struct Exchange {
    rocket: Client,
    stopping: Stopping,
}

impl Exchange {
    pub(super) fn new(rocket: Client, stopping: Stopping) -> Self {
        Self { rocket, stopping }
    }

    /// Answers one request. `activity` is told what its connection is doing.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        activity: Activity,
    ) -> Result<Response<Answer>, Infallible> {
        activity.begin(Phase::Handling);
        let (head, body) = request.into_parts();
        let (target, route) = Target::route(&head.uri);
        let method = routed_method(&head.method);
        let name = method.map_or("other", |method| method.as_str());
        let sent_id = head.headers.get(&REQUEST_ID).map(HeaderValue::as_bytes);
        let traceparents = head.headers.get_all(&TRACEPARENT);
        let trace_id = TraceId::of(traceparents.iter().map(HeaderValue::as_bytes));
        let arrival = Arrival::now(name, target, sent_id, trace_id);
        // An id is visible ASCII, which a header may have.
        let id = HeaderValue::from_str(&arrival.id).ok();
        let long_body = LongBody::default();
        // No route has the method CONNECT, so requests with unknown methods are answered 404 or 405.
        let mut local = self.rocket.req(method.unwrap_or(Method::Connect), route);
        // Rocket reads the first of several.
        if let Some(accept) = joined(head.headers.get_all(ACCEPT)) {
            local.add_header(Header::new(ACCEPT.as_str(), accept));
        }
        for name in &READ_HEADERS {
            for value in head.headers.get_all(name) {
                // A value that is not UTF-8 is not dropped: parsing it fails, and the client is told.
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                local.add_header(Header::new(name.as_str(), value));
            }
        }
        // A client that waits for "100 Continue" does not send a body that nobody reads.
        let is_sent_anyway = !head.headers.contains_key(EXPECT);
        let body = RequestBody::new(body);
        local.inner().local_cache(|| arrival);
        local.inner().local_cache(|| body.clone());
        local.inner().local_cache(|| long_body.clone());

        let mut answer = local.dispatch().await;
        let mut head = head_of(&answer);
        head.headers_mut().extend(id.map(|id| (REQUEST_ID.clone(), id)));
        if self.stopping.has_begun() {
            head.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let content = match long_body.take() {
            _ if method == Some(Method::Head) => Content::Absent,
            Some(LongContent::Chunks(chunks)) => Content::Chunks(chunks),
            Some(LongContent::Parts(mut parts)) => {
                let (is_broken_off, activity) = (parts.is_broken_off(), activity.clone());
                tokio::spawn(async move {
                    if is_broken_off.await {
                        activity.break_off();
                    }
                });
                Content::Parts(parts)
            }
            None => {
                // Enough for most answers. Reading from memory does not fail.
                let mut bytes = Vec::with_capacity(1024);
                let _ = answer.read_to_end(&mut bytes).await;
                Content::Whole(bytes.into())
            }
        };
        if let Some(unread) = body.take_unread()
            && is_sent_anyway
        {
            let activity = activity.clone();
            tokio::spawn(async move {
                discard(unread).await;
                activity.end_body();
            });
        }
        activity.begin(Phase::Sending);
        Ok(head.map(|()| Answer { content, activity }))
    }
}

/// The method as Rocket names it, if HTTP defines it. Rocket's own parser ignores case, but methods are
/// case-sensitive (RFC 9110, section 9.1).
fn routed_method(method: &hyper::Method) -> Option<Method> {
    let known = method.as_str().parse::<Method>().ok()?;
    (known.as_str() == method.as_str()).then_some(known)
}

/// The values of a header that is a list, as one; `None` if there are none.
fn joined(values: GetAll<'_, HeaderValue>) -> Option<String> {
    let values: Vec<_> =
        values.iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The status and the headers of an answer.
fn head_of(answer: &LocalResponse<'_>) -> Response<()> {
    let mut head = Response::new(());
    // All statuses and headers are ours; one that is not valid would be a defect.
    *head.status_mut() =
        StatusCode::from_u16(answer.status().code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = head.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert("permissions-policy", HeaderValue::from_static("interest-cohort=()"));
    for header in answer.headers().iter() {
        let name = HeaderName::from_bytes(header.name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(header.value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    head
}

/// The body of an answer. When hyper drops it, the connection only has to flush its buffer.
pub(super) struct Answer {
    content: Content,
    activity: Activity,
}

enum Content {
    /// The answer to HEAD, whose header has the length that the body would have.
    Absent,
    Whole(Bytes),
    Chunks(Chunks),
    Parts(Parts),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { content, activity } = &mut *self;
        match content {
            Content::Absent => Poll::Ready(None),
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Chunks(chunks) => {
                chunks.poll_next(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
            }
            Content::Parts(parts) => {
                let part = parts.poll_next(cx);
                // While the store is read, the client has nothing to accept.
                activity.begin(if part.is_ready() { Phase::Sending } else { Phase::Handling });
                part.map(|part| part.map(|part| part.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Absent => true,
            Content::Whole(bytes) => bytes.is_empty(),
            Content::Chunks(chunks) => chunks.left() == 0,
            Content::Parts(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Absent | Content::Parts(_) => SizeHint::default(),
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Chunks(chunks) => SizeHint::with_exact(chunks.left()),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.begin(Phase::Flushing);
    }
}
