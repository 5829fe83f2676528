//! The scaler on fakes, with a clock of its own: a service that is rushed and calms down again,
//! whatever fails in between.

mod bounds;
mod faults;
mod looks;
mod sleep;
mod together;
mod world;
