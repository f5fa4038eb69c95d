//! Enums of Meta's words.

/// Makes an enum of words that Meta may add to. One that this version does not know is kept; JSON has Meta's own.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $variant:ident => $word:literal,)+ })+) => {$(
        $(#[$doc])*
        ///
        /// In JSON it is Meta's word.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$word_doc])* $variant,)+
            /// Something else, in Meta's word. Made with [`from_name`](Self::from_name), which knows the other words.
            #[non_exhaustive]
            Other(String),
        }

        impl $name {
            /// What has this name, in letters of either case.
            pub fn from_name(name: &str) -> Self {
                $(if name.eq_ignore_ascii_case($word) {
                    return Self::$variant;
                })+
                Self::Other(name.to_owned())
            }

            /// Meta's word for it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(Self::from_name(&String::deserialize(deserializer)?))
            }
        }
    )+};
}

pub(super) use words;
