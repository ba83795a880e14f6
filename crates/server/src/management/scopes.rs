//! What may be done with a management token.

use crate::scopes;

/// Everything that the system API offers; an administrator gets it all.
pub const ALL_SCOPES: &[&str] = &[
    "read:clients",
    "create:clients",
    "update:clients",
    "delete:clients",
    "read:client_keys",
    "update:client_keys",
    "read:client_credentials",
    "create:client_credentials",
    "update:client_credentials",
    "delete:client_credentials",
    "read:client_summary",
    "read:client_grants",
    "create:client_grants",
    "update:client_grants",
    "delete:client_grants",
    "read:resource_servers",
    "create:resource_servers",
    "update:resource_servers",
    "delete:resource_servers",
    "read:actions",
    "create:actions",
    "update:actions",
    "delete:actions",
    "read:tenant_settings",
    "update:tenant_settings",
    "read:signing_keys",
    "create:signing_keys",
    "update:signing_keys",
    "read:accounts",
    "create:accounts",
    "update:accounts",
    "delete:accounts",
    "read:allowlists",
    "update:allowlists",
    "revoke:client_tokens",
    "introspect:tokens",
    "read:audit",
    "read:gateways",
    "create:gateways",
    "update:gateways",
    "delete:gateways",
    "create:probes",
    "read:logs",
    "read:logs_users",
    "read:log_streams",
    "create:log_streams",
    "update:log_streams",
    "delete:log_streams",
];

scopes! {
    /// To see clients.
    pub(crate) ReadClients = "read:clients" | "read:client_keys" | "read:client_credentials"
        | "read:client_summary";
    /// To make clients.
    pub(crate) CreateClients = "create:clients";
    /// To change clients; the handler looks closer at what is changed.
    pub(crate) UpdateClients = "update:clients" | "update:client_keys";
    /// To delete clients.
    pub(crate) DeleteClients = "delete:clients";
    /// To make and withdraw secrets.
    pub(crate) UpdateClientKeys = "update:client_keys";
    /// To see clients' keys and certificates.
    pub(crate) ReadClientCredentials = "read:client_credentials";
    /// To add keys and certificates to clients.
    pub(crate) CreateClientCredentials = "create:client_credentials";
    /// To change when keys and certificates of clients end.
    pub(crate) UpdateClientCredentials = "update:client_credentials";
    /// To delete keys and certificates of clients.
    pub(crate) DeleteClientCredentials = "delete:client_credentials";
    /// To see client grants.
    pub(crate) ReadClientGrants = "read:client_grants";
    /// To make client grants.
    pub(crate) CreateClientGrants = "create:client_grants";
    /// To change client grants.
    pub(crate) UpdateClientGrants = "update:client_grants";
    /// To delete client grants.
    pub(crate) DeleteClientGrants = "delete:client_grants";
    /// To see resource servers.
    pub(crate) ReadResourceServers = "read:resource_servers";
    /// To make resource servers.
    pub(crate) CreateResourceServers = "create:resource_servers";
    /// To change resource servers.
    pub(crate) UpdateResourceServers = "update:resource_servers";
    /// To delete resource servers.
    pub(crate) DeleteResourceServers = "delete:resource_servers";
    /// To see log streams.
    pub(crate) ReadLogStreams = "read:log_streams";
    /// To make log streams.
    pub(crate) CreateLogStreams = "create:log_streams";
    /// To change log streams.
    pub(crate) UpdateLogStreams = "update:log_streams";
    /// To delete log streams.
    pub(crate) DeleteLogStreams = "delete:log_streams";
    /// To see log events.
    pub(crate) ReadLogs = "read:logs" | "read:logs_users";
    /// To see Actions, versions, triggers and bindings.
    pub(crate) ReadActions = "read:actions";
    /// To make, deploy and try Actions.
    pub(crate) CreateActions = "create:actions";
    /// To change Actions and what is bound.
    pub(crate) UpdateActions = "update:actions";
    /// To delete Actions.
    pub(crate) DeleteActions = "delete:actions";
    /// To see the settings of the installation.
    pub(crate) ReadTenantSettings = "read:tenant_settings";
    /// To change them.
    pub(crate) UpdateTenantSettings = "update:tenant_settings";
    /// To see signing keys.
    pub(crate) ReadSigningKeys = "read:signing_keys";
    /// To rotate signing keys; `update:signing_keys` is needed as well.
    pub(crate) RotateSigningKeys = "create:signing_keys";
    /// To revoke signing keys.
    pub(crate) UpdateSigningKeys = "update:signing_keys";
}
