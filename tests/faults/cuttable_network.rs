use std::io::{BufRead, BufReader, Lines, Write};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};

/// A client in a network of its own, which a virtual cable connects to this machine. When the
/// client ends, the kernel deletes its network and the cable.
pub struct RemoteClient {
    shell: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    near: IpAddr,
    connections: u32,
}

impl RemoteClient {
    /// Fails with the reason if this process may not create networks: that needs the rights of
    /// root, which a container may lack.
    pub fn start() -> Result<Self, String> {
        let allowed = Command::new("unshare").args(["--net", "true"]).output().unwrap();
        if !allowed.status.success() {
            return Err(String::from_utf8_lossy(&allowed.stderr).trim().to_owned());
        }
        // `unshare` replaces itself by the shell, so the process id is the shell's.
        let mut shell = Command::new("unshare")
            .args(["--net", "bash"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = shell.stdin.take().unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap()).lines();

        static NUMBER: AtomicU8 = AtomicU8::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let cable = format!("rc{process}n{number}");
        // Networks of four addresses, in the range that is reserved for tests of networks.
        let network = format!("198.18.{}", process % 256);
        let [near, far] = [1, 2].map(|host| format!("{network}.{}", number * 4 + host));
        let mut client = Self { shell, input, output, near: near.parse().unwrap(), connections: 0 };
        client.run("echo started", "started");
        let shell = client.shell.id().to_string();
        ip(&["link", "add", &cable, "type", "veth", "peer", "name", "cable", "netns", &shell]);
        ip(&["address", "add", &format!("{near}/30"), "dev", &cable]);
        ip(&["link", "set", &cable, "up"]);
        client.run(&format!("ip address add {far}/30 dev cable && echo added"), "added");
        client.run("ip link set cable up && echo up", "up");
        Ok(client)
    }

    /// This machine's address at its end of the cable.
    pub fn near_address(&self) -> IpAddr {
        self.near
    }

    /// Sends `request` to `service` over a new connection and waits for the answer's status line,
    /// which must begin with `expected`. Keeps the connection open and reads no more of the answer.
    #[track_caller]
    pub fn send(&mut self, service: SocketAddr, request: &str, expected: &str) {
        let (host, port) = (service.ip(), service.port());
        self.connections += 1;
        // The first file descriptors are standard input, output and error.
        let fd = self.connections + 2;
        self.run(&format!("exec {fd}<>/dev/tcp/{host}/{port} && echo connected"), "connected");
        let quoted = request.replace('\'', r"'\''");
        self.run(&format!("printf %s '{quoted}' >&{fd} && echo sent"), "sent");
        self.run(&format!("read -r -t 30 line <&{fd} && echo \"$line\""), expected);
    }

    /// Cuts the cable: from now on no packet arrives at either end.
    #[track_caller]
    pub fn cut(&mut self) {
        self.run("ip link set cable down && echo down", "down");
    }

    /// Runs a command in the client's shell and asserts how its one line of output begins.
    #[track_caller]
    fn run(&mut self, command: &str, expected: &str) {
        writeln!(self.input, "{{ {command}; }} || echo failed").unwrap();
        let line = self.output.next().expect("the client's shell has ended").unwrap();
        assert!(line.starts_with(expected), "{command}: {line}");
    }
}

impl Drop for RemoteClient {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

#[track_caller]
fn ip(arguments: &[&str]) -> Output {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {output:?}");
    output
}
