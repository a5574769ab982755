//! Tests.

mod cli;
mod rows;
mod scenarios;
mod support;
mod tidy;
