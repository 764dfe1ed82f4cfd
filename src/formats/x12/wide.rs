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

/// Where separators stand in up to [`BLOCKS`] blocks: bit n of mask m is byte 64m + n.
#[derive(Debug)]
pub(super) struct Masks {
    /// Separators of both kinds.
    pub(super) any: [u64; BLOCKS],
    /// Those that end a segment.
    pub(super) ends: [u64; BLOCKS],
}

impl Masks {
    pub(super) const fn new() -> Self {
        Self { any: [0; BLOCKS], ends: [0; BLOCKS] }
    }
}

/// Fills `masks` from the start of `bytes` with where `element` and `end` stand. Returns how many masks were made;
/// bits beyond the end of `bytes` are zero.
pub(super) fn fill(bytes: &[u8], element: u8, end: u8, masks: &mut Masks) -> usize {
    let bytes = bytes.get(..BLOCK * BLOCKS).unwrap_or(bytes);
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    fill_blocks(blocks, element, end, masks);
    if rest.is_empty() {
        return blocks.len();
    }
    set_plain(rest, element, end, masks, blocks.len());
    blocks.len() + 1
}

#[cfg(target_arch = "x86_64")]
fn fill_blocks(blocks: &[[u8; BLOCK]], element: u8, end: u8, masks: &mut Masks) {
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was just asked.
        unsafe { fill_avx2(blocks, element, end, masks) };
    } else {
        // SAFETY: every x86-64 processor has SSE2.
        unsafe { fill_sse2(blocks, element, end, masks) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn fill_blocks(blocks: &[[u8; BLOCK]], element: u8, end: u8, masks: &mut Masks) {
    for (at, block) in blocks.iter().enumerate() {
        set_plain(block, element, end, masks, at);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn fill_avx2(blocks: &[[u8; BLOCK]], element: u8, end: u8, masks: &mut Masks) {
    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };
    let (element, end) = (_mm256_set1_epi8(element.cast_signed()), _mm256_set1_epi8(end.cast_signed()));
    for ((block, any), ends) in blocks.iter().zip(&mut masks.any).zip(&mut masks.ends) {
        let (halves, _) = block.as_chunks::<32>();
        (*any, *ends) = (0, 0);
        for (at, half) in halves.iter().enumerate() {
            // SAFETY: `half` is 32 bytes long and the load may be unaligned.
            let half = unsafe { _mm256_loadu_si256(half.as_ptr().cast::<__m256i>()) };
            let ended = _mm256_cmpeq_epi8(half, end);
            let found = _mm256_or_si256(_mm256_cmpeq_epi8(half, element), ended);
            *any |= u64::from(_mm256_movemask_epi8(found).cast_unsigned()) << (32 * at);
            *ends |= u64::from(_mm256_movemask_epi8(ended).cast_unsigned()) << (32 * at);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn fill_sse2(blocks: &[[u8; BLOCK]], element: u8, end: u8, masks: &mut Masks) {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };
    let (element, end) = (_mm_set1_epi8(element.cast_signed()), _mm_set1_epi8(end.cast_signed()));
    for ((block, any), ends) in blocks.iter().zip(&mut masks.any).zip(&mut masks.ends) {
        let (quarters, _) = block.as_chunks::<16>();
        (*any, *ends) = (0, 0);
        for (at, quarter) in quarters.iter().enumerate() {
            // SAFETY: `quarter` is 16 bytes long and the load may be unaligned.
            let quarter = unsafe { _mm_loadu_si128(quarter.as_ptr().cast::<__m128i>()) };
            let ended = _mm_cmpeq_epi8(quarter, end);
            let found = _mm_or_si128(_mm_cmpeq_epi8(quarter, element), ended);
            *any |= u64::from(_mm_movemask_epi8(found).cast_unsigned()) << (16 * at);
            *ends |= u64::from(_mm_movemask_epi8(ended).cast_unsigned()) << (16 * at);
        }
    }
}

fn set_plain(bytes: &[u8], element: u8, end: u8, masks: &mut Masks, at: usize) {
    if let (Some(any), Some(ends)) = (masks.any.get_mut(at), masks.ends.get_mut(at)) {
        *ends = plain(bytes, |byte| byte == end);
        *any = plain(bytes, |byte| byte == element || byte == end);
    }
}

fn plain(bytes: &[u8], is_found: impl Fn(u8) -> bool) -> u64 {
    let bytes = bytes.iter().take(BLOCK).enumerate();
    bytes.fold(0, |bits, (at, byte)| bits | (u64::from(is_found(*byte)) << at))
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
                let mut masks = Masks::new();
                let made = fill(&bytes, a, b, &mut masks);
                let blocks = || bytes.chunks(BLOCK).take(BLOCKS);
                let any: Vec<u64> =
                    blocks().map(|block| plain(block, |byte| byte == a || byte == b)).collect();
                let ends: Vec<u64> = blocks().map(|block| plain(block, |byte| byte == b)).collect();
                assert_eq!(masks.any[..made], any, "length {length}, seed {seed}");
                assert_eq!(masks.ends[..made], ends, "length {length}, seed {seed}");
                #[cfg(target_arch = "x86_64")]
                {
                    let (blocks, _) = bytes.as_chunks::<BLOCK>();
                    let blocks = &blocks[..blocks.len().min(BLOCKS)];
                    let mut masks = Masks::new();
                    // SAFETY: every x86-64 processor has SSE2.
                    unsafe { fill_sse2(blocks, a, b, &mut masks) };
                    assert_eq!(masks.any[..blocks.len()], any[..blocks.len()]);
                    assert_eq!(masks.ends[..blocks.len()], ends[..blocks.len()]);
                }
            }
        }
    }
}
