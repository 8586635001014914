#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| reelgate_fuzz::mask_bodies::mask_matroska(data));
