//! Where the server's events and spans go: to standard error, and to a collector where one is named.

use std::io;

use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    args::{LogFormat, ServeArgs},
    output,
};

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

/// What is still to be sent when the server ends.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    #[cfg(feature = "otel")]
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Telemetry {
    /// Starts the export; not from within a runtime.
    #[cfg_attr(
        not(feature = "otel"),
        expect(clippy::unnecessary_wraps, reason = "it can fail where the export is built in")
    )]
    pub(crate) fn start(args: &ServeArgs) -> Result<Self, String> {
        #[cfg_attr(not(feature = "otel"), expect(unused_mut, reason = "another layer joins where it is built in"))]
        let mut layers = vec![log(args.log)];
        #[cfg(feature = "otel")]
        let telemetry = match args.otlp.as_deref().map(otlp::export).transpose()? {
            Some((layer, provider)) => {
                layers.push(layer);
                Self { traces: Some(provider) }
            }
            None => Self::default(),
        };
        #[cfg(not(feature = "otel"))]
        let telemetry = Self::default();
        tracing_subscriber::registry().with(layers).init();
        Ok(telemetry)
    }

    /// Sends what is left; not from within a runtime.
    #[cfg_attr(
        not(feature = "otel"),
        expect(clippy::unused_self, reason = "something is left where the export is built in")
    )]
    pub(crate) fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(Err(error)) = self.traces.map(|traces| traces.shutdown()) {
            output::note(format!("the last spans are lost: {error}"));
        }
    }
}

/// Prints warnings to standard error, for commands that do not serve.
pub(crate) fn plain() {
    tracing_subscriber::registry().with(log(LogFormat::Text)).init();
}

fn log(format: LogFormat) -> Boxed {
    let quiet = match format {
        // What becomes of a reload is told elsewhere, in words for the author.
        LogFormat::Text => "warn,casebook_server::reload=off",
        LogFormat::Json => "info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(quiet));
    let layer = fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => layer.with_ansi(output::stderr_has_color()).with_filter(filter).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
    }
}

#[cfg(feature = "otel")]
mod otlp {
    //! Spans, as OpenTelemetry's protocol over HTTP has them.

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_otlp::{SpanExporter, WithExportConfig};
    use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
    use tracing_subscriber::{Layer, filter::LevelFilter, filter::Targets};

    use super::Boxed;

    /// Makes the layer that hands spans over, and the provider that sends them.
    pub(super) fn export(url: &str) -> Result<(Boxed, SdkTracerProvider), String> {
        #[cfg(feature = "cloud")]
        crate::objects::provide_tls();
        let endpoint = format!("{}/v1/traces", url.trim_end_matches('/'));
        let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build();
        let exporter = exporter.map_err(|error| format!("cannot export to {url}: {error}"))?;
        let resource = Resource::builder().with_service_name("casebook").build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let spans = Targets::new().with_target("casebook_server", LevelFilter::DEBUG);
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("casebook")).with_filter(spans);
        Ok((layer.boxed(), provider))
    }
}
