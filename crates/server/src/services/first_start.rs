//! What is made the first time: keys, the management API and an administrator.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use keyward_core::actor::Actor;
use keyward_core::api::{Api, Scope};
use keyward_core::client::{Client, ClientGrant};
use keyward_core::gateway::Gateway;
use keyward_core::id::ClientId;
use keyward_core::jwk::Algorithm;
use keyward_core::organization::GrantOrganizations;
use keyward_core::secret::{ClientSecret, PepperId, Peppers, PlainSecret, SECRET_RANDOM_LENGTH};
use keyward_core::time::Timestamp;
use keyward_store::{
    GrantFilter, KeyStatus, Page, SealedKey as StoredKey, SealedKeyKind, Store, Tx,
};
use serde::{Deserialize, Serialize};

use super::keys::{self, host_of};
use super::new_ids::{new_api_id, new_grant_id};
use super::{GRANTS_AT_ONCE, OpenError, ServicesOptions, management_audience, pepper_of};
use crate::management::ALL_SCOPES;
use crate::signing::{
    KeyRole, MasterKey, SealError, SealedKey, SigningKey, SigningKeys, generate_pair,
    random_base62, random_bytes,
};

/// The file with the administrator's credentials, in the data folder (0600).
pub const ADMIN_FILE: &str = "admin.json";

/// The name by which Auth0's own tools know a management API and leave it alone.
pub const SYSTEM_API_NAME: &str = "Auth0 Management API";

/// The setting that is there when somebody named the issuer.
const ISSUER_NAMED: &str = "issuer_named";
/// The setting that says for which issuer the store is.
const ISSUER: &str = "issuer";
/// The setting that is there once the gateway `default` was made.
const DEFAULT_GATEWAY_MADE: &str = "default_gateway_made";
/// What peppers are sealed for.
const PEPPER: &str = "pepper";

/// A client for the management APIs, with all scopes.
#[derive(Clone, Serialize, Deserialize)]
pub struct AdminFile {
    /// The server, with its trailing slash.
    pub issuer: String,
    /// The audience to ask a token for.
    pub audience: String,
    /// Who.
    pub client_id: String,
    /// The secret.
    pub client_secret: String,
}

impl fmt::Debug for AdminFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminFile").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

/// Makes everything in one transaction. The credentials are on disk before the store takes it: a
/// crash in between starts over and writes them anew.
pub(super) async fn run(
    store: &Store,
    master: &MasterKey,
    options: &ServicesOptions,
    issuer: &str,
) -> Result<(), OpenError> {
    let now = options.clock.now();
    let actor = Actor::system("first start");
    let mut tx = store.begin(&actor, "first-start", now).await?;
    let (pepper_id, pepper) = make_pepper(&mut tx, master, now).await?;
    for algorithm in Algorithm::ALL {
        for key in generate_pair(algorithm, (host_of(issuer), now), master)? {
            tx.put_sealed_key(&stored_key(&key, now)).await?;
        }
    }
    let api = system_api(issuer, now)?;
    tx.insert_api(&api).await?;
    let id = ClientId::from_random(random_bytes()?);
    let secret = PlainSecret::from_random(&random_base62(SECRET_RANDOM_LENGTH)?);
    let mut client = Client::new(id.clone(), "Administrator", now);
    client.app_type = Some("non_interactive".to_owned());
    client.secrets.push(ClientSecret {
        id: keyward_core::id::SecretId(u64::from_be_bytes(random_bytes()?)),
        hash: pepper_of(pepper_id, &pepper).hash(&id.to_string(), secret.reveal()),
        created_at: now,
        expires_at: None,
    });
    tx.insert_client(&client).await?;
    tx.insert_grant(&ClientGrant {
        id: new_grant_id()?,
        client: id.clone(),
        api: api.id,
        scopes: ALL_SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
        organizations: GrantOrganizations::default(),
        kept_fields: "{}".to_owned(),
        version: 1,
        created_at: now,
        updated_at: now,
    })
    .await?;
    set_issuer(&mut tx, options, issuer).await?;
    write_admin_file(
        &options.data_dir,
        &AdminFile {
            issuer: issuer.to_owned(),
            audience: management_audience(issuer),
            client_id: id.to_string(),
            client_secret: secret.reveal().to_owned(),
        },
    )?;
    tx.commit().await?;
    Ok(())
}

