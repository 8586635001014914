//! Apache with mod_dav: Basic authentication, and Digest below `/digest/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Process, is_root, on_free_port, open_folder, temp_folder};

const MODULES: &str = "/usr/lib/apache2/modules";
const USER: &str = "recorder";
const PASSWORD: &str = "s3cret-of-apache";
/// MD5 of `recorder:reelgate:s3cret-of-apache`, as `htdigest` writes it.
const DIGEST_HASH: &str = "e4ce75480c79eac8e724d525662fc3ba";

/// A running Apache.
pub(crate) struct Apache {
    /// Address of the DAV root, with a slash at the end.
    pub(crate) url: String,
    /// The folder behind it.
    pub(crate) root: PathBuf,
    /// A user who may do everything.
    pub(crate) user: &'static str,
    /// The password of `user`.
    pub(crate) password: &'static str,
    port: u16,
    process: Option<Process>,
    folder: TempDir,
}

impl Apache {
    /// Starts it and waits until it answers.
    pub(crate) fn start() -> Self {
        let folder = temp_folder();
        let root = open_folder(folder.path().join("root"));
        open_folder(root.join("digest"));
        open_folder(folder.path().join("lock"));
        let users = folder.path().join("users");
        let made = Command::new("htpasswd").arg("-bc").arg(&users).args([USER, PASSWORD]).output();
        assert!(
            made.is_ok_and(|made| made.status.success()),
            "htpasswd does not run: apt-get install apache2-utils"
        );
        let digest_users = format!("{USER}:reelgate:{DIGEST_HASH}\n");
        fs::write(folder.path().join("digest_users"), digest_users).unwrap();
        let log = folder.path().join("error.log");
        let (process, port) = on_free_port(&log, |port| run(folder.path(), port));
        Self {
            url: format!("http://127.0.0.1:{port}/"),
            root,
            user: USER,
            password: PASSWORD,
            port,
            process: Some(process),
            folder,
        }
    }

    /// Ends it; [`Self::restart`] brings it back.
    pub(crate) fn stop(&mut self) {
        self.process = None;
    }

    /// Ends it and starts it again on the same port. Digest nonces from before are stale then.
    pub(crate) fn restart(&mut self) {
        self.process = None;
        self.process = run(self.folder.path(), self.port);
        assert!(self.process.is_some(), "apache does not start a second time");
    }
}

fn run(folder: &Path, port: u16) -> Option<Process> {
    let config = folder.join("apache.conf");
    fs::write(&config, configuration(folder, port)).unwrap();
    let mut command = Command::new("/usr/sbin/apache2");
    command.arg("-DFOREGROUND").arg("-f").arg(config);
    Process::start(&mut command, "apache2", port)
}

fn configuration(folder: &Path, port: u16) -> String {
    let dir = folder.display();
    let modules: String = [
        "mpm_event",
        "authn_core",
        "authn_file",
        "authz_core",
        "authz_user",
        "auth_basic",
        "auth_digest",
        "dav",
        "dav_fs",
    ]
    .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
    .concat();
    let user = if is_root() { "User www-data\nGroup www-data\n" } else { "" };
    format!(
        r#"ServerRoot "{dir}"
DefaultRuntimeDir "{dir}/lock"
PidFile "{dir}/apache.pid"
ErrorLog "{dir}/error.log"
ServerName 127.0.0.1
Listen 127.0.0.1:{port}
{modules}{user}DocumentRoot "{dir}/root"
DavLockDB "{dir}/lock/dav"
<Directory "{dir}/root">
  Dav On
  AuthType Basic
  AuthName reelgate
  AuthBasicProvider file
  AuthUserFile "{dir}/users"
  Require valid-user
</Directory>
<Location "/digest">
  AuthType Digest
  AuthName reelgate
  AuthDigestProvider file
  AuthUserFile "{dir}/digest_users"
  Require valid-user
</Location>
"#
    )
}
