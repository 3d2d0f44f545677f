//! Raw requests to both servers, independent of the probes that the crate itself uses.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// Long for a request to a server on this machine.
const SILENCE: Duration = Duration::from_millis(400);
const CORRELATION: [u8; 4] = [1, 2, 3, 4];

/// One connection to a server.
pub(crate) struct Connection(TcpStream);

// === impl Connection ===

impl Connection {
    pub(crate) fn open(address: &str) -> Self {
        Self(TcpStream::connect(address).unwrap())
    }

    /// Sends a Kafka request: its number, its version, its body.
    pub(crate) fn send_kafka(&mut self, key: u8, version: u8, body: &[u8]) {
        let head = [0, key, 0, version];
        let request = [&head[..], &CORRELATION, &[0, 4], b"test", body].concat();
        let size = u32::try_from(request.len()).unwrap().to_be_bytes();
        self.0.write_all(&[&size[..], &request].concat()).unwrap();
    }

    /// Receives the body of a Kafka answer.
    pub(crate) fn receive_kafka(&mut self) -> Vec<u8> {
        self.0.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        let answer = self.receive_sized();
        let (correlation, body) = answer.split_at(4);
        assert_eq!(correlation, CORRELATION);
        body.to_vec()
    }

    /// Sends a CQL frame: its opcode, its body.
    pub(crate) fn send_cql(&mut self, opcode: u8, body: &[u8]) {
        let size = u32::try_from(body.len()).unwrap().to_be_bytes();
        let frame = [&[4, 0, 0, 0, opcode][..], &size, body].concat();
        self.0.write_all(&frame).unwrap();
    }

    /// Receives the opcode and the body of a CQL answer.
    pub(crate) fn receive_cql(&mut self) -> (u8, Vec<u8>) {
        self.0.set_read_timeout(Some(ANSWER_TIMEOUT)).unwrap();
        let mut head = [0; 5];
        self.0.read_exact(&mut head).unwrap();
        (head[4], self.receive_sized())
    }

    #[track_caller]
    pub(crate) fn expect_silence(&mut self) {
        self.0.set_read_timeout(Some(SILENCE)).unwrap();
        let heard = self.0.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(heard, Err(io::ErrorKind::WouldBlock));
    }

    fn receive_sized(&mut self) -> Vec<u8> {
        let mut size = [0; 4];
        self.0.read_exact(&mut size).unwrap();
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(size)).unwrap()];
        self.0.read_exact(&mut answer).unwrap();
        answer
    }
}
