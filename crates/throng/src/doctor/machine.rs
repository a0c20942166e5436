//! The system and the process: descriptors, memory, the clock, the kernel's settings, the service manager.

use std::path::Path;

use throng_services::chat::house::wall_clock;

use super::Finding;
use crate::units::shown_bytes;

/// With fewer descriptors than these a crowd does not fit.
const DESCRIPTORS_ENOUGH: u64 = 10_240;

/// What a server asks the kernel for as the queue of those who wait to be accepted ([`throng_server::Limits`]).
const BACKLOG: u64 = 4096;

/// Local ports are what a proxy, or a load, calls from.
const PORTS_ENOUGH: u64 = 16_384;

/// 2026-11-20, in milliseconds: a clock that is before this program was written is wrong.
const WRITTEN_MS: i64 = 1_795_132_800_000;

/// An idle client has some 4 KiB, a connection some more in the kernel.
const CLIENT_BYTES: u64 = 16 * 1024;

pub fn examine() -> Vec<Finding> {
    let mut findings = vec![descriptors(), clock()];
    findings.extend(memory());
    findings.extend(kernel());
    findings.push(systemd());
    findings
}

fn descriptors() -> Finding {
    let soft = throng_server::raise_descriptors();
    match soft {
        0..DESCRIPTORS_ENOUGH => Finding::warn(
            "descriptors",
            format!("{soft}: so many clients and files at most, and no more can be had"),
            "ulimit -Hn 1048576 as root, or LimitNOFILE=1048576 in the unit (systemd.exec(5))",
        ),
        _ => Finding::ok("descriptors", format!("{soft}")),
    }
}

fn clock() -> Finding {
    let now = wall_clock().0;
    let shown = jiff::Timestamp::from_millisecond(now)
        .unwrap_or_default()
        .strftime("%Y-%m-%d %H:%M:%S UTC")
        .to_string();
    if now < WRITTEN_MS {
        let fix = "set it, and keep it right: timedatectl set-ntp true";
        return Finding::fail("clock", format!("{shown}, which is before this program was written"), fix);
    }
    // systemd-timesyncd(8) and chronyd both leave a sign; others may keep the clock and leave none.
    let kept = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/ntpd.pid"];
    let kept = kept.iter().any(|sign| Path::new(sign).exists());
    Finding::ok("clock", if kept { format!("{shown}, kept by the network") } else { shown })
}

fn memory() -> Option<Finding> {
    let table = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let bytes = line.split_whitespace().next()?.parse::<u64>().ok()? * 1024;
    let found = format!("{} free, room for some {} clients", shown_bytes(bytes), bytes / CLIENT_BYTES);
    Some(match bytes {
        0..0x0400_0000 => Finding::warn("memory", found, "end what else runs, or take a larger machine"),
        _ => Finding::ok("memory", found),
    })
}

/// The kernel's settings that matter, where it has them (proc_sys_net(5), tcp(7)).
fn kernel() -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(most) = number("/proc/sys/net/core/somaxconn") {
        let found = format!("{most} may wait to be accepted");
        findings.push(match most {
            0..BACKLOG => {
                Finding::warn("somaxconn", found, format!("sysctl -w net.core.somaxconn={BACKLOG}"))
            }
            _ => Finding::ok("somaxconn", found),
        });
    }
    if let Some(most) = number("/proc/sys/net/ipv4/tcp_max_syn_backlog") {
        let found = format!("{most} may be half connected");
        findings.push(match most {
            0..1024 => Finding::warn("syn_backlog", found, "sysctl -w net.ipv4.tcp_max_syn_backlog=4096"),
            _ => Finding::ok("syn_backlog", found),
        });
    }
    if let Some(cookies) = number("/proc/sys/net/ipv4/tcp_syncookies") {
        findings.push(match cookies {
            0 => Finding::warn(
                "syncookies",
                "off: a flood of half connections shuts others out",
                "sysctl -w net.ipv4.tcp_syncookies=1",
            ),
            _ => Finding::ok("syncookies", "on"),
        });
    }
    if let Some(migrates) = number("/proc/sys/net/ipv4/tcp_migrate_req") {
        // A restart hands the listening socket itself over, so nobody who waits in its queue has to be migrated.
        let found =
            if migrates == 0 { "off; not needed here, since a restart keeps the socket" } else { "on" };
        findings.push(Finding::ok("migrate_req", found));
    }
    if let Ok(range) = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range") {
        let ends: Vec<u64> = range.split_whitespace().filter_map(|end| end.parse().ok()).collect();
        if let [from, to] = ends[..] {
            let ports = to.saturating_sub(from) + 1;
            let found = format!("{from} to {to}: {ports} calls at once to one address");
            findings.push(match ports {
                0..PORTS_ENOUGH => {
                    Finding::warn("ports", found, "sysctl -w net.ipv4.ip_local_port_range='10240 60999'")
                }
                _ => Finding::ok("ports", found),
            });
        }
    }
    findings
}

fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn systemd() -> Finding {
    let notified = std::env::var_os("NOTIFY_SOCKET").is_some();
    let passed = std::env::var_os("LISTEN_FDS").is_some();
    match (notified, passed, Path::new("/run/systemd/system").exists()) {
        (true, true, _) => {
            Finding::ok("systemd", "started by it: it is told how the server is, and passes sockets")
        }
        (true, false, _) => Finding::ok("systemd", "started by it: it is told how the server is"),
        (false, _, true) => Finding::ok("systemd", "runs here, and did not start this"),
        (false, _, false) => Finding::ok("systemd", "not here"),
    }
}
