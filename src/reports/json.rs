//! JSON: the head and all sheets as one document, with exact numbers as text.

use super::model::{Cell, Chart, Column, Report, Sheet};
use super::totals::Totals;
use super::writer::{Error, Part, Writer};
use chrono::SecondsFormat;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Writes one object a row, so that large documents can be read line by line.
pub(super) struct Json<'w> {
    out: Part<'w>,
    sheets: usize,
    columns: Vec<Column>,
    totals: Totals,
}

impl<'w> Json<'w> {
    pub(super) fn create(mut out: Part<'w>, report: &Report) -> Result<Self, Error> {
        let Report { name, title, period, as_of, time_zone, run, narrowed, headlines, notes, led_to: _ } =
            report;
        let narrowed: Map<String, Value> =
            narrowed.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let headlines: Vec<Value> = headlines
            .iter()
            .map(|line| json!({"title": line.title, "kind": line.kind.as_str(), "value": value(&line.value)}))
            .collect();
        let head = json!({
            "name": name,
            "title": title,
            "from": period.0,
            "to": period.1,
            "as_of": as_of.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "time_zone": time_zone.name(),
            "run": run,
            "narrowed": narrowed,
            "headlines": headlines,
            "notes": notes,
        });
        out.text(&format!("{{\"report\": {head},\n\"sheets\": ["))?;
        Ok(Self { out, sheets: 0, columns: Vec::new(), totals: Totals::default() })
    }

    fn object<'c>(&self, cells: impl Iterator<Item = Value> + 'c) -> Value {
        Value::Object(self.columns.iter().map(|column| column.id.clone()).zip(cells).collect())
    }
}

impl Writer for Json<'_> {
    fn begin_sheet(&mut self, sheet: &Sheet) -> Result<(), Error> {
        let columns: Vec<Value> = sheet
            .columns
            .iter()
            .map(|column| json!({"id": column.id, "title": column.title, "kind": column.kind.as_str()}))
            .collect();
        let charts: Vec<Value> = sheet.charts.iter().map(chart).collect();
        let comma = if self.sheets == 0 { "" } else { "," };
        self.sheets += 1;
        self.out.text(&format!(
            "{comma}\n{{\"id\": {}, \"title\": {}, \"about\": {},\n\"columns\": {},\n\"charts\": {},\n\"rows\": [",
            Value::from(sheet.id.as_str()),
            Value::from(sheet.title.as_str()),
            Value::from(sheet.about.as_str()),
            Value::from(columns),
            Value::from(charts),
        ))?;
        self.columns.clone_from(&sheet.columns);
        self.totals = Totals::of(sheet);
        Ok(())
    }

    fn row(&mut self, cells: &[Cell]) -> Result<(), Error> {
        let comma = if self.totals.rows() == 0 { "" } else { "," };
        self.totals.add(cells);
        let row = self.object(cells.iter().map(value));
        self.out.text(&format!("{comma}\n{row}"))
    }

    fn end_sheet(&mut self) -> Result<(), Error> {
        let totals: Map<String, Value> = (self.columns.iter().zip(self.totals.sums().unwrap_or_default()))
            .filter_map(|(column, sum)| Some((column.id.clone(), Value::from((*sum)?.to_string()))))
            .collect();
        self.out.text(&format!("],\n\"totals\": {}}}", Value::Object(totals)))
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<PathBuf>, Error> {
        self.out.text("]}\n")?;
        self.out.finish()
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Text(text) => text.clone().into(),
        Cell::Number(number) => number.to_string().into(),
        Cell::Date(date) => date.to_string().into(),
        Cell::Instant(at) => at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into(),
        // Where rows of this report stand, a program finds by itself.
        Cell::Link { text, target } if target.starts_with('#') => text.clone().into(),
        Cell::Link { text, target } => json!({"text": text, "target": target}),
    }
}

fn chart(chart: &Chart) -> Value {
    match chart {
        Chart::Bars { title, kind, bars } => {
            let points: Vec<Value> =
                bars.iter().map(|(name, value)| json!([name, value.to_string()])).collect();
            json!({"form": "bars", "title": title, "kind": kind.as_str(), "points": points})
        }
        Chart::Line { title, kind, points } => {
            let points: Vec<Value> =
                points.iter().map(|(day, value)| json!([day, value.to_string()])).collect();
            json!({"form": "line", "title": title, "kind": kind.as_str(), "points": points})
        }
    }
}
