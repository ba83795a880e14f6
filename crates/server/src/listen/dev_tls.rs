//! TLS for development: an authority that is for this machine only, and one certificate by it.
//!
//! Clients that speak nothing but https (Auth0's own do) can so be tried without a domain name. The
//! authority is made to be trusted by single programs, and to be worth nothing to a thief: its
//! private key is thrown away once it has signed, and its name constraints (RFC 5280 §4.2.1.10) let
//! it vouch for `localhost` and loopback addresses alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use keyward_core::time::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use zeroize::Zeroizing;

/// The certificate of the authority, in the data folder: what clients trust.
pub const DEV_AUTHORITY_FILE: &str = "dev-ca.pem";
/// The certificate and its private key, in the data folder (0600).
const DEV_PAIR_FILE: &str = "dev-tls.pem";
/// What the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Short of 398 days, past which some clients refuse a certificate.
const LIFETIME_DAYS: i64 = 397;
/// With less than this left a certificate is replaced.
const RENEWED_DAYS_BEFORE: u64 = 30;
const DAY_S: u64 = 86_400;

/// Files for TLS on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevTls {
    /// What clients trust.
    pub authority: PathBuf,
    /// Certificate and private key, in one file.
    pub pair: PathBuf,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevTlsError {
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate for development: {0}")]
    Library(#[from] rcgen::Error),
    /// The clock says a day that no certificate can be made for.
    #[error("cannot make a certificate for development: the clock of this machine is wrong")]
    Clock,
}

/// The certificate in a data folder; made anew, with an authority of its own, when there is none,
/// when it does not hold, or when less than 30 days of it are left.
///
/// # Errors
/// [`DevTlsError`].
pub fn dev_tls(folder: &Path, now: Timestamp) -> Result<DevTls, DevTlsError> {
    let files =
        DevTls { authority: folder.join(DEV_AUTHORITY_FILE), pair: folder.join(DEV_PAIR_FILE) };
    if !holds(&files, now) {
        make(&files, now)?;
        tracing::info!(authority = %files.authority.display(), "made a certificate for development");
    }
    Ok(files)
}

/// Whether clients that trust the authority take the certificate for a while yet.
fn holds(files: &DevTls, now: Timestamp) -> bool {
    let (Ok(authority), Ok(certificate)) = (
        CertificateDer::from_pem_file(&files.authority),
        CertificateDer::from_pem_file(&files.pair),
    ) else {
        return false;
    };
    let seconds = u64::try_from(now.seconds()).unwrap_or(0);
    let at = |days| UnixTime::since_unix_epoch(Duration::from_secs(seconds + days * DAY_S));
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms.all;
    let (Ok(anchor), Ok(parsed)) =
        (anchor_from_trusted_cert(&authority), EndEntityCert::try_from(&certificate))
    else {
        return false;
    };
    let is_valid = |time| {
        let usage = KeyUsage::server_auth();
        parsed
            .verify_for_usage(
                algorithms,
                std::slice::from_ref(&anchor),
                &[],
                time,
                usage,
                None,
                None,
            )
            .is_ok()
    };
    let is_for = |name: &str| {
        let name = ServerName::try_from(name);
        name.is_ok_and(|name| parsed.verify_is_valid_for_subject_name(&name).is_ok())
    };
    PrivateKeyDer::from_pem_file(&files.pair).is_ok()
        && is_valid(at(0))
        && is_valid(at(RENEWED_DAYS_BEFORE))
        && NAMES.into_iter().all(is_for)
}

fn make(files: &DevTls, now: Timestamp) -> Result<(), DevTlsError> {
    // A day early: the clocks of containers differ.
    let from = day(now, -1)?;
    let to = day(now, LIFETIME_DAYS - 1)?;
    let params = |name: &str, names: &[&str]| -> Result<CertificateParams, DevTlsError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.not_before = date_time_ymd(from.year().into(), month(from), day_of(from));
        params.not_after = date_time_ymd(to.year().into(), month(to), day_of(to));
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Keyward development");
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(params)
    };
    let authority_key = KeyPair::generate()?;
    // No two authorities have one name: a client that trusts an old one must not mix them up.
    let mut authority = params(&format!("Keyward development {}", now.millis()), &[])?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0])),
            GeneralSubtree::IpAddress(CidrSubnet::V6(
                std::net::Ipv6Addr::LOCALHOST.octets(),
                [255; 16],
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    let authority_certificate = authority.self_signed(&authority_key)?;

    let key = KeyPair::generate()?;
    let mut leaf = params("localhost", &NAMES)?;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = leaf.signed_by(&key, &Issuer::new(authority, authority_key))?;

    let pair = Zeroizing::new(certificate.pem() + &key.serialize_pem());
    write(&files.pair, 0o600, &pair)?;
    write(&files.authority, 0o644, &authority_certificate.pem())
}

/// The day, so many days later, in UTC.
fn day(now: Timestamp, days: i64) -> Result<Date, DevTlsError> {
    let seconds = now.seconds().saturating_add(days.saturating_mul(86_400));
    let moment = jiff::Timestamp::from_second(seconds).map_err(|_| DevTlsError::Clock)?;
    let date = moment.to_zoned(jiff::tz::TimeZone::UTC).date();
    if date.year() < 1970 { Err(DevTlsError::Clock) } else { Ok(date) }
}

fn month(date: Date) -> u8 {
    date.month().unsigned_abs()
}

fn day_of(date: Date) -> u8 {
    date.day().unsigned_abs()
}

/// Writes a file as a whole: nobody ever reads half of it.
fn write(path: &Path, mode: u32, text: &str) -> Result<(), DevTlsError> {
    let wrong = |source| DevTlsError::Io { path: path.to_owned(), source };
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrong(error)),
        Ok(()) | Err(_) => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&new);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&new, path)).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn after_days(days: i64) -> Timestamp {
        NOW.plus_seconds(days * 86_400)
    }

    #[test]
    fn a_certificate_is_kept_until_it_nears_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let files = dev_tls(folder.path(), NOW).unwrap();
        let read = || (fs::read(&files.pair).unwrap(), fs::read(&files.authority).unwrap());
        let first = read();
        for (days, kept) in [(0, true), (360, true), (367, false)] {
            assert_eq!(dev_tls(folder.path(), after_days(days)).unwrap(), files);
            assert_eq!(read() == first, kept, "after {days} days");
        }
        assert!(holds(&files, after_days(367)));
    }

    #[test]
    fn what_does_not_hold_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let files = dev_tls(folder.path(), NOW).unwrap();
        let foreign = dev_tls(other.path(), NOW).unwrap();
        let damage: [(&str, &dyn Fn()); 4] = [
            ("no authority", &|| fs::remove_file(&files.authority).unwrap()),
            ("another authority", &|| {
                fs::copy(&foreign.authority, &files.authority).unwrap();
            }),
            ("no PEM", &|| fs::write(&files.pair, "x").unwrap()),
            ("no key", &|| fs::copy(&files.authority, &files.pair).map(drop).unwrap()),
        ];
        for (what, damage) in damage {
            damage();
            assert!(!holds(&files, NOW), "{what}");
            dev_tls(folder.path(), NOW).unwrap();
            assert!(holds(&files, NOW), "{what}");
        }
    }

    #[test]
    fn only_the_owner_reads_the_key_and_nobody_the_authoritys() {
        let folder = tempfile::tempdir().unwrap();
        let files = dev_tls(folder.path(), NOW).unwrap();
        let mode = fs::metadata(&files.pair).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let keys: usize = fs::read_dir(folder.path())
            .unwrap()
            .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
            .map(|text| text.matches("PRIVATE KEY-----").count() / 2)
            .sum();
        assert_eq!(keys, 1, "the certificate's own");
    }

    #[test]
    fn the_authority_vouches_for_this_machine_alone() {
        let folder = tempfile::tempdir().unwrap();
        let files = dev_tls(folder.path(), NOW).unwrap();
        let authority = CertificateDer::from_pem_file(&files.authority).unwrap();
        let anchor = anchor_from_trusted_cert(&authority).unwrap();
        assert!(anchor.name_constraints.is_some());
    }
}
