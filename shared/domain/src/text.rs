//! The one way in which a string becomes a checked newtype.
//!
//! Each newtype says its pattern once; from it come `FromStr`, `Deserialize`, the JSON
//! Schema and the sentence that a user reads. A test compares the hand-written check with
//! the pattern on random input, so that the two cannot part.

/// A string was not of the newtype's form. Displays as the sentence that says what is right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}: {rule}")]
pub struct InvalidText {
    /// What was given, cut to 60 characters.
    pub text: String,
    /// What it should have been, with its article.
    pub what: &'static str,
    /// What is right.
    pub rule: &'static str,
}

impl InvalidText {
    pub(crate) fn new(text: &str, what: &'static str, rule: &'static str) -> Self {
        let text = match text.char_indices().nth(60) {
            Some((cut, _)) => format!("{}…", &text[..cut]),
            None => text.to_owned(),
        };
        Self { text, what, rule }
    }
}

/// Declares a newtype over `String` that holds only texts which `$check` accepts.
macro_rules! checked_text {
    (
        $(#[$docs:meta])*
        $name:ident, what: $what:literal, pattern: $pattern:expr, max: $max:expr,
        rule: $rule:literal, check: $check:expr
    ) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The form as a regular expression (ECMA 262), as in the JSON Schema.
            pub const PATTERN: &'static str = $pattern;
            /// The greatest length, in characters.
            pub const MAX: usize = $max;
            /// The form as a sentence for people.
            pub const RULE: &'static str = $rule;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text::InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> bool = $check;
                if text.len() <= $max && check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err($crate::text::InvalidText::new(text, $what, $rule))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::text::InvalidText;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": $pattern,
                    "maxLength": $max,
                    "x-rule": $rule,
                })
            }
        }
    };
}

pub(crate) use checked_text;

/// Words of lower-case letters and digits joined by single hyphens, a letter first.
pub(crate) fn is_hyphenated(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}
