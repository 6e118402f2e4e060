use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A TCP load balancer, like a Kubernetes Service: one address, and each new connection goes to
/// the next target.
pub struct LoadBalancer {
    address: SocketAddr,
    targets: Arc<Mutex<Vec<SocketAddr>>>,
}

impl LoadBalancer {
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let targets = Arc::new(Mutex::new(vec![target]));
        let shared = targets.clone();
        // The thread lives as long as the test process. Without connections it does nothing.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let target = {
                    let mut targets = shared.lock().unwrap();
                    targets.rotate_left(1);
                    targets[0]
                };
                // If the target refuses the connection, the client's is closed as well.
                if let Ok(target) = TcpStream::connect(target) {
                    let _ = relay(client, target);
                }
            }
        });
        Self { address, targets }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends new connections to these targets from now on. Open connections stay where they are.
    pub fn set_targets(&self, targets: &[SocketAddr]) {
        *self.targets.lock().unwrap() = targets.to_vec();
    }
}

/// Copies in both directions until each side has sent everything.
fn relay(client: TcpStream, target: TcpStream) -> io::Result<()> {
    for (from, to) in [(&client, &target), (&target, &client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        from.set_nodelay(true)?;
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}
