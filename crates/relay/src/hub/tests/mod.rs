//! The hub by itself: its rules one by one, and against a reference model in random histories.

mod histories;
mod model;
mod rules;
mod world;
