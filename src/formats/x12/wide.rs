//! Finds where two separators stand, 64 bytes at a time.
//!
//! An element is about six bytes long, so that a search per separator spends its time starting and stopping.
//! One bit per byte, made by comparing whole vectors, costs the same however dense the separators are.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "AVX is only known at run time; tested against the plain version")
)]

use super::segment::nothing;

/// Bytes that one mask covers.
const BLOCK: usize = 64;

/// Bytes looked at in one call: enough that choosing the implementation costs nothing, few enough that what is
/// found stays in the first cache.
pub(super) const CHUNK: usize = 32 * BLOCK;

/// Places written at a time, whether there are as many or not: the branch costs more than the writing.
const AT_ONCE: usize = 8;
const STOPS_AT_ONCE: usize = 2;

/// Separators as they stand in a window.
#[derive(Debug)]
pub(super) struct Places {
    /// Offset of each separator from the start of the window, cut to 32 bits.
    at: Box<[u32]>,
    used: usize,
    /// Each separator that ends a segment.
    stops: Box<[Stop]>,
    stopped: usize,
}

/// A separator that ends a segment: its index among all of them, and its offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
struct Stop(u64);

impl Stop {
    #[inline]
    fn new(index: u32, at: u32) -> Self {
        Self(u64::from(index) << 32 | u64::from(at))
    }
}

impl Places {
    /// Room for one chunk and for `kept` places from before.
    pub(super) fn new(kept: usize) -> Self {
        Self {
            at: vec![0; kept + CHUNK + BLOCK].into(),
            used: 0,
            stops: vec![Stop::default(); CHUNK + BLOCK].into(),
            stopped: 0,
        }
    }

