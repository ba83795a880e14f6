//! Parts of Auth0 that Keyward does not have: they are for people, not for programs.

/// Sections of Auth0's management API that its deploy tool reads, and the scope that this takes.
const SECTIONS: &[(&str, &str)] = &[
    ("attack-protection", "read:attack_protection"),
    ("branding", "read:branding"),
    ("connection-profiles", "read:connection_profiles"),
    ("connections", "read:connections"),
    ("connections-directory-provisionings", "read:directory_provisionings"),
    ("custom-domains", "read:custom_domains"),
    ("email-templates", "read:email_templates"),
    ("emails", "read:email_provider"),
    ("event-streams", "read:event_streams"),
    ("flows", "read:flows"),
    ("forms", "read:forms"),
    ("guardian", "read:guardian_factors"),
    ("hooks", "read:hooks"),
    ("network-acls", "read:network_acls"),
    ("organizations", "read:organizations"),
    ("prompts", "read:prompts"),
    ("rate-limit-policies", "read:rate_limit_policies"),
    ("risk-assessments", "read:attack_protection"),
    ("roles", "read:roles"),
    ("rules", "read:rules"),
    ("rules-configs", "read:rules_configs"),
    ("self-service-profiles", "read:self_service_profiles"),
    ("supplemental-signals", "read:attack_protection"),
    ("token-exchange-profiles", "read:token_exchange_profiles"),
    ("user-attribute-profiles", "read:user_attribute_profiles"),
];

/// The scope that reading a path would take, if it is of such a section.
///
/// Compat(auth0): nobody has these scopes here, so nobody may read. The deploy tool passes over what
/// it may not read, and stops at what is not found.
pub(super) fn scope_to_read(path: &str) -> Option<&'static str> {
    let section = path.strip_prefix("/api/v2/")?.split('/').next()?;
    SECTIONS.iter().find(|(name, _)| *name == section).map(|(_, scope)| *scope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_names_are_sections() {
        for (path, scope) in [
            ("/api/v2/branding/themes/default", Some("read:branding")),
            ("/api/v2/rules", Some("read:rules")),
            ("/api/v2/rules-of-mine", None),
            ("/api/v2/", None),
            ("/v1/rules", None),
        ] {
            assert_eq!(scope_to_read(path), scope, "{path}");
        }
    }
}
