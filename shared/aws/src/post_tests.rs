//! Against listeners on this machine: where a request goes, and what becomes of its answer.
#![expect(clippy::unnecessary_wraps, reason = "a resolver may fail")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{JoinHandle, spawn};

use super::*;

fn here(_: &str) -> std::io::Result<Vec<IpAddr>> {
    Ok(vec![Ipv4Addr::LOCALHOST.into()])
}

fn anywhere(_: IpAddr) -> bool {
    true
}

fn posting(url: &str) -> Posting {
    Posting {
        url: url.parse().unwrap(),
        headers: vec![("webhook-id", "a".to_owned())],
        body: r#"{"a":1}"#.to_owned(),
    }
}

/// Takes one connection, reads until `enough`, and answers; what was read.
fn receiver(enough: fn(&[u8]) -> bool, answer: &'static str) -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        while !enough(&read) {
            match stream.read(&mut buffer).unwrap() {
                0 => break,
                n => read.extend_from_slice(&buffer[..n]),
            }
        }
        stream.write_all(answer.as_bytes()).unwrap();
        read
    });
    (port, thread)
}

/// A request as `Outside` makes it, but in the clear and to a port of this machine.
fn in_the_clear(port: u16) -> HttpRequest {
    let mut request = request(&posting("https://hooks.example.com/a?b=c")).unwrap();
    let uri = format!("http://hooks.example.com:{port}/a?b=c");
    request.set_uri(uri).unwrap();
    request
}

#[tokio::test]
async fn a_posting_is_one_request_to_the_address_that_was_checked() {
    let is_whole = |read: &[u8]| read.ends_with(br#"{"a":1}"#);
    let (port, thread) = receiver(
        is_whole,
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
    );
    let outside = Outside::with(Checked {
        resolve: here,
        admits: anywhere,
    });
    let status = outside.send(in_the_clear(port)).await;
    assert_eq!(status, Ok(302), "a redirect is an answer, and not followed");
    let read = String::from_utf8(thread.join().unwrap()).unwrap();
    assert!(read.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{read}");
    let read = read.to_ascii_lowercase();
    for header in [
        format!("host: hooks.example.com:{port}\r\n"),
        "content-type: application/json\r\n".to_owned(),
        "content-length: 7\r\n".to_owned(),
        "webhook-id: a\r\n".to_owned(),
        "user-agent: slipway\r\n".to_owned(),
    ] {
        assert!(read.contains(&header), "{header} in {read}");
    }
}

#[tokio::test]
async fn tls_is_begun_with_the_hosts_name_at_the_address_that_was_checked() {
    // The name stands in the first message of TLS in the clear.
    let has_name = |read: &[u8]| {
        let name = b"hooks.example.com";
        read.windows(name.len()).any(|window| window == name)
    };
    let (port, thread) = receiver(has_name, "no TLS at all");
    let outside = Outside::with(Checked {
        resolve: here,
        admits: anywhere,
    });
    let mut request = request(&posting("https://hooks.example.com/")).unwrap();
    request
        .set_uri(format!("https://hooks.example.com:{port}/"))
        .unwrap();
    let failed = outside.send(request).await;
    assert!(matches!(failed, Err(PostError::NoAnswer(_))), "{failed:?}");
    assert!(has_name(&thread.join().unwrap()));
}

#[tokio::test]
async fn a_name_that_leads_inside_with_one_of_its_addresses_is_not_connected_to() {
    fn mixed(_: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(vec![
            Ipv4Addr::new(8, 8, 8, 8).into(),
            Ipv4Addr::LOCALHOST.into(),
        ])
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for resolve in [here, mixed] {
        let outside = Outside::with(Checked {
            resolve,
            admits: is_outside,
        });
        let refused = outside.send(in_the_clear(port)).await;
        assert_eq!(refused, Err(PostError::Inside));
    }
    assert!(listener.accept().is_err(), "nobody knocked");
}

#[tokio::test]
async fn a_name_is_resolved_once_for_each_posting() {
    static LOOKUPS: AtomicUsize = AtomicUsize::new(0);
    fn counted(name: &str) -> std::io::Result<Vec<IpAddr>> {
        LOOKUPS.fetch_add(1, Ordering::Relaxed);
        here(name)
    }
    let outside = Outside::with(Checked {
        resolve: counted,
        admits: anywhere,
    });
    for times in 1..=2 {
        let is_whole = |read: &[u8]| read.ends_with(br#"{"a":1}"#);
        let (port, thread) = receiver(is_whole, "HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(outside.send(in_the_clear(port)).await, Ok(204));
        thread.join().unwrap();
        assert_eq!(LOOKUPS.load(Ordering::Relaxed), times);
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_no_answer() {
    fn nowhere(_: &str) -> std::io::Result<Vec<IpAddr>> {
        Err(std::io::Error::other("no such name"))
    }
    let outside = Outside::with(Checked {
        resolve: nowhere,
        admits: anywhere,
    });
    let failed = outside.post(&posting("https://hooks.example.com/")).await;
    let Err(PostError::NoAnswer(why)) = failed else {
        panic!("{failed:?}");
    };
    assert!(why.contains("no such name"), "{why}");
}
