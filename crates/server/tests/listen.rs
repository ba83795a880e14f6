//! The accept loop, the head guard and the limits, over real sockets.

#[cfg(test)]
#[path = "listen/gate.rs"]
mod gate;
#[cfg(test)]
#[path = "listen/http1.rs"]
mod http1;
#[cfg(test)]
#[path = "listen/http2.rs"]
mod http2;
#[cfg(test)]
#[path = "listen/sockets.rs"]
mod sockets;
#[cfg(test)]
#[path = "listen/support.rs"]
mod support;
#[cfg(test)]
#[path = "listen/tls.rs"]
mod tls;
