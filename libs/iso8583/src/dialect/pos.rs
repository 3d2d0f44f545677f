//! The dialect of point-of-sale terminals, row by row as in an acquirer's specification.

use super::{Dialect, FrameLength, Numerals, PrefixKind, table};
use crate::spec::Encoding::{Binary, PackedLeft, PackedRight, PackedTrack, Text};
use crate::spec::Sensitivity::{CardNumber, ChipData, FreeForm, Secret, Track};
use crate::spec::{FieldSpec, fixed, ll, lll};

pub(super) static DIALECT: Dialect = Dialect {
    name: "pos",
    frame_length: FrameLength::BigEndian2,
    frame_size_max: 4_096,
    prefix: PrefixKind::TpduAndHeader,
    numerals: Numerals::Packed,
    field_number_max: 64,
    fields: table(ROWS),
};

/// Lengths count digits of packed values, bytes of others.
const ROWS: &[(u8, FieldSpec)] = &[
    (
        2,
        ll(19, PackedLeft, "primary account number").hides(CardNumber),
    ),
    (3, fixed(6, PackedLeft, "processing code")),
    (4, fixed(12, PackedLeft, "amount")),
    (11, fixed(6, PackedLeft, "system trace audit number")),
    (12, fixed(6, PackedLeft, "local time")),
    (13, fixed(4, PackedLeft, "local date")),
    (14, fixed(4, PackedLeft, "expiry month")),
    (15, fixed(4, PackedLeft, "settlement date")),
    (22, fixed(3, PackedLeft, "entry mode")),
    (23, fixed(3, PackedRight, "card sequence number")),
    (25, fixed(2, PackedLeft, "condition code")),
    (26, fixed(2, PackedLeft, "longest pin")),
    (32, ll(11, PackedLeft, "acquiring institution")),
    (35, ll(37, PackedTrack, "track 2").hides(Track)),
    (36, lll(104, PackedTrack, "track 3").hides(Track)),
    (37, fixed(12, Text, "retrieval reference number")),
    (38, fixed(6, Text, "approval code")),
    (39, fixed(2, Text, "response code")),
    (41, fixed(8, Text, "terminal")),
    (42, fixed(15, Text, "merchant")),
    (44, ll(25, Text, "additional response")),
    (48, lll(322, PackedLeft, "private data").hides(FreeForm)),
    (49, fixed(3, Text, "currency")),
    (52, fixed(8, Binary, "pin block").hides(Secret)),
    (53, fixed(16, PackedLeft, "security control")),
    (54, lll(20, Text, "balance")),
    (55, lll(255, Binary, "chip data").hides(ChipData)),
    (57, lll(999, Text, "vendor data").hides(FreeForm)),
    (58, lll(100, Text, "purse data").hides(FreeForm)),
    (59, lll(999, Text, "detail data").hides(FreeForm)),
    (
        60,
        lll(
            17,
            PackedLeft,
            "type, batch, network code, terminal abilities",
        ),
    ),
    (61, lll(29, PackedLeft, "original transaction")),
    (
        62,
        lll(999, Binary, "keys, card number or lists").hides(FreeForm),
    ),
    (63, lll(163, Text, "operator, brand, notes").hides(FreeForm)),
    (64, fixed(8, Binary, "message authentication code")),
];
