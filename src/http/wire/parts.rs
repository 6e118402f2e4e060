use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// The body of an answer whose length is not known when it begins: parts that are sent as they
/// come. It ends well only if its sender says so.
pub(crate) struct Parts {
    coming: mpsc::Receiver<Part>,
    has_ended: bool,
    /// Absent once it was taken.
    end: Option<oneshot::Receiver<()>>,
}

/// The other side of [`Parts`]. Dropping it breaks the connection off.
pub(crate) struct PartSender {
    parts: mpsc::Sender<Part>,
    end: oneshot::Sender<()>,
}

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
    let (end, ended) = oneshot::channel();
    (PartSender { parts: sender, end }, Parts { coming, has_ended: false, end: Some(ended) })
}

impl PartSender {
    /// Waits until there is room for the part.
    pub(crate) async fn send(&self, bytes: Bytes) -> Result<(), ReaderLeft> {
        self.parts.send(Part::Bytes(bytes)).await.map_err(|_| ReaderLeft)
    }

    /// Ends the body.
    pub(crate) async fn end(self) -> Result<(), ReaderLeft> {
        let sent = self.parts.send(Part::End).await.map_err(|_| ReaderLeft);
        // Fails if the client has left.
        let _ = self.end.send(());
        sent
    }
}

impl Parts {
    /// Whether the sender breaks the body off: known at once when it does, even if the client accepts
    /// nothing of what was sent before. Called once.
    pub(crate) fn is_broken_off(&mut self) -> impl Future<Output = bool> + Send + use<> {
        let end = self.end.take();
        async move {
            match end {
                Some(end) => end.await.is_err(),
                None => false,
            }
        }
    }

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
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::timeout;

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

    #[tokio::test(start_paused = true)]
    async fn a_break_is_noticed_while_the_client_accepts_nothing() {
        let (sender, mut body) = parts();
        sender.send(Bytes::new()).await.unwrap();
        let mut is_broken_off = pin!(body.is_broken_off());
        assert!(timeout(Duration::from_secs(1), &mut is_broken_off).await.is_err());
        drop(sender);
        assert!(is_broken_off.await);

        let (sender, mut body) = parts();
        sender.end().await.unwrap();
        assert!(!body.is_broken_off().await);
    }

    #[tokio::test]
    async fn the_sender_is_told_when_the_client_has_left() {
        let (sender, body) = parts();
        drop(body);
        assert!(sender.send(Bytes::new()).await.is_err());
    }
}
