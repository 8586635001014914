//! What cannot be read back is marked before it leaves.

use reelgate::catalog::{Catalog, DeliveryRetry, DeliveryState, DeliveryTry, NextTry};

use super::{NODE, entry, later, now, spooled, tenant};

const LETTERS: (&str, &str) = (NODE, "mail:%");

pub(super) async fn letters_are_marked_before_they_leave(catalog: &Catalog) {
    let asset = spooled(catalog, "letter", "letter.wav").await;
    catalog.take_job(NODE, later(1)).await.unwrap().unwrap();
    catalog.intend(asset, "{}", "", now()).await.unwrap();
    let row = catalog.asset(asset).await.unwrap().unwrap();
    catalog.finish(&row, &["mail:test"], None, later(5)).await.unwrap();
    let lease = async || catalog.lease_delivery(LETTERS, later(6), later(10)).await.unwrap();
    let letter = lease().await.unwrap();
    catalog.set_delivery_body(&letter.id, "{}").await.unwrap();

    // A start in between: nothing left, so nothing is doubtful, body or not.
    catalog.recover_deliveries(LETTERS, later(6)).await.unwrap();
    let letter = lease().await.unwrap();
    assert_eq!(letter.state, DeliveryState::Pending);
    let begin = async |owner, at| catalog.begin_sending(&letter.id, owner, at).await.unwrap();
    assert!(!begin("another", later(7)).await, "another node marks nothing");
    assert!(!begin(NODE, later(10)).await, "nor does a lease that has ended");
    assert!(begin(NODE, later(7)).await);
    assert!(!begin(NODE, later(7)).await, "it leaves once");

    // A start now: it may have arrived.
    catalog.recover_deliveries(LETTERS, later(6)).await.unwrap();
    let letter = lease().await.unwrap();
    assert_eq!(letter.state, DeliveryState::Doubtful);
    let tried = DeliveryTry { at: later(8), outcome: "doubtful".to_owned(), detail: String::new() };
    catalog.record_try(&letter, &tried, NextTry::None(DeliveryState::Dead)).await.unwrap();
    assert!(lease().await.is_none());

    // Only an operator sends it again.
    let own = tenant();
    let retry = entry(&own, "delivery.retry", "x");
    assert_eq!(catalog.retry_delivery(&letter.id, &retry).await.unwrap(), DeliveryRetry::Due);
    assert_eq!(lease().await.unwrap().state, DeliveryState::Pending);
}
