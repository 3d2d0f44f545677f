//! What a process tells of itself to whoever scrapes it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::error::FaultError;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Reads a metric of the process that listens on this port, summed over its labels; 0 when it is not there.
///
/// # Errors
///
/// When nothing answers.
pub(crate) fn scrape(port: u16, name: &str) -> Result<u64, FaultError> {
    let text = page(port).map_err(FaultError::io("scrape a process"))?;
    Ok(sum(&text, name))
}

fn page(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut page = Vec::new();
    stream.read_to_end(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn sum(page: &str, name: &str) -> u64 {
    let values = page.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let found = series.split('{').next()?;
        // Counts are whole; a fraction belongs to no metric that is read here.
        (found == name).then(|| value.split('.').next()?.parse::<u64>().ok())?
    });
    values.sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn series_of_one_name_are_added_up() {
        let page = "# TYPE a counter\na{x=\"1 2\"} 3\na{x=\"2\"} 4.0\nab 9\nb 1\n";
        assert_eq!(sum(page, "a"), 7);
        assert_eq!(sum(page, "c"), 0);
    }
}
