//! `grpc.health.v1`: whether checks can be decided now.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use keyward_core::policy::Standing;
use tonic::server::NamedService as _;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::GrpcChecks;
use crate::gate::Gate;

/// How often somebody who watches is told of a change.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Serving(pub(super) Arc<Gate>);

impl Serving {
    /// The status of a service; `None` for one that is not here.
    fn status(&self, service: &str) -> Option<ServingStatus> {
        if !service.is_empty() && service != GrpcChecks::NAME {
            return None;
        }
        let generation = self.0.policy.generation();
        Some(match generation.standing(self.0.clock.uptime_ms()) {
            // A poisoned generation is replaced within the moment.
            Standing::Good | Standing::Poisoned => ServingStatus::Serving,
            Standing::Expired => ServingStatus::NotServing,
        })
    }
}

fn told(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

type Watching = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Serving {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let status = self.status(&request.get_ref().service);
        let status = status.ok_or_else(|| Status::not_found("there is no such service"))?;
        Ok(Response::new(told(status)))
    }

    type WatchStream = Watching;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Watching>, Status> {
        let service = request.into_inner().service;
        let serving = Self(Arc::clone(&self.0));
        let stream = unfold((serving, None), move |(serving, last)| {
            let service = service.clone();
            async move {
                loop {
                    let now = serving.status(&service).unwrap_or(ServingStatus::ServiceUnknown);
                    if last != Some(now) {
                        return Some((Ok(told(now)), (serving, Some(now))));
                    }
                    tokio::time::sleep(WATCH_INTERVAL).await;
                }
            }
        });
        Ok(Response::new(Box::pin(stream)))
    }
}
