//! Credentials and authentication methods as Auth0 writes them.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyward_core::client::credential::{
    AssertionAlgorithm, AuthenticationMethod, CREDENTIALS_MAX, ClientAuthentication,
    ClientCredential, KEY_ID_CHARS, Proof, SUBJECT_CHARS_MAX,
};
use keyward_core::id::CredentialId;
use keyward_core::time::Timestamp;
use serde_json::{Map, Value, json};
use x509_cert::name::Name;

use super::public_key::{Pem, read_pem};
use crate::client_certificate::ClientCertificate;
use crate::failure::Failure;
use crate::management::fields::{Fields, invalid_field, missing};

/// The field of a client that says how it authenticates when not by a secret.
pub(in crate::management) const METHODS: &str = "client_authentication_methods";

/// The most bytes of a key or certificate (as Auth0's).
const PEM_BYTES_MAX: usize = 4096;
/// Fields that mean something for public keys alone.
const OF_KEYS: [&str; 2] = ["alg", "kid"];

/// Writes a credential. There is no `pem` in it: what was sent is not kept.
pub(super) fn credential(credential: &ClientCredential) -> Value {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("id", credential.id.as_str().into());
    put("name", credential.name.as_str().into());
    put("credential_type", credential.proof.kind().into());
    match &credential.proof {
        Proof::PublicKey { kid, algorithm, jwk: _ } => {
            put("kid", kid.as_str().into());
            put("alg", algorithm.name().into());
        }
        Proof::Subject(subject) => {
            put("subject_dn", subject.as_str().into());
        }
        Proof::Certificate { thumbprint, subject } => {
            put("thumbprint_sha256", URL_SAFE_NO_PAD.encode(thumbprint).into());
            put("subject_dn", subject.as_str().into());
        }
    }
    put("created_at", time(credential.created_at));
    put("updated_at", time(credential.updated_at));
    if let Some(end) = credential.expires_at {
        put("expires_at", time(end));
    }
    shown.into()
}

/// Writes how a client authenticates.
pub(in crate::management) fn methods(authentication: &ClientAuthentication) -> Value {
    let ids = authentication.credentials.iter().map(|id| json!({ "id": id.as_str() }));
    json!({ authentication.method.name(): { "credentials": ids.collect::<Vec<_>>() } })
}

/// Takes the authentication methods out of a request to change a client: with credentials that were
/// made before, by their ids. `null` is none, so that the client authenticates by secrets.
pub(in crate::management) fn named_methods(
    fields: &mut Fields,
) -> Result<Option<Option<ClientAuthentication>>, Failure> {
    let Some(taken) = take_method(fields)? else { return Ok(None) };
    let Some((method, items)) = taken else { return Ok(Some(None)) };
    let mut credentials = Vec::new();
    for (place, mut item) in items.into_iter().enumerate() {
        let field = format!("{METHODS}.{}.credentials[{place}].id", method.name());
        let id = item.text("id")?.ok_or_else(|| missing("id"))?;
        item.finish()?;
        let id = CredentialId::parse(&id);
        credentials.push(id.map_err(|error| invalid_field(&error.to_string(), &field))?);
    }
    Ok(Some(Some(ClientAuthentication { method, credentials })))
}

/// A method, with its credentials as they were sent.
type Method = (AuthenticationMethod, Vec<Fields>);

/// The one method that is named, with its credentials as they stand there. `None`: nothing is said;
/// an inner `None`: there is none.
pub(super) fn take_method(fields: &mut Fields) -> Result<Option<Option<Method>>, Failure> {
    let said = fields.0.contains_key(METHODS);
    let Some(methods) = fields.object(METHODS)? else { return Ok(said.then_some(None)) };
    let mut methods = Fields(methods);
    let Some(name) = methods.0.keys().next().cloned() else {
        return Err(invalid_field("Too few properties defined (0), minimum 1", METHODS));
    };
    if methods.0.len() > 1 {
        let message = format!("Too many properties defined ({}), maximum 1", methods.0.len());
        return Err(invalid_field(&message, METHODS));
    }
    let Some(method) = AuthenticationMethod::parse(&name) else {
        return Err(invalid_field(&format!("Additional properties not allowed: {name}"), METHODS));
    };
    let mut settings = Fields(methods.object(&name)?.unwrap_or_default());
    let credentials = settings.objects("credentials")?.ok_or_else(|| missing("credentials"))?;
    settings.finish()?;
    if credentials.len() > CREDENTIALS_MAX {
        let message =
            format!("Array is too long ({}), maximum {CREDENTIALS_MAX}", credentials.len());
        return Err(invalid_field(&message, &format!("{METHODS}.{name}.credentials")));
    }
    Ok(Some(Some((method, credentials))))
}

