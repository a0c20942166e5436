//! A result as people read it.

use throng_client::crowd::speech::Speech;
use throng_client::crowd::tally::Shape;
use throng_client::figures::sheet::{Sheet, number, tenths};
use throng_client::load::counts::{Reasons, Why};
use throng_client::load::outcome::Outcome;
use throng_client::load::plan::{Chat, Framing, Messages, Pace, Plan, Task};
use throng_wire::printable::printable;

use super::verdict::{Verdict, bytes_per_s, per_s};
use crate::units::shown;

/// The shares that are told, and their names.
pub const SHARES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// The whole of it.
pub fn table(target: &str, plan: &Plan, outcome: &Outcome, verdict: &Verdict) -> String {
    let mut lines = vec![format!("{}: {}", printable(target), what(plan))];
    lines.extend(clients(outcome));
    lines.extend(amounts(plan, outcome));
    lines.extend(checked(plan, outcome));
    lines.push(String::new());
    lines.push(latencies(plan, outcome).trim_end().to_owned());
    lines.push(String::new());
    lines.push(generator(outcome));
    if is_closed_loop(plan) {
        lines.push(
            "           a closed loop waits for whom it measures, which hides stalls: --rate shows them"
                .to_owned(),
        );
    }
    lines.extend(judged(plan, outcome, verdict));
    lines.join("\n")
}

/// What was done, in a few words.
pub fn what(plan: &Plan) -> String {
    let of = |messages: Messages| {
        let form = match messages.framing {
            Framing::Raw => "raw",
            Framing::Line => "lines",
            Framing::LengthPrefixed => "length-prefixed",
        };
        format!("{form}, {} bytes, seed {}", number(messages.bytes as f64), messages.seed)
    };
    let paced = |pace| match pace {
        Pace::Open { rate } => format!("open loop, {} a second", tenths(rate).trim_end_matches(".0")),
        Pace::Closed { think } if think.is_zero() => "closed loop".to_owned(),
        Pace::Closed { think } => format!("closed loop, {} between", shown(think)),
    };
    match plan.task {
        Task::Chat(Chat { speech, shape: Shape { rooms, members, talkers, window }, pace, .. }) => {
            let speech = match speech {
                Speech::Irc => "IRC",
                Speech::Lines => "chat by lines",
            };
            format!(
                "{speech}, rooms {rooms}, members {members} each, of whom talk {talkers}, under way {window} each, {}",
                paced(pace)
            )
        }
        Task::Echo(echo) => {
            let pace = paced(echo.pace);
            let depth =
                if echo.depth > 1 { format!(", {} under way each", echo.depth) } else { String::new() };
            format!("echo, {}, {pace}{depth}", of(echo.messages))
        }
        Task::Churn => "clients who come and go".to_owned(),
        Task::Hold => "clients who stay and say nothing".to_owned(),
        Task::SlowReader { messages, bytes_per_s } => {
            format!("slow readers, {}, {} bytes a second each", of(messages), number(bytes_per_s as f64))
        }
    }
}

fn is_closed_loop(plan: &Plan) -> bool {
    matches!(plan.pace(), Some(Pace::Closed { .. }))
}

fn clients(outcome: &Outcome) -> Vec<String> {
    let counts = &outcome.counts;
    let count = |count: u64| number(count as f64);
    let mut lines = vec![format!(
        "clients    {} asked, {} reached, {} answered, {} lost",
        count(counts.asked),
        count(counts.reached),
        count(counts.answered),
        count(counts.lost.sum())
    )];
    for (what, reasons) in [("not made", &counts.failed), ("lost", &counts.lost)] {
        if reasons.sum() > 0 {
            lines.push(format!("           {what}: {}", told(reasons)));
        }
    }
    if counts.unended > 0 {
        lines.push(format!(
            "           {} were not ended by the server when they had ended",
            count(counts.unended)
        ));
    }
    if let Some(strange) = &outcome.strange {
        lines.push(format!("           the first other error: {}", printable(strange)));
    }
    lines
}

fn told(reasons: &Reasons) -> String {
    let each = reasons.happened().map(|(why, count)| format!("{} {}", number(count as f64), why.name()));
    each.collect::<Vec<_>>().join(", ")
}

