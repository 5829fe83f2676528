//! A server that answers what a test tells it to, one answer per request, and keeps what it
//! was asked. A free port on 127.0.0.1; it ends with its test.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// An answer, or none at all.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    HangUp,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Answer {
            status,
            headers: vec![("content-type", "application/json".to_owned())],
            body: body.to_string(),
        }
    }

    pub(crate) fn problem(status: u16, body: &serde_json::Value) -> Self {
        Self::json(status, body).with("content-type", "application/problem+json")
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.retain(|(old, _)| *old != name);
            headers.push((name, value.to_owned()));
        }
        self
    }
}

type Answers = dyn FnMut(&Asked) -> Reply + Send;

/// The server.
pub(crate) struct Mock {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Mock {
    /// Answers each request with what `answers` says.
    pub(crate) fn new(answers: impl FnMut(&Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/platform/v1", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, mut answers): (_, Box<Answers>) = (Arc::clone(&asked), Box::new(answers));
        // The thread ends with the process of the test.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(&stream.unwrap(), &log, &mut answers);
            }
        });
        Self { url, asked }
    }

    /// Answers with `replies` in order, and with the last one for ever.
    pub(crate) fn replies(replies: Vec<Reply>) -> Self {
        let mut next = 0;
        Self::new(move |_| {
            let reply = replies[next.min(replies.len() - 1)].clone();
            next += 1;
            reply
        })
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Asked>>, answers: &mut Answers) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or(0) == 0 {
        return;
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked = Asked {
        method,
        path,
        headers,
        body: String::from_utf8(body).unwrap(),
    };
    log.lock().unwrap().push(asked.clone());
    if let Reply::Answer {
        status,
        headers,
        body,
    } = answers(&asked)
    {
        let mut text = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n",
            body.len()
        );
        for (name, value) in headers {
            // Writing to a `String` does not fail.
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("\r\n");
        text.push_str(&body);
        // The other side may have gone; that is its affair.
        let _ = (&*stream).write_all(text.as_bytes());
    }
}
