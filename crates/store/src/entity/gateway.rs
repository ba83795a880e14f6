//! The table of gateways.

use keyward_core::gateway::Gateway;
use keyward_core::policy::Change;
use keyward_core::time::Timestamp;

use super::{Entity, signed};
use crate::cells::Cells;
use crate::dialect::Query;
use crate::encode::{GatewayBody, json};
use crate::error::StoreError;

impl Entity for Gateway {
    type Body = GatewayBody;

    const KIND: &'static str = "gateway";

    common!(
        "gateways",
        "id, kind, state, address_source, trusted, peers, unix_peer, token_required, tokens, \
         certificates, required_audience, required_scopes, disclosure, deny_style, \
         allow_preflight, public_paths, assertion, hide_credential, version, created_at, updated_at",
        extra "",
        "$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, \
         $20, $21",
        then "$22"
    );

    fn read_body(cells: &mut Cells<'_>) -> Result<GatewayBody, StoreError> {
        Ok(GatewayBody {
            id: cells.text("id")?,
            kind: cells.text("kind")?,
            state: cells.text("state")?,
            address_source: cells.text("address_source")?,
            trusted: cells.json("trusted")?,
            peers: cells.json("peers")?,
            unix_peer: cells.truth("unix_peer")?,
            token_required: cells.truth("token_required")?,
            tokens: cells.json("tokens")?,
            certificates: cells.json("certificates")?,
            required_audience: cells.optional_text("required_audience")?,
            required_scopes: cells.json("required_scopes")?,
            disclosure: cells.optional_text("disclosure")?,
            deny_style: cells.optional_text("deny_style")?,
            allow_preflight: cells.truth("allow_preflight")?,
            public_paths: cells.json("public_paths")?,
            assertion: cells.truth("assertion")?,
            hide_credential: cells.truth("hide_credential")?,
            version: cells.number("version")?,
            created_at: cells.integer("created_at")?,
            updated_at: cells.integer("updated_at")?,
        })
    }

    fn bind<'q>(body: &GatewayBody, query: Query<'q>) -> Result<Query<'q>, serde_json::Error> {
        Ok(query
            .bind(body.id.clone())
            .bind(body.kind.clone())
            .bind(body.state.clone())
            .bind(body.address_source.clone())
            .bind(json(&body.trusted)?)
            .bind(json(&body.peers)?)
            .bind(i64::from(body.unix_peer))
            .bind(i64::from(body.token_required))
            .bind(json(&body.tokens)?)
            .bind(json(&body.certificates)?)
            .bind(body.required_audience.clone())
            .bind(json(&body.required_scopes)?)
            .bind(body.disclosure.clone())
            .bind(body.deny_style.clone())
            .bind(i64::from(body.allow_preflight))
            .bind(json(&body.public_paths)?)
            .bind(i64::from(body.assertion))
            .bind(i64::from(body.hide_credential))
            .bind(signed(body.version))
            .bind(body.created_at)
            .bind(body.updated_at))
    }

    fn change(self) -> Change {
        Change::Gateway(Box::new(self))
    }

    fn changed_for_life(&self, before: &Self) -> Option<&'static str> {
        (self.kind != before.kind).then_some("kind")
    }
}
