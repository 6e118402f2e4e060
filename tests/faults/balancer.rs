use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One address in front of several services, as a Kubernetes Service is: each new connection goes
/// to the next of them, and stays there.
pub struct Balancer {
    address: SocketAddr,
    services: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Balancer {
    pub fn before(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let services = Arc::new(Mutex::new(vec![service]));
        let targets = services.clone();
        // Lasts as long as the test process, and costs nothing once nobody connects.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let service = {
                    let mut services = targets.lock().unwrap();
                    services.rotate_left(1);
                    services[0]
                };
                // Where the service refuses, the client finds the connection closed.
                if let Ok(service) = TcpStream::connect(service) {
                    let _ = join(client, service);
                }
            }
        });
        Self { address, services }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on new connections go to these.
    pub fn lead_to(&self, services: &[SocketAddr]) {
        *self.services.lock().unwrap() = services.to_vec();
    }
}

/// Passes on what either says until it has said all.
fn join(client: TcpStream, service: TcpStream) -> io::Result<()> {
    for (from, to) in [(&client, &service), (&service, &client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        from.set_nodelay(true)?;
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
