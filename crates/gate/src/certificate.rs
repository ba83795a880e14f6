//! A client certificate as gateways tell it: five spellings of the same DER.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyward_core::gateway::CertificateForm;
use keyward_core::possession::{CertificateFault, Thumbprint};

/// The most bytes of a certificate in its spelling. Programs in front take heads of 8 KiB.
const TOLD_BYTES_MAX: usize = 16 * 1024;
const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";
/// What a certificate in DER begins with (X.690 §8.9: a sequence).
const SEQUENCE: u8 = 0x30;

/// The SHA-256 of a certificate (RFC 8705 §3.1); `None` when the gateway says that there is none.
pub(crate) fn thumbprint(
    form: CertificateForm,
    told: &[u8],
) -> Option<Result<Thumbprint, CertificateFault>> {
    if told.is_empty() || told == b"-" {
        return None;
    }
    if told.len() > TOLD_BYTES_MAX {
        return Some(Err(CertificateFault::Malformed));
    }
    let der = match form {
        CertificateForm::ByteSequence => byte_sequence(told),
        CertificateForm::EscapedPem => unescaped(told).and_then(|pem| from_pem(&pem)),
        CertificateForm::EscapedBase64 => unescaped(told).and_then(|text| decode(&text)),
        CertificateForm::Xfcc => match xfcc(told) {
            Ok(None) => return None,
            Ok(Some(pem)) => unescaped(pem).and_then(|pem| from_pem(&pem)),
            Err(fault) => return Some(Err(fault)),
        },
    };
    let der = der.filter(|der| der.first() == Some(&SEQUENCE));
    Some(der.map(|der| of_der(&der)).ok_or(CertificateFault::Malformed))
}

/// The SHA-256 of a certificate in DER.
pub(crate) fn of_der(der: &[u8]) -> Thumbprint {
    let mut thumbprint = [0; 32];
    thumbprint.iter_mut().zip(digest(&SHA256, der).as_ref()).for_each(|(to, from)| *to = *from);
    thumbprint
}

/// RFC 9440 §2.1: base64 between colons.
fn byte_sequence(told: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(told.trim_ascii().strip_prefix(b":")?.strip_suffix(b":")?).ok()
}

/// The one certificate of a PEM text (RFC 7468 §5).
fn from_pem(text: &[u8]) -> Option<Vec<u8>> {
    decode(text.trim_ascii().strip_prefix(BEGIN)?.strip_suffix(END)?)
}

/// Base64, perhaps in lines.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        out.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            plain => plain,
        });
    }
    Some(out)
}

/// The `Cert` of Envoy's `x-forwarded-client-cert`, which has one element where the gateway itself
/// ended the caller's TLS. With several, the first is what somebody in front of it says.
fn xfcc(told: &[u8]) -> Result<Option<&[u8]>, CertificateFault> {
    let mut found = None;
    let (mut start, mut is_quoted) = (0, false);
    // One more than there are, so that the last part ends as well.
    for (place, byte) in told.iter().copied().chain([b';']).enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => return Err(CertificateFault::Several),
            b';' if !is_quoted => {
                let part = told.get(start..place).unwrap_or_default().trim_ascii();
                start = place.saturating_add(1);
                let value = match part.split_at_checked(5) {
                    Some((name, value)) if name.eq_ignore_ascii_case(b"cert=") => value,
                    _ => continue,
                };
                if found.is_some() {
                    return Err(CertificateFault::Several);
                }
                let bare = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
                found = Some(bare.unwrap_or(value));
            }
            _ => {}
        }
    }
    if is_quoted { Err(CertificateFault::Malformed) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in for a certificate: a sequence with something in it.
    const DER: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0xfb];
    const BASE64: &str = "MAMCAfs=";

    #[track_caller]
    fn check(form: CertificateForm, told: &str, expected: Option<Result<(), CertificateFault>>) {
        let found = thumbprint(form, told.as_bytes());
        let expected = expected.map(|result| result.map(|()| of_der(&DER)));
        assert_eq!(found, expected, "{form:?} {told}");
    }

    #[test]
    fn every_spelling_is_the_same_certificate() {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{BASE64}\n-----END CERTIFICATE-----\n");
        let escaped = pem.replace(' ', "%20").replace('\n', "%0A").replace('=', "%3d");
        for (form, told) in [
            (CertificateForm::ByteSequence, format!(":{BASE64}:")),
            (CertificateForm::EscapedPem, escaped.clone()),
            (CertificateForm::EscapedPem, pem.replace('\n', "%0A")),
            (CertificateForm::EscapedBase64, BASE64.to_owned()),
            (CertificateForm::EscapedBase64, BASE64.replace('=', "%3D")),
            (CertificateForm::Xfcc, format!("Hash=00;Cert=\"{escaped}\";Subject=\"CN=a;b,c\"")),
            (CertificateForm::Xfcc, format!("cert={escaped}")),
        ] {
            check(form, &told, Some(Ok(())));
        }
    }

    #[test]
    fn none_is_none() {
        for form in [
            CertificateForm::ByteSequence,
            CertificateForm::EscapedPem,
            CertificateForm::EscapedBase64,
            CertificateForm::Xfcc,
        ] {
            check(form, "", None);
            check(form, "-", None);
        }
        check(CertificateForm::Xfcc, "Hash=00;Subject=\"Cert=x\"", None);
    }

    #[test]
    fn what_is_not_one_certificate_is_a_fault() {
        let malformed = Some(Err(CertificateFault::Malformed));
        let several = Some(Err(CertificateFault::Several));
        let pem = format!("-----BEGIN CERTIFICATE-----%0A{BASE64}%0A-----END CERTIFICATE-----");
        for (form, told, expected) in [
            (CertificateForm::ByteSequence, BASE64.to_owned(), malformed),
            (CertificateForm::ByteSequence, "::".to_owned(), malformed),
            (CertificateForm::ByteSequence, ":AAAA:".to_owned(), malformed),
            (CertificateForm::ByteSequence, format!(":{BASE64}:, :{BASE64}:"), malformed),
            (CertificateForm::EscapedPem, BASE64.to_owned(), malformed),
            (CertificateForm::EscapedPem, format!("{pem}%0A{pem}"), malformed),
            (CertificateForm::EscapedPem, "%4".to_owned(), malformed),
            (CertificateForm::EscapedBase64, format!("{BASE64},{BASE64}"), malformed),
            (CertificateForm::EscapedBase64, "A".repeat(TOLD_BYTES_MAX + 1), malformed),
            (CertificateForm::Xfcc, format!("Cert={pem},Cert={pem}"), several),
            (CertificateForm::Xfcc, format!("Cert={pem};Cert={pem}"), several),
            (CertificateForm::Xfcc, format!("Cert=\"{pem}"), malformed),
        ] {
            check(form, &told, expected);
        }
    }
}
