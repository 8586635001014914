//! What a store does when the network, the server or the settings are at fault, and what its layers
//! add.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use reelgate::asset::Digest;
use reelgate::store::backends::memory::Memory;
use reelgate::store::backends::webdav::{Auth, WebDav, WebDavOptions};
use reelgate::store::layers::{Metrics, Retry, RetryPolicy};
use reelgate::store::{SealedBody, Store, StoreError};
use tokio::sync::mpsc;

use crate::peers::{Apache, Embedded, Fault, FaultProxy};
use crate::store_behaviour::{
    assert_abort_cleans, body, credentials, key, options, part, pattern, put,
    ranges_are_cut_exactly, sealed, webdav,
};

#[tokio::test]
async fn a_byte_changed_on_the_way_is_found() {
    let peer = Embedded::start().await;
    let proxy = FaultProxy::start(peer.address, Fault::CorruptAt(32_768)).await;
    let store = webdav(&proxy.url, Auth::None);
    let (key, bytes) = (key("changed.wav"), pattern(65_536));
    let error = store.stage(&part(&key, "1"), 65_536, body(&bytes)).await.err().unwrap();
    assert!(matches!(error, StoreError::DigestMismatch { .. }), "{error:?}");
    assert_abort_cleans(&store, &part(&key, "1")).await;
}

#[tokio::test]
async fn a_cut_connection_is_a_transient_failure_without_object() {
    let peer = Embedded::start().await;
    let proxy = FaultProxy::start(peer.address, Fault::CutAfter(100_000)).await;
    let store = webdav(&proxy.url, Auth::None);
    let (key, bytes) = (key("cut.wav"), pattern(400_000));
    let error = store.stage(&part(&key, "1"), 400_000, body(&bytes)).await.err().unwrap();
    assert!(error.is_transient(), "{error:?}");
    assert_abort_cleans(&store, &part(&key, "1")).await;
}

#[tokio::test]
async fn a_silent_server_is_given_up_but_a_slow_producer_is_not() {
    let peer = Embedded::start().await;
    let proxy = FaultProxy::start(peer.address, Fault::StallAfter(100_000)).await;
    let limit = Duration::from_millis(150);
    let patient = |url: &str| {
        let options = WebDavOptions { timeout: limit, ..options(url, Auth::None) };
        WebDav::new(options).unwrap()
    };
    let (stalled, bytes) = (key("stalled.wav"), pattern(8_000_000));
    let attempt = part(&stalled, "1");
    let error = patient(&proxy.url).stage(&attempt, 8_000_000, body(&bytes)).await.err().unwrap();
    assert!(matches!(error, StoreError::TimedOut { .. }), "{error:?}");

    let (sender, receiver) = mpsc::channel(1);
    let slow = key("slow.wav");
    let producer = async {
        sender.send(Ok(sealed(b"abc"))).await.unwrap();
        tokio::time::sleep(limit * 4).await;
        sender.send(Ok(sealed(b"def"))).await.unwrap();
        drop(sender);
    };
    let (store, attempt) = (patient(&peer.url), part(&slow, "1"));
    let (staged, ()) = tokio::join!(store.stage(&attempt, 6, SealedBody::new(receiver)), producer);
    assert_eq!(staged.unwrap().content.digest, Digest::of(b"abcdef"));
}

#[tokio::test]
async fn idempotent_requests_are_repeated_and_only_as_often_as_set() {
    let peer = Embedded::start().await;
    let retrying = |url: &str, retries| {
        let pause = Duration::from_millis(1);
        let policy = RetryPolicy { retries, first_pause: pause, longest_pause: pause };
        Retry::new(webdav(url, Auth::None), policy)
    };
    let proxy = FaultProxy::start(peer.address, Fault::Unavailable(3)).await;
    let store: Arc<dyn Store> = Arc::new(retrying(&proxy.url, 3));
    put(&store, &key("patient.wav"), b"abc").await;

    let proxy = FaultProxy::start(peer.address, Fault::Unavailable(3)).await;
    let error = retrying(&proxy.url, 2).head(&key("hasty.wav")).await.err().unwrap();
    assert!(matches!(error, StoreError::Backend { status: 503, .. }), "{error:?}");
}

#[tokio::test]
async fn a_broken_download_never_ends_quietly() {
    let peer = Embedded::start().await;
    let direct = webdav(&peer.url, Auth::None);
    let (key, bytes) = (key("download.wav"), pattern(1_000_000));
    put(&direct, &key, &bytes).await;
    let proxy = FaultProxy::start(peer.address, Fault::CutAnswerAfter(300_000)).await;
    let stream = webdav(&proxy.url, Auth::None).read(&key, None).await.unwrap();
    let items: Vec<_> = stream.collect().await;
    let (last, before) = items.split_last().unwrap();
    assert!(last.is_err() && before.iter().all(Result::is_ok));
    let error = webdav(&proxy.url, Auth::None).digest(&key).await.err().unwrap();
    assert!(error.is_transient(), "{error:?}");
}

#[tokio::test]
async fn ranges_are_cut_from_whole_answers() {
    let peer = Embedded::without_ranges().await;
    ranges_are_cut_exactly(&webdav(&peer.url, Auth::None)).await;
}

#[tokio::test]
async fn unfinished_attempts_are_listed() {
    let peer = Embedded::start().await;
    let memory: Arc<dyn Store> = Arc::new(Memory::default());
    for store in [memory, webdav(&peer.url, Auth::None)] {
        let attempt = part(&key("unfinished.wav"), "a-1");
        store.stage(&attempt, 3, body(b"abc")).await.unwrap();
        let listing = store.list(&attempt.key().folder()).await.unwrap();
        assert_eq!((listing.objects, listing.parts), (vec![], vec![attempt]));
    }
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_outcome() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let store: Arc<dyn Store> = Arc::new(Metrics::new(Arc::new(Memory::default())));
    let key = key("counted.wav");
    put(&store, &key, b"abc").await;
    assert!(store.read(&key, Some(3..4)).await.is_err());
    let text = recorder.handle().render();
    for labels in [
        r#"{operation="upload",outcome="ok"} 1"#,
        r#"{operation="commit",outcome="ok"} 1"#,
        r#"{operation="read",outcome="range"} 1"#,
    ] {
        assert!(text.contains(&format!("reelgate_store_requests_total{labels}")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_never_reach_an_error_text() {
    let peer = Apache::start();
    let secret = "hunter2-hunter2";
    for url in [peer.url.as_str(), "http://127.0.0.1:1/", "http://bob:hunter2-hunter2@127.0.0.1/"] {
        for wrap in [Auth::Basic, Auth::Digest] {
            let outcome = match WebDav::new(options(url, wrap(credentials(peer.user, secret)))) {
                Ok(store) => store.stage(&part(&key("a.wav"), "1"), 3, body(b"abc")).await.err(),
                Err(error) => Some(error),
            };
            let error = anyhow::Error::new(outcome.unwrap());
            let text = format!("{error} {error:#} {error:?} {error:#?}");
            assert!(!text.contains(secret) && !text.contains(peer.password), "{text}");
        }
    }
}
