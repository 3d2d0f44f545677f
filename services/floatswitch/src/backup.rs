//! `floatswitch backup` and `restore`: the whole data folder, with the SHA-256 of every file.
//!
//! Both work on a stopped switch. The manifest is written last and synced, so a folder with one is
//! a whole backup; a restore reads every byte of the backup before it writes the first.
//!
//! Not here: shipping closed segments while the switch runs, and encryption. A backup holds the
//! key of the card number hashes: keep it as safe as the data folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::config;
use crate::engine::now;
use crate::exit::{DONE, FOUND_WRONG, Failure};
use crate::folder::{Contents, DataFolder};
use command_log_embedded::{DataLock, LOCK_FILE};

/// The name of the manifest in a backup.
const MANIFEST: &str = "manifest.json";
/// Below it the files of the data folder, by their own names.
const DATA: &str = "data";
/// The settings that the switch had, for whoever restores.
const SETTINGS: &str = "switch.toml";
/// In a data folder that a restore has not finished with.
const UNFINISHED: &str = "RESTORE-UNFINISHED";
/// What makes a folder a switch's; copied last.
const LOG_ID: &str = "log/log_id";
const FORMAT: u32 = 1;
const PIECE_SIZE: usize = 1024 * 1024;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BackupArgs {
    /// The settings file of the switch.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// Reads a backup through and compares every hash; needs no switch.
    #[arg(long)]
    verify: bool,
    /// A new or empty folder for the backup, or with --verify one that holds it.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The settings file; its `data_dir` must be new or empty.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
}

/// What is in a backup.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// Milliseconds since 1970, UTC.
    made_at_ms: i64,
    files: Vec<Listed>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// From the backup's folder, with `/`.
    path: String,
    size: u64,
    sha256: String,
}

/// Makes or verifies a backup.
pub(crate) fn run(args: &BackupArgs) -> Result<u8, Failure> {
    if args.verify {
        return verify_and_tell(&args.folder);
    }
    let settings = config::load(&args.config)?;
    let folder = DataFolder::new(&settings.data_dir);
    if folder.contents()? == Contents::Nothing {
        let root = folder.root().display();
        return Err(Failure::cannot_start(format!("{root} holds no switch")));
    }
    let _lock = lock(folder.root())?;
    make_empty_folder(&args.folder, "a backup is never written over another")?;
    refuse_inside(&args.folder, folder.root())?;
    let mut files = Vec::new();
    for path in files_below(folder.root())? {
        let target = args.folder.join(DATA).join(&path);
        let name = format!("{DATA}/{}", name_of(&path)?);
        files.push(copy(&folder.root().join(&path), &target, name)?);
    }
    let settings_copy = args.folder.join(SETTINGS);
    files.push(copy(&args.config, &settings_copy, SETTINGS.to_owned())?);
    sync_folders(&args.folder)?;
    let manifest = Manifest {
        format: FORMAT,
        made_at_ms: now().0,
        files,
    };
    write_manifest(&args.folder, &manifest)?;
    let mut out = io::stdout().lock();
    let (count, size) = (manifest.files.len(), mib(&manifest.files));
    let folder = args.folder.display();
    writeln!(out, "{count} files, {size} MiB, are in {folder}")?;
    writeln!(
        out,
        "verify it any time: floatswitch backup --verify {folder}"
    )?;
    Ok(DONE)
}

/// Puts a backup back into the data folder that the settings name.
pub(crate) fn restore(args: &RestoreArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let root = &settings.data_dir;
    refuse_unless_empty(root, "a restore never writes over a switch")?;
    let manifest = match verify(&args.from)? {
        Verified::Whole(manifest) => manifest,
        Verified::Broken(findings) => {
            let message = format!(
                "{} is not whole, nothing was restored:\n  {}",
                args.from.display(),
                findings.join("\n  ")
            );
            return Err(Failure::found_wrong(message));
        }
    };
    let log_id = format!("{DATA}/{LOG_ID}");
    if !manifest.files.iter().any(|file| file.path == log_id) {
        let from = args.from.display();
        return Err(Failure::found_wrong(format!("{from} holds no switch")));
    }
    create_folder(root)?;
    // Until this file goes, the folder counts as nobody's: a switch does not start in it.
    create_synced(
        &root.join(UNFINISHED),
        b"run the restore again in an empty folder\n",
    )?;
    let (last, others): (Vec<_>, Vec<_>) =
        manifest.files.iter().partition(|file| file.path == log_id);
    for file in others {
        put_back(&args.from, file, root)?;
    }
    sync_folders(root)?;
    for file in last {
        put_back(&args.from, file, root)?;
    }
    sync_folders(root)?;
    let marker = root.join(UNFINISHED);
    fs::remove_file(&marker).map_err(io_error("remove", &marker))?;
    sync_folder(root)?;
    let mut out = io::stdout().lock();
    let config = args.config.display();
    writeln!(
        out,
        "{} files are restored to {}",
        manifest.files.len(),
        root.display()
    )?;
    writeln!(out, "now prove it: floatswitch check --config {config}")?;
    Ok(DONE)
}

