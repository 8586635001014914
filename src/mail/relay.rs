//! The SMTP relay (RFC 5321): one connection for each letter, in two steps, so that the caller can
//! write down that a letter leaves before it does.

use std::error::Error as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, Message};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{MailError, MailSettings, RelayTls};

/// Longest wait for a connection, where `mail.timeout_s` is not shorter.
const CONNECT: Duration = Duration::from_secs(30);
/// Longest wait for the answer to our good-bye.
const QUIT: Duration = Duration::from_secs(5);
/// Most characters of an answer that are kept.
const MAX_REPLY: usize = 200;
/// The code by which a relay wants somebody to sign in first: nothing about the letter.
const SIGN_IN_FIRST: &str = "530";

/// Who signs in at the relay.
pub struct Login {
    /// Name.
    pub username: String,
    /// Password.
    pub password: Zeroizing<String>,
}

/// What became of a letter. Each holds what the relay said, without addresses and links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The relay has it.
    Delivered(String),
    /// The relay refuses this letter for good (5xx).
    Refused(String),
    /// It surely did not arrive, and may another time.
    Retry(String),
    /// It left, and no answer came: it may have arrived.
    Doubtful(String),
}

/// Where a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Connect,
    StartTls,
    SignIn,
    Sender,
    Recipient,
    Data,
    Message,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connecting",
            Self::StartTls => "STARTTLS",
            Self::SignIn => "signing in",
            Self::Sender => "MAIL FROM",
            Self::Recipient => "RCPT TO",
            Self::Data => "DATA",
            Self::Message => "the message",
        }
    }
}

/// A relay that takes letters.
pub struct Relay {
    host: String,
    port: u16,
    tls: RelayTls,
    parameters: Option<TlsParameters>,
    login: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    timeout: Duration,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Relay");
        shown.field("host", &self.host).field("port", &self.port).field("tls", &self.tls);
        shown.finish_non_exhaustive()
    }
}

impl Relay {
    /// The relay of these settings, which were checked; `ca` holds the bytes of `mail.ca_file`.
    ///
    /// # Errors
    /// [`MailError::Setting`] for what is missing, [`MailError::Tls`] without usable certificates.
    pub fn new(
        settings: &MailSettings,
        login: Option<Login>,
        ca: Option<&[u8]>,
    ) -> Result<Self, MailError> {
        let host = settings.relay.clone().ok_or(MailError::Setting("mail.relay"))?;
        let from = settings.sender().ok_or(MailError::Setting("mail.from"))?;
        let parameters = match settings.tls {
            RelayTls::None => None,
            RelayTls::StartTls | RelayTls::Tls => Some(parameters(&host, ca)?),
        };
        Ok(Self {
            port: settings.port.unwrap_or(settings.tls.default_port()),
            tls: settings.tls,
            parameters,
            login: login
                .map(|login| Credentials::new(login.username, login.password.as_str().to_owned())),
            hello: ClientId::Domain(from.email.domain().to_owned()),
            from,
            timeout: Duration::from_secs(settings.timeout_s),
            host,
        })
    }

    /// The sender of all letters.
    pub const fn from(&self) -> &Mailbox {
        &self.from
    }

    /// Brings a conversation to where the relay waits for the message. Until [`Ready::finish`] is
    /// called nothing can have arrived.
    ///
    /// # Errors
    /// [`Sent::Refused`] or [`Sent::Retry`].
    pub async fn begin(&self, to: &Address) -> Result<Ready, Sent> {
        let mut step = Step::Connect;
        match timeout(self.timeout, self.converse(to, &mut step)).await {
            Ok(Ok(connection)) => Ok(Ready { connection, timeout: self.timeout }),
            Ok(Err(error)) => Err(judged(step, &error)),
            Err(_) => Err(Sent::Retry(format!("{}: no answer in time", step.name()))),
        }
    }

    async fn converse(
        &self,
        to: &Address,
        step: &mut Step,
    ) -> Result<AsyncSmtpConnection, SmtpError> {
        let wrapped = self.parameters.clone().filter(|_| self.tls == RelayTls::Tls);
        let server = (self.host.as_str(), self.port);
        let patience = Some(self.timeout.min(CONNECT));
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, patience, &self.hello, wrapped, None)
                .await?;
        if let Some(parameters) = self.parameters.clone().filter(|_| self.tls == RelayTls::StartTls)
        {
            *step = Step::StartTls;
            connection.starttls(parameters, &self.hello).await?;
        }
        if let Err(error) = self.introduce(&mut connection, to, step).await {
            part(connection);
            return Err(error);
        }
        Ok(connection)
    }

    /// Says who sends, and to whom.
    async fn introduce(
        &self,
        connection: &mut AsyncSmtpConnection,
        to: &Address,
        step: &mut Step,
    ) -> Result<(), SmtpError> {
        if let Some(login) = &self.login {
            *step = Step::SignIn;
            connection.auth(&[Mechanism::Plain, Mechanism::Login], login).await?;
        }
        *step = Step::Sender;
        connection.command(Mail::new(Some(self.from.email.clone()), Vec::new())).await?;
        *step = Step::Recipient;
        connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        *step = Step::Data;
        connection.command(Data).await?;
        Ok(())
    }
}

