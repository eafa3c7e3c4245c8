//! Stories about the built program as a process: started, spoken to over a socket, stopped or killed.

mod cli;
mod crash;
mod demo;
mod http;
mod nodes;
mod serving;
mod shop;
mod stripe;
mod wechat;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::{pg, silence};

/// How often something is looked at, [`STEP`] apart, before it counts as never happening: a minute in all.
const LOOKS: u32 = 3_000;
const STEP: Duration = Duration::from_millis(20);

static PLACES: AtomicU32 = AtomicU32::new(0);

/// A database of its own and a folder to work in, and the settings that every program of the story gets.
pub struct Place {
    pub folder: PathBuf,
    pub database: String,
    settings: Vec<(&'static str, String)>,
}

impl Place {
    pub fn on(engine: &str) -> Place {
        let name = format!(
            "process_{}_{}",
            std::process::id(),
            PLACES.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(format!("cunji_{name}"));
        std::fs::create_dir(&folder).expect("a new folder");
        let database = if engine == "sqlite" {
            format!("sqlite://{}", folder.join("shop.db").display())
        } else {
            pg::server().create_database(&name, None);
            pg::server().url(&name)
        };
        Place {
            folder,
            database,
            settings: Vec::new(),
        }
    }

    pub fn with(mut self, name: &'static str, value: &str) -> Place {
        if name.contains("SECRET") || name.ends_with("_KEY") || name.ends_with("_SALT") {
            silence::keep_out(value);
        }
        self.settings.push((name, value.to_owned()));
        self
    }

    /// The program with its arguments; of this process's environment it gets only what any program needs.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cunji"));
        command.args(arguments).current_dir(&self.folder).env_clear();
        for name in ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("CUNJI_DATABASE_URL", &self.database)
            .env("CUNJI_LISTEN", "127.0.0.1:0");
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str], input: &str) -> Ended {
        end(self.command(arguments), input)
    }

    /// Runs a command that has to work, and gives what it printed.
    pub fn must(&self, arguments: &[&str], input: &str) -> String {
        let ended = self.run(arguments, input);
        assert_eq!(ended.code, 0, "{arguments:?}: {}{}", ended.out, ended.err);
        ended.out
    }

    pub fn serve(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }

    /// `cunji check` finds nothing wrong.
    pub fn check(&self) {
        let report = self.must(&["check"], "");
        assert!(report.lines().count() > 5, "{report}");
        assert!(report.lines().all(|line| line.starts_with("ok ")), "{report}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // what can't be removed is left to the system
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn end(mut command: Command, input: &str) -> Ended {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    // a command that has no use for its input may be gone before it is written
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().expect("the program ends");
    let err = String::from_utf8(stderr).expect("UTF-8 on stderr");
    silence::assert_silent(&err);
    Ended {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).expect("UTF-8 on stdout"),
        err,
    }
}

/// A program that serves; killed when it is dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts `serve`, whose log says where it listens.
    fn start(mut command: Command) -> Server {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (log, reader) = read_along(child.stderr.take().expect("stderr is a pipe"));
        let mut server = Server {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            log,
            reader: Some(reader),
        };
        let address = server.logged("address");
        server.address = address.parse().expect("an address follows");
        server
    }

    /// Starts `demo --json`, which prints one line; gives that too, and what comes on stdout after it.
    fn demo(mut command: Command) -> (Server, Value, impl FnOnce() -> String) {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let (log, reader) = read_along(child.stderr.take().expect("stderr is a pipe"));
        let mut out = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the demo prints a line");
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?} {}", log.lock().unwrap()));
        let url = said["base_url"].as_str().expect("a base_url");
        let address = url
            .strip_prefix("http://")
            .and_then(|it| it.parse().ok())
            .expect("an address");
        let rest = move || {
            let mut text = String::new();
            out.read_to_string(&mut text).expect("UTF-8");
            text
        };
        (
            Server {
                child,
                address,
                log,
                reader: Some(reader),
            },
            said,
            rest,
        )
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The value of a field in the log, in text or JSON, once its line is there.
    pub fn logged(&mut self, field: &str) -> String {
        let (text, json) = (format!("{field}="), format!("\"{field}\":\""));
        self.waits_for(field, |log| {
            let (_, rest) = log.split_once(&text).or_else(|| log.split_once(&json))?;
            let value = rest.split([' ', '"', '\n']).next()?;
            Some(value.to_owned())
        })
    }

    /// Waits until the log has these words.
    pub fn says(&mut self, words: &str) {
        self.waits_for(words, |log| log.contains(words).then_some(()));
    }

    fn waits_for<T>(&mut self, what: &str, find: impl Fn(&str) -> Option<T>) -> T {
        for _ in 0..LOOKS {
            // the log holds whole lines only
            if let Some(found) = find(&self.log()) {
                return found;
            }
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                panic!("the program ended with {status}: {}", self.log());
            }
            std::thread::sleep(STEP);
        }
        panic!("{what:?} is never logged: {}", self.log());
    }

    /// Waits until `/readyz` says so.
    pub async fn ready(&self) {
        for _ in 0..LOOKS {
            if http::get(self.address, "/readyz")
                .await
                .is_ok_and(|answer| answer.status == 200)
            {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
        panic!("never ready: {}", self.log());
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is our child");
    }

    /// Sends SIGTERM; the shell's own `kill`, since the standard library has none.
    pub fn terminate(&self) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -TERM {}", self.child.id())])
            .status();
        assert!(sent.expect("sh runs").success());
    }

    /// Waits for the end; the exit code and the whole log.
    pub fn ended(&mut self) -> (Option<i32>, String) {
        for _ in 0..LOOKS {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                if let Some(reader) = self.reader.take() {
                    reader.join().expect("reading a log can't fail");
                }
                return (status.code(), self.log());
            }
            std::thread::sleep(STEP);
        }
        panic!("the program does not end: {}", self.log());
    }

    /// Stops it as an operator would.
    pub fn stop(mut self) -> String {
        self.terminate();
        let (code, log) = self.ended();
        assert_eq!(code, Some(0), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(reader) = self.reader.take() {
            // a pipe that has ended gives its last lines
            let _ = reader.join();
        }
        if !std::thread::panicking() {
            silence::assert_silent(&self.log());
        }
    }
}

/// Reads a log as it is written, so that the program never stands still at a full pipe.
fn read_along(log: ChildStderr) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let text = Arc::new(Mutex::new(String::new()));
    let shared = Arc::clone(&text);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(log).split(b'\n').map_while(Result::ok) {
            let mut text = shared.lock().unwrap();
            text.push_str(&String::from_utf8_lossy(&line));
            text.push('\n');
        }
    });
    (text, reader)
}

/// A file of the repo.
pub fn of_the_repo(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(path)
        .display()
        .to_string()
}
