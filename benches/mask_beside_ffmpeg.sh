#!/usr/bin/env bash
# Masks three spans of an hour of telephone speech: `cp`, `reelgate mask`, and ffmpeg decoding,
# muting and encoding again. Prints wall seconds (median of RUNS) and ratios. Needs espeak-ng, sox,
# lame and ffmpeg, about 250 MB in $TMPDIR, and a release build (REELGATE=path for another).
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${RUNS:-5}
program=${REELGATE:-target/release/reelgate}
[ -x "$program" ] || { echo "no $program: cargo build --release, or set REELGATE" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

spans=(--span 600s..660s --span 1800s..1845s --span 3000s..3090s)
mute="volume=0:enable='between(t,600,660)+between(t,1800,1845)+between(t,3000,3090)'"
quiet=(ffmpeg -nostdin -v error -y)
text="Good morning, this is the service line, how may I help you? My card number is four nine two
five, eight one seven zero, three three six two, nine nine oh four. It expires in March. Thank you
very much, one moment please, I will look that up for you now."

echo "preparing 60 minutes of speech ..." >&2
espeak-ng -v en-us -s 150 -w "$folder/once.wav" "$text"
sox "$folder/once.wav" -r 8000 -c 1 -b 16 "$folder/pcm.wav" repeat 300 trim 0 3600
rm "$folder/once.wav"
"${quiet[@]}" -i "$folder/pcm.wav" -c:a pcm_alaw "$folder/alaw.wav"
lame --quiet -b 16 --resample 8 "$folder/pcm.wav" "$folder/voice.mp3"
"${quiet[@]}" -i "$folder/pcm.wav" -c:a libopus -application voip -b:a 16k "$folder/voice.opus"

# once COMMAND...: its wall time in microseconds.
once() {
    local from to
    rm -f "$folder"/out.*
    from=${EPOCHREALTIME//[^0-9]/}
    "$@" 3>&- 4>&- >/dev/null
    to=${EPOCHREALTIME//[^0-9]/}
    echo $((to - from))
}

# median FILE: of the microseconds in it, in seconds.
median() {
    local count
    count=$(wc -l < "$1")
    sort -n "$1" | sed -n "$(((count + 1) / 2))p" | awk '{ printf "%.3f\n", $1 / 1000000 }'
}

# row NAME FILE RUNS-OF-FFMPEG ENCODER...: one line of the table.
row() {
    local name=$1 file=$folder/$2 count=$3 out=$folder/out.${2##*.} copy mask peer
    shift 3
    cat "$file" >/dev/null
    # What was prepared is written to the disk before anything is timed.
    sync
    # The first of each is not counted; the two that are compared most closely take turns.
    once cp "$file" "$out" >/dev/null
    once "$program" mask "$file" "${spans[@]}" -o "$out" >/dev/null
    for _ in $(seq "$runs"); do
        once cp "$file" "$out" >&3
        once "$program" mask "$file" "${spans[@]}" -o "$out" >&4
    done 3>"$folder/copy" 4>"$folder/mask"
    for _ in $(seq "$count"); do
        once "${quiet[@]}" -i "$file" -af "$mute" "$@" "$out"
    done >"$folder/peer"
    copy=$(median "$folder/copy")
    mask=$(median "$folder/mask")
    peer=$(median "$folder/peer")
    awk -v name="$name" -v size="$(stat -c %s "$file")" -v copy="$copy" -v mask="$mask" \
        -v peer="$peer" 'BEGIN {
            printf "%-22s %8.1f %8.3f %9.3f %9.3f %8.1fx %8.1fx\n",
                name, size / 1000000, copy, mask, peer, mask / copy, peer / mask
        }'
}

printf '%-22s %8s %8s %9s %9s %9s %9s\n' \
    "60 min, 8 kHz mono" MB "cp s" "mask s" "ffmpeg s" "mask/cp" "ffmpeg/mask"
row "WAV PCM 16 bit" pcm.wav "$runs" -c:a pcm_s16le
row "WAV A-law" alaw.wav "$runs" -c:a pcm_alaw
row "MP3 16 kb/s" voice.mp3 "$runs" -c:a libmp3lame -b:a 16k
row "Opus 16 kb/s" voice.opus 1 -c:a libopus -application voip -b:a 16k
