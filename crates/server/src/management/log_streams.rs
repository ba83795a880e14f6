//! `/api/v2/log-streams`: where log events are carried to.

mod wire;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use keyward_core::time::Timestamp;
use keyward_store::LogStream;

use crate::failure::Failure;
use crate::log_streams::{ACTIVE, StreamError, new_id, new_signing_secret, open, seal, settings};
use crate::management::fields::Fields;
use crate::management::query::Query;
use crate::management::scopes::{
    CreateLogStreams, DeleteLogStreams, ReadLogStreams, UpdateLogStreams,
};
use crate::management::{Admitted, ManagementFailure, Place, RawBody, not_found, reply};
use crate::services::Services;
use crate::signing::SealError;

type Shared = State<Arc<Services>>;

/// The most streams: each is a task and a connection.
const STREAMS_MAX: usize = 10;

pub(super) async fn list_log_streams(
    State(services): Shared,
    _admitted: Admitted<ReadLogStreams>,
    uri: Uri,
) -> Result<Response, ManagementFailure> {
    Query::read(&uri, &[])?;
    let streams = services.store.log_streams().await?;
    let shown: Result<Vec<_>, StreamError> = streams.iter().map(wire::stream).collect();
    Ok(reply(StatusCode::OK, shown?))
}

pub(super) async fn create_log_stream(
    State(services): Shared,
    admitted: Admitted<CreateLogStreams>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let new = wire::new_stream(Fields(body.object()?), &services.log_stream_networks)?;
    if services.store.log_streams().await?.len() >= STREAMS_MAX {
        // Compat(auth0): its words.
        let message = "You reached the limit of entities of this type for this tenant.";
        return Err(Failure::forbidden("too_many_entities", message).into());
    }
    let (id, signing) = (new_id()?, new_signing_secret()?);
    let after = match new.start_from {
        Some(moment) => services.store.log_before(moment).await?,
        None => {
            // What waits to be written happened before the stream was made.
            services.logs.write(&services.store, admitted.now).await?;
            services.store.last_log().await?
        }
    };
    let mut secrets = new.secrets;
    secrets.signing.clone_from(&signing);
    let stream = LogStream {
        name: new.name.unwrap_or_else(|| id.clone()),
        status: ACTIVE.to_owned(),
        settings: wire::stored(&new.settings)?,
        sealed: seal(&services.master, &id, &secrets)?,
        id,
        version: 1,
        created_at: admitted.now,
        updated_at: admitted.now,
    };
    let mut tx = admitted.begin(&services).await?;
    tx.insert_log_stream(&stream, after).await?;
    services.commit(tx).await?;
    let mut shown = wire::stream(&stream)?;
    shown.insert(wire::SIGNING_SECRET.to_owned(), signing.into());
    // Compat(auth0): 200 where others have 201.
    Ok(reply(StatusCode::OK, shown))
}

pub(super) async fn get_log_stream(
    State(services): Shared,
    _admitted: Admitted<ReadLogStreams>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    let stream = services.store.log_stream(&id).await?.ok_or_else(|| not_found("log_stream"))?;
    Ok(reply(StatusCode::OK, wire::stream(&stream)?))
}

pub(super) async fn update_log_stream(
    State(services): Shared,
    admitted: Admitted<UpdateLogStreams>,
    Place(id): Place<String>,
    body: RawBody,
) -> Result<Response, ManagementFailure> {
    let fields = Fields(body.object()?);
    let mut tx = admitted.begin(&services).await?;
    let mut stream = tx.log_stream(&id).await?.ok_or_else(|| not_found("log_stream"))?;
    let before = (settings(&stream)?, open(&services.master, &stream)?);
    let networks = &services.log_stream_networks;
    let edit = wire::edit(fields, &stream, &before, networks)?;
    let mut secrets = edit.secrets;
    let signing = edit.rotate.then(new_signing_secret).transpose()?;
    if let Some(signing) = &signing {
        secrets.signing.clone_from(signing);
    }
    (stream.name, stream.status) = (edit.name, edit.status);
    stream.settings = wire::stored(&edit.settings)?;
    if secrets != before.1 {
        stream.sealed = seal(&services.master, &stream.id, &secrets)?;
    }
    tx.update_log_stream(&stream).await?;
    services.commit(tx).await?;
    let mut shown = wire::stream(&stream)?;
    if let Some(signing) = signing {
        shown.insert(wire::SIGNING_SECRET.to_owned(), signing.into());
    }
    Ok(reply(StatusCode::OK, shown))
}

pub(super) async fn delete_log_stream(
    State(services): Shared,
    admitted: Admitted<DeleteLogStreams>,
    Place(id): Place<String>,
) -> Result<Response, ManagementFailure> {
    let mut tx = admitted.begin(&services).await?;
    // Compat(auth0): whatever is not there is deleted.
    if tx.delete_log_stream(&id).await? {
        services.commit(tx).await?;
    } else {
        tx.rollback().await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl From<StreamError> for ManagementFailure {
    fn from(error: StreamError) -> Self {
        Self(Failure::internal(error))
    }
}

impl From<SealError> for ManagementFailure {
    fn from(error: SealError) -> Self {
        Self(Failure::internal(error))
    }
}

/// A moment as people write it (RFC 3339).
fn moment(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_millis(time.as_millisecond()))
}
