//! Reconciliation runs: every invoice of a period compared with all that is known at one instant, kept as a snapshot.
//!
//! Documents are read in sets on one connection, compared, and written by COPY on another, each set while the next is
//! on its way; memory is that of a few sets.

mod details;
mod due;
mod evidence;
mod lines;
pub mod report;
mod shipments;
mod unbilled;

use super::agreements::Agreements;
use super::compare::{self, Index};
use super::hub::Error;
use super::known::{self, Known, purchase_order_of};
use crate::canonical::{
    CURRENCY, Figure, Invoice, InvoiceKind, InvoiceSense, PurchaseOrder, Reason, evened, same_number,
};
use crate::ids;
use crate::profiles::Profile;
use crate::reconcile::{Comparison, Difference};
use crate::store::{
    InvoiceToCompare, NewComparedInvoice, NewComparedLine, NewDifference, NewRun, NumbersAsked,
    PreviousFigures, StandingOfException, Store, Work,
};
use chrono::{DateTime, NaiveDate, Utc};
use due::Since;
use evidence::Places;
use lines::{Besides, marks_of};
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};
use shipments::Shipments;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Invoices that are read and compared at once.
const SET: usize = 500;

/// What a run is to compare.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Days of the invoices, both included.
    pub days: (NaiveDate, NaiveDate),
    /// Only this partner's.
    pub partner: Option<String>,
    /// Only those under this agreement.
    pub agreement: Option<String>,
    /// Who asks.
    pub by: String,
}

/// Compares the invoices of a period and keeps the snapshot. `progress` is told how many of how many are compared.
///
/// # Errors
/// When the database fails; then nothing of the run is there.
pub async fn run(
    store: &Store,
    agreements: &Arc<Agreements>,
    asked: &Asked,
    now: DateTime<Utc>,
    mut progress: impl FnMut(usize, usize) + Send,
) -> Result<Uuid, Error> {
    let narrowed = (asked.partner.as_deref(), asked.agreement.as_deref());
    let (from, to) = asked.days;
    let id = ids::derived(
        "reconciliation_run",
        &[
            &from.to_string(),
            &to.to_string(),
            narrowed.0.unwrap_or_default(),
            narrowed.1.unwrap_or_default(),
            &now.to_rfc3339(),
        ],
    );
    let mut reader = store.begin_snapshot().await?;
    let own = reader.list_invoices_between(asked.days, narrowed.0, narrowed.1).await?;
    let adjusted = reader.list_invoices_to_adjust(asked.days, narrowed.0, narrowed.1).await?;
    let (count, all) = (own.len(), [own, adjusted].concat());
    let total = all.len();
    // Orders of purchase and sale that nobody billed in full, for the open side: looked for meanwhile.
    let mut other = store.begin_same_snapshot(&mut reader).await?;
    let open = tokio::spawn(async move {
        let mut open = other.list_orders_not_billed(to).await?;
        other.roll_back().await?;
        // Whoever writes a number otherwise speaks of the same order.
        open.sort_by_cached_key(|number| evened(number));
        open.dedup_by(|one, other| same_number(Some(one), Some(other)));
        Ok(open)
    });

    let (sender, mut sets) = mpsc::channel::<Set>(1);
    let reading = {
        let agreements = agreements.clone();
        tokio::spawn(async move { read(reader, &agreements, &all, open, sender).await })
    };
    let (sender, mut compared) = mpsc::channel::<Rows>(1);
    let comparing = {
        let (agreements, asked) = (agreements.clone(), asked.clone());
        tokio::task::spawn_blocking(move || {
            let mut made = Made { period: count, now, ..Made::default() };
            while let Some(set) = sets.blocking_recv() {
                // Nobody takes it any more: the other side failed and says why.
                if sender.blocking_send(made.compare(&set, &agreements, &asked)).is_err() {
                    break;
                }
            }
            made
        })
    };
    let mut writer = store.begin().await?;
    while let Some(mut rows) = compared.recv().await {
        let documents = evidence::documents(&rows.differences);
        let places = Places::of(writer.find_document_places(&documents).await?);
        let differences = rows.differences.drain(..).map(|(difference, figures)| NewDifference {
            figures: places.evidence(&figures, agreements),
            ..difference
        });
        let differences: Vec<NewDifference> = differences.collect();
        writer.copy_compared_invoices(id, &rows.invoices).await?;
        writer.copy_compared_lines(id, &rows.lines).await?;
        writer.copy_differences(id, &differences).await?;
        writer.copy_unbilled(id, &rows.unbilled).await?;
        progress(rows.so_far, total);
    }
    reading.await.map_err(Error::Panicked)??;
    let made = comparing.await.map_err(Error::Panicked)?;
    let totals: BTreeMap<&String, String> =
        made.totals.iter().map(|(currency, total)| (currency, total.to_string())).collect();
    writer
        .insert_reconciliation_run(&NewRun {
            id,
            days: asked.days,
            partner_id: narrowed.0,
            agreement: narrowed.1,
            as_of: now,
            actor: &asked.by,
            invoice_count: i64::try_from(count).unwrap_or(i64::MAX),
            line_count: made.lines,
            digest: made.digest.finalize().into(),
            totals: serde_json::to_value(totals).expect("texts by texts"),
        })
        .await?;
    writer.commit().await?;
    Ok(id)
}

