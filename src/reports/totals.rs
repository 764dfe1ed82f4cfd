//! The sums at the end of a sheet.

use super::model::{Cell, Sheet};
use rust_decimal::Decimal;

/// Sums of the totalled columns, taken up row by row.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// None for columns without a total, and for those whose sum is beyond what a decimal holds.
    sums: Vec<Option<Decimal>>,
    rows: u64,
}

impl Totals {
    pub(super) fn of(sheet: &Sheet) -> Self {
        let sums = sheet.columns.iter().map(|column| column.is_totalled.then_some(Decimal::ZERO)).collect();
        Self { sums, rows: 0 }
    }

    pub(super) fn add(&mut self, cells: &[Cell]) {
        self.rows += 1;
        for (sum, cell) in self.sums.iter_mut().zip(cells) {
            if let (Some(so_far), Cell::Number(number)) = (*sum, cell) {
                *sum = so_far.checked_add(*number);
            }
        }
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The sums by column; none when no column has one, or there is nothing to sum up.
    pub(super) fn sums(&self) -> Option<&[Option<Decimal>]> {
        (self.rows > 0 && self.sums.iter().any(Option::is_some)).then_some(self.sums.as_slice())
    }
}
