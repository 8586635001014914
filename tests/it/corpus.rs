//! Every parser of outside bytes lives through its fuzz corpus.

use std::path::Path;

#[path = "../../fuzz/bodies.rs"]
#[expect(unreachable_pub, reason = "the fuzz crate builds the same file as a library")]
mod bodies;

/// Gives every file of a corpus to the target's body. A failing test shows the last file's name.
fn replay(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("the corpus folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        println!("{}", file.display());
        body(&std::fs::read(&file).expect("a corpus file"));
    }
}

#[test]
fn riff_reader_lives_through_its_corpus() {
    replay("riff", bodies::riff);
}

#[test]
fn recording_document_reader_lives_through_its_corpus() {
    replay("recording_document", bodies::recording_document);
}

#[test]
fn cms_reader_lives_through_its_corpus() {
    replay("cms_reader", bodies::cms_reader);
}

#[test]
fn signed_url_check_lives_through_its_corpus() {
    replay("signed_url", bodies::signed_url);
}

#[test]
fn range_header_reader_lives_through_its_corpus() {
    replay("range_header", bodies::range_header);
}

#[test]
fn wave_masking_lives_through_its_corpus() {
    replay("mask_wav", bodies::mask_bodies::mask_wav);
}

#[test]
fn mp3_masking_lives_through_its_corpus() {
    replay("mask_mp3", bodies::mask_bodies::mask_mp3);
}

#[test]
fn ogg_masking_lives_through_its_corpus() {
    replay("mask_ogg", bodies::mask_bodies::mask_ogg);
}

#[test]
fn adts_masking_lives_through_its_corpus() {
    replay("mask_adts", bodies::mask_bodies::mask_adts);
}

#[test]
fn flac_masking_lives_through_its_corpus() {
    replay("mask_flac", bodies::mask_bodies::mask_flac);
}

#[test]
fn amr_masking_lives_through_its_corpus() {
    replay("mask_amr", bodies::mask_bodies::mask_amr);
}

#[test]
fn gsm_masking_lives_through_its_corpus() {
    replay("mask_gsm", bodies::mask_bodies::mask_gsm);
}

#[test]
fn mp4_masking_lives_through_its_corpus() {
    replay("mask_mp4", bodies::mask_bodies::mask_mp4);
}

#[test]
fn matroska_masking_lives_through_its_corpus() {
    replay("mask_matroska", bodies::mask_bodies::mask_matroska);
}

#[test]
fn cutting_lives_through_its_corpus() {
    replay("cut", bodies::cut_bodies::cut);
}

#[test]
fn renditions_live_through_their_corpus() {
    replay("rendition", bodies::rendition_bodies::rendition);
}
