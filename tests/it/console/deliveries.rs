//! Deliveries that were refused get another try.

use serde_json::Value;

use super::{audited, get, post, refused};
use crate::delivery::gateway_to;
use crate::gateway::wait;
use crate::peers::rws::{Fault, Rws, Script};

fn only(answer: &Value) -> Value {
    let all = answer["deliveries"].as_array().unwrap();
    assert_eq!(all.len(), 1, "{answer}");
    all[0].clone()
}

#[test]
fn a_delivery_that_rws_refused_is_made_after_a_retry() {
    let rws = Rws::start(Script { faults: vec![Fault::Code(2)], ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    gateway.delivered(&recording, "dead");
    let dead = only(&get(&gateway, "/deliveries?state=dead"));
    assert_eq!((&dead["target"], &dead["attempts"]), (&"rws".into(), &1.into()));
    assert_eq!(dead["lastTry"]["outcome"], "refused");
    assert_eq!(get(&gateway, "/health")["deliveries"]["state"], "warning");
    let path = format!("/deliveries/{}/retry", dead["deliveryId"].as_str().unwrap());
    assert_eq!(post(&gateway, &path).status, 200);
    let status = gateway.delivered(&recording, "delivered");
    let outcomes = status["deliveries"][0]["tries"].as_array().unwrap().clone();
    assert_eq!(outcomes.last().unwrap()["outcome"], "delivered");
    assert_eq!(rws.records()[&recording].inserts, 1);
    refused(&post(&gateway, &path), 409, "DELIVERED", "already");
    let rows = audited(&gateway, "delivery.retry");
    assert_eq!(rows.len(), 1, "a retry that changed nothing wrote a row: {rows:?}");
    assert!(rows[0].0.starts_with("operator-"));
    assert_eq!(only(&get(&gateway, "/deliveries?state=delivered"))["nextTime"], Value::Null);
    assert_eq!(get(&gateway, "/deliveries?state=dead")["deliveries"].as_array().unwrap().len(), 0);
}

#[test]
fn a_delivery_that_was_given_up_has_all_its_tries_again() {
    // Two tries fail; of those after the retry one more does, which alone would be the last.
    let faults = vec![Fault::Status500, Fault::Status500, Fault::Status500];
    let rws = Rws::start(Script { faults, ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[("GIR__MAX_ATTEMPTS", "2")]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    gateway.delivered(&recording, "dead");
    let dead = only(&get(&gateway, "/deliveries"));
    let path = format!("/deliveries/{}/retry", dead["deliveryId"].as_str().unwrap());
    assert_eq!(post(&gateway, &path).status, 200);
    gateway.delivered(&recording, "delivered");
    assert_eq!(only(&get(&gateway, "/deliveries"))["attempts"], 4);
}

#[test]
fn a_delivery_that_waits_is_made_at_once() {
    let rws = Rws::start(Script { faults: vec![Fault::Status500], ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[("GIR__RETRY_FIRST_MS", "3600000")]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    let waits = wait("the first try", || {
        let one = get(&gateway, "/deliveries")["deliveries"][0].clone();
        (one["attempts"] == 1).then_some(one)
    });
    assert_eq!(waits["state"], "pending");
    let path = format!("/deliveries/{}/retry", waits["deliveryId"].as_str().unwrap());
    assert_eq!(post(&gateway, &path).status, 200);
    gateway.delivered(&recording, "delivered");
}

#[test]
fn deliveries_come_by_pages() {
    let rws = Rws::start(Script::default());
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let mut pushed = Vec::new();
    for file in ["wav_pcm16_8k_mono.wav", "wav_pcm16_8k_stereo.wav", "wav_mulaw_8k_stereo.wav"] {
        let (recording, _) = gateway.push_sample(file);
        gateway.delivered(&recording, "delivered");
        pushed.insert(0, recording);
    }
    let first = get(&gateway, "/deliveries?limit=2");
    let next = first["next"].as_str().unwrap();
    let second = get(&gateway, &format!("/deliveries?limit=2&after={next}"));
    let rows = [&first, &second].map(|page| page["deliveries"].as_array().unwrap().clone());
    let ids: Vec<Value> = rows.concat().iter().map(|row| row["recordingId"].clone()).collect();
    assert_eq!(ids, pushed);
    assert_eq!(second["next"], Value::Null);
}
