//! One thing that was looked at.

use serde::Serialize;
use serde_json::{Value, json};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// It will do, but not for all that may come.
    Warn,
    /// It will not do.
    Fail,
}

impl Grade {
    fn name(self) -> &'static str {
        match self {
            Grade::Ok => "ok",
            Grade::Warn => "warn",
            Grade::Fail => "fail",
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at; a stable name.
    pub check: &'static str,
    /// How it is.
    pub grade: Grade,
    /// What was found.
    pub found: String,
    /// What to do about it, where something is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(check: &'static str, found: impl Into<String>) -> Finding {
        Finding { check, grade: Grade::Ok, found: found.into(), fix: None }
    }

    /// It will do.
    pub fn warn(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, grade: Grade::Warn, found: found.into(), fix: Some(fix.into()) }
    }

    /// It will not do.
    pub fn fail(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check, grade: Grade::Fail, found: found.into(), fix: Some(fix.into()) }
    }
}

/// How it is in all.
pub fn worst(findings: &[Finding]) -> Grade {
    findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Ok)
}

/// For people: a line for each, with the fix below it, and the sum.
pub fn shown(findings: &[Finding]) -> String {
    let mut lines = Vec::new();
    for finding in findings {
        lines.push(format!("{:<4}  {:<12} {}", finding.grade.name(), finding.check, finding.found));
        lines.extend(finding.fix.iter().map(|fix| format!("{:<18} fix: {fix}", "")));
    }
    let count = |grade| findings.iter().filter(|finding| finding.grade == grade).count();
    lines.push(format!(
        "{} ok, {} to look at, {} to mend",
        count(Grade::Ok),
        count(Grade::Warn),
        count(Grade::Fail)
    ));
    lines.join("\n")
}

/// For programs.
pub fn data(findings: &[Finding]) -> Value {
    json!({ "worst": worst(findings), "findings": findings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_each_fix_stands_below_its_finding() {
        let findings = [
            Finding::ok("clock", "2026"),
            Finding::warn("somaxconn", "128", "sysctl -w net.core.somaxconn=4096"),
            Finding::ok("sqlite", "3.54.1"),
        ];
        assert_eq!(worst(&findings), Grade::Warn);
        assert_eq!(worst(&[]), Grade::Ok);
        let expected = "ok    clock        2026\n\
                        warn  somaxconn    128\n                   fix: sysctl -w net.core.somaxconn=4096\n\
                        ok    sqlite       3.54.1\n\
                        2 ok, 1 to look at, 0 to mend";
        assert_eq!(shown(&findings), expected);
        assert_eq!(data(&findings)["findings"][1]["grade"], "warn");
    }
}
