//! Nothing outlives us: when this program ends, however it ends, so do the processes that it started.

use std::io;
use std::process::{Child, Command, Stdio};

/// Reads until the pipe from us closes, then kills.
const SCRIPT: &str = r#"trap '' HUP INT; read -r _; kill -KILL "$1" 2>/dev/null"#;

/// Holds a process to our life.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

// === impl Guard ===

impl Guard {
    pub(crate) fn of(process: &Child) -> io::Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "guard", &process.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self { shell })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Killed before its pipe closes, so it kills nothing.
        drop(self.shell.kill());
        drop(self.shell.wait());
    }
}