fn lock(root: &Path) -> Result<DataLock, Failure> {
    DataLock::acquire(root).map_err(|error| {
        Failure::cannot_start(format!("{error} (a backup needs the switch to be stopped)"))
    })
}

fn put_back(from: &Path, file: &Listed, root: &Path) -> Result<(), Failure> {
    let Some(path) = file
        .path
        .strip_prefix(DATA)
        .and_then(|path| path.strip_prefix('/'))
    else {
        return Ok(()); // The settings are the restorer's own.
    };
    let copied = copy(&from.join(&file.path), &root.join(path), file.path.clone())?;
    if copied == *file {
        return Ok(());
    }
    let path = &file.path;
    Err(Failure::found_wrong(format!(
        "{path} changed while it was restored: empty {} and start again",
        root.display()
    )))
}

/// What a look through a backup found.
enum Verified {
    Whole(Manifest),
    /// One sentence for each file that is not what the manifest says.
    Broken(Vec<String>),
}

fn verify_and_tell(folder: &Path) -> Result<u8, Failure> {
    let mut out = io::stdout().lock();
    match verify(folder)? {
        Verified::Whole(manifest) => {
            let (count, size) = (manifest.files.len(), mib(&manifest.files));
            writeln!(out, "{count} files, {size} MiB: each is as it was written")?;
            Ok(DONE)
        }
        Verified::Broken(findings) => {
            for finding in findings {
                writeln!(out, "{finding}")?;
            }
            Ok(FOUND_WRONG)
        }
    }
}

/// Reads every byte of a backup.
fn verify(folder: &Path) -> Result<Verified, Failure> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(|error| {
        let path = path.display();
        Failure::usage(format!(
            "read {path}: {error}; a folder without it is no backup, or an unfinished one"
        ))
    })?;
    let manifest: Manifest = match serde_json::from_slice(&text) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(Verified::Broken(vec![format!("{MANIFEST}: {error}")])),
    };
    if manifest.format != FORMAT {
        let format = manifest.format;
        return Err(Failure::usage(format!(
            "the backup has format {format}, this build reads {FORMAT}"
        )));
    }
    let mut findings = Vec::new();
    for file in &manifest.files {
        findings.extend(finding(folder, file)?);
    }
    for path in files_below(folder)? {
        let name = name_of(&path)?;
        if name != MANIFEST && !manifest.files.iter().any(|file| file.path == name) {
            findings.push(format!("{name}: is not in the manifest"));
        }
    }
    Ok(match findings.is_empty() {
        true => Verified::Whole(manifest),
        false => Verified::Broken(findings),
    })
}

fn finding(folder: &Path, file: &Listed) -> Result<Option<String>, Failure> {
    let name = &file.path;
    let is_below = Path::new(name)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_)));
    if !is_below {
        return Ok(Some(format!("{name}: is not a path below the backup")));
    }
    let path = folder.join(name);
    let found = match File::open(&path) {
        Ok(file) => digest(file, &mut io::sink()).map_err(io_error("read", &path))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(format!("{name}: is missing")));
        }
        Err(error) => return Err(io_error("open", &path)(error)),
    };
    let (size, sha256) = found;
    Ok(if size != file.size {
        Some(format!(
            "{name}: has {size} bytes, {} were written",
            file.size
        ))
    } else if sha256 != file.sha256 {
        Some(format!(
            "{name}: its SHA-256 differs, some of it has changed"
        ))
    } else {
        None
    })
}

