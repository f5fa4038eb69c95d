//! `Debug` that shows shape and never content.

/// Writes a `Debug` that prints the type's name and the listed fields only.
///
/// Everything a message says and everybody it names stays out of logs: model types list the fields that are safe
/// (kinds, counts, ids that we made) and the rest is `..`.
macro_rules! redacted_debug {
    ($($type:ident { $($field:ident),* $(,)? })+) => {$(
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(stringify!($type))
                    $(.field(stringify!($field), &self.$field))*
                    .finish_non_exhaustive()
            }
        }
    )+};
}

pub(crate) use redacted_debug;
