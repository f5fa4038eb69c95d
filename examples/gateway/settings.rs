use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::prelude::*;
use whatsapp_provider::{MetaCloudBuilder, TwilioBuilder, WhatsAppProvider};

use super::Problem;

pub(crate) const USAGE: &str = "\
usage: gateway [--messages N]

environment:
  LISTEN          the address to listen on; 127.0.0.1:8080 unless set, and any free port for the simulation
  DATABASE_URL    postgres://…, or the path of a SQLite file; gateway.db unless set. The simulation has a file of its own
  WHATSAPP_…      a Meta account, as in MetaCloud::from_env; META_URL for a server that speaks like Meta's
  TWILIO_…        a Twilio account, as in Twilio::from_env; TWILIO_URL for a server that speaks like Twilio's.
                  TWILIO_STATUS_CALLBACK_URL is the public URL of the webhook, which Twilio signs. Enter it at Twilio
                  with #rc=5&rp=all behind it, or Twilio gives up after one answer that is an error

Without an account both providers are simulated, with users who write.";

pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) database: Database,
    /// The providers of real accounts; without any, they are simulated.
    pub(crate) members: Vec<Arc<dyn WhatsAppProvider>>,
    /// How many messages the simulated users write before all ends.
    pub(crate) messages: Option<usize>,
}

pub(crate) enum Database {
    Sqlite(PathBuf),
    Postgres(String),
}

impl Settings {
    pub(crate) fn read() -> Result<Self, Problem> {
        let members = members()?;
        let simulated = members.is_empty();
        let listen = variable("LISTEN");
        let listen = listen.as_deref().unwrap_or(if simulated { "127.0.0.1:0" } else { "127.0.0.1:8080" });
        Ok(Self {
            listen: listen.parse().map_err(|_| "LISTEN: not an address and a port")?,
            database: Database::read(simulated),
            members,
            messages: messages()?,
        })
    }
}

impl Database {
    fn read(simulated: bool) -> Self {
        if simulated {
            // Simulated users are new every time, and so is the file.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
            return Self::Sqlite(std::env::temp_dir().join(format!("whatsapp-gateway-{now}.db")));
        }
        match variable("DATABASE_URL") {
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Self::Postgres(url)
            }
            Some(path) => Self::Sqlite(path.into()),
            None => Self::Sqlite("gateway.db".into()),
        }
    }
}

/// The real accounts, Meta's first.
fn members() -> Result<Vec<Arc<dyn WhatsAppProvider>>, Problem> {
    let mut members: Vec<Arc<dyn WhatsAppProvider>> = Vec::new();
    if variable("WHATSAPP_ACCESS_TOKEN").is_some() {
        let mut meta = MetaCloudBuilder::from_env()?;
        if let Some(url) = variable("META_URL") {
            meta = meta.base_url(url);
        }
        members.push(Arc::new(meta.build()?));
    }
    if variable("TWILIO_AUTH_TOKEN").is_some() {
        let mut twilio = TwilioBuilder::from_env()?;
        if let Some(url) = variable("TWILIO_URL") {
            twilio = twilio.base_url(url.clone()).messaging_url(url);
        }
        members.push(Arc::new(twilio.build()?));
    }
    Ok(members)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn messages() -> Result<Option<usize>, Problem> {
    let mut messages = None;
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("messages") => messages = Some(arguments.value()?.parse()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    Ok(messages)
}
