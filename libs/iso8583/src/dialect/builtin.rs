//! The dialects that come with the switch: the files of `dialects/`, each read at its first use.

use std::sync::LazyLock;

use super::Dialect;

/// A built-in dialect.
struct Builtin {
    name: &'static str,
    file: &'static str,
    dialect: LazyLock<Dialect, fn() -> Dialect>,
}

/// Names the file of a dialect once, and reads it when it is first asked for.
macro_rules! builtin {
    ($name:literal) => {{
        const FILE: &str = include_str!(concat!("../../dialects/", $name, ".dialect"));
        Builtin {
            name: $name,
            file: FILE,
            dialect: LazyLock::new(|| read(FILE)),
        }
    }};
}

static POS: Builtin = builtin!("pos");
static CUPS: Builtin = builtin!("cups");
static GENERIC: [Builtin; 6] = [
    builtin!("iso87-ascii"),
    builtin!("iso87-ascii-hex"),
    builtin!("iso87-ebcdic"),
    builtin!("iso93-ascii"),
    builtin!("iso93-ascii-hex"),
    builtin!("iso93-ebcdic"),
];

pub(super) fn pos() -> &'static Dialect {
    &POS.dialect
}

pub(super) fn cups() -> &'static Dialect {
    &CUPS.dialect
}

pub(super) fn by_name(name: &str) -> Option<&'static Dialect> {
    let found = all().find(|builtin| builtin.name == name)?;
    Some(&found.dialect)
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|builtin| builtin.name)
}

pub(super) fn file(name: &str) -> Option<&'static str> {
    let found = all().find(|builtin| builtin.name == name)?;
    Some(found.file)
}

fn all() -> impl Iterator<Item = &'static Builtin> {
    [&POS, &CUPS].into_iter().chain(&GENERIC)
}

/// A fault in one of these files is ours, and the test below finds it.
fn read(file: &str) -> Dialect {
    match Dialect::parse(file) {
        Ok(dialect) => dialect,
        Err(error) => panic!("a built-in dialect cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_the_name_of_its_dialect() {
        for builtin in all() {
            assert_eq!(builtin.dialect.name(), builtin.name);
            assert_eq!(Dialect::parse(builtin.file).as_ref(), Ok(&*builtin.dialect));
        }
        assert_eq!(by_name("pos"), Some(pos()));
        assert_eq!(by_name("cups"), Some(cups()));
        assert_eq!(by_name("bank"), None);
    }
}