fn amounts(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let counts = &outcome.counts;
    let rates = format!("{} a second", number(per_s(outcome)));
    let megabytes = format!("{} MB/s", tenths(bytes_per_s(outcome) / 1e6));
    let lasted = shown(outcome.lasted);
    let unsent = match counts.unsent {
        0 => String::new(),
        unsent => format!(", {} never sent", number(unsent as f64)),
    };
    match plan.task {
        Task::Hold => vec![format!("time       {lasted}")],
        Task::Churn => vec![format!("time       {lasted}, {rates} came and went")],
        Task::Chat(_) => {
            let (said, heard) = (number(counts.begun as f64), number(counts.heard as f64));
            vec![
                format!("time       {lasted}"),
                format!("messages   {said} said{unsent}, heard {heard} times; {rates}, {megabytes}"),
            ]
        }
        Task::Echo(_) | Task::SlowReader { .. } => {
            vec![
                format!("time       {lasted}"),
                format!(
                    "messages   {} sent, {} back{unsent}; {rates}, {megabytes}",
                    number(counts.begun as f64),
                    number(counts.heard as f64)
                ),
            ]
        }
    }
}

fn checked(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    if plan.is_chat() {
        return order(outcome);
    }
    let Some(messages) = plan.messages() else { return Vec::new() };
    let (damaged, bytes) = (&outcome.damaged, number(outcome.counts.bytes_heard as f64));
    if damaged.streams == 0 {
        let how = if messages.verify { "each as it was sent" } else { "counted, not compared" };
        return vec![format!("bytes      {bytes} back, {how}")];
    }
    let kinds = [
        (damaged.changed, "changed"),
        (damaged.missing, "missing"),
        (damaged.repeated, "repeated"),
        (damaged.extra, "extra"),
    ];
    let mut kinds = happened(&kinds);
    if damaged.garbled > 0 {
        kinds.push(format!("{} streams garbled", damaged.garbled));
    }
    let streams = if damaged.streams == 1 { "stream" } else { "streams" };
    let mut lines = vec![format!(
        "bytes      {bytes} back, WRONG in {} {streams}: {}",
        damaged.streams,
        kinds.join(", ")
    )];
    lines.extend(outcome.faults.iter().map(|fault| format!("           {fault}")));
    let left = damaged.streams.saturating_sub(outcome.faults.len() as u64);
    if left > 0 {
        lines.push(format!("           and {left} more"));
    }
    lines
}

/// Of a chat: what came of every sender's words at every receiver.
fn order(outcome: &Outcome) -> Vec<String> {
    let damaged = &outcome.damaged;
    if damaged.streams == 0 {
        let lost = if outcome.counts.lost.sum() > 0 { " that stayed" } else { "" };
        return vec![format!(
            "order      of every sender at every receiver{lost}: none lost, none twice, none before its time"
        )];
    }
    let kinds = happened(&[
        (damaged.missing, "lost"),
        (damaged.late, "out of order"),
        (damaged.repeated, "repeated"),
        (damaged.changed, "changed"),
        (damaged.extra, "from who does not talk there"),
    ]);
    let receivers = if damaged.streams == 1 { "receiver" } else { "receivers" };
    let mut lines =
        vec![format!("order      WRONG at {} {receivers}: {}", damaged.streams, kinds.join(", "))];
    lines.extend(outcome.words.iter().map(|wrong| format!("           {}", printable(&wrong.to_string()))));
    lines
}

fn happened(kinds: &[(u64, &str)]) -> Vec<String> {
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    kinds.map(|(count, kind)| format!("{} {kind}", number(*count as f64))).collect()
}

fn latencies(plan: &Plan, outcome: &Outcome) -> String {
    let rows = match plan.task {
        Task::Churn => vec![("come to gone", &outcome.connect)],
        _ if is_closed_loop(plan) => {
            let name = if plan.is_chat() { "said to heard" } else { "latency" };
            vec![(name, &outcome.response), ("connect", &outcome.connect)]
        }
        _ => vec![
            ("from intended", &outcome.response),
            ("from actual", &outcome.service),
            ("connect", &outcome.connect),
        ],
    };
    let head: Vec<_> = [""].into_iter().chain(SHARES.map(|(name, _)| name)).chain(["max", "count"]).collect();
    let mut sheet = Sheet::new(&head);
    for (name, times) in rows.into_iter().filter(|(_, times)| times.count() > 0) {
        let shares = SHARES.iter().map(|(_, share)| shown(times.quantile(*share)));
        let rest = [shown(times.longest()), number(times.count() as f64)];
        sheet.add([name.to_owned()].into_iter().chain(shares).chain(rest).collect());
    }
    sheet.text()
}

fn generator(outcome: &Outcome) -> String {
    let own = &outcome.own;
    let percent = |share: f64| number(share * 100.0);
    let busy =
        format!("generator  {} % of a core, {} % waiting for it", percent(own.cpu), percent(own.queued));
    if own.lag_max.is_zero() {
        return busy;
    }
    format!("{busy}; what was ready waited p99 {}, max {}", shown(own.lag_p99), shown(own.lag_max))
}

