//! Documents of ours that a partner speaks of, by control numbers or by any number that they are known by.

use uuid::Uuid;

use super::{Error, Work};

/// What a partner names: control numbers, or a number of some kind or of any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentNumber {
    /// Which question this belongs to.
    pub place: i32,
    /// The surest of a question has the least.
    pub rank: i32,
    /// GS06.
    pub group_control: Option<i64>,
    /// ST02 without zeros in front.
    pub set_control: Option<String>,
    /// What the number is; any if none.
    pub kind: Option<String>,
    /// The number, evened.
    pub number: Option<String>,
    /// ST01, where the partner names it.
    pub set_id: Option<String>,
}

/// A document of ours that answers a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentDocument {
    /// Which question.
    pub place: i32,
    /// The document.
    pub document_id: Uuid,
    /// Its set or kind.
    pub kind: String,
    /// Its number in business.
    pub business_number: Option<String>,
    /// The depositor's order number.
    pub order_number: Option<String>,
    /// The buyer's order number.
    pub purchase_order_number: Option<String>,
}

impl Work {
    /// Documents that were sent to a partner, the best for each question: by control numbers first, and the latest of
    /// those alike.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn find_sent_documents(
        &mut self,
        partner_id: &str,
        asked: &[SentNumber],
    ) -> Result<Vec<SentDocument>, Error> {
        fn column<T>(asked: &[SentNumber], pick: impl Fn(&SentNumber) -> T) -> Vec<T> {
            asked.iter().map(pick).collect()
        }
        sqlx::query_as!(
            SentDocument,
            r#"with asked as (
                   select * from unnest($2::int[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
                       as a (place, rank, group_control, set_control, kind, number, set_id)
               ), found as (
                   select a.place, a.rank, d.id from asked a
                   join expected_acknowledgment e on e.partner_id = $1 and e.group_control = a.group_control
                   join expected_acknowledgment_set s on s.expected_id = e.id
                       and ltrim(s.set_control, '0') = ltrim(a.set_control, '0')
                   join document d on d.id = s.document_id
                   where a.group_control is not null
                   union all
                   select a.place, a.rank, d.id from asked a
                   join document_number n on n.number = a.number and (a.kind is null or n.kind = a.kind)
                   join document d on d.id = n.document_id
                   where a.number is not null and d.partner_id = $1 and d.direction = 'outbound'
               )
               select distinct on (f.place) f.place as "place!", d.id as "document_id!", d.kind as "kind!",
                   d.business_number, d.order_number, d.purchase_order_number
               from found f join document d on d.id = f.id join asked a on a.place = f.place and a.rank = f.rank
               where a.set_id is null or d.format <> 'x12' or d.kind = a.set_id
               order by f.place, f.rank, d.received_at desc, d.id"#,
            partner_id,
            &column(asked, |asked| asked.place),
            &column(asked, |asked| asked.rank),
            &column(asked, |asked| asked.group_control) as &[Option<i64>],
            &column(asked, |asked| asked.set_control.clone()) as &[Option<String>],
            &column(asked, |asked| asked.kind.clone()) as &[Option<String>],
            &column(asked, |asked| asked.number.clone()) as &[Option<String>],
            &column(asked, |asked| asked.set_id.clone()) as &[Option<String>],
        )
        .fetch_all(self.connection())
        .await
        .map_err(Error::query("find documents that a partner speaks of"))
    }

    /// Documents of which no exception is open any more need nobody.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn reopen_documents(&mut self, documents: &[Uuid]) -> Result<(), Error> {
        sqlx::query!(
            "update document d set business = 'open', business_reason = ''
             where d.id = any($1) and d.business = 'exception'
                 and not exists (select from exception e where e.document_id = d.id and e.state = 'open')",
            documents,
        )
        .execute(self.connection())
        .await
        .map(drop)
        .map_err(Error::query("open documents again"))
    }
}
