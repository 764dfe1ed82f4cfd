//! The files a command is to read: paths, folders and `-` for standard input.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// One thing to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

impl Input {
    /// How to call it in what people read.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Stdin => "<stdin>".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Opens it; progress is shown on a terminal.
    ///
    /// # Errors
    /// What the system says when a file cannot be opened.
    pub fn open(&self) -> io::Result<Progress<Box<dyn Read>>> {
        let (read, size): (Box<dyn Read>, _) = match self {
            Self::Stdin => (Box::new(io::stdin()), None),
            Self::File(path) => {
                let file = File::open(path)?;
                let size = file.metadata()?.len();
                (Box::new(file), Some(size))
            }
        };
        Ok(Progress { read, name: self.name(), size, done: 0, shown: 0, shows: io::stderr().is_terminal() })
    }
}

/// Turns arguments into inputs: folders into the files below them, by name, without hidden ones.
///
/// # Errors
/// The path that is not there or cannot be listed, and what the system says of it.
pub fn list(paths: &[PathBuf]) -> Result<Vec<Input>, (PathBuf, io::Error)> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input::Stdin);
        } else {
            list_below(path, &mut inputs).map_err(|error| (path.clone(), error))?;
        }
    }
    Ok(inputs)
}

fn list_below(path: &Path, inputs: &mut Vec<Input>) -> io::Result<()> {
    if !std::fs::metadata(path)?.is_dir() {
        inputs.push(Input::File(path.to_owned()));
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        // A link may lead anywhere, also back; only those that were named are followed.
        if !hidden && !entry.file_type()?.is_symlink() {
            list_below(&entry.path(), inputs)?;
        }
    }
    Ok(())
}

/// A reader that tells how far it is, every 32 MB.
#[derive(Debug)]
pub struct Progress<R> {
    read: R,
    name: String,
    size: Option<u64>,
    done: u64,
    shown: u64,
    shows: bool,
}

const SHOWN_EVERY_BYTES: u64 = 32 << 20;

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(buffer)?;
        self.done += count as u64;
        if self.shows && self.done - self.shown >= SHOWN_EVERY_BYTES {
            self.shown = self.done;
            let done = self.done >> 20;
            let mut stderr = io::stderr();
            match self.size {
                Some(size) if size >= self.done => {
                    write!(stderr, "\r{}: {done} of {} MB", self.name, size >> 20)?;
                }
                _ => write!(stderr, "\r{}: {done} MB", self.name)?,
            }
        }
        if self.shows && count == 0 && self.shown > 0 {
            // Leave the line to what comes next.
            self.shown = 0;
            write!(io::stderr(), "\r\x1b[K")?;
        }
        Ok(count)
    }
}
