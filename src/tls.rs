//! TLS: the one provider of the program, the client that calls are made with, and why a server is not trusted.

use std::error::Error as StdError;
use std::io;
use std::sync::Once;

use rustls::CertificateError;

/// What a person can do about a server whose certificate nobody we trust vouches for.
const UNTRUSTED: &str = "nothing was sent; if it is your own authority that vouches for the server, add its certificate \
     to those of this machine, or name a file of certificates in SSL_CERT_FILE, and start the hub again";
/// The same of one that shows the certificate of another server, or one that has run out.
const NOT_IT: &str = "nothing was sent; write the name that the server's certificate is made out to, or ask who runs it to renew it";

/// Installs the provider; `main` and the tests call it before the first connection.
pub fn install() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // Fails only when another part has installed one, which serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
    });
}

/// A client for calls as the hub makes them: to nowhere else than asked, past no proxy, and each once.
pub fn client() -> reqwest::ClientBuilder {
    install();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("crossdock/", env!("CARGO_PKG_VERSION")))
        .retry(reqwest::retry::never())
}

/// The first of an error and its causes that is of a type.
pub fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What to do where a connection failed because the certificate of the server was not accepted; none where it failed
/// for another reason.
#[must_use]
pub fn hint(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    use CertificateError as Fault;
    if let Some(rustls::Error::InvalidCertificate(fault)) = error.downcast_ref() {
        return Some(match fault {
            Fault::NotValidForName | Fault::NotValidForNameContext { .. } => NOT_IT,
            Fault::Expired | Fault::ExpiredContext { .. } => NOT_IT,
            Fault::NotValidYet | Fault::NotValidYetContext { .. } => NOT_IT,
            _ => UNTRUSTED,
        });
    }
    // What an input or output error wraps is not its source.
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => hint(wrapped),
        None => error.source().and_then(hint),
    }
}
