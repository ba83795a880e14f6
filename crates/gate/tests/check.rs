//! The check endpoint, in process: a real policy, a real router, no network.

#[cfg(test)]
#[path = "it/address.rs"]
mod address;
#[cfg(test)]
#[path = "it/assertion.rs"]
mod assertion;
#[cfg(test)]
#[path = "it/credentials.rs"]
mod credentials;
#[cfg(test)]
#[path = "it/fixture.rs"]
mod fixture;
#[cfg(test)]
#[path = "it/freshness.rs"]
mod freshness;
#[cfg(test)]
#[path = "it/gateways.rs"]
mod gateways;
#[cfg(test)]
#[cfg(feature = "grpc")]
#[path = "it/grpc.rs"]
mod grpc;
#[cfg(test)]
#[path = "it/identity.rs"]
mod identity;
#[cfg(test)]
#[cfg(feature = "layer")]
#[path = "it/layer.rs"]
mod layer;
#[cfg(test)]
#[path = "it/possession.rs"]
mod possession;
#[cfg(test)]
#[path = "it/probes.rs"]
mod probes;
#[cfg(test)]
#[path = "it/requests.rs"]
mod requests;
#[cfg(test)]
#[path = "it/secrecy.rs"]
mod secrecy;
#[cfg(test)]
#[path = "it/telling.rs"]
mod telling;
