"""Fills the catalogue of a gateway with call records of March 2026.

usage: fill_month.py CATALOG COUNT

Each record has its recording and its media file, as rows of the default tenant; nothing is stored.
Every seven records began at the same instant, and 1,200 in the middle of the month too: more than any
batch or page. One record more begins just before the month, and one just after. Prints, as JSON, the
bytes of the files of the month, and those of the two others. The same is written each time.
"""

import datetime
import json
import random
import sqlite3
import sys
import uuid

START = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)
MONTH_CS = 31 * 24 * 3600 * 100
SAME_INSTANT = 7
LONG_INSTANT = range(50_000, 51_200)
# Rows of one transaction: the gateway may be running.
BATCH = 10_000

INSERTS = [
    "INSERT INTO recordings (tenant, id, document, masks_complete, created_us, contact_id, segment_id,"
    " started_us, caller_number, agent_name) VALUES ('default', ?, ?, 1, ?, ?, ?, ?, ?, ?)",
    "INSERT INTO media (asset_id, tenant, recording_id, media_id, position, state, outcome, segments,"
    " created_us, stored_bytes) VALUES (?, 'default', ?, ?, 0, 'ready', ?, ?, ?, ?)",
    "INSERT INTO call_records (asset_id, tenant, recording_id, record_uuid, extension_id,"
    " extension_group_id, call_uuid, init_us, month, duration_s, bytes, shown, listed_us)"
    " VALUES (?, 'default', ?, ?, ?, 77, ?, ?, ?, ?, ?, ?, ?)",
]

chance = random.Random(2026)


def digits(count):
    return f"{chance.randrange(10**count):0{count}}"


def gmt(at_cs, hundredths=False):
    at = START + datetime.timedelta(milliseconds=at_cs * 10)
    text = at.strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{at.microsecond // 10_000:02}" if hundredths else text


def shown(extension, name, call, size, times):
    init, start, hangup = times
    caller, dialed = "+7495" + digits(7), "+7812" + digits(7)
    file = f"{start.replace(' ', '-').replace(':', '-')}-UTC_in_0541_{name[-4:].lower()}.wav"
    return {
        "flow": chance.choice(["in", "out"]),
        "init_time_gmt": init,
        "start_time_gmt": start,
        "hangup_time_gmt": hangup,
        "duration": size // 16_000,
        "extension_id": extension,
        "extension_name": f"01874*{extension % 1000:04}@pbx.example",
        "extension_type": "phone",
        "extension_group_owner_id": 77,
        "client_owner_id": 1,
        "result": "answered",
        "from_username": caller[1:],
        "from_domain": "gw.example",
        "source_number": caller,
        "source_domain": "gw.example",
        "to_username": f"{extension % 1000:04}",
        "to_domain": "pbx.example",
        "dest_number": dialed,
        "dest_domain": None,
        "did_number": dialed[1:],
        "did_domain": "pbx.example",
        "from_screen_name": "Приёмная",
        "hangup_cause": "NORMAL_CLEARING",
        "ext_number_reg": f"{extension % 1000:04}",
        "application": "callcenter",
        "call_uuid": call,
        "hangup_disposition": "callee_bye",
        "ani_number": caller[1:],
        "record_uuid": name,
        "record_file_size": size,
        "file_name": file,
        "record_transfer": False,
    }


def outcome(asset, size, file):
    digest = f"{chance.getrandbits(256):064x}"
    key = f"default/2026/03/{asset}.wav.p7m"
    return {
        "mediaType": "audio/wav",
        "durationMs": size // 16,
        "bytes": size,
        "sha256": digest,
        "spans": [],
        "certificate": None,
        "fileName": file,
        "stored": {
            "key": key,
            "url": f"http://127.0.0.1/dav/store/{key}",
            "bytes": size + 1_500,
            "sha256": digest[::-1],
            "segmentBytes": 524_288,
            "attempt": "a1",
        },
        "seal": {"mode": "cms", "cipher": "aes-256-gcm", "certAlias": [], "playback": True},
    }


def rows(number, at_cs):
    """The three rows of a record, in the order of INSERTS, and the length of its file."""
    asset = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    extension, size = 120_541 + number % 200, 20_000 + chance.randrange(3_000_000)
    name = f"{extension}-{asset.replace('-', '').upper()}"
    call = f"{chance.getrandbits(128):032X}"
    times = gmt(at_cs, True), gmt(at_cs + 100), gmt(at_cs + 100 + size // 160)
    at_us = int(START.timestamp()) * 1_000_000 + at_cs * 10_000
    month = int(times[0][:4]) * 100 + int(times[0][5:7])
    record = shown(extension, name, call, size, times)
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    stored = json.dumps(outcome(asset, size, record["file_name"]))
    id, media = f"month-{number}", f"month-{number}-media"
    document = json.dumps({"id": id, "mediaFiles": [{"mediaId": media, "type": "audio/wav"}]})
    segments = f"{chance.getrandbits(256):064x}"
    caller, agent = record["source_number"], f"Agent {number % 200}"
    three = [
        (id, document, at_us, f"contact-{number}", f"segment-{number}", at_us, caller, agent),
        (asset, id, media, stored, segments, at_us, size + 1_500),
        (asset, id, name, extension, call, at_us, month, size // 16_000, size, text, at_us),
    ]
    return three, size


def instant(number, count):
    """When a record of the month began, in hundredths of a second."""
    if number in LONG_INSTANT:
        number = LONG_INSTANT.start
    return MONTH_CS * (number - number % SAME_INSTANT) // count


def main():
    catalog, count = sys.argv[1], int(sys.argv[2])
    database = sqlite3.connect(catalog, timeout=60)
    waiting, sums = [], {"month": 0, "before": 0, "after": 0}

    def flush():
        with database:
            for statement, batch in zip(INSERTS, zip(*waiting)):
                database.executemany(statement, batch)
        waiting.clear()

    places = [("month", number, instant(number, count)) for number in range(count)]
    places += [("before", count, -1), ("after", count + 1, MONTH_CS)]
    for which, number, at_cs in places:
        three, size = rows(number, at_cs)
        sums[which] += size
        waiting.append(three)
        if len(waiting) == BATCH:
            flush()
    flush()
    print(json.dumps(sums))


main()
