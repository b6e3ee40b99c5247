//! Rows as the kernels read them: 16 to a panel, side by side, in 32, 16 or 8 bits a value.
//!
//! 16 bits are IEEE half precision, rounded to even. 8 bits are whole numbers from -127 to 127, stored with 128 added, and a
//! scale a row, which stands in front of its panel; four places of one row are a word. **Cost**: writing a row touches 16
//! bytes apart what reading finds together: about 1 ns a value, once.

/// Rows in a panel: the lanes of the widest register.
pub const PANEL: usize = 16;
/// What a panel's bytes are a multiple of: a line of the cache, and the widest register.
pub const LINE: usize = 64;

/// How a value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As it came.
    F32,
    /// In half precision, half the memory.
    F16,
    /// In 8 bits with a scale for each row, a quarter of the memory; queries are rounded in the same way.
    I8,
}

/// Where the values of a panel stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    pub dimension: usize,
    pub storage: Storage,
}

impl Layout {
    /// Words of a query: what a kernel walks through.
    pub const fn steps(&self) -> usize {
        match self.storage {
            Storage::F32 | Storage::F16 => self.dimension,
            Storage::I8 => self.dimension.div_ceil(4),
        }
    }

    /// Bytes of one row in a step.
    const fn lane_bytes(&self) -> usize {
        match self.storage {
            Storage::F32 | Storage::I8 => 4,
            Storage::F16 => 2,
        }
    }

    /// Bytes of 16 rows in a step.
    pub const fn step_bytes(&self) -> usize {
        self.lane_bytes() * PANEL
    }

    /// Bytes of the scales in front of a panel.
    pub const fn head_bytes(&self) -> usize {
        match self.storage {
            Storage::F32 | Storage::F16 => 0,
            Storage::I8 => 4 * PANEL,
        }
    }

    /// Bytes of a panel.
    pub const fn panel_bytes(&self) -> usize {
        (self.head_bytes() + self.steps() * self.step_bytes()).next_multiple_of(LINE)
    }

    /// Largest size of a value that this storage holds.
    pub const fn most(&self) -> f32 {
        match self.storage {
            Storage::F32 | Storage::I8 => MOST,
            Storage::F16 => 65_504.0,
        }
    }

    /// Writes a row into a lane of a panel.
    pub fn put(&self, panel: &mut [u8], lane: usize, row: &[f32]) {
        match self.storage {
            Storage::F32 => {
                for (step, value) in panel.chunks_exact_mut(4 * PANEL).zip(row) {
                    step[4 * lane..4 * lane + 4].copy_from_slice(&value.to_ne_bytes());
                }
            }
            Storage::F16 => {
                for (step, value) in panel.chunks_exact_mut(2 * PANEL).zip(row) {
                    step[2 * lane..2 * lane + 2].copy_from_slice(&f16_of_f32(*value).to_ne_bytes());
                }
            }
            Storage::I8 => {
                let (scale, numbers) = rounded(row);
                let (head, steps) = panel.split_at_mut(self.head_bytes());
                head[4 * lane..4 * lane + 4].copy_from_slice(&scale.to_ne_bytes());
                for (step, four) in steps.chunks_exact_mut(4 * PANEL).zip(numbers.chunks(4)) {
                    let four: [u8; 4] =
                        std::array::from_fn(|place| four.get(place).map_or(128, |number| biased(*number)));
                    step[4 * lane..4 * lane + 4].copy_from_slice(&four);
                }
            }
        }
    }

    /// Copies a row from a lane of one panel, as bytes, to a lane of another.
    pub fn copy(&self, panels: &mut [u8], (from, from_lane): (usize, usize), (to, to_lane): (usize, usize)) {
        let mut one = |offset: usize, width: usize| {
            let source = from * self.panel_bytes() + offset + from_lane * width;
            panels.copy_within(source..source + width, to * self.panel_bytes() + offset + to_lane * width);
        };
        if self.head_bytes() > 0 {
            one(0, 4);
        }
        for step in 0..self.steps() {
            one(self.head_bytes() + step * self.step_bytes(), self.lane_bytes());
        }
    }
}

/// Largest size of a value: a sum of products of two such in the most places stays far from infinity.
pub const MOST: f32 = 1e16;