/// Documents to be compared, with all that is known of their orders.
enum Set {
    Invoices {
        invoices: Vec<InvoiceToCompare>,
        known: Box<Known>,
        previous: HashMap<Uuid, PreviousFigures>,
        standing: HashMap<Uuid, StandingOfException>,
    },
    Orders {
        numbers: Vec<String>,
        known: Box<Known>,
        places: Places,
    },
}

/// Reads set after set and hands each on.
async fn read(
    mut reader: Work,
    agreements: &Agreements,
    invoices: &[Uuid],
    orders: JoinHandle<Result<Vec<String>, Error>>,
    sender: mpsc::Sender<Set>,
) -> Result<(), Error> {
    for ids in invoices.chunks(SET) {
        let set = reader.list_invoices_to_compare(ids).await?;
        let numbers: BTreeSet<&String> = set.iter().flat_map(|invoice| &invoice.purchase_orders).collect();
        let purchase_orders = numbers.into_iter().cloned().collect();
        // Those that bill no order are not found by one.
        let numbered =
            set.iter().filter_map(|one| Some((one.partner_id.clone(), one.invoice_number.clone()?)));
        let invoices = numbered.collect();
        let asked =
            NumbersAsked { purchase_orders, invoices, documents: ids.to_vec(), ..NumbersAsked::default() };
        let mut known = known::look_up_numbers(&mut reader, &asked).await?;
        compare::look_up(&mut reader, &mut known, agreements, false).await?;
        let previous = reader.find_previous_figures(ids).await?;
        let standing = reader.find_standing_of_exceptions(ids).await?;
        let set = Set::Invoices {
            invoices: set,
            known: Box::new(known),
            previous: previous.into_iter().map(|figures| (figures.document_id, figures)).collect(),
            standing: standing.into_iter().map(|standing| (standing.id, standing)).collect(),
        };
        // Nobody takes it any more: the other side failed and says why.
        if sender.send(set).await.is_err() {
            return Ok(());
        }
    }
    for numbers in orders.await.map_err(Error::Panicked)??.chunks(SET) {
        let asked = NumbersAsked { purchase_orders: numbers.to_vec(), ..NumbersAsked::default() };
        let mut known = known::look_up_numbers(&mut reader, &asked).await?;
        compare::look_up(&mut reader, &mut known, agreements, false).await?;
        let places = Places::of(reader.find_document_places(&known.document_ids()).await?);
        let set = Set::Orders { numbers: numbers.to_vec(), known: Box::new(known), places };
        if sender.send(set).await.is_err() {
            return Ok(());
        }
    }
    reader.roll_back().await?;
    Ok(())
}

/// Rows of one set.
#[derive(Default)]
struct Rows {
    invoices: Vec<NewComparedInvoice>,
    lines: Vec<NewComparedLine>,
    /// Differences, whose figures do not say yet where they stand.
    differences: Vec<(NewDifference, Vec<Figure>)>,
    unbilled: Vec<crate::store::NewUnbilled>,
    /// Invoices compared up to here.
    so_far: usize,
}

/// What a run has made so far.
#[derive(Default)]
struct Made {
    /// Invoices of the period; those behind them are adjustments.
    period: usize,
    now: DateTime<Utc>,
    invoices: usize,
    unbilled: i32,
    lines: i64,
    totals: BTreeMap<String, Decimal>,
    digest: Sha256,
}

