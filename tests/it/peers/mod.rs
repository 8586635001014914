//! Real servers for tests, each on a free loopback port with its own folder.
//!
//! A peer that is not installed fails the test with the package to install. A peer stops when its
//! value is dropped.

mod apache;
mod embedded;
mod fault_proxy;
mod nginx;
pub(crate) mod postgres;
pub(crate) mod rws;
pub(crate) mod smtp;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) use apache::Apache;
pub(crate) use embedded::Embedded;
pub(crate) use fault_proxy::{Fault, FaultProxy};
pub(crate) use nginx::Nginx;

/// Times that a server is started again after another process took its port first.
const STARTS: u32 = 5;

/// Times that a starting server is asked, and the pause between two of them: ten seconds in all.
const ASKS: u32 = 500;
const PAUSE: Duration = Duration::from_millis(20);

/// A server process; told to end, and waited for, when dropped.
struct Process {
    child: Child,
}

impl Process {
    /// Starts `command` and waits until it listens on `port`; `None` if it ended before that.
    fn start(command: &mut Command, package: &str, port: u16) -> Option<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{program} does not start ({error}): apt-get install {package}")
            });
        let mut process = Self { child };
        for _ in 0..ASKS {
            if process.child.try_wait().unwrap().is_some() {
                return None;
            }
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some(process);
            }
            std::thread::sleep(PAUSE);
        }
        panic!("{program} does not listen on port {port}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM, so that the server ends its workers too.
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).status();
        if !told.is_ok_and(|status| status.success()) {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// Calls `start` with free ports until a server stays up.
fn on_free_port(log: &Path, mut start: impl FnMut(u16) -> Option<Process>) -> (Process, u16) {
    for _ in 0..STARTS {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if let Some(process) = start(port) {
            return (process, port);
        }
    }
    panic!("the server ends at once: {}", fs::read_to_string(log).unwrap_or_default());
}

/// Makes a folder that every user may write to, since servers started by root change their user.
fn open_folder(path: PathBuf) -> PathBuf {
    fs::create_dir_all(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    path
}

fn temp_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}
