//! Frames and bodies of the `pos` dialect: reading any bytes in any way ends without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;

use iso8583::frame::{self, NextFrame};
use iso8583::{Dialect, Disclosure, Message, OwnedMessage};

fuzz_target!(|bytes: &[u8]| {
    let dialect = Dialect::pos();
    read(dialect, bytes);
    if let Ok(NextFrame::Frame { body, .. }) = frame::next_frame(dialect, bytes) {
        read(dialect, &bytes[body]);
    }
});

fn read(dialect: &'static Dialect, body: &[u8]) {
    match Message::decode(dialect, body) {
        Ok(message) => {
            let masked = OwnedMessage::of(&message, Disclosure::Masked);
            assert_eq!(masked.fields.len(), message.fields().count());
            for field in message.fields() {
                let _ = (field.digits(), field.text(), field.bytes());
            }
            let _ = (message.mac_input(), message.prefix().answer());
        }
        Err(error) => assert!(error.offset <= body.len() && !error.to_string().is_empty()),
    }
}