/// A small number plus this is a whole one, of two the even; less this again it is that number, and no function is called.
const WHOLE: f32 = 12_582_912.0;

/// A row in whole numbers from -127 to 127, and what they are to be multiplied by.
pub fn rounded(row: &[f32]) -> (f32, Vec<i8>) {
    let scale = row.iter().fold(0.0, |most: f32, value| most.max(value.abs())) / 127.0;
    if scale == 0.0 {
        return (0.0, vec![0; row.len()]);
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a cast saturates, and what lies beyond is a rounding"
    )]
    let whole = |value: &f32| ((value / scale + WHOLE) - WHOLE).clamp(-127.0, 127.0) as i8;
    let numbers = row.iter().map(whole).collect();
    (scale, numbers)
}

/// A number as it is stored: the widest instructions multiply bytes without a sign by bytes with one.
const fn biased(number: i8) -> u8 {
    number.cast_unsigned() ^ 0x80
}

/// The nearest number of half precision, of two the even one. For sizes up to 65,504.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is cut off is known to be zero"
)]
pub fn f16_of_f32(value: f32) -> u16 {
    let (sign, size) = ((value.to_bits() >> 16) as u16 & 0x8000, value.abs());
    if size < f32::from_bits(0x3880_0000) {
        // Below 2^-14 numbers stand 2^-24 apart.
        return sign | (size * f32::from_bits(0x4b80_0000)).round_ties_even() as u16;
    }
    let bits = size.to_bits();
    let even = bits + 0xfff + ((bits >> 13) & 1);
    sign | ((even >> 13) - (112 << 10)) as u16
}

/// 2^112.
const SHIFT: f32 = f32::from_bits(0x7780_0000);

/// A number of half precision; exact. Infinity and NaN, which only damaged files hold, are what the processors make of them.
pub fn f32_of_f16(half: u16) -> f32 {
    let bits = (u32::from(half) & 0x7fff) << 13;
    // The exponent is 112 less than that of the same number in single precision: a product by 2^112, small numbers included.
    let size =
        if half & 0x7c00 == 0x7c00 { bits | 0x7f80_0000 } else { (f32::from_bits(bits) * SHIFT).to_bits() };
    f32::from_bits(size | (u32::from(half) & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_goes_there_and_back() {
        for half in (0..0x7c00).flat_map(|size: u16| [size, size | 0x8000]) {
            assert_eq!(f16_of_f32(f32_of_f16(half)), half);
        }
        assert_eq!(f32_of_f16(1), 2.0_f32.powi(-24));
        assert_eq!(f32_of_f16(0xfbff), -65_504.0);
    }

    #[test]
    fn half_precision_that_is_no_number_stays_none() {
        assert_eq!((f32_of_f16(0x7c00), f32_of_f16(0xfc00)), (f32::INFINITY, f32::NEG_INFINITY));
        assert!(f32_of_f16(0x7c01).is_nan() && f32_of_f16(0xffff).is_nan());
    }

    #[test]
    fn half_precision_rounds_to_the_nearest_and_to_even() {
        let step = 2.0_f32.powi(-10);
        assert_eq!(f32_of_f16(f16_of_f32(1.0 + 0.49 * step)), 1.0);
        assert_eq!(f32_of_f16(f16_of_f32(1.0 + 0.5 * step)), 1.0);
        assert_eq!(f32_of_f16(f16_of_f32(1.0 + 0.51 * step)), 1.0 + step);
        assert_eq!(f32_of_f16(f16_of_f32(1.0 + 1.5 * step)), 1.0 + 2.0 * step);
        assert_eq!(f32_of_f16(f16_of_f32(2.0_f32.powi(-25))), 0.0);
        assert_eq!(f32_of_f16(f16_of_f32(2.0_f32.powi(-25) * 1.01)), 2.0_f32.powi(-24));
    }

    #[test]
    fn a_row_in_8_bits_keeps_its_largest_value() {
        let (scale, numbers) = rounded(&[0.5, -1.0, 0.003, 0.0]);
        assert_eq!(numbers, [64, -127, 0, 0]);
        assert!((scale * 127.0 - 1.0).abs() < 1e-6);
        assert_eq!(rounded(&[0.0, -0.0]), (0.0, vec![0, 0]));
        assert_eq!(rounded(&[1e-45]).1.len(), 1);
    }
}
