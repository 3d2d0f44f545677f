//! Requests of a terminal, built up from the purchase of the shared test vectors.

use std::collections::BTreeMap;

use iso8583::{Dialect, Encoder, Mti, Prefix};

pub(crate) const TERMINAL: &str = "70000001";
pub(crate) const MERCHANT: &str = "898999954110001";
pub(crate) const CARD_A: &str = "6299990100001238";
pub(crate) const CARD_B: &str = "6299990200000004564";
/// A right number that is in no register.
pub(crate) const CARD_UNKNOWN: &str = "6299990300007894";

/// One message, data element by data element, as people write it.
#[derive(Clone)]
pub(crate) struct Request {
    mti: [u8; 4],
    fields: BTreeMap<u8, Vec<u8>>,
}

impl Request {
    pub(crate) fn new(mti: &[u8; 4], fields: &[(u8, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(number, value)| (*number, value.as_bytes().to_vec()));
        Self {
            mti: *mti,
            fields: fields.collect(),
        }
    }

    /// 123.45 yuan with card A.
    pub(crate) fn purchase(trace: u32) -> Self {
        let fields = [
            (2, CARD_A),
            (3, "000000"),
            (4, "000000012345"),
            (22, "021"),
            (25, "00"),
            (41, TERMINAL),
            (42, MERCHANT),
            (49, "156"),
            (60, "2200000100020"),
        ];
        Self::new(b"0200", &fields).with(11, &format!("{trace:06}"))
    }

    pub(crate) fn sign_on() -> Self {
        Self::network(b"0800", "00000001003")
    }

    pub(crate) fn network(mti: &[u8; 4], custom: &str) -> Self {
        let fields = [
            (11, "000001"),
            (41, TERMINAL),
            (42, MERCHANT),
            (60, custom),
            (63, "01 "),
        ];
        Self::new(mti, &fields)
    }

    pub(crate) fn mti(mut self, mti: &[u8; 4]) -> Self {
        self.mti = *mti;
        self
    }

    pub(crate) fn with(mut self, number: u8, value: &str) -> Self {
        self.fields.insert(number, value.as_bytes().to_vec());
        self
    }

    pub(crate) fn without(mut self, number: u8) -> Self {
        self.fields.remove(&number);
        self
    }

    /// The three values that tell a business: data elements 3, 25 and 60.1.
    pub(crate) fn business(self, processing_code: &str, condition_code: &str, kind: &str) -> Self {
        self.with(3, processing_code)
            .with(25, condition_code)
            .with(60, &format!("{kind}00000100020"))
    }

    /// The frame with its length.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let prefix = Prefix::Pos {
            tpdu: [0x60, 0x00, 0x03, 0x12, 0x34],
            header: [0x60, 0x31, 0x00, 0x31, 0x10, 0x01],
        };
        let mut frame = Vec::new();
        let mti = Mti::parse(self.mti).unwrap();
        let mut encoder = Encoder::new(Dialect::pos(), &mut frame, &prefix, mti);
        for (number, value) in &self.fields {
            match number {
                2..=35 | 48 | 53 | 60 | 61 => encoder.digits(*number, value),
                52 | 55 | 62 | 64 => encoder.bytes(*number, value),
                _ => encoder.text(*number, value),
            };
        }
        encoder.finish().unwrap();
        drop(encoder);
        frame
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}
