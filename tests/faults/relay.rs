use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A network between a client and a service, which can be cut: one address, and each new connection
/// goes to the next target.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    targets: Vec<SocketAddr>,
    is_down: bool,
    /// Given to all requests in the place of the target's answer.
    canned: Option<Canned>,
    open: Vec<TcpStream>,
    /// After this many more bytes to the client, all connections are cut.
    cut_after: Option<usize>,
}

/// What something on the way answers by itself.
#[derive(Debug, Clone, Copy)]
pub enum Canned {
    /// 503.
    Busy,
    /// 413.
    TooLarge,
    /// The page of a captive portal.
    Portal,
}

impl Canned {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Busy => b"HTTP/1.1 503 x\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Self::TooLarge => b"HTTP/1.1 413 x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Self::Portal => b"HTTP/1.1 200 x\r\nContent-Length: 14\r\nConnection: close\r\n\r\n<html>Sign in!",
        }
    }
}

impl Relay {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            targets: vec![target],
            is_down: false,
            canned: None,
            open: Vec::new(),
            cut_after: None,
        };
        let shared = Arc::new(Mutex::new(shared));
        let accepting = shared.clone();
        // Ends with the process of the tests.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let _ = connect(client, &accepting);
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads there from now on. Open connections stay where they are.
    pub fn set_targets(&self, targets: &[SocketAddr]) {
        self.shared.lock().unwrap().targets = targets.to_vec();
    }

    /// Answers every new connection like this from now on, and cuts those that are open.
    pub fn answer_with(&self, canned: Option<Canned>) {
        let mut shared = self.shared.lock().unwrap();
        shared.canned = canned;
        shared.cut();
    }

    /// Cuts all connections in the middle of what the target sends next.
    pub fn cut_after(&self, bytes: usize) {
        self.shared.lock().unwrap().cut_after = Some(bytes);
    }

    /// Cuts all connections, and those that are opened until [`bring_up`](Self::bring_up).
    pub fn take_down(&self) {
        let mut shared = self.shared.lock().unwrap();
        shared.is_down = true;
        shared.cut();
    }

    pub fn bring_up(&self) {
        self.shared.lock().unwrap().is_down = false;
    }
}

impl Shared {
    fn cut(&mut self) {
        self.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }
}

fn connect(client: TcpStream, shared: &Arc<Mutex<Shared>>) -> io::Result<()> {
    let (target, canned) = {
        let mut shared = shared.lock().unwrap();
        if shared.is_down {
            return Ok(());
        }
        shared.targets.rotate_left(1);
        (shared.targets[0], shared.canned)
    };
    if let Some(canned) = canned {
        thread::spawn(move || answer(client, canned));
        return Ok(());
    }
    let target = TcpStream::connect(target)?;
    let both = [client.try_clone()?, target.try_clone()?];
    shared.lock().unwrap().open.extend(both);
    for (from, to, is_answer) in [(&client, &target, false), (&target, &client, true)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        from.set_nodelay(true)?;
        let shared = shared.clone();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut chunk) {
                let allowed = if is_answer { allowed(&shared, length) } else { length };
                if to.write_all(&chunk[..allowed]).is_err() {
                    break;
                }
                if allowed < length {
                    shared.lock().unwrap().cut();
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

/// Answers once something is asked.
fn answer(mut client: TcpStream, canned: Canned) -> io::Result<()> {
    client.peek(&mut [0])?;
    client.write_all(canned.bytes())?;
    client.shutdown(Shutdown::Write)?;
    // With unread bytes the connection would be reset, and the answer lost.
    io::copy(&mut client, &mut io::sink()).map(drop)
}

/// How much of these bytes to the client may pass.
fn allowed(shared: &Mutex<Shared>, length: usize) -> usize {
    let mut shared = shared.lock().unwrap();
    match shared.cut_after {
        Some(left) if left < length => {
            shared.cut_after = None;
            left
        }
        Some(left) => {
            shared.cut_after = Some(left - length);
            length
        }
        None => length,
    }
}
