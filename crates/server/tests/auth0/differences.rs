//! Where Keyward's answers are other than Auth0's description says, on purpose. The reasons stand in
//! `docs/reference/known-differences.md`, under the same names.

use serde_json::json;

use super::{Difference, Document, FAILURE};

/// All of them. One that no answer needs fails a test: whoever adds one adds such an answer to
/// `tests/it/auth0_description.rs`.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference { name: "`details` of a failure", edit: details },
    Difference { name: "a body that is not taken", edit: bodies },
    Difference { name: "a bad query for client grants", edit: bad_queries },
    Difference { name: "the last page from a checkpoint", edit: last_pages },
    Difference { name: "a changed credential", edit: changed_credentials },
    Difference { name: "algorithms of credentials", edit: credential_algorithms },
    Difference { name: "a changed resource server", edit: changed_resource_servers },
    Difference { name: "a resource server that is not there", edit: absent_resource_servers },
    Difference { name: "algorithms of resource servers", edit: algorithms },
    Difference { name: "a deployed Action", edit: deployed_actions },
    Difference { name: "a name that another Action has", edit: taken_names },
    Difference { name: "bindings of a trigger that is not offered", edit: absent_triggers },
    Difference { name: "modules of Actions", edit: absent_modules },
    Difference { name: "`alg` of a signing key", edit: signing_key_algorithms },
    Difference { name: "a rotation that is refused", edit: refused_rotations },
    Difference { name: "a revocation that is refused", edit: refused_revocations },
    Difference { name: "a log stream to an own network", edit: near_log_streams },
];

fn details(document: &mut Document) {
    let details = json!({
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "additionalProperties": false,
            "required": ["code", "message"],
            "properties": {
                "line": { "type": "integer" },
                "field": { "type": "string" },
                "entry": { "type": "string" },
                "code": { "type": "string" },
                "message": { "type": "string" },
                "suggestion": { "type": "string" },
            },
        },
    });
    document.has_member(&[FAILURE], "details", &details);
}

fn bodies(document: &mut Document) {
    for (method, path) in document.operations_with_a_body() {
        document.fails(&method, &path, 413);
        document.fails(&method, &path, 415);
    }
}

fn bad_queries(document: &mut Document) {
    document.fails("GET", "/client-grants", 400);
}

fn last_pages(document: &mut Document) {
    document.fits_any_form("GET", "/clients", 200);
    document.fits_any_form("GET", "/client-grants", 200);
}

fn changed_credentials(document: &mut Document) {
    let path = "/clients/{client_id}/credentials/{credential_id}";
    document.answers_like("PATCH", path, 200, 201);
}

fn credential_algorithms(document: &mut Document) {
    document.has_words("ClientCredentialAlgorithmEnum", &["ES256", "EdDSA"]);
}

fn changed_resource_servers(document: &mut Document) {
    document.answers_like("PATCH", "/resource-servers/{id}", 200, 201);
}

fn absent_resource_servers(document: &mut Document) {
    document.fails("PATCH", "/resource-servers/{id}", 404);
}

fn algorithms(document: &mut Document) {
    document.has_words("SigningAlgorithmEnum", &["ES256", "EdDSA"]);
}

fn deployed_actions(document: &mut Document) {
    document.answers_like("POST", "/actions/actions/{id}/deploy", 200, 202);
    document.answers_like("POST", "/actions/actions/{actionId}/versions/{id}/deploy", 200, 202);
}

fn taken_names(document: &mut Document) {
    document.fails("POST", "/actions/actions", 409);
}

fn absent_triggers(document: &mut Document) {
    document.fails("GET", "/actions/triggers/{triggerId}/bindings", 404);
    document.fails("PATCH", "/actions/triggers/{triggerId}/bindings", 404);
}

fn absent_modules(document: &mut Document) {
    document.fails("GET", "/actions/modules", 404);
}

fn signing_key_algorithms(document: &mut Document) {
    let words = json!({ "enum": ["RS256", "PS256", "ES256", "EdDSA"] });
    document.has_member(&["SigningKeys", "GetSigningKeysResponseContent"], "alg", &words);
}

fn refused_rotations(document: &mut Document) {
    document.fails("POST", "/keys/signing/rotate", 400);
    document.fails("POST", "/keys/signing/rotate", 409);
}

fn refused_revocations(document: &mut Document) {
    document.fails("PUT", "/keys/signing/{kid}/revoke", 400);
}

fn near_log_streams(document: &mut Document) {
    document.has_pattern("LogStreamHttpSink", "httpEndpoint", "^https?://");
}
