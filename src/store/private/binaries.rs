//! Finds an installed PostgreSQL: the folder that holds `initdb` and `postgres`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Error, Settings};

/// The oldest major version the hub's SQL is written for.
pub(super) const FLOOR: u32 = 15;

/// One installed PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    /// Holds `initdb` and `postgres`.
    pub(super) folder: PathBuf,
    /// Major version, such as 15.
    pub(super) major: u32,
}

/// Finds the highest version, or the one that made `data_dir` when there is already one.
pub(super) fn find_binaries(settings: &Settings) -> Result<Binaries, Error> {
    let mut folders: Vec<PathBuf> = match &settings.bin_dir {
        Some(folder) => vec![folder.clone()],
        None => std::env::split_paths(&settings.search_path).chain(usual_folders()).collect(),
    };
    folders.dedup();
    let mut found: Vec<Binaries> = folders.iter().filter_map(|folder| look_into(folder)).collect();
    found.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));

    // A data folder can be opened by the major version that made it and by no other.
    if let Some(made_by) = data_version(&settings.data_dir) {
        return found.iter().find(|binaries| binaries.major == made_by).cloned().ok_or_else(|| {
            Error::OtherVersion {
                data_dir: settings.data_dir.clone(),
                made_by,
                found: found.iter().map(|binaries| binaries.major).collect(),
            }
        });
    }
    match found.into_iter().next() {
        Some(binaries) if binaries.major >= FLOOR => Ok(binaries),
        Some(binaries) => Err(Error::TooOld { folder: binaries.folder, major: binaries.major }),
        None => Err(Error::NotInstalled { looked_in: settings.bin_dir.clone(), install: install_command() }),
    }
}

/// Where packages and installers put PostgreSQL on Debian, Red Hat, Arch, Alpine and macOS.
fn usual_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for (parent, prefix, below) in [
        ("/usr/lib/postgresql", "", "bin"),
        ("/usr", "pgsql-", "bin"),
        ("/usr/libexec", "postgresql", ""),
        ("/opt/homebrew/opt", "postgresql", "bin"),
        ("/usr/local/opt", "postgresql", "bin"),
        ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
    ] {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                folders.push(entry.path().join(below));
            }
        }
    }
    folders.push(PathBuf::from("/usr/local/pgsql/bin"));
    folders.push(PathBuf::from("/usr/bin"));
    folders
}

fn look_into(folder: &Path) -> Option<Binaries> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    // `postgres --version` answers before it looks at who runs it, so root may ask.
    let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
    let major = parse_major(&String::from_utf8_lossy(&output.stdout))?;
    Some(Binaries { folder: folder.to_owned(), major })
}

/// The major version in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.split("(PostgreSQL)").nth(1)?.trim_start();
    let digits = version.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn data_version(data_dir: &Path) -> Option<u32> {
    fs::read_to_string(data_dir.join("PG_VERSION")).ok()?.trim().parse().ok()
}

/// The command that installs PostgreSQL on this kind of machine.
fn install_command() -> &'static str {
    if cfg!(target_os = "macos") {
        return "brew install postgresql@17";
    }
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is = |name: &str| {
        release
            .lines()
            .any(|line| (line.starts_with("ID=") || line.starts_with("ID_LIKE=")) && line.contains(name))
    };
    if is("alpine") {
        "sudo apk add postgresql"
    } else if is("arch") {
        "sudo pacman -S postgresql"
    } else if is("suse") {
        "sudo zypper install postgresql-server"
    } else if is("fedora") || is("rhel") {
        "sudo dnf install postgresql-server"
    } else {
        "sudo apt-get install postgresql"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_postgres_says_of_itself() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("something else"), None);
    }

    #[test]
    fn a_missing_postgres_names_the_command_that_installs_it() {
        let empty = tempfile::tempdir().expect("a temporary folder can be made");
        let mut settings = Settings::new(empty.path().join("postgres"));
        settings.bin_dir = Some(empty.path().to_owned());
        let error = find_binaries(&settings).expect_err("there is no PostgreSQL in an empty folder");
        assert!(error.to_string().contains("install"), "{error}");
    }
}
