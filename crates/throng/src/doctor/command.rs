//! `throng doctor`.

use super::{Grade, Patient, data, examine, shown, worst};
use crate::accounts::escaped;
use crate::cli::Doctor;
use crate::data as folder;
use crate::fault::Fault;
use crate::screen;
use throng_server::CertificateFiles;

/// Looks at everything and says how it is. Gives the exit code: 1 where something will not do.
pub fn doctor(asked: &Doctor) -> Result<u8, Fault> {
    let certificate = asked.tls_cert.clone().zip(asked.tls_key.clone());
    let patient = Patient {
        data: Some(asked.data.clone().map_or_else(folder::usual, Ok)?),
        listen: asked.listen.clone(),
        certificates: certificate
            .map(|(certificate, key)| CertificateFiles { certificate, key })
            .into_iter()
            .collect(),
        runs: false,
    };
    let findings = examine(&patient);
    let text = if asked.json { escaped(&data(&findings).to_string()) } else { shown(&findings) };
    screen::tell_stdout(&text);
    Ok(u8::from(worst(&findings) == Grade::Fail))
}
