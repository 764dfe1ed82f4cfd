//! Terms of payment in words, and the day on which an invoice is due by them.

use crate::canonical::Terms;
use chrono::{NaiveDate, TimeDelta};

/// Days from which terms may count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since {
    pub(super) invoiced: Option<NaiveDate>,
    pub(super) shipped: Option<NaiveDate>,
    pub(super) delivered: Option<NaiveDate>,
    pub(super) received: Option<NaiveDate>,
}

/// Such as `2% in 10 days, net in 30 days after shipment`; what says no figures, in its own words.
pub(super) fn in_words(terms: &Terms) -> Option<String> {
    let until = |days: Option<i64>, on: Option<NaiveDate>| match (days, on) {
        (Some(1), _) => " in 1 day".to_owned(),
        (Some(days), _) => format!(" in {days} days"),
        (None, Some(on)) => format!(" until {on}"),
        (None, None) => String::new(),
    };
    let percent = terms.discount_percent.filter(|percent| !percent.is_zero());
    let discount = percent
        .map(|percent| format!("{}%", percent.normalize()))
        .or_else(|| terms.discount_amount.map(|amount| format!("{amount:.2} off")));
    let discount = discount.map(|discount| discount + &until(terms.discount_days, terms.discount_on));
    let net = (terms.net_days.is_some() || terms.net_on.is_some())
        .then(|| format!("net{}", until(terms.net_days, terms.net_on)));
    let said: Vec<String> = [discount, net].into_iter().flatten().collect();
    if said.is_empty() {
        return terms.description.clone();
    }
    let after = match terms.basis.as_deref() {
        Some("shipped") => " after shipment",
        Some("delivered") => " after delivery",
        Some("goods_received") => " after the goods came",
        _ => "",
    };
    Some(said.join(", ") + after)
}

/// The day named, else so many days from that on which they begin; none where nothing says that day.
pub(super) fn due_on(terms: &Terms, since: Since) -> Option<NaiveDate> {
    let begin = match terms.basis.as_deref() {
        Some("shipped") => since.shipped,
        Some("delivered") => since.delivered,
        Some("goods_received") => since.received,
        _ => since.invoiced,
    };
    let counted = || begin?.checked_add_signed(TimeDelta::try_days(terms.net_days?)?);
    terms.net_on.or_else(counted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;

    #[test]
    fn terms_are_told_in_words_and_count_from_their_own_day() {
        let day = |text: &str| text.parse::<NaiveDate>().ok();
        let since = Since {
            invoiced: day("2026-11-04"),
            shipped: day("2026-11-03"),
            delivered: None,
            received: day("2026-11-06"),
        };
        let terms = Terms {
            discount_percent: "2.0".parse::<Decimal>().ok(),
            discount_days: Some(10),
            net_days: Some(30),
            ..Terms::default()
        };
        for (basis, words, due) in [
            (None, "2% in 10 days, net in 30 days", "2026-12-04"),
            (Some("invoiced"), "2% in 10 days, net in 30 days", "2026-12-04"),
            (Some("shipped"), "2% in 10 days, net in 30 days after shipment", "2026-12-03"),
            (Some("goods_received"), "2% in 10 days, net in 30 days after the goods came", "2026-12-06"),
            // Nothing says when it was delivered.
            (Some("delivered"), "2% in 10 days, net in 30 days after delivery", ""),
        ] {
            let terms = Terms { basis: basis.map(str::to_owned), ..terms.clone() };
            assert_eq!(in_words(&terms).as_deref(), Some(words));
            assert_eq!(due_on(&terms, since), day(due), "{basis:?}");
        }
        let named = Terms { net_on: day("2027-01-15"), description: Some("as agreed".to_owned()), ..terms };
        assert_eq!(due_on(&named, since), day("2027-01-15"), "a day that is named counts");
        let bare = Terms { description: Some("as agreed".to_owned()), ..Terms::default() };
        assert_eq!(in_words(&bare).as_deref(), Some("as agreed"));
        assert_eq!(in_words(&Terms::default()), None);
    }
}