    /// How many there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.used
    }

    /// Some of them.
    #[inline]
    pub(super) fn get(&self, first: usize, count: usize) -> &[u32] {
        self.at.get(first..first + count).unwrap_or_else(nothing)
    }

    /// Sets one, which may be the one behind the last.
    pub(super) fn set(&mut self, index: usize, place: u32) {
        if let Some(slot) = self.at.get_mut(index) {
            *slot = place;
        }
    }

    /// The end of segment number `stop` since the last [`Places::keep`]: its index and place.
    #[inline]
    pub(super) fn stop(&self, stop: usize) -> Option<(usize, u32)> {
        let Stop(both) = *self.stops.get(stop).filter(|_| stop < self.stopped)?;
        Some(((both >> 32) as usize, both as u32))
    }

    /// Forgets all but `count` places from `first` on, which become the first.
    pub(super) fn keep(&mut self, first: usize, count: usize) {
        self.at.copy_within(first..first + count, 0);
        self.used = count;
        self.stopped = 0;
    }

    /// Adds what stands in at most [`CHUNK`] bytes, whose first stands at `base` in the window.
    pub(super) fn find(&mut self, bytes: &[u8], element: u8, end: u8, base: u32) {
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            // SAFETY: the processor has what the function is compiled for, as was just asked.
            unsafe { self.find_avx512(blocks, element, end, base) };
        } else if has_avx2() {
            // SAFETY: as above.
            unsafe { self.find_avx2(blocks, element, end, base) };
        } else {
            self.find_anywhere(blocks, element, end, base);
        }
        #[cfg(not(target_arch = "x86_64"))]
        self.find_anywhere(blocks, element, end, base);
        let (ended, found) = (plain(rest, end, end), plain(rest, element, end));
        self.add(found, ended, base.wrapping_add((blocks.len() * BLOCK) as u32));
    }

    /// The places of a mask at once: the numbers 0 to 63 of the bytes, pressed together where the mask has a bit.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,bmi2,popcnt")]
    fn find_avx512(&mut self, blocks: &[[u8; BLOCK]], element: u8, end: u8, base: u32) {
        use std::arch::x86_64::{
            __m128i, _mm512_add_epi32, _mm512_castsi512_si128, _mm512_cmpeq_epi8_mask, _mm512_cvtepu8_epi32,
            _mm512_cvtepu8_epi64, _mm512_extracti32x4_epi32, _mm512_loadu_si512, _mm512_maskz_compress_epi8,
            _mm512_or_si512, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_slli_epi64,
            _mm512_storeu_si512, _pext_u64,
        };
        // SAFETY: 64 bytes are read where 64 bytes are.
        let load = |bytes: &[u8; BLOCK]| unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) };
        let numbers = load(&std::array::from_fn(|at| at as u8));
        let (element, end) = (_mm512_set1_epi8(element.cast_signed()), _mm512_set1_epi8(end.cast_signed()));
        let mut base = base;
        for block in blocks {
            let bytes = load(block);
            let ended = _mm512_cmpeq_epi8_mask(bytes, end);
            let found = _mm512_cmpeq_epi8_mask(bytes, element) | ended;
            let first = self.used as u32;
            let Some((places, stops)) = self.room() else { return };
            let from = _mm512_set1_epi32(base.cast_signed());
            let write = |sixteen: __m128i, slots: &mut [u32; 16]| {
                let places = _mm512_add_epi32(_mm512_cvtepu8_epi32(sixteen), from);
                // SAFETY: 64 bytes are written where there is room for sixteen numbers of four.
                unsafe { _mm512_storeu_si512(slots.as_mut_ptr().cast(), places) };
            };
            let packed = _mm512_maskz_compress_epi8(found, numbers);
            let count = found.count_ones();
            let [a, b, c, d] = places.as_chunks_mut::<16>().0 else { return };
            write(_mm512_castsi512_si128(packed), a);
            if count > 16 {
                write(_mm512_extracti32x4_epi32::<1>(packed), b);
            }
            if count > 32 {
                write(_mm512_extracti32x4_epi32::<2>(packed), c);
                write(_mm512_extracti32x4_epi32::<3>(packed), d);
            }
            let stopped = ended.count_ones();
            if stopped > 8 {
                write_stops(stops, found, ended, first, base);
            } else {
                // A bit for each separator found, set where it ends a segment.
                let ranks = _mm512_maskz_compress_epi8(_pext_u64(ended, found), numbers);
                let ranks = _mm512_cvtepu8_epi64(_mm512_castsi512_si128(ranks));
                let ends = _mm512_maskz_compress_epi8(ended, numbers);
                let ends = _mm512_cvtepu8_epi64(_mm512_castsi512_si128(ends));
                // Both halves are added to at once; the index never overflows, the place may.
                let both = _mm512_or_si512(_mm512_slli_epi64::<32>(ranks), ends);
                let from = i64::from(first) << 32 | i64::from(base);
                let both = _mm512_add_epi32(both, _mm512_set1_epi64(from));
                let [eight, ..] = stops.as_chunks_mut::<8>().0 else { return };
                // SAFETY: 64 bytes are written where there is room for eight ends of eight.
                unsafe { _mm512_storeu_si512(eight.as_mut_ptr().cast(), both) };
            }
            self.used += count as usize;
            self.stopped += stopped as usize;
            base = base.wrapping_add(BLOCK as u32);
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn find_avx2(&mut self, blocks: &[[u8; BLOCK]], element: u8, end: u8, base: u32) {
        use std::arch::x86_64::{
            _mm256_cmpeq_epi8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set_epi64x, _mm256_set1_epi8,
        };
        let (element, end) = (_mm256_set1_epi8(element.cast_signed()), _mm256_set1_epi8(end.cast_signed()));
        let room = (blocks.len() + 1) * BLOCK;
        let (Some(places), Some(stops)) = (
            self.at.get_mut(self.used..self.used + room),
            self.stops.get_mut(self.stopped..self.stopped + room),
        ) else {
            return;
        };
        let (places, stops) = (places.as_mut_ptr(), stops.as_mut_ptr());
        let (mut used, mut stopped) = (0, 0);
        let (mut base, mut first) = (base, self.used as u32);
        for block in blocks {
            let (mut found, mut ended) = ([0; 2], [0; 2]);
            for ((half, found), ended) in block.as_chunks::<32>().0.iter().zip(&mut found).zip(&mut ended) {
                let [a, b, c, d] = words(half);
                let half = _mm256_set_epi64x(d, c, b, a);
                let ends = _mm256_cmpeq_epi8(half, end);
                let both = _mm256_or_si256(_mm256_cmpeq_epi8(half, element), ends);
                *found = _mm256_movemask_epi8(both).cast_unsigned();
                *ended = _mm256_movemask_epi8(ends).cast_unsigned();
            }
            let mask = |[low, high]: [u32; 2]| u64::from(high) << 32 | u64::from(low);
            let (found, ended) = (mask(found), mask(ended));
            // SAFETY: each block before had at most 64 of both, and there is room for 64 more than all blocks have.
            let (places, stops) = unsafe { (&mut *places.add(used).cast(), &mut *stops.add(stopped).cast()) };
            write_stops(stops, found, ended, first, base);
            write_places(places, found, base);
            let count = found.count_ones();
            first += count;
            used += count as usize;
            stopped += ended.count_ones() as usize;
            base = base.wrapping_add(BLOCK as u32);
        }
        self.used += used;
        self.stopped += stopped;
    }

    /// Eight bytes at a time, on any processor.
    fn find_anywhere(&mut self, blocks: &[[u8; BLOCK]], element: u8, end: u8, base: u32) {
        for (block, at) in blocks.iter().zip(0_u32..) {
            let (words, _) = block.as_chunks::<8>();
            let mask = |byte| {
                words.iter().rev().fold(0, |bits, word| bits << 8 | equal(u64::from_le_bytes(*word), byte))
            };
            let ended = mask(end);
            self.add(mask(element) | ended, ended, base.wrapping_add(at * BLOCK as u32));
        }
    }

    /// Adds the places of all bits of a mask that begins at `base`; `ended` are those that end a segment.
    #[inline(always)]
    fn add(&mut self, found: u64, ended: u64, base: u32) {
        let first = self.used as u32;
        let Some((places, stops)) = self.room() else { return };
        write_stops(stops, found, ended, first, base);
        let mut bits = found;
        for slots in places.as_chunks_mut::<AT_ONCE>().0 {
            for slot in slots {
                *slot = base.wrapping_add(bits.trailing_zeros());
                bits &= bits.wrapping_sub(1);
            }
            if bits == 0 {
                break;
            }
        }
        self.used += found.count_ones() as usize;
        self.stopped += ended.count_ones() as usize;
    }

    /// Room for what one block may hold.
    #[inline(always)]
    fn room(&mut self) -> Option<(&mut [u32; BLOCK], &mut [Stop; BLOCK])> {
        let places = self.at.get_mut(self.used..)?.first_chunk_mut()?;
        Some((places, self.stops.get_mut(self.stopped..)?.first_chunk_mut()?))
    }
}

