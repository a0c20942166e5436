//! Where a value lies on an axis, and where the axis has its marks.

/// Steps between the marks of a linear axis, times a power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// Marks that a linear axis has at most, besides zero.
const MARKS_MAX: f64 = 6.0;

/// An axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// From zero on; equal steps are equal distances.
    Linear {
        /// Between two marks.
        step: f64,
        /// How many steps.
        steps: usize,
    },
    /// Equal factors are equal distances.
    Log {
        /// The power of ten at the beginning.
        least: i32,
        /// The one at the end.
        most: i32,
    },
}

impl Scale {
    /// From zero to a round number that no value is above.
    pub fn linear(values: impl Iterator<Item = f64>) -> Scale {
        // Of no values, or none above zero, an axis is made all the same.
        let most = values.fold(0.0, f64::max).max(f64::MIN_POSITIVE.sqrt());
        let power = 10_f64.powf((most / MARKS_MAX).log10().floor());
        let step = STEPS.iter().map(|step| step * power).find(|step| most / step <= MARKS_MAX);
        let step = step.unwrap_or(10.0 * power);
        Scale::Linear { step, steps: (most / step).ceil() as usize }
    }

    /// From the power of ten below all values, which are above zero, to the one above; at least one apart.
    pub fn log(values: impl Iterator<Item = f64> + Clone) -> Scale {
        let least = values.clone().reduce(f64::min).unwrap_or(1.0).log10().floor() as i32;
        let most = values.reduce(f64::max).unwrap_or(1.0).log10().ceil() as i32;
        Scale::Log { least, most: most.max(least + 1) }
    }

    /// Where a value lies: from 0 at the beginning to 1 at the end.
    pub fn place(&self, value: f64) -> f64 {
        match *self {
            Scale::Linear { step, steps } => value / (step * steps as f64),
            Scale::Log { least, most } => (value.log10() - f64::from(least)) / f64::from(most - least),
        }
    }

    /// The values that have marks, from the beginning to the end.
    pub fn marks(&self) -> Vec<f64> {
        match *self {
            Scale::Linear { step, steps } => (0..=steps).map(|count| step * count as f64).collect(),
            Scale::Log { least, most } => (least..=most).map(|power| 10_f64.powi(power)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        let near = |(found, expected): (&f64, &f64)| (found - expected).abs() <= expected.abs() * 1e-9;
        assert_eq!(found.len(), expected.len(), "{found:?} instead of {expected:?}");
        assert!(found.iter().zip(expected).all(near), "{found:?} instead of {expected:?}");
    }

    #[test]
    fn a_linear_axis_begins_at_zero_and_has_round_marks() {
        for (values, marks) in [
            (&[3.0, 6.0][..], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0][..]),
            (&[120_000.0, 81_000.0], &[0.0, 20e3, 40e3, 60e3, 80e3, 100e3, 120e3]),
            (&[121_000.0], &[0.0, 50e3, 100e3, 150e3]),
            (&[0.07], &[0.0, 0.02, 0.04, 0.06, 0.08]),
        ] {
            let scale = Scale::linear(values.iter().copied());
            close(&scale.marks(), marks);
            let most = marks[marks.len() - 1];
            close(&[scale.place(0.0), scale.place(most / 4.0), scale.place(most)], &[0.0, 0.25, 1.0]);
        }
    }

    #[test]
    fn on_a_logarithmic_axis_equal_factors_are_equal_distances() {
        let scale = Scale::log([1.0, 10.0, 1000.0].into_iter());
        close(&scale.marks(), &[1.0, 10.0, 100.0, 1000.0]);
        let places = [1.0, 10.0, 31.622_776_601_683_79, 100.0, 1000.0].map(|value| scale.place(value));
        close(&places, &[0.0, 1.0 / 3.0, 0.5, 2.0 / 3.0, 1.0]);
        close(&Scale::log([18.0, 4000.0].into_iter()).marks(), &[10.0, 100.0, 1000.0, 10_000.0]);
    }

    #[test]
    fn one_value_or_none_makes_an_axis_too() {
        close(&Scale::log([10.0].into_iter()).marks(), &[10.0, 100.0]);
        for scale in
            [Scale::log([].into_iter()), Scale::linear([].into_iter()), Scale::linear([0.0].into_iter())]
        {
            assert!(scale.marks().len() > 1, "{scale:?}");
            assert!(
                scale.marks().iter().all(|mark| (0.0..=1.0 + 1e-9).contains(&scale.place(*mark))),
                "{scale:?}"
            );
        }
    }
}
