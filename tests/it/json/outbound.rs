//! What is sent.

use whatsapp_provider::outbound::{
    Action, AddressRequest, ButtonParameter, Card, CardAction, ContentKind, Flow, Header, Interactive,
    ListRow, ListSection, Otherwise, Parameter, ParameterValue, ProductItem, Raw, ReplyButton, Template,
    TemplateCard, TemplateHeader,
};
use whatsapp_provider::{Category, Content, OnUnknown, OutboundMessage};

use super::*;

fn header() -> BoxedStrategy<Header> {
    prop_oneof![
        text().prop_map(Header::text),
        media().prop_map(Header::Image),
        media().prop_map(Header::Video),
        media().prop_map(Header::Document),
    ]
    .boxed()
}

fn product() -> impl Strategy<Value = ProductItem> + Clone {
    (text(), text()).prop_map(|(catalog, product)| ProductItem::new(catalog, product))
}

fn interactive() -> BoxedStrategy<Interactive> {
    let buttons = vec((text(), text()).prop_map(|(id, title)| ReplyButton::new(id, title)), 0..4);
    let row = (text(), text(), maybe()).prop_map(|(id, title, description)| {
        let row = ListRow::new(id, title);
        description.map_or(row.clone(), |description| row.with_description(description))
    });
    let section = (vec(row, 0..3), maybe()).prop_map(|(rows, title)| {
        let section = ListSection::new(rows);
        title.map_or(section.clone(), |title| section.with_title(title))
    });
    let flow = (text(), text(), maybe()).prop_map(|(id, cta, token)| {
        let mut flow = Flow::by_id(id, cta);
        flow.token = token;
        flow
    });
    let card = (option::of(header()), maybe(), product()).prop_map(|(header, body, product)| {
        let mut card = Card::new(CardAction::Product(product));
        card.header = header;
        card.body = body;
        card
    });
    let address = (text(), option::of(any_json())).prop_map(|(country, values)| {
        let mut address = AddressRequest::new(country);
        address.values = values;
        address
    });
    let body = text();
    let made = prop_oneof![
        (body.clone(), buttons).prop_map(|(body, buttons)| Interactive::buttons(body, buttons)),
        (body.clone(), text(), vec(section, 0..3))
            .prop_map(|(body, button, s)| Interactive::list(body, button, s)),
        (body.clone(), text(), text()).prop_map(|(body, label, url)| Interactive::cta_url(body, label, url)),
        (body.clone(), flow).prop_map(|(body, flow)| Interactive::new(body, Action::Flow(flow))),
        (body.clone(), product())
            .prop_map(|(body, product)| Interactive::new(body, Action::Product(product))),
        (body.clone(), address).prop_map(|(body, address)| Interactive::new(body, Action::Address(address))),
        (body.clone(), vec(card, 0..3)).prop_map(|(body, cards)| {
            let json = serde_json::json!({ "type": "carousel", "cards": cards });
            Interactive::new(body, serde_json::from_value(json).unwrap())
        }),
        body.prop_map(|body| Interactive::new(body, Action::LocationRequest)),
    ];
    (made, option::of(header()), maybe())
        .prop_map(|(mut interactive, header, footer)| {
            interactive.header = header;
            interactive.footer = footer;
            interactive
        })
        .boxed()
}

fn parameter() -> BoxedStrategy<Parameter> {
    let value = prop_oneof![
        text().prop_map(|text| Parameter::text(text).value),
        (text(), text(), any::<i64>())
            .prop_map(|(shown, code, amount)| ParameterValue::currency(shown, code, amount)),
        text().prop_map(ParameterValue::date_time),
    ];
    (maybe(), value)
        .prop_map(|(name, value)| {
            let mut parameter = Parameter::text("");
            parameter.name = name;
            parameter.value = value;
            parameter
        })
        .boxed()
}

