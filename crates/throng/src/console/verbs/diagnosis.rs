//! What the server stands on.

use std::sync::Arc;

use super::super::Console;
use super::super::arguments::Given;
use super::super::operator::Operator;
use super::super::reply::{Answer, Outcome};
use super::{Role, USUAL, Verb};
use crate::doctor::{Patient, data, examine, shown};
use crate::settings::Settings;
use throng_server::CertificateFiles;

pub const VERBS: &[Verb] = &[Verb {
    name: "doctor",
    help: "looks at what the server stands on, and says what to mend",
    more: "Descriptors, memory, clock, kernel, data folder, disk, addresses, certificate. It writes 32 KiB into the data folder to see \
           how long the disk takes. throng doctor does the same before a server is started.",
    example: "doctor",
    role: Role::View,
    changes: false,
    run: doctor,
    ..USUAL
}];

fn doctor(console: &Arc<Console>, _: &Given, _: &Operator) -> Outcome {
    let plan = console.chair.plan();
    let (mut listen, mut certificates) = (Vec::new(), Vec::new());
    for config in plan.services() {
        let Settings { listen: at, tls_cert, tls_key, .. } = config.settings.clone();
        listen.extend(at);
        certificates
            .extend(tls_cert.zip(tls_key).map(|(certificate, key)| CertificateFiles { certificate, key }));
    }
    certificates.dedup();
    let patient = Patient { data: console.data.clone(), listen, certificates, runs: true };
    let findings = examine(&patient);
    Ok(Answer::say(shown(&findings), data(&findings)))
}
