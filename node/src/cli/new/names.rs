//! Which names a module may have: it is the name of a folder, a cargo package, a WIT package and, on the ledger,
//! of the module, and has to be a good one of each.

use std::path::Path;

use pollen_ledger::transaction::is_module_name;

use super::super::Failure;

/// What a name's word may not be: keywords of Rust and of WIT, which it would have to be escaped from everywhere.
const KEYWORDS: &str = " abstract as async await become bool borrow box break char const constructor continue crate \
    do dyn else enum export extern f32 f64 false final flags fn for from func future gen if impl import in include \
    interface let list loop macro match mod move mut option override own package priv pub record ref resource \
    result return s16 s32 s64 s8 self static stream string struct super trait true try tuple type typeof u16 u32 \
    u64 u8 union unsafe unsized use variant virtual where while with world yield ";
/// Crates that the project uses, or that come with Rust.
const CRATES: &str = " alloc bindings borsh core pollen-sdk proc-macro std test wit-bindgen ";

/// The module's name out of its folder's.
pub fn of_folder(folder: &Path) -> Result<String, Failure> {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match why_not(name) {
        None => Ok(name.to_owned()),
        Some(why) => Err(Failure::usage(format!("'{name}' is no name for a module: {why}"))
            .hint("for example: pollen new greenhouse")),
    }
}

fn why_not(name: &str) -> Option<String> {
    if !is_module_name(name) {
        return Some("2 to 64 small letters, digits and hyphens, a letter first".to_owned());
    }
    if !name.split('-').all(|word| word.starts_with(|first: char| first.is_ascii_lowercase())) {
        return Some("each word between hyphens begins with a letter".to_owned());
    }
    let is_of = |list: &str| list.contains(&format!(" {name} "));
    if is_of(KEYWORDS) {
        return Some("it is a keyword of Rust or of WIT".to_owned());
    }
    is_of(CRATES).then(|| "a crate that modules use has this name".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_good_for_folder_package_interface_and_ledger() {
        for good in ["greenhouse", "my-shop", "a2-b3", "to/the/greenhouse"] {
            assert!(of_folder(Path::new(good)).is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for bad in [
            "",
            "x",
            "Greenhouse",
            "green_house",
            "2nd",
            "a-2",
            "a--b",
            "a-",
            "-a",
            "grün",
            "a b",
            "type",
            "list",
            "core",
            "borsh",
            "pollen-sdk",
            "..",
            "/",
            &long,
        ] {
            let failure = of_folder(Path::new(bad)).expect_err(bad);
            assert_eq!(failure.code, super::super::super::failure::EXIT_USAGE, "{bad}");
        }
    }
}
