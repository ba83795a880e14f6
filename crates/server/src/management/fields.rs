//! The fields of Auth0's objects: which it knows, of which type, and how a bad one is answered.

use serde_json::{Map, Value};

use crate::failure::Failure;

/// The JSON type of a field. `null` is taken for every field that may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    Number,
    List,
    Object,
}
use Kind::{Flag, List, Number, Object, Text};

/// Fields of a client that Auth0 knows and Keyward only keeps.
pub(super) const KEPT_OF_CLIENT: &[(&str, Kind)] = &[
    ("addons", Object),
    ("allowed_clients", List),
    ("allowed_logout_urls", List),
    ("allowed_origins", List),
    ("async_approval_notification_channels", List),
    ("callbacks", List),
    ("client_aliases", List),
    ("compliance_level", Text),
    ("cross_origin_authentication", Flag),
    ("cross_origin_loc", Text),
    ("custom_login_page", Text),
    ("custom_login_page_on", Flag),
    ("custom_login_page_preview", Text),
    ("encryption_key", Object),
    ("express_configuration", Object),
    ("fedcm_login", Object),
    ("form_template", Text),
    ("initiate_login_uri", Text),
    ("is_first_party", Flag),
    ("is_token_endpoint_ip_header_trusted", Flag),
    ("jwt_configuration", Object),
    ("logo_uri", Text),
    ("mobile", Object),
    ("my_organization_configuration", Object),
    ("native_social_login", Object),
    ("oidc_backchannel_logout", Object),
    ("oidc_conformant", Flag),
    ("oidc_logout", Object),
    ("organization_discovery_methods", List),
    ("organization_require_behavior", Text),
    ("organization_usage", Text),
    ("par_request_expiry", Number),
    ("redirection_policy", Text),
    ("refresh_token", Object),
    ("require_pushed_authorization_requests", Flag),
    ("resource_server_identifier", Text),
    ("session_transfer", Object),
    ("signed_request_object", Object),
    ("skip_non_verifiable_callback_uri_confirmation_prompt", Flag),
    ("sso", Flag),
    ("sso_disabled", Flag),
    ("third_party_security_mode", Text),
    ("token_exchange", Object),
    ("token_vault_privileged_access", Object),
    ("web_origins", List),
];

/// Fields that stand in Auth0's answers alone; its tools send some of them back. They say nothing
/// that could be changed.
pub(super) const ANSWERED_OF_CLIENT: &[&str] =
    &["callback_url_template", "cross_origin_auth", "encrypted"];

/// Fields of a resource server that Auth0 knows and Keyward only keeps.
pub(super) const KEPT_OF_RESOURCE_SERVER: &[(&str, Kind)] = &[
    ("allow_offline_access", Flag),
    ("allow_online_access", Flag),
    ("allow_online_access_with_ephemeral_sessions", Flag),
    ("authorization_details", List),
    ("authorization_policy", Object),
    ("consent_policy", Text),
    ("enforce_policies", Flag),
    ("skip_consent_for_verifiable_first_party_clients", Flag),
    ("subject_type_authorization", Object),
    ("token_encryption", Object),
    ("token_lifetime_for_web", Number),
];

/// Fields of a client grant that Auth0 knows and Keyward only keeps.
pub(super) const KEPT_OF_GRANT: &[(&str, Kind)] = &[("authorization_details_types", List)];

/// Settings of a tenant that Auth0 knows and Keyward only keeps.
pub(super) const KEPT_OF_TENANT: &[(&str, Kind)] = &[
    ("acr_values_supported", List),
    ("allow_organization_name_in_authentication_api", Flag),
    ("allowed_logout_urls", List),
    ("authorization_response_iss_parameter_supported", Flag),
    ("change_password", Object),
    ("client_id_metadata_document_supported", Flag),
    ("country_codes", Object),
    ("customize_mfa_in_postlogin_action", Flag),
    ("default_directory", Text),
    ("default_redirection_uri", Text),
    ("device_flow", Object),
    ("dynamic_client_registration_security_mode", Text),
    ("enable_ai_guide", Flag),
    ("enabled_locales", List),
    ("ephemeral_session_lifetime", Number),
    ("ephemeral_session_lifetime_in_minutes", Number),
    ("error_page", Object),
    ("flags", Object),
    ("friendly_name", Text),
    ("guardian_mfa_page", Object),
    ("idle_ephemeral_session_lifetime", Number),
    ("idle_ephemeral_session_lifetime_in_minutes", Number),
    ("idle_session_lifetime", Number),
    ("idle_session_lifetime_in_minutes", Number),
    ("include_session_metadata_in_tenant_logs", Flag),
    ("legacy_sandbox_version", Text),
    ("mtls", Object),
    ("oidc_logout", Object),
    ("phone_consolidated_experience", Flag),
    ("picture_url", Text),
    ("pushed_authorization_requests_supported", Flag),
    ("sandbox_version", Text),
    ("security_headers", Object),
    ("session_cookie", Object),
    ("session_lifetime", Number),
    ("session_lifetime_in_minutes", Number),
    ("sessions", Object),
    ("skip_non_verifiable_callback_uri_confirmation_prompt", Flag),
    ("support_email", Text),
    ("support_url", Text),
];

/// The sentence about a bad field.
pub(super) fn payload_message(message: &str, field: &str) -> String {
    if field.is_empty() {
        format!("Payload validation error: '{message}'.")
    } else {
        format!("Payload validation error: '{message}' on property {field}.")
    }
}

