//! Envoy: `ext_authz` in a bootstrap or a listener, and what stands around it.

#[cfg_attr(not(test), expect(dead_code, reason = "the rules that read it come next"))]
mod yaml;
