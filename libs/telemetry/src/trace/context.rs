//! The place of a request in its trace, and its form on the wire: W3C Trace Context, version 00.

use std::fmt;

/// Bytes of a `traceparent` of version 00.
pub const TRACEPARENT_SIZE: usize = 55;

/// The flag that says "somebody records this request".
const FLAG_SAMPLED: u8 = 0x01;
/// The version that the standard will never give out.
const VERSION_INVALID: u8 = 0xff;
const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The place of a sampled request in its trace. A request that is not sampled has none.
///
/// Both ids are random; neither says anything of a card.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanContext {
    /// Names the request on its whole way.
    pub trace_id: [u8; 16],
    /// Names the step that causes the next one.
    pub span_id: [u8; 8],
}

// === impl SpanContext ===

impl SpanContext {
    /// Writes it as a `traceparent`: version 00, sampled.
    #[must_use]
    pub fn to_traceparent(self) -> [u8; TRACEPARENT_SIZE] {
        let version = [0x00];
        let flags = [FLAG_SAMPLED];
        let parts = [&version[..], &self.trace_id, &self.span_id, &flags];
        // The dashes between the parts are what is left of the filling.
        let mut text = [b'-'; TRACEPARENT_SIZE];
        let mut index = 0;
        for part in parts {
            for byte in part {
                text[index] = HEX_DIGITS[usize::from(byte >> 4)];
                text[index + 1] = HEX_DIGITS[usize::from(byte & 0x0f)];
                index += 2;
            }
            index += 1;
        }
        text
    }

    /// Reads a `traceparent`.
    ///
    /// `None` for one that the standard calls invalid, and for one whose sender does not record the
    /// request. Of a later version the part that version 00 knows is read, as the standard asks.
    #[must_use]
    pub fn parse_traceparent(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_first_chunk::<TRACEPARENT_SIZE>()?;
        let [version] = hex_bytes(known.get(0..2)?)?;
        let trace_id = hex_bytes(known.get(3..35)?)?;
        let span_id = hex_bytes(known.get(36..52)?)?;
        let [flags] = hex_bytes(known.get(53..55)?)?;
        let has_dashes = [2, 35, 52].iter().all(|index| known[*index] == b'-');
        let is_extended = version != 0 && rest.first() == Some(&b'-');
        let is_valid = has_dashes
            && version != VERSION_INVALID
            && (rest.is_empty() || is_extended)
            && trace_id != [0; 16]
            && span_id != [0; 8];
        let is_sampled = flags & FLAG_SAMPLED != 0;
        (is_valid && is_sampled).then_some(Self { trace_id, span_id })
    }
}

impl fmt::Debug for SpanContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_traceparent();
        write!(f, "SpanContext({})", String::from_utf8_lossy(&text))
    }
}

/// Reads lower-case hexadecimal; `None` for anything else or another length.
fn hex_bytes<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = hex_value(*high)? << 4 | hex_value(*low)?;
    }
    Some(bytes)
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::SpanContext;

    /// The example of the standard.
    const GOLDEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const GOLDEN_CONTEXT: SpanContext = SpanContext {
        trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes(),
        span_id: 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes(),
    };

    #[track_caller]
    fn check(text: &str, expected: Option<SpanContext>) {
        let found = SpanContext::parse_traceparent(text.as_bytes());
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_example_of_the_standard() {
        check(GOLDEN, Some(GOLDEN_CONTEXT));
        assert_eq!(GOLDEN_CONTEXT.to_traceparent(), GOLDEN.as_bytes());
        assert_eq!(
            format!("{GOLDEN_CONTEXT:?}"),
            format!("SpanContext({GOLDEN})")
        );
    }

    #[test]
    fn only_valid_and_sampled_ones_are_read() {
        let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        let good = Some(GOLDEN_CONTEXT);
        check(&format!("00-{ids}-03"), good); // Other flags are ignored.
        check(&format!("00-{ids}-ff"), good);
        check(&format!("00-{ids}-00"), None); // Nobody records it.
        check(&format!("00-{ids}-02"), None);
        check(&format!("ff-{ids}-01"), None);
        check(&format!("0g-{ids}-01"), None);
        check(&format!("00-{}-01", ids.to_uppercase()), None);
        check(&format!("00-{ids}-0A"), None);
        check(&format!("00_{ids}_01"), None);
        check(&format!("00-{}-01", ids.replace('-', "_")), None);
        check(
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            None,
        );
        check(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            None,
        );
        check("", None);
        check(&GOLDEN[..54], None);
        check(&format!(" {GOLDEN}"), None);
    }

    #[test]
    fn a_later_version_may_be_longer() {
        let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
        check(&format!("01-{ids}-01"), Some(GOLDEN_CONTEXT));
        check(&format!("cc-{ids}-01-what-will-be"), Some(GOLDEN_CONTEXT));
        check(&format!("cc-{ids}-01-"), Some(GOLDEN_CONTEXT));
        check(&format!("cc-{ids}-01.what"), None);
        check(&format!("00-{ids}-01-what-will-be"), None);
        check(&format!("00-{ids}-01-"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(trace_id in any::<[u8; 16]>(), span_id in any::<[u8; 8]>()) {
            prop_assume!(trace_id != [0; 16] && span_id != [0; 8]);
            let context = SpanContext { trace_id, span_id };
            let read = SpanContext::parse_traceparent(&context.to_traceparent());
            prop_assert_eq!(read, Some(context));
        }

        #[test]
        fn no_bytes_of_a_peer_can_panic(text in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(SpanContext::parse_traceparent(&text), None);
        }

        /// One wrong byte makes it invalid, or another valid one: never the same.
        #[test]
        fn every_byte_counts(index in 0..53_usize, byte in any::<u8>()) {
            let mut text = GOLDEN_CONTEXT.to_traceparent();
            prop_assume!(text[index] != byte);
            text[index] = byte;
            let read = SpanContext::parse_traceparent(&text);
            let is_version = index < 2;
            prop_assert_eq!(read == Some(GOLDEN_CONTEXT), is_version && read.is_some());
        }
    }
}
