//! Shows what a provider really sent: reads one webhook's body from standard input, checks its signature, and prints
//! every event as JSON on a line of its own.
//!
//! ```text
//! inspect --provider meta --header 'X-Hub-Signature-256: sha256=…' --secret "$WHATSAPP_APP_SECRET" < body.json
//! inspect --provider twilio --url https://example.com/webhook --header 'X-Twilio-Signature: …' --secret "$TWILIO_AUTH_TOKEN" < body.txt
//! inspect --assume-verified < body.json
//! ```
//!
//! `--header` and `--secret` can be given several times, `--method` says `GET` where it was not a POST, `--raw` adds each
//! element as it was received. It exits with 1 if the signature does not hold, and with 2 if it was called wrongly.

#![allow(clippy::print_stderr, reason = "it is a tool for the command line")]

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use lexopt::prelude::*;
use whatsapp_provider::clock::Timestamp;
use whatsapp_provider::{
    ConfigError, MetaCloud, Twilio, VerifiedWebhook, WebhookHead, WebhookRequest, WhatsAppProvider,
};

const USAGE: &str = "usage: inspect [--provider meta|twilio|auto] [--method GET|POST] [--url URL] \
                     [--header 'Name: value']... (--secret SECRET... | --assume-verified) [--raw] < BODY";

struct Options {
    provider: Sort,
    method: Method,
    url: Option<String>,
    headers: HeaderMap,
    secrets: Vec<String>,
    assume_verified: bool,
    raw: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Sort {
    Meta,
    Twilio,
    Auto,
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => return fail(2, &format!("{problem}\n{USAGE}")),
    };
    let mut body = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut body) {
        return fail(2, &format!("the body cannot be read: {error}"));
    }
    let provider = match provider(&options, &body) {
        Ok(provider) => provider,
        Err(error) => return fail(2, &format!("{error}\n{USAGE}")),
    };
    let head = WebhookHead::new(&options.method, options.url.as_deref().unwrap_or("/"), &options.headers);
    let request = WebhookRequest::new(head, &body, Timestamp::from(SystemTime::now()));
    let webhook = if options.assume_verified {
        VerifiedWebhook::assume_verified(request, provider.id().clone())
    } else {
        match provider.verify_signature(&request) {
            Ok(webhook) => webhook,
            Err(error) => return fail(1, &error.to_string()),
        }
    };
    let events = match provider.parse_inbound(&webhook) {
        Ok(events) => events,
        Err(error) => return fail(1, &error.to_string()),
    };
    let mut out = std::io::stdout().lock();
    for event in events {
        let line = match serde_json::to_string(&event) {
            Ok(line) => line,
            Err(error) => return fail(1, &error.to_string()),
        };
        if writeln!(out, "{line}").is_err() {
            // Whoever read has seen enough.
            break;
        }
    }
    ExitCode::SUCCESS
}

fn fail(code: u8, problem: &str) -> ExitCode {
    eprintln!("inspect: {problem}");
    ExitCode::from(code)
}

fn options() -> Result<Options, lexopt::Error> {
    let mut options = Options {
        provider: Sort::Auto,
        method: Method::POST,
        url: None,
        headers: HeaderMap::new(),
        secrets: Vec::new(),
        assume_verified: false,
        raw: false,
    };
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("provider") => {
                options.provider = arguments.value()?.parse_with(|name| match name {
                    "meta" => Ok(Sort::Meta),
                    "twilio" => Ok(Sort::Twilio),
                    "auto" => Ok(Sort::Auto),
                    _ => Err("a provider is meta, twilio or auto"),
                })?;
            }
            Long("method") => options.method = arguments.value()?.parse()?,
            Long("url") => options.url = Some(arguments.value()?.string()?),
            Long("header") => {
                let (name, value) = arguments.value()?.parse_with(header)?;
                options.headers.append(name, value);
            }
            Long("secret") => options.secrets.push(arguments.value()?.string()?),
            Long("assume-verified") => options.assume_verified = true,
            Long("raw") => options.raw = true,
            _ => return Err(argument.unexpected()),
        }
    }
    if options.secrets.is_empty() && !options.assume_verified {
        return Err("give a --secret, or --assume-verified".into());
    }
    Ok(options)
}

fn header(line: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let (name, value) = line.split_once(':').ok_or("a header is 'Name: value'")?;
    let name = name.trim().parse().map_err(|_| "a header's name has letters, digits and dashes")?;
    Ok((name, value.trim().parse().map_err(|_| "a header's value is text on one line")?))
}

/// The provider that is asked; `auto` goes by the signature's header, and without one by the look of the body.
fn provider(options: &Options, body: &[u8]) -> Result<Box<dyn WhatsAppProvider>, ConfigError> {
    let signed_by_meta = options.headers.contains_key("x-hub-signature-256");
    let signed_by_twilio = options.headers.contains_key("x-twilio-signature");
    let looks_like_json = body.trim_ascii_start().starts_with(b"{");
    let is_meta = match options.provider {
        Sort::Meta => true,
        Sort::Twilio => false,
        Sort::Auto => signed_by_meta || (!signed_by_twilio && looks_like_json),
    };
    // With --assume-verified no secret is used, but a provider without one cannot be built.
    let unused = ["unused".to_owned()];
    let secrets = if options.secrets.is_empty() { &unused } else { &options.secrets[..] };
    if is_meta {
        let builder = MetaCloud::builder().keep_raw(options.raw);
        Ok(Box::new(secrets.iter().fold(builder, whatsapp_provider::MetaCloudBuilder::app_secret).build()?))
    } else {
        let mut builder = Twilio::builder().keep_raw(options.raw);
        for (place, secret) in secrets.iter().enumerate() {
            builder = if place == 0 { builder.auth_token(secret) } else { builder.old_auth_token(secret) };
        }
        match &options.url {
            Some(url) => builder = builder.public_url(url),
            None if options.assume_verified => builder = builder.public_url("https://unused.invalid"),
            None => {}
        }
        Ok(Box::new(builder.build()?))
    }
}
