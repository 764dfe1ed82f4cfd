//! The story of an order: which documents belong to it. And deliveries that are held before they are tried.

use uuid::Uuid;

use super::text::clean;
use super::{Error, FoundNumber, Store, Work};

impl Store {
    /// The numbers of documents, of every kind.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_numbers(&self, document_ids: &[Uuid]) -> Result<Vec<FoundNumber>, Error> {
        sqlx::query_as!(
            FoundNumber,
            r#"select document_id, kind, coalesce(raw, number) as "number!", scope
               from document_number where document_id = any($1) order by document_id, kind, number, scope"#,
            document_ids,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list the numbers of documents"))
    }

    /// The documents of an order, given those that name it and the evened numbers of its purchase orders: with them those
    /// of the purchase orders that name no order, and all that was made of any of them, unless it names another order.
    /// At most `limit`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_story(
        &self,
        document_ids: &[Uuid],
        order_number: &str,
        purchase_order_numbers: &[String],
        limit: i64,
    ) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            r#"with recursive story (id) as (
                   select unnest($1::uuid[])
                   union
                   select p.document_id from document_number p
                   where p.kind = 'purchase_order' and p.number = any($3)
                     and not exists (select from document_number o
                         where o.document_id = p.document_id and o.kind = 'order')
                   union
                   select d.id from story join document d on d.source_document_id = story.id
                   where not exists (select from document_number o where o.document_id = d.id and o.kind = 'order')
                      or exists (select from document_number o
                          where o.document_id = d.id and o.kind = 'order' and o.number = $2)
               )
               select d.id from story join document d using (id) order by d.received_at, d.file_id, d.ordinal limit $4"#,
            document_ids,
            order_number,
            purchase_order_numbers,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list the documents of an order"))
    }

    /// Documents that name an order of one of these evened purchase order numbers.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_orders_of(&self, purchase_order_numbers: &[String]) -> Result<Vec<String>, Error> {
        sqlx::query_scalar!(
            "select distinct o.number from document_number p
             join document_number o on o.document_id = p.document_id and o.kind = 'order'
             where p.kind = 'purchase_order' and p.number = any($1) order by 1 limit 100",
            purchase_order_numbers,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("list the orders of purchase orders"))
    }

    /// Documents of this control number: ISA13 with or without its zeros, GS06 or ST02 of those. The latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_documents_of_interchange(
        &self,
        control_number: &str,
        limit: i64,
    ) -> Result<Vec<Uuid>, Error> {
        sqlx::query_scalar!(
            "select id from document where interchange_control_number in ($1, lpad($1, 9, '0'))
             order by received_at desc, ordinal limit $2",
            control_number,
            limit,
        )
        .fetch_all(&self.pool)
        .await
        .map_err(Error::query("find documents by control number"))
    }
}

impl Work {
    /// Settles the exceptions of this kind about the documents of a delivery, by the person who decided about it; the
    /// documents need nobody any more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn settle_with_delivery(
        &mut self,
        delivery_id: Uuid,
        kinds: &[&str],
        by: &str,
        reason: &str,
    ) -> Result<(), Error> {
        sqlx::query!(
            "with settled as (
                 update exception e set state = 'settled', settled_at = now(), settled_by = $3, settled_reason = $4
                 from delivery_document l
                 where l.delivery_id = $1 and e.document_id = l.document_id and e.kind = any($2) and e.state = 'open'
                 returning e.document_id
             )
             update document d set business = 'open', business_reason = '' from settled s where d.id = s.document_id",
            delivery_id,
            kinds as &[&str],
            by,
            &clean(reason),
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("settle exceptions with their delivery"))
    }

    /// Holds deliveries that were queued in this work until a person releases them: none is tried before. Those that were
    /// known stay as they are. The documents in them show why.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn hold_deliveries(&mut self, holds: &[(Uuid, &str)]) -> Result<(), Error> {
        let ids: Vec<Uuid> = holds.iter().map(|(id, _)| *id).collect();
        let reasons: Vec<_> = holds.iter().map(|(_, why)| clean(why)).collect();
        sqlx::query!(
            "with given (id, why) as (select * from unnest($1::uuid[], $2::text[])
             ), held as (
                 update delivery d set state = 'held', last_error = g.why from given g
                 where d.id = g.id and d.state = 'ready' and d.attempts = 0 returning d.id, g.why
             ), stopped as (
                 update job j set state = 'held', last_error = h.why from held h
                 where j.kind = 'deliver' and j.subject_id = h.id and j.state = 'ready'
             )
             update document d set delivery = 'held', business = 'exception', business_reason = h.why
             from held h join delivery_document l on l.delivery_id = h.id where d.id = l.document_id",
            &ids,
            &reasons as &[std::borrow::Cow<'_, str>],
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("hold deliveries"))
    }
}
