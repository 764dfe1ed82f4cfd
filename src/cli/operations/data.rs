//! `crossdock data`: master data loaded from CSV files, exported as it was loaded, and listed.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "commands speak to people")]

use super::super::{counted, exit};
use super::{Refusal, act, output};
use crate::config::Config;
use crate::master_data::{self, Kind};
use crate::pipeline::load_master_data::{self, Load};
use crate::store::Store;
use anyhow::Context as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// So many rows that count on the same days as loaded ones are told one by one.
const MOST_TOLD: usize = 20;

/// What is asked.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Load a CSV file: all of it, or nothing and every fault told
    Load(Arguments),
    /// Print a kind as the CSV file that would load it
    Export {
        /// `items`, `item-numbers`, `packs`, `prices`, `locations`, `carriers`, or a crosswalk's name
        kind: String,
    },
    /// List the kinds there are, how many rows each has, and what was loaded last
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Arguments {
    /// `items`, `item-numbers`, `packs`, `prices`, `locations`, `carriers`, or a crosswalk's name
    kind: String,
    /// The CSV file; its first row names the columns
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// Who looks after these rows
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,
    /// Take away the owner's rows of this kind that the file does not hold
    #[arg(long)]
    replace: bool,
    /// Only say what is wrong with the file
    #[arg(long)]
    dry_run: bool,
    /// Who loads it; without it the account that runs the command
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why, for whoever reads the audit in a year
    #[arg(long, value_name = "TEXT", default_value = "master data loaded")]
    reason: String,
}

pub(super) async fn run(config: &Config, store: &Store, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Load(arguments) => load(config, store, &arguments).await,
        Command::Export { kind } => {
            let kind = find(&kind)?;
            let rows = store.list_master_rows(kind.table, &kind.word).await?;
            let mut out = std::io::stdout().lock();
            match out.write_all(&master_data::write(&kind, &rows)).and_then(|()| out.flush()) {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
                _ => Ok(ExitCode::from(exit::DONE)),
            }
        }
        Command::List { json } => {
            let rows = store.list_master_kinds().await?;
            let header = ["kind", "rows", "columns", "loaded last", "at", "by"];
            output::list(&rows, json, "master data", &header, |row| {
                let columns = find(&row.kind).map(|kind| columns(&kind)).unwrap_or_default();
                vec![
                    row.kind.clone(),
                    row.row_count.to_string(),
                    columns,
                    output::plain(&row.file_name).to_string(),
                    row.loaded_at.map(output::time).unwrap_or_default(),
                    output::plain(&row.loaded_by).to_string(),
                ]
            })?;
            Ok(ExitCode::from(exit::DONE))
        }
    }
}

async fn load(config: &Config, store: &Store, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let kind = find(&arguments.kind)?;
    if arguments.reason.trim().is_empty() {
        let hint = "write --reason \"…\": whoever reads this in a year must understand it; or leave it out";
        return Err(Refusal::usage("a reason is missing", hint));
    }
    let agreements = super::agreements(config)?;
    let name = arguments.file.display().to_string();
    let bytes = std::fs::read(&arguments.file).with_context(|| format!("cannot read {name}"))?;
    let partners: Vec<&str> = agreements.profiles.list().map(|profile| profile.id.as_str()).collect();
    let rows = match master_data::read(&kind, &bytes, &partners) {
        Ok(rows) => rows,
        Err(found) => {
            for finding in &found {
                let at = &finding.location;
                eprintln!("{name}:{}: {}; hint: {}", at.line, output::plain(&finding.message), finding.hint);
            }
            let count = counted(found.len(), "fault");
            eprintln!("{count} to mend; nothing was loaded (columns of {}: {})", kind.word, columns(&kind));
            return Ok(ExitCode::from(exit::FINDINGS));
        }
    };
    let wish = act::wish(arguments.by.as_deref(), &arguments.reason, None);
    let owner = arguments.owner.clone().unwrap_or_else(|| wish.by.clone());
    let mut loaded = store.list_master_rows(kind.table, &kind.word).await?;
    if arguments.replace {
        loaded.retain(|row| row.get("owner").and_then(|of| of.as_str()) != Some(owner.as_str()));
    }
    let overlaps = master_data::overlaps(&kind, &rows, &loaded);
    for overlap in overlaps.iter().take(MOST_TOLD) {
        eprintln!("{name}: warning: {}", output::plain(overlap));
    }
    if !overlaps.is_empty() {
        let more = overlaps.len().saturating_sub(MOST_TOLD);
        let more = if more > 0 { format!("{more} more like these; ") } else { String::new() };
        eprintln!(
            "{more}of two rows for one day the one that began last counts; end the earlier one by `valid_to` to say so"
        );
    }
    if arguments.dry_run {
        println!("{name} is sound: {} rows of {}; nothing was loaded", rows.len(), kind.word);
        return Ok(ExitCode::from(exit::DONE));
    }
    let count = rows.len();
    let load = Load {
        kind: &kind,
        owner: &owner,
        file_name: &arguments.file.file_name().unwrap_or_default().to_string_lossy(),
        bytes: &bytes,
        rows,
        replace: arguments.replace,
    };
    let loaded = load_master_data::load(store, load, &wish).await?;
    let gone = if arguments.replace { format!(", in place of {}", loaded.replaced) } else { String::new() };
    println!(
        "loaded {count} rows of {} for {owner}{gone}: documents read from now on find them (audit {})",
        kind.word, loaded.event.seq
    );
    Ok(ExitCode::from(exit::DONE))
}

fn find(word: &str) -> anyhow::Result<Kind> {
    Kind::find(word).map_err(|(message, hint)| Refusal::usage(message, hint))
}

/// Its columns, the required ones marked.
fn columns(kind: &Kind) -> String {
    let names: Vec<String> = kind
        .columns
        .iter()
        .map(|column| if column.required { format!("{}*", column.name) } else { column.name.to_owned() })
        .collect();
    names.join(", ")
}
