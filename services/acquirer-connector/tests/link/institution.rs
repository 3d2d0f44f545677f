//! Requests of an institution in the interbank network's dialect, built up from its purchase.

use std::collections::BTreeMap;

use crate::requests::{CARD_A, MERCHANT};
use iso8583::{Dialect, Encoder, Encoding, Mti, Prefix};

/// A terminal and a merchant that our register does not know.
pub(crate) const OTHER_TERMINAL: &str = "80000001";
pub(crate) const OTHER_MERCHANT: &str = "777888854110009";

/// One message, data element by data element.
#[derive(Clone)]
pub(crate) struct Telegram {
    dialect: &'static Dialect,
    mti: [u8; 4],
    fields: BTreeMap<u8, String>,
}

impl Telegram {
    pub(crate) fn new(dialect: &'static Dialect, mti: &[u8; 4], fields: &[(u8, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(number, value)| (*number, (*value).to_owned()));
        Self {
            dialect,
            mti: *mti,
            fields: fields.collect(),
        }
    }

    /// 123.45 yuan with card A, at a merchant of the institution's own.
    pub(crate) fn purchase(trace: u32) -> Self {
        let fields = [
            (2, CARD_A),
            (3, "000000"),
            (4, "000000012345"),
            (7, "0511193001"),
            (12, "193000"),
            (13, "0511"),
            (18, "5411"),
            (22, "021"),
            (25, "00"),
            (32, "69980291"),
            (33, "00010000"),
            (37, "051119300501"),
            (41, OTHER_TERMINAL),
            (42, OTHER_MERCHANT),
            (49, "156"),
            (60, "000002000300000000000011000000"),
            (100, "69990001"),
        ];
        Self::new(Dialect::cups(), b"0200", &fields).with(11, &format!("{trace:06}"))
    }

    pub(crate) fn network(code: &str) -> Self {
        let fields = [
            (7, "0511000501"),
            (11, "000001"),
            (33, "69990001"),
            (70, code),
        ];
        Self::new(Dialect::cups(), b"0820", &fields)
    }

    /// The same with data element 90 naming a request of this institution.
    pub(crate) fn of(self, mti: &str, trace: u32) -> Self {
        let original = format!("{mti}{trace:06}05111930010006998029100000010000");
        self.with(90, &original)
    }

    pub(crate) fn mti(mut self, mti: &[u8; 4]) -> Self {
        self.mti = *mti;
        self
    }

    pub(crate) fn with(mut self, number: u8, value: &str) -> Self {
        self.fields.insert(number, value.to_owned());
        self
    }

    pub(crate) fn without(mut self, number: u8) -> Self {
        self.fields.remove(&number);
        self
    }

    /// Data elements 3 and 25.
    pub(crate) fn business(self, processing_code: &str, condition_code: &str) -> Self {
        self.with(3, processing_code).with(25, condition_code)
    }

    pub(crate) fn at_our_merchant(self) -> Self {
        self.with(42, MERCHANT)
    }

    /// The frame with its length.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let header = [
            b".\x020000".as_slice(),
            b"69990001   ",
            b"00010000   ",
            &[0; 4],
            b"00000000",
            &[0],
            b"00000",
        ];
        let header = match self.dialect.header_size() {
            0 => Vec::new(),
            _ => header.concat(),
        };
        let prefix = Prefix::parse(self.dialect, &header).unwrap();
        let mut frame = Vec::new();
        let mti = Mti::parse(self.mti).unwrap();
        let mut encoder = Encoder::new(self.dialect, &mut frame, &prefix, mti);
        for (number, value) in &self.fields {
            let encoding = self.dialect.field(*number).unwrap().encoding();
            match encoding {
                Encoding::Text | Encoding::SignedDigits => encoder.text(*number, value),
                Encoding::Binary => encoder.bytes(*number, value),
                Encoding::PackedLeft
                | Encoding::PackedRight
                | Encoding::PackedTrack
                | Encoding::Digits
                | Encoding::Track
                | Encoding::Hex => encoder.digits(*number, value),
            };
        }
        encoder.finish().unwrap();
        drop(encoder);
        frame
    }
}
