//! Signing in: an access key for tokens, and a refresh token for new ones.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::access_keys::is_key_id;
use super::claims::Claims;
use super::tokens::Tokens;
use super::{Identity, IdentityError, Principal, random_text};
use crate::asset::{Digest, TenantId};
use crate::catalog::{AuditEntry, KeyHolder, RefreshRow, Spent};

/// What refresh tokens begin with.
const REFRESH_PREFIX: &str = "rgr_";

/// What a sign-in gives. All of it is secret.
pub struct Grant {
    /// Signed token for calling interfaces.
    pub access_token: String,
    /// Signed token about who signed in.
    pub id_token: String,
    /// Good once, for the next grant.
    pub refresh_token: Zeroizing<String>,
    /// Life of the signed tokens, in seconds.
    pub expires_in: u64,
}

impl Identity {
    /// Signs in with an access key, from an address.
    ///
    /// # Errors
    /// [`IdentityError::Refused`], which does not say what was wrong, and
    /// [`IdentityError::Throttled`] after too many of those, whatever the secret.
    pub async fn sign_in(
        &self,
        key_id: &str,
        secret: &str,
        address: IpAddr,
    ) -> Result<Grant, IdentityError> {
        let now = self.clock.now();
        self.admit(key_id, address, now)?;
        let tokens = self.tokens.as_ref().ok_or(IdentityError::Refused)?;
        let holder = self.catalog.key_holder(key_id).await?;
        let (holder, principal) = match check(holder, secret) {
            Ok(found) => found,
            Err(refusal) => {
                self.throttle.failed(key_id, address, now);
                self.write_refusal(key_id, address, &refusal, now).await?;
                return Err(IdentityError::Refused);
            }
        };
        self.throttle.succeeded(key_id, address);
        let family = uuid::Uuid::new_v4().to_string();
        let (refresh, row) = next_token(tokens, &holder, &family, now)?;
        let detail = json!({ "grant": "access_key", "address": address.to_string() });
        let entry = issue_entry(&principal, &holder, "token.issue", detail, now);
        self.catalog.put_refresh_token(&row, &entry).await?;
        self.note_use(&holder, now).await;
        self.grant(tokens, &principal, &holder, refresh, now)
    }

    /// Spends a refresh token, from an address.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] for one that is unknown, expired or spent, or whose key or user
    /// may not sign in any more. One that was spent before voids all that came out of its sign-in:
    /// somebody else has it. [`IdentityError::Throttled`] after too many wrong ones.
    pub async fn refresh(&self, token: &str, address: IpAddr) -> Result<Grant, IdentityError> {
        let now = self.clock.now();
        self.admit("", address, now)?;
        let tokens = self.tokens.as_ref().ok_or(IdentityError::Refused)?;
        let found = self.catalog.refresh_token(Digest::of(token.as_bytes()), now).await?;
        let Some(spent) = found else {
            self.throttle.failed("", address, now);
            self.write_refusal("", address, &Refusal::of("unknown refresh token"), now).await?;
            return Err(IdentityError::Refused);
        };
        let holder = self.catalog.key_holder(&spent.access_key_id).await?;
        let (holder, principal) = match still_good(holder, &spent) {
            Ok(found) => found,
            Err(refusal) => {
                self.write_refusal(&spent.access_key_id, address, &refusal, now).await?;
                return Err(IdentityError::Refused);
            }
        };
        let (refresh, row) = next_token(tokens, &holder, &spent.family, now)?;
        let detail = json!({ "grant": "refresh_token", "address": address.to_string() });
        let good = issue_entry(&principal, &holder, "token.issue", detail.clone(), now);
        let again = issue_entry(&principal, &holder, "token.reuse", detail, now);
        match self.catalog.spend_refresh_token(&spent, &row, &good, &again).await? {
            Spent::Good => {}
            Spent::Again => {
                tracing::warn!(key = %holder.id, "a spent refresh token came again");
                return Err(IdentityError::Refused);
            }
            Spent::Gone => return Err(IdentityError::Refused),
        }
        self.note_use(&holder, now).await;
        self.grant(tokens, &principal, &holder, refresh, now)
    }