/// Adds what a store of an older version lacks: the gateway `default`, scopes of the management API
/// that are new, and these to whoever had all there were.
///
/// A gateway that somebody deleted stays deleted: it is made once in the life of a store.
pub(super) async fn bring_up_to_date(
    store: &Store,
    options: &ServicesOptions,
    issuer: &str,
) -> Result<(), OpenError> {
    let now = options.clock.now();
    let api = store.api_by_identifier(&management_audience(issuer)).await?;
    let has_gateway = store.setting(DEFAULT_GATEWAY_MADE).await?.is_some();
    let outdated = api.filter(|api| new_scopes(api).next().is_some());
    if has_gateway && outdated.is_none() {
        return Ok(());
    }
    let actor = Actor::system("new version");
    let mut tx = store.begin(&actor, "new-version", now).await?;
    if !has_gateway {
        let gateway = Gateway::built_in(now);
        let gateway = gateway.ok_or(OpenError::Incomplete("it has no gateway `default`"))?;
        if tx.gateway(&gateway.id).await?.is_none() {
            tx.insert_gateway(&gateway).await?;
        }
        tx.set_setting(DEFAULT_GATEWAY_MADE, "yes").await?;
    }
    if let Some(mut api) = outdated {
        let known: Vec<String> = api.scopes.iter().map(|scope| scope.value.clone()).collect();
        for mut grant in full_grants(store, &api, &known).await? {
            grant.scopes = ALL_SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
            tx.update_grant(&grant).await?;
        }
        let new: Vec<Scope> = new_scopes(&api).map(scope_of).collect();
        api.scopes.extend(new);
        tx.update_api(&api).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The scopes that the management API offers and the stored one does not.
fn new_scopes(api: &Api) -> impl Iterator<Item = &'static str> {
    let known: Vec<&str> = api.scopes.iter().map(|scope| scope.value.as_str()).collect();
    ALL_SCOPES.iter().copied().filter(move |scope| !known.contains(scope))
}

/// The grants that have every scope there was.
async fn full_grants(
    store: &Store,
    api: &Api,
    known: &[String],
) -> Result<Vec<ClientGrant>, OpenError> {
    let filter = GrantFilter { api: Some(api.id.clone()), ..GrantFilter::default() };
    let mut full = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.grants(&filter, &Page::After { cursor, limit: GRANTS_AT_ONCE }).await?;
        let has_all = |grant: &ClientGrant| known.iter().all(|scope| grant.scopes.contains(scope));
        full.extend(page.items.into_iter().filter(has_all));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(full);
        }
    }
}

fn scope_of(value: &str) -> Scope {
    Scope { value: value.to_owned(), description: None }
}

/// When the external URL has changed, the management API and the administrator's file follow.
///
/// An issuer that somebody named is not given up for one that is only made from an address: all
/// tokens that are out would end.
pub(super) async fn follow_issuer(
    store: &Store,
    options: &ServicesOptions,
) -> Result<String, OpenError> {
    let old = store.setting(ISSUER).await?;
    let old = old.ok_or(OpenError::Incomplete("it does not say for which issuer it is"))?;
    let named = store.setting(ISSUER_NAMED).await?.is_some();
    let wanted = options.issuer.as_ref().filter(|_| !(named && options.issuer_is_derived));
    let issuer = match wanted {
        Some(new) if *new != old => move_issuer(store, options, &old, new).await?,
        Some(_) | None => old,
    };
    // Also after a crash between the two writes.
    update_admin_file(&options.data_dir, &issuer)?;
    Ok(issuer)
}

async fn move_issuer(
    store: &Store,
    options: &ServicesOptions,
    old: &str,
    new: &str,
) -> Result<String, OpenError> {
    let now = options.clock.now();
    let api = store.api_by_identifier(&management_audience(old)).await?;
    let mut api = api.ok_or(OpenError::Incomplete("the management API is missing"))?;
    api.identifier = management_audience(new);
    api.updated_at = now;
    let actor = Actor::system("issuer changed");
    let mut tx = store.begin(&actor, "issuer-changed", now).await?;
    tx.update_api(&api).await?;
    set_issuer(&mut tx, options, new).await?;
    tx.commit().await?;
    tracing::warn!(from = %old, to = %new, "the issuer has changed: tokens of the old one end");
    Ok(new.to_owned())
}

async fn set_issuer(tx: &mut Tx, options: &ServicesOptions, issuer: &str) -> Result<(), OpenError> {
    tx.set_setting(ISSUER, issuer).await?;
    if !options.issuer_is_derived {
        tx.set_setting(ISSUER_NAMED, "yes").await?;
    }
    Ok(())
}

fn update_admin_file(folder: &Path, issuer: &str) -> Result<(), OpenError> {
    let known = std::fs::read(folder.join(ADMIN_FILE)).ok();
    let known = known.and_then(|bytes| serde_json::from_slice::<AdminFile>(&bytes).ok());
    let Some(mut admin) = known.filter(|admin| admin.issuer != issuer) else { return Ok(()) };
    issuer.clone_into(&mut admin.issuer);
    admin.audience = management_audience(issuer);
    write_admin_file(folder, &admin)
}

