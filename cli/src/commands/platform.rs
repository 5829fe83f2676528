//! `slipway platform`: the platform's values, as `--platform` of offline commands takes them.

use crate::arguments::Platform;
use crate::connection;
use crate::exit::Failure;
use crate::output::console::Console;

pub(super) fn run(options: &Platform, console: &Console) -> Result<(), Failure> {
    console.json(&connection::stack(&options.platform)?.platform)
}
