//! Settings as text: the example's, with other values.

use std::net::TcpListener;
use std::process;
use std::sync::atomic::{AtomicU16, Ordering};

/// Sets the value of a key wherever it stands.
pub(crate) fn set(settings: &str, key: &str, value: &str) -> String {
    let mut text = String::with_capacity(settings.len());
    for line in settings.lines() {
        match line.split_once(" = ") {
            Some((found, _)) if found == key => {
                text.extend([key, " = ", value, "\n"]);
            }
            Some(_) | None => text.extend([line, "\n"]),
        }
    }
    text
}

/// A list of texts as TOML writes it.
pub(crate) fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = items
        .into_iter()
        .map(|item| format!("\"{item}\""))
        .collect();
    format!("[{}]", quoted.join(", "))
}

/// A port below those that the system gives to outgoing connections, so that none of them takes it
/// between here and its use, or while a process that had it is down.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(process::id() % 1_000).unwrap_or(0) * 10;
    loop {
        let port = 20_000 + (start + TAKEN.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{list, set};

    #[test]
    fn values_are_set_wherever_they_stand() {
        let settings = "a = 1\n# a = 2\n[table]\na = 3\nab = 4\n";
        assert_eq!(
            set(settings, "a", "\"x\""),
            "a = \"x\"\n# a = 2\n[table]\na = \"x\"\nab = 4\n"
        );
        assert_eq!(list(["a:1", "b:2"]), "[\"a:1\", \"b:2\"]");
    }
}