fn judged(plan: &Plan, outcome: &Outcome, verdict: &Verdict) -> Vec<String> {
    let mut lines = Vec::new();
    for (gate, was) in &verdict.broken {
        lines.push(format!("failed     {}: it was {was}", printable(gate)));
    }
    for objection in &verdict.objections {
        lines.push(format!("result     not valid: {objection}"));
        lines.push(
            "           ask for less (--rate, --think, fewer clients), or from another machine".to_owned(),
        );
    }
    let mut incomplete: Vec<String> = verdict.missing.clone();
    if outcome.is_interrupted {
        incomplete.insert(0, "it was interrupted".to_owned());
    }
    if !incomplete.is_empty() {
        lines.push(format!("result     incomplete: {}", incomplete.join("; ")));
    }
    if outcome.damaged.streams > 0 {
        let what = if plan.is_chat() { "words were lost or wrong" } else { "wrong bytes came back" };
        lines.push(format!("result     {what}"));
    }
    if plan.is_chat() && outcome.counts.lost.of(Why::Unanswered) > 0 {
        lines.push(
            "           a server that paces its clients needs --timeout 60s, or throng serve --pace off"
                .to_owned(),
        );
    }
    if lines.is_empty() {
        lines.push("result     valid".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::samples::outcome;
    use super::*;
    use std::time::Duration;
    use throng_client::load::diagnosis::{Damage, Fault};
    use throng_client::load::outcome::Damaged;
    use throng_client::load::plan::{Echo, Until};

    fn plan(task: Task) -> Plan {
        Plan {
            target: ([127, 0, 0, 1], 7).into(),
            sources: Vec::new(),
            clients: 10,
            task,
            until: Until::default(),
            ramp: Duration::ZERO,
            warm_up: Duration::ZERO,
            connect_timeout: Duration::ZERO,
            answer_timeout: Duration::ZERO,
        }
    }

    fn echo(pace: Pace) -> Task {
        let messages = Messages { framing: Framing::Raw, bytes: 64, seed: 1, verify: true };
        Task::Echo(Echo { messages, pace, depth: 1 })
    }

    #[test]
    fn a_result_is_told_with_all_that_one_must_know() {
        let mut outcome = outcome();
        let fault =
            Fault { connection: 3, offset: 90, expected: Some(1), came: Some(2), damage: Damage::Changed(1) };
        (outcome.faults, outcome.damaged) =
            (vec![fault], Damaged { streams: 1, changed: 1, ..Damaged::default() });
        let verdict = Verdict::of(&outcome, &["p99>1us".parse().unwrap()]);
        let plan = plan(echo(Pace::Open { rate: 500.0 }));
        let told = table("127.0.0.1:7\x1b[2J", &plan, &outcome, &verdict);
        let expected = "\
127.0.0.1:7\\x1b[2J: echo, raw, 64 bytes, seed 1, open loop, 500 a second
clients    10 asked, 10 reached, 10 answered, 2 lost
           lost: 1 reset, 1 no answer in time
time       2.00 s
messages   1,001 sent, 1,000 back; 500 a second, 0.0 MB/s
bytes      64,000 back, WRONG in 1 stream: 1 changed
           connection 3, byte 90: 0x02 came for 0x01, 1 byte changed

                    p50     p90     p99   p99.9   p99.99      max  count
  from intended  500 µs  900 µs  990 µs  999 µs  1.00 ms  1.00 ms  1,000
  from actual    250 µs  450 µs  495 µs  500 µs   500 µs   500 µs  1,000

generator  25 % of a core, 0 % waiting for it
failed     p99>1us: it was 990 µs
result     incomplete: 2 connections were lost
result     wrong bytes came back";
        assert_eq!(told, expected, "{told}");
    }

    #[test]
    fn what_was_done_is_told_in_a_few_words() {
        let think = Duration::from_millis(20);
        for (task, expected) in [
            (echo(Pace::Closed { think }), "echo, raw, 64 bytes, seed 1, closed loop, 20.0 ms between"),
            (Task::Churn, "clients who come and go"),
            (Task::Hold, "clients who stay and say nothing"),
        ] {
            assert_eq!(what(&plan(task)), expected);
        }
        let closed = plan(echo(Pace::Closed { think }));
        let told = table("x", &closed, &outcome(), &Verdict::default());
        assert!(told.contains("which hides stalls") && told.ends_with("result     valid"), "{told}");
        assert!(!told.contains("from actual"), "in a closed loop both are the same: {told}");
    }
}
