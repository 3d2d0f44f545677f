# Shortcuts; every one is a plain command that works without `just`.

# List the recipes.
default:
    @just --list

# Format the code.
fmt:
    cargo fmt --all

# Compiler and clippy warnings.
lint:
    ./check format lint

# All tests.
test:
    ./check test

# Tests of one crate.
crate name:
    cargo test -p {{name}}

# Repository rules: crate edges, file shape, docs.
tidy:
    cargo test -p tidy

# The switch on a temporary folder, with a story over real TCP.
demo:
    cargo run --release -p floatswitch -- demo

# Benchmarks of the pure crates: codec and decide.
bench:
    cargo bench -p iso8583 -p card

# Instructions of a payment by step, beside their budgets.
instructions:
    load-tests/instructions

# API documentation of our crates.
docs:
    cargo doc --workspace --no-deps

# Everything that CI runs.
ci:
    .ci/run
