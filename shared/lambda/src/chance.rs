//! What nobody can guess.

/// 256 bits by chance, of the operating system.
///
/// # Panics
/// Never on Linux, whose `getrandom` does not fail once the system is up.
pub fn bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("no randomness: {error}"));
    bytes
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_two_are_the_same() {
        assert_ne!(super::bytes(), super::bytes());
    }
}
