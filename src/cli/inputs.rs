//! The files a command is to read: paths, folders and `-` for standard input.

use anyhow::Context as _;
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

    /// Opens it; progress is shown on a terminal, unless what is read shows there itself.
    ///
    /// # Errors
    /// What the system says when a file cannot be opened.
    pub fn open(&self, shows_itself: bool) -> io::Result<Progress<Box<dyn Read>>> {
        let (read, size): (Box<dyn Read>, _) = match self {
            Self::Stdin => (Box::new(io::stdin()), None),
            Self::File(path) => {
                let file = File::open(path)?;
                let size = file.metadata()?.len();
                (Box::new(file), Some(size))
            }
        };
        let meter = Meter::new(self.name(), size, !shows_itself && io::stderr().is_terminal());
        Ok(Progress { read, meter })
    }

    /// Reads the whole of it.
    ///
    /// # Errors
    /// When it cannot be opened or read.
    pub fn read(&self) -> anyhow::Result<Vec<u8>> {
        let name = self.name();
        let mut bytes = Vec::new();
        let mut source = self.open(false).with_context(|| format!("cannot open `{name}`"))?;
        source.read_to_end(&mut bytes).with_context(|| format!("cannot read `{name}`"))?;
        Ok(bytes)
    }
}

/// Turns arguments into inputs: folders into the files below them, by name, without hidden ones.
///
/// # Errors
/// A sentence about the path that is not there or cannot be listed.
pub fn list(paths: &[PathBuf]) -> Result<Vec<Input>, String> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(Input::Stdin);
        } else {
            list_below(path, &mut inputs)
                .map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
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

/// A reader that tells how far it is.
#[derive(Debug)]
pub struct Progress<R> {
    read: R,
    meter: Meter,
}

impl<R: Read> Read for Progress<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.read.read(buffer)?;
        if count == 0 {
            self.meter.end()?;
        } else {
            self.meter.show(self.meter.done + count as u64)?;
        }
        Ok(count)
    }
}

/// Tells on a terminal how far long work is, every 32 MB.
#[derive(Debug)]
struct Meter {
    name: String,
    size: Option<u64>,
    done: u64,
    shown: u64,
    shows: bool,
}

const SHOWN_EVERY_BYTES: u64 = 32 << 20;

impl Meter {
    /// Measures work on something of this name, and of this size where that is known.
    fn new(name: String, size: Option<u64>, shows: bool) -> Self {
        Self { name, size, done: 0, shown: 0, shows }
    }

    /// So many bytes are done.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    fn show(&mut self, done: u64) -> io::Result<()> {
        self.done = done;
        if !self.shows || self.done - self.shown < SHOWN_EVERY_BYTES {
            return Ok(());
        }
        self.shown = self.done;
        let done = self.done >> 20;
        match self.size {
            Some(size) if size >= self.done => {
                write!(io::stderr(), "\r{}: {done} of {} MB", self.name, size >> 20)
            }
            _ => write!(io::stderr(), "\r{}: {done} MB", self.name),
        }
    }

    /// Leaves the line to what comes next.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    fn end(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.shown) > 0 { write!(io::stderr(), "\r\x1b[K") } else { Ok(()) }
    }
}
