//! Logs and metrics. Logs go to standard error, one line an event; no secret is ever an argument.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Starts the logs; a second call changes nothing.
pub fn start_logs(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second subscriber is refused, which is as well: the first one logs.
    let _ = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(false).try_init()
    };
}

/// An error with the whole chain of its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// What `/metrics` shows.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// Installs the recorder of this process.
    ///
    /// # Errors
    /// When the process has a recorder already.
    pub fn install() -> Result<Self, metrics_exporter_prometheus::BuildError> {
        let handle = PrometheusBuilder::new().install_recorder()?;
        describe();
        Ok(Self(handle))
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};

    describe_counter!("reelgate_http_requests_total", "answers by dialect and status class");
    describe_histogram!("reelgate_http_seconds", "time to the head of the answer by dialect");
    describe_counter!("reelgate_uploads_total", "uploads by outcome");
    describe_counter!("reelgate_upload_bytes_total", "bytes acknowledged");
    describe_counter!("reelgate_assets_total", "assets that reached a final state, by state");
    describe_counter!("reelgate_quarantined_total", "quarantined assets by reason");
    describe_counter!("reelgate_job_failures_total", "processing tries that will be repeated");
    describe_counter!("reelgate_deliveries_total", "delivery tries by target and outcome");
    describe_counter!("reelgate_store_requests_total", "store requests by operation and outcome");
    describe_gauge!("reelgate_uploads_open", "uploads under way");
    describe_gauge!("reelgate_media", "media rows by state");
    describe_gauge!("reelgate_recordings", "recordings by the store that holds them");
}
