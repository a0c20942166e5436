//! What the service manager is told (sd_notify(3)). Where there is none, which is where `NOTIFY_SOCKET` is not set, nothing
//! happens; and one that cannot be told has its own time-outs, so nothing here fails.

use sd_notify::NotifyState;

/// It serves, and says so in a line for `systemctl status`.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// How it is, in a line for `systemctl status`.
pub fn status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// It ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// It reads its files again, or is about to be another process; [`ready`] or [`handed_over`] ends that. The time is when
/// it began, as `Type=notify-reload` wants it.
pub fn reloading() {
    let Ok(now) = NotifyState::monotonic_usec_now() else { return };
    tell(&[NotifyState::Reloading, now]);
}

/// From here on it is that process, which serves.
pub fn handed_over(pid: u32) {
    tell(&[NotifyState::MainPid(pid), NotifyState::Ready]);
}

fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}
