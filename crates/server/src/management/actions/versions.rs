//! Versions of Actions: the history of what was deployed.

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use keyward_actions::FailureKind;
use keyward_core::action::{Action, ActionVersion, Script, VERSIONS_MAX};
use keyward_core::id::ActionVersionId;
use keyward_core::time::Timestamp;
use keyward_store::Tx;

use super::{PER_PAGE_DEFAULT, Shared, action_id, load, wire};
use crate::failure::Failure;
use crate::management::fields::Fields;
use crate::management::query::Query;
use crate::management::scopes::{CreateActions, ReadActions};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;

pub(in crate::management) async fn list_action_versions(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    Place(id): Place<String>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    let query = Query::read(&uri, &["page", "per_page"])?;
    let paging = query.numbered_pages(PER_PAGE_DEFAULT)?;
    let action = services.store.action(&action_id(&id)?).await?;
    let action = action.ok_or_else(|| not_found("action"))?;
    let versions = services.store.action_versions(&action.id).await?;
    let items = versions.iter().map(|version| wire::version(version, &action)).collect();
    Ok(reply(StatusCode::OK, paging.wrap_numbered("versions", paging.cut(items)?)))
}

pub(in crate::management) async fn get_action_version(
    State(services): Shared,
    _admitted: Admitted<ReadActions>,
    Place((id, version)): Place<(String, String)>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let action = services.store.action(&action_id(&id)?).await?;
    let action = action.ok_or_else(|| not_found("action"))?;
    let version = services.store.action_version(&version_id(&version)?).await?;
    let version = version.filter(|version| version.action == action.id);
    let version = version.ok_or_else(|| not_found("action_version"))?;
    Ok(reply(StatusCode::OK, wire::version(&version, &action)))
}

/// Makes a version of the draft, which runs from now on where the Action is bound.
pub(in crate::management) async fn deploy_action(
    State(services): Shared,
    admitted: Admitted<CreateActions>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    let seen = services.store.action(&action_id(&id)?).await?.ok_or_else(|| not_found("action"))?;
    // Before the transaction, which holds the only writer.
    check(&services, &seen.draft).await?;
    let mut tx = admitted.begin(&services).await?;
    let mut action = load(&mut tx, &id).await?;
    if action.draft != seen.draft {
        let message = "The draft was changed meanwhile, try again";
        return Err(Failure::conflict("conflict", message).into());
    }
    let draft = action.draft.clone();
    let version = deploy(&services, &mut tx, &mut action, draft, admitted.now).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, wire::deployment(&version, &action)))
}

/// Rolls back: what an older version holds becomes the next version.
pub(in crate::management) async fn deploy_action_version(
    State(services): Shared,
    admitted: Admitted<CreateActions>,
    Place((id, version)): Place<(String, String)>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let update_draft = update_draft(&body)?;
    let mut tx = admitted.begin(&services).await?;
    let mut action = load(&mut tx, &id).await?;
    let old = tx.action_version(&version_id(&version)?).await?;
    let old = old.filter(|old| old.action == action.id);
    let script = old.ok_or_else(|| not_found("action_version"))?.script;
    if update_draft {
        action.write_draft(script.clone(), admitted.now);
    }
    let version = deploy(&services, &mut tx, &mut action, script, admitted.now).await?;
    services.commit(tx).await?;
    Ok(reply(StatusCode::OK, wire::deployment(&version, &action)))
}

/// The body is optional, and so is all that is in it.
fn update_draft(body: &RawBody) -> Result<bool, Failure> {
    if matches!(body.bytes.as_ref().trim_ascii(), b"" | b"null") {
        return Ok(false);
    }
    let mut fields = Fields(body.object()?);
    let update_draft = fields.flag("update_draft")?;
    fields.finish().map(|()| update_draft)
}

/// Whether a version can be made of a draft: it asks for nothing that is not there, and it compiles.
pub(super) async fn check(services: &Services, draft: &Script) -> Result<(), ManagementFailure> {
    // Compat(auth0): not the words "must be in the 'built' state", on which its deploy tool waits
    // for minutes: waiting mends nothing here.
    let failed = |fault: &dyn std::fmt::Display| {
        let message = format!("Compilation failed: {fault}");
        Failure::bad_request("compilation_failed", message)
    };
    draft.check_deployable().map_err(|fault| failed(&fault))?;
    services.actions.check(&draft.code).await.map_err(|failure| match failure.kind {
        FailureKind::Syntax => failed(&format!("{}: {}", failure.name, failure.message)),
        FailureKind::NoWorker | FailureKind::Crashed | FailureKind::Malformed => {
            Failure::unavailable("The code cannot be compiled now, try again")
                .because(failure.message)
        }
        FailureKind::Threw
        | FailureKind::Cpu
        | FailureKind::Clock
        | FailureKind::Memory
        | FailureKind::NoHandler
        | FailureKind::Pending
        | FailureKind::Misuse
        | FailureKind::TooLarge
        | FailureKind::NoVersion => failed(&failure.message),
    })?;
    Ok(())
}

/// Writes a new version and lets the Action run it. It was checked.
pub(super) async fn deploy(
    services: &Services,
    tx: &mut Tx,
    action: &mut Action,
    script: Script,
    now: Timestamp,
) -> Result<ActionVersion, ManagementFailure> {
    let version = action.deploy(services.new_action_version_id()?, script, now);
    tx.insert_action_version(&version).await?;
    action.version = tx.update_action(action).await?;
    tx.forget_action_versions(&action.id, VERSIONS_MAX, action.deployed.as_ref()).await?;
    Ok(version)
}

fn version_id(text: &str) -> Result<ActionVersionId, Failure> {
    ActionVersionId::parse(text).map_err(|_| not_found("action_version"))
}
