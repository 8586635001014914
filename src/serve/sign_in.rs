//! Who may sign in: the identity with its token key, and the principals of the first start.

use std::sync::Arc;

use anyhow::Context as _;
use url::Url;
use zeroize::Zeroizing;

use super::data::{DataDir, OPERATOR_TOKEN, OPS_CREDENTIALS};
use crate::asset::{Clock, TenantId};
use crate::catalog::Catalog;
use crate::config::Config;
use crate::http::Discovery;
use crate::identity::{
    Identity, NewPrincipal, PbxProfile, Permission, Permissions, TokenTerms, Tokens,
};

/// The identity of this gateway, with the key of its tokens, and the names that discovery gives.
pub(super) fn open_identity(
    config: &Config,
    data: &DataDir,
    (catalog, clock): (Catalog, Arc<dyn Clock>),
    public_url: &str,
) -> anyhow::Result<(Identity, Discovery)> {
    let settings = &config.identity;
    let url = Url::parse(public_url).context("server.public_url")?;
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let names = Discovery {
        issuer: settings.issuer.clone().unwrap_or_else(|| public_url.to_owned()),
        area: settings.area.clone(),
        domain: settings.domain.clone().unwrap_or(host),
    };
    let terms = TokenTerms {
        issuer: names.issuer.clone(),
        audience: public_url.to_owned(),
        area: names.area.clone(),
        token_s: settings.token_s,
        refresh_s: settings.refresh_s,
    };
    let tokens = Tokens::new(data.token_key()?, terms);
    let tokens = tokens.context("identity.issuer or server.public_url cannot be used")?;
    Ok((Identity::new(catalog, clock).with_tokens(tokens, settings)?, names))
}

/// Makes the operator and the ops user of this node, once.
pub(super) async fn first_start(
    identity: &Identity,
    catalog: &Catalog,
    data: &DataDir,
    node: &str,
) -> anyhow::Result<()> {
    let tenant = TenantId::default_tenant();
    let short: String = node.chars().take(6).collect();
    let operator = format!("operator-{short}");
    if catalog.principal_by_name(&operator).await?.is_none() {
        let token = identity
            .create_with_token(&NewPrincipal {
                tenant: &tenant,
                name: &operator,
                kind: "operator",
                permissions: Permissions::all(),
                profile: PbxProfile::default(),
                oauth: None,
                actor: "system",
            })
            .await?;
        data.write_secret(OPERATOR_TOKEN, &token)?;
    }
    let ops = format!("ops-{short}");
    let known = catalog.principal_by_name(&ops).await?.is_some();
    if !known || !data.file(OPS_CREDENTIALS).exists() {
        let password = identity
            .create_with_password(
                &NewPrincipal {
                    tenant: &tenant,
                    name: &ops,
                    kind: "application",
                    permissions: Permissions::of(&[
                        Permission::RecordsInsert,
                        Permission::StoreRead,
                    ]),
                    profile: PbxProfile::default(),
                    oauth: None,
                    actor: "system",
                },
                None,
            )
            .await?;
        let line = Zeroizing::new(format!("{ops}:{}", *password));
        data.write_secret(OPS_CREDENTIALS, &line)?;
    }
    Ok(())
}
