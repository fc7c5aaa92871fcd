# Sourced by each session.
export CARGO_HOME="$HOME/.cargo"
