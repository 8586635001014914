//! Properties of whole envelopes: what we write, we open; what was changed, we refuse.

use std::sync::OnceLock;

use jiff::Timestamp;
use proptest::prelude::*;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256,
    RsaKeySize, SerialNumber, date_time_ymd,
};

use super::{cipher::ContentKey, *};

struct Party {
    recipient: Recipient,
    key: PrivateKey,
}

/// 2021-01-01: a moment at which the fixtures are valid.
fn now() -> Timestamp {
    Timestamp::from_second(1_609_459_200).unwrap()
}

fn parties() -> &'static [Party; 2] {
    static PARTIES: OnceLock<[Party; 2]> = OnceLock::new();
    PARTIES.get_or_init(|| {
        ["one", "two"].map(|name| {
            let keys = generate_recipient(name, now()).unwrap();
            let recipient = Recipient::from_pem(&keys.certificate_pem, now()).unwrap().0;
            let key = PrivateKey::from_pem(&keys.private_key_pem).unwrap();
            Party { recipient, key }
        })
    })
}

fn genesys_pem() -> String {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from(10_u64));
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2022, 1, 1);
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in [
        (DnType::CountryName, "US"),
        (DnType::StateOrProvinceName, "CA"),
        (DnType::LocalityName, "Daly City"),
        (DnType::OrganizationName, "Genesys"),
        (DnType::CommonName, "gir_qa"),
    ] {
        params.distinguished_name.push(kind, value);
    }
    params.self_signed(&key).unwrap().pem()
}

fn run(mut sealer: Sealer, plain: &[u8], piece: usize) -> (Vec<u8>, SealSummary) {
    let declared = sealer.sealed_len();
    let mut stored = Vec::new();
    for piece in plain.chunks(piece) {
        stored.extend_from_slice(sealer.push(piece).unwrap().as_bytes());
    }
    let (tail, summary) = sealer.finish().unwrap();
    stored.extend(tail.into_bytes());
    assert_eq!((stored.len() as u64, summary.stored_len), (declared, declared));
    (stored, summary)
}

fn cms(cipher: Cipher, transport: KeyTransport, plain: &[u8]) -> (Vec<u8>, SealSummary) {
    let recipients = parties().each_ref().map(|party| &party.recipient);
    let len = plain.len() as u64;
    let sealer = Sealer::cms(&recipients, cipher, transport, len, &SystemRandom).unwrap();
    run(sealer, plain, 1000)
}

fn open(stored: &[u8], key: &PrivateKey, piece: usize) -> Result<Vec<u8>, SealError> {
    let mut opener = Opener::new(key, &SystemRandom);
    let mut out = Vec::new();
    for piece in stored.chunks(piece) {
        opener.push(piece, &mut out)?;
    }
    opener.finish(&mut out)?;
    Ok(out)
}

const CIPHERS: [Cipher; 4] =
    [Cipher::Aes256Gcm, Cipher::Aes128Gcm, Cipher::Aes256Cbc, Cipher::Aes128Cbc];

#[test]
fn the_alias_is_the_one_genesys_uses() {
    let (recipient, warnings) = Recipient::from_pem(&genesys_pem(), now()).unwrap();
    assert_eq!(
        recipient.alias(&SealSettings::default().alias_template, "Environment", "1"),
        "rcs_Environment:1:C=US,ST=CA,L=Daly City,O=Genesys,CN=gir_qa:10"
    );
    assert_eq!(recipient.alias("{x}{{tenant}{", "{tenant_dbid}", "1"), "{x}{{tenant_dbid}{");
    assert!(warnings.is_empty());
}

#[test]
fn certificates_warn_and_are_refused_as_documented() {
    let pem = genesys_pem();
    let at = |second| Timestamp::from_second(second).unwrap();
    let warnings = |text: &str, now| Recipient::from_pem(text, now).unwrap().1;
    assert_eq!(warnings(&pem, at(0)), ["the certificate is not valid before 2020-01-01T00:00:00Z"]);
    assert_eq!(
        warnings(&pem, at(2_000_000_000)),
        ["the certificate expired at 2022-01-01T00:00:00Z"]
    );
    assert_eq!(
        warnings(&pem.repeat(2), now()),
        ["2 certificates in one file; only the first is used"]
    );

    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let pem = CertificateParams::default().self_signed(&elliptic).unwrap().pem();
    assert!(matches!(Recipient::from_pem(&pem, now()), Err(SealError::NotRsa)));
    assert!(matches!(Recipient::from_pem("", now()), Err(SealError::Pem { .. })));
}