/// 400 about a field.
pub(super) fn invalid_field(message: &str, field: &str) -> Failure {
    Failure::bad_request("invalid_body", payload_message(message, field))
}

/// 400 for a field that must be there.
pub(super) fn missing(field: &str) -> Failure {
    invalid_field(&format!("Missing required property: {field}"), "")
}

/// 400 for a member that must be there.
pub(super) fn missing_in(member: &str, field: &str) -> Failure {
    invalid_field(&format!("Missing required property: {member}"), field)
}

/// The fields of a request, taken out one by one; what is left is not known.
#[derive(Debug)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    /// A field that may be absent, but not `null`.
    pub(super) fn text(&mut self, field: &str) -> Result<Option<String>, Failure> {
        match self.0.remove(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type("string", &other, field)),
        }
    }

    /// A field that may be absent, or `null` to empty it.
    pub(super) fn nullable_text(&mut self, field: &str) -> Result<Option<Option<String>>, Failure> {
        match self.0.remove(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(other) => Err(wrong_type("string", &other, field)),
        }
    }

    /// A field that is true or false; absent is false.
    pub(super) fn flag(&mut self, field: &str) -> Result<bool, Failure> {
        match self.0.remove(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong_type("boolean", &other, field)),
        }
    }

    /// A truth value that may be absent, or `null` to empty it.
    pub(super) fn nullable_flag(&mut self, field: &str) -> Result<Option<Option<bool>>, Failure> {
        match self.0.remove(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::Bool(truth)) => Ok(Some(Some(truth))),
            Some(other) => Err(wrong_type("boolean", &other, field)),
        }
    }

    /// An object that may be absent, or `null` to empty it.
    pub(super) fn nullable_object(&mut self, field: &str) -> Result<Option<Option<Self>>, Failure> {
        match self.0.remove(field) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::Object(members)) => Ok(Some(Some(Self(members)))),
            Some(other) => Err(wrong_type("object", &other, field)),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn number(&mut self, field: &str) -> Result<Option<u32>, Failure> {
        match self.0.remove(field) {
            None => Ok(None),
            Some(Value::Number(number)) => {
                let small = number.as_u64().and_then(|number| u32::try_from(number).ok());
                let message = || invalid_field(&format!("Value {number} is out of range"), field);
                small.map(Some).ok_or_else(message)
            }
            Some(other) => Err(wrong_type("integer", &other, field)),
        }
    }

    /// A truth value that may be absent.
    pub(super) fn optional_flag(&mut self, field: &str) -> Result<Option<bool>, Failure> {
        match self.0.remove(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(other) => Err(wrong_type("boolean", &other, field)),
        }
    }

    /// A list of texts.
    pub(super) fn texts(&mut self, field: &str) -> Result<Option<Vec<String>>, Failure> {
        let Some(value) = self.0.remove(field) else { return Ok(None) };
        let Value::Array(items) = value else { return Err(wrong_type("array", &value, field)) };
        let text = |(place, item): (usize, Value)| {
            let wrong = || wrong_type("string", &item, &format!("{field}[{place}]"));
            item.as_str().map(str::to_owned).ok_or_else(wrong)
        };
        items.into_iter().enumerate().map(text).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// A list of objects.
    pub(super) fn objects(&mut self, field: &str) -> Result<Option<Vec<Self>>, Failure> {
        let Some(value) = self.0.remove(field) else { return Ok(None) };
        let Value::Array(items) = value else { return Err(wrong_type("array", &value, field)) };
        let object = |(place, item): (usize, Value)| {
            let wrong = || wrong_type("object", &item, &format!("{field}[{place}]"));
            item.as_object().cloned().map(Self).ok_or_else(wrong)
        };
        items.into_iter().enumerate().map(object).collect::<Result<Vec<_>, _>>().map(Some)
    }

    /// An object.
    pub(super) fn object(&mut self, field: &str) -> Result<Option<Map<String, Value>>, Failure> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(other) => Err(wrong_type("object", &other, field)),
        }
    }

    /// Takes the fields that are only kept and merges them into those kept so far: `null` removes
    /// one. Refuses what is left over.
    pub(super) fn keep(
        mut self,
        known: &[(&str, Kind)],
        so_far: &str,
    ) -> Result<Option<String>, Failure> {
        let mut kept = kept_of(so_far);
        let mut changed = false;
        for (name, kind) in known {
            let Some(value) = self.0.remove(*name) else { continue };
            changed = true;
            if value.is_null() {
                kept.remove(*name);
            } else if fits(*kind, &value) {
                kept.insert((*name).to_owned(), value);
            } else {
                return Err(wrong_type(kind_name(*kind), &value, name));
            }
        }
        self.finish()?;
        Ok(changed.then(|| Value::Object(kept).to_string()))
    }

    /// Refuses what is left over.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                let message = format!("Additional properties not allowed: {name}");
                Err(invalid_field(&message, ""))
            }
        }
    }
}

/// Fields that are only kept, as an object.
pub(super) fn kept_of(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap_or_default()
}

fn fits(kind: Kind, value: &Value) -> bool {
    match kind {
        Text => value.is_string(),
        Flag => value.is_boolean(),
        Number => value.is_number(),
        List => value.is_array(),
        Object => value.is_object(),
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Text => "string",
        Flag => "boolean",
        Number => "integer",
        List => "array",
        Object => "object",
    }
}

fn wrong_type(expected: &str, found: &Value, field: &str) -> Failure {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    invalid_field(&format!("Expected type {expected} but found type {found}"), field)
}
