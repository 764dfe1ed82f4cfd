//! Figures of the reports about orders: what was not shipped, how much was, and how long it took.
//!
//! The view `shipping_order_in_force` has each order once. What its advices say is added up, the latest of each
//! shipment.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::ReportScope;
use crate::store::{Error, Store};

/// A shipping order that no advice has answered.
#[derive(Clone, Debug)]
pub struct UnshippedOrder {
    /// With whom.
    pub partner_id: String,
    /// The agreement it falls under.
    pub agreement: Option<String>,
    /// Whose goods.
    pub depositor_id: Option<String>,
    /// The depositor's order number.
    pub order_number: String,
    /// The buyer's.
    pub purchase_order_number: Option<String>,
    /// To whom.
    pub ship_to: Option<String>,
    /// When it was first received or sent.
    pub first_at: DateTime<Utc>,
    /// When it is to be shipped.
    pub ship_on: Option<NaiveDate>,
    /// And not after.
    pub ship_not_after: Option<NaiveDate>,
    /// When it is void.
    pub cancel_after: Option<NaiveDate>,
    /// Its lines.
    pub lines: i64,
    /// Sum of their quantities, where all have one unit.
    pub quantity: Option<Decimal>,
    /// That unit.
    pub unit: Option<String>,
    /// Its file.
    pub file_name: String,
}

/// How much of what was ordered was shipped.
#[derive(Clone, Debug)]
pub struct FillRate {
    /// With whom.
    pub partner_id: String,
    /// Whose goods.
    pub depositor: Option<String>,
    /// Orders of the span.
    pub orders: i64,
    /// Of these, those that an advice has answered.
    pub orders_answered: i64,
    /// Of the answered, those shipped in full.
    pub orders_full: i64,
    /// Lines of the answered orders.
    pub lines: i64,
    /// Of these, those shipped in full.
    pub lines_full: i64,
    /// Of these, those shipped in another unit than ordered, which count as not in full.
    pub lines_in_other_unit: i64,
    /// Units ordered on lines of the answered orders.
    pub units_ordered: Decimal,
    /// Units shipped, at most what was ordered on each line.
    pub units_filled: Decimal,
}

/// How long orders took.
#[derive(Clone, Debug)]
pub struct CycleTime {
    /// With whom.
    pub partner_id: String,
    /// Whose goods.
    pub depositor: Option<String>,
    /// Orders of the span that were answered.
    pub orders: i64,
    /// Hours from the order to its first advice: half took no longer.
    pub median: Option<Decimal>,
    /// Nine of ten took no longer.
    pub p90: Option<Decimal>,
    /// The longest.
    pub longest: Option<Decimal>,
}

impl Store {
    /// Orders that came or went in the span and that no advice has answered.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_unshipped(&self, scope: &ReportScope) -> Result<Vec<UnshippedOrder>, Error> {
        sqlx::query_as!(
            UnshippedOrder,
            r#"select s.partner_id as "partner_id!", s.agreement, s.depositor_id, s.order_number as "order_number!",
                   s.purchase_order_number, s.ship_to, s.first_at as "first_at!", s.ship_on, s.ship_not_after,
                   s.cancel_after, l.lines as "lines!", l.quantity, l.unit, f.name as file_name
               from shipping_order_in_force s
                   join document d on d.id = s.document_id
                   join file f on f.id = d.file_id
                   cross join lateral (
                       select count(*) as lines,
                           case when count(distinct l.unit) <= 1 then sum(l.quantity) end as quantity,
                           case when count(distinct l.unit) = 1 then min(l.unit) end as unit
                       from shipping_order_line l where l.document_id = s.document_id
                   ) l
               where s.first_at >= $1 and s.first_at < $2
                 and ($3::text is null or s.partner_id = $3) and ($4::text is null or s.agreement = $4)
                 and not exists (
                     select from shipping_advice a join document d on d.id = a.document_id
                     where a.order_number = s.order_number and d.validation <> 'rejected'
                       and (d.agreement = s.agreement or d.agreement is null or s.agreement is null)
                 )
               order by coalesce(s.ship_on, s.ship_not_after), s.first_at, s.order_number"#,
            scope.from,
            scope.until,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list orders without shipment"))
    }

