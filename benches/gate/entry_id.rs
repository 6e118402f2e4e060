use uuid::{Builder, Uuid};

/// The `n`th `entry_id`: version 4 to look at, because such ids are what gate clients send and what
/// pgbench's `gen_random_uuid()` makes. All of them hit the index all over.
///
/// Not random at all: every run sends the same ids, into a store that is always a fresh one.
pub fn entry_id(n: u64) -> Uuid {
    let (high, low) = (splitmix64(2 * n), splitmix64(2 * n + 1));
    let bytes = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    Builder::from_random_bytes(bytes).into_uuid()
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn splitmix64(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
