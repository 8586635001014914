//! Webhooks, signed as the Standard Webhooks specification says: `webhook-id` (the same for every
//! repetition), `webhook-timestamp`, and `webhook-signature` (`v1,` and the base64 of HMAC-SHA256
//! over `id.timestamp.body`).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Next, Tried};
use crate::catalog::{Delivery, DeliveryState};

/// What a secret in the form of the specification begins with; base64 follows.
const SECRET_PREFIX: &str = "whsec_";

/// One receiver of webhooks.
pub struct WebhookTarget {
    /// The target in the delivery table.
    pub target: String,
    /// Where it listens.
    pub url: String,
    /// The secret that signs, as its file has it: `whsec_` and base64, or the bytes themselves.
    pub secret: Zeroizing<String>,
}

/// Posts messages to their receivers.
pub struct WebhookReceiver {
    client: Client,
    targets: Vec<WebhookTarget>,
}

impl WebhookReceiver {
    /// For these receivers.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(targets: Vec<WebhookTarget>, timeout: Duration) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(timeout).redirect(Policy::none()).build()?;
        Ok(Self { client, targets })
    }

    /// One try: whoever answers with 2xx has it.
    pub(super) async fn attempt(&self, delivery: &Delivery, now: Timestamp) -> Tried {
        let again = |detail: String| Tried {
            outcome: "retry",
            detail,
            next: Next::Again(DeliveryState::Pending),
        };
        let Some(target) = self.targets.iter().find(|target| target.target == delivery.target)
        else {
            return again("no receiver of this name is configured".to_owned());
        };
        let body = delivery.body.clone().unwrap_or_default();
        let (id, time) = (delivery.recording_id.as_str(), now.as_second().to_string());
        let signature = sign(&target.secret, &format!("{id}.{time}.{body}"));
        let request = self
            .client
            .post(&target.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", &time)
            .header("webhook-signature", format!("v1,{signature}"))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Tried {
                outcome: "delivered",
                detail: format!("status {}", answer.status().as_u16()),
                next: Next::Done,
            },
            Ok(answer) => again(format!("status {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => again("no answer in time".to_owned()),
            Err(_) => again("the receiver cannot be reached".to_owned()),
        }
    }
}

fn sign(secret: &str, message: &str) -> String {
    let key = secret.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok());
    let key = Zeroizing::new(key.unwrap_or_else(|| secret.as_bytes().to_vec()));
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return String::new() };
    mac.update(message.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification.
    #[test]
    fn the_signature_is_the_specified_one() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let message = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(sign(secret, message), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
