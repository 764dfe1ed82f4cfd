//! What a warehouse's own documents count, and other bills for the same work.

use chrono::NaiveDate;
use uuid::Uuid;

use super::DocumentAbout;
use crate::canonical::{ActivityCounts, BusinessNumber};
use crate::store::{Error, Work};

/// A service bill that others are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceBill<'a> {
    /// Who sent it.
    pub partner_id: &'a str,
    /// The days that it names.
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// The numbers that it is found by.
    pub numbers: Vec<BusinessNumber>,
}

impl Work {
    /// Advices and receipts from a partner of orders and receipt numbers of which one stands in for others, and one counts
    /// between two days (both included), in the order they came: which of them are in force is for others to say.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_stood_in(
        &mut self,
        partner_id: &str,
        (from, to): (NaiveDate, NaiveDate),
    ) -> Result<Vec<DocumentAbout>, Error> {
        sqlx::query_as!(
            DocumentAbout,
            r#"with replaced as (
                   select distinct n.number from shipping_advice r
                   join document_number n on n.document_id = r.document_id and n.kind = 'order'
                   where r.partner_id = $1 and r.completeness = 'replacement'),
               advice as (
                   select a.document_id, r.number,
                       coalesce(a.shipped_on, (a.received_at at time zone 'utc')::date) between $2 and $3 as counts
                   from replaced r join document_number n on n.number = r.number and n.kind = 'order'
                   join shipping_advice a on a.document_id = n.document_id and a.partner_id = $1),
               taken as (
                   select distinct upper(ltrim(btrim(receipt_number), '0')) as number from stock_receipt
                   where partner_id = $1 and kind in ('replacement', 'cancellation')),
               receipt as (
                   select r.document_id, t.number,
                       coalesce(r.received_on, (r.received_at at time zone 'utc')::date) between $2 and $3 as counts
                   from stock_receipt r
                   join taken t on t.number = upper(ltrim(btrim(r.receipt_number), '0'))
                   where r.partner_id = $1),
               found as (
                   select document_id from advice
                   where number in (select number from advice where counts)
                   union
                   select document_id from receipt
                   where number in (select number from receipt where counts))
               select d.id, d.received_at, d.file_id, d.ordinal, d.kind, d.record_kind as "record_kind!",
                   false as "is_of_order!", d.agreement
               from found join document d on d.id = found.document_id and d.direction = 'inbound'
               order by d.received_at, d.file_id, d.ordinal, d.id"#,
            partner_id,
            from,
            to,
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list what others stand in for"))
    }

    /// What a partner's shipping advices and stock receipts count between two days, both included; what names no day of
    /// its own counts on the day it came (UTC). Documents `but` do not count.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn count_activities(
        &mut self,
        partner_id: &str,
        agreement: Option<&str>,
        (from, to): (NaiveDate, NaiveDate),
        but: &[Uuid],
    ) -> Result<ActivityCounts, Error> {
        sqlx::query_as!(
            ActivityCounts,
            r#"with advice as (
                   select a.document_id from shipping_advice a join document d on d.id = a.document_id
                   where a.partner_id = $1 and d.direction = 'inbound' and ($2::text is null or d.agreement = $2)
                     and coalesce(a.shipped_on, (a.received_at at time zone 'utc')::date) between $3 and $4
                     and not exists (select from unnest($5::uuid[]) as but (id) where but.id = a.document_id)),
               shipped as (
                   select l.document_id, l.pack, l.quantity_shipped from shipping_advice_line l
                   join advice using (document_id) where l.quantity_shipped > 0),
               receipt as (
                   select r.document_id from stock_receipt r join document d on d.id = r.document_id
                   where r.partner_id = $1 and d.direction = 'inbound' and ($2::text is null or d.agreement = $2)
                     and coalesce(r.received_on, (r.received_at at time zone 'utc')::date) between $3 and $4
                     and r.kind is distinct from 'cancellation'
                     and not exists (select from unnest($5::uuid[]) as but (id) where but.id = r.document_id))
               select (select count(distinct document_id) from shipped)::numeric as "orders_shipped!",
                   (select count(*) from shipped)::numeric as "lines_shipped!",
                   (select coalesce(sum(quantity_shipped), 0) from shipped) as "units_shipped!",
                   (select count(distinct (document_id, pack)) from shipped)::numeric as "packs_shipped!",
                   (select count(*) from receipt)::numeric as "receipts!",
                   (select coalesce(sum(l.quantity_received), 0) from stock_receipt_line l
                    join receipt using (document_id)) as "units_received!""#,
            partner_id,
            agreement,
            from,
            to,
            but,
        )
        .fetch_one(self.connection())
        .await
        .map_err(Error::query("count activities"))
    }

    /// Invoices from the same partners for some of the same days, or that name the same order or shipment.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_bills_of_services(&mut self, bills: &[ServiceBill<'_>]) -> Result<Vec<Uuid>, Error> {
        let periods = bills.iter().filter_map(|bill| Some((bill.partner_id, bill.period?)));
        let (partners, days): (Vec<&str>, Vec<_>) = periods.unzip();
        let (from, to): (Vec<NaiveDate>, Vec<NaiveDate>) = days.into_iter().unzip();
        let numbers =
            bills.iter().flat_map(|bill| bill.numbers.iter().map(|number| (bill.partner_id, number)));
        let (whose, numbers): (Vec<&str>, Vec<&BusinessNumber>) = numbers.unzip();
        let kinds: Vec<&str> = numbers.iter().map(|number| number.kind.word()).collect();
        let numbers: Vec<&str> = numbers.iter().map(|number| number.number.as_str()).collect();
        sqlx::query_scalar!(
            r#"select i.document_id as "document_id!"
               from unnest($1::text[], $2::date[], $3::date[]) as a (partner_id, period_from, period_to)
               join invoice i on i.partner_id = a.partner_id and i.period_from is not null
                   and i.period_to >= a.period_from and i.period_from <= a.period_to
               union
               select i.document_id from unnest($4::text[], $5::text[], $6::text[]) as a (partner_id, kind, number)
               join document_number n on n.number = a.number and n.kind = a.kind
               join invoice i on i.document_id = n.document_id and i.partner_id = a.partner_id
               order by 1"#,
            &partners as &[&str],
            &from,
            &to,
            &whose as &[&str],
            &kinds as &[&str],
            &numbers as &[&str],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("list other bills of services"))
    }
}
