use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use whatsapp_provider::outbound::{
    Action, AddressRequest, Card, CardAction, ContentKind, CtaUrl, Flow, FlowMode, FlowStart, Header,
    Interactive, ListRow, ListSection, ProductItem, ProductSection, ReplyButton, VoiceCall,
};

use super::{FILES, IMAGES, Make, VIDEOS, address, json, told_apart};

impl Make {
    /// A message whose action is of this kind.
    pub(super) fn interactive(&self, kind: ContentKind) -> BoxedStrategy<Interactive> {
        let max_body = if kind == ContentKind::List { 4096 } else { 1024 };
        let body = match kind {
            ContentKind::Product | ContentKind::CallPermission => self.maybe(max_body),
            _ => self.text(max_body).prop_map(Some).boxed(),
        };
        let header = match kind {
            _ if self.past => option::weighted(0.6, self.header()).boxed(),
            ContentKind::ReplyButtons | ContentKind::CtaUrl | ContentKind::Flow => {
                option::of(self.header()).boxed()
            }
            ContentKind::List => option::of(self.text_header()).boxed(),
            ContentKind::ProductList => self.text_header().prop_map(Some).boxed(),
            _ => Just(None).boxed(),
        };
        let footer = if kind == ContentKind::Carousel && !self.past {
            select(vec![None, Some(String::new())]).boxed()
        } else {
            self.maybe(60)
        };
        (self.action(kind), body, header, footer)
            .prop_map(|(mut interactive, body, header, footer)| {
                (interactive.body, interactive.header, interactive.footer) = (body, header, footer);
                interactive
            })
            .boxed()
    }

    fn action(&self, kind: ContentKind) -> BoxedStrategy<Interactive> {
        let of = |action| Interactive::new("", action);
        match kind {
            ContentKind::ReplyButtons => self.buttons(),
            ContentKind::List => self.list(),
            ContentKind::CtaUrl => self.cta_url().prop_map(move |button| of(Action::CtaUrl(button))).boxed(),
            ContentKind::Flow => self.flow().prop_map(move |flow| of(Action::Flow(flow))).boxed(),
            ContentKind::LocationRequest => Just(of(Action::LocationRequest)).boxed(),
            ContentKind::Product => self.product().prop_map(Interactive::product).boxed(),
            ContentKind::ProductList => (self.text(20), self.product_sections())
                .prop_map(|(catalog, sections)| Interactive::product_list("", "", catalog, sections))
                .boxed(),
            ContentKind::Catalog => {
                self.maybe(20).prop_map(|thumbnail| Interactive::catalog("", thumbnail)).boxed()
            }
            ContentKind::Carousel => self.cards().prop_map(|cards| Interactive::carousel("", cards)).boxed(),
            ContentKind::ContactRequest => Just(of(Action::ContactRequest)).boxed(),
            ContentKind::CallPermission => Just(of(Action::CallPermission)).boxed(),
            ContentKind::Address => {
                self.address_request().prop_map(move |request| of(Action::Address(request))).boxed()
            }
            ContentKind::VoiceCall => (self.text(20), option::of(self.minutes()), self.maybe(60))
                .prop_map(move |(label, minutes, payload)| {
                    let mut call = VoiceCall::new(label);
                    (call.ttl_minutes, call.payload) = (minutes, payload);
                    of(Action::VoiceCall(call))
                })
                .boxed(),
            other => panic!("nobody taught the makers {other:?}"),
        }
    }

    fn text_header(&self) -> BoxedStrategy<Header> {
        self.text(60).prop_map(Header::text).boxed()
    }

    fn header(&self) -> BoxedStrategy<Header> {
        prop_oneof![
            self.text_header(),
            self.media(IMAGES).prop_map(Header::Image),
            self.media(VIDEOS).prop_map(Header::Video),
            self.media(FILES).prop_map(Header::Document),
        ]
        .boxed()
    }

    pub(super) fn minutes(&self) -> BoxedStrategy<u32> {
        if self.past { (0..4_u32).boxed() } else { (1..=u32::MAX).boxed() }
    }

    fn buttons(&self) -> BoxedStrategy<Interactive> {
        let count = if self.past { 0..=4 } else { 1..=3 };
        let apart = if self.past { prop::bool::weighted(0.8).boxed() } else { Just(true).boxed() };
        (vec((self.text(256), self.text(20)), count), apart)
            .prop_map(|(texts, apart)| {
                let button = |(place, (id, title)): (usize, (String, String))| match apart {
                    true => ReplyButton::new(told_apart(place, &id), told_apart(place, &title)),
                    false => ReplyButton::new(id, title),
                };
                Interactive::buttons("", texts.into_iter().enumerate().map(button).collect::<Vec<_>>())
            })
            .boxed()
    }