impl Made {
    fn compare(&mut self, set: &Set, agreements: &Agreements, asked: &Asked) -> Rows {
        let mut rows = Rows::default();
        match set {
            Set::Invoices { invoices, known, previous, standing } => {
                let index = Index::of(known);
                let at: HashMap<Uuid, usize> =
                    known.invoices.iter().enumerate().map(|(at, invoice)| (invoice.document, at)).collect();
                let standings = standing;
                for invoice in invoices {
                    self.invoices += 1;
                    let is_adjustment = self.invoices > self.period;
                    let document = invoice.document_id;
                    let Some(profile) = agreements.profiles.find(&invoice.partner_id) else { continue };
                    let Some((place, stored)) =
                        at.get(&document).and_then(|at| Some((*at, known.invoices.get(*at)?)))
                    else {
                        continue;
                    };
                    let day = invoice.received_at.date_naive();
                    let under = invoice.agreement.as_deref();
                    let comparison = compare::one((place, stored), profile, under, known, &index, day);
                    let kind = compare::kind_of(profile);
                    let record = &stored.record;
                    let besides = Besides {
                        orders: orders_of(record, known),
                        shipments: Shipments::of((&invoice.partner_id, record), kind, known, &index),
                        packs: &known.packs,
                        day: record.invoiced_on.unwrap_or(day),
                    };
                    let row = self.row((invoice, record), &comparison, (profile, kind), &besides);
                    let row = NewComparedInvoice {
                        previous: previous.get(&document).map(|figures| (figures.run_id, figures.expected)),
                        is_adjustment,
                        ..row
                    };
                    if !is_adjustment {
                        *self.totals.entry(row.currency.clone()).or_default() += row.billed;
                    }
                    // What was told and has not changed is not told again.
                    let unchanged = row.previous.is_some_and(|(_, expected)| expected == row.expected);
                    if is_adjustment && unchanged {
                        continue;
                    }
                    rows.lines.extend(lines::lines(row.invoice, record, &comparison, &besides));
                    let differences = comparison.differences.iter().zip(1..).map(|(difference, ordinal)| {
                        let exception = compare::exception_id(document, difference);
                        let standing = standing.get(&exception);
                        let new = NewDifference {
                            invoice: row.invoice,
                            ordinal,
                            exception_id: exception,
                            reason: difference.reason.word(),
                            line_ordinal: difference.ordinal.and_then(|ordinal| i32::try_from(ordinal).ok()),
                            line_number: difference.line.clone(),
                            item: difference.item.clone(),
                            amount: difference.amount,
                            message: difference.message.clone()
                                + &decided_before(document, difference, standings),
                            figures: serde_json::Value::Null,
                            tolerated: difference.tolerated.clone(),
                            first_seen_at: standing.map_or(self.now, |standing| standing.first_seen_at),
                            owner: standing
                                .and_then(|standing| standing.owner.clone())
                                .or_else(|| profile.owner.clone()),
                            decision: standing.and_then(decision),
                        };
                        (new, difference.figures.clone())
                    });
                    rows.differences.extend(differences);
                    rows.invoices.push(row);
                }
                self.lines += i64::try_from(rows.lines.len()).unwrap_or(i64::MAX);
            }
            Set::Orders { numbers, known, places } => {
                unbilled::find(
                    numbers,
                    known,
                    places,
                    agreements,
                    asked,
                    &mut self.unbilled,
                    &mut rows.unbilled,
                );
            }
        }
        self.seal(&rows);
        rows.so_far = self.invoices;
        rows
    }

    fn row(
        &self,
        (invoice, record): (&InvoiceToCompare, &Invoice),
        comparison: &Comparison,
        (profile, kind): (&Profile, InvoiceKind),
        besides: &Besides<'_>,
    ) -> NewComparedInvoice {
        let billed = comparison.billed;
        let money = |tolerated: bool| comparison.sum(|one| one.tolerated.is_some() == tolerated);
        let (difference, tolerated) = (money(false), money(true));
        let own = marks_of(record);
        let marks = besides.shipments.complete(&own, None);
        let (shipped, received) = besides.shipments.days(&own);
        let since = Since {
            invoiced: Some(besides.day),
            shipped: record.shipped_on.or(shipped),
            delivered: record.delivered_on,
            received,
        };
        // An invoice without terms is paid by the order's.
        let terms =
            record.terms.first().or_else(|| besides.orders.values().find_map(|one| one.terms.first()));
        let agreement = profile.find_agreement(invoice.agreement.as_deref());
        let matched =
            comparison.lines.iter().filter(|line| line.found != crate::reconcile::Match::None).count();
        NewComparedInvoice {
            invoice: i32::try_from(self.invoices).unwrap_or(i32::MAX),
            document_id: invoice.document_id,
            partner_id: invoice.partner_id.clone(),
            agreement: invoice.agreement.clone(),
            kind: kind.word(),
            is_credit: record.sense == Some(InvoiceSense::Credit),
            invoice_number: record.invoice_number.clone(),
            invoiced_on: besides.day,
            due_on: terms.and_then(|terms| due::due_on(terms, since)),
            terms: terms.and_then(due::in_words),
            dispute_by: profile.disputed_until(agreement, besides.day),
            purchase_order_number: record.purchase_order_number.clone(),
            order_number: marks.order_number,
            shipment_id: marks.shipment_id,
            bill_of_lading: marks.bill_of_lading,
            pro_number: marks.pro_number,
            warehouse: marks.warehouse,
            currency: comparison.currency.clone().unwrap_or_else(|| CURRENCY.to_owned()),
            exchange_rate: record.exchange_rate,
            billed,
            expected: billed - difference - tolerated,
            difference,
            tolerated,
            status: status(comparison),
            line_count: i32::try_from(record.lines.len()).unwrap_or(i32::MAX),
            matched_line_count: i32::try_from(matched).unwrap_or(i32::MAX),
            file_id: invoice.file_id,
            file_name: invoice.file_name.clone(),
            control_numbers: [
                invoice.interchange_control_number.clone(),
                invoice.group_control_number.clone(),
                invoice.set_control_number.clone(),
            ],
            segment_ordinal: record.source.map(|source| i64::from(source.segment_ordinal)),
            previous: None,
            is_adjustment: false,
        }
    }

