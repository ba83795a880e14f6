//! The check endpoint, in process: a real policy, a real router, no network.

#[cfg(test)]
#[path = "it/address.rs"]
mod address;
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
#[path = "it/identity.rs"]
mod identity;
#[cfg(test)]
#[path = "it/requests.rs"]
mod requests;
#[cfg(test)]
#[path = "it/secrecy.rs"]
mod secrecy;
#[cfg(test)]
#[path = "it/telling.rs"]
mod telling;
