//! PostgreSQL for the tests: one throw-away cluster per test process, started on first use.
//!
//! `deploy/pg-throwaway.sh` finds or installs PostgreSQL, starts the cluster and removes it. Its life hangs on a pipe
//! that this process holds: when the process ends, killed or not, the pipe closes and the cluster is gone.
//! `CUNJI_TEST_DATABASE_URL` names a server to use instead, where we may create and drop databases.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// A PostgreSQL server on which the tests make their databases.
pub struct Server {
    /// The address of its maintenance database.
    address: String,
    psql: PathBuf,
    /// The holder of the throw-away cluster; its standard input is the pipe that keeps it alive.
    _holder: Option<Child>,
}

/// The server of this test process.
///
/// # Panics
/// When there is no PostgreSQL and none can be installed; the message says what to do.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    match SERVER.get_or_init(start) {
        Ok(server) => server,
        Err(reason) => panic!("no PostgreSQL for the tests: {reason}"),
    }
}

impl Server {
    /// The `postgres://` address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        with_database(&self.address, database)
    }

    /// Makes a database, empty or as a copy of `template` (to which nobody may be connected then). One of that name
    /// left by an earlier run is dropped first, so names have to be unique among the processes that share a server.
    pub fn create_database(&self, name: &str, template: Option<&str>) {
        assert!(
            [Some(name), template].into_iter().flatten().all(is_plain),
            "not a plain name: {name} {template:?}"
        );
        let template = template.map(|it| format!(" TEMPLATE {it}")).unwrap_or_default();
        let output = Command::new(&self.psql)
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &self.address])
            .args(["-c", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")])
            .args(["-c", &format!("CREATE DATABASE {name}{template}")])
            .env("PGOPTIONS", "-c client_min_messages=warning")
            .output()
            .expect("psql stands where the server's programs are");
        assert!(
            output.status.success(),
            "CREATE DATABASE {name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn start() -> Result<Server, String> {
    match std::env::var("CUNJI_TEST_DATABASE_URL") {
        Ok(address) => {
            let psql = std::env::var_os("CUNJI_PG_BIN")
                .map_or_else(|| "psql".into(), |bin| PathBuf::from(bin).join("psql"));
            Ok(Server {
                address,
                psql,
                _holder: None,
            })
        }
        Err(_) => start_throwaway(&[]),
    }
}

/// Starts a cluster that lives as long as the returned value's process.
fn start_throwaway(environment: &[(&str, OsString)]) -> Result<Server, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/pg-throwaway.sh");
    // A process group of its own: Ctrl-C and the killing of our group leave it alone, so that it can clean up.
    let mut holder = Command::new("sh")
        .args([script, "--fast", "sh", "-c"])
        .arg(r#"echo "$CUNJI_DATABASE_URL" && echo "$CUNJI_PG_BIN" && exec cat >/dev/null"#)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("sh {script}: {e}"))?;
    let (Some(output), Some(mut words)) = (holder.stdout.take(), holder.stderr.take()) else {
        return Err(format!("sh {script} has no output"));
    };
    // An installation says much: read along, or it would stand still at a full pipe.
    let words = std::thread::spawn(move || {
        let mut text = Vec::new();
        let end = words.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned() + &end.err().map(|e| e.to_string()).unwrap_or_default()
    });
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    match (lines.next(), lines.next()) {
        (Some(address), Some(bin)) => Ok(Server {
            address,
            psql: PathBuf::from(bin).join("psql"),
            _holder: Some(holder),
        }),
        _ => {
            let status = holder.wait().map_err(|e| format!("sh {script}: {e}"))?;
            Err(format!(
                "{script} ended with {status}\n{}",
                words.join().unwrap_or_default()
            ))
        }
    }
}

/// Names that need no quoting in SQL.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.len() <= 63
}

/// The address with another database in it: scheme, authority and options stay.
fn with_database(address: &str, database: &str) -> String {
    let (rest, options) = match address.split_once('?') {
        Some((rest, options)) => (rest, format!("?{options}")),
        None => (address, String::new()),
    };
    let authority = rest.find("://").map_or(0, |at| at + 3);
    let end = rest[authority..]
        .find('/')
        .map_or(rest.len(), |at| authority + at);
    format!("{}/{database}{options}", &rest[..end])
}

#[test]
fn an_address_takes_another_database() {
    for (address, expected) in [
        (
            "postgres://postgres@127.0.0.1:5433/postgres",
            "postgres://postgres@127.0.0.1:5433/shop",
        ),
        ("postgres://u:p%2Fq@db", "postgres://u:p%2Fq@db/shop"),
        ("postgres://db/", "postgres://db/shop"),
        (
            "postgres://db/a?sslmode=require&x=/",
            "postgres://db/shop?sslmode=require&x=/",
        ),
        ("postgres://db?host=/run/pg", "postgres://db/shop?host=/run/pg"),
    ] {
        assert_eq!(with_database(address, "shop"), expected, "{address}");
    }
}

#[test]
fn only_plain_names_become_databases() {
    for (name, plain) in [
        ("t_1", true),
        ("shop", true),
        ("", false),
        ("1a", false),
        ("a-b", false),
        ("a; b", false),
    ] {
        assert_eq!(is_plain(name), plain, "{name}");
    }
    assert!(!is_plain(&"a".repeat(64)));
}

#[test]
fn a_database_is_a_copy_of_its_template_and_starts_afresh() {
    let server = server();
    let pid = std::process::id();
    let (template, copy) = (format!("pg_template_{pid}"), format!("pg_copy_{pid}"));
    server.create_database(&template, None);
    query(
        &server.url(&template),
        "CREATE TABLE t (n BIGINT); INSERT INTO t VALUES (41)",
    );
    server.create_database(&copy, Some(&template));
    assert_eq!(
        query(&server.url(&copy), "UPDATE t SET n = n + 1 RETURNING n"),
        "42"
    );
    server.create_database(&copy, Some(&template));
    assert_eq!(query(&server.url(&copy), "SELECT n FROM t"), "41");
    for name in [copy, template] {
        query(&server.address, &format!("DROP DATABASE {name}"));
    }
}

#[test]
fn a_throwaway_cluster_ends_with_its_pipe() {
    if std::env::var_os("CUNJI_TEST_DATABASE_URL").is_some() {
        return; // whoever names a server may have none installed
    }
    let mut server = start_throwaway(&[]).expect("a second cluster beside the first");
    let mut holder = server._holder.take().expect("a throw-away cluster has a holder");
    assert_eq!(query(&server.address, "SHOW fsync"), "off");
    let folder = PathBuf::from(query(&server.address, "SHOW unix_socket_directories"));
    assert!(folder.is_dir());
    drop(holder.stdin.take());
    let status = holder.wait().expect("the holder is our child");
    assert!(status.success(), "{status}");
    assert!(!folder.exists(), "{} was left behind", folder.display());
}

#[test]
fn without_postgresql_the_failure_says_so() {
    let missing = start_throwaway(&[("CUNJI_PG_BIN", "/nonexistent".into())]);
    let reason = missing.err().expect("there is no PostgreSQL in a missing folder");
    for words in [
        "exit status: 1",
        "no PostgreSQL server found",
        "apt-get install postgresql",
    ] {
        assert!(reason.contains(words), "{words} is not in: {reason}");
    }
}

fn query(address: &str, sql: &str) -> String {
    let output = Command::new(&server().psql)
        .args([
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            address,
            "-c",
            sql,
        ])
        .output()
        .expect("psql stands where the server's programs are");
    assert!(
        output.status.success(),
        "{sql}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}
