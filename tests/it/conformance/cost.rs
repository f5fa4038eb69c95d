//! Twice as much is at most 2.3 times the work, counted in instructions by Valgrind: the same every time, on any machine.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use whatsapp_provider::WhatsAppProvider;
use whatsapp_provider::testing::conformance::{self, Element, Subject, take};

use super::World;
use super::meta::Meta;
use super::twilio::TwilioSubject;

/// Where this program finds, when it is run again to be counted, whose request it is to take and which one.
const SUBJECT: &str = "COST_SUBJECT";
const REQUEST: &str = "COST_REQUEST";

/// A subject whose work is counted.
struct Counted<S> {
    name: &'static str,
    subject: S,
    place: PathBuf,
}

impl<S: Subject> Counted<S> {
    fn new(name: &'static str, subject: S) -> Self {
        let place = env::temp_dir().join(format!("whatsapp-provider-cost-{}-{name}", std::process::id()));
        fs::create_dir_all(&place).unwrap();
        Self { name, subject, place }
    }
}

impl<S> Drop for Counted<S> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.place);
    }
}

impl<S: Subject> Subject for Counted<S> {
    fn provider(&self) -> &dyn WhatsAppProvider {
        self.subject.provider()
    }

    fn secrets(&self) -> Vec<String> {
        self.subject.secrets()
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        self.subject.webhook(elements)
    }

    fn max_elements(&self) -> usize {
        self.subject.max_elements()
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        self.subject.signature_headers()
    }

    fn work(&self, request: &http::Request<Bytes>) -> Option<u64> {
        fs::write(self.place.join("body"), request.body()).unwrap();
        for name in self.signature_headers() {
            fs::write(self.place.join(name.as_str()), request.headers()[&name].as_bytes()).unwrap();
        }
        let counted = Command::new("valgrind")
            .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
            .arg(env::current_exe().unwrap())
            .args(["--exact", "conformance::cost::a_request_is_taken", "--test-threads=1"])
            .env(SUBJECT, self.name)
            .env(REQUEST, &self.place)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&counted.stderr);
        assert!(counted.status.success(), "{said} {}", String::from_utf8_lossy(&counted.stdout));
        let count = said.lines().find_map(|line| line.split_once("I refs:").or(line.split_once("I   refs:")));
        Some(count.unwrap().1.trim().replace(',', "").parse().unwrap())
    }
}

/// What is counted. When nobody counts, it is a webhook like any other.
#[test]
fn a_request_is_taken() {
    match env::var(SUBJECT).as_deref() {
        Ok("twilio") => taken(&TwilioSubject::new(World::new())),
        _ => taken(&Meta::new(World::new())),
    }
}

fn taken(subject: &impl Subject) {
    let mut request = subject.webhook(&[Element::WithoutId]).unwrap();
    if let Ok(place) = env::var(REQUEST).map(PathBuf::from) {
        *request.body_mut() = fs::read(place.join("body")).unwrap().into();
        for name in subject.signature_headers() {
            let value = fs::read(place.join(name.as_str())).unwrap();
            request.headers_mut().insert(name, HeaderValue::from_bytes(&value).unwrap());
        }
    }
    assert!(!take(subject, &request).unwrap().is_empty());
}

#[test]
#[ignore = "needs Valgrind, and about a minute"]
fn what_is_expensive_for_meta_costs_what_it_is_long() {
    conformance::cost(&Counted::new("meta", Meta::new(World::new()))).unwrap();
}

#[test]
#[ignore = "needs Valgrind, and about a minute"]
fn what_is_expensive_for_twilio_costs_what_it_is_long() {
    conformance::cost(&Counted::new("twilio", TwilioSubject::new(World::new()))).unwrap();
}
