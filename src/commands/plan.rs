//! `cunji plan`: the planner without a shop.

use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Usage;
use crate::error::FieldError;
use crate::fulfillment::plan::Input;
use crate::fulfillment::plan::what_if::{Change, what_if};

/// Twice what the largest input that the planner takes needs.
const MOST_BYTES: u64 = 64 * 1_024 * 1_024;

/// `cunji plan FILE [--what-if CHANGE.json]`; `-` is standard input.
pub fn plan(file: &Path, change: Option<&Path>) -> anyhow::Result<()> {
    let is_stdin = |path: &Path| path.as_os_str() == "-";
    if is_stdin(file) && change.is_some_and(is_stdin) {
        bail!(Usage(
            "only one of FILE and --what-if can be standard input".into()
        ));
    }
    let input: Input = read(file)?;
    match change {
        None => write(&crate::fulfillment::plan::plan(&input).map_err(|error| wrong(file, &error))?),
        Some(path) => {
            crate::fulfillment::plan::check(&input).map_err(|error| wrong(file, &error))?;
            let change: Change = read(path)?;
            write(&what_if(&input, &change).map_err(|error| wrong(path, &error))?)
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("can't open {}", path.display()))?)
    };
    let read = source.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("can't read {}", path.display()))?;
    if bytes.len() as u64 > MOST_BYTES {
        bail!(Usage(format!("{} is larger than 64 MiB", path.display())));
    }
    crate::web::json::parse(&bytes).map_err(|error| {
        let problem = error.into_problem();
        match problem.errors.first() {
            Some(error) => wrong(path, error),
            None => Usage(format!("{}: {}", path.display(), problem.detail.en)).into(),
        }
    })
}

fn wrong(path: &Path, error: &FieldError) -> anyhow::Error {
    Usage(format!(
        "{}: {}: {}",
        path.display(),
        error.field,
        error.message.en
    ))
    .into()
}

fn write(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}
