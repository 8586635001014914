//! A real PostgreSQL server for one test: its own data folder, its own port, gone afterwards.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use tempfile::TempDir;

/// How to get what a test misses.
const INSTALL_HINT: &str = "PostgreSQL server binaries not found; install them: \
                            apt-get install -y postgresql";

/// Ports to try: another program may take a free port before the server binds it.
const START_ATTEMPTS: usize = 5;

/// A running server with one superuser, `postgres`, who needs no password from this machine.
///
/// It stops when the value is dropped, so it belongs into a test and not into a static.
pub(crate) struct Postgres {
    /// Connection URL of an empty database.
    pub url: String,
    server: Child,
    _folder: TempDir,
}

impl Postgres {
    /// Starts a server and returns once it takes connections.
    ///
    /// # Panics
    /// When the server binaries are missing or the server does not come up.
    pub(crate) fn start() -> Self {
        let binaries = binaries();
        let folder = tempfile::tempdir().expect("a temporary folder");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(folder.path()));
        }
        let data = folder.path().join("data");
        run(unprivileged(&binaries.join("initdb"), folder.path())
            .args(["--username=postgres", "--auth=trust", "--locale=C", "--encoding=UTF8"])
            .args(["--no-sync", "--pgdata"])
            .arg(&data));
        let (port, server) = (0..START_ATTEMPTS)
            .find_map(|_| serve(&binaries, folder.path(), &data))
            .expect("the PostgreSQL server starts; its messages are above");
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        Self { url, server, _folder: folder }
    }
}

impl Drop for Postgres {
    /// SIGINT is PostgreSQL's fast shutdown: connections are cut, its processes are gone after it.
    fn drop(&mut self) {
        let pid = self.server.id().to_string();
        let _ = Command::new("kill").args(["-INT", &pid]).status();
        let _ = self.server.wait();
    }
}

/// The newest installed server's folder of programs; Debian keeps them off the search path.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect(INSTALL_HINT);
    versions
        .filter_map(|entry| entry.ok()?.path().join("bin").canonicalize().ok())
        .filter(|bin| bin.join("initdb").exists())
        .max()
        .expect(INSTALL_HINT)
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout == b"0\n"
}

/// A command that runs as `postgres` when the tests run as root, whom the server refuses.
fn unprivileged(program: &Path, folder: &Path) -> Command {
    let mut command = if is_root() {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        setpriv
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}

fn run(command: &mut Command) {
    let output = command.output().expect("the command starts");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {message}");
}

/// The server on a port that was free a moment ago; nothing if it gave up.
fn serve(binaries: &Path, folder: &Path, data: &Path) -> Option<(u16, Child)> {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let port = probe.local_addr().expect("its address").port();
    drop(probe);
    let mut server = unprivileged(&binaries.join("postgres"), folder)
        .arg("-D")
        .arg(data)
        .args(["-F", "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories=", "-c", "full_page_writes=off"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the PostgreSQL server is executable");
    let log = server.stderr.take().expect("stderr is piped");
    if ready(log) {
        return Some((port, server));
    }
    let _ = server.wait();
    None
}

/// Reads the server's messages until it is ready, and goes on reading them in a thread, so that
/// the pipe never fills. False when they end first.
fn ready(log: ChildStderr) -> bool {
    let mut lines = BufReader::new(log).lines().map_while(Result::ok);
    for line in lines.by_ref() {
        if line.contains("database system is ready to accept connections") {
            std::thread::spawn(move || lines.for_each(drop));
            return true;
        }
        eprintln!("{line}");
    }
    false
}
