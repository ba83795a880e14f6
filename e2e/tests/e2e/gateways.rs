//! Every gateway by its guide and recipe, with the real program.

mod cells;
mod doctor;
mod front;
mod guides;
mod program;
mod recipe;
