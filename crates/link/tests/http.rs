//! HTTP to a program on this machine: the password, bounds, and answers that go on.

use longrein_link::http::Local;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A server that answers each request with this, and tells what was asked.
async fn server(answer: &'static str) -> (u16, tokio::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, asked) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            tell.send(String::from_utf8_lossy(&request[..length]).into_owned()).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (port, asked)
}

#[tokio::test]
async fn the_password_is_said_to_the_program_but_not_where_a_stranger_is_played() {
    let (port, mut asked) = server("HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\nno").await;
    let local = Local::new(port, "Basic secret".to_owned());
    assert_eq!(local.stranger("/health").await.unwrap(), 401);
    let request = asked.recv().await.unwrap();
    assert!(request.starts_with("GET /health ") && !request.contains("secret"), "{request}");
    let (status, body) = local.ask("POST", "/a", Some("{}".into()), 2).await.unwrap();
    assert_eq!((status, &body[..]), (401, &b"no"[..]));
    assert!(asked.recv().await.unwrap().to_lowercase().contains("authorization: basic secret"));
    assert!(local.follow("/event").await.is_err());
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_none() {
    let (port, _asked) = server("HTTP/1.1 200 Yes\r\ncontent-length: 3\r\n\r\nyes").await;
    let local = Local::new(port, "Basic secret".to_owned());
    assert!(local.ask("GET", "/", None, 2).await.is_err());
    assert_eq!(&local.ask("GET", "/", None, 3).await.unwrap().1[..], b"yes");
}

#[tokio::test]
async fn an_answer_that_goes_on_is_followed_to_its_end() {
    let (port, _asked) = server("HTTP/1.1 200 Yes\r\nconnection: close\r\n\r\ndata: 1\n\ndata: 2\n").await;
    let mut stream = Local::new(port, "Basic secret".to_owned()).follow("/event").await.unwrap();
    let mut heard = Vec::new();
    while let Some(bytes) = stream.next().await {
        heard.extend_from_slice(&bytes);
    }
    assert_eq!(heard, b"data: 1\n\ndata: 2\n");
}
