//! Where clients find what: `openid-configuration`, the keys of tokens, `cxone-configuration`.

use axum::Json;
use axum::extract::State as Shared;
use serde_json::{Value, json};

use super::token::GRANTS;
use crate::http::State;

/// Names that discovery gives, beside the address of the gateway.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Who issues tokens.
    pub issuer: String,
    /// `identity.area`.
    pub area: String,
    /// `identity.domain`.
    pub domain: String,
}

/// OpenID Connect Discovery 1.0 section 3.
pub(super) async fn openid(Shared(state): Shared<State>) -> Json<Value> {
    let base = &state.public_url;
    Json(json!({
        "issuer": state.discovery.issuer,
        "authorization_endpoint": format!("{base}/auth/authorize"),
        "token_endpoint": format!("{base}/auth/token"),
        "end_session_endpoint": format!("{base}/auth/logout"),
        "jwks_uri": format!("{base}/auth/jwks"),
        "grant_types_supported": GRANTS,
        "response_types_supported": ["token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_post", "client_secret_basic", "none"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "jti", "name", "tenantId", "userId", "area",
        ],
        "display_values_supported": ["page"],
        "code_challenge_methods_supported": ["S256"],
    }))
}

/// The keys that tokens are verified with (RFC 7517 section 5).
pub(super) async fn jwks(Shared(state): Shared<State>) -> Json<Value> {
    Json(state.identity.jwks())
}

/// The same answer for every tenant: whether one is known is told to nobody.
pub(super) async fn cxone(Shared(state): Shared<State>) -> Json<Value> {
    let names = &state.discovery;
    Json(json!({
        "api_endpoint": *state.public_url,
        "area": names.area,
        "cluster": names.area,
        "domain": names.domain,
        "acdDomain": names.domain,
        "uhDomain": names.domain,
        "globaldomain_v1": names.domain,
    }))
}
