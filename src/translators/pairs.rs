//! Which elements of a segment are a qualifier and its value.

/// Places of the qualifier and value pairs of a segment, in order. The same in 004010 and 005010.
pub(super) fn pairs(segment: &str) -> &'static [(u16, u16)] {
    const fn row<const N: usize>(first: u16) -> [(u16, u16); N] {
        let mut pairs = [(0, 0); N];
        let mut at = 0;
        while at < N {
            let qualifier = first + 2 * at as u16;
            pairs[at] = (qualifier, qualifier + 1);
            at += 1;
        }
        pairs
    }
    static LIN: [(u16, u16); 15] = row(2);
    static BASELINE: [(u16, u16); 10] = row(6);
    static CHANGE: [(u16, u16); 10] = row(8);
    static SLN: [(u16, u16); 10] = row(9);
    static SDQ: [(u16, u16); 10] = row(3);
    static PER: [(u16, u16); 3] = row(3);
    match segment {
        "LIN" => &LIN,
        "PO1" | "IT1" => &BASELINE,
        "POC" => &CHANGE,
        "SLN" => &SLN,
        "PER" => &PER,
        "SDQ" => &SDQ,
        "ACK" => {
            &[(7, 8), (9, 10), (11, 12), (13, 14), (15, 16), (17, 18), (19, 20), (21, 22), (23, 24), (25, 26)]
        }
        "W01" => &[(4, 5), (6, 7), (15, 16)],
        "W04" => &[(4, 5), (6, 7), (14, 15)],
        "W07" => &[(4, 5), (6, 7), (10, 11)],
        "W12" => &[(7, 8), (17, 18), (21, 22)],
        "W19" => &[(5, 6), (7, 8), (17, 18)],
        "MAN" => &[(1, 2), (4, 5)],
        "TD5" => &[(2, 3)],
        "G61" => &[(3, 4)],
        "CAD" => &[(7, 8)],
        "N1" => &[(3, 4)],
        _ => &[],
    }
}
