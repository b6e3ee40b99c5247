//! The client against a server of plain sockets, which does just what each test says.

#![allow(clippy::unwrap_used)] // what is not as it should be ends the test

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use burnish_client::{Came, Client, Error, Outcome};

const PATIENCE: Duration = Duration::from_secs(20);
const NO_HEADERS: [(&str, &str); 0] = [];

/// A client and what its wake-ups send.
fn client() -> (Client, Receiver<()>) {
    let (bell, rung) = channel();
    let client = Client::start(move || bell.send(()).unwrap_or(())).unwrap();
    (client, rung)
}

/// The next answer.
fn next(client: &Client, rung: &Receiver<()>) -> (u64, Outcome) {
    rung.recv_timeout(PATIENCE).unwrap();
    let mut taken = client.take();
    assert_eq!(taken.len(), 1);
    match taken.pop().unwrap() {
        (number, Came::End(outcome)) => (number, outcome),
        (_, Came::Piece(piece)) => panic!("a piece of {} bytes", piece.len()),
    }
}

fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1?key=marker", listener.local_addr().unwrap());
    (listener, url)
}

/// One request with a body of four bytes.
fn read_request(connection: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\nbody") {
        let mut some = [0; 1024];
        let read = connection.read(&mut some).unwrap();
        assert_ne!(read, 0, "closed by the client");
        seen.extend(&some[..read]);
    }
    String::from_utf8(seen).unwrap()
}

fn reply(connection: &mut TcpStream, text: &str) {
    let length = text.len();
    write!(connection, "HTTP/1.1 200 OK\r\nX-Named: yes\r\nContent-Length: {length}\r\n\r\n{text}").unwrap();
}

#[test]
fn connections_are_used_again_and_answers_carry_their_number() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let first = read_request(&mut connection);
        reply(&mut connection, "one");
        read_request(&mut connection);
        reply(&mut connection, "two");
        first
    });
    let (client, rung) = client();
    for text in ["one", "two"] {
        let number = client.post(&url, [("authorization", "Bearer k")], b"body".into(), false).unwrap();
        let (answered, outcome) = next(&client, &rung);
        let answer = outcome.unwrap();
        assert_eq!(answered, number);
        assert_eq!((answer.status, &answer.body[..]), (200, text.as_bytes()));
        assert_eq!(answer.headers["x-named"], "yes");
    }
    let request = server.join().unwrap();
    assert!(request.starts_with("POST /v1?key=marker HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("authorization: Bearer k\r\n"), "{request}");
}

#[test]
fn a_request_without_a_body_is_a_get() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n\r\n") {
            let mut some = [0; 1024];
            let read = connection.read(&mut some).unwrap();
            assert_ne!(read, 0, "closed by the client");
            seen.extend(&some[..read]);
        }
        reply(&mut connection, "found");
        String::from_utf8(seen).unwrap()
    });
    let (client, rung) = client();
    let number = client.get(&url, [("accept", "application/json")]).unwrap();
    let (answered, outcome) = next(&client, &rung);
    assert_eq!((answered, &outcome.unwrap().body[..]), (number, &b"found"[..]));
    let request = server.join().unwrap();
    assert!(request.starts_with("GET /v1?key=marker HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    assert!(!request.contains("content-length"), "{request}");
}

#[test]
fn one_wake_up_stands_for_all_answers_until_they_are_taken() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().unwrap();
            read_request(&mut connection);
            reply(&mut connection, "");
        }
    });
    let (client, rung) = client();
    for _ in 0..2 {
        client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    }
    server.join().unwrap();
    rung.recv_timeout(PATIENCE).unwrap();
    // The second answer is on its way or here; either there is a second wake-up, or none was needed.
    let mut taken = client.take().len();
    while taken < 2 {
        rung.recv_timeout(PATIENCE).unwrap();
        taken += client.take().len();
    }
    assert!(rung.try_recv().is_err());
}

#[test]
fn a_cancelled_request_closes_its_connection_and_brings_no_answer() {
    let (listener, url) = listen();
    let (client, rung) = client();
    let number = client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    let (mut connection, _) = listener.accept().unwrap();
    read_request(&mut connection);
    client.cancel(number);
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(connection.read(&mut [0; 8]).unwrap(), 0);
    assert!(rung.try_recv().is_err());
    assert!(client.take().is_empty());
}

