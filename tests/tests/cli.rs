//! The command line as a person meets it: the real program, in a state directory of its own, without an engine.
//!
//! Whole outputs are compared, talk and exit code included. What needs an engine is tested end to end elsewhere.

mod cli {
    mod bad_input;
    mod controller;
    mod former;
    mod help;
    mod import;
    mod namespaces;
    mod objects;
    mod references;
    mod sandbox;
    mod sources;
    mod trust;
}
