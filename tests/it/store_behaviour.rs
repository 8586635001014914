//! What every store promises, as one list of behaviours run against each backend.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use jiff::civil::Date;
use reelgate::asset::{AssetId, Digest, TenantId};
use reelgate::seal::{SealedChunk, Sealer};
use reelgate::store::backends::memory::Memory;
use reelgate::store::backends::webdav::{Auth, Credentials, WebDav, WebDavOptions};
use reelgate::store::{
    Content, Folder, IfExists, ObjectKey, Part, SealedBody, Staged, Store, StoreError,
    StoreSettings, Verify,
};
use tokio::sync::mpsc;

use crate::peers::{Apache, Embedded, Nginx};

const AWKWARD_NAMES: [&str; 9] = [
    "two words.wav",
    "a+b=c&d.wav",
    "x#1.bin",
    "x?1.bin",
    "%41%2F.bin",
    "Grüße-通話-🎧.mp3",
    "it's <\"quoted\">;,@:!$.wav",
    "trailing.part",
    "-~_(1)[2]{3}|^`.ogg",
];

macro_rules! behaviours {
    ($($name:ident,)*) => {
        /// Runs the whole list against one store.
        async fn keeps_the_contract(store: &Arc<dyn Store>) {
            $(
                println!("{}", stringify!($name));
                $name(store).await;
            )*
        }
    };
}

behaviours! {
    what_was_committed_is_read_back,
    nothing_is_visible_before_the_commit,
    empty_objects_are_objects,
    ranges_are_cut_exactly,
    awkward_names_stay_themselves,
    a_commit_does_not_overwrite,
    a_small_object_is_replaced_only_on_demand,
    an_aborted_attempt_leaves_nothing,
    a_wrong_length_leaves_no_object,
    a_failing_producer_leaves_no_object,
    a_failure_after_the_last_byte_leaves_no_object,
    concurrent_first_writers_share_new_folders,
    what_is_not_there_is_none,
    listing_walks_level_by_level,
    deleting_is_idempotent,
}