/// Copies a file with its permissions, durably, and tells what was copied.
fn copy(from: &Path, to: &Path, name: String) -> Result<Listed, Failure> {
    if let Some(parent) = to.parent() {
        create_folder(parent)?;
    }
    let source = File::open(from).map_err(io_error("open", from))?;
    let permissions = source
        .metadata()
        .map_err(io_error("read", from))?
        .permissions();
    let mut target = File::create_new(to).map_err(io_error("create", to))?;
    target
        .set_permissions(permissions)
        .map_err(io_error("set the permissions of", to))?;
    let (size, sha256) = digest(source, &mut target).map_err(io_error("copy to", to))?;
    target.sync_all().map_err(io_error("sync", to))?;
    Ok(Listed {
        path: name,
        size,
        sha256,
    })
}

/// Reads to the end, passing everything on; size and SHA-256 of it.
fn digest(mut source: File, target: &mut impl Write) -> io::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut piece = vec![0; PIECE_SIZE];
    loop {
        let count = source.read(&mut piece)?;
        let read = piece.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        hash.update(read);
        target.write_all(read)?;
        size += u64::try_from(count).unwrap_or_default();
    }
    let hex = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((size, hex))
}

/// All files below a folder but the lock, by their paths from there, in order.
fn files_below(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        for entry in fs::read_dir(&path).map_err(io_error("list", &path))? {
            let entry = entry.map_err(io_error("list", &path))?;
            let below = folder.join(entry.file_name());
            let kind = fs::metadata(entry.path()).map_err(io_error("read", &entry.path()))?;
            if kind.is_dir() {
                folders.push(below);
            } else if below != Path::new(LOCK_FILE) {
                files.push(below);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn name_of(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let path = path.display();
        Failure::cannot_start(format!(
            "{path}: the name is not UTF-8, it is no switch's file"
        ))
    })
}

fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(manifest).map_err(Failure::cannot_start)?;
    create_synced(&folder.join(MANIFEST), &text)?;
    sync_folder(folder)
}

fn create_synced(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut file = File::create_new(path).map_err(io_error("create", path))?;
    file.write_all(content).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("sync", path))
}

fn make_empty_folder(folder: &Path, why: &str) -> Result<(), Failure> {
    refuse_unless_empty(folder, why)?;
    create_folder(folder)
}

/// A backup in the folder that it copies would copy itself.
fn refuse_inside(folder: &Path, root: &Path) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().map_err(io_error("find", path));
    if whole(folder)?.starts_with(whole(root)?) {
        let message =
            "the backup is inside the data folder: name one elsewhere, best on another disk";
        return Err(Failure::usage(message));
    }
    Ok(())
}

fn create_folder(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(io_error("create", folder))
}

fn refuse_unless_empty(folder: &Path, why: &str) -> Result<(), Failure> {
    let first = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io_error("list", folder)(error)),
    };
    match first {
        None => Ok(()),
        Some(_) => {
            let folder = folder.display();
            Err(Failure::usage(format!(
                "{folder} is not empty: name a new or an empty folder, {why}"
            )))
        }
    }
}

/// Makes the names of all folders below durable, the deepest first.
fn sync_folders(root: &Path) -> Result<(), Failure> {
    let mut folders = vec![root.to_owned()];
    let mut index = 0;
    while let Some(folder) = folders.get(index).cloned() {
        for entry in fs::read_dir(&folder).map_err(io_error("list", &folder))? {
            let path = entry.map_err(io_error("list", &folder))?.path();
            if path.is_dir() {
                folders.push(path);
            }
        }
        index += 1;
    }
    folders
        .iter()
        .rev()
        .try_for_each(|folder| sync_folder(folder))?;
    // The folder's own name is in its parent.
    match root.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        Some(_) | None => sync_folder(Path::new(".")),
    }
}

fn sync_folder(folder: &Path) -> Result<(), Failure> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io_error("sync", folder))
}

fn mib(files: &[Listed]) -> u64 {
    files
        .iter()
        .map(|file| file.size)
        .sum::<u64>()
        .div_ceil(1024 * 1024)
}

fn io_error(act: &'static str, path: &Path) -> impl Fn(io::Error) -> Failure {
    let path = path.display().to_string();
    move |error| Failure::cannot_start(format!("{act} {path}: {error}"))
}
