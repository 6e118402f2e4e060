"""A minimal Debian that runs in a container of systemd-nspawn, with systemd as its init and nothing but a loopback."""

import contextlib
import fcntl
import json
import os
import pathlib
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
# Two machines at once would share their control groups, because both are started outside of any service.
LOCK = pathlib.Path("/tmp/rollcall-package-machine.lock")
# Seconds that a step may take on a busy computer.
TIMEOUT = 300


def as_root(*command):
    return [*([] if os.geteuid() == 0 else ["sudo"]), *map(str, command)]


class Machine:
    """A booted system whose changes are kept in memory; `packages` is at /packages."""

    def __init__(self, system, packages, directory):
        self.system = system
        self.packages = packages
        self.directory = directory

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.lock = stack.enter_context(open(LOCK, "w"))
            fcntl.flock(self.lock, fcntl.LOCK_EX)
            self.console = stack.enter_context(open(self.directory / "console.log", "w+b"))
            stack.callback(self.stop)
            self.boot()
            self.unwind = stack.pop_all()
        return self

    def __exit__(self, *_):
        self.unwind.close()

    def boot(self):
        address = self.directory / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
            notifications.bind(str(address))
            notifications.settimeout(TIMEOUT)
            self.nspawn = subprocess.Popen(
                as_root(
                    *("env", f"NOTIFY_SOCKET={address}", "systemd-nspawn", "--quiet", "--boot", "--notify-ready=yes"),
                    *(f"--directory={self.system}", "--volatile=overlay", "--machine=gate", "--settings=no"),
                    *("--register=no", "--keep-unit", "--private-network", "--link-journal=no", "--console=read-only"),
                    f"--bind-ro={self.packages}:/packages",
                ),
                stdin=subprocess.DEVNULL,
                stdout=self.console,
                stderr=subprocess.STDOUT,
            )
            states = {}
            # Sent by systemd-nspawn: the leader when it runs, READY when the system has booted.
            while states.get("READY") != "1":
                states |= dict(line.split("=", 1) for line in notifications.recv(4096).decode().splitlines())
        self.leader = states["X_NSPAWN_LEADER_PID"]

    def stop(self):
        if self.nspawn.poll() is None:
            # SIGTERM to systemd-nspawn shuts the system down; a second one kills it.
            subprocess.run(as_root("kill", self.nspawn.pid), check=True)
            self.nspawn.wait(TIMEOUT)

    @property
    def environment(self):
        """What `enter`, the stand-in for ssh, needs to know."""
        return {**os.environ, "ROLLCALL_MACHINE": self.leader}

    def try_run(self, *command, stdin=""):
        """Runs a command in the machine; returns the finished process."""
        return subprocess.run(
            [HERE / "enter", *map(str, command)],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )

    def run(self, *command, stdin=""):
        """The same, but returns the output, and fails the test if the command fails."""
        done = self.try_run(*command, stdin=stdin)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, path, content):
        """Writes text or bytes."""
        content = content.encode() if isinstance(content, str) else content
        command = [HERE / "enter", "tee", path]
        subprocess.run(command, env=self.environment, input=content, stdout=subprocess.DEVNULL, check=True)

    def read(self, path):
        return self.run("cat", path)

    def apt(self, *arguments):
        return self.run("apt-get", "--quiet", "--yes", "--option=Dpkg::Options::=--force-confold", *arguments)

    def property(self, name):
        return self.run("systemctl", "show", "rollcall-gate", f"--property={name}", "--value").strip()

    def wait_until_ready(self):
        """Waits for an answer of the service, by the command that the package has for this."""
        self.wait_until(lambda: self.try_run("rollcall-gate", "healthcheck").returncode == 0)

    def wait_until(self, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < end, self.journal()
            time.sleep(0.1)

    def journal(self):
        return self.run("journalctl", "--no-pager", "--output=cat", "--unit=rollcall-gate")

    def request(self, path, body=None, token=None, port=8000):
        """The status and the parsed answer of a request that is made inside the machine, with this computer's curl."""
        done = subprocess.run(
            as_root(
                *("nsenter", f"--target={self.leader}", "--net", "curl", "--silent", "--max-time", 20),
                *(("--data", json.dumps(body)) if body is not None else ()),
                *(("--header", f"Authorization: Bearer {token}") if token else ()),
                *("--write-out", "\n%{http_code}", f"http://127.0.0.1:{port}{path}"),
            ),
            capture_output=True,
            text=True,
            check=True,
        )
        answer, status = done.stdout.rsplit("\n", 1)
        return int(status), json.loads(answer)

    def record(self, lastname, token=None):
        status, entry = self.request("/table/create", {"firstname": "Arvin", "lastname": lastname}, token)
        assert status == 201, entry
        return entry

    def lastnames(self, token=None, port=8000):
        """Those of all days' entries, by way of the changes."""
        status, answer = self.request("/table/changes", token=token, port=port)
        assert status == 200, answer
        return [change["entry"]["lastname"] for change in answer["changes"]]

