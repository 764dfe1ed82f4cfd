//! Makes X12 files that look like a day's trade: seeded, and byte for byte the same for equal arguments.

use std::io::{self, Write};

/// Which document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Document {
    /// 810, invoice.
    Invoice,
    /// 940, order to a warehouse.
    ShippingOrder,
    /// 945, what the warehouse shipped.
    ShippingAdvice,
    /// 856, ship notice with orders, cartons and items.
    ShipNotice,
}

impl Document {
    fn ids(self) -> (&'static str, &'static str) {
        match self {
            Self::Invoice => ("810", "IN"),
            Self::ShippingOrder => ("940", "OW"),
            Self::ShippingAdvice => ("945", "SW"),
            Self::ShipNotice => ("856", "SH"),
        }
    }
}

const SETS_A_GROUP: u64 = 100;
const TOWNS: [(&str, &str, &str); 4] = [
    ("COLUMBUS", "OH", "43004"),
    ("RENO", "NV", "89506"),
    ("ATLANTA", "GA", "30336"),
    ("DALLAS", "TX", "75236"),
];
const GOODS: [&str; 5] =
    ["TRAIL MIX 12OZ", "SPRING WATER 24PK", "COTTON TOWEL BLUE", "LED BULB 60W 4PK", "GARDEN HOSE 50FT"];

/// Writes one interchange of at least `bytes` bytes; returns how many sets are in it.
///
/// # Errors
/// What `out` answers.
pub(crate) fn write(document: Document, bytes: u64, seed: u64, out: &mut impl Write) -> io::Result<u64> {
    let mut maker = Maker { random: seed, text: Vec::new(), segments: 0 };
    let (set_id, group_id) = document.ids();
    maker.segment(
        "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *261125*0600*U*00401*000000001*0*P*>",
    );
    let (mut written, mut groups, mut sets) = (0, 0, 0);
    while written < bytes {
        groups += 1;
        maker.segment(&format!("GS*{group_id}*SENDER*RECEIVER*20261125*0600*{groups}*X*004010"));
        for number in 1..=SETS_A_GROUP {
            sets += 1;
            maker.segments = 0;
            maker.segment(&format!("ST*{set_id}*{number:04}"));
            match document {
                Document::Invoice => maker.invoice(sets),
                Document::ShippingOrder => maker.shipping_order(sets),
                Document::ShippingAdvice => maker.shipping_advice(sets),
                Document::ShipNotice => maker.ship_notice(sets),
            }
            maker.segment(&format!("SE*{}*{number:04}", maker.segments + 1));
        }
        maker.segment(&format!("GE*{SETS_A_GROUP}*{groups}"));
        written += maker.text.len() as u64;
        out.write_all(&maker.text)?;
        maker.text.clear();
    }
    maker.segment(&format!("IEA*{groups}*000000001"));
    out.write_all(&maker.text)?;
    out.flush()?;
    Ok(sets)
}

struct Maker {
    random: u64,
    text: Vec<u8>,
    segments: u32,
}

impl Maker {
    fn segment(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
        self.text.push(b'~');
        self.segments += 1;
    }

    /// Splitmix64.
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    /// Whether something that a sender writes once in so many documents is there.
    fn once_in(&mut self, documents: u64) -> bool {
        self.below(documents) == 0
    }

    fn party(&mut self, role: &str, name: &str) {
        let (town, state, postal_code) = TOWNS[self.below(4) as usize];
        let number = self.below(9_000) + 1_000;
        self.segment(&format!("N1*{role}*{name}*92*{number}"));
        if self.once_in(3) {
            self.segment(&format!("N2*RECEIVING DOCK {}", number % 40));
        }
        self.segment(&format!("N3*{number} COMMERCE PARKWAY"));
        self.segment(&format!("N4*{town}*{state}*{postal_code}*US"));
    }

