//! placeholder
use super::{Setup, Simulation, Trace};
/// x
pub fn picture(_: &Trace, _: &Setup, _: &Simulation) -> String {
    String::new()
}
