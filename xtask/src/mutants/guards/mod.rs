//! The guards, by what they are about.

mod adapter;
mod failing;
mod looks;
mod operations;
mod resting;
mod scaling;
mod upgrades;
mod writes;

use super::Guard;

/// Every guard.
pub(super) fn all() -> impl Iterator<Item = &'static Guard> {
    let lists = [
        adapter::GUARDS,
        failing::GUARDS,
        looks::GUARDS,
        operations::GUARDS,
        resting::GUARDS,
        scaling::GUARDS,
        upgrades::GUARDS,
        writes::GUARDS,
    ];
    lists.into_iter().flatten()
}
