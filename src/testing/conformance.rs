//! The laws, as functions.