#[test]
fn an_idle_connection_that_the_server_closed_costs_no_call() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        for _ in 0..2 {
            let (mut connection, _) = listener.accept().unwrap();
            read_request(&mut connection);
            reply(&mut connection, "here");
        }
    });
    let (client, rung) = client();
    for _ in 0..2 {
        client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
        assert_eq!(next(&client, &rung).1.unwrap().body, b"here");
        // The connection is idle once its end has arrived; a call that crosses it may have reached the server, which is another case.
        thread::sleep(Duration::from_millis(100));
    }
    server.join().unwrap();
}

#[test]
fn what_may_have_reached_a_server_is_not_sent_twice() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        read_request(&mut connection);
        reply(&mut connection, "");
        read_request(&mut connection);
        drop(connection);
        listener.set_nonblocking(true).unwrap();
        listener
    });
    let (client, rung) = client();
    client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    next(&client, &rung).1.unwrap();
    client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    let error = next(&client, &rung).1.unwrap_err();
    assert!(matches!(error, Error::Dropped(_)), "{error:?}");
    assert!(server.join().unwrap().accept().is_err());
}

#[test]
fn a_reply_that_is_cut_off_is_none() {
    let (listener, url) = listen();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        read_request(&mut connection);
        connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").unwrap();
    });
    let (client, rung) = client();
    client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    let error = next(&client, &rung).1.unwrap_err();
    assert!(matches!(error, Error::Dropped(_)), "{error:?}");
    server.join().unwrap();
}

#[test]
fn no_error_shows_the_address() {
    let (listener, url) = listen();
    drop(listener);
    let (client, rung) = client();
    client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    let error = next(&client, &rung).1.unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("marker"));
    let error = client.post("nowhere/marker", NO_HEADERS, Vec::new(), false).unwrap_err();
    assert!(matches!(error, Error::Request(_)), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("marker"));
    let error = client.post(&url, [("authorization", "marker\n")], Vec::new(), false).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("marker"));
}

#[test]
fn a_dropped_client_closes_its_connections() {
    let (listener, url) = listen();
    let (client, _rung) = client();
    client.post(&url, NO_HEADERS, b"body".into(), false).unwrap();
    let (mut connection, _) = listener.accept().unwrap();
    read_request(&mut connection);
    drop(client);
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(connection.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_stream_of_events_comes_in_pieces_where_that_is_asked_for() {
    let (listener, url) = listen();
    let (go, went) = channel::<()>();
    let server = thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        read_request(&mut connection);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n";
        write!(connection, "{head}3\r\none\r\n").unwrap();
        went.recv_timeout(PATIENCE).unwrap();
        write!(connection, "3\r\ntwo\r\n0\r\n\r\n").unwrap();
        // Not a stream of events, so it comes whole.
        read_request(&mut connection);
        reply(&mut connection, "three");
    });
    let (client, rung) = client();
    let number = client.post(&url, NO_HEADERS, b"body".into(), true).unwrap();
    rung.recv_timeout(PATIENCE).unwrap();
    let first = client.take();
    assert!(
        matches!(&first[..], [(of, Came::Piece(piece))] if *of == number && piece == b"one"),
        "{first:?}"
    );
    go.send(()).unwrap();
    let mut rest = Vec::new();
    while !matches!(rest.last(), Some((_, Came::End(_)))) {
        rung.recv_timeout(PATIENCE).unwrap();
        rest.extend(client.take());
    }
    assert!(matches!(&rest[0], (_, Came::Piece(piece)) if piece == b"two"), "{rest:?}");
    assert!(
        matches!(&rest[1], (_, Came::End(Ok(answer))) if answer.status == 200 && answer.body.is_empty()),
        "{rest:?}"
    );
    client.post(&url, NO_HEADERS, b"body".into(), true).unwrap();
    assert_eq!(next(&client, &rung).1.unwrap().body, b"three");
    server.join().unwrap();
}
