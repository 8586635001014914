//! Out of quarantine: healed after its cause was mended, or erased.

use serde_json::{Value, json};

use super::{audited, declare, get, post, push, quarantine, refused, sql, zoneless};
use crate::gateway::{Gateway, sample, wait};

fn spool_files(gateway: &Gateway) -> usize {
    std::fs::read_dir(gateway.data().join("spool")).unwrap().count()
}

#[test]
fn a_retry_heals_after_the_cause_is_mended() {
    let mut gateway = Gateway::start(&[]);
    let asset = quarantine(&gateway, "held");
    let listed = get(&gateway, "/quarantine");
    let file = &listed["assets"][0];
    assert_eq!((&file["assetId"], &file["here"]), (&json!(asset), &json!(true)));
    assert_eq!(
        (&file["reason"], &file["mediaId"]),
        (&json!("mask_needs_zone"), &json!("held.wav"))
    );
    assert!(file["bytes"].as_u64().unwrap() > 1000 && file["since"].is_string(), "{file}");
    assert_eq!(get(&gateway, "/health")["media"]["state"], "warning");
    // Nothing was mended: it comes back.
    let path = format!("/quarantine/{asset}/retry");
    assert_eq!(post(&gateway, &path).json()["state"], "spooled");
    wait("the second quarantine", || {
        let found = get(&gateway, "/recordings/held");
        let stages = found["media"][0]["stages"].as_array().unwrap().len();
        (found["media"][0]["state"] == "quarantined" && stages == 5).then_some(())
    });
    gateway.kill();
    gateway.set("MASK__ZONE", "UTC");
    gateway.restart();
    assert_eq!(post(&gateway, &path).status, 200);
    let status = gateway.delivered("held", "delivered");
    assert_eq!((&status["state"], &status["media"][0]["reason"]), (&json!("ready"), &Value::Null));
    assert_eq!(status["media"][0]["detail"], Value::Null);
    assert_eq!(status["media"][0]["spans"][0]["fromMs"], 4000);
    wait("the spool file's end", || (spool_files(&gateway) == 0).then_some(()));
    let body = refused(&post(&gateway, &path), 409, "NOT_QUARANTINED", "ready");
    assert_eq!(body["state"], "ready");
    assert_eq!(audited(&gateway, "quarantine.retry").len(), 2);
    assert_eq!(get(&gateway, "/quarantine")["assets"], json!([]));
}

#[test]
fn an_erased_asset_leaves_no_spool_file_and_the_rest_is_delivered() {
    // Else the masks of the one are those of the other too.
    let gateway = Gateway::start(&[("MASK__ACROSS_MEDIA", "false")]);
    let mut document = zoneless("pair");
    let mut second = document["mediaFiles"][0].clone();
    second["mediaId"] = "good.wav".into();
    second["masks"] = json!([]);
    document["mediaFiles"].as_array_mut().unwrap().push(second);
    declare(&gateway, &document);
    push(&gateway, "pair");
    assert_eq!(gateway.push("pair", "good.wav", sample("wav_pcm16_8k_mono.wav")).status, 201);
    let status = wait("both ends", || {
        let status = gateway.status("pair");
        let states = [&status["media"][0]["state"], &status["media"][1]["state"]];
        (states == [&json!("quarantined"), &json!("ready")]).then_some(status)
    });
    assert_eq!(status["deliveries"], json!([]), "an open quarantine holds the record back");
    assert_eq!(spool_files(&gateway), 1);
    let asset = status["media"][0]["assetId"].as_str().unwrap().to_owned();
    let path = format!("/quarantine/{asset}/erase");
    assert_eq!(post(&gateway, &path).json()["state"], "erased");
    assert_eq!(spool_files(&gateway), 0);
    let status = gateway.delivered("pair", "delivered");
    let file = &status["media"][0];
    assert_eq!((&file["state"], &file["reason"]), (&json!("erased"), &json!("erased_by_operator")));
    let sent = status["insertion"]["mediaFiles"].as_array().unwrap();
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["mediaId"], "good.wav");
    let rows = audited(&gateway, "quarantine.erase");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].1, asset);
    for action in ["erase", "retry"] {
        let answer = post(&gateway, &format!("/quarantine/{asset}/{action}"));
        refused(&answer, 409, "NOT_QUARANTINED", "erased");
    }
}

#[test]
fn a_recording_of_which_all_is_erased_owes_nothing() {
    let gateway = Gateway::start(&[]);
    let asset = quarantine(&gateway, "held");
    assert_eq!(post(&gateway, &format!("/quarantine/{asset}/erase")).status, 200);
    let status = gateway.status("held");
    assert_eq!((&status["state"], &status["deliveries"]), (&json!("erased"), &json!([])));
    assert_eq!(get(&gateway, "/recordings?state=erased")["recordings"][0]["recordingId"], "held");
}

#[test]
fn an_asset_of_another_node_is_refused_by_the_name_of_that_node() {
    let gateway = Gateway::start(&[]);
    let asset = quarantine(&gateway, "held");
    sql(&gateway, "UPDATE media SET node = 'node-b' WHERE recording_id = 'held'");
    assert_eq!(get(&gateway, "/quarantine")["assets"][0]["here"], false);
    for action in ["retry", "erase"] {
        let answer = post(&gateway, &format!("/quarantine/{asset}/{action}"));
        assert_eq!(refused(&answer, 409, "ELSEWHERE", "node-b")["node"], "node-b");
    }
    assert_eq!((spool_files(&gateway), audited(&gateway, "quarantine.erase").len()), (1, 0));
}

#[test]
fn an_asset_whose_file_is_gone_is_not_tried_for_ever() {
    let gateway = Gateway::start(&[]);
    let asset = quarantine(&gateway, "held");
    std::fs::remove_file(gateway.data().join(format!("spool/{asset}.spool"))).unwrap();
    refused(&post(&gateway, &format!("/quarantine/{asset}/retry")), 409, "NO_FILE", "spool");
    assert_eq!(get(&gateway, "/recordings/held")["media"][0]["state"], "quarantined");
    assert_eq!(post(&gateway, &format!("/quarantine/{asset}/erase")).status, 200);
}

#[test]
fn quarantined_assets_come_by_pages() {
    let gateway = Gateway::start(&[]);
    let assets: Vec<String> =
        ["held-1", "held-2", "held-3"].iter().map(|id| quarantine(&gateway, id)).collect();
    let ids = |page: &Value| -> Vec<String> {
        let rows = page["assets"].as_array().unwrap().iter();
        rows.map(|row| row["assetId"].as_str().unwrap().to_owned()).collect()
    };
    let first = get(&gateway, "/quarantine?limit=2");
    assert_eq!(ids(&first), [assets[2].clone(), assets[1].clone()]);
    let second = get(&gateway, &format!("/quarantine?after={}", first["next"].as_str().unwrap()));
    assert_eq!((ids(&second), &second["next"]), (vec![assets[0].clone()], &Value::Null));
}
