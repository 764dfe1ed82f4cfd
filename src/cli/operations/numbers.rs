//! `numbers`: counters of control numbers, how far each is from its end, and where one goes on.

use super::super::status::in_days;
use super::{Refusal, act, agreements, find_partner, output};
use crate::config::Config;
use crate::pipeline::numbers::{self, Standing};
use crate::profiles::{CounterOf, Level};
use crate::store::Store;
use std::process::ExitCode;

/// What to list, or which one to set.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    list: List,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// All counters that profiles name
    List(List),
    /// Say which number a counter goes on with, such as when a partner moves here from another system
    Set(Set),
}

#[derive(Debug, clap::Args)]
struct List {
    /// Only those of this partner
    #[arg(long, value_name = "ID")]
    partner: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Set {
    /// The partner
    #[arg(value_name = "PARTNER")]
    partner: String,
    /// `interchange` (ISA13) or `group` (GS06)
    #[arg(value_name = "LEVEL", value_parser = level)]
    level: Level,
    /// The number that is used next
    #[arg(long, value_name = "NUMBER")]
    next: i64,
    /// Of this agreement, where they count apart
    #[arg(long, value_name = "ID")]
    agreement: Option<String>,
    /// That of tests, where they count apart
    #[arg(long)]
    test: bool,
    /// Of this GS01, such as OW or FA, where they count apart
    #[arg(long, value_name = "GS01")]
    functional_id: Option<String>,
    /// Numbers that were used may come again; the partner has agreed to it
    #[arg(long)]
    allow_reuse: bool,
    #[command(flatten)]
    who: act::Who,
}

fn level(typed: &str) -> Result<Level, String> {
    let found = Level::ALL.iter().find(|(word, _)| *word == typed);
    found.map(|(_, level)| *level).ok_or_else(|| "write `interchange` (ISA13) or `group` (GS06)".to_owned())
}

pub(super) async fn run(config: &Config, store: &Store, arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.action.unwrap_or(Action::List(arguments.list)) {
        Action::List(list) => self::list(config, store, &list).await,
        Action::Set(set) => self::set(config, store, &set).await,
    }
}

async fn list(config: &Config, store: &Store, list: &List) -> anyhow::Result<ExitCode> {
    let agreements = agreements(config)?;
    let mut found = numbers::list(&agreements.profiles, &store.list_counters(0.0).await?);
    if let Some(partner) = &list.partner {
        found.retain(|standing| standing.partners.contains(partner));
    }
    let header = ["partner", "numbers", "of", "next", "last used", "range", "used", "ends"];
    output::list(&found, list.json, "counter", &header, |standing| {
        vec![
            whose(standing),
            standing.level.map(numbered).unwrap_or_default().to_owned(),
            apart(standing),
            standing.next.to_string(),
            standing.used_at.map_or_else(|| "never".to_owned(), output::time),
            format!("{} to {}", standing.first, standing.last),
            format!("{:.1} %", standing.used_percent),
            in_days(standing.days_left),
        ]
    })?;
    Ok(ExitCode::from(super::exit::DONE))
}

fn whose(standing: &Standing) -> String {
    match standing.partners.as_slice() {
        [] => format!("none any more: {}", standing.counter),
        partners => partners.join(", "),
    }
}

fn numbered(level: Level) -> &'static str {
    match level {
        Level::Interchange => "interchange (ISA13)",
        Level::Group => "group (GS06)",
    }
}

fn apart(standing: &Standing) -> String {
    let test = standing.test.map(|test| if test { "tests" } else { "production" });
    let agreement = standing.agreement.as_ref().map(|agreement| format!("agreement {agreement}"));
    let of = [agreement, test.map(str::to_owned), standing.functional_id.clone()];
    of.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

async fn set(config: &Config, store: &Store, set: &Set) -> anyhow::Result<ExitCode> {
    let agreements = agreements(config)?;
    let profile = find_partner(&agreements, &set.partner)?;
    let mut counters = profile.list_counters();
    counters.retain(|of| of.counter.level == set.level);
    let known = counters.clone();
    counters.retain(|of| {
        of.agreement == set.agreement
            && of.test.map_or(!set.test, |test| test == set.test)
            && of.functional_id == set.functional_id
    });
    let [CounterOf { counter, .. }] = counters.as_slice() else {
        return Err(no_such(&known, set));
    };
    let done = numbers::set(store, counter, (set.next, set.allow_reuse), &set.who.wish()).await;
    let after = format!("the next {} is {}", set.level.element(), set.next);
    Ok(ExitCode::from(act::told(done, &after)?))
}

fn no_such(known: &[CounterOf], set: &Set) -> anyhow::Error {
    let words = |of: &CounterOf| {
        let agreement = of.agreement.as_ref().map(|agreement| format!("--agreement {agreement}"));
        let test = of.test.filter(|test| *test).map(|_| "--test".to_owned());
        let id = of.functional_id.as_ref().map(|id| format!("--functional-id {id}"));
        let words: Vec<String> = [agreement, test, id].into_iter().flatten().collect();
        if words.is_empty() { "none of these".to_owned() } else { format!("`{}`", words.join(" ")) }
    };
    let known: Vec<String> = known.iter().map(words).collect();
    let hint = if known.is_empty() {
        "its profile has no [x12]".to_owned()
    } else {
        format!("write {}", known.join(" or "))
    };
    let message = format!("{} has no such counter of its {}", set.partner, set.level.element());
    Refusal::usage(message, hint)
}
