//! A server that takes mail on this machine, and does what such servers do when they fail.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is taken.
    Taken,
    /// It is taken, and the connection breaks before the sender is told.
    Untold,
    /// It is answered so after its final dot.
    Answered(&'static str),
    /// Its recipient is answered so.
    Refused(&'static str),
}

/// A mail that came to its final dot, or to its recipient where that was refused.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) text: String,
}

impl Letter {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> String {
        let prefix = format!("{name}: ");
        let line = self.text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.unwrap_or_default().trim().to_owned()
    }
}

/// The server; it ends with the test's runtime.
pub(crate) struct Sink {
    pub(crate) port: u16,
    letters: Arc<Mutex<Vec<Letter>>>,
}

impl Sink {
    /// Each mail meets its fate in turn; all after them are taken.
    pub(crate) async fn start(fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let letters = Arc::new(Mutex::new(Vec::new()));
        let fates: Vec<Fate> = fates.to_vec();
        let (kept, mut fates) = (letters.clone(), fates.into_iter());
        tokio::spawn(async move {
            // One after another, as the hub sends them.
            while let Ok((stream, _)) = listener.accept().await {
                // A caller that breaks off is no fault of the server.
                drop(serve(stream, &mut fates, &kept).await);
            }
        });
        Self { port, letters }
    }

    /// The mails so far.
    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().expect("nothing panics while it is held").clone()
    }
}

async fn serve(
    stream: TcpStream,
    fates: &mut impl Iterator<Item = Fate>,
    letters: &Mutex<Vec<Letter>>,
) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    write.write_all(b"220 sink\r\n").await?;
    let mut letter = Letter { from: String::new(), to: String::new(), text: String::new() };
    let mut fate = Fate::Taken;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => "250-sink\r\n250 8BITMIME",
            "MAIL" => {
                letter.from = line.clone();
                fate = fates.next().unwrap_or(Fate::Taken);
                "250 ok"
            }
            "RCPT" => {
                letter.to = line.clone();
                match fate {
                    Fate::Refused(answer) => {
                        letters.lock().expect("nothing panics while it is held").push(letter.clone());
                        answer
                    }
                    _ => "250 ok",
                }
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                letter.text.clear();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    letter.text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    letter.text.push('\n');
                }
                letters.lock().expect("nothing panics while it is held").push(letter.clone());
                match fate {
                    Fate::Untold => return Ok(()),
                    Fate::Answered(answer) => answer,
                    _ => "250 taken as 42",
                }
            }
            "QUIT" => {
                return write.write_all(b"221 bye\r\n").await;
            }
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