/// The only place that makes sealed bytes.
pub(crate) fn sealed(bytes: &[u8]) -> SealedChunk {
    let mut sealer = Sealer::leave_clear(bytes.len() as u64);
    sealer.push(bytes).unwrap()
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn body_of(chunks: Vec<io::Result<&[u8]>>) -> SealedBody {
    let (sender, receiver) = mpsc::channel(chunks.len().max(1));
    for chunk in chunks {
        assert!(sender.try_send(chunk.map(sealed)).is_ok());
    }
    SealedBody::new(receiver)
}

pub(crate) fn body(bytes: &[u8]) -> SealedBody {
    body_of(bytes.chunks(10_000).map(Ok).collect())
}

pub(crate) fn key(file_name: &str) -> ObjectKey {
    let tenant = TenantId::default_tenant();
    let date = Date::constant(2026, 11, 21);
    ObjectKey::asset(&tenant, date, AssetId::generate(), file_name).unwrap()
}

pub(crate) fn part(key: &ObjectKey, attempt: &str) -> Part {
    Part::new(key.clone(), attempt).unwrap()
}

pub(crate) async fn put(store: &Arc<dyn Store>, key: &ObjectKey, bytes: &[u8]) -> Staged {
    let staged = store.stage(&part(key, "1"), bytes.len() as u64, body(bytes)).await.unwrap();
    store.commit(&staged, IfExists::Refuse).await.unwrap();
    staged
}

pub(crate) async fn bytes_of(store: &Arc<dyn Store>, key: &ObjectKey) -> Vec<u8> {
    let stream = store.read(key, None).await.unwrap();
    stream.map_ok(|chunk| chunk.to_vec()).try_concat().await.unwrap()
}

/// Aborts a broken attempt until nothing of it is listed: a server may write what it had received
/// after the first abort. The final name must be free all along.
pub(crate) async fn assert_abort_cleans(store: &Arc<dyn Store>, attempt: &Part) {
    let key = attempt.key();
    for _ in 0..500 {
        store.abort(attempt).await.unwrap();
        assert_eq!(store.head(key).await.unwrap(), None);
        let listing = store.list(&key.folder()).await.unwrap();
        assert_eq!(listing.objects, []);
        if listing.parts.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{attempt} is not removed");
}

/// Stages and commits as the pipeline does: a new attempt after each transient failure, and a look
/// at the store after an ambiguous commit.
async fn put_in_the_end(store: &Arc<dyn Store>, key: &ObjectKey, bytes: &[u8]) {
    for attempt in 0..50 {
        let attempt = part(key, &attempt.to_string());
        let outcome = match store.stage(&attempt, bytes.len() as u64, body(bytes)).await {
            Ok(staged) => store.commit(&staged, IfExists::Refuse).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => return,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        if store.head(key).await.is_ok_and(|found| found.is_some()) {
            return;
        }
    }
    panic!("{key} is never stored");
}

async fn assert_nothing_left(store: &Arc<dyn Store>, key: &ObjectKey) {
    let listing = store.list(&key.folder()).await.unwrap();
    assert!(listing.objects.is_empty() && listing.parts.is_empty(), "{listing:?}");
    assert_eq!(store.head(key).await.unwrap(), None);
}

async fn what_was_committed_is_read_back(store: &Arc<dyn Store>) {
    let (key, bytes) = (key("call.wav"), pattern(300_000));
    let staged = put(store, &key, &bytes).await;
    let content = Content { len: 300_000, digest: Digest::of(&bytes) };
    assert_eq!(staged.content, content);
    assert_eq!(bytes_of(store, &key).await, bytes);
    assert_eq!(store.digest(&key).await.unwrap(), content);
    assert_eq!(store.head(&key).await.unwrap().unwrap().len, 300_000);
    let listing = store.list(&key.folder()).await.unwrap();
    assert_eq!((listing.objects.len(), listing.parts.len()), (1, 0));
}

async fn nothing_is_visible_before_the_commit(store: &Arc<dyn Store>) {
    let key = key("early.wav");
    store.stage(&part(&key, "a-1"), 3, body(b"abc")).await.unwrap();
    assert_eq!(store.head(&key).await.unwrap(), None);
    assert_eq!(store.list(&key.folder()).await.unwrap().objects, []);
    store.abort(&part(&key, "a-1")).await.unwrap();
}

async fn empty_objects_are_objects(store: &Arc<dyn Store>) {
    let key = key("empty.bin");
    put(store, &key, b"").await;
    assert_eq!(store.head(&key).await.unwrap().unwrap().len, 0);
    assert_eq!(bytes_of(store, &key).await, b"");
}

pub(crate) async fn ranges_are_cut_exactly(store: &Arc<dyn Store>) {
    let (key, bytes) = (key("range.wav"), pattern(50_000));
    put(store, &key, &bytes).await;
    for range in [0..1, 0..50_000, 100..20_100, 49_999..50_000, 40_000..90_000, 5..5] {
        let stream = store.read(&key, Some(range.clone())).await.unwrap();
        let found: Vec<u8> = stream.map_ok(|chunk| chunk.to_vec()).try_concat().await.unwrap();
        let end = usize::try_from(range.end).unwrap().min(bytes.len());
        assert_eq!(found, bytes[usize::try_from(range.start).unwrap()..end], "{range:?}");
    }
    let error = store.read(&key, Some(50_000..50_001)).await.err().unwrap();
    assert!(matches!(error, StoreError::Range { from: 50_000, .. }), "{error:?}");
}

async fn awkward_names_stay_themselves(store: &Arc<dyn Store>) {
    let folder = key("x").folder();
    for name in AWKWARD_NAMES {
        put(store, &folder.object(name).unwrap(), name.as_bytes()).await;
    }
    let mut expected: Vec<_> = AWKWARD_NAMES.map(|name| folder.object(name).unwrap()).into();
    expected.sort();
    let listing = store.list(&folder).await.unwrap();
    let found: Vec<_> = listing.objects.into_iter().map(|(key, _)| key).collect();
    assert_eq!(found, expected);
    for key in expected {
        assert_eq!(bytes_of(store, &key).await, key.file_name().as_bytes());
        assert!(store.url(&key).is_ascii(), "{}", store.url(&key));
    }
}

async fn a_commit_does_not_overwrite(store: &Arc<dyn Store>) {
    let key = key("once.wav");
    put(store, &key, b"first").await;
    let staged = store.stage(&part(&key, "2"), 6, body(b"second")).await.unwrap();
    let error = store.commit(&staged, IfExists::Refuse).await.err().unwrap();
    assert!(matches!(error, StoreError::AlreadyExists { .. }), "{error:?}");
    store.abort(&staged.part).await.unwrap();
    assert_eq!(bytes_of(store, &key).await, b"first");
    assert_eq!(store.list(&key.folder()).await.unwrap().parts, []);
}

async fn a_small_object_is_replaced_only_on_demand(store: &Arc<dyn Store>) {
    let manifest = key("call.wav").manifest();
    let attempt = part(&manifest, "m");
    store.put_small(&attempt, &sealed(b"{}"), IfExists::Refuse).await.unwrap();
    store.put_small(&attempt, &sealed(b"{\"v\":2}"), IfExists::Replace).await.unwrap();
    let refused = store.put_small(&attempt, &sealed(b"{\"v\":3}"), IfExists::Refuse).await;
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    assert_eq!(bytes_of(store, &manifest).await, b"{\"v\":2}");
    assert_eq!(store.list(&manifest.folder()).await.unwrap().parts, []);
}

async fn an_aborted_attempt_leaves_nothing(store: &Arc<dyn Store>) {
    let key = key("aborted.wav");
    let staged = store.stage(&part(&key, "1"), 3, body(b"abc")).await.unwrap();
    store.abort(&staged.part).await.unwrap();
    store.abort(&staged.part).await.unwrap();
    assert_nothing_left(store, &key).await;
    let error = store.commit(&staged, IfExists::Refuse).await.err().unwrap();
    assert!(!error.is_transient(), "{error:?}");
}

async fn a_wrong_length_leaves_no_object(store: &Arc<dyn Store>) {
    let bytes = pattern(40_000);
    for declared in [0, 39_999, 40_001, 400_000] {
        let key = key("length.wav");
        let error = store.stage(&part(&key, "1"), declared, body(&bytes)).await.err().unwrap();
        assert!(matches!(error, StoreError::LengthMismatch { .. }), "{declared}: {error:?}");
        assert_abort_cleans(store, &part(&key, "1")).await;
    }
}

async fn a_failing_producer_leaves_no_object(store: &Arc<dyn Store>) {
    let key = key("broken.wav");
    let chunks = vec![Ok(&b"abc"[..]), Err(io::Error::other("disk on fire"))];
    let error = store.stage(&part(&key, "1"), 6, body_of(chunks)).await.err().unwrap();
    assert!(matches!(error, StoreError::Body { .. }), "{error:?}");
    assert_abort_cleans(store, &part(&key, "1")).await;
}

async fn a_failure_after_the_last_byte_leaves_no_object(store: &Arc<dyn Store>) {
    let key = key("late.wav");
    let chunks = vec![Ok(&b"abcdef"[..]), Err(io::Error::other("the digest differs"))];
    let error = store.stage(&part(&key, "1"), 6, body_of(chunks)).await.err().unwrap();
    assert!(matches!(error, StoreError::Body { .. }), "{error:?}");
    assert_abort_cleans(store, &part(&key, "1")).await;
}

async fn concurrent_first_writers_share_new_folders(store: &Arc<dyn Store>) {
    for round in 0..5 {
        let fresh = format!("fresh-{}-{round}/a/b", AssetId::generate());
        let folder = Folder::parse(&fresh).unwrap();
        let writers = (0..16).map(|number| {
            let (store, key) = (Arc::clone(store), folder.object(&format!("{number}")).unwrap());
            tokio::spawn(async move { put(&store, &key, key.as_str().as_bytes()).await })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.unwrap();
        }
        assert_eq!(store.list(&folder).await.unwrap().objects.len(), 16);
    }
}

async fn what_is_not_there_is_none(store: &Arc<dyn Store>) {
    let key = key("absent.wav");
    assert_eq!(store.head(&key).await.unwrap(), None);
    assert_nothing_left(store, &key).await;
    for error in [store.read(&key, None).await.err(), store.digest(&key).await.err()] {
        assert!(matches!(error, Some(StoreError::NotFound { .. })), "{error:?}");
    }
}

async fn listing_walks_level_by_level(store: &Arc<dyn Store>) {
    let key = key("listed.wav");
    put(store, &key, b"abc").await;
    let mut folder = Folder::root();
    for name in key.folder().as_str().split('/') {
        let child = folder.child(name).unwrap();
        let listing = store.list(&folder).await.unwrap();
        assert!(listing.folders.contains(&child), "{child} in {listing:?}");
        folder = child;
    }
    let listing = store.list(&folder).await.unwrap();
    assert_eq!(listing.objects.first().map(|(key, meta)| (key, meta.len)), Some((&key, 3)));
}

async fn deleting_is_idempotent(store: &Arc<dyn Store>) {
    let key = key("deleted.wav");
    put(store, &key, b"abc").await;
    store.delete(&key).await.unwrap();
    store.delete(&key).await.unwrap();
    assert_nothing_left(store, &key).await;
}

pub(crate) fn options(url: &str, auth: Auth) -> WebDavOptions {
    WebDavOptions {
        base: url.parse().unwrap(),
        prefix: Folder::parse("gate way/recordings").unwrap(),
        auth,
        timeout: Duration::from_secs(20),
        verify: Verify::Full,
    }
}

pub(crate) fn webdav(url: &str, auth: Auth) -> Arc<dyn Store> {
    Arc::new(WebDav::new(options(url, auth)).unwrap())
}

pub(crate) fn credentials(user: &str, password: &str) -> Credentials {
    Credentials::new(user.to_owned(), password.to_owned().into())
}

/// Whether the keys are where they should be on the disk of the server.
fn in_place(root: &Path) -> bool {
    root.join("gate way/recordings/default/2026/11/21").is_dir()
}

/// Looks at the disk of a server that stores no incomplete body: the keys are where they should be, and no attempt is left,
/// hidden ones included.
fn assert_tidy(root: &Path) {
    assert!(in_place(root));
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
            assert!(Folder::root().part(&entry.file_name().to_string_lossy()).is_none());
        }
    }
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    let store: Arc<dyn Store> = Arc::new(Memory::default());
    keeps_the_contract(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_endpoint_keeps_the_contract() {
    let peer = Embedded::start().await;
    keeps_the_contract(&webdav(&peer.url, Auth::None)).await;
    assert!(in_place(&peer.root));
}

#[tokio::test(flavor = "multi_thread")]
async fn apache_keeps_the_contract() {
    let peer = Apache::start();
    let auth = Auth::Basic(credentials(peer.user, peer.password));
    keeps_the_contract(&webdav(&peer.url, auth)).await;
    assert_tidy(&peer.root);
}

#[tokio::test(flavor = "multi_thread")]
async fn apache_with_digest_keeps_the_contract_over_a_restart() {
    let mut peer = Apache::start();
    let auth = Auth::Digest(credentials(peer.user, peer.password));
    let store = webdav(&format!("{}digest", peer.url), auth);
    keeps_the_contract(&store).await;
    peer.restart();
    let key = key("after.wav");
    put_in_the_end(&store, &key, b"abc").await;
    assert_eq!(bytes_of(&store, &key).await, b"abc");
    assert!(in_place(&peer.root.join("digest")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_the_contract() {
    let peer = Nginx::start();
    let auth = Auth::Basic(credentials(peer.user, peer.password));
    keeps_the_contract(&webdav(&peer.url, auth)).await;
    assert_tidy(&peer.root);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_opened_store_keeps_the_contract() {
    let peer = Embedded::start().await;
    let settings = StoreSettings { verify: Verify::Length, ..StoreSettings::default() };
    let base = peer.url.parse().unwrap();
    keeps_the_contract(&reelgate::store::open(&settings, base, Auth::None).unwrap()).await;
}