    /// Adds the figures of a set to the digest.
    fn seal(&mut self, rows: &Rows) {
        let mut add = |text: String| {
            self.digest.update(text.as_bytes());
            self.digest.update(b"\n");
        };
        for row in &rows.invoices {
            add(format!("{} {} {} {}", row.document_id, row.billed, row.expected, row.status));
        }
        for row in &rows.lines {
            add(format!("{} {} {} {}", row.invoice, row.ordinal, row.amounts.0, row.amounts.1));
        }
        for (row, _) in &rows.differences {
            let amount = row.amount.map(|amount| amount.to_string()).unwrap_or_default();
            add(format!("{} {} {amount} {}", row.exception_id, row.reason, row.tolerated.is_some()));
        }
        for row in &rows.unbilled {
            let (shipped, billed) = row.quantities;
            add(format!("{} {} {shipped} {billed}", row.purchase_order_number, row.item));
        }
    }
}

/// How an invoice stands as a whole.
fn status(comparison: &Comparison) -> &'static str {
    let mut standing = comparison.standing().filter(|one| !one.reason.is_open_side()).peekable();
    if standing.peek().is_none() {
        let tolerated = comparison.differences.iter().any(|one| one.tolerated.is_some());
        return if tolerated { "within_tolerance" } else { "matched" };
    }
    let unchecked = |one: &Difference| one.reason.is_unchecked() && one.amount.is_none();
    if standing.all(unchecked) { "not_checked" } else { "exception" }
}

/// What people decided about an invoice that does not count any more: it may have been paid.
fn decided_before(
    document: Uuid,
    difference: &Difference,
    standing: &HashMap<Uuid, StandingOfException>,
) -> String {
    if !matches!(difference.reason, Reason::InvoiceReplaced | Reason::InvoiceCancelled) {
        return String::new();
    }
    let own = compare::exception_id(document, difference);
    let before = standing.values().filter(|one| one.document_id == Some(document) && one.id != own);
    let mut decided: Vec<String> = before
        .filter_map(|one| {
            let (word, by, _, why) = decision(one)?;
            let amount = one.amount.map(|amount| format!(" of {amount:.2}")).unwrap_or_default();
            let (kind, word) = (one.kind.replace('_', " "), word.replace('_', " "));
            Some(format!("; {by} had decided on its {kind}{amount}: {word} ({why})"))
        })
        .collect();
    decided.sort();
    decided.concat()
}

fn decision(standing: &StandingOfException) -> Option<(String, String, DateTime<Utc>, String)> {
    let by = standing.settled_by.clone()?;
    let decision = standing.decision.clone()?;
    Some((decision, by, standing.settled_at?, standing.settled_reason.clone()))
}

/// The orders that an invoice bills, as far as they are known, by evened number.
fn orders_of<'k>(record: &Invoice, known: &'k Known) -> BTreeMap<String, &'k PurchaseOrder> {
    let (release, items) = (record.release_number.as_deref(), record.lines.iter().map(|line| line.keys()));
    let items: Vec<_> = items.collect();
    let found = record.orders_billed().into_iter().filter_map(|number| {
        let order = purchase_order_of(known.purchase_orders.of(Some(&number)), release, &items)?;
        Some((number, &order.record))
    });
    found.collect()
}
