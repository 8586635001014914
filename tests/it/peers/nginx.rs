//! nginx with its DAV modules and Basic authentication.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{Process, is_root, on_free_port, open_folder, temp_folder};

const MODULE: &str = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so";
const USER: &str = "recorder";
const PASSWORD: &str = "s3cret-of-nginx";

/// A running nginx.
pub(crate) struct Nginx {
    /// Address of the DAV root, with a slash at the end.
    pub(crate) url: String,
    /// The folder behind it.
    pub(crate) root: PathBuf,
    /// A user who may do everything.
    pub(crate) user: &'static str,
    /// The password of `user`.
    pub(crate) password: &'static str,
    _process: Process,
    _folder: TempDir,
}

impl Nginx {
    /// Starts it and waits until it answers.
    pub(crate) fn start() -> Self {
        assert!(Path::new(MODULE).exists(), "apt-get install libnginx-mod-http-dav-ext");
        let folder = temp_folder();
        let root = open_folder(folder.path().join("root"));
        open_folder(folder.path().join("temp"));
        fs::write(folder.path().join("users"), format!("{USER}:{{PLAIN}}{PASSWORD}\n")).unwrap();
        let log = folder.path().join("error.log");
        let (process, port) = on_free_port(&log, |port| run(folder.path(), port));
        Self {
            url: format!("http://127.0.0.1:{port}/"),
            root,
            user: USER,
            password: PASSWORD,
            _process: process,
            _folder: folder,
        }
    }
}

fn run(folder: &Path, port: u16) -> Option<Process> {
    let config = folder.join("nginx.conf");
    fs::write(&config, configuration(folder, port)).unwrap();
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-c").arg(config).arg("-e").arg(folder.join("error.log"));
    Process::start(&mut command, "nginx", port)
}

fn configuration(folder: &Path, port: u16) -> String {
    let dir = folder.display();
    let user = if is_root() { "user root;\n" } else { "" };
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {dir}/temp/{name};\n"))
        .concat();
    format!(
        "load_module {MODULE};
{user}daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{}}
http {{
  access_log off;
{temp}  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port};
    root {dir}/root;
    location / {{
      auth_basic reelgate;
      auth_basic_user_file {dir}/users;
      dav_methods PUT DELETE MKCOL COPY MOVE;
      dav_ext_methods PROPFIND OPTIONS;
      create_full_put_path off;
      dav_access user:rw group:rw all:r;
    }}
  }}
}}
"
    )
}
