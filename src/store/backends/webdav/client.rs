//! One request to the server: address, credentials, time limit, meaning of a failure.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response};
use reqwest_dav::{Auth as WireAuth, ClientBuilder, DecodeError, Error as WireError};
use url::Url;
use zeroize::Zeroizing;

use crate::store::settings::check_url;
use crate::store::{Folder, Operation, StoreError, Verify};

/// All octets but the unreserved ones of RFC 3986 section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A user name and its password.
///
/// Has no `Debug` and no `Clone`; the password is wiped when dropped. The request layer keeps a
/// copy for as long as the [`WebDav`] lives.
pub struct Credentials {
    username: String,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Takes both as they are.
    pub const fn new(username: String, password: Zeroizing<String>) -> Self {
        Self { username, password }
    }
}

/// How requests are authenticated.
pub enum Auth {
    /// Not at all.
    None,
    /// RFC 7617: the password goes with every request.
    Basic(Credentials),
    /// RFC 7616: a digest of the password and the server's nonce goes with every request.
    Digest(Credentials),
}

/// All that makes a [`WebDav`].
pub struct WebDavOptions {
    /// The folder on the server that holds everything; it must be there.
    pub base: Url,
    /// Folders below `base`, made when needed.
    pub prefix: Folder,
    /// How requests are authenticated.
    pub auth: Auth,
    /// Longest time for connecting, and longest silence at any later moment.
    pub timeout: Duration,
    /// How thoroughly written objects are verified.
    pub verify: Verify,
}

/// A store on a WebDAV server.
pub struct WebDav {
    wire: reqwest_dav::Client,
    /// Whether a 401 may mean no more than a nonce that has expired.
    digest: bool,
    /// Invariant: ends with a slash; no user, query or fragment.
    base: Url,
    prefix: Folder,
    pub(super) timeout: Duration,
    pub(super) verify: Verify,
}

/// What a request is about.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) operation: Operation,
    /// Clear path, for errors.
    pub(super) name: &'a str,
    /// Encoded path below the base; ends with a slash for a folder.
    pub(super) path: &'a str,
}

impl Call<'_> {
    pub(super) fn refused(&self, status: StatusCode) -> StoreError {
        StoreError::from_status(self.operation, self.name, status.as_u16())
    }

    pub(super) fn broken(&self, error: reqwest::Error) -> StoreError {
        let (operation, name) = (self.operation, self.name.to_owned());
        StoreError::Network { operation, name, source: Box::new(error.without_url()) }
    }

    pub(super) fn silent(&self, timeout: Duration) -> StoreError {
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        StoreError::TimedOut { operation: self.operation, name: self.name.to_owned(), timeout_ms }
    }

    pub(super) fn nonsense(&self, reason: impl Into<String>) -> StoreError {
        let (operation, name) = (self.operation, self.name.to_owned());
        StoreError::Answer { operation, name, reason: reason.into() }
    }

    fn wire(&self, error: WireError) -> StoreError {
        match error {
            WireError::Reqwest(error) => self.broken(error),
            WireError::Decode(DecodeError::StatusMismatched(found)) => {
                let status = found.response_code;
                self.nonsense(format!("no digest challenge was sent, but status {status}"))
            }
            _ => self.nonsense("the digest challenge of the server cannot be used"),
        }
    }
}

