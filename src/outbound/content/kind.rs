macro_rules! content_kinds {
    ($($(#[$doc:meta])* $kind:ident => $name:literal;)+) => {
        /// A kind of content, for tables of what a provider carries.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ContentKind {
            $($(#[$doc])* $kind,)+
        }

        impl ContentKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The stable name, such as `reply_buttons`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }
        }
    };
}

content_kinds! {
    /// [`Content::Text`](crate::outbound::Content::Text).
    Text => "text";
    /// [`Content::Image`](crate::outbound::Content::Image).
    Image => "image";
    /// [`Content::Video`](crate::outbound::Content::Video).
    Video => "video";
    /// [`Content::Audio`](crate::outbound::Content::Audio).
    Audio => "audio";
    /// [`Content::Document`](crate::outbound::Content::Document).
    Document => "document";
    /// [`Content::Sticker`](crate::outbound::Content::Sticker).
    Sticker => "sticker";
    /// [`Content::Location`](crate::outbound::Content::Location).
    Location => "location";
    /// [`Content::Contacts`](crate::outbound::Content::Contacts).
    Contacts => "contacts";
    /// [`Content::Reaction`](crate::outbound::Content::Reaction).
    Reaction => "reaction";
    /// [`Action::ReplyButtons`](crate::outbound::Action::ReplyButtons).
    ReplyButtons => "reply_buttons";
    /// [`Action::List`](crate::outbound::Action::List).
    List => "list";
    /// [`Action::CtaUrl`](crate::outbound::Action::CtaUrl).
    CtaUrl => "cta_url";
    /// [`Action::Flow`](crate::outbound::Action::Flow).
    Flow => "flow";
    /// [`Action::LocationRequest`](crate::outbound::Action::LocationRequest).
    LocationRequest => "location_request";
    /// [`Action::Product`](crate::outbound::Action::Product).
    Product => "product";
    /// [`Action::ProductList`](crate::outbound::Action::ProductList).
    ProductList => "product_list";
    /// [`Action::Catalog`](crate::outbound::Action::Catalog).
    Catalog => "catalog";
    /// [`Action::Carousel`](crate::outbound::Action::Carousel).
    Carousel => "carousel";
    /// [`Action::ContactRequest`](crate::outbound::Action::ContactRequest).
    ContactRequest => "contact_request";
    /// [`Action::CallPermission`](crate::outbound::Action::CallPermission).
    CallPermission => "call_permission";
    /// [`Action::Address`](crate::outbound::Action::Address).
    Address => "address";
    /// [`Action::VoiceCall`](crate::outbound::Action::VoiceCall).
    VoiceCall => "voice_call";
    /// [`Content::Template`](crate::outbound::Content::Template).
    Template => "template";
    /// [`Content::Raw`](crate::outbound::Content::Raw).
    Raw => "raw";
}
