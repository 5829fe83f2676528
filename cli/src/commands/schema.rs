//! `slipway schema`: the manifest's JSON Schema, for editors and other tools.

use crate::exit::Failure;
use crate::output::console::Console;

pub(super) fn run(console: &Console) -> Result<(), Failure> {
    console.json(slipway_domain::schema::manifest())
}