/// Writes the places of the bits of a mask that begins at `base`, those of each byte at once, whether there are eight
/// or fewer: what is too much is written over by the next.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,bmi1,popcnt")]
fn write_places(places: &mut [u32; BLOCK], found: u64, base: u32) {
    use std::arch::x86_64::{
        _mm_cvtsi64_si128, _mm256_add_epi32, _mm256_cvtepu8_epi32, _mm256_set1_epi32, _mm256_storeu_si256,
    };
    let mut from = _mm256_set1_epi32(base.cast_signed());
    let mut written = 0;
    for byte in found.to_le_bytes() {
        let numbers = _mm_cvtsi64_si128(i64::from_le_bytes(NUMBERS[usize::from(byte)]));
        let eight = _mm256_add_epi32(_mm256_cvtepu8_epi32(numbers), from);
        // SAFETY: a byte has at most eight bits, so that there is room for eight behind those of the bytes before.
        unsafe { _mm256_storeu_si256(places.as_mut_ptr().add(written).cast(), eight) };
        written += byte.count_ones() as usize;
        from = _mm256_add_epi32(from, _mm256_set1_epi32(8));
    }
}

/// The numbers of the bits of each byte, pressed together.
#[cfg(target_arch = "x86_64")]
static NUMBERS: [[u8; 8]; 256] = {
    let mut numbers = [[0; 8]; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut bit, mut count) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                numbers[byte][count] = bit;
                count += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    numbers
};

/// Writes the ends of segments among the separators of one mask, the first of which has the index `first`.
#[inline(always)]
fn write_stops(stops: &mut [Stop; BLOCK], found: u64, ended: u64, first: u32, base: u32) {
    let mut bits = ended;
    for slots in stops.as_chunks_mut::<STOPS_AT_ONCE>().0 {
        for slot in slots {
            let before = bits.wrapping_sub(1) & !bits;
            let index = first + (found & before).count_ones();
            *slot = Stop::new(index, base.wrapping_add(bits.trailing_zeros()));
            bits &= bits.wrapping_sub(1);
        }
        if bits == 0 {
            break;
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("popcnt")
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt")
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn words(bytes: &[u8; 32]) -> [i64; 4] {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|at| words.get(at).map_or(0, |word| i64::from_le_bytes(*word)))
}

/// A bit for each of eight bytes that is `byte`; the first byte is the lowest of both.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let odd = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    // The high bit of a byte stays clear only where all of its bits are.
    let equal = !((odd & LOW).wrapping_add(LOW) | odd) & !LOW;
    // Brings the bits, eight apart, together in the highest byte.
    (equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// A bit for each byte that is no printable one of ASCII, or `other`.
#[inline]
pub(super) fn odd_bytes(block: &[u8; BLOCK], other: u8) -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE2.
    return unsafe { odd_bytes_sse2(block, other) };
    #[cfg(not(target_arch = "x86_64"))]
    odd_bytes_anywhere(block, other)
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "sse2")]
fn odd_bytes_sse2(block: &[u8; BLOCK], other: u8) -> u64 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_cmpgt_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let (blank, delete) = (_mm_set1_epi8(b' '.cast_signed()), _mm_set1_epi8(0x7F));
    let other = _mm_set1_epi8(other.cast_signed());
    let part = |[low, high]: [i64; 2]| {
        let bytes = _mm_set_epi64x(high, low);
        // What is not ASCII is below zero.
        let low = _mm_cmpgt_epi8(blank, bytes);
        let either = _mm_or_si128(_mm_cmpeq_epi8(bytes, delete), _mm_cmpeq_epi8(bytes, other));
        u64::from(_mm_movemask_epi8(_mm_or_si128(low, either)).cast_unsigned())
    };
    let [front, back] = block.as_chunks::<32>().0 else { return u64::MAX };
    let ([a, b, c, d], [e, f, g, h]) = (words(front), words(back));
    part([a, b]) | part([c, d]) << 16 | part([e, f]) << 32 | part([g, h]) << 48
}

