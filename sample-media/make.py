#!/usr/bin/env python3
"""Synthesises every file of this folder: media, recording documents, call.json and manifest.json.

Needs Python 3.9 or later and the Debian packages espeak-ng, sox, ffmpeg and lame:

    python3 sample-media/make.py [folder]        # default: the folder of this script

The same tool versions write the same bytes: no clock, no random numbers, no dither, one encoder
thread, bit-exact muxing. The voices are espeak-ng's and every name, number and id is invented.
The card number that is read out is the prefix of a published test number, and no real card.

The voice call lasts 12 s (times in seconds; channel 1 is the agent, channel 2 the customer):

     0.0 ring tone (both)    1.1 agent, customer    3.4 agent asks for the card
     5.0 to 8.0 the customer reads out the card: the span that the documents mask
     8.6 agent    10.1 hold tone (both)    10.8 customer

A tool that fails, or a sentence that does not fit its place, stops the script.
"""

import array
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta

AGENT, CUSTOMER, COLLEAGUE = "en-gb+f3", "en-us+m3", "en-gb+m7"
START = datetime(2026, 3, 4, 9, 15)
RING = (425,)
HOLD = (350, 440)
DIGITS = "4 1 1 1, 1 1 1 1."
BOTH = None

# A score: what sounds from when, at latest until when, on which channel (BOTH: on every one).
# A line is (from, until, channel, voice, words per minute, text) or (from, until, BOTH, pitches).
CALL = [
    (0.0, 1.0, BOTH, RING),
    (1.1, 2.9, 0, AGENT, 190, "Billing, this is Kim."),
    (2.4, 3.4, 1, CUSTOMER, 200, "A bill to pay."),
    (3.4, 4.95, 0, AGENT, 185, "Your card number, please."),
    (5.2, 7.9, 1, CUSTOMER, 160, DIGITS),
    (8.6, 10.1, 0, AGENT, 185, "Thank you. One moment."),
    (10.1, 10.7, BOTH, HOLD),
    (10.8, 12.0, 1, CUSTOMER, 200, "Thanks. Goodbye."),
]
# The same in brief, for the sample formats that need many bytes a second.
BRIEF = [
    (0.0, 0.25, BOTH, RING),
    (0.3, 1.0, 0, AGENT, 190, "The card?"),
    (1.0, 2.3, 1, CUSTOMER, 190, "4 1 1 1."),
    (2.4, 3.1, 0, AGENT, 190, "Thank you."),
]
# What follows a transfer: another agent, no card data.
LEG2 = [
    (0.0, 0.6, BOTH, HOLD),
    (0.7, 3.4, 0, COLLEAGUE, 180, "Delivery desk, Robin speaking. Which address?"),
    (3.8, 5.6, 1, CUSTOMER, 185, "The same address as before."),
    (5.8, 8.0, 0, COLLEAGUE, 180, "It leaves tomorrow. Goodbye."),
]
# One second with one spoken digit before, inside and after the masked span.
BAD = [
    (0.0, 0.36, 1, CUSTOMER, 200, "one"),
    (0.36, 0.72, 1, CUSTOMER, 200, "four"),
    (0.72, 1.0, 1, CUSTOMER, 260, "two"),
]


def tool(*command, stdin=None):
    """Runs a tool and returns its standard output; its own message is shown when it fails."""
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


