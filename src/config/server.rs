//! `[server]` and `[observe]`.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// Where the gateway listens and keeps its own files.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// Keys, spool, catalogue, and the files of the embedded WebDAV endpoint.
    pub data_dir: PathBuf,
    /// Address that links begin with; absent: the listening address.
    pub public_url: Option<String>,
    /// Whether to listen without TLS on an address that other machines reach: only behind a proxy
    /// that speaks TLS.
    pub behind_tls_proxy: bool,
    /// Most requests that are served at once.
    pub max_connections: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8480".to_owned(),
            data_dir: PathBuf::from("reelgate-data"),
            public_url: None,
            behind_tls_proxy: false,
            max_connections: 1024,
        }
    }
}

impl ServerSettings {
    pub(super) fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        match self.listen.parse::<SocketAddr>() {
            Err(_) => faults.push(format!(
                "server.listen {:?} is not an address with a port, such as 127.0.0.1:8480",
                self.listen
            )),
            Ok(address) if !address.ip().is_loopback() && !self.behind_tls_proxy => {
                faults.push(format!(
                    "server.listen {address} is reached from other machines without TLS; set \
                     server.behind_tls_proxy = true when a proxy in front speaks TLS"
                ));
            }
            Ok(_) => {}
        }
        if let Some(url) = &self.public_url {
            let good = url::Url::parse(url)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none());
            if !good {
                faults.push("server.public_url is not an http or https address".to_owned());
            }
        }
        if self.max_connections == 0 {
            faults.push("server.max_connections must be at least 1".to_owned());
        }
        faults
    }
}

/// What the logs say and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObserveSettings {
    /// Filter in the form of `tracing`: `info`, `reelgate=debug,info`.
    pub log: String,
    /// `json` or `text`.
    pub log_format: String,
}

impl Default for ObserveSettings {
    fn default() -> Self {
        Self { log: "info".to_owned(), log_format: "json".to_owned() }
    }
}

impl ObserveSettings {
    pub(super) fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if tracing_subscriber::EnvFilter::try_new(&self.log).is_err() {
            faults.push(format!("observe.log {:?} is not a log filter", self.log));
        }
        if !matches!(self.log_format.as_str(), "json" | "text") {
            faults.push("observe.log_format must be json or text".to_owned());
        }
        faults
    }
}