impl WebDav {
    /// Makes the client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`StoreError::Open`] for a base that is not a plain HTTP address.
    pub fn new(options: WebDavOptions) -> Result<Self, StoreError> {
        let open = |reason: String| StoreError::Open { reason };
        let mut base = options.base;
        if let Some(fault) = check_url(base.as_str()) {
            return Err(open(format!("the address {fault}")));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let agent = reqwest::Client::builder()
            .connect_timeout(options.timeout)
            .redirect(Policy::none())
            .build()
            .map_err(|error| open(error.to_string()))?;
        let (auth, digest) = match &options.auth {
            Auth::None => (WireAuth::Anonymous, false),
            Auth::Basic(user) => {
                (WireAuth::Basic(user.username.clone(), user.password.to_string()), false)
            }
            Auth::Digest(user) => {
                (WireAuth::Digest(user.username.clone(), user.password.to_string()), true)
            }
        };
        let wire = ClientBuilder::new()
            .set_agent(agent)
            .set_host(base.to_string())
            .set_auth(auth)
            .build()
            .map_err(|_| open("the request layer refuses the address".to_owned()))?;
        let (prefix, timeout, verify) = (options.prefix, options.timeout, options.verify);
        Ok(Self { wire, digest, base, prefix, timeout, verify })
    }

    /// The encoded path, below the base, of a clear path below the prefix.
    pub(super) fn encode(&self, clear: &str) -> String {
        let names = self.prefix.as_str().split('/').chain(clear.split('/'));
        let mut path = String::new();
        for name in names.filter(|name| !name.is_empty()) {
            if !path.is_empty() {
                path.push('/');
            }
            path.extend(utf8_percent_encode(name, ENCODED));
        }
        path
    }

    /// The absolute address of an encoded path.
    pub(super) fn absolute(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends a request whose body, if any, can be repeated. Any status is a success here.
    pub(super) async fn send(
        &self,
        call: Call<'_>,
        method: Method,
        dress: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Response, StoreError> {
        let limit = self.timeout;
        let once = async || {
            let exchange = async {
                let request = self.request(call, method.clone()).await?;
                dress(request).send().await.map_err(|error| call.broken(error))
            };
            tokio::time::timeout(limit, exchange).await.map_err(|_| call.silent(limit))?
        };
        let answer = once().await?;
        if answer.status() == StatusCode::UNAUTHORIZED && self.digest {
            self.forget_nonce().await;
            return once().await;
        }
        Ok(answer)
    }

    /// Begins a request, with credentials.
    pub(super) async fn request(
        &self,
        call: Call<'_>,
        method: Method,
    ) -> Result<RequestBuilder, StoreError> {
        if self.digest && self.wire.digest_auth.lock().await.is_none() {
            // The request layer asks for the challenge by sending the method without its body,
            // which would leave an empty file for PUT. MKCOL of the base changes nothing, and is
            // challenged even where reading is open to all.
            let asked = self.wire.start_request(mkcol(), "").await;
            asked.map(drop).map_err(|error| call.wire(error))?;
        }
        self.wire.start_request(method, call.path).await.map_err(|error| call.wire(error))
    }

    /// Makes the next request ask for a new challenge.
    pub(super) async fn forget_nonce(&self) {
        *self.wire.digest_auth.lock().await = None;
    }
}

/// MKCOL of RFC 4918.
pub(super) fn mkcol() -> Method {
    extension("MKCOL")
}

/// An HTTP method that the `http` crate has no name for.
pub(super) fn extension(name: &'static str) -> Method {
    // A name of capital letters is always a method; the other arm is never taken.
    Method::from_bytes(name.as_bytes()).unwrap_or(Method::OPTIONS)
}

/// A header as text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(HeaderValue::to_str)?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(base: &str, prefix: &str) -> Result<WebDav, StoreError> {
        WebDav::new(WebDavOptions {
            base: Url::parse(base).unwrap(),
            prefix: Folder::parse(prefix).unwrap(),
            auth: Auth::None,
            timeout: Duration::from_secs(1),
            verify: Verify::Full,
        })
    }

    #[test]
    fn every_reserved_octet_is_encoded() {
        let store = store("http://dav.example:81/base", "a b/c").unwrap();
        let path = store.encode("x#1/50%/a+b?ü.wav");
        assert_eq!(path, "a%20b/c/x%231/50%25/a%2Bb%3F%C3%BC.wav");
        assert_eq!(store.absolute(&path), format!("http://dav.example:81/base/{path}"));
        assert_eq!(store.encode(""), "a%20b/c");
    }

    #[test]
    fn a_base_with_credentials_is_refused_without_repeating_them() {
        let error = store("https://bob:hunter2@dav.example/", "").err().unwrap();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
