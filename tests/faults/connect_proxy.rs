use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// An HTTP proxy for CONNECT. Every tunnel leads to the same target, whatever its name is, so that
/// the name need not exist.
pub struct ConnectProxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    /// `credentials` are what it asks for, as `Proxy-Authorization` has them.
    pub fn to(target: SocketAddr, credentials: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        // Ends with the process of the tests.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let noted = noted.clone();
                thread::spawn(move || serve(client, target, credentials, &noted));
            }
        });
        Self { address, asked }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The first lines of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(
    client: TcpStream,
    target: SocketAddr,
    credentials: Option<&str>,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut input = BufReader::new(client.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    asked.lock().unwrap().push(head.first().cloned().unwrap_or_default());
    let sent = head.iter().find_map(|line| line.strip_prefix("Proxy-Authorization: "));
    if credentials.is_some() && sent != credentials {
        return (&client).write_all(b"HTTP/1.1 407 x\r\nContent-Length: 0\r\n\r\n");
    }
    let target = TcpStream::connect(target)?;
    (&client).write_all(b"HTTP/1.1 200 x\r\n\r\n")?;
    let (mut from_target, mut to_client) = (target.try_clone()?, client);
    thread::spawn(move || {
        let _ = io::copy(&mut from_target, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    // What the reader has buffered is copied too.
    io::copy(&mut input, &mut &target)?;
    target.shutdown(Shutdown::Write)
}
