//! Pasted texts in bulk: one per line in, one JSON object per line out.

use std::io::{self, BufRead, Write};

use super::paste::parse;

/// The most bytes of a line that are read; the rest of it is passed over.
const MAX_LINE: usize = 2_000;

/// Reads one pasted text per line and writes what it seems to say as one line of JSON each, an empty line included.
/// A line longer than 2,000 bytes is cut there; bytes that are no UTF-8 are replaced.
///
/// # Errors
/// Those of reading and writing.
pub fn address_lines(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::with_capacity(MAX_LINE);
    while read_line(&mut input, &mut line)? {
        let proposal = parse(&String::from_utf8_lossy(&line));
        serde_json::to_writer(&mut output, &proposal)?;
        output.write_all(b"\n")?;
    }
    output.flush()
}

/// Reads the next line without its end, cut to the limit at the end of a character; false when there is none.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let (mut any, mut cut) = (false, false);
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = part.len().min(MAX_LINE - line.len());
        line.extend_from_slice(&part[..room]);
        cut |= room < part.len();
        let taken = part.len() + usize::from(end.is_some());
        input.consume(taken);
        if end.is_some() {
            break;
        }
    }
    if cut && let Some(last) = line.utf8_chunks().last() {
        let whole = line.len() - last.invalid().len();
        line.truncate(whole);
    }
    Ok(any)
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use serde_json::Value;

    use super::*;

    fn run(input: &[u8]) -> Vec<Value> {
        let mut output = Vec::new();
        // a small buffer, so that lines lie across its borders
        address_lines(BufReader::with_capacity(7, input), &mut output).unwrap();
        let output = String::from_utf8(output).unwrap();
        output
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn one_object_per_line() {
        assert_eq!(run(b""), Vec::<Value>::new());
        let text = "苏宇 13812345678 河南省郑州市金水区文化路1号\r\n\n苏宇 13812345678";
        let lines = run(text.as_bytes());
        assert_eq!(
            lines.len(),
            3,
            "also for the empty line and the one without an end"
        );
        assert_eq!(lines[0]["phone"], "13812345678");
        assert_eq!(lines[0]["city"], "郑州市");
        assert_eq!(lines[1]["confidence"], 0.0);
        assert!(lines[1]["name"].is_null());
        assert_eq!(lines[2]["phone"], "13812345678");
    }

    #[test]
    fn long_and_broken_lines_do_no_harm() {
        let mut input = "字".repeat(5_000).into_bytes();
        input.extend_from_slice(b"13812345678\n\xff\xfe 13912345678\n");
        let lines = run(&input);
        assert_eq!(lines.len(), 2);
        assert!(lines[0]["phone"].is_null(), "lies behind the cut");
        assert_eq!(lines[1]["phone"], "13912345678");
    }

    #[test]
    fn a_cut_never_splits_a_character() {
        for ascii in 0..4 {
            let mut input = vec![b'a'; ascii];
            input.extend("字".repeat(1_000).bytes());
            let mut line = Vec::new();
            assert!(read_line(&mut &input[..], &mut line).unwrap());
            assert!(
                std::str::from_utf8(&line).is_ok() && line.len() > MAX_LINE - 3,
                "{ascii}"
            );
        }
    }
}
