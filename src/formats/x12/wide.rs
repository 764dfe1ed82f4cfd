//! Finds two separators in 64 bytes at a time.
//!
//! An element is about six bytes long, so that a search per separator spends its time starting and stopping.
//! One bit per byte, made by comparing whole vectors, costs the same however dense the separators are.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "vector loads; tested against the plain version byte by byte")
)]

/// Bytes that one mask covers.
pub(super) const BLOCK: usize = 64;

/// Masks made in one call, so that choosing the implementation costs nothing.
pub(super) const BLOCKS: usize = 64;

/// Fills `masks` from the start of `bytes`: bit n of mask m is set if byte 64m + n is `a` or `b`. Returns how many
/// masks were made; bits beyond the end of `bytes` are zero.
pub(super) fn fill(bytes: &[u8], a: u8, b: u8, masks: &mut [u64; BLOCKS]) -> usize {
    let bytes = bytes.get(..BLOCK * BLOCKS).unwrap_or(bytes);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    fill_blocks(blocks, a, b, masks);
    if rest.is_empty() {
        return blocks.len();
    }
    if let Some(mask) = masks.get_mut(blocks.len()) {
        *mask = plain(rest, a, b);
    }
    blocks.len() + 1
}

#[cfg(target_arch = "x86_64")]
fn fill_blocks(blocks: &[[u8; BLOCK]], a: u8, b: u8, masks: &mut [u64; BLOCKS]) {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was just asked.
        unsafe { fill_avx2(blocks, a, b, masks) };
    } else {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { fill_sse2(blocks, a, b, masks) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn fill_blocks(blocks: &[[u8; BLOCK]], a: u8, b: u8, masks: &mut [u64; BLOCKS]) {
    for (block, mask) in blocks.iter().zip(masks) {
        *mask = plain(block, a, b);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn fill_avx2(blocks: &[[u8; BLOCK]], a: u8, b: u8, masks: &mut [u64; BLOCKS]) {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };
    let (a, b) = (_mm256_set1_epi8(a.cast_signed()), _mm256_set1_epi8(b.cast_signed()));
    for (block, mask) in blocks.iter().zip(masks) {
        let (halves, _) = block.as_chunks::<32>();
        let mut bits = 0_u64;
        for (at, half) in halves.iter().enumerate() {
            // SAFETY: `half` is 32 bytes long and the load may be unaligned.
            let half = unsafe { _mm256_loadu_si256(half.as_ptr().cast::<__m256i>()) };
            let found = _mm256_or_si256(_mm256_cmpeq_epi8(half, a), _mm256_cmpeq_epi8(half, b));
            bits |= u64::from(_mm256_movemask_epi8(found).cast_unsigned()) << (32 * at);
        }
        *mask = bits;
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn fill_sse2(blocks: &[[u8; BLOCK]], a: u8, b: u8, masks: &mut [u64; BLOCKS]) {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };
    let (a, b) = (_mm_set1_epi8(a.cast_signed()), _mm_set1_epi8(b.cast_signed()));
    for (block, mask) in blocks.iter().zip(masks) {
        let (quarters, _) = block.as_chunks::<16>();
        let mut bits = 0_u64;
        for (at, quarter) in quarters.iter().enumerate() {
            // SAFETY: `quarter` is 16 bytes long and the load may be unaligned.
            let quarter = unsafe { _mm_loadu_si128(quarter.as_ptr().cast::<__m128i>()) };
            let found = _mm_or_si128(_mm_cmpeq_epi8(quarter, a), _mm_cmpeq_epi8(quarter, b));
            bits |= u64::from(_mm_movemask_epi8(found).cast_unsigned()) << (16 * at);
        }
        *mask = bits;
    }
}

fn plain(bytes: &[u8], a: u8, b: u8) -> u64 {
    bytes
        .iter()
        .take(BLOCK)
        .enumerate()
        .fold(0, |bits, (at, byte)| bits | (u64::from(*byte == a || *byte == b) << at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                b"*~>^\nA\xff\x80"[(state >> 61) as usize]
            })
            .collect()
    }

    #[test]
    fn every_implementation_finds_what_the_plain_one_finds() {
        for length in [0, 1, 15, 16, 31, 32, 63, 64, 65, 127, 128, 1000, 4095, 4096, 5000] {
            for (seed, a, b) in [(1, b'*', b'~'), (2, b'A', b'\n'), (3, 0xff, 0x80)] {
                let bytes = noise(length, seed);
                let mut masks = [0; BLOCKS];
                let made = fill(&bytes, a, b, &mut masks);
                let expected: Vec<u64> =
                    bytes.chunks(BLOCK).take(BLOCKS).map(|block| plain(block, a, b)).collect();
                assert_eq!(masks[..made], expected, "length {length}, seed {seed}");
                #[cfg(target_arch = "x86_64")]
                {
                    let (blocks, _) = bytes.as_chunks::<BLOCK>();
                    let blocks = &blocks[..blocks.len().min(BLOCKS)];
                    let mut masks = [0; BLOCKS];
                    // SAFETY: every x86-64 processor has SSE2.
                    unsafe { fill_sse2(blocks, a, b, &mut masks) };
                    assert_eq!(masks[..blocks.len()], expected[..blocks.len()]);
                }
            }
        }
    }
}
