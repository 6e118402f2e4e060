use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::store::{Counted, Distribution, Writing};

/// One of the distributions that the store's side measures, as a histogram.
#[derive(Debug)]
pub(super) struct WritingHistogram {
    pub(super) writing: Arc<Writing>,
    pub(super) distribution: fn(&Writing) -> &Distribution,
    /// How many of its units are one of the metric's.
    pub(super) per_unit: f64,
}

impl EncodeMetric for WritingHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Counted { ranges, sum } = (self.distribution)(&self.writing).counted();
        let buckets: Vec<_> = ranges
            .iter()
            .map(|&(bound, count)| {
                (bound.map_or(f64::INFINITY, |bound| bound as f64 / self.per_unit), count)
            })
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(sum as f64 / self.per_unit, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