/// Makes the certificates of keys from before there were any.
pub(super) async fn certify(
    store: &Store,
    master: &MasterKey,
    issuer: &str,
    now: Timestamp,
) -> Result<(), OpenError> {
    let stored = store.sealed_keys().await?;
    let bare: Vec<_> = stored
        .into_iter()
        .filter(|key| key.certificate.is_none())
        .filter_map(|key| signing_key(&key).map(|sealed| (key, sealed)))
        .collect();
    if bare.is_empty() {
        return Ok(());
    }
    let actor = Actor::system("new version");
    let mut tx = store.begin(&actor, "new-version", now).await?;
    for (mut key, sealed) in bare {
        let mut opened = SigningKey::unseal(&sealed, master)?;
        opened.certify(host_of(issuer), now)?;
        key.certificate = opened.certificate().map(|known| known.der().to_vec());
        tx.put_sealed_key(&key).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The keys of a store, opened.
pub(super) struct Keys {
    pub(super) signing: SigningKeys,
    pub(super) peppers: Peppers,
}

impl Keys {
    pub(super) fn open(stored: &[StoredKey], master: &MasterKey) -> Result<Self, OpenError> {
        let signing: Vec<_> = stored
            .iter()
            .filter(|key| key.kind == SealedKeyKind::Signing)
            .filter_map(signing_key)
            .collect();
        let mut current = None;
        let mut older = Vec::new();
        for key in stored.iter().filter(|key| key.kind == SealedKeyKind::Pepper) {
            let (id, bytes) = open_pepper(key, master)?;
            if key.status == KeyStatus::Current {
                current = Some((id, bytes));
            } else {
                older.push((id, bytes));
            }
        }
        let (id, bytes) = current.ok_or(OpenError::Incomplete("there is no current pepper"))?;
        Ok(Self {
            signing: SigningKeys::unseal(master, signing)?,
            peppers: Peppers::new((id, &bytes), &older),
        })
    }
}

async fn make_pepper(
    tx: &mut Tx,
    master: &MasterKey,
    now: Timestamp,
) -> Result<(PepperId, [u8; 32]), OpenError> {
    let id = PepperId(1);
    let bytes: [u8; 32] = random_bytes()?;
    let name = id.0.to_string();
    let sealed = master
        .seal(PEPPER, &name, &bytes)
        .map_err(|fault| OpenError::Pepper { id: name.clone(), fault })?;
    tx.put_sealed_key(&StoredKey {
        kind: SealedKeyKind::Pepper,
        id: name,
        algorithm: None,
        status: KeyStatus::Current,
        sealed,
        created_at: now,
        status_since: now,
        certificate: None,
        current_since: None,
        current_until: None,
        revoked_at: None,
    })
    .await?;
    Ok((id, bytes))
}

fn open_pepper(key: &StoredKey, master: &MasterKey) -> Result<(PepperId, [u8; 32]), OpenError> {
    let wrong = |fault| OpenError::Pepper { id: key.id.clone(), fault };
    let bytes = master.open(PEPPER, &key.id, &key.sealed).map_err(wrong)?;
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| wrong(SealError::Form))?;
    let id = key.id.parse().map_err(|_| wrong(SealError::Form))?;
    Ok((PepperId(id), bytes))
}

pub(super) fn stored_key(key: &SealedKey, now: Timestamp) -> StoredKey {
    let (status, status_since) = match key.role {
        KeyRole::Current => (KeyStatus::Current, now),
        KeyRole::Next => (KeyStatus::Next, now),
        KeyRole::Previous { until } => (KeyStatus::Previous, until),
    };
    StoredKey {
        kind: SealedKeyKind::Signing,
        id: key.kid.clone(),
        algorithm: Some(key.algorithm.name().to_owned()),
        status,
        sealed: key.sealed.clone(),
        created_at: now,
        status_since,
        certificate: key.certificate.clone(),
        current_since: (key.role == KeyRole::Current).then_some(now),
        current_until: None,
        revoked_at: None,
    }
}

/// Revoked keys, and algorithms of a later version, are no keys to us.
fn signing_key(key: &StoredKey) -> Option<SealedKey> {
    let role = match key.status {
        KeyStatus::Current => KeyRole::Current,
        KeyStatus::Next => KeyRole::Next,
        // Of a previous key, `status_since` is the moment from which on it counts no more.
        KeyStatus::Previous => KeyRole::Previous { until: key.status_since },
        KeyStatus::Revoked => return None,
    };
    let algorithm = keys::algorithm_of(key)?;
    let (kid, sealed) = (key.id.clone(), key.sealed.clone());
    Some(SealedKey { kid, algorithm, role, sealed, certificate: key.certificate.clone() })
}

fn system_api(issuer: &str, now: Timestamp) -> Result<Api, OpenError> {
    let mut api = Api::new(new_api_id()?, &management_audience(issuer), SYSTEM_API_NAME, now);
    api.is_system = true;
    api.scopes = ALL_SCOPES.iter().copied().map(scope_of).collect();
    Ok(api)
}

/// Whole or not at all, and never readable by others.
fn write_admin_file(folder: &Path, admin: &AdminFile) -> Result<(), OpenError> {
    let path = folder.join(ADMIN_FILE);
    let draft = folder.join(".admin.json.new");
    let wrong = |source| OpenError::Folder { what: "write", path: path.clone(), source };
    let mut text = serde_json::to_string_pretty(admin).map_err(|e| wrong(e.into()))?;
    text.push('\n');
    let _ = std::fs::remove_file(&draft);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(wrong)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(wrong)?;
    std::fs::rename(&draft, &path).map_err(wrong)?;
    // The name is on disk once the folder is.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(wrong)
}