def spoken(voice, speed, text, rate):
    """The sentence as 16-bit samples, without the silence around it."""
    wav = tool("espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text)
    trim = ["silence", "1", "0.01", "0.2%", "reverse"] * 2
    raw = tool("sox", "-D", "-V1", "--ignore-length", "-t", "wav", "-", "-t", "raw", "-e", "signed",
               "-b", "16", "-r", str(rate), "-c", "1", "-", "gain", "-n", "-6", *trim, stdin=wav)
    return array.array("h", raw)


def tone(pitches, seconds, rate):
    """Sines at a quarter of full scale in sum, as 16-bit samples."""
    parts = [word for pitch in pitches for word in ("sine", str(pitch))]
    volume = ["remix", "-", "vol", "0.25"]
    raw = tool("sox", "-D", "-r", str(rate), "-c", str(len(pitches)), "-n", "-t", "raw", "-e", "signed",
               "-b", "16", "-c", "1", "-", "synth", str(seconds), *parts, *volume)
    return array.array("h", raw)


def perform(score, seconds, rate):
    """The two channels of a score."""
    channels = [array.array("h", bytes(2 * round(seconds * rate))) for _ in range(2)]
    for begin, until, channel, *sound in score:
        if channel is BOTH:
            samples = tone(sound[0], until - begin, rate)
        else:
            samples = spoken(*sound, rate)
        first = round(begin * rate)
        if first + len(samples) > round(until * rate) + 1:
            sys.exit(f"{sound[-1]!r} takes {len(samples) / rate:.2f} s: too long for {begin} s")
        for target in channels if channel is BOTH else [channels[channel]]:
            target[first:first + len(samples)] = samples[:len(target) - first]
    return channels


def mono(channels):
    """Both channels added; full scale is never passed, as each keeps half of it."""
    return array.array("h", (max(-32768, min(32767, a + b)) for a, b in zip(*channels)))


def stereo(channels):
    """Both channels interleaved."""
    mixed = array.array("h", bytes(4 * len(channels[0])))
    mixed[0::2], mixed[1::2] = channels
    return mixed


def coded(samples, encoding, bits):
    """16-bit samples as another little-endian sample coding."""
    plain = ["-t", "raw", "-e", "signed", "-b", "16", "-r", "8000", "-c", "1"]
    wanted = ["-t", "raw", "-e", encoding, "-b", str(bits), "-L"]
    return tool("sox", "-D", *plain, "-", *wanted, "-", stdin=samples.tobytes())


def chunk(name, body):
    """A RIFF chunk with its padding byte."""
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def fmt(tag, channels, rate, bits, extra=b""):
    """The `fmt ` chunk."""
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, bits) + extra)


def wav(head, data, riff_size=None, data_size=None):
    """A WAV file; the two sizes can be made to lie."""
    body = b"WAVE" + head
    body += b"data" + struct.pack("<I", len(data) if data_size is None else data_size)
    body += data + bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", len(body) if riff_size is None else riff_size) + body


