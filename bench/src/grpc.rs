//! Envoy's authorization call over gRPC beside a trivial service.

mod call;
mod load;

use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::service::auth::v3::authorization_server::{
    Authorization, AuthorizationServer,
};
use envoy_types::pb::envoy::service::auth::v3::check_response::HttpResponse;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse, OkHttpResponse};
use keyward_core::gateway::{Gateway, GatewayKind};
use keyward_core::id::GatewayId;
use keyward_core::jwk::Algorithm;
use keyward_core::time::Clock as _;
use keyward_server::clock::SystemClock;
use keyward_server::listen::GrpcHandler;
use keyward_server::signing::SigningKey;
use tonic::transport::server::TcpIncoming;

use crate::arguments::Arguments;
use crate::callers::{MIXTURE, callers};
use crate::check::{CLIENTS, policy_for, start_keyward};
use crate::child::Part;
use crate::load::{SERVER_CORE, Served};
use crate::measure::ROUNDS;
use crate::report::{Table, goal, plain, us};
use crate::{machine, population, serving};
use call::Call;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let count = arguments.either(30_000, 8_000);
    let key = SigningKey::generate(Algorithm::EdDsa)?;
    let calls: Vec<Call> = callers(CLIENTS, &key)?.iter().map(Call::of).collect();
    let allowed: Vec<Call> = calls.iter().map(Call::expecting_200).collect();
    let mut ours = Served::new(start_keyward("serve-grpc", &key)?)?;
    let mut trivial = Served::new(Part::start(&["serve-grpc-trivial"])?)?;
    for round in 0..=ROUNDS {
        ours.round_of(count, |address| load::drive(address, &calls, count))?;
        trivial.round_of(count, |address| load::drive(address, &allowed, count))?;
        if round == 0 {
            ours.forget();
            trivial.forget();
        }
    }
    let mut table = Table::new(format!(
        "The check over gRPC (Envoy's ext_authz), {CLIENTS} clients, mixed credentials and verdicts"
    ));
    let peer = ("tonic, a constant OK", trivial.cpu_us());
    table.compare("server CPU per call", ours.cpu_us(), peer, goal("times trivial", 1.2), us);
    let peer = ("tonic, a constant OK", trivial.per_s());
    table.compare("calls per second, best round", ours.per_s(), peer, None, plain);
    table.note(format!(
        "each server in a process of its own with one worker, kept on one core; {} connections \
         with {} calls at a time on each, from the other core; every answer's grpc-status, code \
         and HTTP status checked; CPU from schedstat; no request log",
        load::CONNECTIONS,
        load::STREAMS
    ));
    table.note(
        "tonic: its own Server with its defaults, a generated service that answers a clone of one \
         CheckResponse, OK with six identity headers; ours: the listener that ships",
    );
    table.note(MIXTURE);
    table.print();
    Ok(())
}

/// The gate for Envoy as `keyward serve` runs it, with a made-up policy.
pub(crate) fn serve_keyward(clients: usize) -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    let id = GatewayId::parse(call::GATEWAY)?;
    let mut gateway = Gateway::new(id, GatewayKind::EnvoyGrpc, SystemClock.now());
    gateway.auth.peers = vec!["127.0.0.1/32".parse()?];
    serving::serve_handler(GrpcHandler(serving::gate(policy_for(clients)?, gateway)?))
}

/// What one writes with tonic when everybody may pass.
pub(crate) fn serve_trivial() -> anyhow::Result<()> {
    machine::pin_to_core(SERVER_CORE);
    serving::runtime()?.block_on(async {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
        println!("{}", incoming.local_addr()?.port());
        let service = AuthorizationServer::new(Everybody(everybody()));
        let server = tonic::transport::Server::builder().add_service(service);
        tokio::spawn(server.serve_with_incoming(incoming)).await??;
        Ok(())
    })
}

struct Everybody(CheckResponse);

#[tonic::async_trait]
impl Authorization for Everybody {
    async fn check(
        &self,
        _request: tonic::Request<CheckRequest>,
    ) -> Result<tonic::Response<CheckResponse>, tonic::Status> {
        Ok(tonic::Response::new(self.0.clone()))
    }
}

/// An answer as long as ours: OK, with six headers for the application.
fn everybody() -> CheckResponse {
    let client = population::id(0).to_string();
    let account = population::account_id(0).to_string();
    let scope = population::SCOPES.join(" ");
    let headers = [
        ("x-client-id", client.as_str()),
        ("x-account-id", &account),
        ("x-client-scope", &scope),
        ("x-client-ip", "192.0.2.123"),
        ("x-client-assertion", "-"),
        ("x-request-id", "0123456789abcdef0123456789abcdef"),
    ];
    let option = |(key, value): (&str, &str)| {
        let mut option = HeaderValueOption {
            header: Some(HeaderValue {
                key: key.to_owned(),
                value: value.to_owned(),
                ..HeaderValue::default()
            }),
            ..HeaderValueOption::default()
        };
        option.set_append_action(HeaderAppendAction::OverwriteIfExistsOrAdd);
        option
    };
    CheckResponse {
        status: Some(envoy_types::pb::google::rpc::Status::default()),
        http_response: Some(HttpResponse::OkResponse(OkHttpResponse {
            headers: headers.into_iter().map(option).collect(),
            ..OkHttpResponse::default()
        })),
        ..CheckResponse::default()
    }
}
