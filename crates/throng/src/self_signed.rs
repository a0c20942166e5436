//! `throng tls self-signed`: a certificate to try TLS with. It vouches for itself, so a client has to be told to trust it, by
//! its fingerprint for example.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::civil::Date;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use throng_client::connect::tls::fingerprint;

use crate::banner::shown;
use crate::cli::SelfSigned;
use crate::fault::Fault;
use crate::screen;

/// Who may read the certificate, and its key.
const FOR_ALL: u32 = 0o644;
const FOR_US: u32 = 0o600;

/// Makes both files, and says how they are used. Gives the exit code.
pub fn make(asked: &SelfSigned) -> Result<u8, Fault> {
    let failed = |why: rcgen::Error| Fault::failed(format!("cannot make a certificate: {why}"));
    let mut params = CertificateParams::new(asked.names.clone()).map_err(|why| {
        Fault::usage(format!("cannot make a certificate for {}: {why}", asked.names.join(", ")))
    })?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, asked.names[0].clone());
    params.distinguished_name = subject;
    let today = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).date();
    let last = today.saturating_add(jiff::Span::new().days(i64::from(asked.days)));
    let midnight = |date: Date| {
        date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (midnight(today), midnight(last));
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.self_signed(&key).map_err(failed)?;

    std::fs::create_dir_all(&asked.out)
        .map_err(|why| Fault::failed(format!("cannot make the folder {}: {why}", shown(&asked.out))))?;
    let (cert_path, key_path) = (asked.out.join("cert.pem"), asked.out.join("key.pem"));
    if !asked.force
        && let Some(there) = [&cert_path, &key_path].into_iter().find(|path| path.exists())
    {
        return Err(Fault::failed(format!("{} is there already", shown(there)))
            .hint("replace it: --force")
            .hint("or write elsewhere: --out DIR"));
    }
    write(&key_path, &key.serialize_pem(), FOR_US)?;
    write(&cert_path, &certificate.pem(), FOR_ALL)?;
    let (cert, key) = (shown(&cert_path), shown(&key_path));
    screen::tell_stdout(&format!(
        "{cert}  for {}, good until {last}\n{key}  its key, for you alone\nSHA-256 {}\n\n\
         Serve with it:  throng serve --tls-cert {cert} --tls-key {key}",
        asked.names.join(", "),
        fingerprint(certificate.der()),
    ));
    Ok(0)
}

/// Writes a new file, or replaces one whole: who reads it meanwhile sees the old one or the new one.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Fault> {
    let beside = path.with_extension("pem.new");
    let written = std::fs::remove_file(&beside)
        .or_else(|why| if why.kind() == ErrorKind::NotFound { Ok(()) } else { Err(why) })
        .and_then(|()| OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside))
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|why| Fault::failed(format!("cannot write {}: {why}", shown(path))))
}
