//! Damaged and hostile sources are refused by name, and never bring anything down.

use std::io::Cursor;

use reelgate::media::Container;
use reelgate::play::rendition::peaks;

use super::*;
use crate::formats::signal::Random;

const MAKES: [(&str, &str); 12] = [
    ("wav", "cp $IN $OUT"),
    ("ima.wav", "ffmpeg -v error -i $IN -c:a adpcm_ima_wav $OUT"),
    ("mp3", "lame --quiet -b 32 $IN $OUT"),
    ("aac", "ffmpeg -v error -i $IN -c:a aac $OUT"),
    ("m4a", "ffmpeg -v error -i $IN -c:a aac $OUT"),
    ("alac.m4a", "ffmpeg -v error -i $IN -c:a alac $OUT"),
    ("opus", "opusenc --quiet $IN $OUT"),
    ("ogg", "ffmpeg -v error -i $IN -c:a libvorbis $OUT"),
    ("flac", "flac -s -o $OUT $IN"),
    ("webm", "ffmpeg -v error -i $IN -c:a libopus $OUT"),
    ("mkv", "ffmpeg -v error -f lavfi -i testsrc2=s=64x48:r=10:d=1 -i $IN -c:v libx264 -bf 2 $OUT"),
    (
        "frag.mp4",
        "ffmpeg -v error -f lavfi -i testsrc2=s=64x48:r=10:d=1 -i $IN -c:v libx264 -bf 2 \
         -movflags frag_keyframe+empty_moov $OUT",
    ),
];

fn held(bytes: &[u8], container: Container) -> SourceFile {
    let reader = Box::new(Cursor::new(bytes.to_vec()));
    SourceFile { reader, bytes: bytes.len() as u64, container }
}

/// Whatever the bytes are, there is a file of the planned length, or an error with a text.
fn survives(bytes: &[u8], container: Container) -> bool {
    let both = Sources {
        voice: Some(held(bytes, container)),
        screen: Some(held(bytes, container)),
        ..Sources::default()
    };
    let alone = Sources { screen: Some(held(bytes, container)), ..Sources::default() };
    let part =
        clip(Sources { voice: Some(held(bytes, container)), ..Sources::default() }, 200, 400);
    let mut whole = false;
    for recipe in [both, alone, part] {
        match bytes_of(recipe) {
            Ok(bytes) => whole |= !bytes.is_empty(),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Err(error) = peaks(held(bytes, container)) {
        assert!(!error.to_string().is_empty());
    }
    whole
}

#[test]
fn damaged_sources_never_bring_it_down() {
    let folder = folder();
    let input = folder.path().join("in.wav");
    fs::write(&input, wav(&conversation(8000, 1, 1.0), 8000, 1)).unwrap();
    let mut random = Random::new(20_261_129);
    for (suffix, line) in MAKES {
        let path = folder.path().join(format!("source.{suffix}"));
        shell(line, &input, &path);
        let bytes = fs::read(&path).unwrap();
        let container = sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]);
        assert!(survives(&bytes, container), "{suffix}: the source itself");
        for _ in 0..24 {
            let mut damaged = bytes.clone();
            for _ in 0..=random.below(12) {
                // Half of the damage is in the headers.
                let end = if random.below(2) == 0 { bytes.len().min(900) } else { bytes.len() };
                let at = random.below(end);
                damaged[at] = random.next() as u8;
            }
            if random.below(3) == 0 {
                damaged.truncate(random.below(bytes.len()));
            }
            survives(&damaged, container);
        }
    }
}

#[test]
fn what_holds_nothing_is_refused_by_name() {
    let refused = |recipe: Sources| Plan::read(recipe).err().expect("an error").to_string();
    assert_eq!(refused(Sources::default()), "there is neither sound nor picture to play");
    for container in [
        Container::Wav,
        Container::Mp3,
        Container::Mp4,
        Container::Ogg,
        Container::Matroska,
        Container::Flac,
        Container::Adts,
        Container::Amr,
        Container::Gsm,
        Container::Unknown,
    ] {
        let recipe = Sources { voice: Some(held(b"", container)), ..Sources::default() };
        assert!(!refused(recipe).is_empty(), "{container}");
        assert!(peaks(held(b"", container)).is_err(), "{container}");
    }
    let empty =
        Sources { voice: Some(held(&wav(&[], 8000, 1), Container::Wav)), ..Sources::default() };
    assert_eq!(refused(empty), "no media frames at byte 44");
    let no_picture = Sources {
        voice: Some(held(&wav(&[0.5; 800], 8000, 1), Container::Wav)),
        screen: Some(held(&wav(&[0.5; 800], 8000, 1), Container::Wav)),
        ..Sources::default()
    };
    assert_eq!(refused(no_picture), "a screen file without pictures cannot be made into an MP4");
}

#[test]
fn a_source_that_changes_is_noticed() {
    use std::sync::{Arc, Mutex};

    #[derive(Clone)]
    struct Shifty(Arc<Mutex<Cursor<Vec<u8>>>>);

    impl std::io::Read for Shifty {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().read(out)
        }
    }

    impl std::io::Seek for Shifty {
        fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
            self.0.lock().unwrap().seek(to)
        }
    }

    impl reelgate::media::MediaSource for Shifty {
        fn is_seekable(&self) -> bool {
            true
        }

        fn byte_len(&self) -> Option<u64> {
            None
        }
    }

    let noise: Vec<f64> = (0..40_000_u32).map(|at| f64::from(at * 7919 % 2000) / 2001.0).collect();
    let file = Shifty(Arc::new(Mutex::new(Cursor::new(wav(&noise, 8000, 1)))));
    let bytes = file.0.lock().unwrap().get_ref().len() as u64;
    let held = SourceFile { reader: Box::new(file.clone()), bytes, container: Container::Wav };
    let plan = Plan::read(Sources { voice: Some(held), ..Sources::default() }).unwrap();
    file.0.lock().unwrap().get_mut()[20_000..60_000].fill(0);
    let error = plan.write(&mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, RenditionError::Changed { .. }), "{error}");
    let held = SourceFile { reader: Box::new(file), bytes, container: Container::Wav };
    let plan = Plan::read(Sources { voice: Some(held), ..Sources::default() }).unwrap();
    let broken = || std::io::Error::other("the line is down");
    let error = plan.write(&mut |_| Err(broken())).unwrap_err();
    assert!(matches!(error, RenditionError::Sink(_)), "{error}");
}
