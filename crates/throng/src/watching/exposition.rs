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

/// All metrics of this snapshot.
pub fn text(snapshot: &Snapshot, format: Format) -> String {
    let labels = [("service".into(), snapshot.service.into())];
    let mut registry = Registry::with_labels(labels.into_iter());
    registry.register_collector(Box::new(Scrape(snapshot.clone())));
    let mut text = String::new();
    encode(&mut text, &registry).expect("a String takes all that is written to it");
    match format {
        Format::OpenMetrics => text,
        Format::Text => older(&text),
    }
}

#[derive(Debug)]
struct Scrape(Snapshot);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> std::fmt::Result {
        METRICS.iter().try_for_each(|metric| write(metric, &self.0, &mut encoder))
    }
}

fn write(metric: &Metric, snapshot: &Snapshot, encoder: &mut DescriptorEncoder) -> std::fmt::Result {
    let value = (metric.read)(snapshot);
    let is_missing = match &value {
        Value::One(value) => value.is_none(),
        Value::By(values) => values.is_empty(),
        Value::Times(times) => times.is_none(),
    };
    if is_missing {
        return Ok(());
    }
    let kind = match metric.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
        Kind::Info => MetricType::Info,
    };
    let mut encoder = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
    match value {
        Value::One(value) => write_number(metric.kind, value.unwrap_or_default(), &mut encoder),
        Value::By(values) => values.into_iter().try_for_each(|(name, value)| {
            let labels = [(metric.label.unwrap_or("name"), name)];
            match metric.kind {
                Kind::Info => encoder.encode_info(&labels),
                kind => write_number(kind, value, &mut encoder.encode_family(&labels)?),
            }
        }),
        Value::Times(times) => write_times(&times.unwrap_or_default(), &mut encoder),
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
