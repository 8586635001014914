//! Signing in: `POST /authentication/v1/token/access-key` (JSON) and `POST /auth/token` (form).

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use http::{Extensions, HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::parameters::{MAX_BODY_BYTES, Parameters};
use super::problem::Problem;
use crate::http::{State, auth, body, peer};
use crate::identity::{Grant, IdentityError};

/// RFC 8693 section 3.
const ISSUED_TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:access_token";
/// Grants of the form endpoint.
pub(super) const GRANTS: [&str; 3] = ["password", "refresh_token", "client_credentials"];

/// What somebody signs in with.
enum Credential<'c> {
    Key { id: &'c str, secret: &'c str },
    Refresh(&'c str),
}

/// Access key id and secret, or a refresh token, as JSON.
pub(super) async fn access_key(
    Shared(state): Shared<State>,
    uri: Uri,
    extensions: Extensions,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let read = body::read_small(body, MAX_BODY_BYTES).await.map(Zeroizing::new);
    let read = read.map_err(|error| Problem::from(error).oauth())?;
    let parameters = Parameters::json(&read).map_err(Problem::oauth)?;
    let credential = of_json(&parameters).map_err(Problem::oauth)?;
    sign_in(&state, &uri, (&extensions, &headers), credential).await
}

/// `client_id` and `client_secret` are sent by some clients, and mean nothing here.
fn of_json(parameters: &Parameters) -> Result<Credential<'_>, Problem> {
    match parameters.text("grant_type")? {
        Some("refresh_token") => Ok(Credential::Refresh(parameters.required("refresh_token")?)),
        None | Some("password" | "client_credentials") => Ok(Credential::Key {
            id: parameters.required("accessKeyId")?,
            secret: parameters.required("accessKeySecret")?,
        }),
        Some(_) => Err(unsupported()),
    }
}

/// The same as an OAuth 2.0 token endpoint.
pub(super) async fn form(
    Shared(state): Shared<State>,
    uri: Uri,
    extensions: Extensions,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let read = body::read_small(body, MAX_BODY_BYTES).await.map(Zeroizing::new);
    let read = read.map_err(|error| Problem::from(error).oauth())?;
    let parameters = Parameters::form(&read).map_err(Problem::oauth)?;
    let basic = auth::basic(&headers);
    let client = basic.as_ref().map(|(id, secret)| (id.as_str(), secret.as_str()));
    let credential = of_form(&parameters, client).map_err(Problem::oauth)?;
    sign_in(&state, &uri, (&extensions, &headers), credential).await
}

/// `client` is what stood in HTTP Basic. A client's own id and secret mean nothing beside a user
/// name; without one they are the access key.
fn of_form<'c>(
    parameters: &'c Parameters,
    client: Option<(&'c str, &'c str)>,
) -> Result<Credential<'c>, Problem> {
    match parameters.required("grant_type")? {
        "refresh_token" => Ok(Credential::Refresh(parameters.required("refresh_token")?)),
        "password" => match (parameters.text("username")?, client) {
            (Some(id), _) => Ok(Credential::Key { id, secret: parameters.required("password")? }),
            (None, None) if parameters.text("client_id")?.is_none() => {
                Err(Problem::parameter("username", "is missing"))
            }
            (None, _) => of_client(parameters, client),
        },
        "client_credentials" => of_client(parameters, client),
        _ => Err(unsupported()),
    }
}

fn of_client<'c>(
    parameters: &'c Parameters,
    client: Option<(&'c str, &'c str)>,
) -> Result<Credential<'c>, Problem> {
    if let (None, Some((id, secret))) = (parameters.text("client_id")?, client) {
        return Ok(Credential::Key { id, secret });
    }
    let id = parameters.required("client_id")?;
    Ok(Credential::Key { id, secret: parameters.required("client_secret")? })
}

fn unsupported() -> Problem {
    let message = format!("grant_type must be one of {}", GRANTS.join(", "));
    Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_GRANT_TYPE", message)
}

async fn sign_in(
    state: &State,
    uri: &Uri,
    (extensions, headers): (&Extensions, &HeaderMap),
    credential: Credential<'_>,
) -> Result<Json<Value>, Problem> {
    let address = peer::address(extensions, headers, state.behind_proxy);
    let grant = match credential {
        Credential::Key { id, secret } => state.identity.sign_in(id, secret, address).await,
        Credential::Refresh(token) => state.identity.refresh(token, address).await,
    };
    let grant = grant.map_err(|error| {
        let throttled = matches!(error, IdentityError::Throttled { .. });
        let problem = Problem::from(error).oauth();
        if throttled { problem.with("route", uri.path()) } else { problem }
    })?;
    Ok(Json(answer(state, &grant)))
}

fn answer(state: &State, grant: &Grant) -> Value {
    json!({
        "access_token": grant.access_token,
        "token_type": "Bearer",
        "refresh_token": *grant.refresh_token,
        "expires_in": grant.expires_in,
        "id_token": grant.id_token,
        "issued_token_type": ISSUED_TOKEN_TYPE,
        "resource_server_base_uri": *state.public_url,
    })
}

/// Discovery must name this path; who comes here is told where to sign in.
pub(super) async fn authorize() -> Problem {
    let message = "sign in with an access key at the token endpoint; there is no sign-in page";
    Problem::new(StatusCode::BAD_REQUEST, "UNSUPPORTED_RESPONSE_TYPE", message).oauth()
}

/// Voids a refresh token, given in the query or a form, and what came out of its sign-in.
pub(super) async fn logout(
    Shared(state): Shared<State>,
    uri: Uri,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let read = body::read_small(body, MAX_BODY_BYTES).await.map(Zeroizing::new)?;
    let mut parameters = Parameters::form(&read)?;
    if read.is_empty() {
        parameters = Parameters::form(uri.query().unwrap_or_default().as_bytes())?;
    }
    state.identity.sign_out(parameters.required("refresh_token")?).await?;
    Ok(Json(json!({})))
}
