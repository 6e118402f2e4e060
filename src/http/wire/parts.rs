use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::mpsc;

/// The body of an answer whose length is not known when it begins: parts that are sent as they
/// come. It ends well only if its sender says so.
pub(crate) struct Parts {
    coming: mpsc::Receiver<Part>,
    has_ended: bool,
}

/// The other side of [`Parts`]. Dropping it breaks the connection off.
pub(crate) struct PartSender(mpsc::Sender<Part>);

/// The client has left.
#[derive(Debug)]
pub(crate) struct ReaderLeft;

enum Part {
    Bytes(Bytes),
    End,
}

/// A body, and the sender of its parts. One part may wait for the client.
pub(crate) fn parts() -> (PartSender, Parts) {
    let (sender, coming) = mpsc::channel(1);
    (PartSender(sender), Parts { coming, has_ended: false })
}

impl PartSender {
    /// Waits until there is room for the part.
    pub(crate) async fn send(&self, bytes: Bytes) -> Result<(), ReaderLeft> {
        self.0.send(Part::Bytes(bytes)).await.map_err(|_| ReaderLeft)
    }

    /// Ends the body.
    pub(crate) async fn end(self) -> Result<(), ReaderLeft> {
        self.0.send(Part::End).await.map_err(|_| ReaderLeft)
    }
}

impl Parts {
    /// The next part; `None` at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.coming.poll_recv(cx));
        self.has_ended = !matches!(part, Some(Part::Bytes(_)));
        Poll::Ready(match part {
            Some(Part::Bytes(bytes)) => Some(Ok(bytes)),
            Some(Part::End) => None,
            None => Some(Err(io::Error::other("the answer broke off"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn a_body_ends_well_only_if_its_sender_says_so() {
        let (sender, mut body) = parts();
        sender.send(Bytes::from_static(b"a")).await.unwrap();
        let mut next = async || poll_fn(|cx| body.poll_next(cx)).await;
        assert_eq!(next().await.unwrap().unwrap(), "a");
        sender.end().await.unwrap();
        assert!(next().await.is_none());

        let (sender, mut body) = parts();
        drop(sender);
        assert!(poll_fn(|cx| body.poll_next(cx)).await.unwrap().is_err());
        assert!(poll_fn(|cx| body.poll_next(cx)).await.is_none());
    }

    #[tokio::test]
    async fn the_sender_is_told_when_the_client_has_left() {
        let (sender, body) = parts();
        drop(body);
        assert!(sender.send(Bytes::new()).await.is_err());
    }
}
