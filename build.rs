//! A new migration file changes no Rust source, so cargo has to be told to look.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
