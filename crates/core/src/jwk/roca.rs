//! RSA keys that can be factored because of how they were made (ROCA, CVE-2017-15361): a library in
//! smart cards and TPMs took primes of one form, which shows in the modulus.

/// Small primes modulo which such a modulus is always a power of [`GENERATOR`] (Nemec and others,
/// "The Return of Coppersmith's Attack", 2017, §2.2). One in 2^27 other moduli is so, too.
const PRIMES: [u32; 17] =
    [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
const GENERATOR: u32 = 65_537;

/// Whether a modulus, big-endian, has that form.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "no prime is zero, and products of numbers below 157 and the generator fit"
)]
pub(super) fn is_vulnerable(modulus: &[u8]) -> bool {
    PRIMES.into_iter().all(|prime| {
        let remainder = modulus.iter().fold(0, |sum, byte| ((sum << 8) | u32::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * GENERATOR % prime));
        // Fermat: after that many they repeat.
        powers.take(prime as usize).any(|power| power == remainder)
    })
}
