//! Dialect files: any text ends without a panic, and what is accepted can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

use iso8583::Dialect;

fuzz_target!(|text: &str| {
    match Dialect::parse(text) {
        Ok(dialect) => {
            let again = Dialect::parse(&dialect.to_string());
            assert_eq!(again, Ok(dialect));
        }
        Err(error) => assert!(!error.to_string().is_empty() && error.line >= 1),
    }
});
