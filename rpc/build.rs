//! Says which page the server carries: the folder that `POLLEN_PAGE_DIR` names, or `web/dist` where Node.js has built it
//! (`scripts/build-page`), else `page-missing`, which says what is missing. So the program builds without Node.js, and is
//! made again when the page is.

use std::path::{Path, PathBuf};

fn main() {
    let here = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let here = Path::new(&here);
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
    println!("cargo::rustc-env=POLLEN_PAGE={}", page.display());
}
