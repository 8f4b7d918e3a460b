//! What a seed decides: a portable stream of numbers for every purpose, so that one draw never shifts another.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use sha2::{Digest, Sha256};

/// A stream of random numbers that depends on nothing but its seed, task and purpose.
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Opens the stream of a purpose, whose words are joined: `ChaCha8`, keyed with the SHA-256 of what it depends on.
    pub fn new(task: &str, seed: u64, purpose: &[&str]) -> Self {
        let mut hasher = Sha256::new();
        for part in [b"casebook/v1".as_slice(), task.as_bytes(), &seed.to_le_bytes()] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let length: usize = purpose.iter().map(|word| word.len()).sum();
        hasher.update((length as u64).to_le_bytes());
        for word in purpose {
            hasher.update(word);
        }
        Self(ChaCha8Rng::from_seed(hasher.finalize().into()))
    }

    /// A number in `0..n`; 0 when `n` is 0.
    ///
    /// The high word of a 64 by 64 bit product (Lemire 2019, without its rejection: the bias is below n / 2^64).
    pub fn below(&mut self, n: usize) -> usize {
        let product = u128::from(self.0.next_u64()) * n as u128;
        usize::try_from(product >> 64).unwrap_or_default()
    }

    /// The same for 64 bits on any machine.
    pub fn below_u64(&mut self, n: u64) -> u64 {
        let product = u128::from(self.0.next_u64()) * u128::from(n);
        u64::try_from(product >> 64).unwrap_or_default()
    }

    /// A number below 2^53, which every reader of JSON keeps as it is.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64() >> 11
    }

    /// A number below 2^32.
    pub fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Shuffles in place (Fisher-Yates, from the end).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at + 1));
        }
    }
}
