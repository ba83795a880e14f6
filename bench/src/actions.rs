//! Actions at the token endpoint: what a bound one costs, and what hostile ones do to others.

mod footprint;
mod load;
mod others;
mod overhead;
mod server;
mod soak;

pub(crate) use others::compute;

use crate::arguments::Arguments;
use crate::report::Table;

/// What is deployed under a name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Script {
    name: &'static str,
    code: &'static str,
}

/// Looks at the caller's address and writes it into the token.
const TRIVIAL: Script = Script {
    name: "trivial",
    code: "exports.onExecuteCredentialsExchange = async (event, api) => {
             api.accessToken.setCustomClaim('https://claims.example/ip', event.request.ip);
           };",
};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(program) = server::program()? else {
        let mut table = Table::new("Actions at the token endpoint");
        table.absent("all of it", "no `keyward` beside this program: build both, or `make bench`");
        table.print();
        return Ok(());
    };
    overhead::run(arguments, &program)?;
    footprint::run(&program)?;
    others::run(arguments, &program)?;
    soak::run(arguments, &program)
}
