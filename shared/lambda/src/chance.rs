//! Chance, for keys.

/// 32 bytes that nobody can guess, from the operating system.
///
/// # Panics
/// When the operating system has none, which on Linux does not happen behind the boot.
pub fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("no chance: {error}"));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(bytes(), bytes());
    }
}
