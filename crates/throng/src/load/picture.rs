//! A result as a picture: how long a message took, by the share of messages that took no longer.

use throng_client::figures::plot::{self, Axis, Line, Panel};
use throng_client::figures::scale::Scale;
use throng_client::load::outcome::Outcome;
use throng_client::times::Times;

use crate::units::shown;

/// Points of a line between 90 % and 99 %, and in each further step.
const POINTS: i32 = 12;

/// The steps that are drawn at most: the last one ends at 99.9999 %.
const STEPS_MAX: i32 = 6;

/// Draws it, if anything was measured.
pub fn draw(outcome: &Outcome, is_open: bool) -> Option<String> {
    let lines = if is_open {
        vec![("from intended", &outcome.response), ("from actual", &outcome.service)]
    } else if outcome.response.count() > 0 {
        vec![("latency", &outcome.response)]
    } else {
        vec![("connect", &outcome.connect)]
    };
    let lines: Vec<_> = lines.into_iter().filter(|(_, times)| times.count() > 0).collect();
    let points: Vec<_> = lines.iter().map(|(name, times)| (*name, curve(times))).collect();
    let all: Vec<(f64, f64)> = points.iter().flat_map(|(_, points)| points.iter().copied()).collect();
    let farthest = all.iter().map(|(x, _)| *x).reduce(f64::max)?;
    let heights = Scale::log(all.iter().map(|(_, y)| *y));
    let axis = Axis {
        title: "share of messages that took no longer",
        scale: Scale::log([1.0, farthest].into_iter()),
        label: share,
    };
    let lines = points.into_iter().enumerate().map(|(index, (name, points))| Line {
        name: name.to_owned(),
        is_broken: index > 0,
        points,
    });
    let panel = Panel { title: "time", scale: heights, label: time, lines: lines.collect() };
    Some(plot::draw(&axis, &[panel]))
}

/// Over one by the share that took longer, so that each further nine is one step to the right.
fn curve(times: &Times) -> Vec<(f64, f64)> {
    let most = (times.count() as f64).min(10_f64.powi(STEPS_MAX));
    let steps = (0..=STEPS_MAX * POINTS).map(|step| 10_f64.powf(f64::from(step) / f64::from(POINTS)));
    let inside = steps.take_while(|x| *x < most).chain([most]);
    inside.map(|x| (x, times.quantile(1.0 - 1.0 / x).as_secs_f64().max(1e-9))).collect()
}

/// 1 is 0 %, 10 is 90 %, 100 is 99 %.
fn share(x: f64) -> String {
    let digits = (x.log10().round() as usize).saturating_sub(2);
    format!("{:.digits$} %", (1.0 - 1.0 / x) * 100.0)
}

fn time(seconds: f64) -> String {
    let told = shown(std::time::Duration::from_secs_f64(seconds));
    told.replace(".00 ", " ").replace(".0 ", " ")
}

#[cfg(test)]
mod tests {
    use super::super::samples::outcome;
    use super::*;

    #[test]
    fn each_nine_is_one_step_to_the_right() {
        for (x, expected) in
            [(1.0, "0 %"), (10.0, "90 %"), (100.0, "99 %"), (1000.0, "99.9 %"), (1e5, "99.999 %")]
        {
            assert_eq!(share(x), expected);
        }
        let points = curve(&outcome().response);
        assert_eq!(points.len() as i32, 3 * POINTS + 1);
        assert!(points.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1), "{points:?}");
        let median = points.iter().find(|(x, _)| (*x - 10.0).abs() < 0.01).unwrap().1;
        assert!((median - 900e-6).abs() < 2e-6, "{median}");
    }

    #[test]
    fn both_times_of_an_open_loop_are_drawn_and_nothing_where_nothing_was_measured() {
        let mut outcome = outcome();
        let svg = draw(&outcome, true).unwrap();
        assert!(
            svg.contains("from intended") && svg.contains("from actual") && svg.contains("99.9 %"),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert!(!draw(&outcome, false).unwrap().contains("from actual"));
        outcome.response.clear();
        outcome.service.clear();
        assert_eq!(draw(&outcome, true), None);
    }
}