    /// How much was shipped of the orders that came or went in the span, by partner and depositor.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_fill_rates(&self, scope: &ReportScope) -> Result<Vec<FillRate>, Error> {
        sqlx::query_as!(
            FillRate,
            r#"with orders as (
                   select * from shipping_order_in_force
                   where first_at >= $1 and first_at < $2
                     and ($3::text is null or partner_id = $3) and ($4::text is null or agreement = $4)
               ), advices as (
                   -- Of several advices of one shipment, the latest.
                   select distinct on (o.document_id, coalesce(a.shipment_id, a.document_id::text))
                       o.document_id as order_id, a.document_id, a.completeness
                   from orders o
                       join shipping_advice a on a.order_number = o.order_number
                       join document d on d.id = a.document_id and d.validation <> 'rejected'
                   where d.agreement = o.agreement or d.agreement is null or o.agreement is null
                   order by o.document_id, coalesce(a.shipment_id, a.document_id::text), a.received_at desc
               ), answered as (
                   select order_id, bool_or(completeness = 'no_exceptions') as as_ordered from advices group by order_id
               ), shipped as (
                   -- Each line twice: as its number, and as its item.
                   select v.order_id, k.by_number, k.item, sum(l.quantity_shipped) as quantity, min(l.unit) as unit
                   from advices v
                       join shipping_advice_line l on l.document_id = v.document_id
                       cross join lateral (values
                           (true, l.line_number), (false, coalesce(l.sku, l.gtin, l.buyer_item))
                       ) as k (by_number, item)
                   where k.item is not null
                   group by 1, 2, 3
               ), lines as (
                   select l.document_id, l.quantity,
                       case when n.as_ordered then l.quantity
                           else coalesce(by_number.quantity, by_sku.quantity, 0) end as quantity_shipped,
                       not n.as_ordered and l.unit <> coalesce(by_number.unit, by_sku.unit) as in_other_unit
                   from shipping_order_line l
                       join answered n on n.order_id = l.document_id
                       left join shipped by_number
                           on by_number.order_id = l.document_id and by_number.by_number
                          and by_number.item = l.line_number
                       left join shipped by_sku
                           on by_sku.order_id = l.document_id and not by_sku.by_number
                          and by_sku.item = coalesce(l.sku, l.gtin, l.buyer_item)
                   where l.quantity > 0
               ), by_order as (
                   select document_id, count(*) as lines,
                       count(*) filter (where quantity_shipped >= quantity and in_other_unit is not true) as lines_full,
                       count(*) filter (where in_other_unit) as lines_in_other_unit,
                       coalesce(sum(quantity) filter (where in_other_unit is not true), 0) as units_ordered,
                       coalesce(sum(least(quantity, quantity_shipped)) filter (where in_other_unit is not true), 0)
                           as units_filled
                   from lines group by document_id
               )
               select o.partner_id as "partner_id!", o.depositor, count(*) as "orders!",
                   count(n.order_id) as "orders_answered!",
                   count(*) filter (where b.lines = b.lines_full) as "orders_full!",
                   coalesce(sum(b.lines), 0)::bigint as "lines!",
                   coalesce(sum(b.lines_full), 0)::bigint as "lines_full!",
                   coalesce(sum(b.lines_in_other_unit), 0)::bigint as "lines_in_other_unit!",
                   coalesce(sum(b.units_ordered), 0) as "units_ordered!",
                   coalesce(sum(b.units_filled), 0) as "units_filled!"
               from orders o
                   left join answered n on n.order_id = o.document_id
                   left join by_order b on b.document_id = o.document_id
               group by o.partner_id, o.depositor order by o.partner_id, o.depositor"#,
            scope.from,
            scope.until,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up what was shipped of what was ordered"))
    }

    /// How long the orders took that came or went in the span, by partner and depositor.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_cycle_times(&self, scope: &ReportScope) -> Result<Vec<CycleTime>, Error> {
        sqlx::query_as!(
            CycleTime,
            r#"with took as (
                   select s.partner_id, s.depositor, extract(epoch from min(a.received_at) - s.first_at) / 3600 as hours
                   from shipping_order_in_force s
                       join shipping_advice a on a.order_number = s.order_number
                       join document d on d.id = a.document_id and d.validation <> 'rejected'
                   where s.first_at >= $1 and s.first_at < $2
                     and ($3::text is null or s.partner_id = $3) and ($4::text is null or s.agreement = $4)
                     and (d.agreement = s.agreement or d.agreement is null or s.agreement is null)
                   group by s.document_id, s.partner_id, s.depositor, s.first_at
               )
               select partner_id as "partner_id!", depositor, count(*) as "orders!",
                   round(percentile_cont(0.5) within group (order by hours::float8)::numeric, 1) as median,
                   round(percentile_cont(0.9) within group (order by hours::float8)::numeric, 1) as p90,
                   round(max(hours), 1) as longest
               from took group by partner_id, depositor order by partner_id, depositor"#,
            scope.from,
            scope.until,
            scope.partner_id.as_deref(),
            scope.agreement.as_deref(),
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("add up how long orders took"))
    }
}
