//! What each fuzz target does with its bytes: one function per parser of outside bytes, named like
//! the target and its corpus. A body panics when a promise of the parser is broken.

pub mod cut_bodies;
pub mod mask_bodies;
pub mod rendition_bodies;

use std::io::Cursor;
use std::net::Ipv4Addr;
use std::sync::OnceLock;

use jiff::Timestamp;
use reelgate::asset::{RecordingDocument, Rules};
use reelgate::media::{WavLayout, sniff};
use reelgate::play::{LinkKeys, Selected, select};
use reelgate::seal::{EnvelopeHeader, Opener, PrivateKey, Random, RandomError, SystemRandom};

/// Always the same: what replaces a content key that does not open must not differ between two
/// readings of one message.
struct Constant;

impl Random for Constant {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        bytes.fill(7);
        Ok(())
    }
}

/// A WAVE layout that was read lies within the file, whatever the header says.
pub fn riff(data: &[u8]) {
    let _ = sniff(data);
    let total = data.len() as u64;
    let Ok(layout) = WavLayout::read(&mut Cursor::new(data), total) else { return };
    let within = |offset: u64, len: u64| offset.checked_add(len).is_some_and(|end| end <= total);
    assert_eq!(layout.total_len, total);
    assert!(within(layout.data_offset, layout.data_len), "data outside the file: {layout:?}");
    for chunk in &layout.chunks {
        assert!(within(chunk.offset, chunk.len), "chunk outside the file: {chunk:?}");
    }
    assert!(layout.channels > 0 && layout.sample_rate > 0 && layout.block_align > 0);
    if let Some(sample_bytes) = layout.encoding.sample_bytes() {
        assert_eq!(
            u32::from(layout.block_align),
            u32::from(layout.channels) * u32::from(sample_bytes)
        );
    }
    assert_eq!(layout.measured().bytes, total);
}

/// A recording document is read, or every fault in it is named.
pub fn recording_document(data: &[u8]) {
    for rules in [Rules::Ingest, Rules::Insertion] {
        match RecordingDocument::parse(data, rules) {
            Ok(document) => {
                assert!(!document.media.is_empty());
                let again = document.value.to_string();
                assert!(RecordingDocument::parse(again.as_bytes(), rules).is_ok());
            }
            Err(faults) => assert!(!faults.is_empty()),
        }
    }
}

/// A CMS message is read or refused, in one piece and in chunks alike.
pub fn cms_reader(data: &[u8]) {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    let key = KEY.get_or_init(|| {
        PrivateKey::from_pem(include_str!("keys/throwaway.pem")).expect("the test key")
    });
    let _ = EnvelopeHeader::parse(data);
    let open = |step: usize| {
        let mut opener = Opener::new(key, &Constant);
        let mut clear = Vec::new();
        for chunk in data.chunks(step.max(1)) {
            if opener.push(chunk, &mut clear).is_err() {
                return None;
            }
        }
        opener.finish(&mut clear).is_ok().then_some(clear)
    };
    assert_eq!(open(data.len()), open(7));
    if let Ok(opener) = Opener::detached(data, key, &Constant) {
        let _ = opener.finish(&mut Vec::new());
    }
}

/// A URL with a signature nobody made is never accepted.
pub fn signed_url(data: &[u8]) {
    static KEYS: OnceLock<LinkKeys> = OnceLock::new();
    let keys = KEYS.get_or_init(|| {
        let name = format!("reelgate-fuzz-{}.keys", std::process::id());
        let path = std::env::temp_dir().join(name);
        let keys = LinkKeys::load_or_create(&path, &SystemRandom).expect("link keys");
        std::fs::remove_file(&path).expect("the key file");
        keys
    });
    if let Ok(link) = std::str::from_utf8(data) {
        assert!(keys.verify(link, Ipv4Addr::LOCALHOST.into(), Timestamp::UNIX_EPOCH).is_err());
    }
}

/// A `Range` header gives a span within the asset, or none. The first eight bytes are its length.
pub fn range_header(data: &[u8]) {
    let (length, header) = data.split_at(data.len().min(8));
    let mut bytes = [0; 8];
    bytes[..length.len()].copy_from_slice(length);
    for length in [u64::from_be_bytes(bytes), 0, 1, 1000, u64::MAX] {
        for text in [std::str::from_utf8(header), std::str::from_utf8(data)] {
            if let Selected::Part { from, to } = select(text.ok(), length) {
                assert!(from < to && to <= length, "{from}..{to} of {length}");
            }
        }
    }
}
