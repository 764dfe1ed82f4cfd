//! A server that takes mail on this machine, and does what such servers do when they fail.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

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
    /// The `AUTH` command of its connection; empty without one.
    pub(crate) login: String,
    /// Whether its connection was protected.
    pub(crate) secret: bool,
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
        Self::listen(None, fates).await
    }

    /// The same of one that offers STARTTLS, and takes neither logins nor mail before it.
    pub(crate) async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::listen(Some(acceptor), &[]).await
    }

    async fn listen(acceptor: Option<TlsAcceptor>, fates: &[Fate]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let letters = Arc::new(Mutex::new(Vec::new()));
        let fates: Vec<Fate> = fates.to_vec();
        let (kept, mut fates) = (letters.clone(), fates.into_iter());
        tokio::spawn(async move {
            // One after another, as the hub sends them.
            while let Ok((stream, _)) = listener.accept().await {
                // A caller that breaks off is no fault of the server.
                drop(serve(stream, acceptor.as_ref(), &mut fates, &kept).await);
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
    mut stream: TcpStream,
    acceptor: Option<&TlsAcceptor>,
    fates: &mut impl Iterator<Item = Fate>,
    letters: &Mutex<Vec<Letter>>,
) -> std::io::Result<()> {
    stream.write_all(b"220 sink\r\n").await?;
    let stage = if acceptor.is_some() { Stage::BeforeTls } else { Stage::Clear };
    let ended = talk(&mut stream, stage, fates, letters).await?;
    if let (Ended::ForTls, Some(acceptor)) = (ended, acceptor) {
        talk(&mut acceptor.accept(stream).await?, Stage::Secret, fates, letters).await?;
    }
    Ok(())
}

/// Who hears a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Everybody.
    Clear,
    /// Everybody still.
    BeforeTls,
    /// Nobody else.
    Secret,
}

/// How a conversation ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    /// It is over.
    Over,
    /// It goes on under TLS, where nobody greets again (RFC 3207 4.2).
    ForTls,
}

async fn talk(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    stage: Stage,
    fates: &mut impl Iterator<Item = Fate>,
    letters: &Mutex<Vec<Letter>>,
) -> std::io::Result<Ended> {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    let secret = stage == Stage::Secret;
    let mut letter =
        Letter { from: String::new(), to: String::new(), text: String::new(), login: String::new(), secret };
    let mut fate = Fate::Taken;
    while let Some(line) = lines.next_line().await? {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer = match verb.as_str() {
            "EHLO" | "HELO" => match stage {
                Stage::Clear => "250-sink\r\n250 8BITMIME",
                Stage::BeforeTls => "250-sink\r\n250-STARTTLS\r\n250 8BITMIME",
                Stage::Secret => "250-sink\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            },
            "STAR" if stage == Stage::BeforeTls => {
                write.write_all(b"220 go on\r\n").await?;
                return Ok(Ended::ForTls);
            }
            "AUTH" if secret => {
                letter.login = line.clone();
                "235 welcome"
            }
            "AUTH" | "MAIL" if stage == Stage::BeforeTls => "530 STARTTLS first",
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
                    Fate::Untold => return Ok(Ended::Over),
                    Fate::Answered(answer) => answer,
                    _ => "250 taken as 42",
                }
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(Ended::Over);
            }
            _ => "250 ok",
        };
        write.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(Ended::Over)
}