/// Reads a credential that is made. With a method it must be of that method's kind.
pub(super) fn read(
    mut fields: Fields,
    id: CredentialId,
    method: Option<AuthenticationMethod>,
    now: Timestamp,
) -> Result<ClientCredential, Failure> {
    let kind = fields.text("credential_type")?.ok_or_else(|| missing("credential_type"))?;
    let name = fields.text("name")?.unwrap_or_default();
    let pem = pem(&mut fields)?;
    let wants_expiry = fields.flag("parse_expiry_from_cert")?;
    let (proof, certificate) = match kind.as_str() {
        "public_key" => public_key(&mut fields, pem.ok_or_else(|| missing("pem"))?)?,
        "cert_subject_dn" => subject(&mut fields, pem)?,
        "x509_cert" => certificate(pem.ok_or_else(|| missing("pem"))?)?,
        other => {
            let message = format!("No enum match for: {other}");
            return Err(invalid_field(&message, "credential_type"));
        }
    };
    let expires_at = expiry(&mut fields, &proof, certificate.as_ref(), wants_expiry, now)?;
    fields.finish()?;
    if method.is_some_and(|method| !method.takes(&proof)) {
        return Err(invalid_field(&format!("No enum match for: {kind}"), "credential_type"));
    }
    Ok(ClientCredential { id, name, proof, expires_at, created_at: now, updated_at: now })
}

fn pem(fields: &mut Fields) -> Result<Option<Pem>, Failure> {
    let Some(text) = fields.text("pem")? else { return Ok(None) };
    if text.len() > PEM_BYTES_MAX {
        let message = format!("String is too long ({} bytes), maximum {PEM_BYTES_MAX}", text.len());
        return Err(invalid_field(&message, "pem"));
    }
    // The text is not repeated: it may be a private key.
    read_pem(&text).map(Some).map_err(|error| invalid_field(&error.to_string(), "pem"))
}

type Read = (Proof, Option<ClientCertificate>);

fn public_key(fields: &mut Fields, pem: Pem) -> Result<Read, Failure> {
    let (key_der, certificate) = match pem {
        Pem::Certificate(certificate) => (certificate.public_key_der().to_vec(), Some(certificate)),
        Pem::PublicKey(der) => (der, None),
    };
    let wrong = |error: &dyn std::fmt::Display| invalid_field(&error.to_string(), "pem");
    let (jwk, usual) = super::public_key::to_jwk(&key_der).map_err(|error| wrong(&error))?;
    let algorithm = match fields.text("alg")? {
        None => usual,
        Some(name) => AssertionAlgorithm::parse(&name)
            .ok_or_else(|| invalid_field(&format!("No enum match for: {name}"), "alg"))?,
    };
    let kid = fields.text("kid")?;
    let plain = |kid: &String| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        KEY_ID_CHARS.contains(&kid.len()) && kid.bytes().all(fits)
    };
    if kid.as_ref().is_some_and(|kid| !plain(kid)) {
        let message = "String does not match pattern: ^([0-9a-zA-Z-_]{10,64})$";
        return Err(invalid_field(message, "kid"));
    }
    let proof = Proof::public_key(&jwk, algorithm, kid).map_err(|error| wrong(&error))?;
    Ok((proof, certificate))
}

