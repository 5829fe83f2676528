//! Aurora capacity units, in halves: AWS has them in steps of 0.5, and halves are whole numbers,
//! which are equal or not.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of Aurora capacity units, in steps of 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acu {
    halves: u32,
}

impl Acu {
    /// None: it pauses.
    pub const NONE: Self = Self { halves: 0 };
    /// 0.5.
    pub const HALF: Self = Self { halves: 1 };

    /// So many whole ones.
    pub const fn of(whole: u32) -> Self {
        Self { halves: whole * 2 }
    }

    /// As a number.
    pub fn number(self) -> f64 {
        f64::from(self.halves) / 2.0
    }

    fn read(number: f64) -> Option<Self> {
        let halves = number * 2.0;
        let is_one = halves.fract() == 0.0 && (0.0..=512.0).contains(&halves);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was looked at"
        )]
        is_one.then_some(Self {
            halves: halves as u32,
        })
    }
}

impl std::fmt::Display for Acu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.number())
    }
}

impl Serialize for Acu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole numbers are written as people write them.
        if self.halves.is_multiple_of(2) {
            serializer.serialize_u32(self.halves / 2)
        } else {
            serializer.serialize_f64(self.number())
        }
    }
}

impl<'de> Deserialize<'de> for Acu {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        Self::read(number).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{number} is no number from 0 to 256 in steps of 0.5"
            ))
        })
    }
}

pub(super) fn least(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "number",
        "minimum": 0,
        "maximum": 256,
        "multipleOf": 0.5,
        "x-rule": "a number from 0 to 256 in steps of 0.5",
    })
}

pub(super) fn most(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "number",
        "minimum": 1,
        "maximum": 256,
        "multipleOf": 0.5,
        "x-rule": "a number from 1 to 256 in steps of 0.5",
    })
}