#[test]
fn every_recipient_opens_every_cipher() {
    for cipher in CIPHERS {
        for transport in [KeyTransport::RsaOaepSha256, KeyTransport::RsaPkcs1] {
            for len in [0, 1, 15, 16, 17, 5000] {
                let plain = vec![0x61; len];
                let (stored, _) = cms(cipher, transport, &plain);
                for party in parties() {
                    assert_eq!(open(&stored, &party.key, 700).unwrap(), plain);
                }
            }
        }
    }
}

#[test]
fn a_stranger_opens_nothing() {
    let [one, two] = parties();
    let seal = |transport| {
        let own = &[&one.recipient];
        run(Sealer::cms(own, Cipher::Aes256Gcm, transport, 3, &SystemRandom).unwrap(), b"abc", 9).0
    };
    let stored = seal(KeyTransport::RsaOaepSha256);
    assert!(matches!(open(&stored, &two.key, 9000), Err(SealError::NoRecipient)));
    // No padding oracle: the failure shows only at the tag.
    let stored = seal(KeyTransport::RsaPkcs1);
    assert!(matches!(open(&stored, &two.key, 9000), Err(SealError::NotAuthentic)));
    assert!(open(&stored, &one.key, 1).is_ok());
}

#[test]
fn gir_pairs_open_with_their_own_envelopes() {
    let [one, two] = parties();
    let own = &[&one.recipient];
    let plain = [7; 33];
    let playback = Some(&two.recipient);
    let sealer = Sealer::gir(own, playback, Cipher::Aes256Cbc, 33, &SystemRandom).unwrap();
    let (stored, summary) = run(sealer, &plain, 10);
    assert_eq!((stored.len(), summary.payload_offset), (48, 0));
    let pkcs7 = summary.pkcs7.unwrap();
    assert!(pkcs7.starts_with("-----BEGIN PKCS7-----\n"));
    assert!(pkcs7.ends_with("\n-----END PKCS7-----\n"));
    let playback = summary.playback_envelope.unwrap();
    for (envelope, key, good) in
        [(&pkcs7, &one.key, true), (&playback, &two.key, true), (&playback, &one.key, false)]
    {
        let mut opener = Opener::detached(envelope.as_bytes(), key, &SystemRandom).unwrap();
        let mut out = Vec::new();
        opener.push(&stored, &mut out).unwrap();
        let opened = opener.finish(&mut out).is_ok() && out == plain;
        assert_eq!(opened, good);
    }
    let refused = Sealer::gir(own, None, Cipher::Aes256Gcm, 33, &SystemRandom);
    assert!(matches!(refused, Err(SealError::Policy { .. })));
}

#[test]
fn a_wrong_declared_length_is_refused() {
    for declared in [2, 4] {
        let mut sealer = Sealer::leave_clear(declared);
        let pushed = sealer.push(b"abc");
        assert!(pushed.is_err() || sealer.finish().is_err());
    }
    let (stored, summary) = run(Sealer::leave_clear(3), b"abc", 2);
    assert_eq!((stored.as_slice(), summary.mode), (&b"abc"[..], SealMode::None));
    assert!(Sealer::cms(&[], Cipher::Aes256Gcm, KeyTransport::RsaPkcs1, 1, &SystemRandom).is_err());
    let own = &[&parties()[0].recipient];
    let long = gcm::MAX_BYTES + 1;
    assert!(
        Sealer::cms(own, Cipher::Aes256Gcm, KeyTransport::RsaPkcs1, long, &SystemRandom).is_err()
    );
}

#[test]
fn lengths_beyond_four_gibibytes_are_exact() {
    let own = &[&parties()[0].recipient];
    let len = 5 << 30;
    for cipher in CIPHERS {
        let transport = KeyTransport::RsaOaepSha256;
        let mut sealer = Sealer::cms(own, cipher, transport, len, &SystemRandom).unwrap();
        let stored_len = sealer.sealed_len();
        let header = sealer.push(b"").unwrap();
        let header = EnvelopeHeader::parse(header.as_bytes()).unwrap().unwrap();
        let payload = header.payload_len().unwrap();
        let tail = if cipher.is_authenticated() { 18 } else { 0 };
        assert_eq!(stored_len, header.payload_offset() + payload + tail);
    }
}

