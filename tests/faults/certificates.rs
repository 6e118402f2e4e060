use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A private authority, which issues certificates for servers.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        authority.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=Some authority",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
        ]);
        authority
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A certificate with its key, for the server of this name.
    pub fn issue(&self, host: &str) -> native_tls::Identity {
        self.issue_within(host, &["-days", "30"])
    }

    /// The same for one that has expired.
    pub fn issue_expired(&self, host: &str) -> native_tls::Identity {
        self.issue_within(host, &["-days", "-1"])
    }

    fn issue_within(&self, host: &str, days: &[&str]) -> native_tls::Identity {
        std::fs::write(self.path("name"), format!("subjectAltName = DNS:{host}\n")).unwrap();
        self.openssl(&[
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=Some server",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        let sign = [
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            "name",
            "-out",
            "server.crt",
        ];
        self.openssl(&[&sign[..], days].concat());
        let read = |name: &str| std::fs::read(self.path(name)).unwrap();
        native_tls::Identity::from_pkcs8(&read("server.crt"), &read("server.key")).unwrap()
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &[&str]) {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(done.status.success(), "{arguments:?}: {done:?}");
    }
}