    fn good(&mut self) -> &'static str {
        GOODS[self.below(5) as usize]
    }

    fn upc(&mut self) -> String {
        with_check_digit(61_414_100_000 + self.below(100_000), 11)
    }

    /// 8 to 32 lines, 20 in the middle; 60 segments and 2,500 bytes.
    fn invoice(&mut self, number: u64) {
        self.segment(&format!("BIG*20261125*INV{number:08}*20261110*PO{number:08}***DI"));
        self.segment("CUR*SE*USD");
        self.segment(&format!("REF*DP*{:04}", self.random % 90));
        self.segment(&format!("REF*BM*BOL{number:08}"));
        self.segment("REF*IA*0000471100");
        self.party("ST", "NORTH STORES DC 12");
        self.party("BT", "NORTH STORES ACCOUNTS PAYABLE");
        self.party("RE", "DEPOSITOR ONE INC");
        self.segment("ITD*01*3*2**10**30*****2 PERCENT 10 DAYS NET 30");
        self.segment("DTM*011*20261124");
        self.segment("FOB*PP*OR*BAY WAREHOUSE 3");
        let (mut total, lines) = (0, self.below(25) + 8);
        for line in 1..=lines {
            let (quantity, cents) = (self.below(48) + 1, self.below(9_000) + 100);
            total += quantity * cents;
            let (upc, sku, good) = (self.upc(), self.below(1_000_000), self.good());
            let (price, buyer_item) = (decimal(cents), 70_000_000 + sku);
            self.segment(&format!(
                "IT1*{line}*{quantity}*CA*{price}**UP*{upc}*VN*SKU{sku:06}*IN*{buyer_item}"
            ));
            self.segment(&format!("PID*F****{good}"));
        }
        let freight = if self.once_in(3) { self.below(40_000) + 1_000 } else { 0 };
        let allowance = if self.once_in(4) { total / 100 } else { 0 };
        self.segment(&format!("TDS*{}", total + freight - allowance));
        self.segment("CAD*M***RDWY*ROADWAY EXPRESS");
        if freight > 0 {
            self.segment(&format!("SAC*C*D240***{freight}*******06***FREIGHT"));
        }
        if allowance > 0 {
            self.segment(&format!("SAC*A*I530***{allowance}*******02***VOLUME DISCOUNT"));
        }
        self.segment(&format!("CTT*{lines}"));
    }

    /// 4 to 26 lines.
    fn shipping_order(&mut self, number: u64) {
        self.segment(&format!("W05*N*ORD{number:08}*PO{number:08}"));
        self.party("ST", "NORTH STORES 4711");
        self.party("BT", "NORTH STORES ACCOUNTS PAYABLE");
        self.segment("N1*DE*DEPOSITOR ONE INC*9*1234567890001");
        self.segment(&format!("N9*CO*{number:08}"));
        self.segment(&format!("N9*DP*{:04}", self.random % 90));
        self.segment("N9*IA*0000471100");
        self.segment("G62*10*20261126");
        self.segment("G62*02*20261130");
        self.segment("NTE*WHI*CALL BEFORE DELIVERY AND BOOK A DOCK");
        if self.once_in(3) {
            self.segment("NTE*WHI*PALLETS NO HIGHER THAN 60 INCHES");
        }
        self.segment("W66*PP*M********RDWY");
        let mut total = 0;
        for line in 1..=self.below(23) + 4 {
            let quantity = self.below(60) + 1;
            total += quantity;
            self.segment(&format!("LX*{line}"));
            let (upc, sku, good) = (self.upc(), self.below(1_000_000), self.good());
            self.segment(&format!("W01*{quantity}*CA**VN*SKU{sku:06}*UP*{upc}"));
            self.segment(&format!("G69*{good}"));
            self.segment(&format!("N9*LI*{line}"));
            if self.once_in(4) {
                self.segment(&format!("N9*LT*L{:07}", sku));
            }
        }
        self.segment(&format!("W76*{total}"));
    }

    /// 2 to 8 pallets with one to four lines each.
    fn shipping_advice(&mut self, number: u64) {
        self.segment(&format!("W06*F*ORD{number:08}*20261125*WH{number:08}**PO{number:08}"));
        self.party("SF", "BAY WAREHOUSE 3");
        self.party("ST", "NORTH STORES 4711");
        self.segment("N1*DE*DEPOSITOR ONE INC*9*1234567890001");
        self.segment(&format!("N9*BM*BOL{number:08}"));
        self.segment(&format!("N9*CN*{}", 7_000_000_000 + number));
        self.segment("G62*11*20261125");
        self.segment("NTE*WHI*DRIVER LOAD AND COUNT");
        self.segment("W27*M*RDWY*ROADWAY EXPRESS*PP");
        let (mut total, mut line) = (0, 0);
        for pallet in 1..=self.below(7) + 2 {
            self.segment(&format!("LX*{pallet}"));
            self.segment(&format!("MAN*GM*{}", sscc(number * 100 + pallet)));
            for _ in 0..=self.below(4) {
                line += 1;
                let quantity = self.below(60) + 1;
                total += quantity;
                let (upc, sku, good) = (self.upc(), self.below(1_000_000), self.good());
                self.segment(&format!(
                    "W12*CC*{quantity}*{quantity}**CA**VN*SKU{sku:06}**{}*G*L",
                    quantity * 4
                ));
                self.segment(&format!("G69*{good}"));
                self.segment(&format!("N9*LI*{line}"));
                self.segment(&format!("N9*UP*{upc}"));
                if self.once_in(4) {
                    self.segment(&format!("N9*LT*L{:07}", sku));
                }
            }
        }
        self.segment(&format!("W03*{total}*{}*LB", total * 4));
    }

    /// One to three orders in one to four cartons with one to six items each.
    fn ship_notice(&mut self, number: u64) {
        self.segment(&format!("BSN*00*ASN{number:08}*20261125*0600*0001"));
        let mut level = 1;
        self.segment("HL*1**S");
        self.segment("TD1*CTN25*4****G*480*LB");
        self.segment("TD5*O*2*RDWY*M");
        self.segment(&format!("TD3*TL**{}", 400_000 + number % 5_000));
        self.segment(&format!("REF*BM*BOL{number:08}"));
        self.segment(&format!("REF*CN*{}", 7_000_000_000 + number));
        self.segment("DTM*011*20261125");
        self.segment("FOB*PP");
        self.party("ST", "NORTH STORES DC 12");
        self.party("SF", "BAY SUPPLY INC");
        for order in 1..=self.below(3) + 1 {
            level += 1;
            let order_level = level;
            self.segment(&format!("HL*{level}*1*O"));
            self.segment(&format!("PRF*PO{number:08}{order}***20261110"));
            self.segment(&format!("REF*DP*{:04}", self.random % 90));
            self.segment("N1*BY*NORTH STORES*92*4711");
            for carton in 1..=self.below(4) + 1 {
                level += 1;
                let carton_level = level;
                self.segment(&format!("HL*{level}*{order_level}*P"));
                self.segment(&format!("MAN*GM*{}", sscc(number * 100 + order * 10 + carton)));
                for item in 1..=self.below(6) + 1 {
                    level += 1;
                    self.segment(&format!("HL*{level}*{carton_level}*I"));
                    let (upc, sku, good) = (self.upc(), self.below(1_000_000), self.good());
                    self.segment(&format!("LIN*{item}*UP*{upc}*VN*SKU{sku:06}"));
                    let quantity = self.below(48) + 1;
                    self.segment(&format!("SN1*{item}*{quantity}*EA"));
                    self.segment(&format!("PID*F****{good}"));
                }
            }
        }
        self.segment(&format!("CTT*{level}"));
    }
}

fn decimal(cents: u64) -> String {
    match (cents / 100, cents % 100) {
        (whole, 0) => format!("{whole}"),
        (whole, part) if part % 10 == 0 => format!("{whole}.{}", part / 10),
        (whole, part) => format!("{whole}.{part:02}"),
    }
}

/// An SSCC-18 with the application identifier 00 in front.
fn sscc(serial: u64) -> String {
    format!("00{}", with_check_digit(10_614_141_000_000_000 + serial % 1_000_000_000, 17))
}

/// GS1's check digit: weights 3 and 1 from the right.
fn with_check_digit(number: u64, digits: usize) -> String {
    let text = format!("{number:0digits$}");
    let sum: u32 = text
        .bytes()
        .rev()
        .enumerate()
        .map(|(at, digit)| u32::from(digit - b'0') * if at % 2 == 0 { 3 } else { 1 })
        .sum();
    format!("{text}{}", (10 - sum % 10) % 10)
}
