//! The letter about an archive: its link is in the letter, and nowhere else.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use reelgate::asset::{AssetId, SystemClock};
use reelgate::catalog::{Catalog, DeliveryState, DeliveryTry};
use reelgate::deliver::{ArchiveUrl, Courier, MailReceiver, Patience, Receiver};
use reelgate::mail::{MailSettings, Relay, RelayTls};
use serde_json::json;
use sqlx::Connection as _;
use tokio::sync::{Notify, watch};

use super::{TO, part};
use crate::gateway::{block_on, spawn, wait};
use crate::peers::smtp::{Orders, SmtpRelay};

const LINK: &str = "https://r.example/archive/0123456789abcdef?a=1&b=2";
const OWED: &str = "00000000-0000-4000-8000-000000000001";
const LATE: &str = "00000000-0000-4000-8000-000000000002";

/// Owes a letter about an archive whose link ends then.
async fn owe(file: &Path, id: &str, asset: AssetId, expires: &str) {
    let body = json!({ "to": TO, "language": "en", "content": { "kind": "archiveReady",
        "asset": asset, "records": 3, "bytes": 1_500_000, "from": "2026-10-01T00:00:00Z",
        "to": "2026-10-31T23:59:59Z", "expires": expires } });
    let sql = "INSERT INTO deliveries (id, tenant, recording_id, target, state, body, run_at_us, \
               created_us) VALUES ($1, 'default', $1, 'mail:archive', 'pending', $2, 0, 0)";
    let url = Catalog::sqlite_url(file);
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query(sql).bind(id).bind(body.to_string()).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Gives the link at the second time of asking; who was asked for is in the list.
fn archive_url(asked: &Arc<Mutex<Vec<AssetId>>>) -> ArchiveUrl {
    let (asked, times) = (Arc::clone(asked), AtomicU32::new(0));
    Arc::new(move |asset| {
        asked.lock().unwrap().push(asset);
        let first = times.fetch_add(1, Ordering::SeqCst) == 0;
        Box::pin(async move { if first { Err("not now".to_owned()) } else { Ok(LINK.to_owned()) } })
    })
}

fn courier(catalog: &Catalog, relay: &SmtpRelay, archive_url: ArchiveUrl) -> Courier {
    let settings = MailSettings {
        relay: Some("127.0.0.1".to_owned()),
        port: Some(relay.port),
        tls: RelayTls::None,
        from: Some("reelgate@example.com".to_owned()),
        ..MailSettings::default()
    };
    let receiver = MailReceiver {
        catalog: catalog.clone(),
        relay: Relay::new(&settings, None, None).unwrap(),
        archive_url,
        node: "node-a".to_owned(),
        clock: Arc::new(SystemClock),
    };
    Courier {
        catalog: catalog.clone(),
        receiver: Receiver::Mail(Box::new(receiver)),
        patience: Patience {
            timeout_s: 30,
            retry_first_ms: 1,
            retry_longest_s: 1,
            max_attempts: 9,
        },
        clock: Arc::new(SystemClock),
        node: "node-a".to_owned(),
        bell: Arc::new(Notify::new()),
    }
}

/// Waits until the delivery is in this state; its body, and outcome and detail of each try.
fn settled(catalog: &Catalog, id: &str, state: DeliveryState) -> (String, Vec<DeliveryTry>) {
    let tenant = reelgate::asset::TenantId::default_tenant();
    let about = reelgate::asset::RecordingId::parse(id).unwrap();
    wait("the letter", || {
        let (row, tries) =
            block_on(catalog.deliveries_of(&tenant, &about)).unwrap().into_iter().next()?;
        (row.state == state).then(|| (row.body.unwrap_or_default(), tries))
    })
}

#[test]
fn the_link_is_asked_for_when_the_letter_leaves_and_is_in_no_row() {
    let relay = SmtpRelay::start(&Orders::default());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.sqlite");
    let catalog = block_on(Catalog::open(&Catalog::sqlite_url(&file))).unwrap();
    let (asset, late) = (AssetId::generate(), AssetId::generate());
    block_on(owe(&file, OWED, asset, "2126-11-02T09:30:00Z"));
    block_on(owe(&file, LATE, late, "2001-11-02T09:30:00Z"));
    let asked = Arc::default();
    let (stop, stopped) = watch::channel(false);
    let work = spawn(courier(&catalog, &relay, archive_url(&asked)).run(stopped));

    let (body, tries) = settled(&catalog, OWED, DeliveryState::Delivered);
    let outcomes: Vec<_> = tries.iter().map(|tried| tried.outcome.as_str()).collect();
    assert_eq!(outcomes, ["retry", "delivered"]);
    assert!(tries.iter().all(|tried| !tried.detail.contains("r.example")), "{tries:?}");
    assert_eq!(body, "", "what a letter said is kept");
    let came = relay.wait_for(1);
    let (plain, html) = (part(&came[0], 0, "text/plain"), part(&came[0], 1, "text/html"));
    for line in [LINK, "Recordings: 3", "Size: 1.5 MB", "Link valid until: 2126-11-02 09:30:00 UTC"]
    {
        assert!(plain.lines().any(|found| found == line), "{line} is not in\n{plain}");
    }
    assert!(html.contains(&format!("href=\"{}\"", LINK.replace('&', "&amp;"))), "{html}");

    // Nobody is sent a link that has ended.
    let (_, tries) = settled(&catalog, LATE, DeliveryState::Dead);
    assert_eq!(tries[0].outcome, "refused");
    assert_eq!(*asked.lock().unwrap(), [asset, asset]);
    assert_eq!(relay.begun().len(), 1);
    stop.send_replace(true);
    block_on(work).unwrap();
    block_on(catalog.close());
}
