//! A dialect as the text of its file, without comments and with even columns.

use std::fmt;

use super::{Dialect, words};
use crate::bitmap::{BitmapSpec, BitmapWidth, MapForm, ThirdMap};

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = words::word(words::FRAME, &self.frame_length);
        writeln!(formatter, "dialect   {}", self.name)?;
        writeln!(
            formatter,
            "speaks    {}",
            words::word(words::SPEAKS, &self.speaks)
        )?;
        writeln!(
            formatter,
            "frame     {frame}, up to {}",
            self.frame_size_max
        )?;
        writeln!(
            formatter,
            "prefix    {}",
            words::word(words::PREFIX, &self.prefix)
        )?;
        writeln!(
            formatter,
            "numerals  {}",
            words::word(words::NUMERALS, &self.numerals)
        )?;
        writeln!(formatter, "bitmap    {}", bitmap(self.bitmap))?;
        writeln!(formatter)?;
        for (number, spec) in self.fields() {
            writeln!(
                formatter,
                "{number:<4} {:<6} {:<4} {:<13} {:<12} {}",
                words::word(words::LENGTH, &spec.length),
                spec.length_max,
                words::word(words::ENCODING, &spec.encoding),
                words::word(words::HIDES, &spec.sensitivity),
                spec.name
            )?;
        }
        Ok(())
    }
}

fn bitmap(spec: BitmapSpec) -> String {
    let form = match spec.form {
        MapForm::Binary => "binary",
        MapForm::Hex => "hex",
    };
    let mut text = format!("{form}, up to {}", last_number(spec.width_max));
    if spec.width_min > BitmapWidth::Primary {
        text.push_str(&format!(", always {}", last_number(spec.width_min)));
    }
    if spec.width_max == BitmapWidth::WithTertiary {
        text.push_str(match spec.third {
            ThirdMap::InFront => ", third in front",
            ThirdMap::AsElement65 => ", third as element 65",
        });
    }
    text
}

/// The last data element of so many bitmaps.
pub(super) fn last_number(width: BitmapWidth) -> usize {
    64 * width.map_count()
}
