//! The store on a real file.

#![cfg(test)]

mod audit;
mod damage;
mod executions;
mod lists;
mod logs;
mod opening;
mod round_trip;
mod support;
mod writes;
