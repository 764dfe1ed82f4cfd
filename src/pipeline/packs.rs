//! Packs: how many of one unit another holds, where documents that are held against each other use several.

use super::hub::Error;
use super::known::Known;
use crate::store::Work;
use std::collections::HashSet;

/// Adds pack sizes where what is told or billed may be in another unit than what was shipped.
pub(super) async fn look_up(work: &mut Work, known: &mut Known) -> Result<(), Error> {
    if known.advices.is_empty() || (known.notices.is_empty() && known.invoices.is_empty()) {
        return Ok(());
    }
    let (mut units, mut skus): (HashSet<&str>, HashSet<&str>) = (HashSet::new(), HashSet::new());
    let advices = known.advices.iter().flat_map(|advice| advice.record.lines());
    for line in advices {
        units.extend(line.unit.as_deref());
        skus.extend(line.sku.as_deref());
    }
    units.extend(
        known.notices.iter().flat_map(|notice| notice.record.items()).filter_map(|item| item.unit.as_deref()),
    );
    let billed = known.invoices.iter().flat_map(|invoice| &invoice.record.lines);
    units.extend(billed.filter_map(|line| line.unit.as_deref()));
    if units.len() < 2 {
        return Ok(());
    }
    let ordered = known.purchase_orders.iter().flat_map(|order| &order.record.lines);
    skus.extend(ordered.filter_map(|line| line.sku.as_deref()));
    let skus: Vec<String> = skus.into_iter().map(str::to_owned).collect();
    add(work, known, skus).await
}

/// Adds the pack sizes of these SKUs, where they were not looked for yet.
pub(super) async fn add(
    work: &mut Work,
    known: &mut Known,
    skus: impl IntoIterator<Item = String>,
) -> Result<(), Error> {
    let fresh: Vec<String> = skus.into_iter().filter(|sku| !known.packed.contains(sku)).collect();
    let asked: Vec<&str> = fresh.iter().map(String::as_str).collect();
    for pack in work.find_packs(&asked).await? {
        let days = (pack.valid_from, pack.valid_to);
        known.packs.add(&pack.sku, &pack.unit, pack.quantity, &pack.of_unit, days);
    }
    known.packed.extend(fresh);
    Ok(())
}
