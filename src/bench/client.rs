//! A buyer's connection: HTTP/1.1 as plain as it gets, so that the load generator takes little of the machine from the
//! server that is measured.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest answer that the bench asks for.
const MAX_ANSWER: usize = 64 * 1024;

pub struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// where the body starts in `answer`
    body_at: usize,
}

impl Client {
    pub async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream,
            request: Vec::with_capacity(1024),
            answer: Vec::with_capacity(4096),
            body_at: 0,
        })
    }

    pub async fn get(&mut self, path: &str) -> anyhow::Result<u16> {
        self.request.clear();
        self.request
            .extend_from_slice(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes());
        self.exchange().await
    }

    pub async fn post(&mut self, path: &str, key: &str, body: &str) -> anyhow::Result<u16> {
        self.request.clear();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\nidempotency-key: {key}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        self.request.extend_from_slice(head.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        self.exchange().await
    }

    /// The body of the last answer.
    pub fn body(&self) -> &[u8] {
        self.answer.get(self.body_at..).unwrap_or_default()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }

    async fn exchange(&mut self) -> anyhow::Result<u16> {
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let end = loop {
            if let Some(end) = find(&self.answer, b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let head = std::str::from_utf8(&self.answer[..end]).context("the head of an answer is text")?;
        let status = head
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .context("an answer has a status")?;
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(Ok(0), |length| length.trim().parse())
            .context("a content-length is a number")?;
        while self.answer.len() < end + length {
            self.more().await?;
        }
        self.body_at = end;
        Ok(status)
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.answer).await?;
        ensure!(read > 0, "the server closed the connection");
        ensure!(self.answer.len() <= MAX_ANSWER, "the answer is too long");
        Ok(())
    }
}

fn find(text: &[u8], pattern: &[u8]) -> Option<usize> {
    text.windows(pattern.len()).position(|window| window == pattern)
}
