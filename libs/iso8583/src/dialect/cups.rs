//! The dialect between institutions, row by row as in the network's specification.

use super::{Dialect, FrameLength, Numerals, PrefixKind, table};
use crate::spec::Encoding::{Binary, Digits, SignedDigits, Text, Track as TrackText};
use crate::spec::Sensitivity::{CardNumber, ChipData, FreeForm, Secret, Track};
use crate::spec::{FieldSpec, fixed, ll, lll};

pub(super) static DIALECT: Dialect = Dialect {
    name: "cups",
    frame_length: FrameLength::AsciiDigits4,
    frame_size_max: 5_120,
    prefix: PrefixKind::CupsHeader,
    numerals: Numerals::Ascii,
    field_number_max: 128,
    fields: table(ROWS),
};

/// Lengths count bytes.
const ROWS: &[(u8, FieldSpec)] = &[
    (
        2,
        ll(19, Digits, "primary account number").hides(CardNumber),
    ),
    (3, fixed(6, Digits, "processing code")),
    (4, fixed(12, Digits, "amount")),
    (5, fixed(12, Digits, "settlement amount")),
    (6, fixed(12, Digits, "billing amount")),
    (7, fixed(10, Digits, "transmission time")),
    (9, fixed(8, Digits, "settlement rate")),
    (10, fixed(8, Digits, "billing rate")),
    (11, fixed(6, Digits, "system trace audit number")),
    (12, fixed(6, Digits, "local time")),
    (13, fixed(4, Digits, "local date")),
    (14, fixed(4, Digits, "expiry month")),
    (15, fixed(4, Digits, "settlement date")),
    (16, fixed(4, Digits, "conversion date")),
    (18, fixed(4, Digits, "merchant category code")),
    (22, fixed(3, Digits, "entry mode")),
    (23, fixed(3, Digits, "card sequence number")),
    (25, fixed(2, Digits, "condition code")),
    (26, fixed(2, Digits, "longest pin")),
    (28, fixed(9, SignedDigits, "fee")),
    (32, ll(11, Digits, "acquiring institution")),
    (33, ll(11, Digits, "forwarding institution")),
    (35, ll(37, TrackText, "track 2").hides(Track)),
    (36, lll(104, TrackText, "track 3").hides(Track)),
    (37, fixed(12, Text, "retrieval reference number")),
    (38, fixed(6, Text, "approval code")),
    (39, fixed(2, Text, "response code")),
    (41, fixed(8, Text, "terminal")),
    (42, fixed(15, Text, "merchant")),
    (43, fixed(40, Text, "merchant name")),
    (44, ll(25, Text, "additional response")),
    // Usage NK carries a key in plain bytes, so the value is not text.
    (48, lll(512, Binary, "private data").hides(Secret)),
    (49, fixed(3, Text, "currency")),
    (50, fixed(3, Text, "settlement currency")),
    (51, fixed(3, Text, "billing currency")),
    (52, fixed(8, Binary, "pin block").hides(Secret)),
    (53, fixed(16, Digits, "security control")),
    (54, lll(40, Text, "balance")),
    (55, lll(255, Binary, "chip data").hides(ChipData)),
    (57, lll(999, Text, "extra data").hides(FreeForm)),
    (59, lll(999, Text, "detail data").hides(FreeForm)),
    (60, lll(100, Text, "reason, point of sale, medium")),
    (61, lll(200, Text, "identity check").hides(Secret)),
    (62, lll(200, Text, "switch data").hides(FreeForm)),
    (63, lll(512, Text, "network data").hides(FreeForm)),
    (70, fixed(3, Digits, "network management code")),
    (90, fixed(42, Digits, "original data elements")),
    (96, fixed(8, Binary, "security code").hides(Secret)),
    (100, ll(11, Digits, "receiving institution")),
    (102, ll(28, Text, "account from").hides(CardNumber)),
    (103, ll(28, Text, "account to").hides(CardNumber)),
    (
        121,
        lll(100, Text, "reserved for the network").hides(FreeForm),
    ),
    (
        122,
        lll(100, Text, "reserved for the acquirer").hides(FreeForm),
    ),
    (
        123,
        lll(100, Text, "reserved for the issuer").hides(FreeForm),
    ),
    (128, fixed(8, Text, "message authentication code")),
];
