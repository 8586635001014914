//! Making the folders of an object.

use http::{Method, StatusCode};
use reqwest::Response;

use super::client::{Call, WebDav, extension, mkcol};
use super::multistatus::{self, Entry, MAX_MULTISTATUS_BYTES};
use crate::store::{ObjectKey, Operation, StoreError};

const PROPFIND_BODY: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop>"#,
    "<resourcetype/><getcontentlength/><getetag/><getlastmodified/>",
    "</prop></propfind>",
);

/// What MKCOL found.
enum Made {
    /// The folder is there now.
    There,
    /// The folder above is not.
    NoParent(StatusCode),
}

impl WebDav {
    /// Makes the folders of `key`, the deepest first: mostly it is the only one that is missing.
    pub(super) async fn make_folders(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let name = key.as_str();
        let encoded = self.encode(name);
        let folders: Vec<&str> =
            encoded.match_indices('/').filter_map(|(at, _)| encoded.get(..=at)).collect();
        let mut missing = Vec::new();
        let mut refusal = None;
        for path in folders.iter().rev() {
            let call = Call { operation: Operation::Prepare, name, path };
            match self.make(call).await? {
                Made::There => {
                    refusal = None;
                    break;
                }
                Made::NoParent(status) => {
                    refusal = Some(call.refused(status));
                    missing.push(call);
                }
            }
        }
        if let Some(error) = refusal {
            return Err(error);
        }
        for call in missing.into_iter().rev() {
            if let Made::NoParent(status) = self.make(call).await? {
                return Err(call.refused(status));
            }
        }
        Ok(())
    }

    /// Makes one folder. Whatever the server answers to MKCOL, a folder that is there afterwards
    /// is a success: somebody else may have made it between the two, which Apache answers with 403
    /// and others with 405 or 409.
    async fn make(&self, call: Call<'_>) -> Result<Made, StoreError> {
        let answer = self.send(call, mkcol(), |request| request).await?;
        let status = answer.status();
        if status == StatusCode::CREATED {
            return Ok(Made::There);
        }
        if status == StatusCode::UNAUTHORIZED {
            return Err(call.refused(status));
        }
        let found = self.propfind(call, 0).await?;
        let is_folder = found.is_some_and(|entries| entries.iter().any(|entry| entry.folder));
        match status {
            _ if is_folder => Ok(Made::There),
            StatusCode::CONFLICT | StatusCode::NOT_FOUND => Ok(Made::NoParent(status)),
            _ => Err(call.refused(status)),
        }
    }

    /// Asks for the properties of a resource and, with depth 1, of what is in it. `None` if it is
    /// not there.
    pub(super) async fn propfind(
        &self,
        call: Call<'_>,
        depth: u8,
    ) -> Result<Option<Vec<Entry>>, StoreError> {
        let method: Method = extension("PROPFIND");
        let answer = self
            .send(call, method, |request| {
                request
                    .header("depth", depth.to_string())
                    .header("content-type", "application/xml; charset=utf-8")
                    .body(PROPFIND_BODY)
            })
            .await?;
        match answer.status() {
            StatusCode::MULTI_STATUS => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(call.refused(status)),
        }
        let body = self.limited(call, answer).await?;
        multistatus::parse(&body).map(Some).map_err(|fault| call.nonsense(fault.to_string()))
    }

    async fn limited(&self, call: Call<'_>, mut answer: Response) -> Result<Vec<u8>, StoreError> {
        let mut body = Vec::new();
        loop {
            let next = tokio::time::timeout(self.timeout, answer.chunk()).await;
            let chunk = next.map_err(|_| call.silent(self.timeout))?;
            let Some(chunk) = chunk.map_err(|error| call.broken(error))? else { return Ok(body) };
            if chunk.len() > MAX_MULTISTATUS_BYTES.saturating_sub(body.len()) {
                let limit = MAX_MULTISTATUS_BYTES;
                return Err(call.nonsense(format!("the listing is longer than {limit} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
    }
}
