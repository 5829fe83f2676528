//! A small HTTP server on a free port: what a registry, its tokens, its storage or ECR answers.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request: `GET /path`, its headers as they came, and its body.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: String,
    pub(super) body: String,
}

impl Asked {
    /// A header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.lines();
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        let (_, value) = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }
}

/// An answer: status, headers, body.
#[derive(Debug, Clone)]
pub(super) struct Answer(
    pub(super) u16,
    pub(super) Vec<(&'static str, String)>,
    pub(super) Vec<u8>,
);

impl Answer {
    pub(super) fn status(status: u16) -> Self {
        Self(status, Vec::new(), Vec::new())
    }

    pub(super) fn json(body: &serde_json::Value) -> Self {
        Self(200, Vec::new(), body.to_string().into_bytes())
    }

    pub(super) fn with(mut self, header: &'static str, value: impl Into<String>) -> Self {
        self.1.push((header, value.into()));
        self
    }
}

/// The server; it ends with this.
#[derive(Debug)]
pub(super) struct Server {
    /// `http://127.0.0.1:{port}`.
    pub(super) root: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers with what `answer` says; it is given the server's own address too.
    pub(super) async fn start(
        answer: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, own) = (asked.clone(), root.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A client that goes away is no failure of the server.
                let _ = serve(stream, &log, |asked| answer(asked, &own)).await;
            }
        });
        Self { root, asked, task }
    }

    /// The lines of all requests so far.
    pub(super) fn lines(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|asked| asked.line.clone()).collect()
    }

    /// All requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One request a connection.
async fn serve(
    mut stream: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answer: impl Fn(&Asked) -> Answer,
) -> std::io::Result<()> {
    let mut read = Vec::new();
    let head = loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await?;
        if length == 0 {
            return Ok(());
        }
        read.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            break head.to_owned();
        }
    };
    let (line, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
    let mut asked = Asked {
        line: line.trim_end_matches(" HTTP/1.1").to_owned(),
        headers: headers.to_owned(),
        body: String::new(),
    };
    let length = asked
        .header("content-length")
        .map_or(0, |it| it.parse().unwrap());
    let mut body = read.split_off(head.len() + 4);
    while body.len() < length {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await?;
        body.extend_from_slice(&part[..length]);
    }
    asked.body = String::from_utf8(body).unwrap();
    log.lock().unwrap().push(asked.clone());
    let Answer(status, headers, body) = answer(&asked);
    let fields = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let fields: String = fields.collect();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} x\r\nconnection: close\r\n{fields}content-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    if !asked.line.starts_with("HEAD") {
        stream.write_all(&body).await?;
    }
    stream.shutdown().await
}
