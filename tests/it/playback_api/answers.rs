//! Every field of an answer.

use serde_json::{Value, json};

use super::{API, START, ask, ask_until_ready, one_call, push_voice_and_screen, sign_in, start};
use crate::gateway::{document, sample};

/// The answer about the one call.
fn answer(query: &str) -> Value {
    let (gateway, token) = one_call(&[]);
    let path = format!("{API}/contacts?acd-call-id=acd-one{query}");
    let answer = ask_until_ready(&gateway, &token, &path);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

#[test]
fn a_call_has_the_vendors_names() {
    let answer = answer("");
    let contact = answer["contactId"].as_str().unwrap();
    assert_eq!(contact.len(), 36, "{contact}");
    assert_eq!(answer["acdcontactId"], "acd-one");
    assert_eq!(answer["elevatedInteraction"], false);
    assert!(answer.get("redirectUrl").is_none());
    let interactions = answer["interactions"].as_array().unwrap();
    let [one] = interactions.as_slice() else { panic!("{answer}") };
    assert_eq!(one["mediaType"], "voice-only");
    assert_eq!((&one["channelType"], &one["@type"]), (&json!("PHONE_CALL"), &json!("call")));
    assert_eq!(one["startTime"], START);
    assert_eq!(one["endTime"], "2026-03-04T09:15:12.000Z");
    assert_eq!(one["callTaggingList"], json!([{ "value": "vip" }]));
    assert_eq!(one["dynamicBusinessData"], json!([]));
    let data = &one["data"];
    for name in ["startTime", "endTime", "acwEndTime", "fileToPlayUrl"] {
        assert!(data[name].is_string(), "{name}: {data}");
    }
    assert_eq!(data["messages"][0]["text"], "<script>alert(1)</script>");
    let segment = &data["segmentsDataList"][0];
    assert_eq!(segment["segmentId"], "segment-one");
    assert_eq!(segment["directionType"], "INBOUND");
    assert_eq!(
        (&segment["firstSegment"], &segment["openReasonType"]),
        (&json!(true), &json!("CONTACT"))
    );
}

#[test]
fn the_agent_is_channel_one_and_masks_are_stages() {
    let answer = answer("");
    let parties = &answer["interactions"][0]["data"]["participantDataList"];
    let (agent, customer) = (&parties[0], &parties[1]);
    assert_eq!((&agent["participantType"], &agent["channel"]), (&json!("AGENT"), &json!(1)));
    assert_eq!((&agent["agentName"], &agent["userId"]), (&json!("Kim: Lee"), &json!("kim")));
    assert_eq!(
        (&customer["participantType"], &customer["channel"]),
        (&json!("CUSTOMER"), &json!(2))
    );
    let stages: Vec<_> = agent["voiceStages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| {
            let text = |name: &str| stage[name].as_str().unwrap()[14..].to_owned();
            (stage["stageType"].as_str().unwrap(), text("startTime"), text("endTime"))
        })
        .collect();
    let expected = [
        ("ACTIVE", "15:00.000Z", "15:04.000Z"),
        ("MASK", "15:04.000Z", "15:06.000Z"),
        ("ACTIVE", "15:06.000Z", "15:12.000Z"),
    ];
    let expected = expected.map(|(kind, from, to)| (kind, from.to_owned(), to.to_owned()));
    assert_eq!(stages, expected);
}

#[test]
fn waveforms_have_a_thousand_points_for_each_channel_and_are_silent_in_masks() {
    let answer = answer("");
    let list = answer["interactions"][0]["data"]["waveformDataList"].as_array().unwrap().clone();
    assert_eq!(list.len(), 2);
    for (channel, wave) in list.iter().enumerate() {
        assert_eq!(wave["channel"], channel + 1);
        let points: Vec<f64> = wave["normalizedPcmData"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.as_f64().unwrap())
            .collect();
        assert_eq!(points.len(), 1000);
        let loud = if channel == 0 { 0.5 } else { 0.25 };
        for (at, point) in points.iter().enumerate() {
            let second = at as f64 * 0.012;
            if (4.0..5.98).contains(&second) {
                assert!(*point == 0.0, "channel {channel}, {second} s: {point}");
            } else if !(3.4..6.6).contains(&second) {
                assert!((point - loud).abs() < 0.05, "channel {channel}, {second} s: {point}");
            }
        }
    }
}