fn template() -> BoxedStrategy<Template> {
    let template_header = prop_oneof![
        parameter().prop_map(TemplateHeader::Text),
        media().prop_map(TemplateHeader::Image),
        media().prop_map(TemplateHeader::document),
        product().prop_map(TemplateHeader::Product),
    ];
    let button = prop_oneof![
        text().prop_map(ButtonParameter::url_suffix),
        text().prop_map(ButtonParameter::quick_reply),
        text().prop_map(ButtonParameter::copy_code),
        (maybe(), option::of(any_json())).prop_map(|(token, data)| ButtonParameter::flow(token, data)),
    ];
    let whole = (
        text(),
        text(),
        option::of(template_header),
        vec(parameter(), 0..4),
        vec((any::<u8>(), button), 0..3),
    );
    (whole, option::of(moment()), maybe())
        .prop_map(|((name, language, header, body, buttons), offer, code)| {
            let mut template = Template::new(name, language);
            template.header.clone_from(&header);
            template.body.clone_from(&body);
            for (index, parameter) in buttons {
                template = template.with_button(index, parameter);
            }
            let mut card = TemplateCard::default();
            card.header = header;
            card.body = body;
            template.cards.push(card);
            template.offer_ends = offer;
            template.one_time_code = code;
            template
        })
        .boxed()
}

fn content() -> BoxedStrategy<Content> {
    prop_oneof![
        text().prop_map(Content::text),
        (media(), text()).prop_map(|(media, caption)| Content::image(media).with_caption(caption)),
        media().prop_map(Content::video),
        media().prop_map(Content::audio),
        media().prop_map(Content::voice),
        (media(), text()).prop_map(|(media, caption)| Content::document(media).with_caption(caption)),
        media().prop_map(Content::sticker),
        (degrees(), degrees()).prop_map(|(latitude, longitude)| Content::location(latitude, longitude)),
        vec(card(), 0..3).prop_map(Content::contacts),
        (message_ref(), text()).prop_map(|(message, emoji)| Content::reaction(message, emoji)),
        message_ref().prop_map(Content::remove_reaction),
        interactive().prop_map(Content::from),
        template().prop_map(Content::from),
        (provider(), any_json()).prop_map(|(provider, body)| Content::Raw(Raw::new(provider, body))),
        // Every kind with all of its parts.
        (sender(), proptest::sample::select(ContentKind::ALL))
            .prop_flat_map(|(sender, kind)| Make::carried(sender).of(kind)),
    ]
    .boxed()
}

fn on_unknown() -> impl Strategy<Value = OnUnknown> {
    prop_oneof![
        Just(OnUnknown::Stop),
        Just(OnUnknown::FailOver),
        (duration(), any::<bool>()).prop_map(|(within, stop)| {
            OnUnknown::reconcile(within, if stop { Otherwise::Stop } else { Otherwise::FailOver })
        }),
    ]
}

fn outbound() -> BoxedStrategy<OutboundMessage> {
    let routing = (
        option::of(sender()),
        option::of(provider()),
        any::<bool>(),
        option::of(message_ref()),
        any::<bool>(),
    );
    let names =
        (maybe(), maybe(), option::of(proptest::sample::select(Category::ALL)), any::<bool>(), maybe());
    let times =
        (option::of(on_unknown()), option::of(duration()), option::of(duration()), option::of(moment()));
    (recipient(), content(), vec(content(), 0..3), routing, names, times)
        .prop_map(
            |(
                to,
                content,
                alternatives,
                (from, via, via_only, quoted, required),
                (reference, key, category, direct_send, identity),
                times,
            )| {
                let mut message = OutboundMessage::new(to, content);
                message.alternatives = alternatives;
                message.from = from;
                message.via = via;
                message.via_only = via_only;
                if let Some(quoted) = quoted {
                    message = message.with_reply_to(quoted);
                    message = if required { message.quote_required() } else { message };
                }
                message.reference = reference;
                message.idempotency_key = key;
                message.category = category;
                message.direct_send = direct_send;
                message.identity_key_hash = identity;
                (message.on_unknown, message.deadline, message.ttl, message.send_at) = times;
                message
            },
        )
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn outbound_messages(message in outbound()) {
        json(&message).unwrap();
    }

    #[test]
    fn durations_are_exact_to_the_millisecond(millis in 0_u64..1 << 50) {
        let to = PhoneNumber::parse("+15551234567").unwrap();
        let message = OutboundMessage::text(to, "x").with_ttl(Duration::from_millis(millis));
        json(&message).unwrap();
    }
}