/// An envelope of ours, and the key bound to its certificate.
fn small(cipher: Cipher) -> (Vec<u8>, PrivateKey, Recipient) {
    let keys = generate_recipient("small", now()).unwrap();
    let recipient = Recipient::from_pem(&keys.certificate_pem, now()).unwrap().0;
    let key = PrivateKey::from_pem(&keys.private_key_pem).unwrap();
    let key = key.with_certificate(&recipient).unwrap();
    let own = &[&recipient];
    let transport = KeyTransport::RsaOaepSha256;
    let sealer = Sealer::cms(own, cipher, transport, 20, &SystemRandom).unwrap();
    (run(sealer, &[b's'; 20], 20).0, key, recipient)
}

#[test]
fn any_flipped_bit_of_a_gcm_envelope_is_refused() {
    let (stored, key, _) = small(Cipher::Aes256Gcm);
    assert!(open(&stored, &key, 5000).is_ok());
    for bit in 0..stored.len() * 8 {
        let mut changed = stored.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&changed, &key, 5000).is_err(), "bit {bit}");
    }
}

#[test]
fn truncated_envelope_is_refused() {
    for cipher in [Cipher::Aes256Gcm, Cipher::Aes256Cbc] {
        let (stored, key, _) = small(cipher);
        for len in 0..stored.len() {
            assert!(open(&stored[..len], &key, 300).is_err(), "{len} bytes");
        }
        let longer = [stored.as_slice(), &[0]].concat();
        assert!(open(&longer, &key, 300).is_err());
    }
}

#[test]
fn a_key_belongs_to_its_certificate() {
    let [one, _] = parties();
    let keys = generate_recipient("other", now()).unwrap();
    let other = PrivateKey::from_pem(&keys.private_key_pem).unwrap();
    assert!(matches!(other.with_certificate(&one.recipient), Err(SealError::KeyMismatch)));
}

#[test]
fn endless_headers_and_trailers_meet_their_limits() {
    let key = &parties()[0].key;
    let mut endless = vec![0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 7, 3];
    endless.extend([0xa0, 0x80, 0x30, 0x80, 2, 1, 0, 0x31, 0x80]);
    endless.extend([0xa1, 0x84, 0x7f, 0xff, 0xff, 0xff]);
    endless.resize(MAX_HEADER_BYTES + 1, 0);
    assert!(matches!(open(&endless, key, 65_536), Err(SealError::LimitReached { .. })));
    let (mut stored, _) = cms(Cipher::Aes256Gcm, KeyTransport::RsaPkcs1, b"");
    stored.resize(stored.len() + MAX_TRAILER_BYTES, 0);
    assert!(matches!(open(&stored, key, 65_536), Err(SealError::LimitReached { .. })));
}

/// Rewrites an envelope of ours with indefinite lengths and segments of `size` bytes.
fn segmented(stored: &[u8], summary: &SealSummary, size: usize) -> Vec<u8> {
    let at = summary.payload_offset as usize;
    let payload_len =
        summary.cipher.unwrap().ciphertext_len(summary.plaintext_len).unwrap() as usize;
    let mut walker = der_reader::Walker::new(stored);
    walker.enter(0x30).unwrap();
    let kind = walker.skip().unwrap();
    walker.enter(0xa0).unwrap();
    walker.enter(0x30).unwrap();
    let fields = [walker.skip().unwrap(), walker.skip().unwrap()].concat();
    walker.enter(0x30).unwrap();
    let content = [walker.skip().unwrap(), walker.skip().unwrap()].concat();
    let open = |tag| vec![tag, 0x80];
    let mut out = [open(0x30), kind.to_vec(), open(0xa0), open(0x30), fields, open(0x30)].concat();
    out.extend([content, open(0xa0)].concat());
    let payload = &stored[at..at + payload_len];
    payload.chunks(size).for_each(|piece| out.extend(der_writer::octets(piece)));
    out.extend([0; 4]);
    out.extend(&stored[at + payload_len..]);
    out.extend([0; 6]);
    out
}