#[test]
fn what_is_excluded_is_left_out_and_a_download_redirects() {
    let answer = answer("&exclude-waveforms=TRUE&isDownload=true");
    assert!(answer["interactions"][0]["data"].get("waveformDataList").is_none());
    let redirect = answer["redirectUrl"].as_str().unwrap();
    let play = answer["interactions"][0]["data"]["fileToPlayUrl"].as_str().unwrap();
    assert!(redirect.contains("mode=attachment") && play.contains("mode=inline"));
}

#[test]
fn voice_and_screen_are_one_interaction_and_voice_alone_is_to_be_had() {
    let gateway = start(&[]);
    push_voice_and_screen(&gateway);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let document = document("call");
    let id = document["reelgate"]["contact"]["acdContactId"].as_str().unwrap();
    let path = format!("{API}/contacts?acd-call-id={id}");
    let both = ask_until_ready(&gateway, &token, &path).json();
    let list = both["interactions"].as_array().unwrap();
    assert_eq!((list.len(), &list[0]["mediaType"]), (1, &json!("voice-and-screen")), "{both}");
    let agent = &list[0]["data"]["participantDataList"][0];
    assert!(agent["screenStages"].as_array().unwrap().iter().any(|s| s["stageType"] == "MASK"));
    let voice = ask_until_ready(&gateway, &token, &format!("{path}&media-type=voice-only")).json();
    assert_eq!(voice["interactions"][0]["mediaType"], "voice-only");
    let url = |answer: &Value| answer["interactions"][0]["data"]["fileToPlayUrl"].clone();
    assert_ne!(url(&both).as_str().unwrap()[..90], url(&voice).as_str().unwrap()[..90]);
}

#[test]
fn a_chat_has_its_messages_and_an_email_its_content() {
    let gateway = start(&[]);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    for (kind, own) in [
        (
            "chat",
            json!({ "mediaKind": "chat", "messages": [{ "participantType": "CUSTOMER",
            "participantName": "Ada", "text": "hello", "timeStamp": START }] }),
        ),
        (
            "email",
            json!({ "mediaKind": "email", "email": { "from": "ada@example.com",
            "to": ["desk@example.com"], "subject": "Order 7", "body": "Where is it?",
            "sentTime": START } }),
        ),
    ] {
        let mut document = document("wav_pcm16_8k_mono");
        document["id"] = kind.into();
        document["mediaFiles"][0]["mediaId"] = format!("{kind}.wav").into();
        document["reelgate"] = own;
        assert_eq!(gateway.declare(&document).status, 201);
        let file = sample("wav_pcm16_8k_mono.wav");
        assert_eq!(gateway.push(kind, &format!("{kind}.wav"), file).status, 201);
        let path = format!("{API}/contacts?acd-call-id={kind}&media-type={kind}");
        let answer = ask_until_ready(&gateway, &token, &path);
        let one = &answer.json()["interactions"][0];
        assert_eq!((&one["mediaType"], &one["@type"]), (&json!(kind), &json!(kind)));
        match kind {
            "chat" => assert_eq!(one["data"]["messages"][0]["text"], "hello"),
            _ => {
                assert_eq!(one["data"]["content"]["subject"], "Order 7");
                assert_eq!(one["data"]["content"]["to"], json!(["desk@example.com"]));
            }
        }
    }
    let voice =
        ask(&gateway, &token, &format!("{API}/contacts?acd-call-id=chat&media-type=voice-only"));
    assert_eq!(voice.status, 404);
}

#[test]
fn faults_of_the_conversation_are_named_by_their_place() {
    let gateway = start(&[]);
    for (own, field) in [
        (json!({ "contact": { "acdContactId": "a/b" } }), "reelgate.contact.acdContactId"),
        (
            json!({ "contact": { "statements": [{ "statementId": "s" }] } }),
            "reelgate.contact.statements[0]",
        ),
        (
            json!({ "messages": [{ "participantType": "ROBOT", "text": "", "timeStamp": START }] }),
            "reelgate.messages[0].participantType",
        ),
        (
            json!({ "messages": [{ "participantType": "AGENT", "text": "", "timeStamp": "now" }] }),
            "reelgate.messages[0].timeStamp",
        ),
        (json!({ "direction": "SIDEWAYS" }), "reelgate.direction"),
        (
            json!({ "sentiments": [{ "overallSentiment": "ODD" }] }),
            "reelgate.sentiments[0].overallSentiment",
        ),
    ] {
        let mut document = document("wav_pcm16_8k_mono");
        document["reelgate"] = own;
        let answer = gateway.declare(&document);
        assert_eq!((answer.status.as_u16(), answer.json()["field"].as_str()), (422, Some(field)));
    }
}