/// A relay that waits for the message. Dropped, it gets none.
pub struct Ready {
    connection: AsyncSmtpConnection,
    timeout: Duration,
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}

impl Ready {
    /// Sends the message and waits for the relay's word.
    pub async fn finish(mut self, message: &Message) -> Sent {
        let message = Zeroizing::new(message.formatted());
        let left = AtomicBool::new(false);
        let order = Ordering::Relaxed;
        // Asked for a second piece, the connection has written the first and goes on to the final
        // dot: before it a relay keeps nothing, after it only an answer tells.
        let end = std::iter::from_fn(|| {
            left.store(true, order);
            None
        });
        let pieces = std::iter::once(message.as_slice()).chain(end);
        let answer = timeout(self.timeout, self.connection.message_iter(pieces)).await;
        let name = Step::Message.name();
        match answer {
            Ok(Ok(response)) => {
                part(self.connection);
                Sent::Delivered(format!("the relay took it: {}", response.code()))
            }
            Ok(Err(error)) if error.status().is_some() => {
                part(self.connection);
                judged(Step::Message, &error)
            }
            _ if !left.load(order) => Sent::Retry(format!("{name}: the connection broke")),
            Ok(Err(_)) => Sent::Doubtful(format!("{name}: the connection broke after its end")),
            Err(_) => Sent::Doubtful(format!("{name}: no answer in time after its end")),
        }
    }
}

/// Says good-bye; nobody waits for that.
fn part(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move {
        let _ = timeout(QUIT, connection.quit()).await;
    });
}

fn parameters(host: &str, ca: Option<&[u8]>) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(pem) = ca {
        let certificate = Certificate::from_pem(pem).map_err(MailError::Tls)?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build().map_err(MailError::Tls)
}

/// What an error before the end of the message means. A 5xx is about the letter from its sender on;
/// before that it is about us, and an operator may mend it while the letter waits.
fn judged(step: Step, error: &SmtpError) -> Sent {
    let name = step.name();
    let Some(code) = error.status().map(|code| code.to_string()) else {
        return Sent::Retry(format!("{name}: {}", failure(error)));
    };
    // What a relay says about a sign-in may repeat what was sent.
    let said = match step {
        Step::SignIn => String::new(),
        _ => error.source().map(|reply| cleaned(&reply.to_string())).unwrap_or_default(),
    };
    let detail = format!("{name}: {code} {said}").trim_end().to_owned();
    if error.is_permanent() && step >= Step::Sender && code != SIGN_IN_FIRST {
        Sent::Refused(detail)
    } else {
        Sent::Retry(detail)
    }
}

/// A failure without an answer, with its causes: which certificate is wrong, who refused.
fn failure(error: &SmtpError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source().and_then(std::error::Error::source);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    cleaned(&text)
}

/// What others said, for rows and logs: one line, not long, no word that is an address or a link.
fn cleaned(text: &str) -> String {
    let hidden = |word: &str| word.contains(['@', '/']) || word.to_lowercase().contains("%2f");
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if hidden(word) { "[...]" } else { word })
        .collect();
    words.join(" ").chars().take(MAX_REPLY).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relay_says_is_kept_without_addresses_and_links() {
        let said = "5.7.1 <ann@example.com>: listed:\r\nhttps://r.example/a/t see r.example/a/t\0x";
        assert_eq!(cleaned(said), "5.7.1 [...] listed: [...] see [...] x");
        assert_eq!(cleaned(&"long ".repeat(100)).len(), MAX_REPLY);
    }

    #[test]
    fn a_relay_shows_no_password() {
        let settings = MailSettings {
            relay: Some("localhost".to_owned()),
            from: Some("rec@example.com".to_owned()),
            tls: RelayTls::None,
            ..MailSettings::default()
        };
        let password = Zeroizing::new("hunter2".to_owned());
        let login = Login { username: "u".to_owned(), password };
        let relay = Relay::new(&settings, Some(login), None).unwrap();
        assert!(!format!("{relay:?}").contains("hunter2"));
        assert_eq!(relay.port, 25);
    }
}
