//! Bytes of an HTTP/1 connection: the same verdict at the same place however they arrive, within the
//! limits, and the HTTP library behind the guard reads an accepted head to the same end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use listen::head::{HeadLimits, HeadScanner, Violation};

/// The scanner's own files. Its crate would bring database and TLS along, and minutes of building.
#[path = "../../crates/server/src/listen"]
mod listen {
    #[allow(dead_code, reason = "the rest is for the listener")]
    pub(crate) mod head;
}

/// Small enough for the fuzzer to reach.
const TIGHT: HeadLimits = HeadLimits { head_bytes: 96, target_bytes: 24, header_count: 4 };

fuzz_target!(|data: &[u8]| {
    let Some((&stride, bytes)) = data.split_first() else { return };
    for limits in [HeadLimits::default(), TIGHT] {
        let whole = scan(limits, [bytes]);
        assert_eq!(whole, scan(limits, bytes.chunks(1)), "byte by byte");
        assert_eq!(whole, scan(limits, bytes.chunks(usize::from(stride).max(1))), "by {stride}");
        for cut in 0..bytes.len().min(200) {
            let (before, after) = bytes.split_at(cut);
            assert_eq!(whole, scan(limits, [before, after]), "cut at {cut}");
        }
        assert!(whole.position <= bytes.len() as u64 && whole.message_start <= whole.position);
        assert!(whole.clear_to <= whole.position);
        read_alike(limits, bytes);
    }
});

/// All that a scanner says about itself.
#[derive(Debug, PartialEq)]
struct Verdict {
    result: Result<(), Violation>,
    position: u64,
    message_start: u64,
    clear_to: u64,
    heads: u64,
    states: [bool; 3],
}

fn scan<'a>(limits: HeadLimits, pieces: impl IntoIterator<Item = &'a [u8]>) -> Verdict {
    let mut scanner = HeadScanner::new(limits);
    let mut result = Ok(());
    for piece in pieces {
        let next = scanner.scan(piece);
        if result.is_err() {
            assert_eq!(next, result, "a violation sticks");
        }
        result = next;
    }
    // An empty piece last tells nothing new.
    assert_eq!(scanner.violation(), result.err());
    Verdict {
        result,
        position: scanner.position(),
        message_start: scanner.message_start(),
        clear_to: scanner.clear_to(),
        heads: scanner.heads(),
        states: [scanner.in_partial_head(), scanner.between_messages(), scanner.is_finished()],
    }
}

/// What the guard lets through is a head to the parser behind it as well, of the same length.
fn read_alike(limits: HeadLimits, bytes: &[u8]) {
    let mut scanner = HeadScanner::new(limits);
    for (at, byte) in bytes.iter().enumerate() {
        if scanner.scan(std::slice::from_ref(byte)).is_err() {
            return;
        }
        if scanner.heads() == 1 {
            let mut headers = [httparse::EMPTY_HEADER; 128];
            let mut request = httparse::Request::new(&mut headers);
            let parsed = request.parse(&bytes[..=at]);
            assert_eq!(parsed, Ok(httparse::Status::Complete(at + 1)));
            assert!(request.headers.len() <= limits.header_count);
            assert!(request.path.is_some_and(|path| path.len() <= limits.target_bytes));
            return;
        }
    }
}