#[cfg(any(test, not(target_arch = "x86_64")))]
fn odd_bytes_anywhere(block: &[u8; BLOCK], other: u8) -> u64 {
    block.iter().rev().fold(0, |odd, byte| odd << 1 | u64::from(!is_printable(*byte) || *byte == other))
}

#[inline]
pub(super) fn is_printable(byte: u8) -> bool {
    (b' '..0x7F).contains(&byte)
}

/// A bit for each of up to 64 bytes that is `a` or `b`.
fn plain(bytes: &[u8], a: u8, b: u8) -> u64 {
    bytes.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(*byte == a || *byte == b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(places: &Places) -> (Vec<u32>, Vec<Stop>) {
        (places.at[..places.used].to_vec(), places.stops[..places.stopped].to_vec())
    }

    /// What a loop over the bytes finds, behind `kept` places from before.
    fn expected(bytes: &[u8], element: u8, end: u8, base: u32, kept: usize) -> (Vec<u32>, Vec<Stop>) {
        let (mut at, mut stops) = (vec![7; kept], Vec::new());
        for (byte, place) in bytes.iter().zip(0_u32..) {
            if *byte == end {
                stops.push(Stop::new(at.len() as u32, base.wrapping_add(place)));
            }
            if *byte == element || *byte == end {
                at.push(base.wrapping_add(place));
            }
        }
        (at, stops)
    }

    fn kept(count: usize) -> Places {
        let mut places = Places::new(5);
        (0..count).for_each(|index| places.set(index, 7));
        places.keep(0, count);
        places
    }

    proptest! {
        #[test]
        fn odd_bytes_are_those_a_loop_finds(block in any::<[u8; BLOCK]>(), other in any::<u8>()) {
            prop_assert_eq!(odd_bytes(&block, other), odd_bytes_anywhere(&block, other));
        }

        #[test]
        fn every_way_finds_what_a_loop_finds(
            // Few different bytes, so that every mask from empty to full comes up.
            bytes in prop_oneof![
                proptest::collection::vec(prop::sample::select(b"*~A^".as_slice()), 0..=CHUNK),
                proptest::collection::vec(prop::sample::select(b"*~AAAAAAAAAAA\xff\x80".as_slice()), 0..=CHUNK),
                proptest::collection::vec(any::<u8>(), 0..=CHUNK),
            ],
            (element, end) in prop::sample::select(&[(b'*', b'~'), (b'A', b'*'), (0xff, 0x80), (b'~', b'~')][..]),
            base in prop_oneof![Just(0), Just(u32::MAX - 100), any::<u32>()],
            before in 0_usize..=5,
        ) {
            let mut places = kept(before);
            places.find(&bytes, element, end, base);
            prop_assert_eq!(shown(&places), expected(&bytes, element, end, base, before));
            let (blocks, _) = bytes.as_chunks::<BLOCK>();
            let whole = expected(blocks.as_flattened(), element, end, base, before);
            let mut places = kept(before);
            places.find_anywhere(blocks, element, end, base);
            prop_assert_eq!(shown(&places), whole.clone());
            #[cfg(target_arch = "x86_64")]
            if has_avx2() {
                let mut places = kept(before);
                // SAFETY: the processor has what the function is compiled for, as was just asked.
                unsafe { places.find_avx2(blocks, element, end, base) };
                prop_assert_eq!(shown(&places), whole);
            }
        }
    }
}
