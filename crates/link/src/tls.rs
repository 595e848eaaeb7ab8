//! TLS for `wss://` and `https://` relays: rustls with ring.

use crate::Error;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The machine's own trust store, so that a company's or a self-made authority works; on a machine without one, the
/// store that browsers ship with.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn trusting(roots: RootCertStore) -> Result<Arc<ClientConfig>, Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Made once: reading a trust store takes a while.
fn config() -> Result<Arc<ClientConfig>, Error> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(Arc::clone(config));
    }
    let config = trusting(roots())?;
    Ok(Arc::clone(CONFIG.get_or_init(|| config)))
}

/// The TLS client handshake, for the name or address in the relay's URL.
pub(crate) async fn connect(host: &str, tcp: TcpStream) -> Result<Box<TlsStream<TcpStream>>, Error> {
    handshake(config()?, host, tcp).await
}

async fn handshake(
    config: Arc<ClientConfig>,
    host: &str,
    tcp: TcpStream,
) -> Result<Box<TlsStream<TcpStream>>, Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Error::Url(error.to_string()))?;
    let connecting = TlsConnector::from(config).connect(name, tcp);
    let stream =
        timeout(TIMEOUT, connecting).await.map_err(|_| Error::Timeout("TLS handshake with the relay"))?;
    stream.map(Box::new).map_err(|error| Error::Tls(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    /// Connects to a server whose certificate is for `relay.example`, and reads what it says.
    async fn knock(name: &str, trusted: bool) -> Result<Vec<u8>, Error> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["relay.example".to_owned()]).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let mut roots = RootCertStore::empty();
        if trusted {
            roots.add(cert.der().clone()).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let serve = async {
            let (tcp, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = TlsAcceptor::from(Arc::new(server)).accept(tcp).await {
                stream.write_all(b"hello").await.unwrap();
                stream.shutdown().await.unwrap();
            }
        };
        let ask = async {
            let mut stream = handshake(trusting(roots)?, name, tcp).await?;
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await.unwrap();
            Ok(said)
        };
        tokio::join!(serve, ask).1
    }

    #[tokio::test]
    async fn only_a_trusted_certificate_for_the_right_name_will_do() {
        assert_eq!(knock("relay.example", true).await.unwrap(), b"hello");
        assert!(matches!(knock("other.example", true).await, Err(Error::Tls(_))));
        assert!(matches!(knock("127.0.0.1", true).await, Err(Error::Tls(_))));
        assert!(matches!(knock("relay.example", false).await, Err(Error::Tls(_))));
        assert!(matches!(knock("not a name", true).await, Err(Error::Url(_))));
    }

    #[test]
    fn there_is_always_somebody_to_trust() {
        assert!(!roots().is_empty());
    }
}
