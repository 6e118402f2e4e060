use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A network between a client and a service, which can be cut: one address that leads to a target.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    /// `None` while the network is down.
    target: Option<SocketAddr>,
    open: Vec<TcpStream>,
    /// After this many more bytes to the client, all connections are cut.
    cut_after: Option<usize>,
}

impl Relay {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { target: Some(target), open: Vec::new(), cut_after: None };
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

    /// Leads elsewhere from now on. Open connections stay where they are.
    pub fn set_target(&self, target: SocketAddr) {
        self.shared.lock().unwrap().target = Some(target);
    }

    /// Cuts all connections in the middle of what the target sends next.
    pub fn cut_after(&self, bytes: usize) {
        self.shared.lock().unwrap().cut_after = Some(bytes);
    }

    /// Cuts all connections, and accepts none until there is a target again.
    pub fn take_down(&self) {
        let mut shared = self.shared.lock().unwrap();
        shared.target = None;
        shared.cut();
    }
}

impl Shared {
    fn cut(&mut self) {
        self.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }
}

fn connect(client: TcpStream, shared: &Arc<Mutex<Shared>>) -> io::Result<()> {
    let Some(target) = shared.lock().unwrap().target else { return Ok(()) };
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
