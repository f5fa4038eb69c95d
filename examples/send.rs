//! Sends one message by a real account, or by any server that speaks like one, and prints what came of it as one JSON
//! object.
//!
//! ```text
//! send --provider meta --to +15551234567 --text 'Your table is ready'
//! send --provider failover --message message.json
//! send --provider twilio --message - --twilio-url http://127.0.0.1:4010 < message.json
//! ```
//!
//! Credentials come from the environment (`WHATSAPP_…` and `TWILIO_…`). It exits with 0 only if the message was accepted,
//! with 1 if it was not or nobody knows, and with 2 if it was called wrongly.

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "it is a tool for the command line")]

use std::io::Read;
use std::process::ExitCode;

use lexopt::prelude::*;
use serde_json::json;
use whatsapp_provider::failover::FailoverProvider;
use whatsapp_provider::{
    ConfigError, MetaCloud, MetaCloudBuilder, OutboundMessage, PhoneNumber, Twilio, TwilioBuilder,
    WhatsAppProvider,
};

const USAGE: &str = "usage: send --provider meta|twilio|failover (--message FILE.json|- | --to +NUMBER --text TEXT) \
                     [--meta-url URL] [--twilio-url URL] [--twilio-content-url URL]";

#[derive(Default)]
struct Options {
    provider: String,
    message: Option<String>,
    to: Option<String>,
    text: Option<String>,
    meta_url: Option<String>,
    twilio_url: Option<String>,
    twilio_content_url: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let prepared = options().and_then(|options| Ok((message(&options)?, provider(&options)?)));
    let (message, provider) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => {
            eprintln!("send: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match provider.send(&message).await {
        Ok(receipt) => {
            println!("{}", json!({ "accepted": true, "receipt": receipt }));
            ExitCode::SUCCESS
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            let (failure, attempts) = (error.failure(), error.attempts());
            println!(
                "{}",
                json!({ "accepted": false, "error": failure, "attempts": attempts, "cause": cause })
            );
            ExitCode::FAILURE
        }
    }
}

type Problem = Box<dyn std::error::Error>;

fn options() -> Result<Options, Problem> {
    let mut options = Options::default();
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        let place = match argument {
            Long("provider") => {
                options.provider = arguments.value()?.string()?;
                continue;
            }
            Long("message") => &mut options.message,
            Long("to") => &mut options.to,
            Long("text") => &mut options.text,
            Long("meta-url") => &mut options.meta_url,
            Long("twilio-url") => &mut options.twilio_url,
            Long("twilio-content-url") => &mut options.twilio_content_url,
            _ => return Err(argument.unexpected().into()),
        };
        *place = Some(arguments.value()?.string()?);
    }
    Ok(options)
}

fn message(options: &Options) -> Result<OutboundMessage, Problem> {
    match (&options.message, &options.to, &options.text) {
        (Some(path), None, None) => {
            let mut json = String::new();
            if path == "-" {
                std::io::stdin().read_to_string(&mut json)?;
            } else {
                json = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
            }
            Ok(serde_json::from_str(&json).map_err(|error| format!("the message cannot be read: {error}"))?)
        }
        (None, Some(to), Some(text)) => Ok(OutboundMessage::text(PhoneNumber::parse(to)?, text)),
        _ => Err("give --message, or --to and --text".into()),
    }
}

fn provider(options: &Options) -> Result<Box<dyn WhatsAppProvider>, Problem> {
    Ok(match options.provider.as_str() {
        "meta" => Box::new(meta(options)?),
        "twilio" => Box::new(twilio(options)?),
        "failover" => {
            Box::new(FailoverProvider::builder().primary(meta(options)?).fallback(twilio(options)?).build()?)
        }
        _ => return Err("a provider is meta, twilio or failover".into()),
    })
}

fn meta(options: &Options) -> Result<MetaCloud, ConfigError> {
    let mut builder = MetaCloudBuilder::from_env()?;
    if let Some(url) = &options.meta_url {
        builder = builder.base_url(url);
    }
    builder.build()
}

fn twilio(options: &Options) -> Result<Twilio, ConfigError> {
    let mut builder = TwilioBuilder::from_env()?;
    if let Some(url) = &options.twilio_url {
        builder = builder.base_url(url).messaging_url(url);
    }
    if let Some(url) = &options.twilio_content_url {
        builder = builder.content_url(url);
    }
    builder.build()
}