def fact(samples, channels):
    """The `fact` chunk that codings other than PCM need."""
    return chunk(b"fact", struct.pack("<I", len(samples) // channels))


def info():
    """A LIST chunk whose first text has an odd length."""
    texts = chunk(b"INAM", b"Synthetic call\0") + chunk(b"ISFT", b"sample recorder\0")
    return chunk(b"LIST", b"INFO" + texts)


def good_wavs():
    """The WAV files of the call, by name without ending."""
    eight, sixteen = perform(CALL, 12, 8000), perform(BRIEF, 3.2, 16000)
    one, two, brief = mono(eight), stereo(eight), mono(sixteen)
    return {
        "wav_pcm16_8k_mono": wav(fmt(1, 1, 8000, 16) + info(), one.tobytes()),
        "wav_pcm16_8k_stereo": wav(fmt(1, 2, 8000, 16), two.tobytes()),
        "wav_alaw_8k_mono": wav(fmt(6, 1, 8000, 8, bytes(2)) + fact(one, 1), coded(one, "a-law", 8)),
        "wav_mulaw_8k_stereo": wav(fmt(7, 2, 8000, 8, bytes(2)) + fact(two, 2), coded(two, "mu-law", 8)),
        "wav_pcm24_16k_mono": wav(fmt(1, 1, 16000, 24), coded(brief, "signed", 24)),
        "wav_float32_16k_mono": wav(fmt(3, 1, 16000, 32, bytes(2)) + fact(brief, 1), coded(brief, "float", 32)),
    }


def odd_wavs():
    """WAV files that each have one property a reader trips over."""
    data = mono(perform(BAD, 1, 8000)).tobytes()
    plain = fmt(1, 1, 8000, 16)
    pcm = bytes.fromhex("0100000000001000800000aa00389b71")
    extensible = fmt(0xFFFE, 1, 8000, 16, struct.pack("<HHI", 22, 16, 4) + pcm)
    sizes = struct.pack("<QQQI", 4 + 36 + 24 + 8 + len(data), len(data), len(data) // 2, 0)
    rf64 = b"RF64" + b"\xff" * 4 + b"WAVE" + chunk(b"ds64", sizes) + plain + b"data" + b"\xff" * 4 + data
    return {
        "wav_pcm16_truncated_data": wav(plain, data)[:-4000],
        "wav_pcm16_data_size_zero": wav(plain, data, data_size=0),
        "wav_pcm16_data_size_ffffffff": wav(plain, data, 0xFFFFFFFF, 0xFFFFFFFF),
        "wav_pcm16_riff_size_wrong": wav(plain, data, riff_size=0x1234),
        "wav_rf64_pcm16": rf64,
        "wav_extensible_pcm16": wav(extensible, data),
        "empty": b"",
    }


def mp3(samples, kbit):
    """Constant rate without ID3 and Xing tags: nothing but frames."""
    return tool("lame", "--quiet", "-t", "-m", "m", "--resample", "8", "-b", str(kbit), "--cbr", "-", "-",
                stdin=wav(fmt(1, 1, 8000, 16), samples.tobytes()))


def screen(folder, seconds, secret=None):
    """A desktop: a window, a task bar, a form being filled, a moving pointer; and a yellow card
    with digits during `secret`."""
    boxes = [
        "drawbox=x=0:y=224:w=320:h=16:color=0x202830:t=fill", "drawbox=x=4:y=227:w=30:h=10:color=0x5aa0d0:t=fill",
        "drawbox=x=30:y=24:w=260:h=180:color=0xf0f0f0:t=fill", "drawbox=x=30:y=24:w=260:h=14:color=0x4060a0:t=fill",
    ]
    for row in range(4):
        boxes.append(f"drawbox=x=50:y={56 + 32 * row}:w=200:h=18:color=white:t=fill")
        boxes.append(f"drawbox=x=54:y={61 + 32 * row}:w={60 + 30 * row}:h=8:color=0x303030:t=fill:"
                     f"enable='gte(t,{row + 0.5})'")
    if secret:
        shown = f"enable='between(t,{secret[0]},{secret[1]})'"
        boxes.append(f"drawbox=x=60:y=80:w=200:h=90:color=0xf0d000:t=fill:{shown}")
        boxes += [f"drawbox=x={70 + 12 * digit}:y=120:w=8:h=16:color=0x101010:t=fill:{shown}" for digit in range(15)]
    graph = (f"color=c=0x2e4a62:s=320x240:r=10:d={seconds},{','.join(boxes)}[desk];"
             f"color=c=0xd03030:s=8x8:r=10:d={seconds}[hand];"
             f"[desk][hand]overlay=x='40+{200 / seconds}*t':y='60+{120 / seconds}*t'")
    target = pathlib.Path(folder, "screen.mp4")
    tool("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", graph, "-t", str(seconds), "-c:v", "libx264", "-threads",
         "1", "-pix_fmt", "yuv420p", "-profile:v", "main", "-g", "10", "-crf", "28", "-fflags", "+bitexact",
         "-flags:v", "+bitexact", "-movflags", "+faststart", "-y", str(target))
    return target.read_bytes()


def stamp(seconds, zone="+0000"):
    """A time of the document, counted from the start of the call."""
    moment = START + timedelta(milliseconds=round(seconds * 1000))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}{zone}"


def media_file(call, begin, entry, agent):
    """One member of `mediaFiles`, without what the gateway fills in."""
    ending = entry["file"].rsplit(".", 1)[1]
    name = (START + timedelta(seconds=begin)).strftime(f"{call}_%Y-%m-%d_%H-%M-%S-gw01.{ending}")
    out = {
        "callUUID": call, "mediaId": name,
        "startTime": stamp(begin), "stopTime": stamp(begin + entry["durationMs"] / 1000),
        "type": {"mp3": "audio/mp3", "wav": "audio/wav", "mp4": "video/mp4"}[ending],
        "tenant": "Environment", "ivrprofile": "Samples",
        "parameters": {
            "id": call, "callUuid": call, "username": agent[0], "agentId": agent[3], "recordDN": agent[4],
            "ani": "+15550100001", "dnis": "+15550100002",
        },
    }
    if "masked" in entry:
        edges = [("fromMs", "paused"), ("toMs", "resume")]
        out["masks"] = [{"time": stamp(begin + entry["masked"][edge] / 1000, "Z"), "type": kind}
                        for edge, kind in edges]
    return out | {"partitions": ["/sales"], "accessgroups": ["/TeamNorth"]}


LEE = ("agent.lee", "Kim", "Lee", "7001", "5001")


def event(call, what, seconds, agent=None):
    """A member of `eventHistory`: the customer's when no agent is given."""
    contact = {"type": "External", "phoneNumber": "+15550100001"}
    if agent:
        contact = {"type": "User", "phoneNumber": agent[4], "userName": agent[0], "firstName": agent[1],
                   "lastName": agent[2]}
    return {"occurredAt": stamp(seconds), "calluuid": call, "event": what, "contact": contact}


def document(number, begin, legs, together=False):
    """A recording document; `legs` are manifest entries with their agent, one after the other or
    all `together`."""
    call = f"0A1B2C3D4E5F6G7H8J9K0LAES{number:07d}"
    entry, agent = legs[0]
    files, events, at = [], [event(call, "Joined", begin)], begin
    if together:
        files = [media_file(call, begin, leg, who) for leg, who in legs]
        at += max(leg["durationMs"] for leg, _ in legs) / 1000
        events += [event(call, "Joined", begin, agent), event(call, "Left", at, agent)]
    else:
        for leg, who in legs:
            files.append(media_file(call, at, leg, who))
            events.append(event(call, "Joined", at, who))
            at += leg["durationMs"] / 1000
            events.append(event(call, "Left", at, who))
    reelgate = {
        "contact": {"acdContactId": f"7000000{number}", "masterContactId": f"7000000{number}",
                    "segmentId": f"7000000{number}-1"},
        "agent": {"userId": "user-" + agent[3], "name": f"{agent[1]} {agent[2]}"},
        "channels": ["agent", "customer"], "direction": "INBOUND",
        "mediaKind": "screen" if entry["file"].endswith(".mp4") else "voice",
    }
    if entry["channels"] != 2:
        del reelgate["channels"]
    if together:
        # Voice and screen: each file's kind follows from its type.
        del reelgate["mediaKind"]
    return {
        "id": call, "callerPhoneNumber": "+15550100001", "dialedPhoneNumber": "+15550100002", "region": "north",
        "callType": "Inbound", "mediaFiles": files, "eventHistory": events + [event(call, "Left", at)],
        "reelgate": reelgate,
    }


# name: (codec, channels, sample rate, duration in ms, masked (from ms, to ms, spoken) or None,
#        outcome, description)
CALL_MASK = (5000, 8000, "four one one one, one one one one")
SCREEN_MASK = (5000, 8000, "")
BRIEF_MASK = (1000, 2300, "four one one one")
ODD_MASK = (360, 720, "four")
FILES = {
    "wav_pcm16_8k_mono.wav": ("pcm_s16le", 1, 8000, 12000, CALL_MASK, "ready", "the call mixed; LIST/INFO chunk with an odd length before data"),
    "wav_pcm16_8k_stereo.wav": ("pcm_s16le", 2, 8000, 12000, CALL_MASK, "ready", "the call, agent left and customer right"),
    "wav_alaw_8k_mono.wav": ("pcm_alaw", 1, 8000, 12000, CALL_MASK, "ready", "the call mixed, G.711 A-law, fact chunk"),
    "wav_mulaw_8k_stereo.wav": ("pcm_mulaw", 2, 8000, 12000, CALL_MASK, "ready", "the call, G.711 mu-law, fact chunk"),
    "wav_pcm24_16k_mono.wav": ("pcm_s24le", 1, 16000, 3200, BRIEF_MASK, "ready", "the call in brief, 24 bit"),
    "wav_float32_16k_mono.wav": ("pcm_f32le", 1, 16000, 3200, BRIEF_MASK, "ready", "the call in brief, IEEE float"),
    "mp3_8k_16kbit_mono.mp3": ("mp3", 1, 8000, None, None, "ready", "second leg, 144-byte frames, no ID3 or Xing tag"),
    "mp3_8k_32kbit_mono.mp3": ("mp3", 1, 8000, None, None, "ready", "second leg, 288-byte frames, no ID3 or Xing tag"),
    "mp4_h264_screen.mp4": ("h264", None, None, 4000, None, "ready", "desktop with a form, 320x240, key frame every second"),
    "mp3_8k_32kbit_call.mp3": ("mp3", 1, 8000, None, CALL_MASK, "ready", "the call mixed, 288-byte frames, no ID3 or Xing tag"),
    "mp4_h264_call_screen.mp4": ("h264", None, None, 12000, SCREEN_MASK, "ready", "desktop during the call; a card with digits from 5 s to 8 s, key frame every second"),
    "wav_pcm16_truncated_data.wav": ("pcm_s16le", 1, 8000, 750, ODD_MASK, "refused", "data chunk says 16000 bytes and 12000 are there"),
    "wav_pcm16_data_size_zero.wav": ("pcm_s16le", 1, 8000, 1000, ODD_MASK, "ready", "data size 0, never filled in: data runs to the end of the file"),
    "wav_pcm16_data_size_ffffffff.wav": ("pcm_s16le", 1, 8000, 1000, ODD_MASK, "ready", "data and RIFF size FFFFFFFF: data runs to the end of the file"),
    "wav_pcm16_riff_size_wrong.wav": ("pcm_s16le", 1, 8000, 1000, ODD_MASK, "ready", "RIFF size 4660 is short of the file; the data size is right"),
    "wav_rf64_pcm16.wav": ("pcm_s16le", 1, 8000, 1000, ODD_MASK, "ready", "RF64 with the sizes in ds64"),
    "wav_extensible_pcm16.wav": ("pcm_s16le", 1, 8000, 1000, ODD_MASK, "ready", "WAVE_FORMAT_EXTENSIBLE, PCM subformat"),
    "empty.wav": (None, None, None, 0, None, "refused", "no bytes at all"),
}


def entry_of(name, content):
    """The manifest entry of a file."""
    codec, channels, rate, duration, masked, outcome, text = FILES[name]
    if codec == "mp3":
        frame = 144 * (2 if "32kbit" in name else 1)
        if len(content) % frame:
            sys.exit(f"{name}: {len(content)} bytes are no whole number of frames")
        duration = len(content) // frame * 72
    out = {
        "file": name, "container": "rf64" if "rf64" in name else name.rsplit(".", 1)[1], "codec": codec,
        "channels": channels, "sampleRate": rate, "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(), "durationMs": duration, "description": text,
        "outcome": outcome,
    }
    if masked:
        out["masked"] = dict(zip(("fromMs", "toMs", "spoken"), masked))
    return out


def main():
    """Writes the folder."""
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    whole = mono(perform(CALL, 12, 8000))
    leg2 = mono(perform(LEG2, 8, 8000))
    content = {name + ".wav": body for name, body in (good_wavs() | odd_wavs()).items()}
    content["mp3_8k_16kbit_mono.mp3"], content["mp3_8k_32kbit_mono.mp3"] = mp3(leg2, 16), mp3(leg2, 32)
    content["mp3_8k_32kbit_call.mp3"] = mp3(whole, 32)
    with tempfile.TemporaryDirectory() as scratch:
        content["mp4_h264_screen.mp4"] = screen(scratch, 4)
        content["mp4_h264_call_screen.mp4"] = screen(scratch, 12, (5, 8))
    entries = {name: entry_of(name, content[name]) for name in FILES}
    texts = {}
    for index, (name, entry) in enumerate(entries.items()):
        begin = 60 * (index + 1)
        texts[name.rsplit(".", 1)[0] + ".recording.json"] = document(101 + index, begin, [(entry, LEE)])
    legs = [entries["mp3_8k_32kbit_call.mp3"], entries["mp4_h264_call_screen.mp4"]]
    call = texts["call.recording.json"] = document(42, 0, [(leg, LEE) for leg in legs], together=True)
    pairs = [{"mediaId": media["mediaId"], "file": leg["file"]} for media, leg in zip(call["mediaFiles"], legs)]
    texts["call.json"] = {"recording": "call.recording.json", "media": pairs}
    for name, entry in entries.items():
        entry["recording"] = name.rsplit(".", 1)[0] + ".recording.json"
    texts["manifest.json"] = {"call": texts["call.json"], "files": list(entries.values())}
    for name, body in content.items():
        (folder / name).write_bytes(body)
    for name, value in texts.items():
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main()
