//! What tests share and programs do not: seeded randomness, and the simulation of everything between a keeper's log and
//! what a person sees.

mod dice;
pub mod sim;

pub use dice::{Dice, each_seed};
