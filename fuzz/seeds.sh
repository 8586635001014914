#!/usr/bin/env bash
# Makes the seeds of the mask targets: short files of every format, with ffmpeg, sox, lame, flac and
# opusenc. The first four bytes are those that fuzz/mask_bodies.rs reads as the span.
set -euo pipefail
cd "$(dirname "$0")/corpus"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sox -n -r 8000 -b 16 -c 1 "$work/tone.wav" synth 1.2 sawtooth 180 tremolo 4 80 gain -9
sox "$work/tone.wav" -r 16000 "$work/tone16.wav"
sox "$work/tone.wav" -c 2 "$work/stereo.wav"
quiet=(-nostdin -v error -y)

# seed TARGET NAME FILE: the span from 384 ms on, 401 ms long, read in blocks of 256 bytes.
seed() {
    mkdir -p "mask_$1"
    { printf '\x30\x28\x00\xff'; cat "$3"; } > "mask_$1/$2"
}
made() {
    local target=$1 name=$2
    shift 2
    ffmpeg "${quiet[@]}" "$@" "$work/$name"
    seed "$target" "$name" "$work/$name"
}

for codec in pcm_s16le pcm_alaw adpcm_ima_wav adpcm_ms g722 libgsm_ms libmp3lame; do
    made wav "$codec.wav" -i "$work/tone.wav" -c:a "$codec"
done
made wav rf64.wav -i "$work/tone.wav" -c:a pcm_s16le -rf64 always
lame --quiet -b 16 --resample 8 "$work/tone.wav" "$work/cbr.mp3"
lame --quiet -V 6 "$work/tone16.wav" "$work/vbr.mp3"
lame --quiet -b 32 -p "$work/stereo.wav" "$work/crc.mp3"
lame --quiet --freeformat -b 40 "$work/tone16.wav" "$work/free.mp3"
made mp3 tagged.mp3 -i "$work/tone.wav" -c:a libmp3lame -b:a 16k -metadata title=seed -id3v2_version 3
for name in cbr vbr crc free; do seed mp3 "$name.mp3" "$work/$name.mp3"; done
made ogg opus.ogg -i "$work/tone.wav" -c:a libopus -b:a 12k -application voip -fec 1 -packet_loss 20
made ogg opus60.ogg -i "$work/tone.wav" -c:a libopus -b:a 12k -frame_duration 60
made ogg vorbis.ogg -i "$work/tone.wav" -c:a libvorbis -q:a 0
made ogg flac.ogg -i "$work/tone.wav" -c:a flac
made adts mono.aac -i "$work/tone.wav" -c:a aac -b:a 12k
made adts stereo.aac -i "$work/stereo.wav" -c:a aac -b:a 24k
made flac mono.flac -i "$work/tone.wav" -c:a flac
flac --silent -5 -S 5x -o "$work/seek.flac" "$work/stereo.wav"
seed flac seek.flac "$work/seek.flac"
sox "$work/tone.wav" -C 0 "$work/narrow.amr-nb"
# No encoder of Debian writes AMR-WB: frames of the lowest mode with bits counted up.
python3 -c 'import sys; sys.stdout.buffer.write(b"#!AMR-WB\n" + b"".join(
    bytes([4]) + bytes((17 * n + k) * 37 & 255 for k in range(17)) for n in range(60)))' > "$work/wide.amr-wb"
seed amr narrow.amr "$work/narrow.amr-nb"
seed amr wide.amr "$work/wide.amr-wb"
sox "$work/tone.wav" "$work/tone.gsm"
seed gsm tone.gsm "$work/tone.gsm"

picture=(-f lavfi -i testsrc=size=64x48:rate=10:duration=1.2 -pix_fmt yuv420p -g 5 -threads 1)
made mp4 aac.m4a -i "$work/tone.wav" -c:a aac -b:a 12k
made mp4 fragmented.m4a -i "$work/tone.wav" -c:a aac -b:a 12k -movflags frag_keyframe+empty_moov
made mp4 opus.mp4 -i "$work/tone.wav" -c:a libopus -b:a 12k
made mp4 mp3.mp4 -i "$work/tone16.wav" -c:a libmp3lame -b:a 16k
made mp4 alaw.mov -i "$work/tone.wav" -c:a pcm_alaw
made mp4 h264.mp4 "${picture[@]}" -c:v libx264 -bf 2
made mp4 fragmented.mp4 "${picture[@]}" -c:v libx264 -movflags frag_keyframe+empty_moov
made matroska opus.webm -i "$work/tone.wav" -c:a libopus -b:a 12k
made matroska vp8.webm "${picture[@]}" -c:v libvpx -b:v 20k
made matroska pcm.mkv -i "$work/tone.wav" -c:a pcm_s16le
made matroska aac.mkv -i "$work/tone.wav" -c:a aac -b:a 12k
made matroska both.mkv -i "$work/tone.wav" "${picture[@]}" -c:a libmp3lame -b:a 16k -c:v libx264 -bf 2
made matroska live.webm -i "$work/tone.wav" -c:a libopus -b:a 12k -f webm -live 1

# The same files for the cut, which ends them after 600 ms.
mkdir -p cut
number=0
for target in wav wav mp3 ogg flac adts amr gsm; do
    for file in mask_$target/*; do
        name=${file##*/}
        [ $number = 1 ] && [ "$name" != rf64.wav ] && continue
        { printf "\\$(printf %03o $number)\\x25\\x80"; tail -c +5 "$file"; } > "cut/$number-$name"
    done
    number=$((number + 1))
done

# The same files for renditions: sound as the voice, in whole and as a clip of 320 ms from 160 ms on,
# and what may have pictures as the screen.
mkdir -p rendition
for target in wav mp3 ogg adts flac amr gsm mp4 matroska; do
    for file in mask_$target/*; do
        name=${file##*/}
        { printf '\x00\x00\x00'; tail -c +5 "$file"; } > "rendition/voice-$name"
        { printf '\x00\x0a\x14'; tail -c +5 "$file"; } > "rendition/clip-$name"
        case $target in mp4 | matroska)
            { printf '\x01\x00\x00'; tail -c +5 "$file"; } > "rendition/screen-$name" ;;
        esac
    done
done
