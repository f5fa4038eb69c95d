use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use sha2::Sha256;
use whatsapp_provider::clock::Clock;
use whatsapp_provider::simulator::Side;
use whatsapp_provider::testing::conformance::{Element, Seen, Subject, Trouble};
use whatsapp_provider::{Content, MetaCloud, PhoneNumber, Recipient, WhatsAppProvider};

use super::World;
use crate::contents::normal;

const FROM: &str = "15557654321";

/// Meta, and the simulator as its servers.
pub(super) struct Meta {
    pub(super) world: World,
    pub(super) provider: MetaCloud,
}

impl Meta {
    pub(super) fn new(world: World) -> Self {
        let builder = world.simulator.meta().app_secret("an-older-secret").keep_raw(true);
        Self { provider: builder.build().unwrap(), world }
    }
}

fn element(element: &Element<'_>) -> String {
    match element {
        Element::Text { id, from, body } => format!(
            r#"{{"from":"{from}","id":"{id}","timestamp":"1795000000","type":"text","text":{{"body":"{body}"}}}}"#
        ),
        Element::Garbage(sort) => match sort % 12 {
            0 => "42".to_owned(),
            1 => "null".to_owned(),
            2 => r#""text""#.to_owned(),
            3 => "[]".to_owned(),
            4 => "{}".to_owned(),
            5 => format!(r#"{{"from":"{FROM}","id":"g{sort}","type":"hologram","hologram":{{"k":[1]}}}}"#),
            6 => format!(r#"{{"from":"{FROM}","id":"g{sort}","type":"text"}}"#),
            7 => format!(r#"{{"from":"{FROM}","id":"g{sort}","type":"text","text":{{"body":{{}}}}}}"#),
            8 => format!(r#"{{"from":"no number","id":"g{sort}","type":"text","text":{{"body":"x"}}}}"#),
            9 => format!(r#"{{"from":"{FROM}","id":"g{sort}","type":"image","image":[]}}"#),
            10 => format!(r#"{{"from":"{FROM}","id":"g{sort}"}}"#),
            _ => format!(r#"{{"from":["{FROM}"],"id":"g{sort}","type":7}}"#),
        },
        _ => format!(r#"{{"from":"{FROM}","type":"text","text":{{"body":"hello"}}}}"#),
    }
}

impl Subject for Meta {
    fn provider(&self) -> &dyn WhatsAppProvider {
        &self.provider
    }

    fn secrets(&self) -> Vec<String> {
        let accounts = self.world.simulator.accounts();
        let secrets = [accounts.app_secret, accounts.verify_token, accounts.access_token];
        secrets.into_iter().chain(["an-older-secret".to_owned()]).collect()
    }

    fn webhook(&self, elements: &[Element<'_>]) -> Option<http::Request<Bytes>> {
        let accounts = self.world.simulator.accounts();
        let number = accounts.phone_number_id;
        let messages = elements.iter().map(element).collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550001111","phone_number_id":"{number}"}},"messages":[{messages}]}}}}]}}]}}"#
        );
        let key = Hmac::<Sha256>::new_from_slice(accounts.app_secret.as_bytes()).unwrap();
        let digest = key.chain_update(&body).finalize();
        let hex: String = digest.into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = http::Request::post("/webhook").header("x-hub-signature-256", format!("sha256={hex}"));
        Some(request.body(Bytes::from(body)).unwrap())
    }

    fn max_elements(&self) -> usize {
        1000
    }

    fn signature_headers(&self) -> Vec<HeaderName> {
        vec![HeaderName::from_static("x-hub-signature-256")]
    }

    fn same_meaning(&self, a: &http::Request<Bytes>, b: &http::Request<Bytes>) -> bool {
        let digits = |request: &http::Request<Bytes>| {
            let value = request.headers()["x-hub-signature-256"].as_bytes();
            value.strip_prefix(b"sha256=").map(<[u8]>::to_ascii_lowercase)
        };
        a.body() == b.body() && digits(a) == digits(b)
    }

    fn seen(&self) -> Seen {
        self.world.seen()
    }

    fn normal(&self, content: Content) -> Content {
        normal::meta(content)
    }

    fn recipients(&self) -> Vec<Recipient> {
        recipients(&self.world, Side::Meta)
    }

    fn clock(&self) -> Option<&dyn Clock> {
        Some(&self.world.clock)
    }

    fn trouble(&self, trouble: Trouble) -> bool {
        self.world.trouble(trouble)
    }
}

/// A user by number, and by what one side calls the user.
pub(super) fn recipients(world: &World, side: Side) -> Vec<Recipient> {
    let phone = PhoneNumber::from_digits(FROM).unwrap();
    vec![phone.into(), world.simulator.user(phone).user_id(side).unwrap().into()]
}