fn subject(fields: &mut Fields, pem: Option<Pem>) -> Result<Read, Failure> {
    let written = fields.text("subject_dn")?;
    let (text, certificate) = match (written, pem) {
        (Some(_), Some(_)) => {
            let message = "subject_dn and pem exclude each other";
            return Err(invalid_field(message, "subject_dn"));
        }
        (None, None) => return Err(missing("subject_dn")),
        (Some(text), None) => (canonical(&text)?, None),
        (None, Some(pem)) => {
            let certificate = only_certificate(pem)?;
            (certificate.subject().to_owned(), Some(certificate))
        }
    };
    // Security: an empty subject would be that of every certificate without one.
    if text.is_empty() || text.chars().count() > SUBJECT_CHARS_MAX {
        let message = format!("The subject must have 1 to {SUBJECT_CHARS_MAX} characters");
        return Err(invalid_field(&message, "subject_dn"));
    }
    Ok((Proof::Subject(text), certificate))
}

/// A distinguished name as the subjects of certificates are written here (RFC 4514).
fn canonical(text: &str) -> Result<String, Failure> {
    let wrong = || {
        let message = "Not a distinguished name as RFC 4514 writes it, such as CN=client,O=Company";
        invalid_field(message, "subject_dn")
    };
    if text.is_empty() || text.chars().count() > SUBJECT_CHARS_MAX {
        return Err(wrong());
    }
    Name::from_str(text).map(|name| name.to_string()).map_err(|_| wrong())
}

fn certificate(pem: Pem) -> Result<Read, Failure> {
    let certificate = only_certificate(pem)?;
    let (thumbprint, subject) = (*certificate.thumbprint(), certificate.subject().to_owned());
    Ok((Proof::Certificate { thumbprint, subject }, Some(certificate)))
}

fn only_certificate(pem: Pem) -> Result<ClientCertificate, Failure> {
    match pem {
        Pem::Certificate(certificate) => Ok(certificate),
        Pem::PublicKey(_) => Err(invalid_field("A certificate is needed, not a key", "pem")),
    }
}

/// When a credential ends: as was said, or as its certificate says where that was asked for or is
/// what counts.
fn expiry(
    fields: &mut Fields,
    proof: &Proof,
    certificate: Option<&ClientCertificate>,
    wants_expiry: bool,
    now: Timestamp,
) -> Result<Option<Timestamp>, Failure> {
    if !matches!(proof, Proof::PublicKey { .. })
        && let Some(name) = OF_KEYS.iter().find(|name| fields.0.contains_key(**name))
    {
        let message = format!("Additional properties not allowed: {name}");
        return Err(invalid_field(&message, ""));
    }
    let written = nullable_moment(fields, "expires_at")?.flatten();
    if wants_expiry && written.is_some() {
        let message = "expires_at and parse_expiry_from_cert exclude each other";
        return Err(invalid_field(message, "expires_at"));
    }
    if wants_expiry && certificate.is_none() {
        let message = "There is no certificate that could tell when it ends";
        return Err(invalid_field(message, "parse_expiry_from_cert"));
    }
    let of_certificate = certificate
        .filter(|_| wants_expiry || matches!(proof, Proof::Certificate { .. }))
        .map(ClientCertificate::not_after);
    let end = written.or(of_certificate);
    if end.is_some_and(|end| end <= now) {
        let field = if written.is_some() { "expires_at" } else { "pem" };
        return Err(invalid_field("It has expired already", field));
    }
    Ok(end)
}

/// A moment that may be absent, or `null` for never.
pub(super) fn nullable_moment(
    fields: &mut Fields,
    field: &str,
) -> Result<Option<Option<Timestamp>>, Failure> {
    let Some(text) = fields.nullable_text(field)? else { return Ok(None) };
    let Some(text) = text else { return Ok(Some(None)) };
    let moment: Result<jiff::Timestamp, _> = text.parse();
    let wrong = |_| invalid_field("Object didn't pass validation for format date-time", field);
    let moment = moment.map_err(wrong)?;
    Ok(Some(Some(Timestamp::from_millis(moment.as_millisecond()))))
}

fn time(moment: Timestamp) -> Value {
    // No certificate and no caller names a moment that this cannot hold.
    let text = jiff::Timestamp::from_millisecond(moment.millis());
    text.map_or(Value::Null, |time| format!("{time:.3}").into())
}
