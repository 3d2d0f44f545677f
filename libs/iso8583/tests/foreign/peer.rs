//! A codec written by others, as a process that answers line by line.

use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Which codec.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Codec {
    /// jPOS 2.1.10, on Java.
    Jpos,
    /// pyiso8583 4.0.1, on Python.
    Pyiso,
}

/// A codec that speaks one dialect.
pub(crate) struct Peer {
    codec: Codec,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a codec with the file of a built-in dialect.
    pub(crate) fn start(codec: Codec, dialect: &str) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let driver = |name: &str| here.join("tests/foreign").join(name);
        let mut command = match codec {
            Codec::Jpos => {
                let jars = installed("jpos-2.1.10");
                let mut java = Command::new("java");
                java.arg("-XX:-UsePerfData").arg("-cp").arg(jars.join("*"));
                java.arg(driver("Jpos.java"));
                java
            }
            Codec::Pyiso => {
                let mut python = Command::new(installed("pyiso8583-4.0.1").join("bin/python"));
                python.arg("-B").arg(driver("pyiso.py"));
                python
            }
        };
        let file = here.join("dialects").join(format!("{dialect}.dialect"));
        let mut child = command
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("start {codec:?}: {error}; run `./check tools`"));
        Self {
            codec,
            input: child.stdin.take(),
            output: BufReader::new(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Asks one question; hex of the answer is in lower case.
    pub(crate) fn ask(&mut self, question: &str) -> String {
        let input = self.input.as_mut().unwrap();
        let asked = writeln!(input, "{question}").and_then(|()| input.flush());
        let mut answer = String::new();
        let read_count = self.output.read_line(&mut answer).unwrap();
        assert!(
            asked.is_ok() && read_count > 0,
            "{self:?} ended early, see its standard error above; `./check tools` installs what it needs"
        );
        if answer.starts_with('!') {
            answer.trim().to_owned()
        } else {
            answer.trim().to_lowercase()
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends with its input.
        self.input = None;
        drop(self.child.wait());
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.codec.fmt(formatter)
    }
}

/// The folder of a codec in the cache, where `./check tools` puts it.
fn installed(name: &str) -> PathBuf {
    let folder = |variable: &str| {
        std::env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = folder("FLOATSWITCH_CACHE")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("floatswitch")))
        .or_else(|| Some(folder("HOME")?.join(".cache/floatswitch")));
    let path = cache.expect("HOME is set").join("codecs").join(name);
    assert!(
        path.is_dir(),
        "{} is missing: install it by `./check tools`",
        path.display()
    );
    path
}
