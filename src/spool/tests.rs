use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::*;
use crate::seal::SystemRandom;

fn spool(folder: &Path) -> Spool {
    let key = Arc::new(NodeKey::from_bytes(&Zeroizing::new([7; 32])));
    Spool::open(folder, key, Arc::new(SystemRandom)).unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn what_was_written_is_read_back_from_any_offset() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    for len in [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 5 * FRAME_BYTES + 17] {
        let (asset, bytes) = (AssetId::generate(), pattern(len));
        let mut writer = spool.create(asset).unwrap();
        for (index, piece) in bytes.chunks(10_000).enumerate() {
            writer.write(piece).unwrap();
            if index % 5 == 1 {
                writer.sync().unwrap();
            }
        }
        assert_eq!(writer.finish().unwrap(), crate::asset::Digest::of(&bytes));
        let mut reader = spool.reader(asset).unwrap();
        assert_eq!(reader.len(), len as u64);
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == bytes, "length {len}");
        for start in [len / 2, 0, len.saturating_sub(1)] {
            reader.seek(SeekFrom::Start(start as u64)).unwrap();
            found.clear();
            reader.read_to_end(&mut found).unwrap();
            assert!(found == bytes[start..], "length {len} from {start}");
        }
    }
}

#[test]
fn nothing_readable_lies_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let asset = AssetId::generate();
    let mut writer = spool.create(asset).unwrap();
    writer.write(&b"card number 4111 1111 1111 1111 ".repeat(9000)).unwrap();
    writer.finish().unwrap();
    let raw = std::fs::read(folder.path().join(format!("{asset}.spool"))).unwrap();
    assert!(!raw.windows(4).any(|window| window == b"4111"));
    spool.destroy(asset).unwrap();
    assert!(matches!(spool.reader(asset), Err(SpoolError::Missing { .. })));
}

#[test]
fn unfinished_and_altered_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let asset = AssetId::generate();
    let mut writer = spool.create(asset).unwrap();
    writer.write(&pattern(3 * FRAME_BYTES)).unwrap();
    writer.sync().unwrap();
    drop(writer);
    assert!(matches!(spool.reader(asset), Err(SpoolError::Damaged { .. })));

    let mut writer = spool.create(asset).unwrap();
    writer.write(&pattern(3 * FRAME_BYTES)).unwrap();
    writer.finish().unwrap();
    let path = folder.path().join(format!("{asset}.spool"));
    let mut raw = std::fs::read(&path).unwrap();
    let at = raw.len() - 100;
    raw[at] ^= 1;
    std::fs::write(&path, &raw).unwrap();
    let mut reader = spool.reader(asset).unwrap();
    assert!(reader.read_to_end(&mut Vec::new()).is_err());

    let other = AssetId::generate();
    std::fs::copy(&path, folder.path().join(format!("{other}.spool"))).unwrap();
    assert!(spool.reader(other).is_err(), "a file under another asset's name must not open");
}

/// Goes on with the file; how much of it was durable.
fn go_on(spool: &Spool, asset: AssetId) -> SpoolWriter {
    match spool.resume(asset).unwrap().unwrap() {
        Resumed::Open(writer) => *writer,
        Resumed::Ended(..) => panic!("the file has ended"),
    }
}

#[test]
fn a_broken_file_goes_on_where_its_whole_frames_end() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let (asset, bytes) = (AssetId::generate(), pattern(4 * FRAME_BYTES));
    let path = folder.path().join(format!("{asset}.spool"));
    let mut writer = spool.create(asset).unwrap();
    writer.write(&bytes[..100_000]).unwrap();
    writer.sync().unwrap();
    let whole = std::fs::metadata(&path).unwrap().len();
    writer.write(&bytes[100_000..120_000]).unwrap();
    writer.sync().unwrap();
    drop(writer);
    // Torn anywhere in its last frame, it goes on before that frame; and again, and again.
    let raw = std::fs::read(&path).unwrap();
    for torn in [whole, whole + 1, whole + 4, whole + 300, raw.len() as u64 - 1] {
        std::fs::write(&path, &raw[..usize::try_from(torn).unwrap()]).unwrap();
        assert_eq!(go_on(&spool, asset).bytes(), 100_000, "{torn}");
        assert_eq!(go_on(&spool, asset).bytes(), 100_000, "{torn}");
        let mut writer = go_on(&spool, asset);
        writer.write(&bytes[100_000..200_000]).unwrap();
        writer.sync().unwrap();
        drop(writer);
        let mut writer = go_on(&spool, asset);
        assert_eq!(writer.bytes(), 200_000);
        writer.write(&bytes[200_000..]).unwrap();
        assert_eq!(writer.finish().unwrap(), crate::asset::Digest::of(&bytes));
        let mut reader = spool.reader(asset).unwrap();
        let mut found = Vec::new();
        reader.read_to_end(&mut found).unwrap();
        assert!(found == bytes, "{torn}");
        for start in [99_999_u64, 100_000, 200_001] {
            reader.seek(SeekFrom::Start(start)).unwrap();
            found.clear();
            reader.read_to_end(&mut found).unwrap();
            assert!(found == bytes[usize::try_from(start).unwrap()..], "{torn} from {start}");
        }
        let Some(Resumed::Ended(len, digest)) = spool.resume(asset).unwrap() else { panic!() };
        assert_eq!((len, digest), (bytes.len() as u64, crate::asset::Digest::of(&bytes)));
    }
    std::fs::write(&path, &raw[..5]).unwrap();
    assert!(spool.resume(asset).unwrap().is_none());
    assert!(spool.resume(AssetId::generate()).unwrap().is_none());
}

#[test]
fn no_frame_number_is_used_twice() {
    let folder = tempfile::tempdir().unwrap();
    let spool = spool(folder.path());
    let asset = AssetId::generate();
    let path = folder.path().join(format!("{asset}.spool"));
    let mut writer = spool.create(asset).unwrap();
    writer.write(&[0; 1000]).unwrap();
    writer.sync().unwrap();
    drop(writer);
    let first = std::fs::read(&path).unwrap();
    // The frame is torn, and other bytes come in its place: equal plaintext would then show.
    std::fs::write(&path, &first[..first.len() - 1]).unwrap();
    let mut writer = go_on(&spool, asset);
    writer.write(&[0; 1000]).unwrap();
    writer.finish().unwrap();
    let second = std::fs::read(&path).unwrap();
    let tail = &first[first.len() - 500..first.len() - 400];
    assert!(!second.windows(tail.len()).any(|window| window == tail));
}
