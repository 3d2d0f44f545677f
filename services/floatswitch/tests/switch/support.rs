//! A switch as a child process, on a folder and ports of its own.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;

pub(crate) const CARDS: u64 = 500;

/// A folder with settings, and the switch in it when it runs.
pub(crate) struct Switch {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) port: u16,
    pub(crate) operations_port: u16,
    child: Option<Child>,
}

impl Switch {
    /// Settings and cards on a new folder; nothing runs yet.
    pub(crate) fn new() -> Self {
        Self::new_with(&[])
    }

    /// The same, with other values of some settings.
    pub(crate) fn new_with(changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let switch = Self {
            port: free_port(),
            operations_port: free_port(),
            folder,
            child: None,
        };
        let mut settings = settings_text();
        let own = [
            ("data_dir", format!("\"{}\"", switch.data().display())),
            ("metrics_listen", format!("\"127.0.0.1:{}\"", free_port())),
            ("listen", format!("\"127.0.0.1:{}\"", switch.port)),
            ("segment_size_mib", "4".to_owned()),
            ("partition_count", "16".to_owned()),
        ];
        for (key, value) in &own {
            settings = set(&settings, key, value);
        }
        for (key, value) in changes {
            settings = set(&settings, key, value);
        }
        fs::write(switch.config(), settings).unwrap();
        switch
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.path().join("switch.toml")
    }

    /// Gives it an endpoint for the back office.
    pub(crate) fn with_operations(&self) {
        let token = self.file("operations.token");
        let mut options = fs::OpenOptions::new();
        let made = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&token);
        write!(made.unwrap(), "{}", "5eed".repeat(16)).unwrap();
        let table = format!(
            "\n[operations]\nlisten = \"127.0.0.1:{}\"\ntoken_file = \"{}\"\n",
            self.operations_port,
            token.display()
        );
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), text + &table).unwrap();
    }

    /// What a caller of the endpoint must show.
    pub(crate) fn token(&self) -> String {
        fs::read_to_string(self.file("operations.token")).unwrap()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn issue_cards(&self) {
        let count = CARDS.to_string();
        let issued = self.run(&[
            "card",
            "issue",
            "--programme",
            "1",
            "--count",
            &count,
            "--balance",
            "5000",
        ]);
        assert!(issued.status.success(), "{}", told(&issued));
    }

    /// Runs a command of the program to its end, with this switch's settings.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        program()
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .output()
            .unwrap()
    }

    /// The same, with something on its standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = program()
            .args(arguments)
            .arg("--config")
            .arg(self.config())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// Starts and waits until it is ready.
    pub(crate) fn serve(&mut self) {
        let mut child = program()
            .args(["serve", "--config"])
            .arg(self.config())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(
                fs::File::create(self.file("serve.log")).unwrap(),
            ))
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.map_while(Result::ok).any(|line| line == "ready");
        assert!(
            ready,
            "{}",
            fs::read_to_string(self.file("serve.log")).unwrap()
        );
        self.child = Some(child);
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("serving").id()
    }

    /// SIGKILL: nothing is flushed, nothing is said.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("serving");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Whether it still runs; when not, its exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let status = self.child.as_mut().expect("serving").try_wait().unwrap()?;
        self.child = None;
        status.code()
    }

    /// Load from another process, recorded.
    pub(crate) fn load(&self, record: &Path, options: &[&str]) -> Child {
        self.load_cards(CARDS, record, options)
    }

    /// The same, with the first so many cards only.
    pub(crate) fn load_cards(&self, cards: u64, record: &Path, options: &[&str]) -> Child {
        program()
            .args([
                "sim",
                "pos",
                "--connect",
                &format!("127.0.0.1:{}", self.port),
            ])
            .args([
                "--cards",
                &cards.to_string(),
                "--amount-fen",
                "1..=9",
                "--quiet",
                "-o",
                "json",
            ])
            .args(options)
            .arg("--record")
            .arg(record)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// The money check, against what was recorded outside; the switch must not run.
    pub(crate) fn check_clean(&self, record: &Path) -> Value {
        self.check_clean_against(&[record.to_owned()])
    }

    /// The same, against several records.
    pub(crate) fn check_clean_against(&self, records: &[PathBuf]) -> Value {
        let records = records
            .iter()
            .flat_map(|record| ["--against", record.to_str().unwrap()]);
        let arguments: Vec<&str> = ["check", "-o", "json"].into_iter().chain(records).collect();
        let output = self.run(&arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{text} {}", told(&output));
        serde_json::from_str(&text).unwrap()
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// What a finished load printed.
pub(crate) fn summary(load: Child) -> Value {
    let output = load.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text} {}", told(&output)))
}

pub(crate) fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_floatswitch"))
}

/// A port below those that the system gives to outgoing connections: another test opens ten
/// thousand of them, and one could take a port between here and its use.
pub(crate) fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let port = 20_000 + (start + TAKEN.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn settings_text() -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("switch.toml");
    let made = program()
        .args(["init", "--config"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", told(&made));
    fs::read_to_string(path).unwrap()
}

/// Sets the value of a key wherever it stands; an empty one takes the key away.
fn set(settings: &str, key: &str, value: &str) -> String {
    let lines = settings
        .lines()
        .filter_map(|line| match line.split_once(" = ") {
            Some((found, _)) if found == key && value.is_empty() => None,
            Some((found, _)) if found == key => Some(format!("{key} = {value}")),
            _ => Some(line.to_owned()),
        });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
