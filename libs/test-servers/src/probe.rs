//! The smallest requests that show whether a server serves. Not clients.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_SIZE_MAX: usize = 1 << 20;

/// Asks a Kafka broker for the node ids of the brokers that it knows to be alive.
pub(crate) fn kafka_brokers(address: SocketAddrV4) -> io::Result<Vec<i32>> {
    // Metadata (3), version 1, correlation 1, client "probe", no topics.
    let request = [&[0, 3, 0, 1, 0, 0, 0, 1, 0, 5][..], b"probe", &[0, 0, 0, 0]].concat();
    let answer = exchange_sized(address, &request)?;
    let mut answer = Reader(&answer);
    answer.skip(4)?; // correlation
    let count = answer.int()?;
    (0..count)
        .map(|_| {
            let id = answer.int()?;
            answer.skip_string()?; // host
            answer.skip(4)?; // port
            answer.skip_string()?; // rack
            Ok(id)
        })
        .collect()
}

/// Asks a Cassandra node whether it serves CQL at all: OPTIONS is answered by SUPPORTED.
pub(crate) fn cassandra_serves(address: SocketAddrV4) -> io::Result<()> {
    let mut stream = connect(address)?;
    expect_opcode(cql(&mut stream, OPTIONS, &[])?, SUPPORTED)
}

/// Reads a table that has three copies through one node, with this many copies answering, from 1 to 3.
///
/// It succeeds only when the node knows that as many nodes are alive.
pub(crate) fn cassandra_reads_copies(address: SocketAddrV4, copies: u8) -> io::Result<()> {
    const STATEMENT: &[u8] =
        b"SELECT parent_id FROM system_distributed.parent_repair_history LIMIT 1";
    let mut stream = connect(address)?;
    let startup = [&[0, 1, 0, 11][..], b"CQL_VERSION", &[0, 5], b"3.0.0"].concat();
    expect_opcode(cql(&mut stream, STARTUP, &startup)?, READY)?;
    let size = u32::try_from(STATEMENT.len()).map_err(io::Error::other)?;
    // The protocol numbers ONE, TWO and THREE as 1, 2 and 3. No flags.
    let query = [&size.to_be_bytes(), STATEMENT, &[0, copies, 0]].concat();
    expect_opcode(cql(&mut stream, QUERY, &query)?, RESULT)
}

const STARTUP: u8 = 1;
const READY: u8 = 2;
const OPTIONS: u8 = 5;
const SUPPORTED: u8 = 6;
const QUERY: u8 = 7;
const RESULT: u8 = 8;

/// Sends one CQL frame of protocol 4 and gives the answer's opcode.
fn cql(stream: &mut TcpStream, opcode: u8, body: &[u8]) -> io::Result<u8> {
    let size = u32::try_from(body.len()).map_err(io::Error::other)?;
    let frame = [&[4, 0, 0, 0, opcode][..], &size.to_be_bytes(), body].concat();
    stream.write_all(&frame)?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    read_sized(stream)?;
    Ok(head[4])
}

fn expect_opcode(found: u8, expected: u8) -> io::Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(io::Error::other(format!("answer {found}, not {expected}")))
}

fn connect(address: SocketAddrV4) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::V4(address), TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

fn exchange_sized(address: SocketAddrV4, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(address)?;
    let size = u32::try_from(request.len()).map_err(io::Error::other)?;
    stream.write_all(&[&size.to_be_bytes(), request].concat())?;
    read_sized(&mut stream)
}

fn read_sized(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(u32::from_be_bytes(size)).map_err(io::Error::other)?;
    if size > ANSWER_SIZE_MAX {
        return Err(io::Error::other(format!("an answer of {size} bytes")));
    }
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Reads Kafka's fields one after another.
struct Reader<'a>(&'a [u8]);

// === impl Reader ===

impl<'a> Reader<'a> {
    fn skip(&mut self, size: usize) -> io::Result<&'a [u8]> {
        let (head, tail) = self
            .0
            .split_at_checked(size)
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        self.0 = tail;
        Ok(head)
    }

    fn int(&mut self) -> io::Result<i32> {
        let bytes = self.skip(4)?.try_into().map_err(io::Error::other)?;
        Ok(i32::from_be_bytes(bytes))
    }

    /// A size of -1 means that there is none.
    fn skip_string(&mut self) -> io::Result<()> {
        let bytes = self.skip(2)?.try_into().map_err(io::Error::other)?;
        let size = usize::try_from(i16::from_be_bytes(bytes)).unwrap_or(0);
        self.skip(size).map(drop)
    }
}