    /// Ends what a refresh token belongs to; one that is not there has nothing to end.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn sign_out(&self, token: &str) -> Result<(), IdentityError> {
        let now = self.clock.now();
        let found = self.catalog.refresh_token(Digest::of(token.as_bytes()), now).await?;
        let Some(row) = found else { return Ok(()) };
        let Some(holder) = self.catalog.key_holder(&row.access_key_id).await? else {
            return Ok(());
        };
        let principal = Principal::holding(&holder)?;
        let entry = issue_entry(&principal, &holder, "token.revoke", json!({}), now);
        Ok(self.catalog.revoke_refresh_tokens(&row, &entry).await?)
    }

    /// Whom the claims of a verified token name, as the catalogue knows them now.
    pub(super) async fn by_claims(&self, claims: &Claims) -> Result<Principal, IdentityError> {
        if let Some(application) = &claims.app {
            return self.by_application(application, claims).await;
        }
        let holder = self.catalog.key_holder(&claims.akid).await?;
        let holder = holder.ok_or(IdentityError::Refused)?;
        let same = holder.generation == claims.akgen
            && holder.tenant == claims.tenant_id
            && holder.name == claims.sub;
        if !same {
            return Err(IdentityError::Refused);
        }
        let principal = Principal::holding(&holder)?;
        self.note_use(&holder, self.clock.now()).await;
        Ok(principal)
    }

    fn admit(&self, key_id: &str, address: IpAddr, now: Timestamp) -> Result<(), IdentityError> {
        let admitted = self.throttle.admit(key_id, address, now);
        admitted.map_err(|retry_after_s| IdentityError::Throttled { retry_after_s })
    }

    fn grant(
        &self,
        tokens: &Tokens,
        principal: &Principal,
        holder: &KeyHolder,
        refresh_token: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<Grant, IdentityError> {
        let pair = tokens.issue(principal, holder, now)?;
        let expires_in = tokens.terms().token_s;
        Ok(Grant { access_token: pair.access, id_token: pair.id, refresh_token, expires_in })
    }

    /// When a key was last used is worth knowing, and not worth refusing a request for.
    async fn note_use(&self, holder: &KeyHolder, now: Timestamp) {
        if let Err(error) = self.catalog.touch_access_key(holder, now).await {
            tracing::warn!(error = ?error, key = %holder.id, "the last use of a key was not written");
        }
    }

    /// A refused sign-in, in the chain of the tenant whose key it was, else of the default one.
    /// What was sent is named only if it is an id by its form: it might be a secret.
    async fn write_refusal(
        &self,
        key_id: &str,
        address: IpAddr,
        refusal: &Refusal,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let tenant = refusal.holder.as_ref().and_then(|h| TenantId::parse(&h.tenant).ok());
        let entry = AuditEntry {
            tenant: &tenant.unwrap_or_else(TenantId::default_tenant),
            actor: refusal.holder.as_ref().map_or("unknown", |holder| holder.name.as_str()),
            action: "token.refuse",
            subject: if is_key_id(key_id) { key_id } else { "" },
            detail: json!({ "reason": refusal.reason, "address": address.to_string() }),
            now,
        };
        Ok(self.catalog.audit(&entry).await?)
    }
}

/// Why a sign-in was refused: for the audit trail, never for the caller.
struct Refusal {
    reason: &'static str,
    holder: Option<Box<KeyHolder>>,
}

impl Refusal {
    fn of(reason: &'static str) -> Self {
        Self { reason, holder: None }
    }
}

/// Holds a secret to the key that it is said to be of. An unknown key is compared as well, so that
/// both take the same time.
fn check(holder: Option<KeyHolder>, secret: &str) -> Result<(KeyHolder, Principal), Refusal> {
    let given = Digest::of(secret.as_bytes());
    let kept = holder.as_ref().and_then(|holder| Digest::parse(&holder.secret_sha256).ok());
    let nobodys = Digest::from_bytes([0; 32]);
    let same = bool::from(given.as_bytes().ct_eq(kept.unwrap_or(nobodys).as_bytes()));
    let Some(holder) = holder else { return Err(Refusal::of("unknown key")) };
    let reason = if !same {
        "wrong secret"
    } else if holder.active == 0 {
        "inactive key"
    } else {
        match Principal::holding(&holder) {
            Ok(principal) => return Ok((holder, principal)),
            Err(_) => "disabled user",
        }
    };
    Err(Refusal { reason, holder: Some(Box::new(holder)) })
}

/// The key and user of a refresh token, if both may still sign in.
fn still_good(
    holder: Option<KeyHolder>,
    token: &RefreshRow,
) -> Result<(KeyHolder, Principal), Refusal> {
    let Some(holder) = holder.filter(|holder| holder.generation == token.generation) else {
        return Err(Refusal::of("the key of the refresh token is gone"));
    };
    match Principal::holding(&holder) {
        Ok(principal) => Ok((holder, principal)),
        Err(_) => {
            Err(Refusal { reason: "inactive key or disabled user", holder: Some(Box::new(holder)) })
        }
    }
}

/// A new refresh token of a family, and its row.
fn next_token(
    tokens: &Tokens,
    holder: &KeyHolder,
    family: &str,
    now: Timestamp,
) -> Result<(Zeroizing<String>, RefreshRow), IdentityError> {
    let token = Zeroizing::new(format!("{REFRESH_PREFIX}{}", *random_text()?));
    let life = i64::try_from(tokens.terms().refresh_s).unwrap_or(i64::MAX);
    let expires = now.checked_add(SignedDuration::from_secs(life)).unwrap_or(Timestamp::MAX);
    let row = RefreshRow {
        token_sha256: Digest::of(token.as_bytes()).to_string(),
        family: family.to_owned(),
        access_key_id: holder.id.clone(),
        generation: holder.generation,
        expires_us: expires.as_microsecond(),
        spent: 0,
    };
    Ok((token, row))
}

fn issue_entry<'e>(
    principal: &'e Principal,
    holder: &'e KeyHolder,
    action: &'e str,
    detail: Value,
    now: Timestamp,
) -> AuditEntry<'e> {
    let tenant = &principal.tenant;
    AuditEntry { tenant, actor: &principal.name, action, subject: &holder.id, detail, now }
}
