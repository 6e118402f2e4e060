use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_stream::stream;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use rocket::http::{Header, Method};
use rocket::local::asynchronous::{Client, LocalResponse};
use tokio::io::AsyncReadExt;

use super::activity::{Activity, Phase};
use crate::http::watch::Arrival;
use crate::http::wire::{CHUNK, ReceivedBody, Target};

/// Answers to at most this many bytes are sent in one piece.
const MAX_WHOLE: usize = 64 * 1024;

/// Hands requests to Rocket, and its answers back.
///
/// Rocket has no public entry for a request that its own listener did not receive, except the
/// client for local requests, which does no more than that.
pub struct Exchange {
    rocket: Client,
}

/// What Rocket makes of a request: a head, then either the whole body or chunks of it.
enum Part {
    Whole(Response<()>, Bytes),
    Head(Response<()>),
    Chunk(io::Result<Bytes>),
}

type Parts = Pin<Box<dyn Stream<Item = Part> + Send>>;

impl Exchange {
    pub fn new(rocket: Client) -> Self {
        Self { rocket }
    }

    /// Answers one request. `activity` is told what its connection is doing.
    pub async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        activity: Activity,
    ) -> Result<Response<Answer>, Infallible> {
        activity.begin(Phase::Handling);
        // Rocket's answer borrows its request. One stream owns both, so no task is spawned for it.
        let mut parts: Parts = Box::pin(self.parts(request));
        let first = poll_fn(|cx| parts.as_mut().poll_next(cx)).await;
        activity.begin(Phase::Sending);
        let (head, body) = match first {
            Some(Part::Whole(head, bytes)) => (head, Content::Whole(bytes)),
            Some(Part::Head(head)) => (head, Content::Chunks(parts)),
            // The stream always begins with a head.
            Some(Part::Chunk(_)) | None => (Response::new(()), Content::Whole(Bytes::new())),
        };
        Ok(head.map(|()| Answer { body, activity }))
    }

    fn parts(self: Arc<Self>, request: Request<Incoming>) -> impl Stream<Item = Part> + Send {
        stream! {
            let (head, body) = request.into_parts();
            let (target, route) = Target::route(&head.uri);
            let method = head.method.as_str().parse::<Method>();
            let name = method.map_or("other", |method| method.as_str());
            let id = head.headers.get("X-Request-Id").map(|id| id.as_bytes());
            let arrival = Arrival::now(name, target, id);
            // No route has the method CONNECT: like it, unknown ones are answered 404 or 405.
            let mut local = self.rocket.req(method.unwrap_or(Method::Connect), route);
            for (name, value) in &head.headers {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                local.add_header(Header::new(name.as_str().to_owned(), value));
            }
            let body = ReceivedBody::read(body).await;
            local.inner().local_cache(move || arrival);
            local.inner().local_cache(move || body);

            let mut answer = local.dispatch().await;
            let (head, length) = head_of(&answer);
            match length {
                Some(length) if length <= MAX_WHOLE => {
                    let mut bytes = BytesMut::with_capacity(length);
                    while matches!(answer.read_buf(&mut bytes).await, Ok(1..)) {}
                    yield Part::Whole(head, bytes.freeze());
                }
                _ => {
                    yield Part::Head(head);
                    loop {
                        let mut chunk = BytesMut::with_capacity(CHUNK);
                        match answer.read_buf(&mut chunk).await {
                            Ok(0) => break,
                            Ok(_) => yield Part::Chunk(Ok(chunk.freeze())),
                            Err(error) => {
                                yield Part::Chunk(Err(error));
                                break;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The status and the headers of an answer, and the length of its body if it has one.
fn head_of(answer: &LocalResponse<'_>) -> (Response<()>, Option<usize>) {
    let mut head = Response::builder().status(answer.status().code);
    for header in answer.headers().iter() {
        head = head.header(header.name.as_str(), header.value.as_bytes());
    }
    let length = answer.headers().get_one("Content-Length").and_then(|length| length.parse().ok());
    // All headers are ours; one that is not valid would be a defect.
    let head = head.body(()).unwrap_or_else(|_| {
        let mut head = Response::new(());
        *head.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        head
    });
    (head, length)
}

/// The body of an answer. When hyper drops it, the connection only has to flush its buffer.
pub struct Answer {
    body: Content,
    activity: Activity,
}

enum Content {
    Whole(Bytes),
    Chunks(Parts),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.body {
            Content::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Chunks(parts) => parts.as_mut().poll_next(cx).map(|part| match part? {
                Part::Chunk(chunk) => Some(chunk.map(Frame::data)),
                Part::Whole(..) | Part::Head(_) => None,
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.body, Content::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Chunks(_) => SizeHint::default(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.activity.begin(Phase::Flushing);
    }
}
