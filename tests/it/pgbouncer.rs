//! PgBouncer in transaction mode: each transaction may meet another session, and there are fewer sessions than clients.
//!
//! It is started by the tests; the program has to be there.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use crate::database::postgres_url;

/// So many sessions stand behind all clients.
pub(crate) const SESSIONS: u32 = 3;

/// A PgBouncer of our own, which ends with the value.
pub(crate) struct Pooler {
    child: Child,
    folder: PathBuf,
    pub(crate) url: String,
}

impl Pooler {
    pub(crate) async fn start() -> Self {
        let server: PgConnectOptions = postgres_url().parse().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = std::env::temp_dir().join(format!("whatsapp-provider-pgbouncer-{port}"));
        std::fs::create_dir_all(&folder).unwrap();
        let user = server.get_username();
        let database = server.get_database().unwrap();
        std::fs::write(folder.join("users"), format!("\"{user}\" \"\"\n")).unwrap();
        let settings = format!(
            "[databases]\n{database} = host={} port={}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}/users\n\
             pool_mode = transaction\ndefault_pool_size = {SESSIONS}\nmax_client_conn = 200\n",
            server.get_host(),
            server.get_port(),
            folder.display(),
        );
        std::fs::write(folder.join("settings.ini"), settings).unwrap();
        // It refuses to run as root, where the tests may.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "nobody", "--", "pgbouncer", "-q"]);
            command
        } else {
            let mut command = Command::new("pgbouncer");
            command.arg("-q");
            command
        };
        let command = command.arg(folder.join("settings.ini")).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("pgbouncer must be there");
        let url = format!("postgres://{user}@127.0.0.1:{port}/{database}");
        let pooler = Self { child, folder, url };
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return pooler;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("pgbouncer does not listen");
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // `runuser` hands a SIGTERM on, and nothing else.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}
