//! `[mail]`.

use std::path::PathBuf;

use lettre::message::Mailbox;
use serde::Deserialize;

/// How the connection to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayTls {
    /// The connection becomes TLS before anything is said; a relay that cannot do so gets nothing.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Clear text, for a relay on the same machine or in a network of one's own.
    None,
}

impl RelayTls {
    /// The port that relays listen on for it.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Through whom letters are sent. Without a relay none is, and what is owed waits.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// Host name of the relay; its certificate must be for this name.
    pub relay: Option<String>,
    /// Its port; absent: 587, 465 or 25, by `tls`.
    pub port: Option<u16>,
    /// How the connection is protected.
    pub tls: RelayTls,
    /// PEM file with the certificates that sign the relay's; absent: those of the machine.
    pub ca_file: Option<PathBuf>,
    /// Who signs in at the relay; absent: nobody does.
    pub username: Option<String>,
    /// File with the password.
    pub password_file: Option<PathBuf>,
    /// Sender: an address, or a name and an address in angle brackets.
    pub from: Option<String>,
    /// Longest wait for the relay to take a letter in seconds: once until it asks for the message,
    /// and once from there to its answer. A longer one means fewer letters that may have arrived.
    pub timeout_s: u64,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            relay: None,
            port: None,
            tls: RelayTls::StartTls,
            ca_file: None,
            username: None,
            password_file: None,
            from: None,
            // RFC 5321, section 4.5.3.2, wants five minutes for most answers.
            timeout_s: 300,
        }
    }
}

impl MailSettings {
    /// All faults, each beginning with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |text: &str| faults.push(text.to_owned());
        if self.relay.as_ref().is_some_and(|relay| !is_host(relay)) {
            fault("mail.relay is not a host name or an address; the port is mail.port");
        }
        if self.relay.is_some() && self.from.is_none() {
            fault("mail.relay needs mail.from");
        }
        if self.from.is_some() && self.sender().is_none() {
            fault("mail.from is not an ASCII address, with a name before it or without");
        }
        if self.port == Some(0) {
            fault("mail.port must be 1 to 65535");
        }
        if self.username.is_some() != self.password_file.is_some() {
            fault("mail.username and mail.password_file go together");
        }
        if self.tls == RelayTls::None {
            if self.username.is_some() && !self.relay.as_deref().is_some_and(is_loopback) {
                fault("mail.username needs mail.tls, unless the relay is on this machine");
            }
            if self.ca_file.is_some() {
                fault("mail.ca_file needs mail.tls");
            }
        }
        if !(1..=600).contains(&self.timeout_s) {
            fault("mail.timeout_s must be 1 to 600");
        }
        faults
    }

    /// `from`, if it is set and can be used.
    pub(super) fn sender(&self) -> Option<Mailbox> {
        let mailbox: Mailbox = self.from.as_deref()?.parse().ok()?;
        let address: &str = mailbox.email.as_ref();
        super::parse_address(address).ok().map(|_| mailbox)
    }
}

fn is_host(text: &str) -> bool {
    let name = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    let named = (1..=253).contains(&text.len()) && text.chars().all(name);
    named || text.parse::<std::net::IpAddr>().is_ok()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        toml::from_str::<MailSettings>(text).unwrap().check()
    }

    #[test]
    fn usable_settings_have_no_fault() {
        for text in [
            "",
            "relay = 'smtp.example'\nfrom = 'Записи <rec@example.com>'",
            "relay = '127.0.0.1'\nfrom = 'rec@example.com'\ntls = 'none'\nusername = 'u'\n\
             password_file = 'p'",
            "relay = '::1'\nfrom = 'rec@example.com'\ntls = 'tls'\nca_file = 'ca.pem'\nport = 2465",
        ] {
            assert_eq!(faults(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = "relay = 'smtp://x:25'\nfrom = 'nobody'\nport = 0\nusername = 'u'\n\
                    tls = 'none'\nca_file = 'c'\ntimeout_s = 0";
        let found = faults(text);
        for name in
            ["relay ", "from ", "port ", "username and", "username needs", "ca_file ", "timeout_s"]
        {
            let name = format!("mail.{name}");
            let count = found.iter().filter(|fault| fault.starts_with(&name)).count();
            assert_eq!(count, 1, "{name}: {found:?}");
        }
        assert_eq!(faults("relay = 'smtp.example'"), ["mail.relay needs mail.from"]);
    }
}
