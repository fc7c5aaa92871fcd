//! Amounts and durations as people write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// An amount as Kubernetes writes it: `2`, `500m`, `4Gi`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Quantity(pub String);

/// A duration as people write it: `30s`, `2h`, `7d`, `1h30m`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DurationText(pub String);

/// Why a text is no amount or duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The number does not parse.
    #[error("`{0}` does not start with a number")]
    NoNumber(String),
    /// The suffix is unknown.
    #[error("`{0}` has an unknown suffix")]
    UnknownSuffix(String),
    /// It is zero or out of range.
    #[error("`{0}` is out of range")]
    OutOfRange(String),
}

impl Quantity {
    /// The amount in bytes.
    ///
    /// # Errors
    /// When the text is no amount, or not above zero.
    ///
    /// ```
    /// assert_eq!(jackin_api::kinds::Quantity("4Gi".into()).bytes(), Ok(4 << 30));
    /// ```
    pub fn bytes(&self) -> Result<i64, QuantityError> {
        self.scaled(1.0)
    }

    /// The amount in billionths, as the engine counts processors.
    ///
    /// # Errors
    /// When the text is no amount, or not above zero.
    ///
    /// ```
    /// assert_eq!(jackin_api::kinds::Quantity("500m".into()).billionths(), Ok(500_000_000));
    /// ```
    pub fn billionths(&self) -> Result<i64, QuantityError> {
        self.scaled(1e9)
    }

    fn scaled(&self, unit: f64) -> Result<i64, QuantityError> {
        let (number, suffix) = split_number(&self.0)?;
        let factor = match suffix {
            "" => 1.0,
            "m" => 1e-3,
            "k" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "T" => 1e12,
            "Ki" => 1024.0,
            "Mi" => f64::from(1 << 20),
            "Gi" => f64::from(1 << 30),
            "Ti" => f64::from(1 << 30) * 1024.0,
            _ => return Err(QuantityError::UnknownSuffix(self.0.clone())),
        };
        let amount = number * factor * unit;
        if !(1.0..9.0e18).contains(&amount) {
            return Err(QuantityError::OutOfRange(self.0.clone()));
        }
        #[allow(clippy::cast_possible_truncation)]
        Ok(amount.round() as i64)
    }
}

impl DurationText {
    /// The duration in seconds.
    ///
    /// # Errors
    /// When the text is no duration, or not above zero.
    ///
    /// ```
    /// assert_eq!(jackin_api::kinds::DurationText("1h30m".into()).seconds(), Ok(5400));
    /// ```
    pub fn seconds(&self) -> Result<u64, QuantityError> {
        let mut rest = self.0.as_str();
        let mut total = 0.0;
        while !rest.is_empty() {
            let (number, suffix) = split_number(rest)?;
            let unit_length = suffix.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(suffix.len());
            let (unit, next) = suffix.split_at(unit_length);
            total += number
                * match unit {
                    "s" => 1.0,
                    "m" => 60.0,
                    "h" => 3600.0,
                    "d" => 86_400.0,
                    _ => return Err(QuantityError::UnknownSuffix(self.0.clone())),
                };
            rest = next;
        }
        if !(1.0..3.2e9).contains(&total) {
            return Err(QuantityError::OutOfRange(self.0.clone()));
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Ok(total.round() as u64)
    }
}

fn split_number(text: &str) -> Result<(f64, &str), QuantityError> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number = number.parse().map_err(|_| QuantityError::NoNumber(text.to_owned()))?;
    Ok((number, suffix))
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Quantity;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an amount such as 2, 500m or 4Gi")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                Ok(Quantity(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Quantity, E> {
                Ok(Quantity(number.to_string()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"x-kubernetes-int-or-string": true})
    }
}
