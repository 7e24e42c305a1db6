//! Puts the page that the server carries into the program: the folder that `POLLEN_PAGE_DIR` names, or `web/dist` where
//! Node.js has built it (`scripts/build-page`), else `page-missing`, which says what is missing. So the program builds
//! without Node.js, and is made again when the page is.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let variable = |name| PathBuf::from(std::env::var_os(name).expect("cargo sets it"));
    let here = variable("CARGO_MANIFEST_DIR");
    let built = here.join("web/dist");
    let told = std::env::var_os("POLLEN_PAGE_DIR").filter(|told| !told.is_empty());
    let (page, watched) = match told.map(PathBuf::from) {
        Some(told) => (told.clone(), told),
        None if built.join("index.html").is_file() => (built.clone(), built),
        // A path that is not there would have this run at every build.
        None => (here.join("page-missing"), here.join("web")),
    };
    println!("cargo::rerun-if-env-changed=POLLEN_PAGE_DIR");
    println!("cargo::rerun-if-changed={}", here.join("page-missing").display());
    println!("cargo::rerun-if-changed={}", watched.display());
    let mut files = Vec::new();
    collect(&page, "", &mut files);
    files.sort();
    let mut table = String::from("&[\n");
    for (name, path) in files {
        let _ = writeln!(table, "    ({name:?}, include_bytes!({path:?})),");
    }
    table.push(']');
    fs::write(variable("OUT_DIR").join("page.rs"), table).expect("cargo's folder can be written");
}

/// Every file below a folder, by its path from the first one.
fn collect(folder: &Path, below: &str, files: &mut Vec<(String, PathBuf)>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("the folder can be read");
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        match entry.path() {
            path if path.is_dir() => collect(&path, &format!("{name}/"), files),
            path => files.push((name, path)),
        }
    }
}
