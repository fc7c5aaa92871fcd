//! Dice that fall the same for the same seed.

/// Numbers that look random and are the same for the same seed (SplitMix64).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    /// One of them.
    pub(crate) fn of<'a>(&mut self, sides: &[&'a str]) -> &'a str {
        let count = u64::try_from(sides.len()).unwrap_or(1);
        sides[usize::try_from(self.below(count)).unwrap_or_default()]
    }
}
