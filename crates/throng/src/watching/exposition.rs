//! The metrics written down. OpenMetrics is prometheus-client's; the older text is made of it line by line, since both differ
//! in how they name counters only, and in a few lines that the older one does not have.

use std::fmt::Write;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use throng_services::latency::Times;
use throng_services::watching::Format;

use super::metrics::{Kind, METRICS, Metric, Value};
use super::snapshot::Snapshot;

/// Bounds of times: 64 µs, and twice as long again and again up to 8.4 s. Powers of two are where times are counted exactly.
const POWERS: std::ops::RangeInclusive<u32> = 6..=23;

/// All metrics of these services of one process.
pub fn text(services: Vec<Snapshot>, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(services)));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a String takes all that is written to it");
    match format {
        Format::OpenMetrics => text,
        Format::Text => older(&text),
    }
}

#[derive(Debug)]
struct Scrape(Vec<Snapshot>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        METRICS.iter().try_for_each(|metric| write(metric, &self.0, &mut encoder))
    }
}

/// The labels of a sample.
type Labels = Vec<(&'static str, String)>;

/// One metric: of the process once, else of each service that has it.
fn write(metric: &Metric, services: &[Snapshot], encoder: &mut DescriptorEncoder) -> std::fmt::Result {
    let most = if metric.of_process { 1 } else { usize::MAX };
    let found: Vec<(Labels, Value)> = services
        .iter()
        .take(most)
        .map(|snapshot| {
            let own = (!metric.of_process).then(|| ("service", snapshot.service.clone()));
            (own.into_iter().collect(), (metric.read)(snapshot))
        })
        .filter(|(_, value)| !value.is_missing())
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
        Kind::Info => MetricType::Info,
    };
    let mut encoder = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
    found.into_iter().try_for_each(|(labels, value)| write_value(metric, &labels, value, &mut encoder))
}

fn write_value(metric: &Metric, own: &Labels, value: Value, encoder: &mut MetricEncoder) -> std::fmt::Result {
    match value {
        // Without labels there are no braces either.
        Value::One(value) if own.is_empty() => write_number(metric.kind, value.unwrap_or_default(), encoder),
        Value::One(value) => {
            write_number(metric.kind, value.unwrap_or_default(), &mut encoder.encode_family(own)?)
        }
        Value::By(values) => values.into_iter().try_for_each(|(name, value)| {
            let mut labels = own.clone();
            labels.push((metric.label.unwrap_or("name"), name));
            match metric.kind {
                Kind::Info => encoder.encode_info(&labels),
                kind => write_number(kind, value, &mut encoder.encode_family(&labels)?),
            }
        }),
        Value::Times(times) => write_times(&times.unwrap_or_default(), &mut encoder.encode_family(own)?),
    }
}

impl Value {
    /// Does the system, or the service, not have it?
    fn is_missing(&self) -> bool {
        match self {
            Value::One(value) => value.is_none(),
            Value::By(values) => values.is_empty(),
            Value::Times(times) => times.is_none(),
        }
    }
}

fn write_number(kind: Kind, value: f64, encoder: &mut MetricEncoder) -> std::fmt::Result {
    match kind {
        Kind::Counter => encoder.encode_counter::<NoLabelSet, _, f64>(&value, None),
        _ => encoder.encode_gauge(&value),
    }
}

fn write_times(times: &Times, encoder: &mut MetricEncoder) -> std::fmt::Result {
    let mut below = 0;
    let mut buckets: Vec<_> = POWERS
        .map(|power| {
            let before = std::mem::replace(&mut below, times.below(power));
            ((1_u64 << power) as f64 / 1e6, below - before)
        })
        .collect();
    let count = times.count();
    buckets.push((f64::INFINITY, count - below));
    encoder.encode_histogram::<NoLabelSet>(times.sum().as_secs_f64(), count, &buckets, None)
}

/// Version 0.0.4 of the same: a counter's family is called as its samples are, and so are facts, which are gauges there.
fn older(text: &str) -> String {
    let mut older = String::with_capacity(text.len());
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(what), Some(name), Some(rest)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            // A sample is the same in both, and what only OpenMetrics has is none.
            if !line.starts_with('#') {
                older.push_str(line);
                older.push('\n');
            }
            continue;
        };
        let metric = METRICS.iter().find(|metric| metric.name == name);
        let name = metric.map_or_else(|| name.to_owned(), Metric::full_name);
        let rest = if what == "TYPE" && rest == "info" { "gauge" } else { rest };
        writeln!(older, "# {what} {name} {rest}").expect("a String takes all that is written to it");
    }
    older
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_text_names_counters_and_facts_as_their_samples() {
        let openmetrics = "# HELP throng_pauses How often a b\n# TYPE throng_pauses counter\nthrong_pauses_total 1\n\
                           # TYPE throng_build info\nthrong_build_info{version=\"1\"} 1\n\
                           # HELP throng_ready 1 while\n# TYPE throng_ready gauge\nthrong_ready 1\n# EOF\n";
        let expected = "# HELP throng_pauses_total How often a b\n# TYPE throng_pauses_total counter\nthrong_pauses_total 1\n\
                        # TYPE throng_build_info gauge\nthrong_build_info{version=\"1\"} 1\n\
                        # HELP throng_ready 1 while\n# TYPE throng_ready gauge\nthrong_ready 1\n";
        assert_eq!(older(openmetrics), expected);
    }
}