#[test]
fn segments_of_any_size_open() {
    let plain: Vec<u8> = (0..3000_u32).map(|at| at as u8).collect();
    let key = &parties()[1].key;
    for cipher in [Cipher::Aes256Gcm, Cipher::Aes256Cbc] {
        let (stored, summary) = cms(cipher, KeyTransport::RsaPkcs1, &plain);
        for size in [1, 16, 130, 9000] {
            let stored = segmented(&stored, &summary, size);
            for piece in [1, 7, 100_000] {
                assert_eq!(open(&stored, key, piece).unwrap(), plain);
            }
        }
    }
    let (stored, summary) = cms(Cipher::Aes256Gcm, KeyTransport::RsaPkcs1, b"some speech");
    let stored = segmented(&stored, &summary, 4);
    for len in 0..stored.len() {
        assert!(open(&stored[..len], key, 50).is_err());
    }
}

#[test]
fn mutants_never_panic() {
    let key = ContentKey::from_bytes(zeroize::Zeroizing::new(vec![5; 32]));
    let plain = vec![1; 400];
    let (whole, summary) = cms(Cipher::Aes256Gcm, KeyTransport::RsaOaepSha256, &plain);
    let (padded, padded_summary) = cms(Cipher::Aes256Cbc, KeyTransport::RsaPkcs1, &plain);
    let seeds =
        [segmented(&whole, &summary, 30), segmented(&padded, &padded_summary, 30), whole, padded];
    let mut state = 0x9e37_79b9_u64;
    let mut next = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for round in 0..20_000 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = next(256) as u8,
                1 => bytes[at] ^= 1 << next(8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, [0, 0x80, 0xff, 0x30, 4][next(5)]),
            }
        }
        let Ok(Some(header)) = EnvelopeHeader::parse(&bytes) else { continue };
        let authenticated = header.cipher().is_authenticated();
        let at = header.payload_offset() as usize;
        let Ok(mut opener) = Opener::with_key(header, &key) else { continue };
        let mut out = Vec::new();
        let size = next(90) + 1;
        let pushed = bytes[at..].chunks(size).try_for_each(|piece| opener.push(piece, &mut out));
        assert!(out.len() <= bytes.len());
        assert!(!authenticated || pushed.is_err() || opener.finish(&mut out).is_err());
    }
}

fn range_opener(stored: &[u8], summary: &SealSummary) -> RangeOpener {
    let key = &parties()[1].key;
    match summary.mode {
        SealMode::None => RangeOpener::clear(summary.plaintext_len),
        SealMode::Cms => {
            let header = EnvelopeHeader::parse(stored).unwrap().unwrap();
            assert_eq!(header.payload_offset(), summary.payload_offset);
            RangeOpener::attached(&header, key, summary.plaintext_len, &SystemRandom).unwrap()
        }
        SealMode::Gir => {
            let envelope = summary.playback_envelope.as_deref().unwrap();
            RangeOpener::detached(envelope, key, summary.plaintext_len, &SystemRandom).unwrap()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_range_opens_alone(
        plain in prop::collection::vec(any::<u8>(), 0..2000),
        ends in (0_usize..2001, 0_usize..2001),
        piece in 1_usize..300,
        kind in 0_usize..6,
    ) {
        let [one, two] = parties();
        let len = plain.len() as u64;
        let (stored, summary) = match kind {
            0 => run(Sealer::leave_clear(len), &plain, piece),
            1 => {
                let own = &[&one.recipient];
                let playback = Some(&two.recipient);
                let sealer = Sealer::gir(own, playback, Cipher::Aes128Cbc, len, &SystemRandom);
                run(sealer.unwrap(), &plain, piece)
            }
            other => cms(CIPHERS[other - 2], KeyTransport::RsaOaepSha256, &plain),
        };
        let opener = range_opener(&stored, &summary);
        let (from, to) = (ends.0.min(ends.1).min(plain.len()), ends.0.max(ends.1).min(plain.len()));
        let range = opener.stored_range(from as u64, to as u64);
        let mut stream = opener.stream(from as u64, to as u64);
        let mut out = b"kept".to_vec();
        for piece in stored[range.start as usize..range.end as usize].chunks(piece) {
            stream.push(piece, &mut out).unwrap();
        }
        stream.finish().unwrap();
        prop_assert_eq!(&out[4..], &plain[from..to]);
        prop_assert_eq!(opener.stored_range(from as u64, u64::MAX), opener.stored_range(from as u64, len));
        prop_assert!(opener.stored_range(9, 3).is_empty());
        prop_assert!(to == 0 || opener.stream(0, to as u64).finish().is_err());
    }
}
