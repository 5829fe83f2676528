//! US dollars and quantities, as whole numbers: no sum here goes through a float.
//!
//! Prices are exact to 10⁻¹² dollars and quantities to a thousandth, so a product is exact to
//! 10⁻¹⁵ dollars and is rounded once, half up, to a cent. Sums are made of rounded amounts:
//! what a person adds up on paper is what is said.

use std::borrow::Cow;
use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Digits behind the point of the most precise price that can be said.
const PRICE_DIGITS: usize = 12;
/// A cent in the unit of a price times a quantity, 10⁻¹⁵ dollars.
const CENT: u128 = 10_u128.pow(13);

/// An amount of US dollars in whole cents, in JSON a string such as `"12.34"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Usd(u64);

/// By how much an amount differs from a former one, in JSON a string such as `"+12.34"`,
/// `"-3.00"` or, for no difference, `"0.00"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UsdChange(i64);

/// A text was not an amount of money: displays as the sentence that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidAmount(String);

impl Usd {
    /// The amount in cents.
    pub fn cents(self) -> u64 {
        self.0
    }

    /// What is left without `other`; nothing where that is more.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many cents.
    pub(super) fn of_cents(cents: u64) -> Self {
        Self(cents)
    }

    /// By how much this is more than `former`.
    pub fn since(self, former: Self) -> UsdChange {
        let cents = |amount: Self| i64::try_from(amount.0).unwrap_or(i64::MAX);
        UsdChange(cents(self) - cents(former))
    }
}

impl UsdChange {
    /// The difference in cents; negative where it costs less now.
    pub fn cents(self) -> i64 {
        self.0
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self(amounts.map(|amount| amount.0).sum())
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, so that columns can be aligned.
        f.pad(&format!("{}.{:02}", self.0 / 100, self.0 % 100))
    }
}

impl fmt::Display for UsdChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.0 {
            0 => "",
            1.. => "+",
            ..0 => "-",
        };
        f.pad(&format!("{sign}{}", Usd(self.0.unsigned_abs())))
    }
}

impl FromStr for Usd {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('.') {
            Some((_, cents)) if cents.len() == 2 => decimal(text, 2).map(Self),
            _ => None,
        }
        .ok_or_else(|| InvalidAmount(text.to_owned()))
    }
}

impl FromStr for UsdChange {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, amount) = match text.strip_prefix('-') {
            Some(amount) => (true, amount),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let cents = amount
            .parse::<Usd>()
            .ok()
            .and_then(|amount| i64::try_from(amount.0).ok())
            .ok_or_else(|| InvalidAmount(text.to_owned()))?;
        Ok(Self(if negative { -cents } else { cents }))
    }
}

impl fmt::Display for InvalidAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not an amount in US dollars: digits, a point and two digits, such as `12.34`",
            self.0
        )
    }
}

impl std::error::Error for InvalidAmount {}

impl TryFrom<String> for Usd {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for UsdChange {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Usd> for String {
    fn from(amount: Usd) -> Self {
        amount.to_string()
    }
}

impl From<UsdChange> for String {
    fn from(change: UsdChange) -> Self {
        change.to_string()
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An amount of US dollars in whole cents, such as `12.34`.",
            "pattern": r"^[0-9]+\.[0-9]{2}$",
        })
    }
}

impl JsonSchema for UsdChange {
    fn schema_name() -> Cow<'static, str> {
        "UsdChange".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A difference in US dollars, such as `+12.34`, `-3.00` or `0.00`.",
            "pattern": r"^[+-]?[0-9]+\.[0-9]{2}$",
        })
    }
}

/// How much of something is used in a month, in thousandths of the price's unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quantity(u64);

impl Quantity {
    pub(super) fn whole(number: u64) -> Self {
        Self(number.saturating_mul(1000))
    }

    pub(super) fn thousandths(number: u64) -> Self {
        Self(number)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1000, self.0 % 1000);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// What one unit costs, in 10⁻¹² dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnitPrice(u64);

impl UnitPrice {
    /// A price such as `0.004445`; `None` for what is no such number or is more precise than
    /// can be counted.
    pub(super) fn read(text: &str) -> Option<Self> {
        decimal(text, PRICE_DIGITS).map(Self)
    }

    /// The cost of a quantity, rounded half up to a cent.
    pub(super) fn times(self, quantity: Quantity) -> Usd {
        let exact = u128::from(self.0) * u128::from(quantity.0);
        Usd(u64::try_from((exact + CENT / 2) / CENT).unwrap_or(u64::MAX))
    }
}

/// Reads `digits[.digits]` as a whole number of units of 10⁻ᵈ, where `d` is `places`.
fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > places {
        return None;
    }
    format!("{whole}{fraction:0<places$}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(price: &str, thousandths: u64) -> String {
        UnitPrice::read(price)
            .unwrap()
            .times(Quantity::thousandths(thousandths))
            .to_string()
    }

    #[test]
    fn half_a_cent_is_rounded_up_and_less_is_not() {
        // 730 hours at 0.0225 are 16.425.
        assert_eq!(cost("0.0225", 730_000), "16.43");
        assert_eq!(cost("0.0225", 729_999), "16.42");
        assert_eq!(cost("0.005", 1000), "0.01");
        assert_eq!(cost("0.004999999999", 1000), "0.00");
        assert_eq!(cost("0", 1_000_000), "0.00");
    }

    #[test]
    fn prices_are_exact_to_the_twelfth_digit() {
        assert_eq!(UnitPrice::read("0.0000133334"), Some(UnitPrice(13_333_400)));
        assert_eq!(UnitPrice::read("1"), Some(UnitPrice(1_000_000_000_000)));
        for wrong in [
            "",
            ".5",
            "5.",
            "-1",
            "+1",
            "1e3",
            "0.0000000000001",
            "1.2.3",
        ] {
            assert_eq!(UnitPrice::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn amounts_are_strings_with_two_decimals() {
        for (cents, text) in [(0, "0.00"), (5, "0.05"), (1234, "12.34")] {
            assert_eq!(Usd(cents).to_string(), text);
            assert_eq!(text.parse(), Ok(Usd(cents)));
        }
        assert_eq!(format!("{:>8}", Usd(1234)), "   12.34");
        for wrong in ["1", "1.2", "1.234", ".10", "+1.00", "-1.00", "1,00", "1.0x"] {
            assert!(wrong.parse::<Usd>().is_err(), "{wrong}");
        }
        assert!(serde_json::from_str::<Usd>("1.5").is_err());
        let error = "ten".parse::<Usd>().unwrap_err().to_string();
        assert!(error.contains("\"ten\" is not an amount"), "{error}");
    }

    #[test]
    fn a_difference_carries_its_sign_and_none_carries_none() {
        for (now, former, text) in [
            (1234, 0, "+12.34"),
            (700, 1000, "-3.00"),
            (1000, 1000, "0.00"),
            (0, 5, "-0.05"),
        ] {
            let change = Usd(now).since(Usd(former));
            assert_eq!(change.to_string(), text);
            assert_eq!(text.parse(), Ok(change));
            let json = serde_json::to_string(&change).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<UsdChange>(&json).unwrap(), change);
        }
    }

    #[test]
    fn quantities_are_shown_without_zeros_at_their_end() {
        for (thousandths, text) in [(0, "0"), (365_000, "365"), (1200, "1.2"), (20, "0.02")] {
            assert_eq!(Quantity::thousandths(thousandths).to_string(), text);
        }
        assert_eq!(Quantity::whole(4).to_string(), "4");
    }
}