    fn list(&self) -> BoxedStrategy<Interactive> {
        let row = (self.text(200), self.text(24), self.maybe(72)).prop_map(|(id, title, description)| {
            let mut row = ListRow::new(id, title);
            row.description = description;
            row
        });
        let (rows, sections) = if self.past { (0..=5, 0..=4) } else { (1..=3, 1..=3) };
        let titled = if self.past { self.maybe(24) } else { self.text(24).prop_map(Some).boxed() };
        let section = (vec(row, rows), titled).prop_map(|(rows, title)| {
            let mut section = ListSection::new(rows);
            section.title = title;
            section
        });
        let apart = if self.past { prop::bool::weighted(0.8).boxed() } else { Just(true).boxed() };
        (self.text(20), vec(section, sections), apart, any::<bool>())
            .prop_map(|(button, mut sections, apart, untitled)| {
                if apart {
                    let rows = sections.iter_mut().flat_map(|section| &mut section.rows);
                    rows.enumerate().for_each(|(place, row)| row.id = told_apart(place, &row.id));
                }
                if let ([section], true) = (&mut sections[..], untitled) {
                    section.title = None;
                }
                Interactive::list("", button, sections)
            })
            .boxed()
    }

    fn cta_url(&self) -> BoxedStrategy<CtaUrl> {
        let url = if self.past { prop_oneof![9 => address(), 1 => self.text(40)].boxed() } else { address() };
        (self.text(20), url).prop_map(|(label, url)| CtaUrl::new(label, url)).boxed()
    }

    fn flow(&self) -> BoxedStrategy<Flow> {
        let mode = prop_oneof![Just(None), Just(Some(FlowMode::Published)), Just(Some(FlowMode::Draft))];
        let start = prop_oneof![
            Just(None),
            Just(Some(FlowStart::DataExchange)),
            (self.text(20), option::of(json()))
                .prop_map(|(screen, data)| Some(FlowStart::navigate(screen, data))),
        ];
        (any::<bool>(), self.text(30), self.text(30), self.maybe(40), mode, start)
            .prop_map(|(by_id, name, cta, token, mode, start)| {
                let mut flow = if by_id { Flow::by_id(name, cta) } else { Flow::by_name(name, cta) };
                (flow.token, flow.mode, flow.start) = (token, mode, start);
                flow
            })
            .boxed()
    }

    pub(super) fn product(&self) -> BoxedStrategy<ProductItem> {
        (self.text(20), self.text(20))
            .prop_map(|(catalog, product)| ProductItem::new(catalog, product))
            .boxed()
    }

    pub(super) fn product_sections(&self) -> BoxedStrategy<Vec<ProductSection>> {
        let (products, sections) = if self.past { (0..=12, 0..=11) } else { (1..=4, 1..=4) };
        let section = (self.text(24), vec(self.text(20), products))
            .prop_map(|(title, products)| ProductSection::new(title, products));
        (vec(section, sections), any::<bool>())
            .prop_map(|(mut sections, untitled)| {
                if let ([section], true) = (&mut sections[..], untitled) {
                    section.title.clear();
                }
                sections
            })
            .boxed()
    }

    fn cards(&self) -> BoxedStrategy<Vec<Card>> {
        let count = || if self.past { 0..=11 } else { 2..=10 };
        let body = self.maybe(160);
        let body = if self.past {
            body
        } else {
            body.prop_map(|body| body.map(|body| body.replace('\n', " "))).boxed()
        };
        let web = move |make: &Self, header: BoxedStrategy<Header>| {
            (header, body.clone(), make.cta_url()).prop_map(|(header, body, button)| {
                let mut card = Card::new(CardAction::CtaUrl(button)).with_header(header);
                card.body = body;
                card
            })
        };
        let images = web(self, self.media(IMAGES).prop_map(Header::Image).boxed());
        let videos = web(self, self.media(VIDEOS).prop_map(Header::Video).boxed());
        let product = self.product().prop_map(|product| Card::new(CardAction::Product(product)));
        let alike =
            prop_oneof![vec(images.clone(), count()), vec(videos, count()), vec(product.clone(), count()),];
        if !self.past {
            return alike.boxed();
        }
        let odd = web(self, self.header());
        prop_oneof![4 => alike, 1 => vec(prop_oneof![images, product, odd], 2..=3)].boxed()
    }

    fn address_request(&self) -> BoxedStrategy<AddressRequest> {
        (self.text(2), option::of(json()), option::of(json()), option::of(json()))
            .prop_map(|(country, values, saved, errors)| {
                let mut request = AddressRequest::new(country);
                (request.values, request.saved_addresses, request.validation_errors) =
                    (values, saved, errors);
                request
            })
            .boxed()
    }
}
